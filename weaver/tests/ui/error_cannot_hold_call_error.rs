use weaver::{Ref, component};

#[derive(serde::Serialize, serde::Deserialize)]
pub struct Full;

#[component]
pub trait Cart {
    async fn add(&self, item: u64) -> std::result::Result<(), Full>;
}

#[derive(Default)]
pub struct MemCart;

#[component]
impl Cart for MemCart {
    async fn add(&self, item: u64) -> std::result::Result<(), Full> {
        drop(item);
        Ok(())
    }
}

pub struct Shop(pub Ref<dyn Cart>);

fn main() {}
