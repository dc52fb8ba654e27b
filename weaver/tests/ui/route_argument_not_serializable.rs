use weaver::{Ref, Result, component};

pub struct Item;

#[component]
pub trait Cart {
    #[route(user, item)]
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
