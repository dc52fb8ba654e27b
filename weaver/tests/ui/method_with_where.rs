use weaver::{Ref, Result, component};

#[component]
pub trait Cart {
    async fn add(&self, item: u64) -> Result<()>
    where
        u64: Copy;
}

#[derive(Default)]
pub struct MemCart;

#[component]
impl Cart for MemCart {
    async fn add(&self, item: u64) -> Result<()>
    where
        u64: Copy,
    {
        todo!()
    }
}

pub struct Shop(pub Ref<dyn Cart>);

fn main() {}
