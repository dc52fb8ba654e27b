//! Components whose `init` fails: an answer for callers, never a hang, and the process lives.

mod dynamite;

use std::path::PathBuf;

use serde::Deserialize;
use weaver::{App, CallErrorKind, Config, Context, Lifecycle, Ran, Ref, Result, component};

use dynamite::Explosive;

use crate::{Stage, eventually};

/// Succeeds once the file `open` is there.
#[component]
trait Stubborn {
    /// How often `init` failed before it succeeded.
    async fn failures(&self) -> Result<u64>;
}

/// Cannot live without `Stubborn`.
#[component]
trait Dependent {
    async fn failures(&self) -> Result<u64>;
}

#[derive(Default, Deserialize)]
struct Directory {
    directory: PathBuf,
}

#[derive(weaver::Component)]
struct Door {
    config: Config<Directory>,
    failures: u64,
}

impl Lifecycle for Door {
    async fn init(&mut self) -> Result<()> {
        let count = self.config.directory.join("failures");
        // The first time there is none.
        let so_far = std::fs::read_to_string(&count).unwrap_or_default();
        self.failures = so_far.parse().unwrap_or_default();
        if self.config.directory.join("open").exists() {
            return Ok(());
        }
        std::fs::write(count, (self.failures + 1).to_string())?;
        Err(weaver::Error::msg("still shut").context("cannot open the door"))
    }
}

#[component]
impl Stubborn for Door {
    async fn failures(&self) -> Result<u64> {
        Ok(self.failures)
    }
}

#[derive(weaver::Component)]
struct Behind {
    stubborn: Ref<dyn Stubborn>,
}

#[component]
impl Dependent for Behind {
    async fn failures(&self) -> Result<u64> {
        self.stubborn.failures().await
    }
}

/// By the third attempt the pause between two is below a second.
const OPENED_SECONDS_MAX: u64 = 30;

/// Gets the component and calls it: where it lives decides which of the two fails.
async fn ask_dependent(app: &App) -> Result<u64> {
    app.get::<dyn Dependent>().await?.failures().await
}

fn assert_init_failed(error: &weaver::Error, said: &str) {
    let call = error.call_error().expect("it is the call that failed");
    let CallErrorKind::InitFailed { reason } = call.kind() else { panic!("{call}") };
    assert!(reason.contains(said), "{reason}");
    assert_eq!(call.ran(), Ran::No);
}

pub(crate) async fn fails_until_it_succeeds(stage: &Stage) -> Result<()> {
    let error = stage.app.get::<dyn Stubborn>().await.expect_err("the door is shut");
    assert_init_failed(&error, "cannot open the door: still shut");
    assert_eq!(error.call_error().map(weaver::CallError::component), Some("Stubborn"));
    let error = ask_dependent(&stage.app).await.expect_err("the door is shut");
    assert_init_failed(&error, "still shut");

    std::fs::write(stage.directory.join("open"), "")?;
    let opened = async || stage.app.get::<dyn Stubborn>().await.ok();
    let stubborn = eventually("`init` succeeds", OPENED_SECONDS_MAX, opened).await;
    let failures = stubborn.context("Stubborn")?.failures().await?;
    assert!(failures >= 1, "it failed before");
    let asked = async || ask_dependent(&stage.app).await.ok();
    let asked = eventually("its dependent works", OPENED_SECONDS_MAX, asked).await;
    assert_eq!(asked.context("Dependent")?, failures);
    Ok(())
}

pub(crate) async fn panics(stage: &Stage) -> Result<()> {
    for _ in 0..2 {
        let error = stage.app.get::<dyn Explosive>().await.expect_err("it cannot be built");
        assert_init_failed(&error, "the fuse was lit");
        assert_eq!(error.call_error().map(weaver::CallError::component), Some("Explosive"));
    }
    Ok(())
}
