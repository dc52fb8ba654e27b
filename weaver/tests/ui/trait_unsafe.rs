use weaver::{Result, component};

#[component]
pub unsafe trait Store {
    async fn put(&self, value: u64) -> Result<()>;
}

fn main() {}
