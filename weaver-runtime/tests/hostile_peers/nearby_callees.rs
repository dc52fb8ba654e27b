//! Callees on the host of their caller that do not keep to the protocol.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use quinn::VarInt;

use crate::{
    near::sockets_at,
    nearby::{Nearby, assert_unknown, caller_of, failed_within, reply},
    probe::Caller,
    raw::{frame, frame_of_length, kind},
    soon, until,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_callee_whose_socket_ends_during_a_call_leaves_the_outcome_unknown_at_once() {
    for (what, bytes) in [("nothing", 0), ("a part", 20), ("all but one", 39)] {
        for hangs_up in [false, true] {
            let error = failed_within(3, what, move |mut near| {
                Box::pin(async move {
                    let call = near.next_call().await;
                    near.socket.send(&reply(call, "hello")[..bytes]).await;
                    let Nearby { raw, door, mut socket, .. } = near;
                    socket.finish().await;
                    let kept = (!hangs_up).then_some(socket);
                    // QUIC goes on.
                    raw.quic.closed().await;
                    drop((kept, door));
                })
            });
            assert_unknown(what, &error.await);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_on_a_socket_leaves_the_outcome_unknown() {
    let mut bad = vec![
        ("garbage".to_owned(), vec![0xdd; 1000]),
        ("length 0".to_owned(), frame_of_length(0, kind::REPLY, 1)),
        ("length 23".to_owned(), frame_of_length(23, kind::REPLY, 1)),
        ("a byte too long".to_owned(), frame_of_length((256 << 10) + 1, kind::REPLY, 1)),
        ("a huge length".to_owned(), frame_of_length(u32::MAX, kind::REPLY, 1)),
    ];
    let not_a_callees = [
        kind::HELLO,
        kind::WELCOME,
        kind::REQUEST,
        kind::CANCEL,
        kind::STREAM,
        kind::ITEM,
        kind::LANE,
    ];
    for kind in kind::UNKNOWN.into_iter().chain(not_a_callees) {
        bad.push((format!("kind {kind}"), frame(kind, 1, 0, 0, &[])));
    }
    for (what, bytes) in bad {
        let error = failed_within(3, &what, move |mut near| {
            let bytes = bytes.clone();
            Box::pin(async move {
                near.next_call().await;
                near.socket.send(&bytes).await;
                near.raw.quic.closed().await;
                // The socket ends with the connection.
                near.socket.hung_up_on().await;
            })
        });
        assert_unknown(&what, &error.await);
    }
}

/// Answers in pieces of a byte, with others that nobody asked for in between.
#[tokio::test(flavor = "multi_thread")]
async fn answers_may_be_cut_into_single_bytes_on_a_socket() {
    let (_callee, caller) = caller_of(|raw| async move {
        let mut near = Nearby::new(raw).await;
        loop {
            let call = near.next_call().await;
            let answers = [reply(call + 1, "stray"), reply(call, "slowly"), reply(call, "again")];
            for byte in answers.concat() {
                near.socket.send(&[byte]).await;
                tokio::task::yield_now().await;
            }
        }
    });
    for _ in 0..5 {
        let answer = soon("an answer", caller.probe.echo("x".to_owned())).await.unwrap();
        assert_eq!(answer, "slowly");
    }
}

/// A request that goes alone is written by its caller, as far as it fits; the rest follows, before any other.
#[tokio::test(flavor = "multi_thread")]
async fn requests_that_fit_in_part_are_whole_for_a_callee_that_reads_late() {
    const CALLS: usize = 40;
    const REQUEST_BYTES: usize = 100_000;
    let (_callee, caller) = caller_of(|raw| async move {
        let mut near = Nearby::new(raw).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        loop {
            let request = near.socket.next().await;
            if request.kind == kind::REQUEST {
                let (text,) = request.decode::<(String,)>();
                near.socket.send(&reply(request.call, &text[..10])).await;
                assert!(text.ends_with(&text[..10]) && text.len() == REQUEST_BYTES + 20);
            }
        }
    });
    let mut calls = tokio::task::JoinSet::new();
    for call in 0..2 * CALLS {
        let text = format!("{call:010}{}{call:010}", "x".repeat(REQUEST_BYTES));
        let probe = Arc::clone(&caller.probe);
        let answer = async move { probe.echo(text).await };
        if call % 2 == 0 {
            calls.spawn(answer);
        } else {
            // Given up on its way: what is sent of it is sent whole.
            let _ = tokio::time::timeout(Duration::from_millis(1), answer).await;
        }
    }
    let mut answers = Vec::new();
    while let Some(answer) = soon("an answer", calls.join_next()).await {
        answers.push(answer.unwrap().unwrap());
    }
    answers.sort_unstable();
    let expected: Vec<_> = (0..CALLS).map(|call| format!("{:010}", 2 * call)).collect();
    assert_eq!(answers, expected);
}

/// What has arrived is read, though the connection that the socket belongs to has ended.
async fn answers_are_read_after_the_end(answer_bytes: usize) {
    const CALLS: usize = 20;
    let (_callee, caller) = caller_of(move |raw| async move {
        let mut near = Nearby::new(raw).await;
        let mut answers = Vec::new();
        for _ in 0..CALLS {
            let call = near.next_call().await;
            answers.extend(reply(call, &"x".repeat(answer_bytes)));
        }
        near.socket.send(&answers).await;
        near.raw.quic.close(VarInt::from_u32(0), b"bye");
    });
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..CALLS {
        let probe = Arc::clone(&caller.probe);
        calls.spawn(async move { probe.echo("x".to_owned()).await });
    }
    while let Some(answer) = soon("an answer", calls.join_next()).await {
        assert_eq!(answer.unwrap().unwrap().len(), answer_bytes);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_in_a_socket_are_delivered_though_its_connection_has_ended() {
    for answer_bytes in [0, 100, 5000, 100_000] {
        answers_are_read_after_the_end(answer_bytes).await;
    }
}

/// Here nobody reads before the end has been said.
#[tokio::test]
async fn answers_in_a_socket_are_delivered_in_one_thread_too() {
    for answer_bytes in [0, 100, 5000, 100_000] {
        answers_are_read_after_the_end(answer_bytes).await;
    }
}

/// What a caller leaves at its callee's door, and at its own, when it is gone: nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_has_ended_leaves_no_sockets() {
    let (names, mut named) = tokio::sync::mpsc::channel(1);
    let (_callee, caller) = caller_of(move |raw| {
        let names = names.clone();
        async move {
            let mut near = Nearby::new(raw).await;
            let call = near.next_call().await;
            near.socket.send(&reply(call, "hello")).await;
            names.send(near.local.clone()).await.unwrap();
            near.raw.quic.closed().await;
            near.socket.hung_up_on().await;
        }
    });
    soon("an answer", caller.probe.echo("x".to_owned())).await.unwrap();
    let local = soon("its name", named.recv()).await.unwrap();
    assert_eq!(sockets_at(&local), 1);
    let started = Instant::now();
    let Caller { endpoint, .. } = &caller;
    endpoint.close().await;
    drop(caller);
    until("the end of its door", || sockets_at(&local) == 0).await;
    assert!(started.elapsed() < Duration::from_secs(5));
}
