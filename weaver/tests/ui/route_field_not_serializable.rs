use weaver::{Ref, Result, component};

#[derive(Default)]
pub struct Items;

#[derive(serde::Serialize, serde::Deserialize)]
pub struct Order {
    pub id: u64,
    #[serde(skip)]
    pub items: Items,
}

#[component]
pub trait Cart {
    #[route(order.id, order.items)]
    async fn add(&self, order: &Order) -> Result<()>;
}

#[derive(Default)]
pub struct MemCart;

#[component]
impl Cart for MemCart {
    async fn add(&self, order: &Order) -> Result<()> {
        drop(order.id);
        Ok(())
    }
}

pub struct Shop(pub Ref<dyn Cart>);

fn main() {}
