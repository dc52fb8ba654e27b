//! A program that has the host linked in, as this one has, runs groups in their sandbox by itself.

use std::path::Path;

use weaver_guests::wild::{Calm, Deed, Wild};
use weaver_runtime::{App, Ref, StartError, config::ConfigFile};

use crate::support::WASM;

fn config(wasm: &Path) -> ConfigFile {
    let text = format!(
        r#"
[app]
binary = "not run"
wasm = {wasm:?}
[groups.wild]
components = ["Wild"]
sandbox = {{ memory = "64MiB" }}
"#
    );
    ConfigFile::parse(Path::new("weaver.toml"), &text).expect("it is right")
}

async fn start(wasm: &Path) -> Result<App, StartError> {
    App::builder().config(config(wasm)).start().await
}

fn said(error: &StartError) -> String {
    format!("{:#}", weaver_runtime::Error::from_std(error))
}

#[tokio::test]
async fn by_its_configuration() {
    let app = start(&WASM).await.unwrap();
    let wild: Ref<dyn Wild> = app.get().await.unwrap();
    let environment = wild.carry_out(Deed::Environment).await.unwrap();
    assert_eq!(environment, Ok("[] []".to_owned()), "it is no guest");
    let error = wild.carry_out(Deed::Allocate).await.unwrap_err();
    assert!(error.to_string().contains("`memory = \"64MiB\"`"), "{error}");
    // What is not in a sandbox is in the program.
    assert_eq!(app.get::<dyn Calm>().await.unwrap().echo(7).await.unwrap(), 7);
    app.shutdown().await;
}

#[tokio::test]
async fn not_without_the_program() {
    let error = said(&start(Path::new("/nowhere/program.wasm")).await.unwrap_err());
    assert!(error.contains("/nowhere/program.wasm"), "{error}");
    assert!(error.contains("`weaver build`"), "{error}");
}

#[tokio::test]
async fn not_with_what_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("program.wasm");
    std::fs::write(&file, "no program").unwrap();
    let error = said(&start(&file).await.unwrap_err());
    assert!(error.contains("is no program that this sandbox can run"), "{error}");
}
