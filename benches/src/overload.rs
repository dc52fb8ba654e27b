//! What becomes of a node that is asked for more than it can do.
//!
//! Load is offered at a fixed rate, whatever the answers (an open loop). Goodput is what is answered
//! correctly within a second.

use std::{
    fs,
    time::{Duration, Instant},
};

use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};
use weaver::{CallErrorKind, Context, Ref, Result, component};

use crate::latencies::Latencies;

/// The processor time that one call takes.
const WORK: Duration = Duration::from_millis(1);

/// How long each rate is offered.
const ROUND: Duration = Duration::from_secs(10);

/// Rates, relative to what closed-loop callers get through.
const SWEEP: [f64; 5] = [0.5, 0.75, 1.0, 1.25, 1.5];
const OVERLOAD: f64 = 4.0;

/// An answer later than this is of no use.
const IN_TIME: Duration = Duration::from_secs(1);

/// Calls are sent in bursts this far apart.
const TICK: Duration = Duration::from_millis(5);

#[component]
pub(crate) trait Worker {
    async fn pid(&self) -> Result<u32>;

    /// Takes [`WORK`] of a processor.
    async fn work(&self, number: u64) -> Result<u64>;
}

#[derive(Default)]
struct Busy;

#[component]
impl Worker for Busy {
    async fn pid(&self) -> Result<u32> {
        Ok(std::process::id())
    }

    async fn work(&self, number: u64) -> Result<u64> {
        let began = Instant::now();
        while began.elapsed() < WORK {
            std::hint::spin_loop();
        }
        Ok(number + 1)
    }
}

/// The memory of a process, in bytes; 0 where there is no `/proc`.
fn resident_bytes(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kibibytes.unwrap_or(0) * 1024
}

/// What became of the calls of one round.
#[derive(Default)]
struct Outcome {
    sent: u64,
    in_time: u64,
    late: u64,
    refused: u64,
    failed: u64,
    latencies: Latencies,
}

enum Fate {
    Answered(Duration),
    Refused,
    Failed,
}

pub(crate) async fn measure(worker: &Ref<dyn Worker>) -> Result<()> {
    let capacity = capacity(worker).await?;
    println!(
        "\noverload: {WORK:?} of work a call; 16 callers get {capacity:.0} calls/s through; goodput is within {IN_TIME:?}"
    );
    println!(
        "{:>9}  {:>8}  {:>8}  {:>7}  {:>8}  {:>7}  {:>8}  {:>8}",
        "offered/s", "goodput", "late", "refused", "failed", "p50 ms", "p99 ms", "MiB"
    );
    let mut best = 0.0_f64;
    for share in SWEEP {
        best = best.max(round(worker, capacity * share).await?);
    }
    let overloaded = round(worker, capacity * OVERLOAD).await?;
    println!("goodput at {OVERLOAD} times the load ÷ the best: {:.2}", overloaded / best);
    Ok(())
}

/// What callers that wait for their answers get through.
async fn capacity(worker: &Ref<dyn Worker>) -> Result<f64> {
    const TIME: Duration = Duration::from_secs(3);
    let until = Instant::now() + TIME;
    let mut callers = JoinSet::new();
    for _ in 0..16 {
        let worker = worker.clone();
        callers.spawn(async move {
            let mut calls = 0_u32;
            while Instant::now() < until {
                worker.work(1).await?;
                calls += 1;
            }
            Ok::<_, weaver::Error>(calls)
        });
    }
    let mut calls = 0.0;
    while let Some(caller) = callers.join_next().await {
        calls += f64::from(caller.context("a caller panics")??);
    }
    Ok(calls / TIME.as_secs_f64())
}

/// Offers so many calls a second; the goodput.
async fn round(worker: &Ref<dyn Worker>, rate: f64) -> Result<f64> {
    let (mut outcome, mut calls) = (Outcome::default(), JoinSet::new());
    let began = Instant::now();
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (pid, mut memory) = (worker.pid().await?, 0);
    while began.elapsed() < ROUND {
        ticks.tick().await;
        let due = (began.elapsed().as_secs_f64() * rate) as u64;
        while outcome.sent < due {
            calls.spawn(call(worker.clone(), outcome.sent));
            outcome.sent += 1;
        }
        while let Some(fate) = calls.try_join_next() {
            outcome.add(fate.context("a call panics")?);
        }
        memory = memory.max(resident_bytes(pid));
    }
    while let Some(fate) = calls.join_next().await {
        outcome.add(fate.context("a call panics")?);
    }
    let goodput = outcome.in_time as f64 / ROUND.as_secs_f64();
    outcome.print(rate, goodput, memory);
    Ok(goodput)
}

async fn call(worker: Ref<dyn Worker>, number: u64) -> Fate {
    let began = Instant::now();
    match worker.work(number).await {
        Ok(next) if next == number + 1 => Fate::Answered(began.elapsed()),
        Ok(_) => Fate::Failed,
        Err(error) => match error.call_error().map(weaver::CallError::kind) {
            Some(CallErrorKind::Refused(_)) => Fate::Refused,
            _ => Fate::Failed,
        },
    }
}

impl Outcome {
    fn add(&mut self, fate: Fate) {
        match fate {
            Fate::Answered(latency) => {
                self.latencies.push(latency);
                *(if latency <= IN_TIME { &mut self.in_time } else { &mut self.late }) += 1;
            }
            Fate::Refused => self.refused += 1,
            Fate::Failed => self.failed += 1,
        }
    }

    fn print(&mut self, rate: f64, goodput: f64, memory: u64) {
        let (p50, p99) = (self.latencies.quantile(0.5) / 1e3, self.latencies.quantile(0.99) / 1e3);
        let (late, refused, failed) = (self.late, self.refused, self.failed);
        let mebibytes = memory >> 20;
        println!(
            "{rate:>9.0}  {goodput:>8.0}  {late:>8}  {refused:>7}  {failed:>8}  {p50:>7.1}  {p99:>8.1}  {mebibytes:>8}"
        );
    }
}
