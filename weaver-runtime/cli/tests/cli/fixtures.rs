//! Programs to deploy, built once.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

use serde_json::Value;

static PROGRAMS: LazyLock<HashMap<String, PathBuf>> = LazyLock::new(build);

/// The built program `name`: one of the package of fixtures, or `collatz`.
pub(crate) fn program(name: &str) -> PathBuf {
    PROGRAMS.get(name).unwrap_or_else(|| panic!("no fixture {name}")).clone()
}

/// The checkout.
pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn build() -> HashMap<String, PathBuf> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args([
            "build",
            "--package",
            "weaver-cli-fixtures",
            "--package",
            "collatz",
            "--package",
            "factors",
        ])
        .arg("--message-format=json-render-diagnostics")
        .current_dir(workspace());
    // These describe the package under test; build scripts that watch them would run again, and
    // everything above them be built again.
    for (name, _) in std::env::vars() {
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(name);
        }
    }
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
