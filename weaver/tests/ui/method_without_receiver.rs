use weaver::{Ref, Result, component};

#[component]
pub trait Cart {
    async fn add(item: u64) -> Result<()>;
}

#[derive(Default)]
pub struct MemCart;

#[component]
impl Cart for MemCart {
    async fn add(item: u64) -> Result<()> {
        todo!()
    }
}

pub struct Shop(pub Ref<dyn Cart>);

fn main() {}
