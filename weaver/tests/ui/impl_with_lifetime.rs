use weaver::{Result, component};

#[component]
pub trait Cart {
    async fn add(&self, item: u64) -> Result<()>;
}

#[derive(Default)]
pub struct MemCart<'a>(Option<&'a str>);

#[component]
impl<'a> Cart for MemCart<'a> {
    async fn add(&self, item: u64) -> Result<()> {
        println!("{item}");
        Ok(())
    }
}

fn main() {}
