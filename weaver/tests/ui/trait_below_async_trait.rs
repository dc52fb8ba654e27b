use weaver::{Result, component};

#[async_trait::async_trait]
#[component]
trait Cache {
    async fn get(&self) -> Result<String>;
}

fn main() {}
