use weaver::{Result, component};

#[component]
pub trait Cart {
    async fn add(&self) -> Result<Itm>;
}

fn main() {}
