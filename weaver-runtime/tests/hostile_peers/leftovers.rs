//! What a caller leaves behind when it is gone: nothing.

use std::{sync::Arc, time::Duration};

use quinn::VarInt;

use crate::{
    probe::{Callee, FRIEND, HOLD},
    raw::{Raw, frame, kind, request},
    soon, until,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_cancelled_calls_leave_nothing_in_flight() {
    let callee = Callee::new();
    let friend = callee.friend();
    let calls: Vec<_> = (0..1000)
        .map(|_| {
            let probe = Arc::clone(&friend.probe);
            tokio::spawn(async move { probe.hold().await })
        })
        .collect();
    until("all calls", || callee.held() == 1000).await;
    calls.iter().for_each(tokio::task::JoinHandle::abort);
    until("the end of all calls", || callee.held() == 0).await;
    soon("another call", friend.probe.echo("x".to_owned())).await.unwrap();
    assert_eq!(callee.services.drain(Duration::from_secs(5)).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_are_cancelled_as_soon_as_they_are_made_leave_nothing_in_flight() {
    let callee = Callee::new();
    let mut raw = Raw::connect(&callee.authority, FRIEND, callee.address).await;
    raw.greet().await;
    for call in 0..1000 {
        let mut both = request(call, HOLD, &());
        both.extend(frame(kind::CANCEL, call, 0, 0, &[]));
        raw.send(&both).await;
    }
    raw.assert_lives(5000).await;
    until("the end of all calls", || callee.held() == 0).await;
    assert_eq!(callee.services.drain(Duration::from_secs(5)).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_is_gone_leaves_nothing_running() {
    let callee = Callee::new();
    let mut raw = Raw::connect(&callee.authority, FRIEND, callee.address).await;
    raw.greet().await;
    for call in 0..100 {
        raw.send(&request(call, HOLD, &())).await;
    }
    until("all calls", || callee.held() == 100).await;
    raw.quic.close(VarInt::from_u32(0), b"bye");
    until("the end of all calls", || callee.held() == 0).await;
    assert_eq!(callee.services.drain(Duration::from_secs(5)).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_id_for_many_calls_does_not_hide_them() {
    let callee = Callee::new();
    let mut raw = Raw::connect(&callee.authority, FRIEND, callee.address).await;
    raw.greet().await;
    for _ in 0..10 {
        raw.send(&request(7, HOLD, &())).await;
    }
    // Whether the second is refused, or ends the connection, is not this test's business.
    until("a call", || callee.held() > 0 || raw.quic.close_reason().is_some()).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    raw.quic.close(VarInt::from_u32(0), b"bye");
    until("the end of all calls", || callee.held() == 0).await;
    assert_eq!(callee.services.drain(Duration::from_secs(5)).await, 0);
}

/// The request and the end of the connection arrive together, in either order.
#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_hangs_up_at_once_leaves_nothing_running() {
    let callee = Callee::new();
    let mut random = fastrand::Rng::with_seed(3);
    for _ in 0..60 {
        let mut raw = Raw::connect(&callee.authority, FRIEND, callee.address).await;
        raw.greet().await;
        let requests: Vec<_> = (0..50).flat_map(|call| request(call, HOLD, &())).collect();
        raw.send(&requests).await;
        for _ in 0..random.u32(..4) {
            tokio::time::sleep(Duration::from_micros(random.u64(..300))).await;
        }
        raw.quic.close(VarInt::from_u32(0), b"bye");
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    until("the end of all calls", || callee.held() == 0).await;
    assert_eq!(callee.services.drain(Duration::from_secs(5)).await, 0);
}
