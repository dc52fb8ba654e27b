use weaver::{App, Result};

#[weaver::main]
async fn main(app: App, port: u16) -> Result<()> {
    drop((app, port));
    Ok(())
}
