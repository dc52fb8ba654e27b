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
    sandbox::{GUEST_TARGET, guest_build_variables},
};

use crate::logs;

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
    /// A workspace has programs in its folders.
    #[error(
        "{} is a workspace of packages: give the folder of the one that is the program, or name it as `package` in \
         [app] of a {CONFIG_FILE}", .0.display()
    )]
    Workspace(PathBuf),
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The binary that the configuration names.
    #[error("{}, the `{key}` of [app], does not exist", .path.display())]
    NoBinary { key: &'static str, path: PathBuf },
    /// Cargo could not be run.
    #[error("cannot run cargo")]
    Cargo(#[source] io::Error),
    /// Cargo has said why.
    #[error("cargo could not build the program")]
    Build,
    /// Cargo has said why.
    #[error(
        "cargo could not build the program as WebAssembly{0}; what it says above \
         names the crate: leave it out for that target (`[target.'cfg(not(target_family = \"wasm\"))'\
         .dependencies]`), or the group out of the sandbox. What a crate with C code needs, `weaver doctor` \
         tells"
    )]
    BuildGuest(String),
    /// A program file has no WebAssembly.
    #[error(
        "`binary` in [app] is native code, which cannot run in a sandbox: name the same program as \
         WebAssembly as `wasm`, or a `package` that is built, or leave out `sandbox`"
    )]
    BinaryInSandbox,
    /// The compiler's target.
    #[error(
        "rustc has no target {GUEST_TARGET}, and `rustup target add {GUEST_TARGET}` failed: install \
         it, or leave out `sandbox`"
    )]
    NoTarget,
    /// A library.
    #[error("{} builds no executable: a program needs a `main`", .0.display())]
    NoExecutable(PathBuf),
    /// It takes a feature, say.
    #[error(
        "{} has `default-run = \"{default}\"`, which cargo does not build with the features that the package has by \
         default", .manifest.display()
    )]
    NoDefault { manifest: PathBuf, default: String },
    /// Which one?
    #[error(
        "{} builds several executables ({}): name the program as `default-run` in its [package], which \
         `cargo run` reads as well",
        .manifest.display(), .names.join(", ")
    )]
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

/// What cargo has built.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Executable {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    /// Of its package.
    manifest: PathBuf,
}

