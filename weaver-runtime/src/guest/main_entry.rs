//! [`MainEntry`]: the author's `main`, for a host to run.

use std::{future::Future, pin::Pin, process::ExitCode, sync::Arc};

use crate::{
    app::main::{MainResult, MainSpec, run_main},
    construct::{FieldSpec, Fields},
    error::Result,
    node::{MainEnd, Node},
    report,
};

/// What `#[weaver::main]` registers.
#[derive(Debug)]
pub struct MainEntry {
    /// What the macro knows of it.
    pub spec: fn() -> MainSpec,
    /// Makes its future.
    pub run: fn(&Fields<'_>) -> Result<MainFuture>,
}

inventory::collect!(MainEntry);

/// The future of the author's `main`.
pub type MainFuture = Pin<Box<dyn Future<Output = Reported>>>;

/// An exit code, of a result that was printed.
#[derive(Debug)]
pub struct Reported(u8);

impl MainResult<()> for Reported {
    fn report(self) -> u8 {
        self.0
    }
}

/// The author's `main`, whatever it returns.
pub fn main_future<R: MainResult<As>, As>(main: impl Future<Output = R> + 'static) -> MainFuture {
    Box::pin(async move { Reported(main.await.report()) })
}

/// What the executable's own entry does, which a host of weaver does not call.
pub fn main<F, Fut, R, As>(_: MainSpec, _: F) -> ExitCode
where
    F: FnOnce(&Fields<'_>) -> Result<Fut>,
    Fut: Future<Output = R>,
    R: MainResult<As>,
{
    report::to_stderr("error: this is a program built with weaver: run it with `weaver run`");
    ExitCode::FAILURE
}

fn entry() -> Option<&'static MainEntry> {
    inventory::iter::<MainEntry>().next()
}

/// The package, and what the arguments of `main` ask for.
pub(super) fn spec() -> (&'static str, Option<Vec<FieldSpec>>) {
    let spec = entry().map(|entry| (entry.spec)());
    spec.map_or(("program", None), |spec| (spec.package, Some((spec.fields)())))
}

/// Does what the author wants done first in every process.
pub(super) fn init() {
    if let Some(entry) = entry() {
        ((entry.spec)().init)();
    }
}

/// Runs it.
pub(super) async fn run(node: Arc<Node>) -> MainEnd {
    match entry() {
        Some(entry) => run_main(node, (entry.spec)().fields, entry.run).await,
        // The host does not ask for one that it cannot have.
        None => MainEnd::NotStarted,
    }
}
