//! Rounds of direct calls, in turns. Also part of the programs of [`idle`](super::idle).

use std::{
    hint::black_box,
    pin::pin,
    sync::Arc,
    task::{self, Poll, Waker},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use tokio::runtime::Builder;
use weaver::{App, Error, Ref, Result, component};

use crate::figures::nanoseconds;

/// For each kind of call in each round, at least.
const TIME: Duration = Duration::from_millis(30);

#[component]
pub(crate) trait Adder {
    async fn add(&self, a: u64, b: u64) -> Result<u64>;
}

#[derive(Default)]
struct Ours;

#[component]
impl Adder for Ours {
    async fn add(&self, a: u64, b: u64) -> Result<u64> {
        Ok(black_box(a) + b)
    }
}

/// What an author would write without weaver.
#[async_trait::async_trait]
trait AsyncTrait: Send + Sync {
    async fn add(&self, a: u64, b: u64) -> Result<u64>;
}

struct Plain;

#[async_trait::async_trait]
impl AsyncTrait for Plain {
    async fn add(&self, a: u64, b: u64) -> Result<u64> {
        Ok(black_box(a) + b)
    }
}

impl Plain {
    async fn add(&self, a: u64, b: u64) -> Result<u64> {
        Ok(black_box(a) + b)
    }
}

/// What one program measured.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Run {
    /// Until the component can be called, and all others are being built.
    pub(crate) start_ms: f64,
    pub(crate) rounds: Vec<Round>,
}

/// Nanoseconds of a call.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Round {
    pub(crate) ours: f64,
    pub(crate) async_trait: f64,
    pub(crate) plain: f64,
}

pub(crate) fn run(rounds: usize) -> Result<Run> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let began = Instant::now();
    let ours: Ref<dyn Adder> =
        runtime.block_on(async { App::builder().start().await?.get().await })?;
    let start_ms = began.elapsed().as_secs_f64() * 1e3;
    // The compiler does not know what is behind it, as it does not in a program.
    let dynamic: Arc<dyn AsyncTrait> = black_box(Arc::new(Plain));
    let _inside = runtime.enter();
    let round = |_| {
        Ok(Round {
            ours: nanoseconds(TIME, || three(ours.add(black_box(1), 2)))?,
            async_trait: nanoseconds(TIME, || three(dynamic.add(black_box(1), 2)))?,
            plain: nanoseconds(TIME, || three(Plain.add(black_box(1), 2)))?,
        })
    };
    Ok(Run { start_ms, rounds: (0..rounds).map(round).collect::<Result<_>>()? })
}

/// Polls a call once, which is all that one of these needs.
fn three(call: impl Future<Output = Result<u64>>) -> Result<()> {
    match pin!(call).poll(&mut task::Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(3)) => Ok(()),
        Poll::Ready(Ok(other)) => Err(Error::msg(format!("1 + 2 is not {other}"))),
        Poll::Ready(Err(error)) => Err(error),
        Poll::Pending => Err(Error::msg("a direct call waits")),
    }
}
