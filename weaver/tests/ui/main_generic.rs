use weaver::{App, Result};

#[weaver::main]
async fn main<T>(app: App) -> Result<()> {
    drop(app);
    Ok(())
}
