use weaver::{Ref, Result, component};

#[component]
pub trait Cart {
    async fn merge(&self, other: Box<Self>) -> Result<()>;
}

#[derive(Default)]
pub struct MemCart;

#[component]
impl Cart for MemCart {
    async fn merge(&self, _other: Box<Self>) -> Result<()> {
        todo!()
    }
}

pub struct Shop(pub Ref<dyn Cart>);

fn main() {}
