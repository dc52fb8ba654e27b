//! The order in which a socket, its connection and a node come to their end.

use std::{sync::Arc, time::Duration};

use quinn::VarInt;
use tokio::sync::mpsc;

use crate::{
    authority::Authority,
    near::Near,
    nearby::{Nearby, reply},
    probe::{CALLEE, Callee, Caller, FRIEND, HOLD, methods},
    raw::{RawCallee, kind, request},
    soon, until, within,
};

/// A caller ends its socket when it waits for nothing more: with calls under way, it is gone. A node that
/// stops does not wait for the calls of who is gone.
#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_is_gone_during_a_drain_has_its_calls_stopped() {
    let callee = Callee::new();
    let Near { raw, door, mut socket, .. } = Near::of(&callee).await;
    socket.send(&request(1, HOLD, &())).await;
    until("the call", || callee.held() == 1).await;
    let services = Arc::clone(&callee.services);
    let drain = tokio::spawn(async move { services.drain(Duration::from_secs(10)).await });
    assert_eq!(socket.next().await.kind, kind::GO_AWAY);
    // As when its process ends: QUIC learns nothing of it.
    drop((socket, door));
    within(3, "the end of the call", until("", || callee.held() == 0)).await;
    assert_eq!(soon("the end of the drain", drain).await.unwrap(), 0);
    drop(raw);
}

/// What the kernel has taken of a large answer reaches its caller, though the connection has ended before
/// the caller comes to read it.
#[tokio::test(flavor = "multi_thread")]
async fn a_large_answer_in_a_socket_is_read_after_its_connection_has_ended() {
    const BYTES: usize = 300 << 10;
    const TIMES: usize = 10;
    let (mut calls, mut callees) = (tokio::task::JoinSet::new(), Vec::new());
    for _ in 0..TIMES {
        let authority = Authority::new();
        let (busy, mut is_busy) = mpsc::channel::<()>(1);
        let callee = RawCallee::new(&authority.identity(CALLEE), move |raw| {
            let busy = busy.clone();
            async move {
                let mut near = Nearby::new(raw).await;
                let call = near.next_call().await;
                let mut large = near.large().await;
                let answer = reply(call, &"x".repeat(BYTES));
                let (most, rest) = answer.split_at(answer.len() - 1000);
                large.send(most).await;
                // The rest arrives with the end, while the caller does something else.
                busy.send(()).await.unwrap();
                tokio::time::sleep(Duration::from_millis(200)).await;
                large.send(rest).await;
                near.raw.quic.close(VarInt::from_u32(0), b"bye");
            }
        });
        let address = callee.address;
        callees.push(callee);
        calls.spawn_blocking(move || {
            let mut runtime = tokio::runtime::Builder::new_multi_thread();
            let runtime = runtime.worker_threads(1).enable_all().build().unwrap();
            let answer = async {
                let caller = Caller::new(&authority, FRIEND, methods(), address);
                let probe = Arc::clone(&caller.probe);
                let call = tokio::spawn(async move { probe.echo("x".to_owned()).await });
                is_busy.recv().await.unwrap();
                // On the one worker.
                tokio::spawn(async { std::thread::sleep(Duration::from_millis(500)) });
                soon("an answer", call).await.unwrap()
            };
            runtime.block_on(answer).is_ok_and(|text| text.len() == BYTES)
        });
    }
    let arrived = calls.join_all().await.into_iter().filter(|arrived| *arrived).count();
    assert_eq!(arrived, TIMES);
}
