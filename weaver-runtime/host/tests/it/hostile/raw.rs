//! Guests that break the rules of their link.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::{sleep, timeout};
use weaver_guests::wild::{Secret, TOLD, Wild};
use weaver_runtime::{App, CallErrorKind, Ref, Stream};

use super::{
    alone::{is_alone, say_peak},
    init::Counted,
    raw_guest::{HAS_MANY_MEMORIES, LISTENS_EVERYWHERE, Raw, Script, exchanges, has, kind, raw},
    town::{Town, app},
};

/// Components by their index on the wire, which is that of their names in order.
const CALM: u16 = 0;
const OUTER: u16 = 4;
const SECRET: u16 = 5;
const WILD: u16 = 6;

/// `Outer.sleep`.
const SLEEP: u16 = 1;

/// An hour, encoded.
const HOUR: [u8; 12] = [0x10, 0x0e, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// What is encoded as `Ok` of the first stream.
const FIRST_STREAM: [u8; 8] = [0; 8];

/// How long nothing hostile may take.
const LIMIT: Duration = Duration::from_secs(20);

/// The answer to the host's first call, whether the guest has built its components.
fn is_built() -> Vec<u8> {
    Raw { kind: kind::REPLY, call: 2, ..Raw::default() }.frame()
}

/// The answer to its second, whether a component is there.
fn is_there() -> Vec<u8> {
    Raw { kind: kind::REPLY, call: 4, ..Raw::default() }.frame()
}

/// Says this when it is asked for the first time.
fn once(frames: Vec<u8>) -> Script {
    Script { turns: vec![is_built(), frames, Vec::new()], ..Script::default() }
}

async fn get(app: &App) -> Result<Ref<dyn Wild>, String> {
    let got = timeout(LIMIT, app.get::<dyn Wild>()).await.expect("it is answered");
    got.map_err(|error| {
        let call = error.call_error().expect("it says which call");
        let is_typed = matches!(
            call.kind(),
            CallErrorKind::OutcomeUnknown { .. }
                | CallErrorKind::Trapped { .. }
                | CallErrorKind::InitFailed { .. }
        );
        assert!(is_typed, "{error:#}");
        format!("{error:#}")
    })
}

/// The instance that says this ends, for a reason with these words.
async fn ends(frames: Vec<u8>, word: &str) {
    let (app, calm) = Town::raw(Script::each_turn(frames, 1).guest()).await;
    let error = get(&app).await.unwrap_err();
    println!("{error}");
    assert!(error.contains(word), "{error}");
    assert!(error.len() < 1000, "{} bytes", error.len());
    calm.holds().await;
}

#[tokio::test]
async fn what_is_no_frame_ends_the_instance() {
    let hello = Raw { kind: kind::HELLO, ..Raw::default() };
    let reply = Raw { kind: kind::REPLY, call: 2, ..Raw::default() };
    ends(reply.lies(10), "a frame of 10 bytes").await;
    ends(reply.lies(0), "a frame of 0 bytes").await;
    ends(reply.lies(u32::MAX), "a frame of 4294967295 bytes").await;
    ends(reply.lies(25), "half a frame").await;
    ends(reply.lies(64 << 20), "half a frame").await;
    ends(vec![24, 0, 0], "half a frame").await;
    ends(vec![24, 0, 0, 0, kind::REPLY], "half a frame").await;
    ends(Raw { kind: 0, ..reply }.frame(), "unknown kind 0").await;
    ends(Raw { kind: 99, ..reply }.frame(), "unknown kind 99").await;
    ends(hello.frame(), "kind Hello").await;
    let mut frame = reply.frame();
    frame[6] = 200;
    ends(frame, "a trailer of 200 bytes in a frame of 24").await;
    let request = Raw { kind: kind::REQUEST, call: 1, component: OUTER, ..Raw::default() };
    for (has, trailer) in [(has::KEY, &[7; 3][..]), (has::KEY, &[]), (has::TRACE, &[7; 24])] {
        let frame = Raw { has, trailer, ..request }.frame();
        ends(frame, "bytes, which does not hold what it should").await;
    }
}

#[tokio::test]
async fn what_is_no_frame_within_a_turn_ends_the_instance() {
    for (zeros, word) in [(24, "a frame of 0 bytes"), (2 << 20, "2097152 bytes within its turn")] {
        let (app, calm) = Town::raw(raw(&exchanges(zeros))).await;
        let error = get(&app).await.unwrap_err();
        assert!(error.contains(word), "{error}");
        calm.holds().await;
    }
}

#[tokio::test]
async fn what_a_guest_must_not_say_ends_the_instance() {
    let request = Raw {
        kind: kind::REQUEST,
        component: OUTER,
        method: SLEEP,
        payload: &HOUR,
        ..Raw::default()
    };
    ends(Raw { kind: kind::CONNECTED, call: 2, ..Raw::default() }.frame(), "Connected").await;
    for (kind, call) in [(kind::REPLY, 1000), (kind::REPLY, 1), (kind::REPLY, 0), (kind::FAILED, 7)]
    {
        let answer = Raw { kind, call, ..Raw::default() }.frame();
        ends(answer, "never made").await;
    }
    ends(Raw { call: 2, ..request }.frame(), "a call by the id 2").await;
    let once = Raw { call: 1, ..request }.frame();
    ends([&once[..], &once].concat(), "a call by the id 1").await;
}

#[tokio::test]
async fn frames_about_nothing_are_nothing() {
    if !is_alone("hostile::raw::frames_about_nothing_are_nothing", 500) {
        return;
    }
    let about = |kind, number| Raw { kind, call: 1_000_001, number, ..Raw::default() }.frame();
    let long =
        Raw { kind: kind::ITEM, call: 4, component: 3, payload: &[7; 1000], ..Raw::default() };
    let frames = [
        is_there(),
        is_there(),
        about(kind::ITEM, 0),
        about(kind::ENDED, 0),
        about(kind::CREDIT, u32::MAX),
        about(kind::STOP, 0),
        about(kind::CANCEL, 0),
        about(kind::WAITS, 0),
        Raw { kind: kind::ACCEPT, component: 9, ..Raw::default() }.frame(),
        long.frame(),
    ];
    let script = Script { times: 20_000, ..once(frames.concat()) };
    let (app, calm) = Town::raw(script.guest()).await;
    get(&app).await.unwrap();
    calm.holds().await;
    say_peak();
}

#[tokio::test]
async fn requests_that_are_wrong_are_refused() {
    let request = |call| Raw { kind: kind::REQUEST, call, component: OUTER, ..Raw::default() };
    let keyed = |call| Raw { has: has::KEY, ..request(call) };
    let frames = [
        is_there(),
        Raw { trailer: &[1, 2, 3], ..request(1) }.frame(),
        Raw { trailer: &[0xff; 9000], ..request(3) }.frame(),
        Raw { trailer: &[0xff; 8], ..keyed(5) }.frame(),
        Raw { trailer: &[0xff; 20], ..keyed(9) }.frame(),
        Raw { method: 77, ..request(11) }.frame(),
        Raw { payload: &[0xff; 3], ..request(13) }.frame(),
        Raw { streams: 255, ..request(15) }.frame(),
        Raw { trailer: &[0; 33], has: has::KEY | has::TRACE, ..request(17) }.frame(),
    ];
    let (app, calm) = Town::raw(once(frames.concat()).guest()).await;
    get(&app).await.unwrap();
    calm.holds().await;
}

#[tokio::test]
async fn a_forged_call_is_not_permitted() {
    let request =
        |call, component| Raw { kind: kind::REQUEST, call, component, ..Raw::default() }.frame();
    let frames =
        [is_there(), request(1, SECRET), request(3, CALM), request(5, WILD), request(7, u16::MAX)];
    let (app, calm) = Town::raw(once(frames.concat()).guest()).await;
    get(&app).await.unwrap();
    calm.holds().await;
    assert_eq!(TOLD.load(Ordering::Relaxed), 0);
    // It is there for those who may.
    app.get::<dyn Secret>().await.unwrap().tell().await.unwrap();
    assert_eq!(TOLD.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn streams_that_are_announced_for_ever() {
    if !is_alone("hostile::raw::streams_that_are_announced_for_ever", 500) {
        return;
    }
    let requests = (0..20_000).flat_map(|number| {
        let call = 2 * number + 1;
        let component = OUTER;
        Raw { kind: kind::REQUEST, streams: 255, call, component, ..Raw::default() }.frame()
    });
    let script = Script::each_turn(requests.collect(), 1);
    let (app, calm) = Town::raw(script.guest()).await;
    let error = get(&app).await.unwrap_err();
    assert!(error.contains("of refusals wait for it"), "{error}");
    calm.holds().await;
    say_peak();
}

#[tokio::test]
async fn calls_by_the_same_ids_are_not_more() {
    if !is_alone("hostile::raw::calls_by_the_same_ids_are_not_more", 500) {
        return;
    }
    let requests = (0..20_000).flat_map(|number| {
        let (call, component) = (2 * number + 1, OUTER);
        let request = Raw { kind: kind::REQUEST, call, component, method: SLEEP, ..Raw::default() };
        Raw { payload: &HOUR, ..request }.frame()
    });
    let script = Script::each_turn(requests.collect(), 1);
    let (app, calm) = Town::raw(script.guest()).await;
    // What is refused is told, which is a turn, in which the first come again.
    let error = get(&app).await.unwrap_err();
    assert!(error.contains("a call by the id 1"), "{error}");
    calm.holds().await;
    say_peak();
}

#[tokio::test]
async fn answers_above_the_limit_end_the_instance() {
    if !is_alone("hostile::raw::answers_above_the_limit_end_the_instance", 700) {
        return;
    }
    let zeros = (64 << 20) + 9000;
    let header = Raw { kind: kind::REPLY, call: 2, ..Raw::default() };
    let script = Script {
        turns: vec![header.lies(24 + u32::try_from(zeros).unwrap())],
        zeros,
        ..Script::default()
    };
    let (app, calm) = Town::raw(script.guest()).await;
    let error = get(&app).await.unwrap_err();
    assert!(error.contains("a frame of 67117888 bytes; allowed here are 24 to"), "{error}");
    calm.holds().await;
    say_peak();
}

/// A stream, and what its guest says of it so often in its next turn.
async fn poured(then: Raw<'_>, times: usize) -> (Arc<App>, Stream<Vec<u8>>) {
    let announced =
        Raw { kind: kind::REPLY, call: 6, streams: 1, payload: &FIRST_STREAM, ..Raw::default() };
    // It answers again and again, and hears each time that nobody reads the stream: that is the next turn.
    let turns = vec![is_built(), is_there(), announced.frame(), then.frame(), Vec::new()];
    let (app, calm) = Town::raw(Script { turns, times, ..Script::default() }.guest()).await;
    let wild = get(&app).await.unwrap();
    let poured = timeout(LIMIT, wild.pour(1)).await.expect("it answers").unwrap();
    calm.holds().await;
    (app, poured)
}

#[tokio::test]
async fn items_that_nobody_has_room_for_end_the_instance() {
    if !is_alone("hostile::raw::items_that_nobody_has_room_for_end_the_instance", 500) {
        return;
    }
    // `Ok` of so many bytes.
    let payload = [&[0; 4][..], &65_000_u64.to_le_bytes(), &[7; 65_000]].concat();
    let item = Raw { kind: kind::ITEM, call: 6, payload: &payload, ..Raw::default() };
    let (_app, mut poured) = poured(item, 2000).await;
    let mut last = String::new();
    while let Some(item) = timeout(LIMIT, poured.next()).await.expect("it ends") {
        last = item.map_or_else(|error| error.to_string(), |_| String::new());
    }
    assert!(last.contains("without having room"), "{last}");
    say_peak();
}

#[tokio::test]
async fn a_stream_ends_once() {
    if !is_alone("hostile::raw::a_stream_ends_once", 500) {
        return;
    }
    let ended = Raw { kind: kind::ENDED, call: 6, payload: &[0xff; 1000], ..Raw::default() };
    let (_app, mut poured) = poured(ended, 100_000).await;
    timeout(LIMIT, poured.next()).await.expect("it ends").unwrap().unwrap_err();
    assert!(timeout(LIMIT, poured.next()).await.expect("it has ended").is_none());
    say_peak();
}

#[tokio::test]
async fn credit_without_an_end_is_a_window() {
    if !is_alone("hostile::raw::credit_without_an_end_is_a_window", 400) {
        return;
    }
    let credit = Raw { kind: kind::CREDIT, call: 6, number: u32::MAX, ..Raw::default() };
    let script = Script {
        turns: vec![is_built(), is_there(), credit.frame()],
        times: 1000,
        ..Script::default()
    };
    let (app, calm) = Town::raw(script.guest()).await;
    let wild = get(&app).await.unwrap();
    let items = Stream::of_values((0..16_384).map(|_| vec![7; 64 << 10]));
    let _ = timeout(Duration::from_secs(5), wild.hold(items, Duration::ZERO)).await;
    calm.holds().await;
    say_peak();
}

#[tokio::test]
async fn what_ends_without_having_been_called_is_replaced_after_pauses() {
    let too_early = Script { start: is_there(), ..Script::each_turn(Vec::new(), 1) };
    let no_frame = vec![0; 24];
    let at_once = Script { start: [is_built(), no_frame.clone()].concat(), ..too_early.clone() };
    let once_built = Script::each_turn([is_built(), no_frame].concat(), 1);
    for script in [too_early, at_once, once_built] {
        let starts = Arc::new(AtomicU64::new(0));
        let guest = Counted { guest: script.guest(), starts: Arc::clone(&starts) };
        let app = app(guest, "").await;
        sleep(Duration::from_secs(2)).await;
        let starts = starts.load(Ordering::Relaxed);
        assert!((2..=6).contains(&starts), "{starts} starts");
        // It may get an answer that was meant for another question.
        let _ = get(&app).await;
    }
}

#[tokio::test]
async fn memories_count_together() {
    if !is_alone("hostile::raw::memories_count_together", 500) {
        return;
    }
    let (app, calm) = Town::raw(raw(HAS_MANY_MEMORIES)).await;
    let error = get(&app).await.unwrap_err();
    assert!(error.contains("`memory = \"256MiB\"`"), "{error}");
    calm.holds().await;
    say_peak();
}

#[tokio::test]
async fn listeners_that_no_component_has() {
    if !is_alone("hostile::raw::listeners_that_no_component_has", 500) {
        return;
    }
    let before = fs::read_dir("/proc/self/fd").unwrap().count();
    let (app, calm) = Town::raw(raw(LISTENS_EVERYWHERE)).await;
    for _ in 0..5 {
        get(&app).await.unwrap_err();
    }
    calm.holds().await;
    let open = fs::read_dir("/proc/self/fd").unwrap().count() - before;
    println!("| {open} more files are open");
    assert!(open < 16, "{open}");
    say_peak();
}

#[tokio::test]
async fn a_guest_that_does_not_shut_down() {
    let (app, calm) = Town::raw(once(is_there()).guest()).await;
    get(&app).await.unwrap();
    calm.holds().await;
    drop(calm);
    let limit = Duration::from_secs(30);
    timeout(limit, app.shutdown()).await.expect("it ends without the guest's consent");
}
