use weaver::{App, Result};

#[weaver::main(threads = 4)]
async fn main(app: App) -> Result<()> {
    drop(app);
    Ok(())
}
