use weaver::{Result, component};

#[component("shop.Cart")]
pub trait Cart {
    async fn add(&self, item: u64) -> Result<()>;
}

fn main() {}
