//! Ours: a component called through its reference, from `main` in another process of a deployment.

use std::process::ExitCode;

use tokio::task::JoinSet;
use weaver::{Error, Ref, Result, component};

use super::{
    load::{Client, Load, caller},
    message::{Marked, Plain},
    part::Flavour,
    peers::System,
};
use crate::{latencies::Latencies, process::Assignment};

#[component]
pub(crate) trait Parrot {
    async fn plain(&self, message: Plain) -> Result<Plain>;

    async fn marked(&self, message: Marked) -> Result<Marked>;

    /// Whose processor time is counted.
    async fn pid(&self) -> Result<u32>;
}

#[derive(Default)]
pub(crate) struct Polly;

#[component]
impl Parrot for Polly {
    async fn plain(&self, message: Plain) -> Result<Plain> {
        Ok(message)
    }

    async fn marked(&self, message: Marked) -> Result<Marked> {
        Ok(message)
    }

    async fn pid(&self) -> Result<u32> {
        Ok(std::process::id())
    }
}

/// `weaver.toml` of a deployment of this program in two processes: `main`, with what it does not call
/// here, and the parrot.
pub(crate) fn config() -> Result<String> {
    let program = std::env::current_exe()?;
    // The `Debug` of a path is a TOML string.
    Ok(format!(
        "[app]\nname = \"rpc\"\nbinary = {program:?}\n\
         [placement]\ndefault = \"together\"\n\
         [groups.parrot]\ncomponents = [\"Parrot\"]\n"
    ))
}

/// A process of the deployment.
pub(crate) fn run(flavour: Flavour) -> ExitCode {
    match flavour {
        Flavour::CurrentThread => current_thread::run(),
        Flavour::MultiThread => multi_thread::run(),
    }
}

mod current_thread {
    use super::*;

    #[weaver::main(flavor = "current_thread")]
    async fn main(parrot: Ref<dyn Parrot>) -> Result<()> {
        call(parrot).await
    }

    pub(super) fn run() -> ExitCode {
        main()
    }
}

mod multi_thread {
    use super::*;

    // As many as `WORKERS` says.
    #[weaver::main(worker_threads = 2)]
    async fn main(parrot: Ref<dyn Parrot>) -> Result<()> {
        call(parrot).await
    }

    pub(super) fn run() -> ExitCode {
        main()
    }
}

async fn call(parrot: Ref<dyn Parrot>) -> Result<()> {
    let Some(Assignment::Rpc(assignment)) = Assignment::of_this_process() else {
        return Err(Error::msg("only the harness runs this"));
    };
    let server_pid = parrot.pid().await?;
    if server_pid == std::process::id() {
        return Err(Error::msg("the parrot is in the same process, where calls are direct"));
    }
    match assignment.system {
        System::OursMarked => assignment.calling(MarkedCalls(parrot), server_pid).await,
        _ => assignment.calling(PlainCalls(parrot), server_pid).await,
    }
}

#[derive(Clone)]
pub(crate) struct PlainCalls(Ref<dyn Parrot>);

impl From<Ref<dyn Parrot>> for PlainCalls {
    fn from(parrot: Ref<dyn Parrot>) -> Self {
        Self(parrot)
    }
}

impl Client for PlainCalls {
    type Message = Plain;

    async fn echo(&self, message: Plain) -> Result<Plain> {
        self.0.plain(message).await
    }

    fn start(self, callers: &mut JoinSet<Result<Latencies>>, load: Load) {
        callers.spawn(caller(self, load));
    }
}

#[derive(Clone)]
pub(crate) struct MarkedCalls(Ref<dyn Parrot>);

impl From<Ref<dyn Parrot>> for MarkedCalls {
    fn from(parrot: Ref<dyn Parrot>) -> Self {
        Self(parrot)
    }
}

impl Client for MarkedCalls {
    type Message = Marked;

    async fn echo(&self, message: Marked) -> Result<Marked> {
        self.0.marked(message).await
    }

    fn start(self, callers: &mut JoinSet<Result<Latencies>>, load: Load) {
        callers.spawn(caller(self, load));
    }
}
