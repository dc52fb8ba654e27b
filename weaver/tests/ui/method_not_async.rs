use weaver::{Ref, Result, component};

#[component]
pub trait Cart {
    fn add(&self, item: u64) -> Result<()>;
}

#[derive(Default)]
pub struct MemCart;

#[component]
impl Cart for MemCart {
    async fn add(&self, item: u64) -> Result<()> {
        drop(item);
        Ok(())
    }
}

pub struct Shop(pub Ref<dyn Cart>);

fn main() {}
