//! `weaver new`.

use std::{
    error::Error,
    fs, io,
    path::{Path, PathBuf},
    process::Stdio,
};

use clap::Args;
use toml_edit::{DocumentMut, InlineTable, Item, Table, TableLike, Value};

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
    /// Not in the folder that was given, or that this command was built from.
    #[error(
        "the crate `weaver` is not in {}: say where it is with `--weaver SOURCE`, the address of its git \
         repository or its folder", .0.display()
    )]
    NoSource(PathBuf),
    /// Cargo could not be run.
    #[error("cannot run cargo")]
    Cargo(#[source] io::Error),
    /// Cargo has said why.
    #[error("cargo could not make the package")]
    Refused,
    /// It stays as cargo has made it: what is in a folder is nothing to remove for somebody else.
    #[error(
        "cargo has made {}, but no program with weaver of it; remove that folder before you try again, and in a \
         workspace its line in `members`", .path.display()
    )]
    HalfMade {
        path: PathBuf,
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
}

/// What a new program is made of: examples, which are tested.
struct Template {
    main: &'static str,
    /// Of the crate `weaver`.
    features: &'static [&'static str],
    /// Sections of `Cargo.toml`, besides `weaver` in the first.
    dependencies: &'static str,
}

const BARE: Template = Template {
    main: include_str!("../../../../examples/hello/src/main.rs"),
    features: &[],
    dependencies: "",
};

const SERVICE: Template = Template {
    main: include_str!("../../../../examples/reverser/src/main.rs"),
    features: &["axum"],
    dependencies: r#"
[dependencies]
axum = { version = "0.8", default-features = false, features = ["http1", "json", "query", "tokio"] }
serde = { version = "1", features = ["derive"] }
tracing = "0.1"

[dev-dependencies]
tokio = { version = "1", features = ["macros", "rt"] }
"#,
};

impl New {
    pub(super) fn run(self) -> Result<u8, Box<dyn Error>> {
        let weaver = Source::new(self.weaver.as_deref())?;
        let mut new = cargo();
        new.args(["new", "--quiet", "--bin"]).arg(&self.path).stdin(Stdio::null());
        if !new.status().map_err(NewError::Cargo)?.success() {
            return Err(NewError::Refused.into());
        }
        let template = if self.bare { BARE } else { SERVICE };
        template
            .fill(&self.path, weaver)
            .map_err(|source| NewError::HalfMade { path: self.path.clone(), source })?;
        logs::say(next_steps(&self.path, command()).trim_end());
        Ok(0)
    }
}

impl Template {
    /// Makes a program of the package that cargo has made.
    fn fill(&self, package: &Path, weaver: Source) -> Result<(), Box<dyn Error + Send + Sync>> {
        let manifest = package.join("Cargo.toml");
        fs::write(&manifest, self.manifest(&fs::read_to_string(&manifest)?, weaver)?)?;
        Ok(fs::write(package.join("src/main.rs"), self.main)?)
    }

    /// Cargo's manifest with our dependencies. Inside a workspace it may have sections of its own.
    fn manifest(&self, package: &str, weaver: Source) -> Result<String, toml_edit::TomlError> {
        let mut manifest: DocumentMut = package.parse()?;
        let (key, place) = weaver.entry();
        let mut entry = InlineTable::from_iter([(key, place)]);
        if !self.features.is_empty() {
            entry.insert("features", self.features.iter().copied().collect());
        }
        if let Some(dependencies) = section(&mut manifest, "dependencies") {
            dependencies.insert("weaver", Item::Value(entry.into()));
        }
        let more: DocumentMut = self.dependencies.parse()?;
        for (name, lines) in more.iter() {
            if let (Some(section), Some(lines)) =
                (section(&mut manifest, name), lines.as_table_like())
            {
                for (crate_name, entry) in lines.iter() {
                    section.insert(crate_name, entry.clone());
                }
            }
        }
        Ok(manifest.to_string())
    }
}

/// The section of this name; `None` only if the name stands for something else.
fn section<'a>(manifest: &'a mut DocumentMut, name: &str) -> Option<&'a mut dyn TableLike> {
    manifest.entry(name).or_insert_with(|| Item::Table(Table::new())).as_table_like_mut()
}

/// Where the crate `weaver` comes from.
#[derive(Debug, PartialEq, Eq)]
enum Source {
    Git(String),
    Folder(String),
}

impl Source {
    fn new(given: Option<&str>) -> Result<Self, NewError> {
        match given {
            Some(address) if address.contains("://") => Ok(Self::Git(address.to_owned())),
            Some(text) => match short_address(text) {
                Some(address) => Ok(Self::Git(address)),
                None => Self::in_folder(Path::new(text)),
            },
            None => Self::in_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")),
        }
    }

