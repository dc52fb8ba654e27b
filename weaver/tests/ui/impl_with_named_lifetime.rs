use weaver::{Result, component};

#[component]
pub trait Cart {
    async fn add(&self, item: &str) -> Result<u64>;
}

#[derive(Default)]
pub struct MemCart;

#[component]
impl Cart for MemCart {
    async fn add<'a>(&'a self, item: &'a str) -> Result<u64> {
        Ok(item.len() as u64)
    }
}

fn main() {}
