use weaver::{Ref, component};

#[derive(serde::Serialize, serde::Deserialize)]
pub struct QueryResult;

#[component]
pub trait Cart {
    async fn add(&self, item: u64) -> QueryResult;
}

#[derive(Default)]
pub struct MemCart;

#[component]
impl Cart for MemCart {
    async fn add(&self, item: u64) -> QueryResult {
        drop(item);
        QueryResult
    }
}

pub struct Shop(pub Ref<dyn Cart>);

fn main() {}
