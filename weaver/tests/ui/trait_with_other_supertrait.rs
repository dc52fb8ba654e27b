use weaver::{Result, component};

pub trait Named {
    fn name(&self) -> String;
}

#[component]
pub trait Store: Named {
    async fn put(&self, value: u64) -> Result<()>;
}

fn main() {}
