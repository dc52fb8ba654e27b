use weaver::{Result, component};

pub trait Cart {
    fn add<'a>(
        &'a self,
        item: u64,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>>;
}

#[derive(Default)]
pub struct MemCart;

#[component]
impl Cart for MemCart {
    async fn add(&self, item: u64) -> Result<()> {
        println!("{item}");
        Ok(())
    }
}

fn main() {}
