//! [`AppBuilder`]: starts a program, in whichever role the process has.

use std::{io::Write, path::PathBuf, sync::Arc};

use tokio::sync::oneshot;

use super::App;
use crate::{
    bootstrap::{
        ASK_GRAPH, ASK_VARIABLE, Bootstrap, BootstrapError, MARKER, NOT_STARTED_EXIT_CODE,
    },
    codec,
    config::{ConfigError, ConfigFile},
    construct::FieldSpec,
    error::{Error, Result},
    graph::Graph,
    node::{Calls, Node, run_replica},
    registry::{Registry, RegistryErrors},
    report,
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

/// Starts a program. See [`App::builder`].
#[derive(Debug, Default)]
pub struct AppBuilder {
    package: Option<&'static str>,
    main: Vec<FieldSpec>,
    calls: LocalCalls,
    config: Option<ConfigFile>,
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
    #[error(transparent)]
    Bootstrap(#[from] BootstrapError),
    /// Life as a replica ended early.
    #[error("this replica cannot take its place")]
    Replica(#[source] Error),
    /// A tool's question could not be answered.
    #[error("cannot answer `{ASK_VARIABLE}`: {reason}")]
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

impl From<StartError> for Error {
    fn from(error: StartError) -> Self {
        Self::from_std(&error)
    }
}

/// What a process is, once that is settled.
pub(super) enum Role {
    /// It was asked a question, which is answered: it is to exit.
    Answered,
    /// It is a replica of a deployment.
    Replica(Box<Bootstrap>, Registry),
    /// It is the whole program.
    Whole(Registry, Box<ConfigFile>),
}

impl AppBuilder {
    /// Uses this configuration instead of looking for `weaver.toml`.
    #[must_use]
    pub fn config(mut self, config: ConfigFile) -> Self {
        self.config = Some(config);
        self
    }

    /// Encodes calls within the process, or not (which is the default).
    #[must_use]
    pub fn local_calls(mut self, calls: LocalCalls) -> Self {
        self.calls = calls;
        self
    }

    pub(super) fn main(mut self, package: &'static str, main: Vec<FieldSpec>) -> Self {
        self.package = Some(package);
        self.main = main;
        self
    }

    /// Starts the program inside the current tokio runtime.
    ///
    /// In a replica of another group than `main` it never returns: the process serves its components
    /// and exits when it is told to.
    ///
    /// # Errors
    /// Every reason for which the program cannot run, at once where there are several.
    pub async fn start(mut self) -> Result<App, StartError> {
        let calls = self.calls;
        match self.role()? {
            Role::Answered => std::process::exit(0),
            Role::Whole(registry, config) => Ok(App::new(whole(registry, *config, calls))),
            Role::Replica(bootstrap, registry) => embedded_replica(*bootstrap, registry).await,
        }
    }

    pub(super) fn role(&mut self) -> Result<Role, StartError> {
        let registry = Registry::collect(self.package(), std::mem::take(&mut self.main))?;
        if let Some(question) = std::env::var_os(ASK_VARIABLE) {
            answer(&question.to_string_lossy(), registry.graph())?;
            return Ok(Role::Answered);
        }
        if let Some(bootstrap) = Bootstrap::from_deployer()? {
            return Ok(Role::Replica(Box::new(bootstrap), registry));
        }
        let config = match self.config.take() {
            Some(config) => config,
            None => find_config()?,
        };
        // Without a file there is nothing to compare, and no need for the graph.
        if config.path().is_some() {
            registry.graph().check_names(&config)?;
        }
        Ok(Role::Whole(registry, Box::new(config)))
    }

    /// The package's name, or the executable's for a program with its own `main`.
    fn package(&self) -> String {
        let executable = || {
            let path = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("program"));
            path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
        };
        self.package.map_or_else(executable, str::to_owned)
    }

    pub(super) fn calls(&self) -> LocalCalls {
        self.calls
    }
}

/// The node of a program that runs as one process.
pub(super) fn whole(registry: Registry, config: ConfigFile, calls: LocalCalls) -> Arc<Node> {
    let calls = match calls {
        LocalCalls::Direct => Calls::Direct,
        LocalCalls::Encoded => Calls::Encoded,
    };
    Node::start(registry, config, calls)
}

/// A replica whose `main` is the author's own: if it is the replica of `main`, the rest of the
/// author's function is run; else this never returns.
async fn embedded_replica(bootstrap: Bootstrap, registry: Registry) -> Result<App, StartError> {
    let (started, app) = oneshot::channel();
    let life = tokio::spawn(async move {
        let main = move |node: Arc<Node>| {
            // The receiver waits below.
            let _ = started.send(node.app());
            std::future::pending()
        };
        let code = run_replica(bootstrap, registry, main).await;
        end_replica(code);
    });
    match app.await {
        Ok(app) => Ok(app),
        // In a replica of another group the sender waits with the rest of its life, and is dropped
        // unsent at its end.
        Err(_) => {
            // Its end ends the process.
            let _ = life.await;
            std::future::pending().await
        }
    }
}

fn end_replica(code: Result<u8>) -> ! {
    let code = code.unwrap_or_else(|error| {
        report::to_stderr(&format!("error: {error:?}"));
        NOT_STARTED_EXIT_CODE
    });
    std::process::exit(i32::from(code))
}

fn find_config() -> Result<ConfigFile, ConfigError> {
    let here = std::env::current_dir().unwrap_or_default();
    match ConfigFile::find(&here, std::env::var_os("WEAVER_CONFIG")) {
        Some(path) => ConfigFile::load(&path),
        None => Ok(ConfigFile::default()),
    }
}

fn answer(question: &str, graph: &Graph) -> Result<(), StartError> {
    let failed = |reason: String| StartError::Answer { reason };
    if question != ASK_GRAPH {
        return Err(failed(format!("unknown question `{question}`")));
    }
    let mut bytes = MARKER.as_bytes().to_vec();
    codec::encode(graph, &mut bytes).map_err(|error| failed(error.to_string()))?;
    let mut out = std::io::stdout().lock();
    out.write_all(&bytes).and_then(|()| out.flush()).map_err(|error| failed(error.to_string()))
}
