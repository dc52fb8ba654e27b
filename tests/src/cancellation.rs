//! Calls that are given up: whoever works on them stops.

use std::{
    future::pending,
    sync::atomic::{AtomicU32, Ordering},
};

use serde::{Deserialize, Serialize};
use weaver::{Context, Ref, Result, component};

use crate::{Stage, eventually};

/// From the drop of a call's future to that of its callee's: a frame's way, and a busy machine.
const STOPPED_SECONDS_MAX: u64 = 10;

/// Calls of `sleep`, by their fate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Counts {
    begun: u32,
    dropped: u32,
}

#[component]
trait Sleeper {
    /// Never returns.
    async fn sleep(&self) -> Result<()>;

    async fn counts(&self) -> Result<Counts>;
}

#[derive(Default)]
struct Bed {
    begun: AtomicU32,
    dropped: AtomicU32,
}

struct CountDrop<'a>(&'a AtomicU32);

impl Drop for CountDrop<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[component]
impl Sleeper for Bed {
    async fn sleep(&self) -> Result<()> {
        let _guard = CountDrop(&self.dropped);
        self.begun.fetch_add(1, Ordering::SeqCst);
        pending().await
    }

    async fn counts(&self) -> Result<Counts> {
        let (begun, dropped) = (&self.begun, &self.dropped);
        Ok(Counts { begun: begun.load(Ordering::SeqCst), dropped: dropped.load(Ordering::SeqCst) })
    }
}

/// Sleeps by having another sleep.
#[component]
trait Nurse {
    async fn sleep(&self) -> Result<()>;
}

#[derive(weaver::Component)]
struct Ward {
    sleeper: Ref<dyn Sleeper>,
}

#[component]
impl Nurse for Ward {
    async fn sleep(&self) -> Result<()> {
        self.sleeper.sleep().await
    }
}

async fn wait_for(sleeper: &Ref<dyn Sleeper>, counts: Counts) -> Result<()> {
    let look = async || (sleeper.counts().await.ok()? == counts).then_some(());
    let reached = eventually(&format!("{counts:?}"), STOPPED_SECONDS_MAX, look).await;
    if reached.is_err() {
        let found = sleeper.counts().await?;
        return reached.context(format_args!("found {found:?}"));
    }
    Ok(())
}

pub(crate) async fn a_dropped_call_stops_its_callee(stage: &Stage) -> Result<()> {
    const CALLS: u32 = 10;
    let sleeper = stage.app.get::<dyn Sleeper>().await?;
    let Counts { begun, dropped } = sleeper.counts().await?;
    let calls: Vec<_> = (0..CALLS)
        .map(|_| {
            let sleeper = sleeper.clone();
            tokio::spawn(async move { sleeper.sleep().await })
        })
        .collect();
    wait_for(&sleeper, Counts { begun: begun + CALLS, dropped }).await?;
    for (index, call) in (1..).zip(calls) {
        call.abort();
        wait_for(&sleeper, Counts { begun: begun + CALLS, dropped: dropped + index }).await?;
    }
    Ok(())
}

pub(crate) async fn and_all_that_it_called(stage: &Stage) -> Result<()> {
    let sleeper = stage.app.get::<dyn Sleeper>().await?;
    let nurse = stage.app.get::<dyn Nurse>().await?;
    let Counts { begun, dropped } = sleeper.counts().await?;
    let call = tokio::spawn(async move { nurse.sleep().await });
    wait_for(&sleeper, Counts { begun: begun + 1, dropped }).await?;
    call.abort();
    wait_for(&sleeper, Counts { begun: begun + 1, dropped: dropped + 1 }).await
}
