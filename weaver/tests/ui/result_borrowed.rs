use weaver::{Ref, Result, component};

#[component]
pub trait Cart {
    async fn first(&self) -> Result<&str>;
}

#[derive(Default)]
pub struct MemCart;

#[component]
impl Cart for MemCart {
    async fn first(&self) -> Result<&str> {
        todo!()
    }
}

pub struct Shop(pub Ref<dyn Cart>);

fn main() {}
