use weaver::{Result, component};

#[component]
pub trait Cart {
    async fn name(&self) -> Result<str>;
}

fn main() {}
