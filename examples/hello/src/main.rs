use weaver::{Ref, Result, component};

#[component]
pub trait Greeter {
    /// Returns a greeting for `name`.
    async fn greet(&self, name: String) -> Result<String>;
}

#[derive(Default)]
struct Hello;

#[component]
impl Greeter for Hello {
    async fn greet(&self, name: String) -> Result<String> {
        Ok(format!("Hello, {name}!"))
    }
}

#[weaver::main]
async fn main(app: weaver::App) -> Result<()> {
    let greeter: Ref<dyn Greeter> = app.get().await?;
    println!("{}", greeter.greet("world".into()).await?);
    Ok(())
}