impl Project {
    pub(crate) fn open(directory: &Path) -> Result<Self, ProjectError> {
        if !directory.is_dir() {
            return Err(ProjectError::NoDirectory(directory.to_owned()));
        }
        let project = Self { directory: directory.to_owned(), config: config_in(directory)? };
        if project.config.binary().is_none() && !project.manifest().is_file() {
            return Err(ProjectError::NoPackage(directory.to_owned()));
        }
        if project.config.binary().is_none()
            && project.config.package().is_none()
            && project.is_workspace()
        {
            return Err(ProjectError::Workspace(directory.to_owned()));
        }
        Ok(project)
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// The application's name: the config's, else the package's.
    pub(crate) fn app_name(&self, graph: &Graph) -> String {
        self.config.app_name().unwrap_or(&graph.package).to_owned()
    }

    /// Builds the program with cargo, which shows its progress, and gives the executable.
    pub(crate) fn build(&self, release: bool) -> Result<PathBuf, ProjectError> {
        if let Some(binary) = self.config.binary() {
            let found = binary.canonicalize();
            return found.map_err(|_| ProjectError::NoBinary { key: "binary", path: binary });
        }
        let output = self.cargo(release).output().map_err(ProjectError::Cargo)?;
        if !output.status.success() {
            return Err(ProjectError::Build);
        }
        self.executable(&output.stdout)
    }

    /// Builds the program as WebAssembly, for the groups that `who` names if somebody asks for it.
    pub(crate) fn build_guest(
        &self,
        release: bool,
        who: Option<&str>,
    ) -> Result<PathBuf, ProjectError> {
        if let Some(wasm) = self.named_guest()? {
            return Ok(wasm);
        }
        self.add_target()?;
        let mut cargo = self.cargo(release);
        cargo.args(["--target", GUEST_TARGET]).envs(guest_build_variables());
        let output = cargo.output().map_err(ProjectError::Cargo)?;
        if !output.status.success() {
            return Err(ProjectError::BuildGuest(
                who.map_or_else(String::new, |who| format!(", for the sandbox of {who}")),
            ));
        }
        self.executable(&output.stdout)
    }

    /// The program as WebAssembly, where the configuration names a program file and no package.
    pub(crate) fn named_guest(&self) -> Result<Option<PathBuf>, ProjectError> {
        if self.config.binary().is_none() {
            return Ok(None);
        }
        let wasm = self.config.wasm().ok_or(ProjectError::BinaryInSandbox)?;
        let found = wasm.canonicalize();
        found.map(Some).map_err(|_| ProjectError::NoBinary { key: "wasm", path: wasm })
    }

    /// Lets rustup install the target, if rustc does not have it.
    fn add_target(&self) -> Result<(), ProjectError> {
        if has_target(&self.directory) {
            return Ok(());
        }
        logs::note(&format!("installing the target: rustup target add {GUEST_TARGET}"));
        let mut rustup = Command::new("rustup");
        rustup.args(["target", "add", GUEST_TARGET]).current_dir(&self.directory);
        match rustup.stdin(Stdio::null()).status() {
            Ok(status) if status.success() => Ok(()),
            Ok(_) | Err(_) => Err(ProjectError::NoTarget),
        }
    }

    /// The sections of the profiles `dev` and `release` in the workspace's manifest, if they have it that a panic
    /// ends the process.
    pub(crate) fn aborting_profiles(&self) -> Result<Vec<String>, ProjectError> {
        let mut cargo = cargo();
        cargo.args(["locate-project", "--workspace", "--message-format", "plain"]);
        let found = cargo.current_dir(&self.directory).stdin(Stdio::null()).stderr(Stdio::null());
        let found = found.output().map_err(ProjectError::Cargo)?;
        // A program file may be anywhere.
        let text = std::fs::read_to_string(String::from_utf8_lossy(&found.stdout).trim());
        let manifest: toml::Table = text.ok().and_then(|it| it.parse().ok()).unwrap_or_default();
        let aborts = |profile: &&str| {
            let panic = manifest.get("profile").and_then(|it| it.get(*profile)?.get("panic"));
            panic.and_then(toml::Value::as_str) == Some("abort")
        };
        Ok(["dev", "release"]
            .iter()
            .copied()
            .filter(aborts)
            .map(|it| format!("[profile.{it}]"))
            .collect())
    }

    /// Whether the manifest is that of a workspace and of no package. What is no manifest, cargo says better.
    fn is_workspace(&self) -> bool {
        let text = std::fs::read_to_string(self.manifest()).unwrap_or_default();
        let manifest: toml::Table = text.parse().unwrap_or_default();
        manifest.contains_key("workspace") && !manifest.contains_key("package")
    }

    fn manifest(&self) -> PathBuf {
        self.directory.join("Cargo.toml")
    }

    fn cargo(&self, release: bool) -> Command {
        let mut cargo = cargo();
        cargo.args(["build", "--bins", "--message-format=json-render-diagnostics"]);
        cargo.args(release.then_some("--release"));
        if let Some(package) = self.config.package() {
            cargo.args(["--package", package]);
        }
        cargo.current_dir(&self.directory).stdin(Stdio::null()).stderr(Stdio::inherit());
        cargo
    }

    fn executable(&self, messages: &[u8]) -> Result<PathBuf, ProjectError> {
        let manifest = self.manifest();
        let ours = manifest.canonicalize().unwrap_or_else(|_| manifest.clone());
        let wanted = |it: &Executable| self.config.package().is_some() || it.manifest == ours;
        let mut executables: Vec<_> = executables(messages).filter(wanted).collect();
        if let [first, _, ..] = &executables[..]
            && let Some(default) = default_run(&first.manifest)
        {
            let found = executables.iter().position(|it| it.name == default);
            let found = found.ok_or(ProjectError::NoDefault { manifest, default })?;
            return Ok(executables.swap_remove(found).path);
        }
        match executables.len() {
            1 => Ok(executables.remove(0).path),
            0 => Err(ProjectError::NoExecutable(manifest)),
            _ => {
                let names = executables.into_iter().map(|it| it.name).collect();
                Err(ProjectError::SeveralExecutables { manifest, names })
            }
        }
    }
}

/// Which of its executables a package has for its program.
fn default_run(manifest: &Path) -> Option<String> {
    let text = std::fs::read_to_string(manifest).ok()?;
    let manifest: toml::Table = text.parse().ok()?;
    manifest.get("package")?.get("default-run")?.as_str().map(str::to_owned)
}

/// The configuration of this folder; one that says nothing, if there is none.
pub(crate) fn config_in(directory: &Path) -> Result<ConfigFile, ConfigError> {
    let file = directory.join(CONFIG_FILE);
    if file.is_file() { ConfigFile::load(&file) } else { Ok(ConfigFile::default()) }
}

/// Whether rustc, as it is in this folder, can build guests.
#[must_use]
pub fn has_target(folder: &Path) -> bool {
    let mut rustc = Command::new("rustc");
    rustc.args(["--print", "target-libdir", "--target", GUEST_TARGET]);
    let printed = rustc.current_dir(folder).stdin(Stdio::null()).stderr(Stdio::null()).output();
    printed.is_ok_and(|printed| {
        let libraries = String::from_utf8_lossy(&printed.stdout).trim().to_owned();
        printed.status.success() && Path::new(&libraries).is_dir()
    })
}

/// Cargo, as if this process had not been started by it.
#[must_use]
pub fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // Under `cargo run` these describe the `weaver` command; build scripts that watch them would run again
    // each time, and all that is above them would be built again.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(name);
        }
    }
    cargo
}

/// The executables of which cargo says that they are built.
pub(crate) fn executables(messages: &[u8]) -> impl Iterator<Item = Executable> {
    let lines = messages.split(|&byte| byte == b'\n');
    let messages = lines.filter_map(|line| serde_json::from_slice::<Message>(line).ok());
    messages.filter_map(|message| match message {
        Message::CompilerArtifact { manifest_path, target, executable: Some(path) }
            if target.kind.iter().any(|kind| kind == "bin") =>
        {
            Some(Executable { name: target.name, path, manifest: manifest_path })
        }
        Message::CompilerArtifact { .. } | Message::Other => None,
    })
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
    fn finds_the_executables_among_what_was_built() {
        let executable = |name: &str| Executable {
            name: name.to_owned(),
            path: Path::new("/t").join(name),
            manifest: Path::new("/w").join(name).join("Cargo.toml"),
        };
        let found: Vec<_> = executables(MESSAGES).collect();
        assert_eq!(found, ["other", "shop"].map(executable));
    }
}
