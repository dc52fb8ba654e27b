//! Peers that make a node hold things for them: answers they do not read, bytes that do not end.

use std::time::{Duration, Instant};

use weaver_runtime::{
    CallErrorKind, Load, Ran, Refusal,
    limits::{Limits, STALL_BYTES_MIN, STALL_SECONDS_MAX},
    net::ServingGauges,
};

use crate::{
    probe::{Callee, ECHO, FLOOD, FLOOD_ITEM_BYTES, FRIEND, TEXT},
    raw::{Appetite, Raw, frame_of_length, kind, request},
    show,
    siege::Siege,
    soon, until, within,
};

/// Streams for large frames that one peer may have open.
const LARGE_FRAMES_MAX: usize = 16;

/// The grace of a drain in these tests, and what a node adds to it to send its last answers.
const GRACE: Duration = Duration::from_secs(1);
const FLUSH: Duration = Duration::from_secs(2);

/// What a node holds for a caller that does not read its answers is bounded, and the connection ends
/// when it has not read for a while.
#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_does_not_read_its_answers_is_thrown_out() {
    hoard(200 * 1024).await;
}

/// The same for answers that travel on streams of their own.
#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_does_not_read_its_large_answers_is_thrown_out() {
    hoard(2 * 1024 * 1024).await;
}

