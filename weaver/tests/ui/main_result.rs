use weaver::App;

#[weaver::main]
async fn main(app: App) -> u64 {
    drop(app);
    7
}
