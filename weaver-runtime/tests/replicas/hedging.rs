//! Calls that are sent to a second replica when the first takes long.

use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use weaver_runtime::{Failure, Ran};

use crate::{
    deployment::Deployment,
    method::{ADD, HEDGE, QUICK},
    seed, until,
};

#[tokio::test(flavor = "multi_thread")]
async fn what_a_slow_replica_holds_another_answers_and_the_loser_is_cancelled() {
    seed();
    let deployment = Deployment::of(2);
    let (slow, quick) = (deployment.replica(0), deployment.replica(1));
    slow.hold();
    let mut hedged = 0;
    for call in 0..60 {
        let start = Instant::now();
        assert_eq!(deployment.caller.backend.served_by(QUICK, call).await, 1);
        hedged += u32::from(start.elapsed() >= HEDGE);
    }
    until("the losers' end", || slow.held() == 0).await;
    let both = (0..60).filter(|call| deployment.runs_of(*call) == 2).count();
    println!("{both} of 60 calls ran on both; {hedged} took {HEDGE:?} or longer");
    assert!(both >= 1);
    assert_eq!((slow.served(), quick.served()), (0, 60));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_may_run_once_only_is_not_hedged() {
    seed();
    let deployment = Deployment::of(2);
    (0..2).for_each(|index| deployment.replica(index).hold());
    let backend = deployment.caller.backend.clone();
    let call = tokio::spawn(async move { backend.served_by(ADD, 1).await });
    until("the call", || deployment.runs_of(1) == 1).await;
    tokio::time::sleep(3 * HEDGE).await;
    assert_eq!(deployment.runs_of(1), 1);
    (0..2).for_each(|index| deployment.replica(index).release());
    call.await.unwrap();
}

/// A call that two replicas hold, and which of them was asked first.
async fn hedged() -> (Deployment, u32, JoinHandle<Result<u32, Failure>>) {
    seed();
    let deployment = Deployment::of(2);
    (0..2).for_each(|index| deployment.replica(index).hold());
    let backend = deployment.caller.backend.clone();
    let call = tokio::spawn(async move { backend.call(QUICK, 1).await });
    let held = |index: u32| deployment.replica(index).held();
    until("the first call", || held(0) + held(1) == 1).await;
    let first = if held(0) == 1 { 0 } else { 1 };
    until("the hedge", || held(0) + held(1) == 2).await;
    (deployment, first, call)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hedge_that_fails_leaves_the_first_call_waiting() {
    let (deployment, first, call) = hedged().await;
    deployment.replica(1 - first).crash().await;
    deployment.replica(first).release();
    assert_eq!(call.await.unwrap(), Ok(first));
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_first_fails_the_hedge_is_waited_for() {
    let (deployment, first, call) = hedged().await;
    deployment.replica(first).crash().await;
    deployment.replica(1 - first).release();
    assert_eq!(call.await.unwrap(), Ok(1 - first));
}

#[tokio::test(flavor = "multi_thread")]
async fn when_both_fail_the_call_may_have_run() {
    seed();
    let deployment = Deployment::of(2);
    (0..2).for_each(|index| deployment.replica(index).hold());
    let backend = deployment.caller.backend.clone();
    let call = tokio::spawn(async move {
        let call = async { backend.call(QUICK, 1).await.map_err(crate::retries::Wrong) };
        weaver_runtime::timeout(Duration::from_secs(1), call).await
    });
    let held = |index: u32| deployment.replica(index).held();
    until("the hedge", || held(0) + held(1) == 2).await;
    tokio::join!(deployment.replica(0).crash(), deployment.replica(1).crash());
    let Err(crate::retries::Wrong(failure)) = call.await.unwrap() else { panic!("an answer") };
    assert_eq!(failure.ran, Ran::Unknown, "{failure:?}");
}
