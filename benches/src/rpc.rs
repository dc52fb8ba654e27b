//! Ours and other systems in turns, each with its client and its server in processes of their own:
//! the same messages there and back, from the same load loop, on the same kind of runtime.

pub(crate) mod cpu;
pub(crate) mod load;
pub(crate) mod message;
pub(crate) mod ours;
pub(crate) mod part;
pub(crate) mod peers;
mod report;

use std::{process::ExitCode, time::Duration};

use tokio::runtime::{Builder, Runtime};
use weaver::{Error, Result};

use crate::figures::median;
use load::Cell;
pub(crate) use part::Assignment;
use part::{Contestant, Flavour, Place, Role, WORKERS};
use peers::{Identity, System};
use report::{Report, Row};

/// What is measured, and for how long.
struct Plan {
    systems: Vec<System>,
    payloads_bytes: &'static [usize],
    in_flight: &'static [usize],
    rounds: usize,
    /// For each cell of each system in each round, after a quarter of it to warm up.
    time: Duration,
    /// Into a file, and not only to the terminal.
    kept: bool,
}

/// What one connection can be expected to hold at once. 512 calls of 1 MiB, which everybody copies
/// several times, would measure the machine's memory; ours refuses some, by its limits.
const IN_FLIGHT_BYTES_MAX: usize = 64 << 20;

impl Plan {
    fn full() -> Self {
        Self {
            systems: System::ALL.to_vec(),
            payloads_bytes: &[64, 1024, 64 << 10, 1 << 20],
            in_flight: &[1, 8, 64, 512],
            rounds: 3,
            time: Duration::from_millis(300),
            kept: true,
        }
    }

    /// Only whether all systems work.
    fn smoke() -> Self {
        Self {
            payloads_bytes: &[64, 1 << 20],
            in_flight: &[1, 4],
            rounds: 1,
            time: Duration::from_millis(30),
            kept: false,
            ..Self::full()
        }
    }

    /// `--smoke`, and words of which one must be in a system's name. Ours are compared with, always.
    fn of(arguments: impl Iterator<Item = String>) -> Result<Self> {
        let (options, words): (Vec<_>, Vec<_>) =
            arguments.partition(|argument| argument.starts_with('-'));
        let mut plan = match options.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            [] => Self::full(),
            ["--smoke"] => Self::smoke(),
            _ => return Err(Error::msg("the one option is `--smoke`")),
        };
        if !words.is_empty() {
            // Not what a report is compared with.
            plan.kept = false;
            let named =
                |system: &System| words.iter().any(|word| system.to_string().contains(word));
            plan.systems.retain(|system| system.is_ours() || named(system));
        }
        Ok(plan)
    }

    fn cells(&self) -> impl Iterator<Item = Cell> {
        let cells = self.payloads_bytes.iter().flat_map(|&payload_bytes| {
            self.in_flight.iter().map(move |&in_flight| Cell { payload_bytes, in_flight })
        });
        cells.filter(|cell| cell.payload_bytes * cell.in_flight <= IN_FLIGHT_BYTES_MAX)
    }
}

/// The harness.
pub(crate) fn main(arguments: impl Iterator<Item = String>) -> Result<()> {
    let plan = Plan::of(arguments)?;
    Flavour::CurrentThread.runtime()?.block_on(compare(&plan))
}

/// What a remote call of 64 bytes takes, in microseconds: one at a time, and one of 64 in flight.
pub(crate) fn ours_alone() -> Result<[f64; 2]> {
    let plan = Plan {
        systems: vec![System::Ours],
        payloads_bytes: &[64],
        in_flight: &[1, 64],
        kept: false,
        ..Plan::full()
    };
    let mut failures = Vec::new();
    let measured = rounds(&plan, Flavour::CurrentThread, &mut failures);
    let rows = Flavour::CurrentThread.runtime()?.block_on(measured)?;
    match (rows.as_slice(), failures.is_empty()) {
        ([one, many], true) => Ok([
            median(one.rounds.iter().map(|round| round.p50_us)),
            median(many.rounds.iter().map(|round| 1e6 / round.calls_per_second)),
        ]),
        _ => Err(Error::msg(failures.join("; "))),
    }
}

/// A process that the harness started.
pub(crate) fn take_part(assignment: &Assignment) -> ExitCode {
    if let Role::Deployment = assignment.role {
        return ours::run(assignment.flavour);
    }
    let ran =
        assignment.flavour.runtime().and_then(|runtime| runtime.block_on(peers::run(assignment)));
    crate::exit_code(ran)
}

impl Flavour {
    pub(crate) fn runtime(self) -> Result<Runtime> {
        let mut builder = match self {
            Self::CurrentThread => Builder::new_current_thread(),
            Self::MultiThread => Builder::new_multi_thread(),
        };
        Ok(builder.worker_threads(WORKERS).enable_all().build()?)
    }
}

/// Fails at the end if a system has; the others' rows are there all the same.
async fn compare(plan: &Plan) -> Result<()> {
    let (mut rows, mut failures) = (Vec::new(), Vec::new());
    for flavour in [Flavour::CurrentThread, Flavour::MultiThread] {
        rows.append(&mut rounds(plan, flavour, &mut failures).await?);
    }
    let report = Report::new(rows, plan.rounds, plan.time);
    println!("{}", report.to_markdown());
    if plan.kept {
        report.keep()?;
    }
    match failures.len() {
        0 => Ok(()),
        count => Err(Error::msg(format!("{count} failures: {}", failures.join("; ")))),
    }
}

/// Every round measures each cell of all systems in turn, so that a change of the machine's speed
/// meets all alike.
async fn rounds(plan: &Plan, flavour: Flavour, failures: &mut Vec<String>) -> Result<Vec<Row>> {
    let identity = Identity::new()?;
    let directories = tempfile::tempdir()?;
    let mut failed = |system: System, error: &Error| {
        eprintln!("{system} ({flavour}) fails: {error:#}");
        failures.push(format!("{system} ({flavour})"));
    };
    let mut contestants = Vec::new();
    for &system in &plan.systems {
        let directory = directories.path().join(format!("{system:?}"));
        std::fs::create_dir(&directory)?;
        match Contestant::start(system, flavour, &identity, Place::Loopback, &directory).await {
            Ok(contestant) => contestants.push(contestant),
            Err(error) => failed(system, &error),
        }
    }
    let mut rows: Vec<Row> = Vec::new();
    for round in 1..=plan.rounds {
        eprintln!("{flavour}: round {round} of {}", plan.rounds);
        for cell in plan.cells() {
            let mut still = Vec::new();
            for mut contestant in contestants {
                let system = contestant.system;
                match contestant.measure(cell, plan.time, None).await {
                    Ok(measured) => {
                        Row::of(&mut rows, flavour, cell, system).rounds.push(measured);
                        still.push(contestant);
                    }
                    Err(error) => {
                        let Cell { payload_bytes, in_flight } = cell;
                        let at = format!("{in_flight} calls of {payload_bytes} bytes");
                        failed(system, &error.context(at));
                    }
                }
            }
            contestants = still;
        }
    }
    for contestant in contestants {
        let system = contestant.system;
        if let Err(error) = contestant.end().await {
            failed(system, &error);
        }
    }
    Ok(rows)
}
