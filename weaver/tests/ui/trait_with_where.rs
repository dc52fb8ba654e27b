use weaver::{Result, component};

#[component]
pub trait Store
where
    u64: Copy,
{
    async fn put(&self, value: u64) -> Result<()>;
}

fn main() {}
