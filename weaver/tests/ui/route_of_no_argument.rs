use weaver::{Ref, Result, component};

#[component]
pub trait Cart {
    #[route(usr)]
    async fn add(&self, user: u64, tenant: String) -> Result<()>;
}

#[derive(Default)]
pub struct MemCart;

#[component]
impl Cart for MemCart {
    async fn add(&self, user: u64, tenant: String) -> Result<()> {
        drop((user, tenant));
        Ok(())
    }
}

pub struct Shop(pub Ref<dyn Cart>);

fn main() {}
