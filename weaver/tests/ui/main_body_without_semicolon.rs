use weaver::{App, Result};

#[weaver::main]
async fn main(app: App) -> Result<()> {
    let app = app
    drop(app);
    Ok(())
}
