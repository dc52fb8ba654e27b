use weaver::{Result, component};

#[component]
pub trait Cart {
    async fn add(&self, items: Vec<Itm>) -> Result<u64>;
}

fn main() {}
