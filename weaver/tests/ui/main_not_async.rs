use weaver::{App, Result};

#[weaver::main]
fn main(app: App) -> Result<()> {
    drop(app);
    Ok(())
}
