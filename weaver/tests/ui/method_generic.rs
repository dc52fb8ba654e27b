use weaver::{Ref, Result, component};

#[component]
pub trait Cart {
    async fn add<T: Send>(&self, item: T) -> Result<()>;
}

#[derive(Default)]
pub struct MemCart;

#[component]
impl Cart for MemCart {
    async fn add<T: Send>(&self, item: T) -> Result<()> {
        todo!()
    }
}

pub struct Shop(pub Ref<dyn Cart>);

fn main() {}
