//! Large frames, which travel on streams of their own.

use std::time::Duration;

use quinn::VarInt;

use crate::{
    neighbour::Neighbour,
    probe::{Callee, ECHO, FRIEND},
    raw::{Raw, frame_of_length, kind, request},
    siege::Siege,
    soon,
};

/// The largest message behind its header, and behind that a trace, a key, and the most metadata.
const FRAME_BYTES_MAX: usize = (64 << 20) + 24 + 25 + 8 + (8 << 10);

/// Streams for large frames that one peer may have open.
const LARGE_FRAMES_MAX: usize = 16;

async fn friend(callee: &Callee) -> Raw {
    let mut raw = Raw::connect(&callee.authority, FRIEND, callee.address).await;
    raw.greet().await;
    raw
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_request_is_answered_on_a_stream_of_its_own() {
    let callee = Callee::new();
    let raw = friend(&callee).await;
    let text = "x".repeat(1 << 20);
    raw.send_large(&request(9, ECHO, &(&text,))).await;
    let answer = raw.next_large().await;
    assert_eq!(answer.call, 9);
    assert!(answer.text() == text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_frame_may_have_a_stream_of_its_own_too() {
    let callee = Callee::new();
    let mut raw = friend(&callee).await;
    raw.send_large(&request(9, ECHO, &("small",))).await;
    let answer = raw.next().await;
    assert_eq!((answer.call, answer.text().as_str()), (9, "small"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_request_that_ends_inside_its_frame_ends_the_connection() {
    let whole = request(9, ECHO, &("x".repeat(1 << 20),));
    for bytes in [3, 24, whole.len() - 1] {
        let mut siege = Siege::new().await;
        let raw = siege.attacker().await;
        raw.send_large(&whole[..bytes]).await;
        siege.expect_thrown_out(&raw, "the stream ended inside a frame").await;
        siege.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_request_that_is_taken_back_is_lost_alone() {
    let callee = Callee::new();
    let neighbour = Neighbour::new(&callee).await;
    let mut raw = friend(&callee).await;
    let whole = request(9, ECHO, &("x".repeat(1 << 20),));
    raw.send_large(&[]).await;
    for bytes in [0, 3, 10, 24, 500_000, whole.len() - 1] {
        let mut stream = soon("a stream", raw.quic.open_uni()).await.unwrap();
        soon("sending", stream.write_all(&whole[..bytes])).await.unwrap();
        stream.reset(VarInt::from_u32(1)).unwrap();
    }
    raw.assert_lives(1).await;
    neighbour.assert_unharmed(&callee).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_frame_beyond_the_limit_is_not_read() {
    let mut siege = Siege::new().await;
    for bytes in [0, 23, FRAME_BYTES_MAX + 1, usize::try_from(u32::MAX).unwrap()] {
        let raw = siege.attacker().await;
        let mut stream = soon("a stream", raw.quic.open_uni()).await.unwrap();
        let header = frame_of_length(u32::try_from(bytes).unwrap(), kind::REQUEST, 1);
        stream.write_all(&header).await.unwrap();
        let flood = async {
            let megabyte = vec![0; 1 << 20];
            // More than the windows hold, so that writing ends only when nobody reads any more.
            for _ in 0..100 {
                if stream.write_all(&megabyte).await.is_err() {
                    return true;
                }
            }
            false
        };
        assert!(soon("the stream's end", flood).await, "{bytes} bytes were read");
        siege.expect_thrown_out(&raw, "a frame of").await;
    }
    siege.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_follows_a_frame_on_its_own_stream_is_no_second_frame() {
    let callee = Callee::new();
    let mut raw = friend(&callee).await;
    let mut two = request(1, ECHO, &("first",));
    two.extend(request(2, ECHO, &("second",)));
    let mut stream = soon("a stream", raw.quic.open_uni()).await.unwrap();
    stream.write_all(&two).await.unwrap();
    let answer = raw.next().await;
    assert_eq!((answer.call, answer.text().as_str()), (1, "first"));
    raw.assert_lives(3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_large_streams_than_allowed_wait_and_hold_up_nobody_else() {
    let callee = Callee::new();
    let neighbour = Neighbour::new(&callee).await;
    let mut raw = friend(&callee).await;
    let whole = request(9, ECHO, &("x".repeat(1 << 20),));
    let mut open = Vec::new();
    for _ in 0..LARGE_FRAMES_MAX {
        let mut stream = soon("a stream", raw.quic.open_uni()).await.unwrap();
        soon("sending", stream.write_all(&whole[..500_000])).await.unwrap();
        open.push(stream);
    }
    let one_more = tokio::time::timeout(Duration::from_millis(300), raw.quic.open_uni()).await;
    assert!(one_more.is_err(), "stream {} was allowed", LARGE_FRAMES_MAX + 1);
    // Small calls go past the large ones, its own included.
    raw.assert_lives(1).await;
    // QUIC gives places back a few at a time.
    for mut stream in open.drain(..4) {
        soon("sending", stream.write_all(&whole[500_000..])).await.unwrap();
        stream.finish().unwrap();
        assert_eq!(raw.next_large().await.call, 9);
    }
    soon("a free place", raw.quic.open_uni()).await.unwrap();
    neighbour.assert_unharmed(&callee).await;
}
