//! [`Project`]: the directory that is deployed, and how its program is built.

use std::{
    io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde::Deserialize;
use weaver_runtime::{
    config::{CONFIG_FILE, ConfigError, ConfigFile},
    graph::Graph,
};

/// A directory with a package, or with a `weaver.toml` that names a binary.
#[derive(Debug)]
pub(crate) struct Project {
    directory: PathBuf,
    pub(crate) config: ConfigFile,
}

/// A project cannot be deployed as it stands.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProjectError {
    /// The directory is none.
    #[error("{} is not a directory", .0.display())]
    NoDirectory(PathBuf),
    /// There is nothing to build.
    #[error(
        "{} holds no package: expected a Cargo.toml, or a {CONFIG_FILE} that names a `binary` in \
         [app]", .0.display()
    )]
    NoPackage(PathBuf),
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The binary that the configuration names.
    #[error("{}, the `binary` of [app], does not exist", .0.display())]
    NoBinary(PathBuf),
    /// Cargo could not be run.
    #[error("cannot run cargo")]
    Cargo(#[source] io::Error),
    /// Cargo has said why.
    #[error("cargo could not build the program")]
    Build,
    /// A library.
    #[error("{} builds no executable: a program needs a `main`", .0.display())]
    NoExecutable(PathBuf),
    /// Which one?
    #[error("{} builds several executables ({}); name one as `binary` in [app]", .manifest.display(), .names.join(", "))]
    SeveralExecutables { manifest: PathBuf, names: Vec<String> },
}

/// What cargo prints for each thing that it has built.
#[derive(Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
enum Message {
    CompilerArtifact {
        manifest_path: PathBuf,
        target: Target,
        executable: Option<PathBuf>,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

impl Project {
    pub(crate) fn open(directory: &Path) -> Result<Self, ProjectError> {
        if !directory.is_dir() {
            return Err(ProjectError::NoDirectory(directory.to_owned()));
        }
        let file = directory.join(CONFIG_FILE);
        let config = if file.is_file() { ConfigFile::load(&file)? } else { ConfigFile::default() };
        let project = Self { directory: directory.to_owned(), config };
        if project.config.binary().is_none() && !project.manifest().is_file() {
            return Err(ProjectError::NoPackage(directory.to_owned()));
        }
        Ok(project)
    }

    /// The application's name: the config's, else the package's.
    pub(crate) fn app_name(&self, graph: &Graph) -> String {
        self.config.app_name().unwrap_or(&graph.package).to_owned()
    }

    /// Builds the program with cargo, which shows its progress, and gives the executable.
    pub(crate) fn build(&self, release: bool) -> Result<PathBuf, ProjectError> {
        if let Some(binary) = self.config.binary() {
            let found = binary.canonicalize();
            return found.map_err(|_| ProjectError::NoBinary(binary));
        }
        let output = self.cargo(release).output().map_err(ProjectError::Cargo)?;
        if !output.status.success() {
            return Err(ProjectError::Build);
        }
        self.executable(&output.stdout)
    }

    fn manifest(&self) -> PathBuf {
        self.directory.join("Cargo.toml")
    }

    fn cargo(&self, release: bool) -> Command {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(["build", "--bins", "--message-format=json-render-diagnostics"]);
        cargo.args(release.then_some("--release"));
        if let Some(package) = self.config.package() {
            cargo.args(["--package", package]);
        }
        cargo.current_dir(&self.directory).stdin(Stdio::null()).stderr(Stdio::inherit());
        // Under `cargo run` these describe the `weaver` command; build scripts of the program that
        // watch them would run again each time.
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
                cargo.env_remove(name);
            }
        }
        cargo
    }

    fn executable(&self, messages: &[u8]) -> Result<PathBuf, ProjectError> {
        let manifest = self.manifest();
        let ours = manifest.canonicalize().unwrap_or_else(|_| manifest.clone());
        let mut executables =
            executables(messages, |built| self.config.package().is_some() || built == ours);
        match executables.len() {
            1 => Ok(executables.remove(0).1),
            0 => Err(ProjectError::NoExecutable(manifest)),
            _ => {
                let names = executables.into_iter().map(|(name, _)| name).collect();
                Err(ProjectError::SeveralExecutables { manifest, names })
            }
        }
    }
}

/// Name and path of each executable that was built from a manifest that is `wanted`.
fn executables(messages: &[u8], wanted: impl Fn(&Path) -> bool) -> Vec<(String, PathBuf)> {
    let lines = messages.split(|&byte| byte == b'\n');
    let messages = lines.filter_map(|line| serde_json::from_slice::<Message>(line).ok());
    let executables = messages.filter_map(|message| match message {
        Message::CompilerArtifact { manifest_path, target, executable: Some(executable) }
            if target.kind.iter().any(|kind| kind == "bin") && wanted(&manifest_path) =>
        {
            Some((target.name, executable))
        }
        Message::CompilerArtifact { .. } | Message::Other => None,
    });
    executables.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGES: &[u8] = br#"
{"reason":"compiler-artifact","manifest_path":"/w/dep/Cargo.toml","target":{"name":"dep","kind":["lib"]},"executable":null}
{"reason":"build-script-executed"}
{"reason":"compiler-artifact","manifest_path":"/w/other/Cargo.toml","target":{"name":"other","kind":["bin"]},"executable":"/t/other"}
{"reason":"compiler-artifact","manifest_path":"/w/shop/Cargo.toml","target":{"name":"shop","kind":["bin"]},"executable":"/t/shop"}
{"reason":"build-finished","success":true}
"#;

    #[test]
    fn finds_the_executable_of_the_manifest() {
        let found = executables(MESSAGES, |manifest| manifest == Path::new("/w/shop/Cargo.toml"));
        assert_eq!(found, [("shop".to_owned(), PathBuf::from("/t/shop"))]);
    }

    #[test]
    fn a_library_has_none() {
        assert!(executables(MESSAGES, |m| m == Path::new("/w/dep/Cargo.toml")).is_empty());
    }
}
