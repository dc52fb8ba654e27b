//! Callers on the host of their callee that were let in, and then do with their socket what they like.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use weaver_runtime::{
    Ran,
    limits::{Limits, STALL_SECONDS_MAX},
    net::ServingGauges,
};

use crate::{
    callers::bad_frames,
    near::Near,
    probe::{Callee, ECHO, HOLD, TEXT},
    raw::{kind, request},
    siege::Siege,
    soon, until, within,
};

#[tokio::test(flavor = "multi_thread")]
async fn frames_may_be_cut_into_single_bytes_on_a_socket() {
    let mut siege = Siege::new().await;
    let Near { raw, door, mut socket, .. } = Near::new(&mut siege).await;
    // All of a frame, its header, its length: each may end anywhere.
    let three = [1, 2, 3].map(|call| request(call, ECHO, &("slowly",))).concat();
    for byte in three {
        socket.send(&[byte]).await;
        tokio::task::yield_now().await;
    }
    // Whoever answers first comes first.
    let mut answered = BTreeSet::new();
    for _ in 1..=3 {
        let answer = socket.next().await;
        assert_eq!(answer.text(), "slowly");
        answered.insert(answer.call);
    }
    assert_eq!(answered, BTreeSet::from([1, 2, 3]));
    // And a frame of many reads.
    let text = "x".repeat(200 * 1024);
    for piece in request(4, ECHO, &(&text,)).chunks(1013) {
        socket.send(piece).await;
    }
    assert!(socket.next().await.text() == text);
    drop((raw, door));
    siege.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_frame_on_a_socket_ends_its_own_connection_and_no_other() {
    let mut siege = Siege::new().await;
    for (what, bytes) in bad_frames() {
        let mut near = Near::new(&mut siege).await;
        near.socket.send(&request(1, HOLD, &())).await;
        until(&what, || siege.callee.held() == 2).await;
        near.socket.send(&bytes).await;
        siege.expect_thrown_out(&near.raw, "closing a connection").await;
        until(&what, || siege.callee.held() == 1).await;
        // The socket ends with the connection that it belongs to.
        let end = soon("the end of the socket", near.socket.try_next()).await;
        assert_eq!(end, None, "{what}");
    }
    siege.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_frame_on_a_socket_waits_and_holds_up_nobody() {
    let mut siege = Siege::new().await;
    let whole = request(1, ECHO, &("half",));
    let mut waiting = Vec::new();
    for bytes in [1, 3, 4, 23, 24, whole.len() - 1] {
        let mut near = Near::new(&mut siege).await;
        near.socket.send(&whole[..bytes]).await;
        waiting.push((near, bytes));
    }
    siege.callee.assert_serves().await;
    for (near, bytes) in &mut waiting[..4] {
        near.socket.send(&whole[*bytes..]).await;
        assert_eq!(near.socket.next().await.text(), "half");
    }
    // The others never come.
    siege.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_ends_inside_a_frame_ends_the_connection() {
    let mut siege = Siege::new().await;
    let whole = request(1, ECHO, &("cut",));
    for bytes in [1, 3, 4, 23, 24, whole.len() - 1] {
        let mut near = Near::new(&mut siege).await;
        near.socket.send(&whole[..bytes]).await;
        near.socket.finish().await;
        siege.expect_thrown_out(&near.raw, "the stream ended inside a frame").await;
    }
    siege.end().await;
}

/// Who says nothing more is gone, whatever it has under way.
#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_is_half_closed_ends_the_connection() {
    let mut siege = Siege::new().await;
    let Near { raw, door, mut socket, .. } = Near::new(&mut siege).await;
    socket.send(&request(1, HOLD, &())).await;
    until("the call", || siege.callee.held() == 2).await;
    socket.finish().await;
    within(3, "the end of the call", until("", || siege.callee.held() == 1)).await;
    soon("the end of the connection", raw.quic.closed()).await;
    drop(door);
    siege.end().await;
}

/// A call on a socket ends with the socket, at once, and not when QUIC has noticed.
#[tokio::test(flavor = "multi_thread")]
async fn a_caller_whose_socket_closes_has_its_calls_stopped_at_once() {
    let mut siege = Siege::new().await;
    for cut in [false, true] {
        let Near { raw, door, mut socket, .. } = Near::new(&mut siege).await;
        for call in 0..100 {
            socket.send(&request(call, HOLD, &())).await;
        }
        until("all calls", || siege.callee.held() == 101).await;
        let address = raw.address();
        if cut {
            socket.send(&request(100, HOLD, &())[..10]).await;
        }
        let started = Instant::now();
        drop((socket, door));
        until("the end of all calls", || siege.callee.held() == 1).await;
        let elapsed = started.elapsed();
        assert!(elapsed < Duration::from_secs(3), "{elapsed:?}");
        soon("the end of the connection", raw.quic.closed()).await;
        if cut {
            siege.expect_line(address, "the stream ended inside a frame").await;
        }
    }
    siege.end().await;
}

/// What a node holds for a neighbour that does not read its answers is bounded, and the connection ends
/// when it has not read for a while.
#[tokio::test(flavor = "multi_thread")]
async fn a_neighbour_that_does_not_read_its_answers_is_thrown_out() {
    const QUEUED_BYTES: usize = 8 << 20;
    let limits = Limits { queued_bytes: QUEUED_BYTES, ..Limits::default() };
    let mut siege = Siege::with_limits(limits).await;
    let mut near = Near::new(&mut siege).await;
    let mut most = 0;
    for call in 0..200 {
        near.socket.send(&request(call, TEXT, &(200_u64 << 10,))).await;
        // Many at once would be refused as too much to do, and be small answers.
        tokio::time::sleep(Duration::from_millis(1)).await;
        most = most.max(siege.gauges().answer_bytes);
    }
    assert!((QUEUED_BYTES / 2..=QUEUED_BYTES).contains(&most), "{most} bytes wait to be sent");
    within(2 * STALL_SECONDS_MAX + 10, "the end of a hoarder", near.raw.quic.closed()).await;
    siege.expect_thrown_out(&near.raw, "its answers are not read").await;
    until("an end of what it held", || siege.gauges().answer_bytes < 1 << 20).await;
    // What the kernel had taken is still there, and then comes the end.
    let rest = async { while near.socket.try_next().await.is_some() {} };
    soon("the end of the socket", rest).await;
    siege.end().await;
}

/// A caller that reads late gets everything, in whole frames, and each answer once.
#[tokio::test(flavor = "multi_thread")]
async fn a_neighbour_that_reads_late_gets_all_its_answers() {
    const CALLS: u64 = 300;
    let mut siege = Siege::new().await;
    let mut near = Near::new(&mut siege).await;
    for call in 0..CALLS {
        near.socket.send(&request(call, TEXT, &(call * 97,))).await;
    }
    until("an end of the calls", || siege.gauges().calls <= 2).await;
    let mut arrived = vec![false; usize::try_from(CALLS).unwrap()];
    for _ in 0..CALLS {
        let answer = near.socket.next().await;
        let bytes = u64::try_from(answer.text().len()).unwrap();
        assert_eq!(bytes, answer.call * 97);
        let is_again = std::mem::replace(&mut arrived[usize::try_from(answer.call).unwrap()], true);
        assert!(!is_again, "answer {} came twice", answer.call);
    }
    siege.end().await;
}

/// As if the two had agreed: the frame that says so is the last on the socket.
#[tokio::test(flavor = "multi_thread")]
async fn a_neighbour_is_told_of_a_drain_and_its_call_is_finished() {
    let callee = Callee::new();
    let Near { raw, door, mut socket, .. } = Near::of(&callee).await;
    socket.send(&request(1, HOLD, &())).await;
    until("the call", || callee.held() == 1).await;
    let services = Arc::clone(&callee.services);
    let drain = tokio::spawn(async move { services.drain(Duration::from_secs(10)).await });
    assert_eq!(socket.next().await.kind, kind::GO_AWAY);
    // One that was on its way when it was told.
    socket.send(&request(2, HOLD, &())).await;
    let refused = socket.next().await;
    assert_eq!((refused.call, refused.failure().ran), (2, Ran::No));
    callee.release();
    let answer = socket.next_about(1).await;
    assert_eq!(answer.decode::<weaver_runtime::Result<()>>(), Ok(()));
    socket.finish().await;
    let end = soon("the end", socket.try_next()).await;
    assert_eq!(end, None);
    assert_eq!(soon("the end of the drain", drain).await.unwrap(), 0);
    assert_eq!(callee.services.gauges(), ServingGauges::default());
    drop((raw, door));
}

/// An answer that goes alone is written by its handler, as far as it fits; the rest follows, before any other.
#[tokio::test(flavor = "multi_thread")]
async fn answers_that_fit_in_part_are_whole_for_a_neighbour_that_reads_late() {
    const CALLS: u64 = 60;
    const ANSWER_BYTES: u64 = 100_000;
    let mut siege = Siege::new().await;
    let mut near = Near::new(&mut siege).await;
    let mut expected = Vec::new();
    for call in 0..CALLS {
        let bytes = if call % 3 == 2 { call } else { ANSWER_BYTES + call };
        near.socket.send(&request(call, TEXT, &(bytes,))).await;
        expected.push(usize::try_from(bytes).unwrap());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for _ in 0..CALLS {
        let answer = near.socket.next().await;
        let bytes = &mut expected[usize::try_from(answer.call).unwrap()];
        assert!(answer.text() == "x".repeat(*bytes), "answer {}", answer.call);
        *bytes = usize::MAX;
    }
    near.socket.assert_lives(CALLS).await;
    siege.end().await;
}

/// A drain loses none of the answers that are on their way.
#[tokio::test(flavor = "multi_thread")]
async fn a_drain_answers_every_call_of_a_neighbour() {
    const CALLS: usize = 20;
    for _ in 0..10 {
        let callee = Callee::new();
        let friend = callee.friend();
        let calls: Vec<_> = (0..CALLS)
            .map(|_| {
                let probe = Arc::clone(&friend.probe);
                tokio::spawn(async move { probe.hold().await })
            })
            .collect();
        until("all calls", || callee.held() == CALLS).await;
        let services = Arc::clone(&callee.services);
        let drain = tokio::spawn(async move { services.drain(Duration::from_secs(10)).await });
        callee.release();
        assert_eq!(soon("the end of the drain", drain).await.unwrap(), 0);
        assert_eq!(callee.services.gauges(), ServingGauges::default());
        callee.endpoint.close().await;
        let mut answered = 0;
        for call in calls {
            answered += usize::from(soon("an answer", call).await.unwrap().is_ok());
        }
        assert_eq!(answered, CALLS);
    }
}

/// The same where the answers have sockets of their own.
#[tokio::test(flavor = "multi_thread")]
async fn a_drain_sends_every_large_answer_to_a_neighbour() {
    const CALLS: u64 = 20;
    for _ in 0..5 {
        let callee = Callee::new();
        let friend = callee.friend();
        soon("a first call", friend.probe.echo(String::new())).await.unwrap();
        let calls: Vec<_> = (0..CALLS)
            .map(|call| {
                let probe = Arc::clone(&friend.probe);
                tokio::spawn(async move { probe.text((1 << 20) + call).await })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(3)).await;
        assert_eq!(callee.services.drain(Duration::from_secs(10)).await, 0);
        assert_eq!(callee.services.gauges(), ServingGauges::default());
        callee.endpoint.close().await;
        for (call, answer) in (0..).zip(calls) {
            match soon("an answer", answer).await.unwrap() {
                Ok(text) => assert_eq!(text.len(), (1 << 20) + call),
                // Those that came too late were not taken on, and found nobody else.
                Err(error) => assert_eq!(error.call_error().unwrap().ran(), Ran::No, "{error}"),
            }
        }
    }
}
