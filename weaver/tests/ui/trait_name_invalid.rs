use weaver::{Result, component};

#[component(name = "my store")]
pub trait Store {
    async fn put(&self, value: u64) -> Result<()>;
}

fn main() {}
