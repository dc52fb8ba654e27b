use weaver::{Ref, Result, component};

#[async_trait::async_trait]
#[component]
trait Cache {
    async fn get(&self) -> Result<String>;
}

#[weaver::main]
async fn main(cache: Ref<dyn Cache>) -> Result<()> {
    println!("{}", cache.get().await?);
    Ok(())
}
