#[component]
pub trait Cart {
    fn add(&self, item: u64) -> Result<()>;
    async fn first(self, check: impl Fn(u64) -> bool) -> Option<&str>;
}
