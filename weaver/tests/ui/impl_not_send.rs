use weaver::{Result, component};

#[component]
pub trait Cart {
    async fn add(&self, item: u64) -> Result<()>;
}

#[derive(Default)]
pub struct MemCart;

#[component]
impl Cart for MemCart {
    async fn add(&self, item: u64) -> Result<()> {
        let shared = std::rc::Rc::new(item);
        std::future::ready(()).await;
        drop(shared);
        Ok(())
    }
}

fn main() {}
