//! [`main`]: a program as a process of its own.

use std::{future::Future, process::ExitCode, sync::Arc};

use tokio::runtime::{Builder, Runtime};

use super::{
    AppBuilder,
    main::{MainResult, MainSpec, RuntimeSpec, run_main},
    role::Role,
};
use crate::{
    bootstrap::NOT_STARTED_EXIT_CODE,
    construct::{FieldSpec, Fields},
    error::Result,
    node::{MainEnd, Node, run_replica},
};

/// Runs the program in the role that this process has.
pub fn main<F, Fut, R, As>(spec: MainSpec, run: F) -> ExitCode
where
    F: FnOnce(&Fields<'_>) -> Result<Fut>,
    Fut: Future<Output = R>,
    R: MainResult<As>,
{
    let MainSpec { package, init, runtime, fields } = spec;
    let mut builder = AppBuilder::default().main(package, fields());
    let role = match builder.role() {
        Ok(Role::Answered) => return ExitCode::SUCCESS,
        Ok(role) => role,
        Err(error) => return ExitCode::from(Err::<(), _>(error).report()),
    };
    init();
    let runtime = match runtime.build() {
        Ok(runtime) => runtime,
        Err(error) => return ExitCode::from(Err::<(), _>(error).report()),
    };
    let runtime = match role {
        Role::Replica(..) => Running::Replica(Some(runtime)),
        Role::Whole(..) | Role::Answered => Running::Whole(runtime),
    };
    ExitCode::from(runtime.block_on(live(role, builder, fields, run)))
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

async fn live<F, Fut, R, As>(
    role: Role,
    builder: AppBuilder,
    fields: fn() -> Vec<FieldSpec>,
    run: F,
) -> u8
where
    F: FnOnce(&Fields<'_>) -> Result<Fut>,
    Fut: Future<Output = R>,
    R: MainResult<As>,
{
    let main = async |node: Arc<Node>| run_main(node, fields, run).await;
    match role {
        Role::Answered => 0,
        Role::Whole(registry, config) => {
            let node = match builder.whole(registry, *config).await {
                Ok(node) => node,
                Err(error) => return Err::<(), _>(error).report(),
            };
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
