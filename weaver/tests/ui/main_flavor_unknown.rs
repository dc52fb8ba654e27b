use weaver::{App, Result};

#[weaver::main(flavor = "single")]
async fn main(app: App) -> Result<()> {
    drop(app);
    Ok(())
}
