//! From the start of a process until its first call is answered: in one process, deployed, and on a
//! connection that is new.

use std::{
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use tokio::{runtime::Builder, time::sleep};
use weaver::{App, Error, Ref, Result};

use crate::{
    figures::{median, two_digits},
    origin::Origin,
    process::{self, Launch, Line, Process},
    rpc::ours::{self, Parrot},
};

const ROUNDS: usize = 20;

/// A deployment takes longer, and ends later.
const DEPLOYMENTS: usize = 10;

/// Until every process of a deployment has long been waiting for calls.
const SETTLING: Duration = Duration::from_secs(1);

/// How many calls on a connection the first answer is compared with.
const LATER_CALLS: usize = 100;

/// What a process is to do.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Assignment {
    role: Role,
    harness: PathBuf,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum Role {
    /// Has itself answered by a plain `async fn`: what a process, tokio and word of it cost.
    Bare,
    /// `main` calls a component, wherever it is, and says where that was.
    Calling,
    /// `main` waits before it reaches for a component for the first time, and says how long that took.
    Connecting,
}

/// Where a call was answered.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Answered {
    Here,
    Elsewhere,
}

/// What one new connection took.
#[derive(Debug, Serialize, Deserialize)]
struct Connection {
    /// Dial, handshake and the first answer.
    first_ms: f64,
    /// The median of the calls after it.
    later_ms: f64,
}

/// The harness.
pub(crate) fn main() -> Result<()> {
    Builder::new_current_thread().enable_all().build()?.block_on(measure())
}

async fn measure() -> Result<()> {
    let mut starts = STARTS.map(|_| Vec::new());
    // Alone first: what a deployment leaves behind slows down the process after it.
    for (is_deployed, rounds) in [(false, ROUNDS), (true, DEPLOYMENTS)] {
        for round in 1..=rounds {
            eprintln!("{}: {round} of {rounds}", if is_deployed { "deployed" } else { "alone" });
            for (start, milliseconds) in STARTS.iter().zip(&mut starts) {
                if start.is_deployed == is_deployed {
                    milliseconds.push(start.measure().await?);
                }
            }
        }
    }
    let mut connections = Vec::new();
    for round in 1..=DEPLOYMENTS {
        eprintln!("new connections: {round} of {DEPLOYMENTS}");
        let (_, connection) = started::<Connection>(Role::Connecting, deployed()?).await?;
        connections.push(connection);
    }
    println!("{}", Origin::now().heading("Starts"));
    println!("| until the first answer | ms | least | most | ÷ the first row |");
    println!("| --- | --: | --: | --: | --: |");
    let bare = starts[0].clone();
    for (start, milliseconds) in STARTS.iter().zip(&starts) {
        let ratio = median(milliseconds.iter().zip(&bare).map(|(its, bare)| its / bare));
        println!("| {} | {} | {} |", start.name, spread(milliseconds), two_digits(ratio));
    }
    println!("\n| on a new connection | ms | least | most |");
    println!("| --- | --: | --: | --: |");
    let row = |name: &str, value: fn(&Connection) -> f64| {
        let milliseconds: Vec<_> = connections.iter().map(value).collect();
        println!("| {name} | {} |", spread(&milliseconds));
    };
    row("the first answer, with the handshake", |connection| connection.first_ms);
    row("a later answer", |connection| connection.later_ms);
    row("the difference", |connection| connection.first_ms - connection.later_ms);
    Ok(())
}

/// A row of the table.
struct Start {
    name: &'static str,
    role: Role,
    is_deployed: bool,
    answered: Answered,
}

const STARTS: [Start; 3] = [
    Start {
        name: "tokio and a plain `async fn`",
        role: Role::Bare,
        is_deployed: false,
        answered: Answered::Here,
    },
    Start {
        name: "the program in one process",
        role: Role::Calling,
        is_deployed: false,
        answered: Answered::Here,
    },
    Start {
        name: "`weaver deploy`, until `main` is answered by another process",
        role: Role::Calling,
        is_deployed: true,
        answered: Answered::Elsewhere,
    },
];

impl Start {
    async fn measure(&self) -> Result<f64> {
        let launch = if self.is_deployed { deployed()? } else { Launch::Alone };
        let (elapsed, answered) = started::<Answered>(self.role, launch).await?;
        if answered != self.answered {
            return Err(Error::msg(format!("{}: answered {answered:?}", self.name)));
        }
        Ok(milliseconds(elapsed))
    }
}

/// How long a process took until its first word, and that; now it has ended.
async fn started<Hello>(role: Role, launch: Launch) -> Result<(Duration, Hello)>
where
    Hello: for<'de> Deserialize<'de>,
{
    let directory = tempfile::tempdir()?;
    let assignment = |harness| process::Assignment::Start(Assignment { role, harness });
    let began = Instant::now();
    let (process, hello) = Process::start(assignment, launch, directory.path()).await?;
    let elapsed = began.elapsed();
    process.end().await?;
    Ok((elapsed, hello))
}

fn deployed() -> Result<Launch> {
    Ok(Launch::Deployed(ours::config()?))
}

/// Columns: the median, the least, the most.
fn spread(values: &[f64]) -> String {
    let (least, most) = values.iter().fold((f64::INFINITY, 0.0), |(least, most), &value| {
        (f64::min(least, value), f64::max(most, value))
    });
    format!("{:.2} | {least:.2} | {most:.2}", median(values.iter().copied()))
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// A process that the harness started.
pub(crate) fn take_part(assignment: &Assignment) -> ExitCode {
    match assignment.role {
        Role::Bare => crate::exit_code(bare(assignment)),
        Role::Calling | Role::Connecting => program::run(),
    }
}

impl Assignment {
    /// Says it, and waits until the harness has heard it.
    async fn say(&self, word: &impl Serialize) -> Result<()> {
        let mut harness = Line::connect(&self.harness).await?;
        harness.say(word).await?;
        harness.hear::<()>().await.map(|_| ())
    }
}

fn bare(assignment: &Assignment) -> Result<()> {
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async { assignment.say(&answered_by(pid().await?)).await })
}

/// What the parrot does.
async fn pid() -> Result<u32> {
    Ok(std::process::id())
}

fn answered_by(pid: u32) -> Answered {
    if pid == std::process::id() { Answered::Here } else { Answered::Elsewhere }
}

mod program {
    use super::*;

    #[weaver::main]
    async fn main(app: App) -> Result<()> {
        match process::Assignment::of_this_process() {
            Some(process::Assignment::Start(assignment)) => call(&app, &assignment).await,
            _ => Err(Error::msg("only the harness runs this")),
        }
    }

    pub(super) fn run() -> ExitCode {
        main()
    }
}

async fn call(app: &App, assignment: &Assignment) -> Result<()> {
    let Role::Connecting = assignment.role else {
        let parrot: Ref<dyn Parrot> = app.get().await?;
        return assignment.say(&answered_by(parrot.pid().await?)).await;
    };
    sleep(SETTLING).await;
    // Asks whether the component can be called: a call like others, and the first on its connection.
    let began = Instant::now();
    let parrot: Ref<dyn Parrot> = app.get().await?;
    let first_ms = milliseconds(began.elapsed());
    let mut later = Vec::new();
    for _ in 0..LATER_CALLS {
        let began = Instant::now();
        parrot.pid().await?;
        later.push(milliseconds(began.elapsed()));
    }
    assignment.say(&Connection { first_ms, later_ms: median(later) }).await
}
