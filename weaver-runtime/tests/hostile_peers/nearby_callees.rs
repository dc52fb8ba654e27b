//! Callees on the host of their caller that do not keep to the protocol.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use quinn::VarInt;
use weaver_runtime::{
    CallErrorKind, Ran,
    net::{ConnectError, HANDSHAKE_SECONDS_MAX, Hello},
};

use crate::{
    near::{Door, Purpose, SECRET_BYTES, secret, sockets_at, unused_name},
    nearby::{Nearby, assert_unknown, caller_of, failed_within, reply, welcome},
    probe::{CALLEE, Caller, fingerprint},
    raw::{Raw, frame, frame_of_length, kind},
    show, soon, until, within,
};

/// How a callee's door treats its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doorway {
    Nowhere,
    TooLong,
    /// A path with a zero in it is none.
    Zero,
    Empty,
    HangsUp,
    WrongSecret,
    /// What the caller said itself.
    Echo,
    HalfASecret,
    Silent,
    Full,
}

impl Doorway {
    const ALL: [Self; 10] = [
        Self::Nowhere,
        Self::TooLong,
        Self::Zero,
        Self::Empty,
        Self::HangsUp,
        Self::WrongSecret,
        Self::Echo,
        Self::HalfASecret,
        Self::Silent,
        Self::Full,
    ];

    async fn treat(self, mut raw: Raw) {
        let door = if self == Self::Full { Door::narrow() } else { Door::open() };
        let name = match self {
            Self::Nowhere => unused_name(),
            Self::TooLong => "x".repeat(1000),
            Self::Zero => format!("{}\0", door.name),
            Self::Empty => String::new(),
            Self::HangsUp
            | Self::WrongSecret
            | Self::Echo
            | Self::HalfASecret
            | Self::Silent
            | Self::Full => door.name.clone(),
        };
        let crowd = if self == Self::Full { door.fill().await } else { Vec::new() };
        welcome(&mut raw, &name).await;
        let kept = match self {
            Self::HangsUp => {
                drop(door.shown(&raw.quic, Purpose::Shared).await);
                None
            }
            Self::WrongSecret | Self::HalfASecret | Self::Echo | Self::Silent => {
                let mut dialler = door.shown(&raw.quic, Purpose::Shared).await;
                match self {
                    Self::WrongSecret => dialler.send(&[7; SECRET_BYTES]).await,
                    Self::HalfASecret => {
                        let said = secret(&raw.quic, Purpose::Shared, 1);
                        dialler.send(&said[..16]).await;
                    }
                    _ => {
                        let said = secret(&raw.quic, Purpose::Shared, 0);
                        dialler.send(if self == Self::Echo { &said } else { &[] }).await;
                    }
                }
                Some(dialler)
            }
            _ => None,
        };
        raw.quic.closed().await;
        drop((kept, crowd, door));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_door_that_leads_nowhere_is_an_error_that_says_so() {
    let mut ends = tokio::task::JoinSet::new();
    for doorway in Doorway::ALL {
        ends.spawn(async move {
            let (callee, caller) = caller_of(move |raw| doorway.treat(raw));
            let hello = Hello::new(fingerprint());
            let connecting = caller.endpoint.connect(callee.address, CALLEE, &hello, &[]);
            let what = format!("{doorway:?}: an end of the handshake");
            let error = within(HANDSHAKE_SECONDS_MAX + 4, &what, connecting).await.unwrap_err();
            let is_slow = matches!(doorway, Doorway::HalfASecret | Doorway::Silent | Doorway::Full);
            match &error {
                ConnectError::Local { address, .. } => assert_eq!(*address, callee.address),
                ConnectError::Silent { .. } if is_slow => {}
                _ => panic!("{doorway:?}: {error:?}"),
            }
            let source = std::error::Error::source(&error).map(ToString::to_string);
            show(&format!("{doorway:?}: {error}: {source:?}"));
        });
    }
    ends.join_all().await;
}

/// A call is not sent to whom cannot be reached, and its caller is told why.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_to_a_door_that_leads_nowhere_is_not_sent() {
    let (_callee, caller) = caller_of(|raw| Doorway::Nowhere.treat(raw));
    let error = soon("giving up", caller.probe.echo("x".to_owned())).await.unwrap_err();
    let error = error.call_error().unwrap();
    assert!(matches!(error.kind(), CallErrorKind::NotSent { .. }), "{error}");
    assert_eq!(error.ran(), Ran::No);
    assert!(error.to_string().contains("socket"), "{error}");
}

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
    let not_a_callees =
        [kind::HELLO, kind::WELCOME, kind::REQUEST, kind::CANCEL, kind::STREAM, kind::ITEM];
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
