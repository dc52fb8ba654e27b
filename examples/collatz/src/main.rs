//! The Collatz sequence of a number, computed by two components that take turns.
//!
//! `GET /?x=8` answers `8`, `4`, `2` and `1`, each on a line of its own.

use axum::{
    Router,
    extract::{Query, State},
    http::StatusCode,
    routing::get,
};
use serde::Deserialize;
use weaver::{Context, Listener, Ref, Result, component};

/// Knows what follows an even number.
#[component]
pub trait Even {
    /// The number after `x`, and the process that computed it.
    async fn next(&self, x: u64) -> Result<Step>;
}

/// Knows what follows an odd number.
#[component]
pub trait Odd {
    /// The number after `x`, and the process that computed it.
    async fn next(&self, x: u64) -> Result<Step>;
}

/// One step of the sequence.
#[derive(serde::Serialize, Deserialize)]
pub struct Step {
    /// The next number.
    pub x: u64,
    /// The process that computed it.
    pub pid: u32,
}

impl Step {
    fn to(x: u64) -> Self {
        Self { x, pid: weaver::process_id() }
    }
}

#[derive(Default)]
struct Halve;

#[component]
impl Even for Halve {
    async fn next(&self, x: u64) -> Result<Step> {
        Ok(Step::to(x / 2))
    }
}

#[derive(Default)]
struct TripleAndOne;

#[component]
impl Odd for TripleAndOne {
    async fn next(&self, x: u64) -> Result<Step> {
        let tripled = x.checked_mul(3).and_then(|x| x.checked_add(1));
        Ok(Step::to(tripled.context("the sequence leaves 64 bits")?))
    }
}

#[derive(Clone)]
struct Components {
    even: Ref<dyn Even>,
    odd: Ref<dyn Odd>,
}

#[derive(Deserialize)]
struct Start {
    x: u64,
}

impl Components {
    async fn sequence(&self, mut x: u64) -> Result<Vec<Step>> {
        let mut steps = vec![Step::to(x)];
        while x > 1 {
            let step = if x.is_multiple_of(2) {
                self.even.next(x).await?
            } else {
                self.odd.next(x).await?
            };
            x = step.x;
            steps.push(step);
        }
        Ok(steps)
    }
}

type Answer = Result<String, (StatusCode, String)>;

async fn numbers(State(components): State<Components>, Query(start): Query<Start>) -> Answer {
    let steps = components.sequence(start.x).await.map_err(failed)?;
    Ok(steps.iter().map(|step| format!("{}\n", step.x)).collect())
}

async fn processes(State(components): State<Components>, Query(start): Query<Start>) -> Answer {
    let steps = components.sequence(start.x).await.map_err(failed)?;
    Ok(steps.iter().map(|step| format!("{} by process {}\n", step.x, step.pid)).collect())
}

fn failed(error: weaver::Error) -> (StatusCode, String) {
    (StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}\n"))
}

#[weaver::main]
async fn main(collatz: Listener, even: Ref<dyn Even>, odd: Ref<dyn Odd>) -> Result<()> {
    let router = Router::new()
        .route("/", get(numbers))
        .route("/processes", get(processes))
        .with_state(Components { even, odd });
    axum::serve(collatz, router).await?;
    Ok(())
}
