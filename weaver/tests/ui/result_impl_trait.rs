use weaver::{Ref, component};

#[component]
pub trait Cart {
    async fn all(&self) -> weaver::Result<impl Iterator<Item = u64>>;
}

#[derive(Default)]
pub struct MemCart;

#[component]
impl Cart for MemCart {
    async fn all(&self) -> weaver::Result<impl Iterator<Item = u64>> {
        Ok(std::iter::empty())
    }
}

pub struct Shop(pub Ref<dyn Cart>);

fn main() {}
