//! What is sent again, and how often.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use weaver_runtime::{CallErrorKind, Failure, Ran};

use crate::{
    deployment::{CALLEE, Deployment},
    dying::{Dying, Mood},
    method::{ADD, LOOK, Method},
    seed, until,
};

/// Many calls at once.
fn calls(deployment: &Deployment, method: Method, numbers: std::ops::Range<u64>) -> Calls {
    let mut calls = JoinSet::new();
    for number in numbers {
        let backend = deployment.caller.backend.clone();
        calls.spawn(async move { (number, backend.call(method, number).await) });
    }
    calls
}

type Calls = JoinSet<(u64, Result<u32, Failure>)>;

/// A deployment with a replica that dies, which is the only one.
fn with_dying(mood: Mood) -> (Deployment, Dying) {
    let mut deployment = Deployment::of(0);
    let dying = Dying::start(0, &deployment.authority.identity(CALLEE), mood);
    deployment.add_stranger(dying.at.clone());
    deployment.publish();
    (deployment, dying)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_backend_meets_no_more_traffic_than_the_budget_allows() {
    const CALLS: u32 = 1000;
    seed();
    let (deployment, dying) = with_dying(Mood::Holds);
    let start = Instant::now();
    let mut calls = calls(&deployment, LOOK, 0..u64::from(CALLS));
    until("all requests", || dying.requests() == CALLS).await;
    dying.lose();
    // The first retries of all calls, which are lost, too, and so are what they lead to.
    until("the retries", || dying.requests() >= CALLS + CALLS / 5).await;
    dying.set(Mood::Dies);
    dying.lose();
    while let Some(ended) = calls.join_next().await {
        let failure = ended.unwrap().1.unwrap_err();
        assert_eq!(failure.ran, Ran::Unknown, "{failure:?}");
    }
    // A fifth of the calls, and ten a second.
    let retries_max = CALLS / 5 + 10 * (u32::try_from(start.elapsed().as_secs()).unwrap() + 2);
    let (requests, elapsed) = (dying.requests(), start.elapsed());
    println!("{CALLS} calls, {requests} requests in {elapsed:?}");
    assert!(requests <= CALLS + retries_max, "{requests} requests");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_run_twice_is_sent_once() {
    const CALLS: u64 = 200;
    seed();
    let (deployment, dying) = with_dying(Mood::Dies);
    let mut calls = calls(&deployment, ADD, 0..CALLS);
    while let Some(ended) = calls.join_next().await {
        let failure = ended.unwrap().1.unwrap_err();
        assert!(matches!(failure.kind, CallErrorKind::OutcomeUnknown { .. }), "{failure:?}");
    }
    for call in 0..CALLS {
        assert!(dying.requests_of(call) <= 1, "call {call}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_flight_at_a_crash_runs_elsewhere_only_if_it_may_run_twice() {
    seed();
    for (method, may_run_twice) in [(LOOK, true), (ADD, false)] {
        let deployment = Deployment::of(2);
        let (first, second) = (deployment.replica(0), deployment.replica(1));
        connect_to_both(&deployment).await;
        first.hold();
        second.hold();
        let mut calls = calls(&deployment, method, 0..20);
        until("all calls", || first.held() + second.held() == 20).await;
        let lost = first.held();
        // About half: what the budget covers.
        assert!((1..=14).contains(&lost), "{lost} of 20");
        first.crash().await;
        second.release();
        let mut failures = 0;
        while let Some(ended) = calls.join_next().await {
            let (call, answer) = ended.unwrap();
            match answer {
                Ok(replica) => assert_eq!(replica, 1),
                Err(failure) => {
                    failures += 1;
                    assert_eq!(failure.ran, Ran::Unknown, "call {call}: {failure:?}");
                }
            }
            assert!(may_run_twice || deployment.runs_of(call) == 1, "call {call}");
        }
        assert_eq!(failures, if may_run_twice { 0 } else { lost }, "of {lost} in flight");
    }
}

async fn connect_to_both(deployment: &Deployment) {
    let served = |index: u32| deployment.replica(index).served();
    for call in 1_000_000.. {
        deployment.caller.backend.served_by(ADD, call).await;
        if served(0) > 0 && served(1) > 0 {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotent_call_outlives_the_only_replica() {
    seed();
    let (deployment, dying) = with_dying(Mood::Dies);
    let backend = deployment.caller.backend.clone();
    let call = tokio::spawn(async move { backend.call(LOOK, 7).await });
    until("the request", || dying.requests() > 0).await;
    dying.set(Mood::Serves);
    assert_eq!(call.await.unwrap(), Ok(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_that_finds_nobody_does_not_say_that_nothing_ran() {
    seed();
    let (mut deployment, dying) = with_dying(Mood::Holds);
    let backend = deployment.caller.backend.clone();
    let call = tokio::spawn(async move {
        let limit = Duration::from_millis(500);
        let call = async { backend.call(LOOK, 7).await.map_err(Wrong) };
        weaver_runtime::timeout(limit, call).await
    });
    until("the request", || dying.requests() == 1).await;
    deployment.forget_strangers();
    deployment.publish();
    let Err(Wrong(failure)) = call.await.unwrap() else { panic!("it was answered") };
    assert_eq!(failure, Failure::new(CallErrorKind::DeadlineExceeded, Ran::Unknown));
}

/// A failure as an error that a deadline can be, too.
#[derive(Debug)]
pub(crate) struct Wrong(pub(crate) Failure);

impl From<weaver_runtime::CallError> for Wrong {
    fn from(error: weaver_runtime::CallError) -> Self {
        Self(Failure::new(error.kind().clone(), error.ran()))
    }
}