/// However many connections it has.
async fn hoard(answer_bytes: u64) {
    const CONNECTIONS: usize = 8;
    const QUEUED_BYTES: usize = 16 << 20;
    let limits = Limits { queued_bytes: QUEUED_BYTES, ..Limits::default() };
    let mut siege = Siege::with_limits(limits).await;
    let identity = siege.callee.authority.identity(FRIEND);
    let appetite = Appetite { large_frames: 0, stream_bytes: 64 * 1024, ..Appetite::default() };
    let mut hoarders = Vec::new();
    let mut most = 0;
    for _ in 0..CONNECTIONS {
        let mut raw = siege.attacker_with(&identity, appetite).await;
        for call in 0..200 {
            raw.send(&request(call, TEXT, &(answer_bytes,))).await;
            // Many at once would be refused as too much to do, and be small answers.
            tokio::time::sleep(Duration::from_millis(1)).await;
            most = most.max(siege.gauges().answer_bytes);
        }
        hoarders.push(raw);
    }
    // On a busy machine the answers come later than the calls; what was refused is asked for again.
    let fill = async {
        for call in 200.. {
            if most >= QUEUED_BYTES / 2 {
                return;
            }
            let raw = hoarders.iter_mut().find(|raw| raw.quic.close_reason().is_none());
            let raw = raw.expect("somebody is not thrown out yet");
            raw.send(&request(call, TEXT, &(answer_bytes,))).await;
            tokio::time::sleep(Duration::from_millis(10)).await;
            most = most.max(siege.gauges().answer_bytes);
        }
    };
    within(STALL_SECONDS_MAX / 2, "answers that wait to be sent", fill).await;
    assert!((QUEUED_BYTES / 2..=QUEUED_BYTES).contains(&most), "{most} bytes wait to be sent");
    // Where only refusals wait, they have room in what QUIC keeps.
    within(2 * STALL_SECONDS_MAX + 10, "the end of a hoarder", hoarders[0].quic.closed()).await;
    let emptied = async {
        while siege.gauges().answer_bytes >= 1 << 20 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    within(2 * STALL_SECONDS_MAX + 10, "the end of all that holds much", emptied).await;
    for raw in hoarders.iter().filter(|raw| raw.quic.close_reason().is_some()) {
        siege.expect_thrown_out(raw, "its answers are not read").await;
    }
    siege.end().await;
}

/// A caller that asks for more than its link carries keeps its connection.
#[tokio::test(flavor = "multi_thread")]
async fn answers_that_do_not_fit_are_refused_and_the_others_arrive() {
    const QUEUED_BYTES: usize = 4 << 20;
    const CALLS: u64 = 100;
    const ANSWER_BYTES: u64 = 200 * 1024;
    let limits = Limits { queued_bytes: QUEUED_BYTES, ..Limits::default() };
    let mut siege = Siege::with_limits(limits).await;
    let identity = siege.callee.authority.identity(FRIEND);
    let appetite = Appetite { stream_bytes: 64 * 1024, ..Appetite::default() };
    let mut raw = siege.attacker_with(&identity, appetite).await;
    for call in 0..CALLS {
        raw.send(&request(call, TEXT, &(ANSWER_BYTES,))).await;
    }
    // The neighbour has one at a time.
    until("the end of the calls", || siege.gauges().calls <= 1).await;
    let (mut arrived, mut refused) = (0, 0);
    for _ in 0..CALLS {
        let answer = raw.next().await;
        if answer.kind == kind::REPLY {
            arrived += 1;
            continue;
        }
        let failure = answer.failure();
        let CallErrorKind::Refused(Refusal::Overloaded { load }) = &failure.kind else {
            panic!("{failure:?}")
        };
        let Load::Unsent { bytes, bytes_max: QUEUED_BYTES } = *load else { panic!("{load}") };
        assert!(bytes > QUEUED_BYTES / 2, "{load}");
        // Its work was done.
        assert_eq!(failure.ran, Ran::Yes);
        refused += 1;
    }
    show(&format!("{arrived} answers arrived, {refused} were refused"));
    assert!(arrived >= 15 && refused >= 50, "{arrived} arrived, {refused} were refused");
    raw.assert_lives(CALLS).await;
    siege.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_stops_the_stream_of_answers_is_thrown_out() {
    let mut siege = Siege::new().await;
    let mut raw = siege.attacker().await;
    raw.stop_reading();
    raw.send(&request(1, ECHO, &("nobody listens",))).await;
    siege.expect_thrown_out(&raw, "its answers are not read").await;
    siege.end().await;
}

/// A node whose callers hoard streams stops as soon as any other.
async fn drains_within_its_grace(callee: Callee, streams: usize) {
    let started = Instant::now();
    assert_eq!(callee.services.drain(GRACE).await, streams);
    let elapsed = started.elapsed();
    // It does not say that it sends no more requests, and is waited for as long as anybody.
    assert!(elapsed < GRACE + 2 * FLUSH, "it took {elapsed:?}");
    assert_eq!(callee.services.gauges(), ServingGauges::default());
    soon("the endpoint's end", callee.endpoint.close()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_are_never_read_are_bounded_and_cut_by_a_drain() {
    const STREAMS: u32 = 8;
    const STREAM_BYTES: usize = 256 * 1024;
    let siege = Siege::with_limits(Limits { streams: STREAMS, ..Limits::default() }).await;
    let appetite = Appetite {
        stream_bytes: u32::try_from(STREAM_BYTES).unwrap(),
        streams: 1000,
        ..Appetite::default()
    };
    let (callee, neighbour, mut raw) = with_flood(siege, appetite, STREAMS).await;
    // One more is refused.
    raw.send(&request(99, FLOOD, &())).await;
    let refused = raw.next().await.failure();
    let (streams, streams_max) = (9, 8);
    let refusal = Refusal::TooManyStreams { streams, streams_max };
    assert_eq!((refused.kind, refused.ran), (CallErrorKind::Refused(refusal), Ran::Yes));
    // For each: what the reader's window takes, what waits to be written, and some that it was ahead.
    let items_max = usize::try_from(STREAMS).unwrap() * (STREAM_BYTES / FLOOD_ITEM_BYTES + 4) + 8;
    let mut before = 0;
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        before = callee.flooded_items();
        assert!(before <= items_max, "{before} items, not {items_max}");
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(callee.flooded_items(), before, "they are still produced");
    raw.assert_lives(100).await;
    neighbour.assert_unharmed(&callee).await;
    drains_within_its_grace(callee, usize::try_from(STREAMS).unwrap()).await;
}

/// A reader's node that lets no stream begin.
#[tokio::test(flavor = "multi_thread")]
async fn streams_that_may_not_begin_are_cut_by_a_drain() {
    let siege = Siege::new().await;
    let appetite = Appetite { streams: 0, ..Appetite::default() };
    let (callee, neighbour, _raw) = with_flood(siege, appetite, 5).await;
    assert_eq!(callee.flooded_items(), 0);
    neighbour.assert_unharmed(&callee).await;
    drains_within_its_grace(callee, 5).await;
}

/// A caller that has asked for floods.
async fn with_flood(
    mut siege: Siege,
    appetite: Appetite,
    floods: u32,
) -> (Callee, crate::neighbour::Neighbour, Raw) {
    let identity = siege.callee.authority.identity(FRIEND);
    let mut raw = siege.attacker_with(&identity, appetite).await;
    for call in 0..u64::from(floods) {
        raw.send(&request(call, FLOOD, &())).await;
        let reply = raw.next().await;
        assert_eq!((reply.kind, reply.streams), (kind::REPLY, 1));
    }
    let floods = usize::try_from(floods).unwrap();
    until("the streams", || siege.callee.services.gauges().streams == floods).await;
    let Siege { callee, neighbour, .. } = siege;
    (callee, neighbour, raw)
}

#[tokio::test(flavor = "multi_thread")]
async fn large_frames_that_are_announced_and_do_not_come_cost_nothing() {
    let mut siege = Siege::new().await;
    let mut raw = siege.attacker().await;
    let mut open = Vec::new();
    for call in 0..LARGE_FRAMES_MAX {
        let mut stream = soon("a stream", raw.quic.open_uni()).await.unwrap();
        let header = frame_of_length(64 << 20, kind::REQUEST, u64::try_from(call).unwrap());
        stream.write_all(&[&header[..], &[1]].concat()).await.unwrap();
        open.push(stream);
    }
    raw.assert_lives(1 << 20).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    let bytes = siege.gauges().bytes;
    // Headers, one byte each, and what the neighbour has under way.
    assert!(bytes < 10_000, "{bytes}");
    siege.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_wait_are_bounded_for_the_node() {
    const QUEUED_BYTES: usize = 4 << 20;
    let limits = Limits { queued_bytes: QUEUED_BYTES, ..Limits::default() };
    let mut siege = Siege::with_limits(limits).await;
    let mut raw = siege.attacker().await;
    let begun = [frame_of_length(64 << 20, kind::REQUEST, 7), vec![0; 500_000]].concat();
    let mut open = Vec::new();
    for _ in 0..LARGE_FRAMES_MAX {
        let mut stream = soon("a stream", raw.quic.open_uni()).await.unwrap();
        // One that is refused is stopped.
        let _ = soon("sending", stream.write_all(&begun)).await;
        open.push(stream);
        let bytes = siege.gauges().bytes;
        assert!(bytes <= QUEUED_BYTES + (1 << 20), "{bytes}");
    }
    let failure = raw.next().await.failure();
    let CallErrorKind::Refused(Refusal::Overloaded { load }) = &failure.kind else {
        panic!("{failure:?}")
    };
    assert!(matches!(load, Load::Bytes { .. }), "{load}");
    assert_eq!(failure.ran, Ran::No);
    // What is left was enough for the neighbour's small calls. The attacker may have filled its share to the rim,
    // until it takes its frames back.
    for mut stream in open {
        // One that was refused has ended.
        let _ = stream.reset(0_u32.into());
    }
    until("the end of the frames", || siege.gauges().bytes < 1 << 20).await;
    raw.assert_lives(1).await;
    siege.end().await;
}

/// Half a frame keeps its bytes for as long as its sender likes: nobody else can send a large request.
#[tokio::test(flavor = "multi_thread")]
async fn half_frames_that_make_no_progress_are_given_up() {
    const QUEUED_BYTES: usize = 8 << 20;
    // They got on at first.
    const SECONDS_MAX: u64 = 2 * STALL_SECONDS_MAX + 10;
    let limits = Limits { queued_bytes: QUEUED_BYTES, ..Limits::default() };
    let mut siege = Siege::with_limits(limits).await;
    let mut raw = siege.attacker().await;
    let begun = [frame_of_length(64 << 20, kind::REQUEST, 7), vec![0; 462_000]].concat();
    let mut open = Vec::new();
    for _ in 0..LARGE_FRAMES_MAX {
        let mut stream = soon("a stream", raw.quic.open_uni()).await.unwrap();
        soon("sending", stream.write_all(&begun)).await.unwrap();
        open.push(stream);
    }
    until("the bytes", || siege.gauges().bytes > 7_380_000).await;
    let friend = siege.callee.friend();
    let text = "x".repeat(1 << 20);
    let try_again = async {
        while friend.probe.echo(text.clone()).await.is_err() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    within(SECONDS_MAX, "a large request of somebody else", try_again).await;
    let refusal =
        Refusal::Stalled { bytes: 0, bytes_min: STALL_BYTES_MIN, seconds: STALL_SECONDS_MAX };
    assert_eq!(raw.next().await.failure(), CallErrorKind::Refused(refusal).into());
    drop(open);
    siege.end().await;
}
