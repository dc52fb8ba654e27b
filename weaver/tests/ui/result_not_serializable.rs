use weaver::{Ref, Result, component};

pub struct Item;

#[component]
pub trait Cart {
    async fn item(&self, user: u64) -> Result<Item>;
}

#[derive(Default)]
pub struct MemCart;

#[component]
impl Cart for MemCart {
    async fn item(&self, user: u64) -> Result<Item> {
        drop(user);
        Ok(Item)
    }
}

pub struct Shop(pub Ref<dyn Cart>);

fn main() {}
