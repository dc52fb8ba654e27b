//! Callers that were let in and then do not keep to the protocol.

use quinn::ConnectionError;
use weaver_runtime::{CallErrorKind, Ran, Refusal, net::CALLS_IN_FLIGHT_MAX};

use crate::{
    neighbour::Neighbour,
    probe::{Callee, ECHO, FRIEND, HOLD},
    raw::{Raw, SHARED_FRAME_BYTES_MAX, encode, frame, frame_of_length, kind, request},
    until,
};

async fn friend(callee: &Callee) -> Raw {
    let mut raw = Raw::connect(&callee.authority, FRIEND, callee.address).await;
    raw.greet().await;
    raw
}

/// What no caller sends, each as it would follow a greeting.
fn bad_frames() -> Vec<(String, Vec<u8>)> {
    let length = |bytes: usize| frame_of_length(u32::try_from(bytes).unwrap(), kind::REQUEST, 1);
    let mut bad = vec![
        ("garbage".to_owned(), vec![0xfe; 3000]),
        ("text".to_owned(), b"GET / HTTP/1.1\r\n\r\n".to_vec()),
        ("length 0".to_owned(), length(0)),
        ("length 23".to_owned(), length(23)),
        ("one byte too long".to_owned(), length(SHARED_FRAME_BYTES_MAX + 1)),
        ("length 4294967295".to_owned(), frame_of_length(u32::MAX, kind::REQUEST, 1)),
    ];
    let not_a_callers = [kind::HELLO, kind::WELCOME, kind::REPLY, kind::FAILED, kind::GO_AWAY];
    for kind in kind::UNKNOWN.into_iter().chain(not_a_callers) {
        bad.push((format!("kind {kind}"), frame(kind, 1, 0, 0, &[])));
    }
    bad
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_frame_ends_its_own_connection_and_no_other() {
    let callee = Callee::new();
    let neighbour = Neighbour::new(&callee).await;
    for (what, bytes) in bad_frames() {
        let mut raw = friend(&callee).await;
        raw.send(&request(1, HOLD, &())).await;
        until(&what, || callee.held() == 2).await;
        raw.send(&bytes).await;
        let closed = raw.closed().await;
        assert!(matches!(closed, ConnectionError::ApplicationClosed(_)), "{what}: {closed:?}");
        // Its calls end with it; the neighbour's does not.
        until(&what, || callee.held() == 1).await;
    }
    neighbour.assert_unharmed(&callee).await;
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
    let callee = Callee::new();
    let mut raw = friend(&callee).await;
    let cases = [
        (1, ECHO, "no component with index 1"),
        (2, ECHO, "no component with index 2"),
        (u16::MAX, ECHO, "no component with index 65535"),
        (0, 3, "no method with index 3"),
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
}

#[tokio::test(flavor = "multi_thread")]
async fn arguments_that_cannot_be_decoded_are_malformed_and_nothing_runs() {
    let callee = Callee::new();
    let mut raw = friend(&callee).await;
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
    assert_eq!(callee.held(), 0);
    raw.assert_lives(100).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn header_bytes_that_mean_nothing_are_ignored_and_ids_may_be_any() {
    let callee = Callee::new();
    let mut raw = friend(&callee).await;
    for call in [0, 1, u64::MAX, u64::MAX, 1 << 63] {
        let mut bytes = request(call, ECHO, &("any",));
        bytes[5..8].fill(0xaa);
        bytes[20..24].fill(0xaa);
        raw.send(&bytes).await;
        let answer = raw.next().await;
        assert_eq!((answer.call, answer.text().as_str()), (call, "any"));
    }
    // Cancelling what was never asked, and what is over.
    for call in [0, 1, 77, u64::MAX] {
        raw.send(&frame(kind::CANCEL, call, 9, 9, b"why")).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn more_calls_than_a_connection_may_have_in_flight_are_refused() {
    const TOO_MANY: usize = 100;
    let callee = Callee::new();
    let neighbour = Neighbour::new(&callee).await;
    let mut raw = friend(&callee).await;
    for call in 0..CALLS_IN_FLIGHT_MAX + TOO_MANY {
        raw.send(&request(u64::try_from(call).unwrap(), HOLD, &())).await;
    }
    for _ in 0..TOO_MANY {
        let answer = raw.next().await;
        assert!(answer.call >= u64::try_from(CALLS_IN_FLIGHT_MAX).unwrap(), "{}", answer.call);
        let failure = answer.failure();
        let load = Load::Calls { calls: CALLS_IN_FLIGHT_MAX, calls_max: CALLS_IN_FLIGHT_MAX };
        let refusal = Refusal::Overloaded { load };
        assert_eq!(failure.kind, CallErrorKind::Refused(refusal));
        assert_eq!(failure.ran, Ran::No);
    }
    // A place that becomes free is given to the next.
    raw.send(&frame(kind::CANCEL, 5, 0, 0, &[])).await;
    until("the end of one call", || callee.held() <= CALLS_IN_FLIGHT_MAX).await;
    raw.assert_lives(1 << 40).await;
    drop(raw);
    until("the end of all calls", || callee.held() == 1).await;
    neighbour.assert_unharmed(&callee).await;
}
