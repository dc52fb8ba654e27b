use weaver::{Result, component};

#[component]
pub trait Cart {
    fn add(&self, item: u64) -> impl Future<Output = Result<u64>> + Send;
}

fn main() {}
