use weaver::{Ref, Result, component};

#[component]
pub trait Cart {
    /// Adds an item.
    pub async fn add(&self, item: u64) -> Result<()>;
}

#[derive(Default)]
pub struct MemCart;

#[component]
impl Cart for MemCart {
    async fn add(&self, item: u64) -> Result<()> {
        println!("{item}");
        Ok(())
    }
}

#[weaver::main]
async fn main(cart: Ref<dyn Cart>) -> Result<()> {
    cart.add(7).await
}
