//! The component that is replicated and killed, and those who call it meanwhile.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::task::JoinSet;
use weaver::{CallError, CallErrorKind, Context, Ref, Result, component};

#[component]
pub(super) trait Worker {
    /// Its process.
    async fn pid(&self) -> Result<u32, CallError>;

    /// Works for a moment, so that calls are in flight at any time.
    async fn double(&self, number: u64) -> Result<u64, CallError>;
}

#[derive(Default)]
struct Busy;

#[component]
impl Worker for Busy {
    async fn pid(&self) -> Result<u32, CallError> {
        Ok(weaver::process_id())
    }

    async fn double(&self, number: u64) -> Result<u64, CallError> {
        tokio::time::sleep(Duration::from_millis(WORK_MILLISECONDS)).await;
        Ok(number * 2)
    }
}

const WORK_MILLISECONDS: u64 = 2;
const CALLERS: u64 = 8;

/// A call waits up to 10 s for a replica to come back; a call that takes longer than this hangs.
const CALL_SECONDS_MAX: u64 = 30;

/// How many calls each caller makes when nothing is killed any more.
const CALLS_AFTERWARDS: u64 = 200;

/// What became of calls. A wrong answer, another error or a hang is a panic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) right: u64,
    pub(super) not_sent: u64,
    pub(super) outcome_unknown: u64,
}

impl Tally {
    async fn call(&mut self, worker: &Ref<dyn Worker>, number: u64) {
        let limit = Duration::from_secs(CALL_SECONDS_MAX);
        let answer = tokio::time::timeout(limit, worker.double(number)).await;
        match answer.expect("a call hangs") {
            Ok(double) => {
                assert_eq!(double, number * 2, "a wrong answer");
                self.right += 1;
            }
            Err(error) => match error.kind() {
                CallErrorKind::NotSent { .. } => self.not_sent += 1,
                CallErrorKind::OutcomeUnknown { .. } => self.outcome_unknown += 1,
                _ => panic!("an error that does not fit: {error}"),
            },
        }
    }

    fn add(self, other: Self) -> Self {
        Self {
            right: self.right + other.right,
            not_sent: self.not_sent + other.not_sent,
            outcome_unknown: self.outcome_unknown + other.outcome_unknown,
        }
    }
}

/// Tasks that call in a loop until they are stopped.
pub(super) struct Callers {
    stop: Arc<AtomicBool>,
    tasks: JoinSet<Tally>,
}

impl Callers {
    pub(super) fn start(worker: &Ref<dyn Worker>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut tasks = JoinSet::new();
        for caller in 0..CALLERS {
            let (worker, stop) = (worker.clone(), Arc::clone(&stop));
            tasks.spawn(async move {
                let mut tally = Tally::default();
                let mut number = caller << 32;
                while !stop.load(Ordering::SeqCst) {
                    number += 1;
                    tally.call(&worker, number).await;
                }
                tally
            });
        }
        Self { stop, tasks }
    }

    pub(super) async fn stop(self) -> Result<Tally> {
        self.stop.store(true, Ordering::SeqCst);
        sum(self.tasks).await
    }
}

/// As many callers as before, each making a number of calls.
pub(super) async fn call_all(worker: &Ref<dyn Worker>) -> Result<Tally> {
    let mut tasks = JoinSet::new();
    for caller in 0..CALLERS {
        let worker = worker.clone();
        tasks.spawn(async move {
            let mut tally = Tally::default();
            for call in 0..CALLS_AFTERWARDS {
                tally.call(&worker, caller << 32 | call).await;
            }
            tally
        });
    }
    sum(tasks).await
}

async fn sum(mut tasks: JoinSet<Tally>) -> Result<Tally> {
    let mut sum = Tally::default();
    while let Some(tally) = tasks.join_next().await {
        sum = sum.add(tally.context("a caller panicked")?);
    }
    Ok(sum)
}
