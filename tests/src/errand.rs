//! [`Errand`]: what the deployed program does; its harness says so in `[config.main]`.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Mutex,
};

use serde::Deserialize;
use weaver::{App, Config, Context, Error, Result, with_trace};

use crate::{BODIES, Stage, eventually, traces::Detective};

mod torture;
mod worker;

use worker::{Tally, Worker};

/// What `main` is to do.
#[derive(Clone, Debug, Deserialize)]
pub struct Orders {
    /// Which of them.
    pub errand: Errand,
    /// Where components, `main` and its harness leave each other files.
    pub directory: PathBuf,
    /// The exit code of [`Errand::Exit`], the number of replicas that [`Errand::Reach`] looks for, or of
    /// trees that [`Errand::Torture`] cancels.
    #[serde(default)]
    pub number: u32,
    /// Whether components run in sandboxes.
    #[serde(default)]
    pub sandboxed: bool,
    /// The seed of [`Errand::Torture`].
    #[serde(default)]
    pub seed: u64,
}

/// What `main` is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Errand {
    /// Run all bodies.
    Bodies,
    /// Call a component that is killed meanwhile.
    Traffic,
    /// Find all replicas of a component.
    Reach,
    /// Cancel call trees, and see that nothing is left.
    Torture,
    /// Make a call in [`TRACE`].
    Trace,
    /// Return.
    Return,
    /// End by `std::process::exit`.
    Exit,
    /// Return an error.
    Fail,
    /// Panic.
    Panic,
}

/// A file that the harness makes when `main` may go on.
pub const GO_ON: &str = "go-on";

/// The line that `main` prints when it waits for [`GO_ON`].
pub const WAITING: &str = "waiting for the harness";

/// The trace of [`Errand::Trace`].
pub const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// What the line begins with in which `main` prints the processes that it reached.
pub const PIDS: &str = "pids ";

/// From when `main` waits for its harness: a restart of a replica on a busy machine.
const HARNESS_SECONDS_MAX: u64 = 60;

/// A component's replicas start one after the other, each in a second or two on a busy machine.
const REACH_SECONDS_MAX: u64 = 30;

/// Does what it is told.
///
/// # Errors
/// What went wrong; the lines that were printed say more.
pub async fn run(app: App, orders: Config<Orders>) -> Result<()> {
    let orders = orders.into_inner();
    match orders.errand {
        Errand::Bodies => {
            let Orders { directory, sandboxed, .. } = orders;
            bodies(Stage { app, directory, encoded: true, sandboxed }).await
        }
        Errand::Traffic => traffic(&app, &orders.directory).await,
        Errand::Reach => reach(&app, &orders).await,
        Errand::Torture => {
            torture::torture(&app, u64::from(orders.number), orders.seed).await?;
            say(WAITING);
            wait_for_go_on(&orders.directory).await
        }
        Errand::Trace => {
            let trace = TRACE.parse().context("it is one")?;
            let detective = app.get::<dyn Detective>().await?;
            with_trace(trace, detective.investigate()).await.map(drop)
        }
        Errand::Return => Ok(()),
        Errand::Exit => std::process::exit(i32::try_from(orders.number).unwrap_or(i32::MAX)),
        Errand::Fail => Err(Error::msg("the reason").context("failed on purpose")),
        Errand::Panic => panic!("panicked on purpose"),
    }
}

#[expect(clippy::print_stdout, reason = "the harness reads it")]
fn say(line: &str) {
    println!("{line}");
}

async fn bodies(stage: Stage) -> Result<()> {
    let mut failures = 0;
    for body in BODIES {
        let started = std::time::Instant::now();
        match body.run(stage.clone()).await {
            Ok(()) => say(&format!("ok {} ({} ms)", body.name, started.elapsed().as_millis())),
            Err(why) => {
                failures += 1;
                say(&format!("FAILED {}: {why}", body.name));
            }
        }
    }
    (failures == 0).then_some(()).context(format_args!("{failures} bodies failed"))
}

/// Calls until the harness has killed a replica and seen it restarted; then every call must succeed.
async fn traffic(app: &App, directory: &Path) -> Result<()> {
    let worker = app.get::<dyn Worker>().await?;
    let callers = worker::Callers::start(&worker);
    say(WAITING);
    wait_for_go_on(directory).await?;
    let during = callers.stop().await?;
    let after = worker::call_all(&worker).await?;
    say(&format!("during: {during:?}"));
    say(&format!("after: {after:?}"));
    (after == Tally { right: after.right, ..Tally::default() })
        .then_some(())
        .context("calls fail after the restart")
}

/// Calls until as many processes have answered as there are said to be.
async fn reach(app: &App, orders: &Orders) -> Result<()> {
    let worker = app.get::<dyn Worker>().await?;
    let pids = Mutex::new(BTreeSet::new());
    let look = async || {
        let pid = worker.pid().await.ok()?;
        let mut pids = pids.lock().ok()?;
        pids.insert(pid);
        (u32::try_from(pids.len()) == Ok(orders.number)).then(|| pids.clone())
    };
    let found = eventually("every replica answers", REACH_SECONDS_MAX, look).await;
    say(&format!("{PIDS}{:?}", found.context("cannot reach all")?));
    say(WAITING);
    wait_for_go_on(&orders.directory).await
}

async fn wait_for_go_on(directory: &Path) -> Result<()> {
    let path = directory.join(GO_ON);
    let look = async || path.exists().then_some(());
    eventually("the harness goes on", HARNESS_SECONDS_MAX, look).await.context("forgotten")
}
