//! [`Deployment`]: `main`, which has others call; replicas that call; and replicas that are called.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};
use weaver::{App, Component, Context, Error, Ref, Result, component};

use super::Shape;
use crate::{
    process::{self, Launch, Line, Process},
    rpc::{
        load::{self, Cell},
        ours::{Parrot, PlainCalls},
    },
};

/// What every call carries there and back.
const PAYLOAD_BYTES: usize = 64;

/// Replicas start one after the other; dozens on two busy cores take seconds.
const REACH_SECONDS_MAX: u64 = 25;

/// Between two looks for the replicas that are not there yet.
const REACH_PAUSE: Duration = Duration::from_millis(20);

/// An order takes less than a second.
const ORDER_SECONDS_MAX: u64 = 20;

/// What a process is to do.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Assignment {
    callers: usize,
    callees: usize,
    harness: PathBuf,
}

/// The first word of `main`: the processes that call and those that are called.
#[derive(Debug, Serialize, Deserialize)]
struct Hello {
    callers: BTreeSet<u32>,
    callees: BTreeSet<u32>,
}

/// What every caller is to do.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    in_flight: usize,
    milliseconds: u64,
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

/// Calls the parrots when it is told to.
#[component]
trait Caller {
    /// Its process, and the different ones that answered so many calls at once. Where a key leads
    /// is settled once all replicas are there.
    #[route(key)]
    async fn reach(&self, key: u64, calls: usize) -> Result<(u32, BTreeSet<u32>)>;

    /// Its process, and how many calls were answered.
    #[route(key)]
    async fn call(&self, key: u64, order: Order) -> Result<(u32, usize)>;
}

#[derive(Component)]
struct Looping {
    parrot: Ref<dyn Parrot>,
}

#[component]
impl Caller for Looping {
    async fn reach(&self, _key: u64, calls: usize) -> Result<(u32, BTreeSet<u32>)> {
        let mut answers = JoinSet::new();
        for _ in 0..calls {
            let parrot = self.parrot.clone();
            answers.spawn(async move { parrot.pid().await });
        }
        let mut pids = BTreeSet::new();
        while let Some(answer) = answers.join_next().await {
            pids.insert(answer.context("a call panics")??);
        }
        Ok((std::process::id(), pids))
    }

    async fn call(&self, _key: u64, order: Order) -> Result<(u32, usize)> {
        let cell = Cell { payload_bytes: PAYLOAD_BYTES, in_flight: order.in_flight };
        let time = Duration::from_millis(order.milliseconds);
        let latencies = load::run(&PlainCalls::from(self.parrot.clone()), cell, time).await?;
        Ok((std::process::id(), latencies.count()))
    }
}

mod program {
    use super::*;

    #[weaver::main]
    async fn main(app: App) -> Result<()> {
        match process::Assignment::of_this_process() {
            Some(process::Assignment::Scale(assignment)) => direct(&app, &assignment).await,
            _ => Err(Error::msg("only the harness runs this")),
        }
    }

    pub(super) fn run() -> ExitCode {
        main()
    }
}

/// A process of the deployment.
pub(super) fn run() -> ExitCode {
    program::run()
}

/// What `main` does: has all callers do what the harness orders, until it ends.
async fn direct(app: &App, assignment: &Assignment) -> Result<()> {
    let caller: Ref<dyn Caller> = app.get().await?;
    let (keys, callees) = reach_all(&caller, assignment).await?;
    let mut harness = Line::connect(&assignment.harness).await?;
    harness.say(&Hello { callers: keys.keys().copied().collect(), callees }).await?;
    while let Some(order) = harness.hear().await? {
        let calls = call_all(&caller, &keys, order).await;
        harness.say(&calls.map_err(|error| format!("{error:#}"))).await?;
    }
    Ok(())
}

/// A key for each caller, and the callees, each of which has answered each caller.
async fn reach_all(
    caller: &Ref<dyn Caller>,
    assignment: &Assignment,
) -> Result<(BTreeMap<u32, u64>, BTreeSet<u32>)> {
    let &Assignment { callers, callees, .. } = assignment;
    let began = Instant::now();
    let (mut keys, mut reached) = (BTreeMap::new(), BTreeMap::new());
    for key in 0.. {
        let (pid, pids) = caller.reach(key, 4 * callees).await?;
        keys.insert(pid, key);
        let its: &mut BTreeSet<u32> = reached.entry(pid).or_default();
        its.extend(pids);
        if reached.len() == callers && reached.values().all(|its| its.len() == callees) {
            break;
        }
        if began.elapsed().as_secs() > REACH_SECONDS_MAX {
            let there: Vec<_> = reached.values().map(BTreeSet::len).collect();
            return Err(Error::msg(format!(
                "of {callers} callers, each of which is to reach {callees} callees, there are some \
                 that reach {there:?}: run this when the machine has less to do"
            )));
        }
        sleep(REACH_PAUSE).await;
    }
    let callees = reached.into_values().next().unwrap_or_default();
    Ok((keys, callees))
}

async fn call_all(
    caller: &Ref<dyn Caller>,
    keys: &BTreeMap<u32, u64>,
    order: Order,
) -> Result<usize> {
    let mut answers = JoinSet::new();
    for (&pid, &key) in keys {
        let caller = caller.clone();
        answers.spawn(async move { (pid, caller.call(key, order).await) });
    }
    let mut calls = 0;
    while let Some(answer) = answers.join_next().await {
        let (wanted, answer) = answer.context("an order panics")?;
        let (pid, its) = answer?;
        if pid != wanted {
            return Err(Error::msg("a key leads to another caller than before: run this again"));
        }
        calls += its;
    }
    Ok(calls)
}
