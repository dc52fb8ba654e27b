use weaver::{Result, component};

#[component]
pub trait Cart {
    async fn add(&self, items: [u64]) -> Result<u64>;
}

fn main() {}
