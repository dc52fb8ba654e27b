use std::error::Error;

use weaver::component;

#[component]
pub trait Cart {
    async fn add(&self, item: u64) -> Result<u64, Box<dyn Error>>;
}

#[derive(Default)]
pub struct MemCart;

#[component]
impl Cart for MemCart {
    async fn add(&self, item: u64) -> Result<u64, Box<dyn Error>> {
        Ok(item)
    }
}

fn main() {}
