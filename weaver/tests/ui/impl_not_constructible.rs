use weaver::{Result, component};

#[component]
pub trait Cart {
    async fn add(&self, item: u64) -> Result<()>;
}

pub struct MemCart(pub u64);

#[component]
impl Cart for MemCart {
    async fn add(&self, item: u64) -> Result<()> {
        println!("{item}");
        Ok(())
    }
}

fn main() {}
