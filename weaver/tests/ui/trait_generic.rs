use weaver::{Ref, Result, component};

#[component]
pub trait Store<T> {
    async fn put(&self, value: u64) -> Result<()>;
}

#[derive(Default)]
pub struct Memory;

#[component]
impl Store<u64> for Memory {
    async fn put(&self, value: u64) -> Result<()> {
        println!("{value}");
        Ok(())
    }
}

#[derive(weaver::Component)]
pub struct Shop {
    pub store: Ref<dyn Store<u64>>,
}

#[weaver::main]
async fn main(store: Ref<dyn Store<u64>>) -> Result<()> {
    store.put(7).await
}
