use std::rc::Rc;

use weaver::{Ref, Result, component};

#[component]
pub trait Cart {
    async fn add(&self, item: u64) -> Result<()>;
    async fn count(&self) -> Result<u64>;
}

#[derive(Default)]
pub struct MemCart {
    items: Rc<Vec<u64>>,
}

#[component]
impl Cart for MemCart {
    async fn add(&self, item: u64) -> Result<()> {
        println!("{item} {}", self.items.len());
        Ok(())
    }

    async fn count(&self) -> Result<u64> {
        std::future::ready(()).await;
        Ok(self.items.len() as u64)
    }
}

#[weaver::main]
async fn main(app: weaver::App) -> Result<()> {
    let cart: Ref<dyn Cart> = app.get().await?;
    cart.add(7).await
}
