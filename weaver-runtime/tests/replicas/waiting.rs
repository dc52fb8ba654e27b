//! Calls that no replica takes.

use std::time::{Duration, Instant};

use weaver_runtime::{CallErrorKind, Failure, Ran, limits::Limits};

use crate::{
    deployment::Deployment,
    method::{ADD, KEYED},
    retries::Wrong,
    seed,
};

const WAIT: Duration = Duration::from_millis(300);

fn limits() -> Limits {
    Limits { replica_wait: WAIT, ..Limits::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_without_a_deadline_waits_as_long_as_the_limit_says() {
    seed();
    let deployment = Deployment::with_limits(0, &limits());
    let start = Instant::now();
    let failure = deployment.caller.backend.call(ADD, 1).await.unwrap_err();
    assert!((WAIT..WAIT * 10).contains(&start.elapsed()), "{:?}", start.elapsed());
    let CallErrorKind::NotSent { reason } = &failure.kind else { panic!("{failure:?}") };
    assert_eq!(
        reason,
        "no replica of group `callee` took the call for 300ms (`replica_wait` in [limits]): it has no \
         replica that takes calls"
    );
    assert_eq!(failure.ran, Ran::No);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_with_a_deadline_waits_until_then_and_says_that_it_did_not_run() {
    seed();
    // The limit is for the others.
    let deployment = Deployment::with_limits(0, &limits());
    let backend = deployment.caller.backend.clone();
    let start = Instant::now();
    let call = async { backend.call(ADD, 1).await.map_err(Wrong) };
    let Err(Wrong(failure)) = weaver_runtime::timeout(2 * WAIT, call).await else { panic!() };
    assert!((2 * WAIT..WAIT * 20).contains(&start.elapsed()), "{:?}", start.elapsed());
    assert_eq!(failure, Failure::new(CallErrorKind::DeadlineExceeded, Ran::No));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_waits_goes_to_the_first_replica_that_comes() {
    seed();
    for method in [ADD, KEYED] {
        let mut deployment = Deployment::of(0);
        let backend = deployment.caller.backend.clone();
        let call = tokio::spawn(async move { backend.served_by(method, 1).await });
        // Whether it waits already or not: it is served.
        tokio::task::yield_now().await;
        deployment.start(3, &Limits::default());
        deployment.publish();
        assert_eq!(call.await.unwrap(), 3);
    }
}
