use weaver::{Ref, Result, component};

#[component]
pub trait Cart {
    async fn add(&self, item: *const u8) -> Result<()>;
}

#[derive(Default)]
pub struct MemCart;

#[component]
impl Cart for MemCart {
    async fn add(&self, item: *const u8) -> Result<()> {
        todo!()
    }
}

pub struct Shop(pub Ref<dyn Cart>);

fn main() {}
