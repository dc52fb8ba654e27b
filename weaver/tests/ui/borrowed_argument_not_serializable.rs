use weaver::{Ref, Result, component};

pub struct Item;

#[component]
pub trait Cart {
    async fn add(&self, item: &Item, user: u64) -> Result<()>;
}

#[derive(Default)]
pub struct MemCart;

#[component]
impl Cart for MemCart {
    async fn add(&self, item: &Item, user: u64) -> Result<()> {
        drop((user, item));
        Ok(())
    }
}

pub struct Shop(pub Ref<dyn Cart>);

fn main() {}
