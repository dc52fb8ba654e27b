//! [`Deployment`]: `main`, which has others call; replicas that call; and replicas that are called.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::time::timeout;
use weaver::{Context, Error, Result};

use super::Shape;
use crate::process::{self, Launch, Process};

/// An order takes less than a second.
const ORDER_SECONDS_MAX: u64 = 20;

/// What a process is to do.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Assignment {
    pub(super) callers: usize,
    pub(super) callees: usize,
    pub(super) harness: PathBuf,
}

/// The first word of `main`: the processes that call and those that are called.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Hello {
    pub(super) callers: BTreeSet<u32>,
    pub(super) callees: BTreeSet<u32>,
}

/// What every caller is to do.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(super) in_flight: usize,
    pub(super) milliseconds: u64,
}

impl Order {
    pub(crate) fn new(in_flight: usize, time: Duration) -> Self {
        Self { in_flight, milliseconds: u64::try_from(time.as_millis()).unwrap_or(u64::MAX) }
    }
}

/// One that runs.
#[derive(Debug)]
pub(crate) struct Deployment {
    process: Process,
    pub(crate) callers: BTreeSet<u32>,
    pub(crate) callees: BTreeSet<u32>,
}

impl Deployment {
    /// Starts it, and waits until each caller has reached each callee.
    pub(crate) async fn start(shape: Shape, directory: &Path) -> Result<Self> {
        let Shape { callers, callees } = shape;
        let launch = Launch::Deployed(config(shape)?);
        let assignment =
            |harness| process::Assignment::Scale(Assignment { callers, callees, harness });
        let (process, hello) = Process::start(assignment, launch, directory).await?;
        let Hello { callers, callees } = hello;
        Ok(Self { process, callers, callees })
    }

    pub(crate) fn deployer(&self) -> Result<u32> {
        self.process.pid()
    }

    /// How many calls were answered.
    pub(crate) async fn call(&mut self, order: Order) -> Result<usize> {
        self.process.line.say(&order).await?;
        let limit = Duration::from_secs(ORDER_SECONDS_MAX);
        let answer = timeout(limit, self.process.line.hear::<Result<usize, String>>()).await;
        let answer = answer.context("the deployment has not answered in time")??;
        answer.context("the deployment has ended")?.map_err(Error::msg)
    }

    pub(crate) async fn end(self) -> Result<()> {
        self.process.end().await
    }
}

fn config(shape: Shape) -> Result<String> {
    let program = std::env::current_exe()?;
    let Shape { callers, callees } = shape;
    // The `Debug` of a path is a TOML string.
    Ok(format!(
        "[app]\nname = \"scale\"\nbinary = {program:?}\n\
         [placement]\ndefault = \"together\"\n\
         [groups.callers]\ncomponents = [\"Caller\"]\nreplicas = {callers}\n\
         [groups.callees]\ncomponents = [\"Parrot\"]\nreplicas = {callees}\n"
    ))
}
