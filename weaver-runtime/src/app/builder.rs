//! [`AppBuilder`]: starts a program, in whichever role the process has.

use crate::{
    config::{ConfigError, ConfigFile},
    construct::FieldSpec,
    error::Error,
    registry::RegistryErrors,
};

/// How a program that runs as one process calls its own components.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LocalCalls {
    /// As method calls.
    #[default]
    Direct,
    /// Encoded and decoded as if they crossed a boundary: for tests.
    Encoded,
}

/// Starts a program. See [`App::builder`](super::App::builder).
#[derive(Debug, Default)]
pub struct AppBuilder {
    /// Of `#[weaver::main]`: the package, and what the arguments ask for.
    pub(super) main: Option<(&'static str, Vec<FieldSpec>)>,
    pub(super) calls: LocalCalls,
    pub(super) config: Option<ConfigFile>,
    #[cfg(not(target_family = "wasm"))]
    pub(super) sandboxes: Vec<crate::sandbox::InSandbox>,
}

/// A program could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The program's components do not fit together.
    #[error(transparent)]
    Components(Box<dyn std::error::Error + Send + Sync>),
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// What the deployer handed over.
    #[cfg(not(target_family = "wasm"))]
    #[error(transparent)]
    Bootstrap(#[from] crate::bootstrap::BootstrapError),
    /// The program has a `main` of its own, which a sandbox cannot run.
    #[cfg(target_family = "wasm")]
    #[error("a program starts here only as a process; in a sandbox its components are started")]
    InSandbox,
    /// Groups of this process cannot run in their sandbox.
    #[cfg(not(target_family = "wasm"))]
    #[error("cannot run groups in a sandbox")]
    Sandbox(#[source] Error),
    /// Life as a replica ended early.
    #[error("this replica cannot take its place")]
    Replica(#[source] Error),
    /// A tool's question could not be answered.
    #[error("cannot answer `WEAVER_ASK`: {reason}")]
    Answer {
        /// Why.
        reason: String,
    },
}

impl From<RegistryErrors> for StartError {
    fn from(errors: RegistryErrors) -> Self {
        Self::Components(Box::new(errors))
    }
}

impl From<ConfigError> for Error {
    fn from(error: ConfigError) -> Self {
        Self::from_std(&error)
    }
}

impl From<StartError> for Error {
    fn from(error: StartError) -> Self {
        Self::from_std(&error)
    }
}

impl AppBuilder {
    /// Uses this configuration instead of looking for `weaver.toml`.
    #[must_use]
    pub fn config(mut self, config: ConfigFile) -> Self {
        self.config = Some(config);
        self
    }

    /// Runs the components that the configuration lists in `[groups.GROUP]` as a guest in this process, one
    /// instance of those that `instances` makes. Calls to them are encoded, and leave the process not.
    #[cfg(not(target_family = "wasm"))]
    #[must_use]
    pub fn sandbox(mut self, group: &str, instances: impl crate::sandbox::Instances) -> Self {
        self.sandboxes.push(crate::sandbox::InSandbox::new(group.to_owned(), instances));
        self
    }

    /// Encodes calls within the process, or not (which is the default).
    #[must_use]
    pub fn local_calls(mut self, calls: LocalCalls) -> Self {
        self.calls = calls;
        self
    }

    /// Starts the program.
    ///
    /// # Errors
    /// Always: in a sandbox the components are started without it.
    #[cfg(target_family = "wasm")]
    #[expect(clippy::unused_async, reason = "it is asynchronous in a process")]
    pub async fn start(self) -> Result<super::App, StartError> {
        Err(StartError::InSandbox)
    }
}
