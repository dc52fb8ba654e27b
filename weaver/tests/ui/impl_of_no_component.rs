use weaver::{Result, component};

pub trait Cart {
    async fn add(&self, item: &str) -> Result<()>;
}

#[derive(Default)]
pub struct MemCart;

#[component]
impl Cart for MemCart {
    async fn add(&self, item: &str) -> Result<()> {
        println!("{item}");
        Ok(())
    }
}

fn main() {}
