use weaver::{Ref, component};

#[component]
pub trait Cart {
    async fn add(&self, item: u64) -> Option<Vec<u64>>;
}

#[derive(Default)]
pub struct MemCart;

#[component]
impl Cart for MemCart {
    async fn add(&self, item: u64) -> Option<Vec<u64>> {
        Some(vec![item])
    }
}

pub struct Shop(pub Ref<dyn Cart>);

fn main() {}
