//! Callers that were let in and then do not keep to the protocol.

use quinn::ConnectionError;
use weaver_runtime::{CallErrorKind, Failure, Ran};

use crate::{
    probe::{BROKEN, Callee, ECHO, FRIEND, HOLD, METHODS, PROBE, SUM, UNFINISHED},
    raw::{Head, Raw, SHARED_FRAME_BYTES_MAX, encode, frame, frame_of_length, kind, request},
    siege::Siege,
    until,
};

async fn friend(callee: &Callee) -> Raw {
    let mut raw = Raw::connect(&callee.authority, FRIEND, callee.address).await;
    raw.greet().await;
    raw
}

/// What no caller sends, each as it would follow a greeting.
pub(crate) fn bad_frames() -> Vec<(String, Vec<u8>)> {
    let length = |bytes: usize| frame_of_length(u32::try_from(bytes).unwrap(), kind::REQUEST, 1);
    let mut bad = vec![
        ("garbage".to_owned(), vec![0xfe; 3000]),
        ("text".to_owned(), b"GET / HTTP/1.1\r\n\r\n".to_vec()),
        ("length 0".to_owned(), length(0)),
        ("length 23".to_owned(), length(23)),
        ("one byte too long".to_owned(), length(SHARED_FRAME_BYTES_MAX + 1)),
        ("length 4294967295".to_owned(), frame_of_length(u32::MAX, kind::REQUEST, 1)),
    ];
    let not_a_callers = [
        kind::HELLO,
        kind::WELCOME,
        kind::REPLY,
        kind::FAILED,
        kind::GO_AWAY,
        kind::ACCEPT,
        kind::STREAM,
        kind::ITEM,
        kind::LANE,
    ];
    for kind in kind::UNKNOWN.into_iter().chain(not_a_callers) {
        bad.push((format!("kind {kind}"), frame(kind, 1, 0, 0, &[])));
    }
    bad
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_frame_ends_its_own_connection_and_no_other() {
    let mut siege = Siege::new().await;
    for (what, bytes) in bad_frames() {
        let mut raw = siege.attacker().await;
        raw.send(&request(1, HOLD, &())).await;
        until(&what, || siege.callee.held() == 2).await;
        raw.send(&bytes).await;
        siege.expect_thrown_out(&raw, "closing a connection").await;
        // Its calls end with it; the neighbour's does not.
        until(&what, || siege.callee.held() == 1).await;
    }
    siege.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_is_in_use_ends_the_connection() {
    let mut siege = Siege::new().await;
    let mut raw = siege.attacker().await;
    raw.send(&[request(7, HOLD, &()), request(7, HOLD, &())].concat()).await;
    siege.expect_thrown_out(&raw, "the id of a call that is in flight").await;
    siege.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_frame_waits_for_its_other_half_and_holds_up_nobody() {
    let mut siege = Siege::new().await;
    let whole = request(1, ECHO, &("half",));
    let mut waiting = Vec::new();
    for bytes in [1, 4, 23, 24, whole.len() - 1] {
        let mut raw = siege.attacker().await;
        raw.send(&whole[..bytes]).await;
        waiting.push((raw, bytes));
    }
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    for (raw, bytes) in &mut waiting[..3] {
        raw.send(&whole[*bytes..]).await;
        assert_eq!(raw.next().await.text(), "half");
    }
    // The others never come.
    siege.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_ends_inside_a_frame_ends_the_connection() {
    let callee = Callee::new();
    let whole = request(1, ECHO, &("cut",));
    for bytes in 1..whole.len() {
        let mut raw = friend(&callee).await;
        raw.send(&whole[..bytes]).await;
        raw.send.finish().unwrap();
        let closed = raw.closed().await;
        assert!(matches!(closed, ConnectionError::ApplicationClosed(_)), "{bytes}: {closed:?}");
    }
    callee.assert_serves().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn components_and_methods_that_do_not_exist_are_malformed_requests() {
    let mut siege = Siege::new().await;
    let mut raw = siege.attacker().await;
    let cases = [
        (1, ECHO, "no component with index 1"),
        (2, ECHO, "no component with index 2"),
        (u16::MAX, ECHO, "no component with index 65535"),
        (0, METHODS, "no method with index 9"),
        (0, u16::MAX, "no method with index 65535"),
    ];
    for (call, (component, method, expected)) in (1..).zip(cases) {
        let arguments = encode(&("hello",));
        raw.send(&frame(kind::REQUEST, call, component, method, &arguments)).await;
        let answer = raw.next().await;
        assert_eq!(answer.call, call);
        let failure = answer.failure();
        let CallErrorKind::Malformed { reason } = &failure.kind else { panic!("{failure:?}") };
        assert!(reason.contains(expected), "{reason}");
        assert_eq!(failure.ran, Ran::No);
    }
    raw.assert_lives(100).await;
    siege.expect_line(raw.address(), "refused a call").await;
    siege.end().await;
}

/// A call to what cannot be called goes elsewhere: its streams must not have begun.
#[tokio::test(flavor = "multi_thread")]
async fn a_component_that_is_not_ready_accepts_no_streams() {
    let mut siege = Siege::new().await;
    let mut raw = siege.attacker().await;
    let head = Head { kind: kind::REQUEST, streams: 1, method: SUM, ..Head::default() };
    let arguments = encode(&0_u32);
    raw.send(&Head { component: BROKEN, call: 1, ..head }.before(&arguments)).await;
    let reason = "no database".to_owned();
    let failed = Failure::new(CallErrorKind::InitFailed { reason }, Ran::No);
    assert_eq!(raw.next().await.failure(), failed);
    // One that is being built is waited for as long as the deadline allows.
    let head = Head { component: UNFINISHED, call: 2, time_left_ms: 50, ..head };
    raw.send(&head.before(&arguments)).await;
    let expired = Failure::new(CallErrorKind::DeadlineExceeded, Ran::No);
    assert_eq!(raw.next().await.failure(), expired);
    raw.send(&Head { component: PROBE, call: 3, ..head }.before(&arguments)).await;
    assert_eq!(raw.next().await.kind, kind::ACCEPT);
    siege.end().await;
}

/// A time that has all but passed, and one that is longer than the node will run.
#[tokio::test(flavor = "multi_thread")]
async fn any_time_may_be_left() {
    let mut siege = Siege::new().await;
    let mut raw = siege.attacker().await;
    for (call, time_left_ms) in [(1, 1), (2, u32::MAX)] {
        let head =
            Head { kind: kind::REQUEST, call, method: HOLD, time_left_ms, ..Head::default() };
        raw.send(&head.before(&[])).await;
    }
    let answer = raw.next().await;
    assert_eq!((answer.kind, answer.call), (kind::REPLY, 1));
    let error = answer.decode::<weaver_runtime::Result<()>>().unwrap_err();
    assert_eq!(error.call_error().unwrap().kind(), &CallErrorKind::DeadlineExceeded);
    raw.assert_lives(3).await;
    siege.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn arguments_that_cannot_be_decoded_are_malformed_and_nothing_runs() {
    let mut siege = Siege::new().await;
    let mut raw = siege.attacker().await;
    let mut trailing = encode(&("hello",));
    trailing.push(1);
    let cases: [(u16, Vec<u8>); 8] = [
        (ECHO, Vec::new()),
        (ECHO, vec![5]),
        // Lengths far beyond the message, and one that overflows.
        (ECHO, 1_000_000_u64.to_le_bytes().to_vec()),
        (ECHO, (1_u64 << 62).to_le_bytes().to_vec()),
        (ECHO, u64::MAX.to_le_bytes().to_vec()),
        (ECHO, [&2_u64.to_le_bytes()[..], &[0xc3, 0x28]].concat()),
        (ECHO, trailing),
        (HOLD, vec![0]),
    ];
    for (call, (method, arguments)) in (1..).zip(cases) {
        raw.send(&frame(kind::REQUEST, call, 0, method, &arguments)).await;
        let answer = raw.next().await;
        assert_eq!(answer.call, call);
        let failure = answer.failure();
        assert!(matches!(failure.kind, CallErrorKind::Malformed { .. }), "{failure:?}");
        assert_eq!(failure.ran, Ran::No, "{failure:?}");
    }
    assert_eq!(siege.callee.held(), 1);
    raw.assert_lives(100).await;
    siege.expect_line(raw.address(), "refused a call").await;
    siege.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn header_bytes_that_mean_nothing_are_ignored_and_ids_may_be_any() {
    let callee = Callee::new();
    let mut raw = friend(&callee).await;
    for call in [0, 1, u64::MAX, u64::MAX, 1 << 63] {
        raw.send(&request(call, ECHO, &("any",))).await;
        let answer = raw.next().await;
        assert_eq!((answer.call, answer.text().as_str()), (call, "any"));
    }
    // Cancelling what was never asked, and what is over.
    for call in [0, 1, 77, u64::MAX] {
        let head = Head {
            kind: kind::CANCEL,
            streams: 0xaa,
            trailer: 3,
            call,
            component: 9,
            method: 9,
            time_left_ms: u32::MAX,
        };
        raw.send(&head.before(b"why")).await;
    }
    raw.assert_lives(100).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_may_be_cut_into_single_bytes() {
    let callee = Callee::new();
    let mut raw = friend(&callee).await;
    for byte in request(1, ECHO, &("slowly",)) {
        raw.send(&[byte]).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(raw.next().await.text(), "slowly");
}
