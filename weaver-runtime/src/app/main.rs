//! What `#[weaver::main]` expands to a call of.

use std::{future::Future, sync::Arc};

use crate::{
    construct::{FieldSpec, Fields},
    error::Result,
    node::{MainEnd, Node, NodeProvider},
    placement::MAIN,
    report,
};

/// What the macro knows of the author's `main`.
#[derive(Clone, Copy, Debug)]
pub struct MainSpec {
    /// The package that `main` is in.
    pub package: &'static str,
    /// What runs first in every process of the program.
    pub init: fn(),
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
pub trait MainResult<As> {
    /// Prints the error, if it is one, and gives the exit code.
    fn report(self) -> u8;
}

/// A result of an error that becomes a `Box<dyn Error>`.
#[derive(Debug)]
pub struct OfError(());

/// A result of a `Box<dyn Error + Send + Sync>`, of which the standard library cannot make a `Box<dyn Error>` by `into`.
#[derive(Debug)]
pub struct OfSharedError(());

impl MainResult<()> for () {
    fn report(self) -> u8 {
        0
    }
}

#[diagnostic::do_not_recommend]
impl<E: Into<Box<dyn std::error::Error>>> MainResult<OfError> for Result<(), E> {
    fn report(self) -> u8 {
        exit_code(self.map_err(Into::into))
    }
}

#[diagnostic::do_not_recommend]
impl MainResult<OfSharedError> for Result<(), Box<dyn std::error::Error + Send + Sync>> {
    fn report(self) -> u8 {
        exit_code(self.map_err(|error| error as Box<dyn std::error::Error>))
    }
}

fn exit_code(result: Result<(), Box<dyn std::error::Error>>) -> u8 {
    match result {
        Ok(()) => 0,
        Err(error) => {
            let error = crate::Error::from_std(&*error);
            report::to_stderr(&format!("error: {error:?}"));
            1
        }
    }
}

/// Fills the arguments of the author's `main` and runs it.
pub(crate) async fn run_main<F, Fut, R, As>(
    node: Arc<Node>,
    fields: fn() -> Vec<FieldSpec>,
    run: F,
) -> MainEnd
where
    F: FnOnce(&Fields<'_>) -> Result<Fut>,
    Fut: Future<Output = R>,
    R: MainResult<As>,
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
