//! Arguments that cost more to decode than to send.

use weaver_runtime::{CallErrorKind, Failure, Ran};

use crate::{
    probe::{NAMED, TREE, UNITS},
    raw::{RawFrame, encode, frame, kind},
    siege::Siege,
};

/// Sends arguments, and expects that they are refused before anything ran.
async fn refused(what: &str, method: u16, arguments: &[u8]) -> String {
    let mut siege = Siege::new().await;
    let mut raw = siege.attacker().await;
    raw.send(&frame(kind::REQUEST, 1, 0, method, arguments)).await;
    let failure = raw.next().await.failure();
    let Failure { kind: CallErrorKind::Malformed { reason }, ran: Ran::No } = failure else {
        panic!("{what}: {failure:?}")
    };
    // A peer that does so for ever does not fill the log.
    for call in 2..100 {
        raw.send(&frame(kind::REQUEST, call, 0, method, arguments)).await;
        assert!(matches!(raw.next().await, RawFrame { kind: kind::FAILED, .. }));
    }
    raw.assert_lives(1000).await;
    siege.expect_line(raw.address(), "refused a call").await;
    siege.end().await;
    reason
}

#[tokio::test(flavor = "multi_thread")]
async fn two_billion_elements_of_no_size_are_not_decoded() {
    let reason = refused("2^31 units", UNITS, &encode(&(1_u64 << 31))).await;
    assert!(reason.contains("memory"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_nested_boxes_are_not_decoded() {
    let reason = refused("nested boxes", TREE, &[1; 10_000]).await;
    assert!(reason.contains("levels deep"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn lengths_that_overflow_are_not_believed() {
    for length in [1 << 62, u64::MAX, u64::from(u32::MAX)] {
        let reason = refused("a length", UNITS, &encode(&length)).await;
        assert!(reason.contains("memory") || reason.contains("bytes end"), "{reason}");
    }
}

/// What an author's own type says about a value repeats it. That must not make a large answer, nor one
/// that is too large to be sent.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_not_sent_back() {
    let mut siege = Siege::new().await;
    let mut raw = siege.attacker().await;
    // Control characters become six times as long when they are shown.
    let text = encode(&"\u{1}".repeat(200_000));
    raw.send(&frame(kind::REQUEST, 1, 0, NAMED, &text)).await;
    let answer = raw.next().await;
    assert!(matches!(answer.failure().kind, CallErrorKind::Malformed { .. }));
    assert!(answer.payload.len() < 5000, "{} bytes", answer.payload.len());
    raw.send_large(&frame(kind::REQUEST, 2, 0, NAMED, &encode(&"\u{1}".repeat(12 << 20)))).await;
    assert!(raw.next().await.payload.len() < 5000);
    raw.assert_lives(3).await;
    siege.expect_line(raw.address(), "refused a call").await;
    siege.end().await;
}
