#[weaver::main]
async fn main(app: weaver::App) -> weaver::Result<()>;
