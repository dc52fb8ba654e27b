//! A set of replicas that changes while it is called.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::task::JoinSet;
use weaver_runtime::{CallErrorKind, Ran, limits::Limits};

use crate::{
    caller::Backend,
    deployment::Deployment,
    method::{ADD, KEYED, Method},
    seed, soon, until,
};

/// Callers that call all the time.
struct Load {
    stop: Arc<AtomicBool>,
    calls: Arc<AtomicU64>,
    callers: JoinSet<()>,
}

impl Load {
    fn start(backend: &Backend, callers: usize) -> Self {
        let (stop, calls) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let mut load = Self { stop, calls, callers: JoinSet::new() };
        for caller in 0..callers {
            let (stop, calls) = (Arc::clone(&load.stop), Arc::clone(&load.calls));
            let backend = backend.clone();
            let method = if caller % 2 == 0 { ADD } else { KEYED };
            load.callers.spawn(call_until(stop, calls, backend, method));
        }
        load
    }

    fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    /// Waits until it was served so many times more.
    async fn goes_on(&self, calls: u64) {
        let enough = self.calls() + calls;
        until("more calls", || self.calls() >= enough).await;
    }

    /// How many calls there were; all were served.
    async fn stop(mut self) -> u64 {
        self.stop.store(true, Ordering::SeqCst);
        while let Some(ended) = soon("the last calls", self.callers.join_next()).await {
            ended.unwrap();
        }
        self.calls()
    }
}

async fn call_until(
    stop: Arc<AtomicBool>,
    calls: Arc<AtomicU64>,
    backend: Backend,
    method: Method,
) {
    while !stop.load(Ordering::SeqCst) {
        let call = calls.fetch_add(1, Ordering::SeqCst);
        backend.served_by(method, call).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_call_is_lost_while_every_replica_is_replaced_and_none_runs_twice() {
    seed();
    let mut deployment = Deployment::of(3);
    let load = Load::start(&deployment.caller.backend, 32);
    for _ in 0..4 {
        for index in 0..3 {
            load.goes_on(200).await;
            // As a deployer does it: it is gone from the routes when its process has ended.
            let leaving = deployment.remove(index);
            assert_eq!(leaving.stop().await, 0);
            deployment.publish();
            load.goes_on(200).await;
            deployment.start(index, &Limits::default());
            deployment.publish();
        }
        // Growing and shrinking.
        deployment.start(3, &Limits::default());
        deployment.publish();
        until("calls to it", || deployment.replica(3).served() > 0).await;
        let leaving = deployment.remove(3);
        assert_eq!(leaving.stop().await, 0);
        deployment.publish();
    }
    let calls = load.stop().await;
    println!("{calls} calls during 16 changes");
    for call in 0..calls {
        assert_eq!(deployment.runs_of(call), 1, "call {call}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_replica_that_is_replaced_is_waited_for() {
    seed();
    let mut deployment = Deployment::of(1);
    let load = Load::start(&deployment.caller.backend, 8);
    for _ in 0..5 {
        load.goes_on(50).await;
        let leaving = deployment.remove(0);
        assert_eq!(leaving.stop().await, 0);
        deployment.publish();
        deployment.start(0, &Limits::default());
        deployment.publish();
    }
    let calls = load.stop().await;
    for call in 0..calls {
        assert_eq!(deployment.runs_of(call), 1, "call {call}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_drains_finishes_its_calls_and_streams_and_gets_no_new_ones() {
    seed();
    let deployment = Deployment::of(2);
    let backend = &deployment.caller.backend;
    let (leaving, staying) = (deployment.replica(0), deployment.replica(1));
    leaving.hold();
    staying.hold();
    // Both have a call, whichever was chosen first, and one of them a stream.
    let mut calls = JoinSet::new();
    for call in 0..2 {
        let backend = backend.clone();
        calls.spawn(async move { backend.served_by(ADD, call).await });
        let held = || leaving.held() + staying.held();
        until("a call", || held() == usize::try_from(call).unwrap() + 1).await;
    }
    let mut streams = Vec::new();
    for _ in 0..8 {
        streams.push(backend.stream(5).await.unwrap());
    }
    staying.release();
    let stopping = leaving.stop();
    tokio::pin!(stopping);
    let new_calls = async {
        for call in 100..200 {
            backend.served_by(ADD, call).await;
        }
    };
    tokio::select! {
        _ = &mut stopping => panic!("it stopped with a call in flight"),
        () = new_calls => {}
    }
    leaving.release();
    let read = async {
        for stream in &mut streams {
            for item in 0..5 {
                assert_eq!(stream.next().await.unwrap().unwrap(), item);
            }
            assert!(stream.next().await.is_none());
        }
    };
    let (left, ()) = soon("its end", async { tokio::join!(stopping, read) }).await;
    assert_eq!(left, 0);
    while let Some(served_by) = calls.join_next().await {
        served_by.unwrap();
    }
    for call in (0..2).chain(100..200) {
        assert_eq!(deployment.runs_of(call), 1, "call {call}");
    }
}

/// A stream that would outlast the time for a drain ends with that, not with a lost connection.
#[tokio::test(flavor = "multi_thread")]
async fn streams_that_a_drain_cuts_say_so() {
    seed();
    for round in 0..20 {
        let deployment = Deployment::of(1);
        let (replica, backend) = (deployment.replica(0), &deployment.caller.backend);
        replica.hold();
        let mut streams = Vec::new();
        for _ in 0..8 {
            streams.push(backend.stream(5).await.unwrap());
        }
        let left = soon("its end", replica.stop_within(Duration::from_millis(20))).await;
        assert_eq!(left, 8);
        for stream in &mut streams {
            let error = soon("the end of a stream", stream.next()).await.unwrap().unwrap_err();
            let call_error = error.call_error().expect("an error of the way");
            assert_eq!(call_error.kind(), &CallErrorKind::Draining, "round {round}");
            assert_eq!(call_error.ran(), Ran::Yes);
        }
    }
}

/// The deployer waits for its processes: it knows, before silence on the connection says so.
#[tokio::test(flavor = "multi_thread")]
async fn one_that_the_deployer_knows_to_be_dead_is_given_up_at_once() {
    seed();
    let mut deployment = Deployment::of(1);
    deployment.replica(0).hold();
    let backend = deployment.caller.backend.clone();
    let call = tokio::spawn(async move { backend.call(ADD, 1).await });
    until("the call", || deployment.replica(0).held() == 1).await;
    let _dead = deployment.remove(0);
    deployment.publish();
    let failure = soon("the failure", call).await.unwrap().unwrap_err();
    assert_eq!(failure.ran, Ran::Unknown, "{failure:?}");
}
