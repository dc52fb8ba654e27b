//! [`Caller`]: what the processes of the deployment do: `main` has each caller call the parrots.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::ExitCode,
    time::{Duration, Instant},
};

use tokio::{task::JoinSet, time::sleep};
use weaver::{App, Component, Context, Error, Ref, Result, component};

use super::deployment::{Assignment, Hello, Order};
use crate::{
    process::{self, Line},
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

/// Calls for each callee that look for it: chance leaves few of them out.
const REACH_CALLS: usize = 4;

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
        let (pid, pids) = caller.reach(key, REACH_CALLS * callees).await?;
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
