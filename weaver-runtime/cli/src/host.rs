//! [`find`]: the executable that runs guests, and where it comes from.

use std::{
    env,
    ffi::OsString,
    io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use weaver_runtime::sandbox::cache;

use crate::{logs, project};

/// There is no host of sandboxes.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HostError {
    /// Nothing to build it from.
    #[error(
        "the host of sandboxes is not installed, and its source is not at {} any more; install version \
         {VERSION} of it with `cargo install --locked --git REPOSITORY weaver-host`, from the repository that \
         this command is from, and set {HOST_VARIABLE} to its path", .0.display()
    )]
    NoSource(PathBuf),
    /// Cargo could not be run.
    #[error("cannot run cargo")]
    Cargo(#[source] io::Error),
    /// Cargo has said why.
    #[error("cargo could not build the host of sandboxes")]
    Build,
    /// It could not be run.
    #[error("cannot run {}, the host of sandboxes", .path.display())]
    Run {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// It is another's.
    #[error(
        "{} is not the host of sandboxes that belongs to this command: it says {found:?}, expected \
         {expected:?}", .path.display()
    )]
    Stranger { path: PathBuf, found: String, expected: String },
}

/// Where the host is, if it is not to be built.
const HOST_VARIABLE: &str = "WEAVER_HOST";

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The executable that runs guests. It is of the command's own version: cargo builds it beside a command of a
/// checkout, and installs it into the user's cache for one that was installed. Both take minutes, once.
pub(crate) fn find(release: bool) -> Result<PathBuf, HostError> {
    let host = match env::var_os(HOST_VARIABLE) {
        Some(host) => host.into(),
        None => {
            let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../host");
            match installed_at() {
                Some(command) => install(&command, &source)?,
                None => build(&source, release)?,
            }
        }
    };
    check_version(&host)?;
    Ok(host)
}

/// This command, if `cargo install` put it where it is: cargo keeps a list beside the folder of executables.
fn installed_at() -> Option<PathBuf> {
    let command = env::current_exe().ok()?;
    let root = command.parent()?.parent()?;
    root.join(".crates2.json").is_file().then_some(command)
}

/// Installs the host from the command's own source, unless that was done since the command was.
fn install(command: &Path, source: &Path) -> Result<PathBuf, HostError> {
    let root = cache().join(format!("host-{VERSION}"));
    let host = root.join("bin").join("weaver-host");
    let modified = |path: &Path| path.metadata().and_then(|it| it.modified()).ok();
    if modified(&host).is_some_and(|host| Some(host) >= modified(command)) {
        return Ok(host);
    }
    let mut cargo = cargo("install", source)?;
    cargo.args(["--locked", "--force", "--bin", "weaver-host", "--path"]).arg(source);
    cargo.arg("--root").arg(&root).env("PATH", path_with(&root.join("bin")));
    let root = root.display();
    logs::note(&format!(
        "installing the host of sandboxes, version {VERSION}, into {root}, once; this takes minutes"
    ));
    let status = cargo.stdin(Stdio::null()).status().map_err(HostError::Cargo)?;
    if status.success() { Ok(host) } else { Err(HostError::Build) }
}

/// Cargo warns if it installs something that is not in the search path, as is intended here.
fn path_with(folder: &Path) -> OsString {
    let mut path = env::var_os("PATH").unwrap_or_default();
    path.push(":");
    path.push(folder);
    path
}

/// Builds the host beside this command.
fn build(source: &Path, release: bool) -> Result<PathBuf, HostError> {
    let beside = env::current_exe().map(|command| command.with_file_name("weaver-host"));
    if !beside.is_ok_and(|host| host.is_file()) {
        logs::note("building the host of sandboxes, once; this takes minutes");
    }
    let mut cargo = cargo("build", source)?;
    cargo.args(["--bin", "weaver-host", "--message-format=json-render-diagnostics"]);
    cargo.args(release.then_some("--release"));
    cargo.arg("--manifest-path").arg(source.join("Cargo.toml"));
    let output = cargo.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output = output.map_err(HostError::Cargo)?;
    if !output.status.success() {
        return Err(HostError::Build);
    }
    let host = project::executables(&output.stdout).find(|it| it.name == "weaver-host");
    host.map(|host| host.path).ok_or(HostError::Build)
}

fn cargo(what: &str, source: &Path) -> Result<Command, HostError> {
    if !source.join("Cargo.toml").is_file() {
        return Err(HostError::NoSource(source.to_owned()));
    }
    let mut cargo = project::cargo();
    // The toolchain and the configuration are the host's, not those of the program.
    cargo.arg(what).current_dir(source).env_remove("CARGO_BUILD_TARGET");
    Ok(cargo)
}

/// What a host says of itself.
fn check_version(host: &Path) -> Result<(), HostError> {
    let run = |source| HostError::Run { path: host.to_owned(), source };
    let output = Command::new(host).arg("version").stdin(Stdio::null()).output().map_err(run)?;
    let found = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let expected = format!("weaver-host {VERSION}");
    match found == expected {
        true => Ok(()),
        false => Err(HostError::Stranger { path: host.to_owned(), found, expected }),
    }
}
