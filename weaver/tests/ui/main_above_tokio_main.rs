use weaver::{App, Result};

#[weaver::main]
#[tokio::main]
async fn main(app: App) -> Result<()> {
    drop(app);
    Ok(())
}
