//! [`Role`]: what a process is, whole program or replica, and how it starts as that.

use std::{
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::sync::oneshot;

use super::{App, AppBuilder, LocalCalls, StartError};
use crate::{
    bootstrap::{ASK_GRAPH, ASK_VARIABLE, Answer, Bootstrap, MARKER, NOT_STARTED_EXIT_CODE},
    codec,
    config::{CONFIG_FILE, CONFIG_VARIABLE, ConfigError, ConfigFile},
    construct::FieldSpec,
    control,
    error::Result,
    node::{Calls, Node, run_replica},
    registry::Registry,
    report, sandbox,
};

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
    pub(super) fn main(mut self, package: &'static str, main: Vec<FieldSpec>) -> Self {
        self.main = Some((package, main));
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
        match self.role()? {
            Role::Answered => std::process::exit(0),
            Role::Whole(registry, config) => Ok(App::new(self.whole(registry, *config).await?)),
            Role::Replica(bootstrap, registry) => embedded_replica(*bootstrap, registry).await,
        }
    }

    pub(super) fn role(&mut self) -> Result<Role, StartError> {
        let (package, main) = self.main.take().unzip();
        let registry = Registry::collect(package.map_or_else(executable, str::to_owned), main)?;
        if let Some(question) = std::env::var_os(ASK_VARIABLE) {
            answer(&question.to_string_lossy(), &registry)?;
            return Ok(Role::Answered);
        }
        if let Some(bootstrap) = Bootstrap::from_deployer()? {
            return Ok(Role::Replica(Box::new(bootstrap), registry));
        }
        let config = match self.config.take() {
            Some(config) => config,
            None => find_config()?,
        };
        match ConfigError::join(misfits(&registry, &config)) {
            Some(misfits) => Err(misfits.into()),
            None => Ok(Role::Whole(registry, Box::new(config))),
        }
    }

    /// The node of a program that runs as one process.
    pub(super) async fn whole(
        self,
        registry: Registry,
        config: ConfigFile,
    ) -> Result<Arc<Node>, StartError> {
        let mut sandboxes = self.sandboxes;
        if sandboxes.is_empty() {
            let configured = sandbox::configured(registry.graph(), &config).await;
            sandboxes = configured.map_err(StartError::Sandbox)?;
        }
        if !sandboxes.is_empty() {
            return Ok(sandbox::start(registry, config, sandboxes));
        }
        let calls = match self.calls {
            LocalCalls::Direct => Calls::Direct,
            LocalCalls::Encoded => Calls::Encoded,
        };
        Ok(Node::start(registry, config, calls))
    }
}

/// The name of a program with a `main` of its own, of which no package is known.
fn executable() -> String {
    let path = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("program"));
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
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
    let found = ConfigFile::find(&here, std::env::var_os(CONFIG_VARIABLE));
    // `cargo run` from another folder says which package it runs.
    let package =
        || std::env::var_os("CARGO_MANIFEST_DIR").map(|it| Path::new(&it).join(CONFIG_FILE));
    match found.or_else(|| package().filter(|file| file.is_file())) {
        Some(path) => ConfigFile::load(&path),
        None => Ok(ConfigFile::default()),
    }
}

/// What is wrong with the configuration of a program that runs as one process.
fn misfits(registry: &Registry, config: &ConfigFile) -> Vec<ConfigError> {
    // Without a file there are no names, and no need for the graph.
    let names = config.path().and_then(|_| {
        let graph = registry.graph();
        let checked = if registry.has_main() {
            graph.check_names(config)
        } else {
            graph.check_names_without_main(config)
        };
        checked.err()
    });
    // A program without weaver's `main`, as a test of some components is, may do without some sections.
    let is_read = |holder: &str| registry.has_main() || config.has_section(holder);
    names.into_iter().chain(registry.misfits(config, is_read)).collect()
}

fn answer(question: &str, registry: &Registry) -> Result<(), StartError> {
    let failed = |reason: String| StartError::Answer { reason };
    if question != ASK_GRAPH {
        return Err(failed(format!("unknown question `{question}`")));
    }
    let config = match std::env::var_os(CONFIG_VARIABLE) {
        Some(path) => ConfigFile::load(Path::new(&path))?,
        None => ConfigFile::default(),
    };
    let answer = Answer {
        control: control::hello().fingerprint,
        graph: registry.graph().clone(),
        misfits: registry.misfits(&config, |_| true).iter().map(ToString::to_string).collect(),
        panic_aborts: cfg!(panic = "abort"),
    };
    let mut bytes = MARKER.as_bytes().to_vec();
    codec::encode(&answer, &mut bytes).map_err(|error| failed(error.to_string()))?;
    let mut out = std::io::stdout().lock();
    out.write_all(&bytes).and_then(|()| out.flush()).map_err(|error| failed(error.to_string()))
}
