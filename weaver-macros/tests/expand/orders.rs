#[component]
pub trait Orders {
    #[timeout("2s")]
    #[route(order.customer.id)]
    async fn place(&self, order: Order, note: &str) -> Result<Receipt>;

    #[idempotent(hedge = "50ms")]
    #[route(tenant, order.0, customer)]
    #[timeout("1m")]
    async fn find(&self, tenant: &str, order: &(u64, u32), customer: u64) -> Result<Order>;

    #[idempotent]
    #[route(tenant)]
    async fn count(&self, tenant: &str) -> Result<u64>;

    #[route(r#type)]
    async fn prices(&self, r#type: String) -> Result<Stream<Price>>;
}
