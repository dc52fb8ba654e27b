use weaver::{Result, component};

#[component]
pub trait Cart {
    async fn clear(&self) -> Result<()> {
        Ok(())
    }
}

#[derive(Default)]
pub struct MemCart;

#[component]
impl Cart for MemCart {}

fn main() {}
