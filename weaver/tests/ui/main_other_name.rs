use weaver::{App, Result};

#[weaver::main]
async fn start(app: App) -> Result<()> {
    drop(app);
    Ok(())
}
