//! [`Sandbox`]: what the groups in a sandbox need: a host, and the program as WebAssembly.

use std::{
    io,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use weaver_runtime::{
    codec,
    graph::Graph,
    sandbox::{self, cache},
};

use crate::{
    host::{self, HostError},
    plan::{Group, Plan},
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
    /// What runs it.
    #[error(transparent)]
    Host(#[from] HostError),
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
    #[error(transparent)]
    Differs(#[from] sandbox::Differs),
}

impl Sandbox {
    /// Builds what the plan needs; `None` if nothing of it runs in a sandbox.
    pub(crate) fn build(
        project: &Project,
        graph: &Graph,
        plan: &Plan,
        release: bool,
    ) -> Result<Option<Self>, SandboxError> {
        let groups: Vec<_> = plan.sandboxed().map(of_whom).collect();
        if groups.is_empty() {
            return Ok(None);
        }
        // First, because the host takes minutes, and the program may be one that cannot be built.
        let wasm = project.build_guest(release, Some(&groups.join(", ")))?;
        let host = host::find(release)?;
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
        Ok(sandbox::same(native, &guest)?)
    }
}

/// A group, and the components for which it is in a sandbox.
fn of_whom(group: &Group) -> String {
    match group.components.as_slice() {
        [] => group.name.clone(),
        components => format!("{} ({})", group.name, components.join(", ")),
    }
}

/// Runs a program as one guest; its exit code.
pub(crate) fn run(program: &Path, release: bool) -> Result<u8, SandboxError> {
    let program = program
        .canonicalize()
        .map_err(|source| SandboxError::Program { path: program.to_owned(), source })?;
    let host = host::find(release)?;
    let error = Command::new(&host).arg("run").args([&program, &cache()]).exec();
    // It returns only if it fails.
    Err(SandboxError::Run { path: host, source: error })
}
