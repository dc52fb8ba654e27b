use weaver::{Ref, Result, component};

#[component]
pub trait Cart {
    async fn add(&self, item: u64) -> Result<()>;
}

#[derive(Default)]
pub struct Shop {
    cart: Ref<dyn Cart>,
}

#[component]
pub trait Shopping {
    async fn buy(&self, item: u64) -> Result<()>;
}

#[component]
impl Shopping for Shop {
    async fn buy(&self, item: u64) -> Result<()> {
        self.cart.add(item).await
    }
}

fn main() {}
