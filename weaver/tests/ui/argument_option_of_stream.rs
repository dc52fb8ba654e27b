use weaver::{Result, Stream, component};

#[component]
pub trait Cart {
    async fn add(&self, items: Option<Stream<u64>>) -> Result<u64>;
}

fn main() {}