    /// A checkout, or the crate's own folder.
    fn in_folder(folder: &Path) -> Result<Self, NewError> {
        let gone = |_| NewError::NoSource(folder.to_owned());
        let folder = folder.canonicalize().map_err(gone)?;
        let inner = folder.join("weaver");
        let folder = if inner.join("Cargo.toml").is_file() { inner } else { folder };
        if folder.join("Cargo.toml").is_file() {
            Ok(Self::Folder(folder.display().to_string()))
        } else {
            Err(NewError::NoSource(folder))
        }
    }

    /// What stands for it in a `Cargo.toml`.
    fn entry(self) -> (&'static str, Value) {
        match self {
            Self::Git(address) => ("git", address.into()),
            Self::Folder(path) => ("path", path.into()),
        }
    }
}

/// git's short form of an ssh address, `git@host:owner/repository`, as cargo wants it.
fn short_address(text: &str) -> Option<String> {
    let (host, path) = text.split_once(':')?;
    let is_host = host.contains('@') && !host.contains('/') && !path.is_empty();
    is_host.then(|| format!("ssh://{host}/{}", path.trim_start_matches('/')))
}

/// The alias of cargo that the clone has.
const CARGO_WEAVER: &str = "cargo weaver";

/// How this command was called: in a checkout, `cargo weaver` is short for running it.
fn command() -> &'static str {
    if std::env::var_os("CARGO").is_some() { CARGO_WEAVER } else { "weaver" }
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
    let place = if command == CARGO_WEAVER {
        "\n`cargo weaver` is there in the clone of weaver\n"
    } else {
        ""
    };
    format!("made {path}, a program with one component\n\n{}{place}", steps.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> Source {
        Source::Folder("/weaver".to_owned())
    }

    #[test]
    fn dependencies_are_added_to_the_section() {
        let made = "[package]\nname = \"shop\"\n\n[dependencies]\n";
        let bare = BARE.manifest(made, folder()).unwrap();
        let expected =
            "[package]\nname = \"shop\"\n\n[dependencies]\nweaver = { path = \"/weaver\" }\n";
        assert_eq!(bare, expected);
        let service = SERVICE.manifest(made, Source::Git("https://x".to_owned())).unwrap();
        let service: toml::Table = service.parse().expect("it is a manifest");
        let weaver = &service["dependencies"]["weaver"];
        assert_eq!(weaver["git"].as_str(), Some("https://x"));
        assert_eq!(weaver["features"][0].as_str(), Some("axum"));
        assert!(service["dependencies"].get("axum").is_some());
        assert!(service["dev-dependencies"].get("tokio").is_some());
    }

    #[test]
    fn what_a_workspace_adds_stays() {
        let made = "[package]\nname = \"shop\"\n\n[dependencies]\n\n[lints]\nworkspace = true\n";
        let manifest = SERVICE.manifest(made, folder()).unwrap();
        let parsed: toml::Table = manifest.parse().expect("each section is there once");
        assert_eq!(parsed["lints"]["workspace"].as_bool(), Some(true), "{manifest}");
        assert!(parsed["dependencies"].get("weaver").is_some(), "{manifest}");
        let without = BARE.manifest("[package]\nname = \"shop\"\n", folder()).unwrap();
        assert!(
            without.ends_with("[dependencies]\nweaver = { path = \"/weaver\" }\n"),
            "{without}"
        );
    }

    #[test]
    fn what_is_half_made_stays_and_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let package = folder.path();
        fs::write(package.join("Cargo.toml"), "[package\n").unwrap();
        SERVICE.fill(package, self::folder()).unwrap_err();
        assert_eq!(fs::read_to_string(package.join("Cargo.toml")).unwrap(), "[package\n");
        assert!(!package.join("src").exists());
    }

    #[test]
    fn the_source_is_an_address_or_a_folder() {
        let source = |text| Source::new(Some(text));
        assert_eq!(source("https://x/y").unwrap(), Source::Git("https://x/y".to_owned()));
        let ssh = Source::Git("ssh://git@host/owner/weaver.git".to_owned());
        assert_eq!(source("git@host:owner/weaver.git").unwrap(), ssh);
        let here = Source::new(None).unwrap();
        assert!(matches!(&here, Source::Folder(path) if path.ends_with("weaver")), "{here:?}");
        for gone in ["/nowhere", "nowhere:else"] {
            let error = source(gone).unwrap_err().to_string();
            assert!(error.contains(gone) && error.contains("--weaver SOURCE"), "{error}");
        }
    }
}
