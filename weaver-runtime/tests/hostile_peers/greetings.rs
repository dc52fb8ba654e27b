//! Who is let in: certificates, greetings, and those who say nothing.

use std::time::{Duration, Instant};

use quinn::ConnectionError;
use tokio::net::UdpSocket;
use weaver_runtime::{
    CallErrorKind, Ran, Refusal,
    net::{ConnectError, HANDSHAKE_SECONDS_MAX, Hello, Identity},
};

use crate::{
    authority::Authority,
    log,
    neighbour::Neighbour,
    probe::{CALLEE, Callee, Caller, ECHO, FRIEND, OUTSIDER, fingerprint, methods, other_methods},
    raw::{self, Appetite, Raw, Welcome, encode, frame, frame_of_length, kind, request},
    siege::Siege,
    soon, until, within,
};

/// The limit of the handshake, and what a busy machine adds.
const THROWN_OUT_SECONDS: u64 = HANDSHAKE_SECONDS_MAX + 4;

/// The connection of a client that TLS should turn away, and why it ended.
async fn turned_away(identity: Option<&Identity>, siege: &mut Siege) -> ConnectionError {
    let authority = siege.callee.authority.identity("x").authority;
    let (endpoint, connected) =
        raw::dial(identity, &authority, siege.callee.address, Appetite::default()).await;
    siege.watch(&endpoint);
    let error = match connected {
        Err(error) => error,
        // A client may believe itself connected before its certificate was looked at.
        Ok(quic) => soon("being turned away", quic.closed()).await,
    };
    siege.expect_line(endpoint.local_addr().unwrap(), "refused a connection").await;
    error
}

fn is_tls_alert(error: &ConnectionError) -> bool {
    let ConnectionError::ConnectionClosed(close) = error else { return false };
    u64::from(close.error_code) >> 8 == 1
}

