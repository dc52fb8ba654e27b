use weaver::{Ref, Result, component};

#[component]
pub trait Store<'a> {
    async fn put(&self, value: u64) -> Result<()>;
}

#[derive(Default)]
pub struct Memory;

#[component]
impl Store<'static> for Memory {
    async fn put(&self, value: u64) -> Result<()> {
        println!("{value}");
        Ok(())
    }
}

#[derive(weaver::Component)]
pub struct Shop {
    pub store: Ref<dyn Store<'static>>,
}

#[weaver::main]
async fn main(store: Ref<dyn Store<'static>>) -> Result<()> {
    store.put(7).await
}
