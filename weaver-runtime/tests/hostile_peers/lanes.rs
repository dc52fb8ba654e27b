//! The streams that calls share between two hosts: who opens too few, too many or something else, and in
//! what order they end.

use std::{sync::Arc, time::Duration};

use quinn::VarInt;
use tokio::task::JoinSet;
use weaver_runtime::{
    CallErrorKind, Error, Ran, Stream,
    limits::{CALLS_IN_A_ROW, LANES},
    net::{ConnectError, HANDSHAKE_SECONDS_MAX, Hello},
};

use crate::{
    authority::Authority,
    probe::{CALLEE, Callee, Caller, ECHO, FRIEND, HOLD, SUM, fingerprint, methods},
    raw::{
        Appetite, Raw, RawCallee, Welcome, encode, frame, hello_with_lanes, kind, request,
        request_with_streams,
    },
    siege::Siege,
    soon, until, within,
};

/// What opens a lane.
fn lane() -> Vec<u8> {
    frame(kind::LANE, 0, 0, 0, &[])
}

/// The first call of a lane.
fn call_on(lane: u8) -> u64 {
    u64::from(lane) * CALLS_IN_A_ROW
}

/// An attacker that has asked for `lanes`, of which it has opened the first.
async fn asks_for(siege: &mut Siege, lanes: u8) -> Raw {
    let identity = siege.callee.authority.identity(FRIEND);
    let mut raw = siege.stranger(&identity, Appetite::default()).await;
    raw.send(&hello_with_lanes(lanes)).await;
    raw
}

/// One that was let in with all of its lanes.
async fn with_lanes(siege: &mut Siege) -> Vec<Raw> {
    let mut first = asks_for(siege, LANES).await;
    assert_eq!(first.next().await.decode::<Welcome>(), Welcome::Come);
    let mut lanes = vec![first];
    for _ in 1..LANES {
        let mut next = lanes[0].open_lane().await;
        next.send(&lane()).await;
        lanes.push(next);
    }
    lanes
}

