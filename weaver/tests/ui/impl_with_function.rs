use weaver::{Result, component};

#[component]
pub trait Cart {
    async fn add(&self, item: u64) -> Result<u64>;
}

#[derive(Default)]
pub struct MemCart;

#[component]
impl Cart for MemCart {
    fn twice(item: u64) -> u64 {
        2 * item
    }

    async fn add(&self, item: u64) -> Result<u64> {
        Ok(Self::twice(item))
    }
}

fn main() {}
