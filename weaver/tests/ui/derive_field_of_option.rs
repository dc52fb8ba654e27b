use weaver::{Component, Ref, Result, component};

#[component]
pub trait Cart {
    async fn add(&self, item: u64) -> Result<()>;
}

#[derive(Component)]
pub struct Shop {
    pub cart: Option<Ref<dyn Cart>>,
    pub last: Option<u64>,
}

fn main() {}
