use weaver::{Component, Ref};

pub trait Cart {}

#[derive(Component)]
pub struct Shop {
    pub cart: Ref<dyn Cart>,
}

fn main() {}
