use weaver::{Ref, Result, component};

#[component]
pub trait Cart {
    async fn add(&self, (item, count): (u64, u32)) -> Result<()>;
}

#[derive(Default)]
pub struct MemCart;

#[component]
impl Cart for MemCart {
    async fn add(&self, (item, count): (u64, u32)) -> Result<()> {
        drop((item, count));
        Ok(())
    }
}

pub struct Shop(pub Ref<dyn Cart>);

fn main() {}
