//! Streams of callers that do not keep to the protocol.

use quinn::VarInt;
use weaver_runtime::{
    CallError, CallErrorKind, Ran, Refusal, Result,
    limits::{LANES, Limits},
    net::HANDSHAKE_SECONDS_MAX,
};

use crate::{
    probe::{ECHO, SUM},
    raw::{
        Appetite, Head, Raw, encode, frame, frame_of_length, item, kind, request,
        request_with_streams, stream_of,
    },
    show,
    siege::Siege,
    soon, until, within,
};

/// What a peer may have open towards a node: its lanes are among them.
const STREAMS_MAX: usize = 256 + LANES as usize;

/// Asks for a sum of `streams` streams, and is accepted.
async fn accepted(raw: &mut Raw, call: u64, streams: u8) {
    raw.send(&request_with_streams(call, SUM, streams)).await;
    let accept = raw.next().await;
    assert_eq!((accept.kind, accept.call), (kind::ACCEPT, call));
}

/// What the method that read the stream says.
async fn sum(raw: &mut Raw, call: u64) -> Result<u64> {
    let answer = raw.next().await;
    assert_eq!((answer.kind, answer.call), (kind::REPLY, call));
    answer.decode()
}

fn call_error(sum: Result<u64>) -> CallError {
    sum.unwrap_err().call_error().expect("an error of the way").clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_are_announced_and_never_come_are_bounded() {
    let mut siege = Siege::with_limits(Limits { streams: 4, ..Limits::default() }).await;
    let mut raw = siege.attacker().await;
    for streams in [9, 255] {
        raw.send(&request_with_streams(1, SUM, streams)).await;
        let refusal = Refusal::TooManyStreams { streams: usize::from(streams), streams_max: 8 };
        assert_eq!(raw.next().await.failure(), CallErrorKind::Refused(refusal).into());
    }
    // Eight calls wait for a stream each; what their methods do not take is forgotten.
    for call in 0..8 {
        accepted(&mut raw, call, 1).await;
        until("the readers", || siege.callee.held() == 2 + usize::try_from(call).unwrap()).await;
    }
    raw.send(&request_with_streams(8, SUM, 1)).await;
    let refusal = Refusal::TooManyStreams { streams: 9, streams_max: 8 };
    assert_eq!(raw.next().await.failure(), CallErrorKind::Refused(refusal).into());
    raw.assert_lives(9).await;
    // Given up, they are forgotten, too.
    raw.send(&frame(kind::CANCEL, 1, 0, 0, &[])).await;
    until("the end of the call", || siege.callee.held() == 8).await;
    accepted(&mut raw, 10, 1).await;
    siege.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_streams_as_can_be_announced_are_waited_for() {
    let mut siege = Siege::new().await;
    let mut raw = siege.attacker().await;
    for call in 0..20 {
        accepted(&mut raw, call, 255).await;
    }
    raw.assert_lives(100).await;
    siege.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_a_method_does_not_take_are_forgotten_with_its_call() {
    let mut siege = Siege::new().await;
    let mut raw = siege.attacker().await;
    for call in 1..100 {
        let head =
            Head { kind: kind::REQUEST, streams: 255, call, method: ECHO, ..Head::default() };
        raw.send(&head.before(&encode(&("hello",)))).await;
        assert_eq!(raw.next().await.kind, kind::ACCEPT);
        assert_eq!(raw.next().await.text(), "hello");
    }
    siege.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_was_not_announced_is_a_malformed_argument() {
    let mut siege = Siege::new().await;
    let mut raw = siege.attacker().await;
    // None is announced; then the argument is another one than the one that is.
    raw.send(&request_with_streams(1, SUM, 0)).await;
    let none = raw.next().await.failure();
    let head = Head { kind: kind::REQUEST, streams: 1, call: 2, method: SUM, ..Head::default() };
    raw.send(&head.before(&encode(&7_u32))).await;
    assert_eq!(raw.next().await.kind, kind::ACCEPT);
    let other = raw.next().await.failure();
    for failure in [none, other] {
        let CallErrorKind::Malformed { reason } = &failure.kind else { panic!("{failure:?}") };
        assert!(reason.contains("there is no such stream"), "{reason}");
        assert_eq!(failure.ran, Ran::No);
    }
    siege.expect_line(raw.address(), "there is no such stream").await;
    siege.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_nobody_waits_for_are_stopped_and_the_right_one_is_read() {
    let mut siege = Siege::new().await;
    let mut raw = siege.attacker().await;
    // Before its call exists; of a call that never does; of a number that does not.
    let mut strays = vec![raw.stream(&stream_of(1, 0)).await];
    soon("a stop", strays[0].stopped()).await.unwrap();
    accepted(&mut raw, 1, 2).await;
    for (call, number) in [(77, 0), (u64::MAX, u16::MAX), (1, 2), (1, u16::MAX), (0, 0)] {
        strays.push(raw.stream(&[stream_of(call, number), item(1_000_000)].concat()).await);
    }
    let mut right = raw.stream(&[stream_of(1, 0), item(3)].concat()).await;
    until("the reader", || siege.callee.held() == 2).await;
    // The same once more. In what order the two are met is not said.
    let mut twice = vec![raw.stream(&[stream_of(1, 0), item(3)].concat()).await];
    for stray in &strays {
        soon("a stop", stray.stopped()).await.unwrap();
    }
    twice.push(raw.stream(&[stream_of(1, 0), item(3)].concat()).await);
    let _ = right.finish();
    for stream in &mut twice {
        let _ = stream.finish();
    }
    assert_eq!(sum(&mut raw, 1).await.unwrap(), 3);
    raw.assert_lives(2).await;
    siege.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_do_not_say_whose_they_are_end_the_connection() {
    let mut siege = Siege::new().await;
    let raw = siege.attacker().await;
    let mut silent = Vec::new();
    for bytes in 1..24 {
        silent.push(raw.stream(&stream_of(1, 0)[..bytes]).await);
    }
    within(HANDSHAKE_SECONDS_MAX + 4, "being thrown out", raw.quic.closed()).await;
    // One line, however many streams they were.
    siege.expect_thrown_out(&raw, "a stream that does not say whose it is").await;
    siege.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_begin_with_something_else_end_the_connection() {
    let cases = [
        ("an item", frame(kind::ITEM, 1, 0, 0, &[]), "does not belong on its stream"),
        ("a cancel", frame(kind::CANCEL, 1, 0, 0, &[]), "does not belong on its stream"),
        ("a request", request(1, ECHO, &("x",)), "of 33 bytes; allowed here are 24 to 24"),
        ("garbage", vec![0xee; 100], "allowed here are 24 to 24"),
        ("a body", frame(kind::STREAM, 1, 0, 0, &[0]), "of 25 bytes; allowed here are 24 to 24"),
        ("a huge body", frame_of_length(64 << 20, kind::STREAM, 1), "allowed here are 24 to 24"),
        ("length 0", frame_of_length(0, kind::STREAM, 1), "allowed here are 24 to 24"),
        ("an unknown kind", frame(99, 1, 0, 0, &[]), "unknown kind 99"),
        (
            "metadata",
            Head { kind: kind::STREAM, trailer: 1, ..Head::default() }.before(&[]),
            "a trailer of 1 bytes in a frame of 24",
        ),
    ];
    for (what, bytes, line) in cases {
        let mut siege = Siege::new().await;
        let raw = siege.attacker().await;
        for _ in 0..20 {
            let Ok((mut send, _)) = soon("opening a stream", raw.quic.open_bi()).await else {
                break;
            };
            // It may be thrown out by now.
            let _ = send.write_all(&bytes).await;
        }
        show(what);
        siege.expect_thrown_out(&raw, line).await;
        siege.end().await;
    }
}

/// The reader gets an error that says what is known, and nothing else is harmed.
#[tokio::test(flavor = "multi_thread")]
async fn items_that_are_none_are_errors_of_their_stream_alone() {
    let mut siege = Siege::new().await;
    let mut raw = siege.attacker().await;
    let too_long = frame_of_length((64 << 20) + 24 + (8 << 10) + 1, kind::ITEM, 0);
    let cases: [(&str, Vec<u8>, bool); 10] = [
        ("a garbage item", frame(kind::ITEM, 0, 0, 0, &[0xff; 20]), true),
        ("an empty item", frame(kind::ITEM, 0, 0, 0, &[]), true),
        ("a garbage failure", frame(kind::FAILED, 0, 0, 0, &[0xff; 20]), true),
        ("garbage", vec![0xee; 100], false),
        ("too long", too_long, false),
        ("length 23", frame_of_length(23, kind::ITEM, 0), false),
        ("a request", request(9, ECHO, &("hello",)), false),
        ("a second beginning", stream_of(1, 0), false),
        ("an unknown kind", frame(0, 0, 0, 0, &[]), false),
        ("half an item", item(1)[..30].to_vec(), false),
    ];
    for (call, (what, bytes, is_malformed)) in (1..).zip(cases) {
        accepted(&mut raw, call, 1).await;
        let mut stream = raw.stream(&[stream_of(call, 0), item(1), bytes].concat()).await;
        let _ = stream.finish();
        let error = call_error(sum(&mut raw, call).await);
        match error.kind() {
            CallErrorKind::Malformed { .. } => assert!(is_malformed, "{what}: {error}"),
            CallErrorKind::OutcomeUnknown { .. } => assert!(!is_malformed, "{what}: {error}"),
            _ => panic!("{what}: {error}"),
        }
    }
    // One that its producer takes back.
    accepted(&mut raw, 50, 1).await;
    let mut stream = raw.stream(&[stream_of(50, 0), item(1)].concat()).await;
    // The beginning must have been read: a reset takes back what was not.
    until("the reader", || siege.callee.held() == 2).await;
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    stream.reset(VarInt::from_u32(9)).unwrap();
    let error = call_error(sum(&mut raw, 50).await);
    assert!(matches!(error.kind(), CallErrorKind::OutcomeUnknown { .. }), "{error}");
    raw.assert_lives(100).await;
    siege.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_streams_at_once_wait_at_their_producer() {
    let mut siege = Siege::new().await;
    let mut raw = siege.attacker().await;
    let mut open = Vec::new();
    let opening = async {
        for call in 0..1000 {
            let (mut send, _) = raw.quic.open_bi().await.unwrap();
            send.write_all(&stream_of(call, 0)).await.unwrap();
            open.push(send);
        }
    };
    let all = tokio::time::timeout(std::time::Duration::from_millis(500), opening).await;
    assert!(all.is_err(), "a thousand streams are open");
    assert_eq!(open.len(), STREAMS_MAX - 1);
    raw.assert_lives(1).await;
    siege.end().await;
}

/// Items that have arrived in part count among what a node holds for others.
#[tokio::test(flavor = "multi_thread")]
async fn large_items_that_do_not_end_are_bounded_for_the_node() {
    const QUEUED_BYTES: usize = 4 << 20;
    let mut siege =
        Siege::with_limits(Limits { queued_bytes: QUEUED_BYTES, ..Limits::default() }).await;
    let identity = siege.callee.authority.identity(crate::probe::FRIEND);
    let mut raw = siege.attacker_with(&identity, Appetite::default()).await;
    let whole = frame(kind::ITEM, 0, 0, 0, &vec![0; 2 << 20]);
    let (mut open, mut refused) = (Vec::new(), Vec::new());
    for call in 0..8 {
        raw.send(&request_with_streams(call, SUM, 1)).await;
        // Some are refused before the last is accepted.
        let mut about = raw.next().await;
        while about.kind != kind::ACCEPT {
            refused.push(about);
            about = raw.next().await;
        }
        assert_eq!(about.call, call);
        let begun = [&stream_of(call, 0)[..], &whole[..1 << 20]].concat();
        let (mut send, _) = soon("opening a stream", raw.quic.open_bi()).await.unwrap();
        let _ = soon("sending", send.write_all(&begun)).await;
        open.push(send);
        assert!(siege.gauges().bytes <= QUEUED_BYTES + (1 << 20), "{:?}", siege.gauges());
    }
    // They are twice what is allowed. Which of them is refused makes room for others: it may be any.
    if refused.is_empty() {
        refused.push(raw.next().await);
    }
    for refused in refused {
        let error = call_error(refused.decode());
        let CallErrorKind::Refused(Refusal::Overloaded { .. }) = error.kind() else {
            panic!("{error}")
        };
        assert_eq!(error.ran(), Ran::Yes);
    }
    drop(open);
    siege.end().await;
}