/// TLS turns the client away, with one line in the log.
async fn assert_turned_away(identity: Option<&Identity>, siege: &mut Siege, line: &'static str) {
    let error = turned_away(identity, siege).await;
    assert!(is_tls_alert(&error), "{error:?}");
    assert!(error.to_string().to_lowercase().contains(line), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_certificate_nobody_comes_in() {
    let mut siege = Siege::new().await;
    assert_turned_away(None, &mut siege, "certificate").await;
    siege.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_another_authority_is_worth_nothing() {
    let mut siege = Siege::new().await;
    let foreign = Authority::new().identity(FRIEND);
    assert_turned_away(Some(&foreign), &mut siege, "").await;
    siege.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_certificate_is_worth_nothing() {
    let mut siege = Siege::new().await;
    let expired = siege.callee.authority.expired(FRIEND);
    assert_turned_away(Some(&expired), &mut siege, "expired").await;
    siege.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_does_not_trust_a_callee_of_another_authority() {
    let callee = Callee::new();
    let caller = Caller::new(&Authority::new(), FRIEND, methods(), callee.address);
    let hello = Hello::new(fingerprint());
    let connecting = caller.endpoint.connect(callee.address, CALLEE, &hello, &[]);
    let error = soon("a refusal", connecting).await.unwrap_err();
    assert!(matches!(error, ConnectError::Connect { .. }), "{error:?}");
    callee.assert_serves().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_must_name_a_group() {
    let mut siege = Siege::new().await;
    let nameless = siege.callee.authority.without_group();
    let foreign = siege.callee.authority.with_uri("https://example.com/friend");
    for identity in [nameless, foreign] {
        let error = turned_away(Some(&identity), &mut siege).await;
        assert!(matches!(error, ConnectionError::ApplicationClosed(_)), "{error:?}");
        assert!(error.to_string().contains("names no group"), "{error}");
    }
    siege.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_may_not_call_is_refused() {
    let mut siege = Siege::new().await;
    // The last two are near misses of the one that may.
    for group in [OUTSIDER, "Friend", "friend/x"] {
        let (authority, address) = (&siege.callee.authority, siege.callee.address);
        let caller = Caller::new(authority, group, methods(), address);
        for _ in 0..10 {
            let error = soon("a refusal", caller.probe.hold()).await.unwrap_err();
            let error = error.call_error().unwrap();
            let refusal = Refusal::NotPermitted { group: group.to_owned() };
            assert_eq!(error.kind(), &CallErrorKind::Refused(refusal));
            assert_eq!(error.ran(), Ran::No);
        }
        let address = caller.endpoint.local_addr().unwrap();
        siege.expect_line(address, "holds no reference to this component").await;
        assert_eq!(siege.lines_about(address, "").len(), 1);
    }
    assert_eq!(siege.callee.held(), 1);
    siege.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callee_of_another_group_is_not_called() {
    let callee = Callee::new();
    let caller = callee.friend();
    let hello = Hello::new(fingerprint());
    let connecting = caller.endpoint.connect(callee.address, "cart", &hello, &[]);
    let error = soon("a refusal", connecting).await.unwrap_err();
    let text = error.to_string();
    let ConnectError::WrongGroup { expected, found, .. } = error else { panic!("{text}") };
    assert_eq!((expected.as_str(), found.as_str()), ("cart", CALLEE));
    assert!(text.contains("`callee`, not `cart`"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_build_is_told_the_difference_and_logged() {
    log::start();
    let callee = Callee::new();
    let caller = Caller::new(&callee.authority, FRIEND, other_methods(), callee.address);
    let error = soon("a refusal", caller.probe.hold()).await.unwrap_err();
    let error = error.call_error().unwrap();
    let CallErrorKind::WrongVersion { difference } = error.kind() else { panic!("{error}") };
    assert_eq!(difference, "changed: Probe.echo");
    assert_eq!(error.ran(), Ran::No);
    let address = caller.endpoint.local_addr().unwrap().to_string();
    until("the log", || log::has(&["another build", &address])).await;
    assert_eq!(callee.held(), 0);
    callee.assert_serves().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_version_of_weaver_is_told_ours() {
    let callee = Callee::new();
    let mut raw = Raw::connect(&callee.authority, FRIEND, callee.address).await;
    let mut hello = Hello::new(fingerprint());
    let ours = std::mem::replace(&mut hello.crate_version, "99.0.0".to_owned());
    // As it may be there.
    hello.lanes = 99;
    raw.send(&frame(kind::HELLO, 0, 0, 0, &encode(&hello))).await;
    let welcome: Welcome = raw.next().await.decode();
    assert_eq!(welcome, Welcome::Stranger { crate_version: ours, methods: methods() });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_that_lingers_is_thrown_out_and_its_calls_are_not_taken() {
    let mut siege = Siege::new().await;
    let identity = siege.callee.authority.identity(FRIEND);
    let mut raw = siege.stranger(&identity, Appetite::default()).await;
    let hello = Hello::new(weaver_runtime::fingerprint::Fingerprint::of(&other_methods()));
    raw.send(&frame(kind::HELLO, 0, 0, 0, &encode(&hello))).await;
    assert!(matches!(raw.next().await.decode(), Welcome::Stranger { .. }));
    raw.send(&request(1, ECHO, &("let me in",))).await;
    siege.expect_thrown_out(&raw, "it runs another build of the program").await;
    assert_eq!(raw.try_next().await, None);
    siege.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_silent_are_thrown_out_while_others_are_served() {
    let mut siege = Siege::new().await;
    let identity = siege.callee.authority.identity(FRIEND);
    let started = Instant::now();
    let hello = raw::hello();
    let mut silent = Vec::new();
    // Nothing at all, nothing but an empty stream, and greetings that stop half way.
    for bytes in [0, 1, 3, 4, 20, 24, hello.len() - 1] {
        let mut raw = siege.stranger(&identity, Appetite::default()).await;
        raw.send(&hello[..bytes]).await;
        silent.push(raw);
    }
    // Before the first stream: not even that is opened.
    let (endpoint, no_stream) =
        raw::dial(Some(&identity), &identity.authority, siege.callee.address, Appetite::default())
            .await;
    siege.watch(&endpoint);
    let no_stream = no_stream.unwrap();
    within(THROWN_OUT_SECONDS, "being thrown out", no_stream.closed()).await;
    siege.expect_line(endpoint.local_addr().unwrap(), "silent for 5s").await;
    for raw in &silent {
        siege.expect_thrown_out(raw, "silent for 5s").await;
    }
    assert!(started.elapsed() > Duration::from_secs(HANDSHAKE_SECONDS_MAX - 1), "too early");
    siege.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_greeting_that_trickles_in_does_not_last_longer() {
    let callee = Callee::new();
    let mut raw = Raw::connect(&callee.authority, FRIEND, callee.address).await;
    let trickle = async {
        for byte in raw::hello() {
            if raw.send.write_all(&[byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    };
    within(THROWN_OUT_SECONDS, "being thrown out", trickle).await;
    callee.assert_serves().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_is_no_greeting() {
    let mut siege = Siege::new().await;
    let identity = siege.callee.authority.identity(FRIEND);
    let good = encode(&Hello::new(fingerprint()));
    let mut trailing = good.clone();
    trailing.push(0);
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("text", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec()),
        ("ones", vec![0xff; 4096]),
        ("length 0", frame_of_length(0, kind::HELLO, 0)),
        ("length 23", frame_of_length(23, kind::HELLO, 0)),
        ("a huge length", frame_of_length(u32::MAX, kind::HELLO, 0)),
        ("an empty greeting", frame(kind::HELLO, 0, 0, 0, &[])),
        ("a garbage greeting", frame(kind::HELLO, 0, 0, 0, &[0xff; 64])),
        ("a greeting cut short", frame(kind::HELLO, 0, 0, 0, &good[..good.len() - 1])),
        ("a greeting and more", frame(kind::HELLO, 0, 0, 0, &trailing)),
        ("a welcome", frame(kind::WELCOME, 0, 0, 0, &good)),
        ("a request", request(1, ECHO, &("hello",))),
        ("an unknown kind", frame(255, 0, 0, 0, &good)),
    ];
    for (what, bytes) in cases {
        let mut raw = siege.stranger(&identity, Appetite::default()).await;
        raw.send(&bytes).await;
        // Long before the silent are thrown out.
        within(HANDSHAKE_SECONDS_MAX - 1, what, raw.quic.closed()).await;
        siege.expect_thrown_out(&raw, "refused a connection").await;
        assert_eq!(raw.try_next().await, None, "{what}");
    }
    siege.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn datagrams_that_are_no_quic_are_ignored() {
    let callee = Callee::new();
    let neighbour = Neighbour::new(&callee).await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..2000 {
        let mut datagram = vec![0; random.usize(..2000)];
        random.fill(&mut datagram);
        if let Some(first) = datagram.first_mut() {
            // Half of them look like the beginning of a connection.
            *first |= if random.bool() { 0xc0 } else { 0 };
        }
        socket.send_to(&datagram, callee.address).await.unwrap();
    }
    neighbour.assert_unharmed(&callee).await;
    callee.assert_serves().await;
}
