use weaver::{Result, component};

#[component]
pub trait Cart {
    async fn clear(&self) -> Result<()> {
        Ok(())
    }
}

fn main() {}
