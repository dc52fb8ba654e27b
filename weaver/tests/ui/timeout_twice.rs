use weaver::{Ref, Result, component};

#[component]
pub trait Cart {
    #[timeout("2s")]
    #[timeout("3s")]
    async fn add(&self, user: u64) -> Result<()>;
}

#[derive(Default)]
pub struct MemCart;

#[component]
impl Cart for MemCart {
    async fn add(&self, user: u64) -> Result<()> {
        drop(user);
        Ok(())
    }
}

pub struct Shop(pub Ref<dyn Cart>);

fn main() {}
