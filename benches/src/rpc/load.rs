//! The load, the same for every system: callers that each wait for their answer before they call
//! again (a closed loop).

use std::{
    fmt,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;
use weaver::{Context, Error, Result};

use super::{cpu, message::Message};
use crate::latencies::Latencies;

/// How much is asked of a system at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cell {
    pub(crate) payload_bytes: usize,
    pub(crate) in_flight: usize,
}

impl Cell {
    /// 64 B, 1 KiB, 1 MiB.
    pub(crate) fn size(self) -> impl fmt::Display {
        fmt::from_fn(move |f| match self.payload_bytes {
            bytes @ ..1024 => write!(f, "{bytes} B"),
            bytes @ ..1_048_576 => write!(f, "{} KiB", bytes >> 10),
            bytes => write!(f, "{} MiB", bytes >> 20),
        })
    }
}

/// What one system did in one cell.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Measured {
    pub(crate) calls_per_second: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) p999_us: f64,
    /// The share of the calls that took longer than a threshold, if there was one.
    pub(crate) held_up: Option<f64>,
    /// Processor time of both processes for each call.
    pub(crate) cpu_us: f64,
}

/// One end of a connection, cloned for each caller.
pub(crate) trait Client: Clone + 'static {
    type Message: Message;

    async fn echo(&self, message: Self::Message) -> Result<Self::Message>;

    /// Starts [`caller`] as a task; a client that cannot leave its thread, as a local one. Here and
    /// not in the loop, which cannot say that the future of [`echo`](Self::echo) is `Send`.
    fn start(self, callers: &mut JoinSet<Result<Latencies>>, load: Load);
}

/// What one caller is to do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    caller: usize,
    payload_bytes: usize,
    until: Instant,
}

/// Calls until time is up, and at least once: making a large message may take all of it.
pub(crate) async fn caller<C: Client>(client: C, load: Load) -> Result<Latencies> {
    let mut latencies = Latencies::default();
    let mut message = C::Message::new(load.payload_bytes);
    // Of nobody else, so that another caller's answer is noticed.
    let mut id = (load.caller as u64) << 32;
    loop {
        message.set_id(id);
        let sent = message.clone();
        let began = Instant::now();
        let answer = client.echo(sent).await?;
        latencies.push(began.elapsed());
        if answer != message {
            return Err(Error::msg("an answer is not what was sent"));
        }
        if Instant::now() >= load.until {
            return Ok(latencies);
        }
        id += 1;
    }
}

/// Runs one cell: a quarter of the time to warm up, then what counts.
pub(crate) async fn measure<C: Client>(
    client: &C,
    cell: Cell,
    time: Duration,
    threshold_us: Option<f64>,
    server_pid: u32,
) -> Result<Measured> {
    run(client, cell, time / 4).await?;
    let cpu = || -> Result<Duration> {
        let both = [std::process::id(), server_pid].map(cpu::used);
        let [client, server] = both;
        Ok(client.context("no times of the client")? + server.context("no times of the server")?)
    };
    let (began, cpu_before) = (Instant::now(), cpu()?);
    let mut latencies = run(client, cell, time).await?;
    let (elapsed, cpu_after) = (began.elapsed(), cpu()?);
    let calls = latencies.count() as f64;
    Ok(Measured {
        calls_per_second: calls / elapsed.as_secs_f64(),
        p50_us: latencies.quantile(0.5),
        p99_us: latencies.quantile(0.99),
        p999_us: latencies.quantile(0.999),
        held_up: threshold_us.map(|threshold| latencies.share_above(threshold)),
        cpu_us: cpu_after.saturating_sub(cpu_before).as_secs_f64() * 1e6 / calls,
    })
}

/// Runs one cell for so long.
pub(crate) async fn run<C: Client>(client: &C, cell: Cell, time: Duration) -> Result<Latencies> {
    let Cell { payload_bytes, in_flight } = cell;
    let until = Instant::now() + time;
    let mut callers = JoinSet::new();
    for caller in 0..in_flight {
        client.clone().start(&mut callers, Load { caller, payload_bytes, until });
    }
    let mut latencies = Latencies::default();
    while let Some(caller) = callers.join_next().await {
        latencies.append(caller.context("a caller panics")??);
    }
    Ok(latencies)
}
