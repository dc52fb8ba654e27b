use weaver::{Result, component};

#[component]
pub trait Cart {
    async fn add(&self, item: u64) -> Result<()>;
}

#[derive(Default)]
pub struct MemCart;

#[component(name = "Cart")]
impl Cart for MemCart {
    async fn add(&self, item: u64) -> Result<()> {
        println!("{item}");
        Ok(())
    }
}

fn main() {}
