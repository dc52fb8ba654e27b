use weaver::{Component, Config};

pub struct Prices;

#[derive(Component)]
pub struct Shop {
    pub prices: Config<Prices>,
}

fn main() {}
