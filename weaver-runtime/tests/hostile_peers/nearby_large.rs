//! Large frames between two nodes of one host, each on a socket of its own, where one side does not
//! play along.

use weaver_runtime::{
    CallErrorKind, Load, Ran, Refusal,
    limits::{Limits, STALL_BYTES_MIN, STALL_SECONDS_MAX},
};

use crate::{
    near::{Near, Purpose, Socket, secret, sockets_at},
    probe::{ECHO, HOLD, TEXT},
    raw::{frame, frame_of_length, kind, request},
    siege::Siege,
    soon, until, within,
};

/// Large frames that one peer may have under way.
const LARGE_FRAMES_MAX: usize = 16;

/// The largest message behind its header, and behind that a trace, a key, and the most metadata.
const FRAME_BYTES_MAX: usize = (64 << 20) + 24 + 25 + 8 + (8 << 10);

const LARGE_BYTES: u64 = 1 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn a_large_request_is_answered_at_its_callers_door() {
    let mut siege = Siege::new().await;
    let near = Near::new(&mut siege).await;
    let text = "x".repeat(1 << 20);
    let mut large = near.large().await;
    let whole = request(9, ECHO, &(&text,));
    large.send(&whole).await;
    let answer = near.next_large().await;
    assert_eq!(answer.call, 9);
    assert!(answer.text() == text);
    siege.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_request_that_is_cut_is_lost_alone() {
    let mut siege = Siege::new().await;
    let mut near = Near::new(&mut siege).await;
    let whole = request(9, ECHO, &("x".repeat(1 << 20),));
    for bytes in [0, 1, 3, 4, 10, 24, 300_000, whole.len() - 1] {
        let mut large = near.large().await;
        large.send(&whole[..bytes]).await;
        if bytes % 2 == 0 {
            large.finish().await;
            large.hung_up_on().await;
        }
    }
    near.socket.assert_lives(1).await;
    // The id is free, because nothing of it has arrived.
    near.large().await.send(&whole).await;
    assert_eq!(near.next_large().await.call, 9);
    siege.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_frame_that_is_none_ends_the_connection() {
    let mut siege = Siege::new().await;
    let length = |bytes: usize| frame_of_length(u32::try_from(bytes).unwrap(), kind::REQUEST, 1);
    let cases = [
        length(0),
        length(23),
        length(FRAME_BYTES_MAX + 1),
        frame_of_length(u32::MAX, kind::REQUEST, 1),
        vec![0xfe; 100_000],
        frame(kind::REPLY, 1, 0, 0, &[]),
        frame(99, 1, 0, 0, &[]),
    ];
    for bytes in cases {
        let near = Near::new(&mut siege).await;
        let mut large = near.large().await;
        // It may be thrown out before it has said all.
        let _ = large.try_send(&bytes).await;
        siege.expect_thrown_out(&near.raw, "closing a connection").await;
        large.hung_up_on().await;
    }
    siege.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_large_requests_than_allowed_wait_and_hold_up_nobody_else() {
    let mut siege = Siege::new().await;
    let mut near = Near::new(&mut siege).await;
    let before = sockets_at(&near.local);
    let whole = request(9, ECHO, &("x".repeat(1 << 20),));
    let mut open = Vec::new();
    for _ in 0..LARGE_FRAMES_MAX {
        let mut large = near.large().await;
        large.send(&whole[..500_000]).await;
        open.push(large);
    }
    // One is let in and not read, one more waits to be let in; the others are hung up on at last.
    let mut waiting = Vec::new();
    for _ in 0..4 * LARGE_FRAMES_MAX {
        let mut large = Socket::dial(&near.local).await;
        large.send(&secret(&near.raw.quic, Purpose::Request, 0)).await;
        waiting.push(large);
    }
    near.socket.assert_lives(1).await;
    siege.callee.assert_serves().await;
    let (large_max, theirs) = (2 * LARGE_FRAMES_MAX + 2, 8);
    until("an end of those above the limits", || {
        sockets_at(&near.local) <= before + large_max + theirs
    })
    .await;
    let bytes = siege.gauges().bytes;
    assert!(bytes <= LARGE_FRAMES_MAX * 500_000 + 10_000, "{bytes}");
    drop(waiting);
    for mut large in open.drain(..4) {
        large.send(&whole[500_000..]).await;
        assert_eq!(near.next_large().await.call, 9);
    }
    // The places of those are free.
    let again = async {
        loop {
            let entered = Socket::try_enter(&near.local, &near.raw.quic, Purpose::Request).await;
            if let Some(mut large) = entered {
                large.send(&whole).await;
                return;
            }
        }
    };
    soon("a free place", again).await;
    assert_eq!(near.next_large().await.call, 9);
    siege.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn large_requests_without_room_are_refused_and_their_sockets_end() {
    const QUEUED_BYTES: usize = 4 << 20;
    let limits = Limits { queued_bytes: QUEUED_BYTES, ..Limits::default() };
    let mut siege = Siege::with_limits(limits).await;
    let mut near = Near::new(&mut siege).await;
    let begun = [frame_of_length(64 << 20, kind::REQUEST, 7), vec![0; 500_000]].concat();
    let mut open = Vec::new();
    for _ in 0..LARGE_FRAMES_MAX {
        let mut large = near.large().await;
        // One that is refused is hung up on.
        let _ = large.try_send(&begun).await;
        open.push(large);
        let bytes = siege.gauges().bytes;
        assert!(bytes <= QUEUED_BYTES + (1 << 20), "{bytes}");
    }
    let failure = near.socket.next().await.failure();
    let CallErrorKind::Refused(Refusal::Overloaded { load }) = &failure.kind else {
        panic!("{failure:?}")
    };
    assert!(matches!(load, Load::Bytes { .. }), "{load}");
    assert_eq!(failure.ran, Ran::No);
    near.socket.assert_lives(1).await;
    drop(open);
    // There is room again.
    until("an end of the bytes", || siege.gauges().bytes < 1 << 20).await;
    near.large().await.send(&request(9, ECHO, &("x".repeat(1 << 20),))).await;
    assert_eq!(near.next_large().await.call, 9);
    siege.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn large_requests_that_stop_half_way_are_given_up() {
    let mut siege = Siege::new().await;
    let mut near = Near::new(&mut siege).await;
    let mut large = near.large().await;
    large.send(&[frame_of_length(64 << 20, kind::REQUEST, 7), vec![0; 462_000]].concat()).await;
    until("the bytes", || siege.gauges().bytes > 462_000).await;
    // They got on at first.
    let given_up = within(2 * STALL_SECONDS_MAX + 10, "giving up", near.socket.try_next()).await;
    let refusal =
        Refusal::Stalled { bytes: 0, bytes_min: STALL_BYTES_MIN, seconds: STALL_SECONDS_MAX };
    assert_eq!(given_up.unwrap().failure(), CallErrorKind::Refused(refusal).into());
    large.hung_up_on().await;
    until("an end of the bytes", || siege.gauges().bytes < 100_000).await;
    near.socket.assert_lives(1).await;
    siege.end().await;
}

/// A caller with a large request half-way that takes it back, as often as it likes.
#[tokio::test(flavor = "multi_thread")]
async fn large_requests_that_are_taken_back_leave_nothing() {
    let mut siege = Siege::new().await;
    let mut near = Near::new(&mut siege).await;
    let whole = request(9, HOLD, &());
    let bytes = u32::try_from(1 << 20).unwrap();
    for call in 0..200 {
        let mut large = near.large().await;
        large.send(&[frame_of_length(bytes, kind::REQUEST, call), vec![0; 100_000]].concat()).await;
        near.socket.send(&frame(kind::CANCEL, call, 0, 1, &[])).await;
    }
    until("an end of the bytes", || siege.gauges().bytes < 100_000).await;
    // The cancel that comes first is remembered.
    near.socket.send(&frame(kind::CANCEL, 9, 0, 1, &[])).await;
    near.socket.assert_lives(1).await;
    near.large().await.send(&whole).await;
    near.socket.assert_lives(2).await;
    assert_eq!(siege.callee.held(), 1);
    siege.end().await;
}

/// A caller that lets a large answer in and does not read it is thrown out like one that reads no small
/// ones.
#[tokio::test(flavor = "multi_thread")]
async fn a_neighbour_that_does_not_read_a_large_answer_is_thrown_out() {
    let mut siege = Siege::new().await;
    let mut near = Near::new(&mut siege).await;
    near.socket.send(&request(1, TEXT, &(8 * LARGE_BYTES,))).await;
    let _unread = near.door.let_in(&near.raw.quic, Purpose::Answer).await;
    // It is there for everything else.
    near.socket.assert_lives(2).await;
    within(2 * STALL_SECONDS_MAX + 10, "the end of a hoarder", near.raw.quic.closed()).await;
    siege.expect_thrown_out(&near.raw, "its answers are not read").await;
    until("an end of what it held", || siege.gauges().answer_bytes < 1 << 20).await;
    siege.end().await;
}
