use weaver::{Result, component};

#[component]
pub trait Cart {
    async fn add(&self, item: u64) -> Result<()>;
}

#[derive(Default)]
pub struct MemCart;

#[component]
impl Cart for MemCart {
    const ITEMS_MAX: u64 = 100;

    async fn add(&self, item: u64) -> Result<()> {
        println!("{item} of {}", Self::ITEMS_MAX);
        Ok(())
    }
}

fn main() {}
