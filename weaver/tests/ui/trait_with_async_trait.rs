use weaver::{Result, component};

#[component]
#[async_trait::async_trait]
trait Cache {
    async fn get(&self) -> Result<String>;
}

fn main() {}
