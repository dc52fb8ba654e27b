//! Callees on the host of their caller that do as they like with large frames.

use std::sync::Arc;

use tokio::io::Interest;
use weaver_runtime::{limits::STALL_SECONDS_MAX, net::HANDSHAKE_SECONDS_MAX};

use crate::{
    near::{Purpose, SECRET_BYTES, Socket},
    nearby::{Nearby, assert_unknown, caller_of, failed_within, reply},
    raw::{frame, frame_of_length, kind},
    show, soon, within,
};

/// A large answer that is cut, or is none, leaves nobody waiting.
#[tokio::test(flavor = "multi_thread")]
async fn a_large_answer_that_is_cut_on_its_socket_leaves_the_outcome_unknown() {
    for bytes in [1, 4, 24, 500_000] {
        let what = format!("{bytes} bytes");
        let error = failed_within(3, &what, move |mut near| {
            Box::pin(async move {
                let call = near.next_call().await;
                let whole = reply(call, &"x".repeat(1 << 20));
                near.large().await.send(&whole[..bytes]).await;
                near.raw.quic.closed().await;
            })
        });
        assert_unknown(&what, &error.await);
    }
    for bad in [vec![0xee; 100], frame_of_length(0, kind::REPLY, 1), frame(99, 1, 0, 0, &[])] {
        let error = failed_within(3, "a large answer that is none", move |mut near| {
            let bad = bad.clone();
            Box::pin(async move {
                near.next_call().await;
                near.large().await.send(&bad).await;
                near.raw.quic.closed().await;
            })
        });
        assert_unknown("a large answer that is none", &error.await);
    }
}

/// A callee that brings more than it may, or nothing, and then the answer.
#[tokio::test(flavor = "multi_thread")]
async fn sockets_that_bring_nothing_do_not_keep_an_answer_out() {
    let (_callee, caller) = caller_of(|raw| async move {
        let mut near = Nearby::new(raw).await;
        loop {
            let call = near.next_call().await;
            for _ in 0..100 {
                drop(near.large().await);
                let mut stranger = Socket::dial(&near.local).await;
                stranger.send(&[1; SECRET_BYTES]).await;
            }
            near.large().await.send(&reply(call, &"x".repeat(1 << 20))).await;
        }
    });
    for _ in 0..3 {
        let answer = soon("an answer", caller.probe.echo("x".to_owned())).await.unwrap();
        assert_eq!(answer.len(), 1 << 20);
    }
}

/// How a callee treats a large request.
#[derive(Clone, Copy, Debug)]
enum Large {
    NotAccepted,
    HungUpOn,
    LetInByAnother,
    Unread,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_request_that_is_not_let_in_comes_another_way() {
    let mut ends = tokio::task::JoinSet::new();
    for large in [Large::NotAccepted, Large::HungUpOn, Large::LetInByAnother, Large::Unread] {
        ends.spawn(async move {
            let (_callee, caller) = caller_of(move |raw| async move {
                let mut near = Nearby::new(raw).await;
                let kept = match large {
                    Large::NotAccepted => None,
                    Large::HungUpOn => {
                        drop(near.door.shown(&near.raw.quic, Purpose::Request).await);
                        None
                    }
                    Large::LetInByAnother => {
                        let mut dialler = near.door.shown(&near.raw.quic, Purpose::Request).await;
                        dialler.send(&[3; SECRET_BYTES]).await;
                        Some(dialler)
                    }
                    Large::Unread => Some(near.door.let_in(&near.raw.quic, Purpose::Request).await),
                };
                if !matches!(large, Large::Unread) {
                    let request = near.raw.next_large().await;
                    near.socket.send(&reply(request.call, "taken")).await;
                }
                near.raw.quic.closed().await;
                drop(kept);
            });
            let seconds = match large {
                Large::NotAccepted => HANDSHAKE_SECONDS_MAX + 4,
                Large::HungUpOn | Large::LetInByAnother => 3,
                Large::Unread => 2 * STALL_SECONDS_MAX + 4,
            };
            let what = format!("{large:?}: an end of the call");
            let text = "x".repeat(4 << 20);
            let called = within(seconds, &what, caller.probe.echo(text)).await;
            if !matches!(large, Large::Unread) {
                assert_eq!(called.unwrap(), "taken", "{large:?}");
                return;
            }
            let error = called.unwrap_err();
            let error = error.call_error().unwrap();
            show(&format!("{large:?}: {error}"));
            assert_unknown(&what, error);
        });
    }
    ends.join_all().await;
}

/// A large request that is given up is cut, and the connection goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_large_request_that_is_given_up_ends_inside_its_frame() {
    let (seen, mut writing) = tokio::sync::mpsc::channel(1);
    let (_callee, caller) = caller_of(move |raw| {
        let seen = seen.clone();
        async move {
            let mut near = Nearby::new(raw).await;
            let mut large = near.door.let_in(&near.raw.quic, Purpose::Request).await;
            large.stream.readable().await.unwrap();
            seen.send(()).await.unwrap();
            // Nobody reads until the other end is closed: the socket holds less than the request.
            soon("the cut", large.stream.ready(Interest::PRIORITY)).await.unwrap();
            // It is cut, and then there is another.
            assert!(soon("the end of the request", large.try_next()).await.is_none());
            assert_eq!(near.socket.next().await.kind, kind::CANCEL);
            let call = near.next_call().await;
            near.socket.send(&reply(call, "hello")).await;
            near.raw.quic.closed().await;
        }
    });
    let probe = Arc::clone(&caller.probe);
    let call = tokio::spawn(async move { probe.echo("x".repeat(8 << 20)).await });
    soon("the large request", writing.recv()).await.unwrap();
    call.abort();
    assert!(soon("the end of the call", call).await.unwrap_err().is_cancelled());
    let answer = soon("an answer", caller.probe.echo("x".to_owned())).await.unwrap();
    assert_eq!(answer, "hello");
}
