//! The `weaver` command as a person runs it: real processes, real signals, wrong input.

mod call;
mod check;
mod dev;
mod doctor;
mod fixtures;
mod graph;
mod kills;
mod life;
mod load;
mod mistakes;
mod new;
mod processes;
mod sandbox;
mod status;

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

/// What starting, stopping and answering get on a machine that is busy with the other tests.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until `poll` gives something.
fn wait<T>(what: &str, limit: Duration, mut poll: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + limit;
    loop {
        if let Some(value) = poll() {
            return value;
        }
        assert!(Instant::now() < until, "{what}: not within {limit:?}");
        sleep(Duration::from_millis(20));
    }
}

/// Waits until `condition` holds.
fn until(what: &str, limit: Duration, mut condition: impl FnMut() -> bool) {
    wait(what, limit, || condition().then_some(()));
}
