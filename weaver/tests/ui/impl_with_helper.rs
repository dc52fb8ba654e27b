use weaver::{Result, component};

#[component]
pub trait Cart {
    async fn add(&self, item: u64) -> Result<u64>;
}

#[derive(Default)]
pub struct MemCart;

#[component]
impl Cart for MemCart {
    async fn add(&self, item: u64) -> Result<u64> {
        Ok(self.twice(item))
    }

    fn twice(&self, item: u64) -> u64 {
        2 * item
    }
}

fn main() {}
