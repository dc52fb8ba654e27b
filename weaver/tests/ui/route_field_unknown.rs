use weaver::{Ref, Result, component};

#[derive(serde::Serialize, serde::Deserialize)]
pub struct Order {
    pub id: u64,
}

#[component]
pub trait Cart {
    #[route(order.customer)]
    async fn add(&self, order: Order) -> Result<()>;
}

#[derive(Default)]
pub struct MemCart;

#[component]
impl Cart for MemCart {
    async fn add(&self, order: Order) -> Result<()> {
        drop(order);
        Ok(())
    }
}

pub struct Shop(pub Ref<dyn Cart>);

fn main() {}
