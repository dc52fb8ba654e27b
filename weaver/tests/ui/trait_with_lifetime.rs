use weaver::{Result, component};

#[component]
pub trait Store<'a> {
    async fn put(&self, value: u64) -> Result<()>;
}

fn main() {}
