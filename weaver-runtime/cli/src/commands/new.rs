//! `weaver new`.

use std::{
    error::Error,
    fs, io,
    path::{Path, PathBuf},
    process::Stdio,
};

use clap::Args;

use crate::{logs, project::cargo};

/// Make a program that builds, runs, is tested and can be deployed.
///
/// A folder with a `Cargo.toml` and a `src/main.rs`: a component behind a web page, and a test of it. Cargo's own
/// `cargo new` makes the package, so that inside a workspace it becomes a member.
#[derive(Debug, Args)]
pub(super) struct New {
    /// The new folder; its name is the package's.
    path: PathBuf,

    /// The smallest program instead: one component, one call.
    #[arg(long)]
    bare: bool,

    /// Where the crate `weaver` comes from: the address of a git repository, or a folder. Without it, the source that
    /// this command was built from.
    #[arg(long, value_name = "SOURCE")]
    weaver: Option<String>,
}

/// There is no new program.
#[derive(Debug, thiserror::Error)]
enum NewError {
    /// The source that this command was built from is gone.
    #[error(
        "the source that this command was built from is not at {} any more: say where `weaver` is with \
         `--weaver SOURCE`, the address of its git repository or its folder", .0.display()
    )]
    NoSource(PathBuf),
    /// Cargo could not be run.
    #[error("cannot run cargo")]
    Cargo(#[source] io::Error),
    /// Cargo has said why.
    #[error("cargo could not make the package")]
    Refused,
    /// A file.
    #[error("cannot write {}", .path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

/// What a new program is made of: examples, which are tested.
struct Template {
    main: &'static str,
    features: &'static str,
    /// Lines of `Cargo.toml` besides the one of `weaver`.
    dependencies: &'static str,
}

const BARE: Template = Template {
    main: include_str!("../../../../examples/hello/src/main.rs"),
    features: "",
    dependencies: "",
};

const SERVICE: Template = Template {
    main: include_str!("../../../../examples/reverser/src/main.rs"),
    features: ", features = [\"axum\"]",
    dependencies: r#"axum = { version = "0.8", default-features = false, features = ["http1", "query", "tokio"] }
serde = { version = "1", features = ["derive"] }
tracing = "0.1"

[dev-dependencies]
tokio = { version = "1", features = ["macros", "rt"] }
"#,
};

impl New {
    pub(super) fn run(self) -> Result<u8, Box<dyn Error>> {
        let weaver = source(self.weaver.as_deref())?;
        let mut new = cargo();
        new.args(["new", "--quiet", "--bin"]).arg(&self.path).stdin(Stdio::null());
        if !new.status().map_err(NewError::Cargo)?.success() {
            return Err(NewError::Refused.into());
        }
        let template = if self.bare { BARE } else { SERVICE };
        let manifest = self.path.join("Cargo.toml");
        let package = fs::read_to_string(&manifest)?;
        write(&manifest, &template.manifest(&package, &weaver))?;
        write(&self.path.join("src/main.rs"), template.main)?;
        logs::say(&next_steps(&self.path, command()));
        Ok(0)
    }
}

impl Template {
    /// Cargo's manifest with our dependencies, which are its last section.
    fn manifest(&self, package: &str, weaver: &str) -> String {
        let package = package.trim_end().trim_end_matches("[dependencies]").trim_end();
        let Self { features, dependencies, .. } = self;
        format!("{package}\n\n[dependencies]\nweaver = {{ {weaver}{features} }}\n{dependencies}")
    }
}

/// What stands for the crate `weaver` in a `Cargo.toml`.
fn source(given: Option<&str>) -> Result<String, NewError> {
    match given {
        Some(address) if address.contains("://") || address.starts_with("git@") => {
            Ok(format!("git = {address:?}"))
        }
        Some(folder) => in_folder(Path::new(folder)),
        None => in_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")),
    }
}

/// The same for a checkout, or for the crate's own folder.
fn in_folder(folder: &Path) -> Result<String, NewError> {
    let gone = |_| NewError::NoSource(folder.to_owned());
    let folder = folder.canonicalize().map_err(gone)?;
    let inner = folder.join("weaver");
    let folder = if inner.join("Cargo.toml").is_file() { inner } else { folder };
    if folder.join("Cargo.toml").is_file() {
        Ok(format!("path = {:?}", folder.display().to_string()))
    } else {
        Err(NewError::NoSource(folder))
    }
}

fn write(path: &Path, text: &str) -> Result<(), NewError> {
    fs::write(path, text).map_err(|source| NewError::Write { path: path.to_owned(), source })
}

/// How this command was called: in a checkout, `cargo weaver` is short for running it.
fn command() -> &'static str {
    if std::env::var_os("CARGO").is_some() { "cargo weaver" } else { "weaver" }
}

fn next_steps(path: &Path, command: &str) -> String {
    let (path, manifest) = (path.display(), path.join("Cargo.toml"));
    let manifest = manifest.display();
    let steps = [
        (format!("cargo run --manifest-path {manifest}"), "as one process"),
        (format!("cargo test --manifest-path {manifest}"), "its tests"),
        (format!("{command} deploy {path}"), "`main` and the component as a process each"),
        (format!("{command} graph {path}"), "what it consists of"),
    ];
    let width = steps.iter().map(|(step, _)| step.chars().count()).max().unwrap_or(0);
    let steps = steps.map(|(step, what)| format!("  {step:width$}  # {what}\n"));
    format!("made {path}, a program with one component\n\n{}", steps.concat().trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_are_the_last_section() {
        let made = "[package]\nname = \"shop\"\n\n[dependencies]\n";
        let bare = BARE.manifest(made, "path = \"/weaver\"");
        let expected =
            "[package]\nname = \"shop\"\n\n[dependencies]\nweaver = { path = \"/weaver\" }\n";
        assert_eq!(bare, expected);
        let service: toml::Table =
            SERVICE.manifest(made, "git = \"https://x\"").parse().expect("it is a manifest");
        assert_eq!(service["dependencies"]["weaver"]["git"].as_str(), Some("https://x"));
        assert!(service["dev-dependencies"].get("tokio").is_some());
    }

    #[test]
    fn the_source_is_an_address_or_a_folder() {
        assert_eq!(source(Some("https://x/y")).unwrap(), "git = \"https://x/y\"");
        let here = source(None).unwrap();
        assert!(here.starts_with("path = ") && here.ends_with("weaver\""), "{here}");
        let gone = source(Some("/nowhere")).unwrap_err().to_string();
        assert!(gone.contains("/nowhere") && gone.contains("--weaver SOURCE"), "{gone}");
    }
}
