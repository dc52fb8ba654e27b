#[weaver::main(worker_threads = 4)]
async fn main(app: App, shop: Listener, cart: Ref<dyn Cart>) -> Result<()> {
    serve(app, shop, cart).await
}
