//! What `#[weaver::main]` expands to a call of.

use std::{future::Future, process::ExitCode, sync::Arc};

use tokio::runtime::{Builder, Runtime};

use super::builder::{self, AppBuilder, Role};
use crate::{
    bootstrap::NOT_STARTED_EXIT_CODE,
    construct::{FieldSpec, Fields},
    error::Result,
    node::{MainEnd, Node, NodeProvider, run_replica},
    placement::MAIN,
    report,
};

/// What the macro knows of the author's `main`.
#[derive(Clone, Copy, Debug)]
pub struct MainSpec {
    /// The package that `main` is in.
    pub package: &'static str,
    /// The runtime to make.
    pub runtime: RuntimeSpec,
    /// What the arguments of `main` ask for.
    pub fields: fn() -> Vec<FieldSpec>,
}

/// The tokio runtime of a program.
#[derive(Clone, Copy, Debug)]
pub enum RuntimeSpec {
    /// Everything on the main thread.
    CurrentThread,
    /// A pool of threads.
    MultiThread {
        /// How many; one for each core unless it is set.
        worker_threads: Option<usize>,
    },
}

/// What the author's `main` may return.
#[diagnostic::on_unimplemented(
    message = "`main` cannot return `{Self}`",
    label = "neither nothing nor a `Result<(), E>` of an error",
    note = "write `weaver::Result<()>`"
)]
pub trait MainResult {
    /// Prints the error, if it is one, and gives the exit code.
    fn report(self) -> u8;
}

impl MainResult for () {
    fn report(self) -> u8 {
        0
    }
}

impl<E: Into<Box<dyn std::error::Error>>> MainResult for Result<(), E> {
    fn report(self) -> u8 {
        match self {
            Ok(()) => 0,
            Err(error) => {
                let error = crate::Error::from_std(&*error.into());
                report::to_stderr(&format!("error: {error:?}"));
                1
            }
        }
    }
}

/// Runs the program in the role that this process has.
pub fn main<F, Fut, R>(spec: MainSpec, run: F) -> ExitCode
where
    F: FnOnce(&Fields<'_>) -> Result<Fut>,
    Fut: Future<Output = R>,
    R: MainResult,
{
    let MainSpec { package, runtime, fields } = spec;
    let mut builder = AppBuilder::default().main(package, fields());
    let role = match builder.role() {
        Ok(Role::Answered) => return ExitCode::SUCCESS,
        Ok(role) => role,
        Err(error) => return ExitCode::from(Err::<(), _>(error).report()),
    };
    let runtime = match runtime.build() {
        Ok(runtime) => runtime,
        Err(error) => return ExitCode::from(Err::<(), _>(error).report()),
    };
    let runtime = match role {
        Role::Replica(..) => Running::Replica(Some(runtime)),
        Role::Whole(..) | Role::Answered => Running::Whole(runtime),
    };
    ExitCode::from(runtime.block_on(live(role, &builder, fields, run)))
}

/// The program's runtime until the process ends, by a panic or otherwise.
enum Running {
    /// Blocking work is waited for, as `#[tokio::main]` does.
    Whole(Runtime),
    /// Not here: when a handler has used `block_in_place` on the I/O thread, its runtime has gone on on a
    /// thread for blocking work, and ends with the process.
    Replica(Option<Runtime>),
}

impl Running {
    fn block_on<F: Future>(&self, future: F) -> F::Output {
        match self {
            Self::Whole(runtime) | Self::Replica(Some(runtime)) => runtime.block_on(future),
            Self::Replica(None) => unreachable!("it is taken when this is dropped"),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Self::Replica(runtime) = self
            && let Some(runtime) = runtime.take()
        {
            runtime.shutdown_background();
        }
    }
}

async fn live<F, Fut, R>(
    role: Role,
    builder: &AppBuilder,
    fields: fn() -> Vec<FieldSpec>,
    run: F,
) -> u8
where
    F: FnOnce(&Fields<'_>) -> Result<Fut>,
    Fut: Future<Output = R>,
    R: MainResult,
{
    let main = async |node: Arc<Node>| run_main(node, fields, run).await;
    match role {
        Role::Answered => 0,
        Role::Whole(registry, config) => {
            let node = builder::whole(registry, *config, builder.calls());
            let end = main(Arc::clone(&node)).await;
            node.shutdown().await;
            match end {
                MainEnd::Returned(code) => code,
                MainEnd::NotStarted => 1,
            }
        }
        Role::Replica(bootstrap, registry) => {
            let code = run_replica(*bootstrap, registry, main).await;
            code.unwrap_or_else(|error| {
                Err::<(), _>(error).report();
                NOT_STARTED_EXIT_CODE
            })
        }
    }
}

/// Fills the arguments of the author's `main` and runs it.
async fn run_main<F, Fut, R>(node: Arc<Node>, fields: fn() -> Vec<FieldSpec>, run: F) -> MainEnd
where
    F: FnOnce(&Fields<'_>) -> Result<Fut>,
    Fut: Future<Output = R>,
    R: MainResult,
{
    for field in fields() {
        if let FieldSpec::Reference(spec) = field
            && let Err(error) = node.ready(spec).await
        {
            Err::<(), _>(error).report();
            return MainEnd::NotStarted;
        }
    }
    let running = run(&Fields { provider: &NodeProvider(node), component: MAIN });
    match running {
        Ok(running) => MainEnd::Returned(running.await.report()),
        Err(error) => {
            Err::<(), _>(error).report();
            MainEnd::NotStarted
        }
    }
}

impl RuntimeSpec {
    fn build(self) -> std::io::Result<Runtime> {
        match self {
            Self::CurrentThread => Builder::new_current_thread().enable_all().build(),
            Self::MultiThread { worker_threads } => {
                let mut builder = Builder::new_multi_thread();
                worker_threads.map(|count| builder.worker_threads(count));
                builder.enable_all().build()
            }
        }
    }
}
