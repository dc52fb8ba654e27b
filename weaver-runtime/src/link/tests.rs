//! The host's side of a link, whatever a guest says.

use std::{
    pin::Pin,
    sync::Mutex,
    time::{Duration, Instant},
};

use fastrand::Rng;
use tokio::{task::JoinSet, time::sleep};

use super::*;
use crate::context::TraceContext;

/// How long nothing may take.
const LIMIT: Duration = Duration::from_secs(10);

/// Answers at once or later, with an answer, a failure or streams, and reads what comes, or not.
struct Anything(Mutex<Rng>);

impl Serve for Anything {
    fn call(&self, called: Called) -> BoxFuture<'static, Result<Message, Failure>> {
        let mut rng = self.0.lock().unwrap().fork();
        let mut arguments = called.arguments;
        Box::pin(async move {
            let mut streams = arguments.detach_streams();
            if rng.bool() {
                sleep(Duration::from_micros(rng.u64(..500))).await;
            }
            for stream in &mut streams {
                if rng.bool() {
                    let next = std::future::poll_fn(|cx| stream.as_mut().poll_next(cx)).await;
                    drop(next);
                }
            }
            if rng.u8(..4) == 0 {
                return Err(CallErrorKind::Cancelled.into());
            }
            let mut answer = Message::of_payload(&vec![7; rng.usize(..100)]);
            for _ in 0..rng.usize(..4) {
                answer.streams().push(items(&mut rng));
            }
            Ok(answer)
        })
    }
}

/// A stream of a few items, the last of them a failure or not.
fn items(rng: &mut Rng) -> crate::stream::ByteStream {
    let failure = rng.bool().then(|| Err(CallErrorKind::Cancelled.into()));
    let items = (0..rng.usize(..20)).map(|_| Ok(Message::of_payload(&[7; 1000])));
    Box::pin(Items(items.chain(failure).collect()))
}

struct Items(std::collections::VecDeque<Result<Message, Failure>>);

impl futures_core::Stream for Items {
    type Item = Result<Message, Failure>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.0.pop_front())
    }
}

/// What a guest might say, most of it almost right.
fn frame(rng: &mut Rng, own: &mut u64) -> Vec<u8> {
    let kinds = [
        Kind::Request,
        Kind::Request,
        Kind::Reply,
        Kind::Failed,
        Kind::Cancel,
        Kind::Accept,
        Kind::Item,
        Kind::Item,
        Kind::Item,
        Kind::Ended,
        Kind::Credit,
        Kind::Stop,
    ];
    let kind = match rng.u16(..2000) {
        0 => Kind::Connected,
        _ => kinds[rng.usize(..kinds.len())],
    };
    let call = match kind {
        Kind::Request => {
            *own += 2;
            *own
        }
        // Of theirs, which are not that many, or of its own.
        Kind::Reply | Kind::Failed => 2 * rng.u64(1..5),
        _ => rng.u64(..=*own + 4),
    };
    let header = Header {
        component: rng.u16(..3),
        method: rng.u16(..3),
        streams: if rng.u8(..3) == 0 { rng.u8(..4) } else { 0 },
        time_left_ms: [0, 1, 1000, u32::MAX][rng.usize(..4)],
        ..Header::new(kind, call)
    };
    let metadata = Bytes::from_static(if rng.u8(..20) == 0 { &[1; 3] } else { &[] });
    let key = rng.bool().then(|| rng.u64(..));
    let trace = rng.bool().then(TraceContext::new);
    let trailer = Trailer { trace, key, metadata };
    let message = Message::of_payload(&vec![0; rng.usize(..2000)]);
    header.onto_with(message, &trailer).as_slice().to_vec()
}

async fn calls(link: &Arc<Link>, rng: &mut Rng, calls: &mut JoinSet<()>) {
    for _ in 0..rng.usize(..8) {
        let (link, mut rng) = (Arc::clone(link), rng.fork());
        calls.spawn(async move {
            let mut arguments = Message::of_payload(&[7; 50]);
            for _ in 0..rng.usize(..3) {
                arguments.streams().push(items(&mut rng));
            }
            let time = Duration::from_micros(rng.u64(..3000));
            let call = link.call(0, 0, rng.bool().then_some(9), arguments);
            let Ok(Ok(mut answer)) = tokio::time::timeout(time, call).await else { return };
            for mut stream in answer.detach_streams() {
                let read = async {
                    while std::future::poll_fn(|cx| stream.as_mut().poll_next(cx)).await.is_some() {
                    }
                };
                let _ = tokio::time::timeout(time, read).await;
            }
        });
    }
    tokio::task::yield_now().await;
}

