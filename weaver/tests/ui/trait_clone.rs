use weaver::{Result, component};

#[component]
pub trait Store: Clone {
    async fn put(&self, value: u64) -> Result<()>;
}

fn main() {}
