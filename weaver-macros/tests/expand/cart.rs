/// Carts by user.
#[component(name = "shop.Cart")]
pub trait Cart: Debug {
    /// Puts an item into the user's cart.
    async fn add(&self, user: u64, item: &Item) -> Result<()>;

    /// What is in the user's cart.
    #[idempotent]
    async fn items(&self, user: u64) -> Result<Page<Item>, CartError>;

    async fn clear(&self) -> Result<()>;
}
