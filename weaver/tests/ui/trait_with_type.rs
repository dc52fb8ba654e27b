use weaver::{Result, component};

#[component]
pub trait Store {
    type Key;
    async fn put(&self, value: u64) -> Result<()>;
}

fn main() {}
