//! Callees that do not keep to the protocol: their callers get an error that says what is known, soon.

use std::{sync::Arc, time::Duration};

use quinn::VarInt;
use weaver_runtime::{
    CallError, CallErrorKind, Error, Load, Ran, Refusal, Stream,
    limits::CALLS_IN_A_ROW,
    net::{ConnectError, HANDSHAKE_SECONDS_MAX, Hello},
};

use crate::{
    authority::Authority,
    probe::{CALLEE, Caller, FRIEND, fingerprint, methods},
    raw::{
        Appetite, Head, Raw, RawCallee, Welcome, encode, frame, frame_of_length, item, kind,
        stream_of,
    },
    soon, within,
};

/// How long a caller looks for a replica that takes its call, and some more.
const NOT_SENT_SECONDS: u64 = 15;

/// A real caller of a callee that runs `script` with each connection.
fn caller_of<F>(script: impl Fn(Raw) -> F + Send + 'static) -> (RawCallee, Caller)
where
    F: Future<Output = ()> + Send + 'static,
{
    let authority = Authority::new();
    let callee = RawCallee::new(&authority.identity(CALLEE), script);
    let caller = Caller::new(&authority, FRIEND, methods(), callee.address);
    (callee, caller)
}

fn welcome() -> Vec<u8> {
    frame(kind::WELCOME, 0, 0, 0, &encode(&Welcome::Come))
}

fn reply(call: u64, text: &str) -> Vec<u8> {
    frame(kind::REPLY, call, 0, 0, &encode(&Ok::<_, Error>(text)))
}

/// Welcomes the caller and takes its first call; the id of that.
async fn first_call(raw: &mut Raw) -> u64 {
    assert_eq!(raw.next().await.kind, kind::HELLO);
    raw.send(&welcome()).await;
    let request = raw.next().await;
    assert_eq!(request.kind, kind::REQUEST);
    request.call
}

/// A caller whose first call is answered by exactly these bytes, after which the callee waits.
async fn answered_by(answer: impl Fn(u64) -> Vec<u8> + Send + Sync + 'static) -> CallError {
    let answer = Arc::new(answer);
    let (_callee, caller) = caller_of(move |mut raw| {
        let answer = Arc::clone(&answer);
        async move {
            let call = first_call(&mut raw).await;
            raw.send(&answer(call)).await;
            raw.quic.closed().await;
        }
    });
    let error = soon("an answer", caller.probe.echo("hello".to_owned())).await.unwrap_err();
    error.call_error().unwrap().clone()
}

async fn connect_error(script: impl Fn(Raw) -> Running + Send + 'static) -> ConnectError {
    let (callee, caller) = caller_of(script);
    let hello = Hello::new(fingerprint());
    let connecting = caller.endpoint.connect(callee.address, CALLEE, &hello, &[]);
    within(HANDSHAKE_SECONDS_MAX + 4, "an end of the handshake", connecting).await.unwrap_err()
}

type Running = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

#[tokio::test(flavor = "multi_thread")]
async fn a_welcome_that_is_none_is_an_error_at_once() {
    let cases: [(&str, Vec<u8>); 7] = [
        ("garbage", vec![0xee; 100]),
        ("an empty welcome", frame(kind::WELCOME, 0, 0, 0, &[])),
        ("a garbage welcome", frame(kind::WELCOME, 0, 0, 0, &[0xff; 40])),
        ("a reply", reply(0, "hello")),
        ("length 0", frame_of_length(0, kind::WELCOME, 0)),
        ("a huge length", frame_of_length(u32::MAX, kind::WELCOME, 0)),
        ("an unknown kind", frame(99, 0, 0, 0, &[])),
    ];
    for (what, bytes) in cases {
        let error = connect_error(move |mut raw| {
            let bytes = bytes.clone();
            Box::pin(async move {
                raw.send(&bytes).await;
                raw.quic.closed().await;
            })
        });
        let error = within(HANDSHAKE_SECONDS_MAX - 1, what, error).await;
        assert!(matches!(error, ConnectError::Protocol { .. }), "{what}: {error:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callee_that_hangs_up_instead_of_a_welcome_is_an_error() {
    let error =
        connect_error(|raw| Box::pin(async move { raw.quic.close(VarInt::from_u32(1), b"no") }));
    let error = error.await;
    assert!(matches!(error, ConnectError::Protocol { .. }), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callee_that_never_welcomes_is_given_up() {
    let error = connect_error(|raw| {
        Box::pin(async move {
            raw.quic.closed().await;
            // Until now: its stream must stay open.
            drop(raw);
        })
    });
    let half = connect_error(|mut raw| {
        Box::pin(async move {
            let welcome = welcome();
            raw.send(&welcome[..welcome.len() - 1]).await;
            raw.quic.closed().await;
        })
    });
    let (error, half) = tokio::join!(error, half);
    assert!(matches!(error, ConnectError::Silent { .. }), "{error:?}");
    assert!(matches!(half, ConnectError::Silent { .. }), "{half:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_difference_that_is_none_is_still_readable() {
    let (_callee, caller) = caller_of(|mut raw| async move {
        raw.next().await;
        let crate_version = Hello::new(fingerprint()).crate_version;
        let stranger = Welcome::Stranger { crate_version, methods: methods() };
        raw.send(&frame(kind::WELCOME, 0, 0, 0, &encode(&stranger))).await;
        raw.quic.closed().await;
    });
    let error = soon("a refusal", caller.probe.echo(String::new())).await.unwrap_err();
    let error = error.call_error().unwrap();
    assert_eq!(error.to_string(), "call to Probe.echo failed: wrong version: no method differs");
    assert_eq!(error.ran(), Ran::No);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_that_cannot_be_decoded_is_malformed_and_the_method_ran() {
    for payload in [vec![], vec![9; 50], u64::MAX.to_le_bytes().to_vec()] {
        let answer = move |call| frame(kind::REPLY, call, 0, 0, &payload);
        let error = answered_by(answer).await;
        assert!(matches!(error.kind(), CallErrorKind::Malformed { .. }), "{error}");
        assert_eq!(error.ran(), Ran::Yes);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_that_cannot_be_decoded_leaves_open_whether_the_method_ran() {
    for payload in [vec![], vec![0xff; 50]] {
        let answer = move |call| frame(kind::FAILED, call, 0, 0, &payload);
        let error = answered_by(answer).await;
        assert!(matches!(error.kind(), CallErrorKind::Malformed { .. }), "{error}");
        assert_eq!(error.ran(), Ran::Unknown);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_instead_of_an_answer_leaves_the_outcome_unknown() {
    let mut bad = vec![
        ("garbage".to_owned(), vec![0xdd; 1000]),
        ("length 0".to_owned(), frame_of_length(0, kind::REPLY, 1)),
        ("length 23".to_owned(), frame_of_length(23, kind::REPLY, 1)),
        ("a huge length".to_owned(), frame_of_length(u32::MAX, kind::REPLY, 1)),
    ];
    let not_a_callees = [
        kind::HELLO,
        kind::WELCOME,
        kind::REQUEST,
        kind::CANCEL,
        kind::STREAM,
        kind::ITEM,
        kind::LANE,
    ];
    for kind in kind::UNKNOWN.into_iter().chain(not_a_callees) {
        bad.push((format!("kind {kind}"), frame(kind, 1, 0, 0, &[])));
    }
    for (what, bytes) in bad {
        let error = answered_by(move |_| bytes.clone()).await;
        let kind = error.kind();
        assert!(matches!(kind, CallErrorKind::OutcomeUnknown { .. }), "{what}: {error}");
        assert_eq!(error.ran(), Ran::Unknown, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callee_that_closes_during_a_call_leaves_the_outcome_unknown() {
    /// How a callee can go.
    #[derive(Clone, Copy, Debug)]
    enum Way {
        Close,
        Finish,
        Cut,
        Reset,
    }
    for way in [Way::Close, Way::Finish, Way::Cut, Way::Reset] {
        let (_callee, caller) = caller_of(move |mut raw| async move {
            let call = first_call(&mut raw).await;
            match way {
                Way::Close => raw.quic.close(VarInt::from_u32(9), b"never mind"),
                Way::Finish => raw.send.finish().unwrap(),
                Way::Cut => {
                    raw.send(&reply(call, "hello")[..20]).await;
                    raw.send.finish().unwrap();
                }
                Way::Reset => raw.send.reset(VarInt::from_u32(1)).unwrap(),
            }
            raw.quic.closed().await;
        });
        let error = soon("an end of the call", caller.probe.echo("x".to_owned())).await;
        let error = error.unwrap_err();
        let error = error.call_error().unwrap();
        let kind = error.kind();
        assert!(matches!(kind, CallErrorKind::OutcomeUnknown { .. }), "{way:?}: {error}");
        assert_eq!(error.ran(), Ran::Unknown, "{way:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replies_that_nobody_asked_for_meet_nobody() {
    let (_callee, caller) = caller_of(|mut raw| async move {
        let mut call = first_call(&mut raw).await;
        loop {
            // Ids that were never used, that will be used next, and the right one twice.
            for other in [0, call + 1, call + 2, u64::MAX] {
                raw.send(&reply(other, "stray")).await;
                raw.send(&frame(kind::FAILED, other, 0, 0, &[1, 2, 3])).await;
            }
            raw.send(&reply(call, &format!("answer {call}"))).await;
            raw.send(&reply(call, "again")).await;
            raw.send(&frame(kind::FAILED, call, 0, 0, &[])).await;
            let Some(request) = raw.try_next().await else { return };
            call = request.call;
        }
    });
    // On the first lane.
    for call in 1..CALLS_IN_A_ROW {
        let answer = soon("an answer", caller.probe.echo("x".to_owned())).await.unwrap();
        assert_eq!(answer, format!("answer {call}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callee_that_always_goes_away_is_given_up() {
    let (_callee, caller) = caller_of(|mut raw| async move {
        raw.next().await;
        raw.send(&[welcome(), frame(kind::GO_AWAY, 0, 0, 0, &[])].concat()).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        raw.quic.close(VarInt::from_u32(0), b"gone");
    });
    let call = caller.probe.echo("x".to_owned());
    let error = within(NOT_SENT_SECONDS, "an end of the call", call).await.unwrap_err();
    let error = error.call_error().unwrap();
    // The call may be on its way before the frame is read.
    match error.kind() {
        CallErrorKind::NotSent { .. } => assert_eq!(error.ran(), Ran::No),
        CallErrorKind::OutcomeUnknown { .. } => assert_eq!(error.ran(), Ran::Unknown),
        _ => panic!("{error}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_in_flight_are_finished_by_a_callee_that_goes_away() {
    let (_callee, caller) = caller_of(|mut raw| async move {
        let call = first_call(&mut raw).await;
        raw.send(&frame(kind::GO_AWAY, 0, 0, 0, &[])).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        raw.send(&reply(call, "last words")).await;
        // Time for the words to arrive: closing drops what was not sent.
        tokio::time::sleep(Duration::from_millis(50)).await;
        raw.quic.close(0_u32.into(), b"gone");
    });
    let answer = soon("an answer", caller.probe.echo("x".to_owned())).await.unwrap();
    assert_eq!(answer, "last words");
    let answer = soon("a new connection", caller.probe.echo("x".to_owned())).await.unwrap();
    assert_eq!(answer, "last words");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callee_that_does_not_read_makes_callers_overloaded() {
    let authority = Authority::new();
    let appetite = Appetite { large_frames: 0, stream_bytes: 64 * 1024, ..Appetite::default() };
    let identity = authority.identity(CALLEE);
    let callee = RawCallee::with_appetite(&identity, appetite, |mut raw| async move {
        raw.next().await;
        raw.send(&welcome()).await;
        raw.quic.closed().await;
    });
    let caller = Caller::new(&authority, FRIEND, methods(), callee.address);
    let text = "x".repeat(200 * 1024);
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..600 {
        let (probe, text) = (Arc::clone(&caller.probe), text.clone());
        calls.spawn(async move { probe.echo(text).await });
    }
    let first = soon("a refusal", calls.join_next()).await.unwrap().unwrap();
    let error = first.unwrap_err();
    let error = error.call_error().unwrap();
    let is_overloaded = matches!(
        error.kind(),
        CallErrorKind::Refused(Refusal::Overloaded { load: Load::Unsent { .. } })
    );
    assert!(is_overloaded, "{error}");
    assert_eq!(error.ran(), Ran::No);
}

/// A caller must not wait for ever for an answer whose stream is gone.
#[tokio::test(flavor = "multi_thread")]
async fn a_large_answer_that_is_cut_leaves_the_outcome_unknown() {
    for reset in [false, true] {
        let (_callee, caller) = caller_of(move |mut raw| async move {
            let call = first_call(&mut raw).await;
            let whole = reply(call, &"x".repeat(1 << 20));
            let mut stream = raw.quic.open_uni().await.unwrap();
            stream.write_all(&whole[..500_000]).await.unwrap();
            if reset {
                stream.reset(VarInt::from_u32(1)).unwrap();
            } else {
                stream.finish().unwrap();
            }
            raw.quic.closed().await;
        });
        let error = soon("an end of the call", caller.probe.echo("x".to_owned())).await;
        let error = error.unwrap_err();
        let error = error.call_error().unwrap();
        assert!(matches!(error.kind(), CallErrorKind::OutcomeUnknown { .. }), "{error}");
        assert_eq!(error.ran(), Ran::Unknown);
    }
}

/// A reply that announces `streams` and is the first of them.
fn reply_with_streams(call: u64, streams: u8) -> Vec<u8> {
    let result = encode(&Ok::<_, Error>(0_u32));
    Head { kind: kind::REPLY, streams, call, ..Head::default() }.before(&result)
}

/// The first item of a result whose callee sends `bytes` on the result's stream, and then hangs up if
/// there are none.
async fn first_item(streams: u8, bytes: Option<Vec<u8>>) -> Option<Result<Vec<u8>, CallError>> {
    let (_callee, caller) = caller_of(move |mut raw| {
        let bytes = bytes.clone();
        async move {
            let call = first_call(&mut raw).await;
            raw.send(&reply_with_streams(call, streams)).await;
            match bytes {
                Some(bytes) => drop(raw.stream(&[stream_of(call, 0), bytes].concat()).await),
                None => {
                    // Time for the reply to arrive: closing drops what was not sent.
                    tokio::time::sleep(Duration::from_millis(200)).await;
                    raw.quic.close(VarInt::from_u32(9), b"never mind");
                }
            }
            raw.quic.closed().await;
        }
    });
    let mut items = soon("an answer", caller.probe.flood()).await.unwrap();
    let item = soon("an item", items.next()).await?;
    let ended = soon("the end", items.next()).await;
    assert!(item.is_ok() || ended.is_none(), "an error is the last item");
    Some(item.map_err(|error| error.call_error().unwrap().clone()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_announced_and_lost_with_the_connection_is_an_error_of_its_reader() {
    for streams in [1, 255] {
        let error = first_item(streams, None).await.unwrap().unwrap_err();
        assert!(matches!(error.kind(), CallErrorKind::OutcomeUnknown { .. }), "{error}");
        assert_eq!((error.component(), error.method()), ("Probe", "flood"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn items_of_a_result_that_are_none_are_errors_of_their_reader() {
    let item_of = |payload: &[u8]| frame(kind::ITEM, 0, 0, 0, payload);
    assert_eq!(first_item(1, Some(Vec::new())).await, None);
    let good = item_of(&encode(&Ok::<_, Error>(b"good")));
    let length_first = encode(&Ok::<_, Error>(b"good".to_vec()));
    assert_eq!(first_item(1, Some(item_of(&length_first))).await, Some(Ok(b"good".to_vec())));
    for malformed in [good, item_of(&[]), item_of(&[0xff; 30]), frame(kind::FAILED, 0, 0, 0, &[7])]
    {
        let error = first_item(1, Some(malformed)).await.unwrap().unwrap_err();
        assert!(matches!(error.kind(), CallErrorKind::Malformed { .. }), "{error}");
    }
    let too_long = frame_of_length(u32::MAX, kind::ITEM, 0);
    let cut = item(1)[..30].to_vec();
    for broken in [too_long, cut, vec![0xee; 50], reply(1, "hello"), stream_of(1, 0)] {
        let error = first_item(1, Some(broken)).await.unwrap().unwrap_err();
        assert!(matches!(error.kind(), CallErrorKind::OutcomeUnknown { .. }), "{error}");
    }
}

/// Streams that come before their reply, with numbers that do not exist, twice, and of nobody.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_early_streams_is_no_harm() {
    let (_callee, caller) = caller_of(|mut raw| async move {
        let call = first_call(&mut raw).await;
        let mut open = Vec::new();
        let good = frame(kind::ITEM, 0, 0, 0, &encode(&Ok::<_, Error>(b"good".to_vec())));
        for number in [0, 0, 1, 7, u16::MAX].into_iter().cycle().take(100) {
            open.push(raw.stream(&[stream_of(call, number), good.clone()].concat()).await);
            open.push(raw.stream(&stream_of(call + 1, number)).await);
        }
        raw.send(&reply_with_streams(call, 1)).await;
        raw.quic.closed().await;
    });
    let mut items = soon("an answer", caller.probe.flood()).await.unwrap();
    let item = soon("an item", items.next()).await.unwrap();
    assert_eq!(item.unwrap(), b"good");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_whose_stream_was_not_announced_is_malformed() {
    let error = {
        let (_callee, caller) = caller_of(|mut raw| async move {
            let call = first_call(&mut raw).await;
            raw.send(&reply_with_streams(call, 0)).await;
            raw.quic.closed().await;
        });
        soon("an answer", caller.probe.flood()).await.unwrap_err()
    };
    let error = error.call_error().unwrap();
    assert!(matches!(error.kind(), CallErrorKind::Malformed { .. }), "{error}");
    assert_eq!(error.ran(), Ran::Yes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_does_not_say_whose_it_is_ends_the_connection_to_the_callee() {
    let (_callee, caller) = caller_of(|mut raw| async move {
        first_call(&mut raw).await;
        let _stream = raw.stream(&item(1)).await;
        raw.quic.closed().await;
    });
    let error = soon("an end", caller.probe.echo("x".to_owned())).await.unwrap_err();
    let error = error.call_error().unwrap();
    assert!(matches!(error.kind(), CallErrorKind::OutcomeUnknown { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn accepting_what_has_no_streams_or_does_not_exist_changes_nothing() {
    let (_callee, caller) = caller_of(|mut raw| async move {
        let call = first_call(&mut raw).await;
        for other in [call, call, call + 1, 0, u64::MAX] {
            raw.send(&frame(kind::ACCEPT, other, 7, 7, b"what")).await;
        }
        raw.send(&reply(call, "hello")).await;
        raw.quic.closed().await;
    });
    let answer = soon("an answer", caller.probe.echo("x".to_owned())).await.unwrap();
    assert_eq!(answer, "hello");
}

/// The producer is stopped, and its place is free, when the callee does not want the stream, fails the
/// call, or hangs up.
#[tokio::test(flavor = "multi_thread")]
async fn a_callee_that_takes_a_stream_and_drops_it_stops_the_producer() {
    for accepts in [false, true] {
        let (_callee, caller) = caller_of(move |mut raw| async move {
            let call = first_call(&mut raw).await;
            if accepts {
                let _lanes = raw.further_lanes().await;
                raw.send(&frame(kind::ACCEPT, call, 0, 0, &[])).await;
                let (_, mut stream) = soon("a stream", raw.quic.accept_bi()).await.unwrap();
                stream.stop(VarInt::from_u32(0)).unwrap();
            }
            raw.send(&frame(kind::REPLY, call, 0, 0, &encode(&Ok::<_, Error>(1_u64)))).await;
            raw.quic.closed().await;
        });
        let (sender, numbers) = Stream::channel(1);
        let sum = soon("an answer", caller.probe.sum(numbers)).await.unwrap();
        assert_eq!(sum, 1);
        let produce = async { while sender.send(Ok(1)).await.is_ok() {} };
        soon("the end of the producer", produce).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_at_the_address_is_an_error() {
    let authority = Authority::new();
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let caller = Caller::new(&authority, FRIEND, methods(), address);
    // The socket stays bound and says nothing.
    let hello = Hello::new(fingerprint());
    let connecting = caller.endpoint.connect(address, CALLEE, &hello, &[]);
    let error = within(HANDSHAKE_SECONDS_MAX + 4, "giving up", connecting).await.unwrap_err();
    assert!(matches!(error, ConnectError::Silent { .. }), "{error:?}");
    drop(socket);
    let call = caller.probe.echo("x".to_owned());
    let error = within(NOT_SENT_SECONDS + HANDSHAKE_SECONDS_MAX, "giving up", call).await;
    let error = error.unwrap_err();
    let error = error.call_error().unwrap();
    assert!(matches!(error.kind(), CallErrorKind::NotSent { .. }), "{error}");
    assert_eq!(error.ran(), Ran::No);
}

/// A peer that was slow once makes QUIC's timers long; an end must not wait for them.
#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_closes_soon_whatever_its_peers_were_like() {
    let authority = Authority::new();
    let delay = Duration::from_secs(2);
    let callee = RawCallee::with_delay(&authority.identity(CALLEE), delay, |mut raw| async move {
        raw.next().await;
        raw.send(&welcome()).await;
        // It does not answer the end of the connection either.
        std::future::pending().await
    });
    let caller = Caller::new(&authority, FRIEND, methods(), callee.address);
    let hello = Hello::new(fingerprint());
    let connecting = caller.endpoint.connect(callee.address, CALLEE, &hello, &[]);
    let _connection = soon("a slow handshake", connecting).await.unwrap();
    within(5, "the endpoint's end", caller.endpoint.close()).await;
}