/// One link's life.
async fn live(mut rng: Rng) -> bool {
    let limits = LinkLimits { calls: 8, streams: 16, bytes: 20_000 };
    let link = Link::new(Side::Host, limits, || {});
    let server = Anything(Mutex::new(rng.fork()));
    let (mut own, mut under_way, mut is_good) = (rng.u64(..3) | 1, JoinSet::new(), true);
    for _ in 0..rng.usize(1..20) {
        calls(&link, &mut rng, &mut under_way).await;
        drop(link.take_outgoing());
        let said: Vec<_> = (0..rng.usize(..40)).flat_map(|_| frame(&mut rng, &mut own)).collect();
        let mut said = Said::new(said.into());
        is_good = loop {
            match link.receive_some(&mut said, &server) {
                Ok(true) => tokio::task::yield_now().await,
                Ok(false) => break true,
                Err(_) => break false,
            }
        };
        let (state, books) = (link.lock(), link.flows.counts());
        assert!(state.running.len() <= limits.calls && state.running_bytes <= limits.bytes);
        assert!(books.incoming <= limits.streams && books.unread_bytes <= limits.bytes);
        assert!(books.outgoing <= limits.streams);
        if !is_good {
            break;
        }
    }
    link.close(&CallErrorKind::Draining.into(), None);
    while under_way.join_next().await.is_some() {}
    // What was stopped is dropped when its task is next looked at.
    let until = Instant::now() + LIMIT;
    while link.flows.counts() != flow::Counts::default() {
        assert!(Instant::now() < until, "{:?} are left", link.flows.counts());
        tokio::task::yield_now().await;
    }
    let state = link.lock();
    assert!(state.running.is_empty() && state.waiting.is_empty() && state.running_bytes == 0);
    is_good
}

#[tokio::test]
async fn whatever_a_guest_says_the_books_are_right() {
    let seed = fastrand::u64(..);
    let mut good = 0;
    for round in 0..1000 {
        let rng = Rng::with_seed(seed.wrapping_add(round));
        let life = tokio::time::timeout(LIMIT, live(rng)).await;
        good +=
            u32::from(life.unwrap_or_else(|_| panic!("seed {seed}, round {round} does not end")));
    }
    // Both happen often enough to say something.
    assert!((100..900).contains(&good), "seed {seed}: {good} of 1000 guests said nothing wrong");
}

/// What the only call that waits, or may be worked on, is told of an end.
async fn told(is_carried: bool, another: Option<bool>) -> CallErrorKind {
    let link = Link::new(Side::Host, (&Limits::default()).into(), || {});
    // Given up after the guest has it, or still waiting.
    let other = another.map(|is_given_up| {
        let mut other = Box::pin(link.call(1, 0, None, Message::empty()));
        assert!(other.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        drop(link.take_outgoing());
        (!is_given_up).then_some(other)
    });
    let (_, answer) = link.send(0, 0, None, Message::empty()).unwrap();
    if is_carried {
        drop(link.take_outgoing());
    }
    let lost = CallErrorKind::Draining.into();
    link.close(&lost, Some(Blame::TheOnly(CallErrorKind::Cancelled.into())));
    drop(other);
    answer.await.unwrap().unwrap_err().kind
}

#[tokio::test]
async fn only_what_can_have_been_worked_on_is_blamed() {
    assert_eq!(told(true, None).await, CallErrorKind::Cancelled);
    assert_eq!(told(false, None).await, CallErrorKind::Draining);
    // Which of two it was is not known.
    assert_eq!(told(true, Some(false)).await, CallErrorKind::Draining);
    // The guest has not heard yet that the other was given up.
    assert_eq!(told(false, Some(true)).await, CallErrorKind::Draining);
    // Now it has.
    assert_eq!(told(true, Some(true)).await, CallErrorKind::Cancelled);
}
