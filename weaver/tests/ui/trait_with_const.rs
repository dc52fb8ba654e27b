use weaver::{Ref, Result, component};

#[component]
pub trait Store {
    const SIZE: usize;
    async fn put(&self, value: u64) -> Result<()>;
}

#[derive(Default)]
pub struct Memory;

#[component]
impl Store for Memory {
    async fn put(&self, value: u64) -> Result<()> {
        println!("{value}");
        Ok(())
    }
}

#[derive(weaver::Component)]
pub struct Shop {
    pub store: Ref<dyn Store>,
}

#[weaver::main]
async fn main(store: Ref<dyn Store>) -> Result<()> {
    store.put(7).await
}
