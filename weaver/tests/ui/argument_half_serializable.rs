use weaver::{Ref, Result, component};

#[derive(serde::Serialize)]
pub struct Item;

#[component]
pub trait Cart {
    async fn add(&self, user: u64, item: Item) -> Result<()>;
}

#[derive(Default)]
pub struct MemCart;

#[component]
impl Cart for MemCart {
    async fn add(&self, user: u64, item: Item) -> Result<()> {
        drop((user, item));
        Ok(())
    }
}

pub struct Shop(pub Ref<dyn Cart>);

fn main() {}
