use weaver::{Result, component};

#[component]
pub trait Cart {
    async fn add(&self, item: u64) -> Result<u64>;
}

#[derive(Default)]
pub struct MemCart;

#[component]
impl weaver::Lifecycle for MemCart {
    async fn init(&mut self) -> Result<()> {
        Ok(())
    }
}

fn main() {}
