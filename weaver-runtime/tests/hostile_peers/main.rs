//! Peers that do not keep to the protocol: what they get, and that nobody else is harmed.
//!
//! One end of each connection is the real node; the other writes frames byte by byte over plain QUIC,
//! so that it can lie about anything.

// `#[component]` names the crate `weaver`.
extern crate weaver_runtime as weaver;

mod arguments;
mod authority;
mod callees;
mod callers;
mod crowds;
mod doors;
mod ends;
mod fuzz;
mod greetings;
mod hoarders;
mod lanes;
mod large;
mod leftovers;
mod log;
mod metadata;
mod near;
mod nearby;
mod nearby_answers;
mod nearby_callees;
mod nearby_doors;
mod nearby_large;
mod neighbour;
mod neighbours;
mod probe;
mod raw;
mod siege;
mod storms;
mod streams;
mod wrong_doors;

use std::time::Duration;

/// What a local exchange gets on a machine that is busy with the other tests. It is far above the
/// milliseconds that one takes, and reaching it is a failure.
const PATIENCE_SECONDS: u64 = 15;

/// The output of `future`; a test fails where it would hang.
async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    within(PATIENCE_SECONDS, what, future).await
}

/// As [`soon`], for what has a limit of its own.
async fn within<T>(seconds: u64, what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(Duration::from_secs(seconds), future).await {
        Ok(output) => output,
        Err(_) => panic!("{what}: not within {seconds} s"),
    }
}

/// Shows a figure to whoever looks at the output of a test.
#[expect(
    clippy::print_stdout,
    reason = "a test's output, kept by the harness until it is asked for"
)]
fn show(figure: &str) {
    println!("{figure}");
}

/// Waits until `condition` holds.
async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let poll = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    soon(what, poll).await;
}
