//! Programs to deploy, built once.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use serde_json::Value;

static PROGRAMS: LazyLock<HashMap<String, PathBuf>> = LazyLock::new(build);

/// The built program `name`: one of the package of fixtures, or an example.
pub(crate) fn program(name: &str) -> PathBuf {
    PROGRAMS.get(name).unwrap_or_else(|| panic!("no fixture {name}")).clone()
}

/// The checkout.
pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn build() -> HashMap<String, PathBuf> {
    let mut cargo = weaver_cli::cargo();
    cargo.args(["build", "--package", "weaver-cli-fixtures"]);
    // All of them, as the tests of the examples do: for another set of packages, cargo chooses other features
    // of what they depend on, and builds that once more.
    for example in workspace().join("examples").read_dir().unwrap() {
        cargo.arg("--package").arg(example.unwrap().file_name());
    }
    cargo.arg("--message-format=json-render-diagnostics").current_dir(workspace());
    let output = cargo.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the fixtures do not build:\n{stderr}");
    let lines = output.stdout.split(|&byte| byte == b'\n');
    let messages = lines.filter_map(|line| serde_json::from_slice::<Value>(line).ok());
    messages
        .filter_map(|message| {
            let executable = message.get("executable")?.as_str()?;
            let name = message.get("target")?.get("name")?.as_str()?;
            Some((name.to_owned(), PathBuf::from(executable)))
        })
        .collect()
}
