use weaver::{Result, component};

#[component]
pub trait Cart {
    async fn add(&self, item: u64) -> Result<()>;
}

#[derive(Default)]
pub struct MemCart;

#[component]
impl Cart for MemCart {
    async fn add(&self, item: u64) -> Result<()> {
        println!("{item}");
        Ok(())
    }

    async fn clear(&self) -> Result<()> {
        Ok(())
    }
}

fn main() {}