#[tokio::test(flavor = "multi_thread")]
async fn more_lanes_than_there_may_be_and_none_are_refused() {
    for lanes in [0, LANES + 1, u8::MAX] {
        let mut siege = Siege::new().await;
        let raw = asks_for(&mut siege, lanes).await;
        siege.expect_thrown_out(&raw, "lanes for its calls; allowed are 1 to 8").await;
        siege.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lane_that_begins_with_something_else_is_none() {
    let cases = [
        ("a request", request(1, ECHO, &("x",))),
        ("a stream", frame(kind::STREAM, 1, 0, 0, &[])),
        ("garbage", vec![0xee; 100]),
        ("the end", Vec::new()),
    ];
    for (what, bytes) in cases {
        let mut siege = Siege::new().await;
        let mut raw = asks_for(&mut siege, 2).await;
        assert_eq!(raw.next().await.kind, kind::WELCOME, "{what}");
        let mut next = raw.open_lane().await;
        next.send(&bytes).await;
        next.send.finish().unwrap();
        siege.expect_thrown_out(&raw, "no lane where it said that there is one").await;
        siege.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lanes_that_never_come_are_not_waited_for() {
    let mut siege = Siege::new().await;
    let raw = asks_for(&mut siege, LANES).await;
    within(HANDSHAKE_SECONDS_MAX + 4, "being thrown out", raw.quic.closed()).await;
    siege.expect_thrown_out(&raw, "silent for 5s").await;
    siege.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lane_too_many_ends_the_connection() {
    let mut siege = Siege::new().await;
    let lanes = with_lanes(&mut siege).await;
    let mut one_more = lanes[0].open_lane().await;
    one_more.send(&lane()).await;
    siege.expect_thrown_out(&lanes[0], "a frame that does not belong on its stream").await;
    siege.end().await;
}

/// A request may come on any of them; where its answer goes, its id says.
#[tokio::test(flavor = "multi_thread")]
async fn calls_are_answered_on_the_lane_of_their_id() {
    let mut siege = Siege::new().await;
    let mut lanes = with_lanes(&mut siege).await;
    let last = lanes.len() - 1;
    for (index, on) in (0..LANES).zip([0, last].into_iter().cycle()) {
        let call = call_on(index);
        lanes[on].send(&request(call, ECHO, &("hello",))).await;
        let answer = lanes[usize::from(index)].next().await;
        assert_eq!((answer.call, answer.text().as_str()), (call, "hello"));
    }
    // What announces streams, too, and a cancel.
    let call = call_on(1) + 1;
    lanes[1].send(&request_with_streams(call, SUM, 1)).await;
    assert_eq!(lanes[1].next().await.kind, kind::ACCEPT);
    until("the reader", || siege.callee.held() == 2).await;
    lanes[1].send(&frame(kind::CANCEL, call, 0, 0, &[])).await;
    until("the end of the call", || siege.callee.held() == 1).await;
    siege.end().await;
}

/// A drain waits for the end of all lanes, as a late request may be on any of them, and no longer than for
/// anybody if they do not end.
#[tokio::test(flavor = "multi_thread")]
async fn a_late_request_on_any_lane_is_told_of_a_drain() {
    for ends in [false, true] {
        let mut siege = Siege::new().await;
        let mut lanes = with_lanes(&mut siege).await;
        lanes[0].send(&request(1, HOLD, &())).await;
        until("the call", || siege.callee.held() == 2).await;
        let services = Arc::clone(&siege.callee.services);
        let drain = tokio::spawn(async move { services.drain(Duration::from_secs(5)).await });
        assert_eq!(lanes[0].next().await.kind, kind::GO_AWAY);
        siege.callee.release();
        assert_eq!(lanes[0].next().await.call, 1);
        let (late, others) = lanes.split_last_mut().unwrap();
        for lane in others {
            lane.send.finish().unwrap();
        }
        let call = call_on(LANES - 1);
        late.send(&request(call, ECHO, &("late",))).await;
        assert_eq!(late.next_about(call).await.failure(), CallErrorKind::Draining.into());
        if ends {
            late.send.finish().unwrap();
            for lane in &mut lanes {
                assert_eq!(soon("the end", lane.try_next()).await, None);
            }
        }
        assert_eq!(soon("the end of the drain", drain).await.unwrap(), 0);
    }
}

/// A node in the making of calls on all of its lanes: more than one row for each.
const CALLS: u64 = 3 * LANES as u64 * CALLS_IN_A_ROW;

fn reply(call: u64) -> Vec<u8> {
    frame(kind::REPLY, call, 0, 0, &encode(&Ok::<_, Error>("answer")))
}

/// Lets a caller in; all of its lanes.
async fn let_in(mut raw: Raw) -> Vec<Raw> {
    assert_eq!(raw.next().await.kind, kind::HELLO);
    raw.send(&frame(kind::WELCOME, 0, 0, 0, &encode(&Welcome::Come))).await;
    let mut lanes = raw.further_lanes().await;
    lanes.insert(0, raw);
    lanes
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_spread_over_all_lanes_and_answers_taken_from_any() {
    let authority = Authority::new();
    let callee = RawCallee::new(&authority.identity(CALLEE), |raw| async move {
        let mut lanes = let_in(raw).await;
        for call in 1..CALLS {
            let lane = usize::try_from(call / CALLS_IN_A_ROW).unwrap() % lanes.len();
            let request = lanes[lane].next().await;
            assert_eq!((request.kind, request.call), (kind::REQUEST, call));
            // Not where it came.
            let other = (lane + 1) % lanes.len();
            lanes[other].send(&reply(call)).await;
        }
        lanes[0].quic.closed().await;
    });
    let caller = Caller::new(&authority, FRIEND, methods(), callee.address);
    for _ in 1..CALLS {
        let answer = soon("an answer", caller.probe.echo("x".to_owned())).await.unwrap();
        assert_eq!(answer, "answer");
    }
}

/// No call waits for ever for a lane that has ended.
#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_one_lane_is_the_end_of_the_connection() {
    /// How a lane can end.
    #[derive(Clone, Copy, Debug)]
    enum Way {
        Finish,
        Reset,
        Stop,
    }
    for way in [Way::Finish, Way::Reset, Way::Stop] {
        for goes_away in [false, true] {
            let authority = Authority::new();
            let callee = RawCallee::new(&authority.identity(CALLEE), move |raw| async move {
                let mut lanes = let_in(raw).await;
                // The call is on the first lane.
                assert_eq!(lanes[0].next().await.kind, kind::REQUEST);
                if goes_away {
                    lanes[0].send(&frame(kind::GO_AWAY, 0, 0, 0, &[])).await;
                }
                let other = &mut lanes[1];
                match way {
                    Way::Finish => other.send.finish().unwrap(),
                    Way::Reset => other.send.reset(VarInt::from_u32(1)).unwrap(),
                    Way::Stop => other.stop_reading(),
                }
                // A stream that was stopped is noticed by who writes there.
                if !matches!(way, Way::Stop) {
                    lanes[0].quic.closed().await;
                } else {
                    lanes[0].send(&reply(1)).await;
                    lanes[0].quic.closed().await;
                }
            });
            let caller = Caller::new(&authority, FRIEND, methods(), callee.address);
            let answer = soon("an end of the call", caller.probe.echo("x".to_owned())).await;
            match way {
                Way::Stop => assert_eq!(answer.unwrap(), "answer"),
                Way::Finish | Way::Reset => {
                    let error = answer.unwrap_err();
                    let error = error.call_error().unwrap();
                    let kind = error.kind();
                    assert!(matches!(kind, CallErrorKind::OutcomeUnknown { .. }), "{error}");
                    assert_eq!(error.ran(), Ran::Unknown);
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callee_that_lets_none_open_its_lanes_is_given_up() {
    let authority = Authority::new();
    let appetite = Appetite { streams: 1, ..Appetite::default() };
    let identity = authority.identity(CALLEE);
    let callee = RawCallee::with_appetite(&identity, appetite, |mut raw| async move {
        raw.next().await;
        raw.send(&frame(kind::WELCOME, 0, 0, 0, &encode(&Welcome::Come))).await;
        raw.quic.closed().await;
    });
    let caller = Caller::new(&authority, FRIEND, methods(), callee.address);
    let hello = Hello::new(fingerprint());
    let connecting = caller.endpoint.connect(callee.address, CALLEE, &hello, &[]);
    let error = within(HANDSHAKE_SECONDS_MAX + 4, "giving up", connecting).await.unwrap_err();
    assert!(matches!(error, ConnectError::Silent { .. }), "{error:?}");
}

/// Both ends keep to the protocol: what a drain meets is answered, or certainly did not run.
#[tokio::test(flavor = "multi_thread")]
async fn a_drain_loses_no_call_of_any_lane() {
    const TASKS: usize = 64;
    let callee = Callee::on_all_interfaces();
    let friend = callee.distant_friend();
    let mut calls = JoinSet::new();
    for _ in 0..TASKS {
        let probe = Arc::clone(&friend.probe);
        calls.spawn(async move {
            for answered in 0_usize.. {
                // A stream now and then, whose acceptance must not come after its answer.
                let called = match answered % 8 {
                    0 => {
                        let sum = probe.sum(Stream::of_values([1, 2])).await;
                        sum.inspect(|sum| assert_eq!(*sum, 3)).map(drop)
                    }
                    _ => probe.echo("x".to_owned()).await.map(drop),
                };
                if let Err(error) = called {
                    return (answered, error);
                }
            }
            unreachable!("a drained node answers no more calls")
        });
    }
    // Several rows for each lane.
    for _ in 0..CALLS {
        soon("an answer", friend.probe.echo("x".to_owned())).await.unwrap();
    }
    assert_eq!(soon("the drain", callee.services.drain(Duration::from_secs(5))).await, 0);
    soon("the end", callee.endpoint.close()).await;
    let ended = within(60, "the ends of the callers", calls.join_all()).await;
    for (answered, error) in ended {
        assert!(answered > 0, "{error}");
        let error = error.call_error().unwrap();
        assert_eq!(error.ran(), Ran::No, "{error}");
    }
}
