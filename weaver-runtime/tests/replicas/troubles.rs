//! Replicas that are overloaded, cannot be reached, or are well again.

use std::{
    net::UdpSocket,
    time::{Duration, Instant},
};

use tokio::task::JoinSet;
use weaver_runtime::{
    CallErrorKind, Refusal,
    limits::Limits,
    net::{ReplicaAddress, ReplicaId},
};

use crate::{
    deployment::{CALLEE, Deployment},
    dying::{Dying, Mood},
    method::{ADD, KEYED, LOOK},
    seed, soon, until,
};

/// A few calls at a time. (With one, the place of a call that was just answered may still be taken.)
const NARROW: usize = 4;

fn narrow() -> Limits {
    Limits { calls_in_flight: NARROW, ..Limits::default() }
}

/// Keys whose home is a replica.
async fn keys_of(deployment: &Deployment, replica: u32, count: usize) -> Vec<u64> {
    let mut keys = Vec::new();
    for key in 0.. {
        if deployment.caller.backend.served_by(KEYED, key).await == replica {
            keys.push(key);
        }
        if keys.len() == count {
            break;
        }
    }
    keys
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_overloaded_replica_refuses_another_takes_and_gives_back_when_it_is_well() {
    seed();
    let mut deployment = Deployment::of(1);
    deployment.start(1, &narrow());
    deployment.publish();
    let keys = keys_of(&deployment, 1, 20).await;
    let (open, narrow) = (deployment.replica(0), deployment.replica(1));
    narrow.hold();
    let mut held = JoinSet::new();
    for &key in &keys[..NARROW] {
        let backend = deployment.caller.backend.clone();
        held.spawn(async move { backend.served_by(KEYED, key).await });
    }
    until("calls that are held", || narrow.held() == NARROW).await;
    for &key in &keys {
        assert_eq!(deployment.caller.backend.served_by(KEYED, key).await, 0);
    }
    assert_eq!(narrow.held(), NARROW);
    narrow.release();
    assert_eq!(held.join_all().await, [1; NARROW]);
    let served = open.served();
    let back = async {
        while deployment.caller.backend.served_by(KEYED, keys[1]).await != 1 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    soon("its keys coming back", back).await;
    println!("{} calls went elsewhere before it was tried again", open.served() - served);
    for &key in &keys {
        assert_eq!(deployment.caller.backend.served_by(KEYED, key).await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_refusal_is_the_answer_where_all_are_overloaded() {
    seed();
    let mut deployment = Deployment::of(0);
    for index in 0..2 {
        deployment.start(index, &narrow());
        deployment.replica(index).hold();
    }
    deployment.publish();
    let backend = deployment.caller.backend.clone();
    let mut held = JoinSet::new();
    for call in 0..2 * NARROW {
        // Each goes to the one that has less to do, by being refused at the other if need be.
        let backend = backend.clone();
        held.spawn(async move { backend.served_by(ADD, 1000 + call as u64).await });
        let count = || deployment.replica(0).held() + deployment.replica(1).held();
        until("a call that is held", || count() == call + 1).await;
    }
    let start = Instant::now();
    let failure = backend.call(ADD, 9).await.unwrap_err();
    let kind = &failure.kind;
    assert!(matches!(kind, CallErrorKind::Refused(Refusal::Overloaded { .. })), "{kind:?}");
    assert!(start.elapsed() < Duration::from_secs(2), "it waited for {:?}", start.elapsed());
    (0..2).for_each(|index| deployment.replica(index).release());
    held.join_all().await;
    assert_eq!(deployment.runs_of(9), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_was_lost_gets_calls_again_when_it_is_back() {
    seed();
    let mut deployment = Deployment::of(1);
    let dying = Dying::start(1, &deployment.authority.identity(CALLEE), Mood::Dies);
    deployment.add_stranger(dying.at.clone());
    deployment.publish();
    let backend = &deployment.caller.backend;
    for call in 0..200 {
        assert_eq!(backend.served_by(LOOK, call).await, 0);
    }
    let requests = dying.requests();
    println!("{requests} of 200 calls met it while it was dying");
    assert!((1..=20).contains(&requests), "{requests} requests");
    dying.set(Mood::Serves);
    let back = async { while backend.served_by(LOOK, 1000).await != 1 {} };
    soon("calls to it", back).await;
    let mut served = 0;
    for call in 0..200 {
        served += backend.served_by(LOOK, call).await;
    }
    assert!((50..150).contains(&served), "{served} of 200");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_a_host_that_is_silent() {
    seed();
    let mut deployment = Deployment::of(1);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let replica = ReplicaId { group: CALLEE.to_owned(), index: 1 };
    let at = ReplicaAddress { replica, address: socket.local_addr().unwrap() };
    deployment.add_stranger(at);
    deployment.publish();
    let start = Instant::now();
    for call in 0..100 {
        assert_eq!(deployment.caller.backend.served_by(ADD, call).await, 0);
    }
    // A handshake gives up after 5 s.
    assert!(start.elapsed() < Duration::from_secs(3), "they took {:?}", start.elapsed());
}
