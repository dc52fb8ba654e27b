//! [`Sandbox`]: what the groups in a sandbox need: a host, and the program as WebAssembly.

use std::{
    io,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use weaver_runtime::{codec, fingerprint::Fingerprint, graph::Graph};

use crate::{
    logs,
    plan::Plan,
    project::{Project, ProjectError},
};

/// The files of a sandbox.
#[derive(Debug)]
pub(crate) struct Sandbox {
    /// The executable that runs guests.
    pub(crate) host: PathBuf,
    /// The program.
    pub(crate) wasm: PathBuf,
    /// Where compiled code is kept.
    pub(crate) cache: PathBuf,
}

/// Groups cannot run in a sandbox.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SandboxError {
    /// The program.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// The host's own code.
    #[error(
        "the host of sandboxes is not installed, and its source is not at {}; install it with \
         `cargo install --locked weaver-host` from where this command came from, and set {HOST_VARIABLE} \
         to its path", .0.display()
    )]
    NoHost(PathBuf),
    /// Cargo has said why.
    #[error("cargo could not build the host of sandboxes")]
    BuildHost,
    /// The program.
    #[error("cannot read {}", .path.display())]
    Program {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// The host could not be run.
    #[error("cannot run {}", .path.display())]
    Run {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// The host has said why.
    #[error("the program cannot run in a sandbox:\n{0}")]
    Refused(String),
    /// The two builds of the program differ.
    #[error(
        "the WebAssembly build of the program is not the same as the native one:\n{0}\nis something \
         left out for one of the targets, or an integer `usize` in a type with another shape there?"
    )]
    Differs(String),
}

/// Where the host is, if it is not to be built.
const HOST_VARIABLE: &str = "WEAVER_HOST";

impl Sandbox {
    /// Builds what the plan needs; `None` if nothing of it runs in a sandbox.
    pub(crate) fn build(
        project: &Project,
        graph: &Graph,
        plan: &Plan,
        release: bool,
    ) -> Result<Option<Self>, SandboxError> {
        let groups: Vec<_> = plan.sandboxed().map(|group| group.name.as_str()).collect();
        if groups.is_empty() {
            return Ok(None);
        }
        // First, because the host takes minutes, and the program may be one that cannot be built.
        let wasm = project.build_guest(release, &groups.join(", "))?;
        let host = host(release)?;
        let sandbox = Self { host, wasm, cache: cache() };
        sandbox.check(graph)?;
        Ok(Some(sandbox))
    }

    /// Compiles the program, unless that was done before, and compares it with the native one.
    fn check(&self, native: &Graph) -> Result<(), SandboxError> {
        let run = |source| SandboxError::Run { path: self.host.clone(), source };
        let mut host = Command::new(&self.host);
        host.arg("graph").args([&self.wasm, &self.cache]).stdin(Stdio::null());
        let output = host.output().map_err(run)?;
        let refused = || String::from_utf8_lossy(&output.stderr).trim_end().to_owned();
        if !output.status.success() {
            return Err(SandboxError::Refused(refused()));
        }
        let decoded = codec::decode::<Graph>(&output.stdout);
        let guest = decoded.map_err(|error| SandboxError::Refused(error.to_string()))?;
        if guest.fingerprint() == native.fingerprint() {
            return Ok(());
        }
        let difference = Fingerprint::difference(&native.signatures(), &guest.signatures());
        Err(SandboxError::Differs(difference))
    }
}

/// Runs a program as one guest; its exit code.
pub(crate) fn run(program: &Path) -> Result<u8, SandboxError> {
    let program = program
        .canonicalize()
        .map_err(|source| SandboxError::Program { path: program.to_owned(), source })?;
    let host = host(false)?;
    let error = Command::new(&host).arg("run").args([&program, &cache()]).exec();
    // It returns only if it fails.
    Err(SandboxError::Run { path: host, source: error })
}

/// The executable that runs guests: cargo builds it beside this command, once.
fn host(release: bool) -> Result<PathBuf, SandboxError> {
    if let Some(host) = std::env::var_os(HOST_VARIABLE) {
        return Ok(host.into());
    }
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../host");
    let manifest = source.join("Cargo.toml");
    if !manifest.is_file() {
        return Err(SandboxError::NoHost(source));
    }
    if !is_built() {
        logs::note("building the host of sandboxes, once; this takes minutes");
    }
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--bin", "weaver-host", "--message-format=json-render-diagnostics"]);
    cargo.args(release.then_some("--release")).arg("--manifest-path").arg(&manifest);
    let output = cargo.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output = output.map_err(ProjectError::Cargo)?;
    if !output.status.success() {
        return Err(SandboxError::BuildHost);
    }
    let built = crate::project::executables(&output.stdout, |_| true);
    let host = built.into_iter().find(|(name, _)| name == "weaver-host");
    host.map(|(_, path)| path).ok_or(SandboxError::BuildHost)
}

/// Whether there is a host beside this command, of whatever age: cargo builds both into one folder.
fn is_built() -> bool {
    let beside = std::env::current_exe().map(|command| command.with_file_name("weaver-host"));
    beside.is_ok_and(|host| host.is_file())
}

/// The user's cache, as the XDG base directory specification has it.
fn cache() -> PathBuf {
    let home = || std::env::home_dir().unwrap_or_else(std::env::temp_dir).join(".cache");
    let cache = std::env::var_os("XDG_CACHE_HOME").filter(|it| !it.is_empty());
    cache.map_or_else(home, PathBuf::from).join("weaver")
}
