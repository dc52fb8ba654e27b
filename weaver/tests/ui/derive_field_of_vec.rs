use weaver::{Component, Ref, Result, component};

#[component]
pub trait Cart {
    async fn add(&self, item: u64) -> Result<()>;
}

#[derive(Component)]
pub struct Shop {
    pub carts: Vec<Ref<dyn Cart>>,
    pub last: Vec<u64>,
}

fn main() {}
