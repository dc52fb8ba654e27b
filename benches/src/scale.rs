//! How what a call costs, and what a deployment holds, grow with its size: with the pairs of processes
//! that call each other, and with the replicas that one process calls.

mod caller;
mod census;
mod deployment;
mod growth;
mod table;

use std::{process::ExitCode, time::Duration};

use tokio::{runtime::Builder, time::sleep};
use weaver::Result;
use weaver_runtime::limits::KEEP_ALIVE_SECONDS;

use crate::{figures::median, origin::Origin};
use census::{Processes, Work};
pub(crate) use deployment::Assignment;
use deployment::{Deployment, Order};
use table::{Row, Table};

/// How many processes call, and how many each of them calls.
const PAIRS: [Shape; 4] = [Shape::of(1, 1), Shape::of(2, 2), Shape::of(4, 4), Shape::of(8, 8)];

const REPLICAS: [Shape; 6] = [
    Shape::of(1, 1),
    Shape::of(1, 2),
    Shape::of(1, 4),
    Shape::of(1, 8),
    Shape::of(1, 16),
    Shape::of(1, 32),
];

/// For each pair, so that a connection has as much to do in a large deployment as in a small one.
const IN_FLIGHT_OF_PAIR: usize = 4;

/// Rounds of one deployment, of which the one in the middle counts.
const ROUNDS: usize = 3;

/// Thousands of calls.
const ROUND: Duration = Duration::from_millis(500);

const WARM_UP: Duration = Duration::from_millis(400);

/// Until what the calls have started has ended: timers, acknowledgements, what a child has printed.
const SETTLING: Duration = Duration::from_millis(500);

/// How long nobody calls: each connection says twice that it is alive.
const IDLE: Duration = Duration::from_secs(2 * KEEP_ALIVE_SECONDS);

/// The size of a deployment, without `main` and the deployer.
#[derive(Clone, Copy, Debug)]
struct Shape {
    callers: usize,
    callees: usize,
}

impl Shape {
    const fn of(callers: usize, callees: usize) -> Self {
        Self { callers, callees }
    }

    fn pairs(self) -> usize {
        self.callers * self.callees
    }
}

/// What calls took.
#[derive(Clone, Copy, Debug)]
struct Calls {
    per_second: f64,
    /// Processor time of all processes, for each call.
    cpu_us: f64,
    /// How often a thread of them waited, for each call.
    waits: f64,
}

impl Calls {
    /// A round in which each caller has so many calls in flight.
    async fn round(
        deployment: &mut Deployment,
        processes: &Processes,
        in_flight: usize,
    ) -> Result<Self> {
        let work = Work::begin(processes)?;
        let calls = deployment.call(Order::new(in_flight, ROUND)).await? as f64;
        let (elapsed, used) = work.end(processes)?;
        Ok(Self {
            per_second: calls / elapsed.as_secs_f64(),
            cpu_us: used.total().as_secs_f64() * 1e6 / calls,
            waits: used.waits as f64 / calls,
        })
    }

    fn median(rounds: &[Self]) -> Self {
        let of = |figure: fn(&Self) -> f64| median(rounds.iter().map(figure));
        Self {
            per_second: of(|round| round.per_second),
            cpu_us: of(|round| round.cpu_us),
            waits: of(|round| round.waits),
        }
    }
}

/// The harness.
pub(crate) fn main() -> Result<()> {
    Builder::new_current_thread().enable_all().build()?.block_on(measure())
}

/// A process that the harness started.
pub(crate) fn take_part() -> ExitCode {
    caller::run()
}

async fn measure() -> Result<()> {
    let tables = [
        Table { title: "pairs", shapes: &PAIRS },
        Table { title: "replicas of one callee", shapes: &REPLICAS },
    ];
    println!("{}", Origin::now().heading("Scale"));
    for table in &tables {
        let mut rows = Vec::new();
        for &shape in table.shapes {
            eprintln!("{}: {} callers, {} callees", table.title, shape.callers, shape.callees);
            rows.push(row(shape).await?);
        }
        println!("{}", table.of(&rows));
    }
    Ok(())
}

/// Starts a deployment, lets it call, leaves it alone, and ends it.
async fn row(shape: Shape) -> Result<Row> {
    let directory = tempfile::tempdir()?;
    let mut deployment = Deployment::start(shape, directory.path()).await?;
    let processes = Processes::of(&deployment)?;
    let in_flight = IN_FLIGHT_OF_PAIR * shape.callees;
    deployment.call(Order::new(in_flight, WARM_UP)).await?;
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        rounds.push(Calls::round(&mut deployment, &processes, in_flight).await?);
    }
    let alone = Calls::round(&mut deployment, &processes, 1).await?;
    sleep(SETTLING).await;
    let work = Work::begin(&processes)?;
    sleep(IDLE).await;
    let (elapsed, used) = work.end(&processes)?;
    let holdings = processes.holdings()?;
    deployment.end().await?;
    Ok(Row {
        shape,
        calls: Calls::median(&rounds),
        alone,
        idle_of_nodes: used.nodes.as_secs_f64() / elapsed.as_secs_f64(),
        idle_of_deployer: used.deployer.as_secs_f64() / elapsed.as_secs_f64(),
        holdings,
    })
}
