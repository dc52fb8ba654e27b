use weaver::{Result, component};

#[component]
pub trait Store {
    const SIZE: usize;
    async fn put(&self, value: u64) -> Result<()>;
}

fn main() {}
