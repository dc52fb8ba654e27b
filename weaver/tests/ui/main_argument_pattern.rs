use weaver::{App, Result};

#[weaver::main]
async fn main((app, _): (App, App)) -> Result<()> {
    drop(app);
    Ok(())
}
