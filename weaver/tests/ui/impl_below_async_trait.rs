use async_trait::async_trait;
use weaver::{Result, component};

#[component]
trait Cache {
    async fn get(&self, key: &str) -> Result<String>;
}

#[derive(Default)]
struct InMemory;

#[async_trait]
#[component]
impl Cache for InMemory {
    async fn get(&self, key: &str) -> Result<String> {
        Ok(key.to_owned())
    }
}

fn main() {}
