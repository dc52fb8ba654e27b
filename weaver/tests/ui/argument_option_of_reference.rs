use weaver::{Result, component};

#[component]
trait Cache {
    async fn get(&self, key: Option<&str>) -> Result<String>;
}

fn main() {}
