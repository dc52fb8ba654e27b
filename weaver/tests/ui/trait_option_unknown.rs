use weaver::{Result, component};

#[component(nmae = "Store")]
pub trait Store {
    async fn put(&self, value: u64) -> Result<()>;
}

fn main() {}
