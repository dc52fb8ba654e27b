//! Replicas of one group, each with a socket of its own, and a caller that chooses between them: what
//! it does when some are dead, slow, overloaded, or come and go.
//!
//! What chance decides begins with a seed, which a failure shows; `WEAVER_SEED=n` takes that one again.
//! Time and the machine's load are not repeated by it.

#![expect(clippy::print_stdout, reason = "what was measured, for who reads a failure")]

mod affinity;
mod authority;
mod caller;
mod changes;
mod deployment;
mod dying;
mod hedging;
mod method;
mod replica;
mod retries;
mod troubles;
mod waiting;

use std::time::Duration;

/// What a local exchange gets on a machine that is busy with the other tests. It is far above what one
/// takes, and reaching it is a failure.
const PATIENCE_SECONDS: u64 = 20;

/// The output of `future`; a test fails where it would hang.
async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(Duration::from_secs(PATIENCE_SECONDS), future).await {
        Ok(output) => output,
        Err(_) => panic!("{what}: not within {PATIENCE_SECONDS} s"),
    }
}

/// Waits until `condition` holds.
async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let poll = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    soon(what, poll).await;
}

/// Makes chance repeatable in the test that calls it, and says how.
fn seed() {
    let seed = match std::env::var("WEAVER_SEED") {
        Ok(seed) => seed.parse().expect("WEAVER_SEED is a number"),
        Err(_) => fastrand::u64(..),
    };
    println!("WEAVER_SEED={seed}");
    fastrand::seed(seed);
}
