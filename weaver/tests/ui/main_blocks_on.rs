use weaver::App;

#[weaver::main]
fn main(app: App) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async { drop(app) });
}
