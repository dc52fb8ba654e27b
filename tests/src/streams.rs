//! Streams: items flow as they are produced, both ways, and either end ends the other.

mod source;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use weaver::{
    CallError, CallErrorKind, Context, Error, Ref, Result, Stream, component, timeout,
    with_metadata,
};

use crate::{Stage, eventually};
use source::{Source, Tag};

/// Enough to need many batches.
const ITEMS: u64 = 20_000;

/// From the drop of one end to the end of the other, on a busy machine.
const ENDED_SECONDS_MAX: u64 = 10;

/// What a producer may be ahead of its reader: a stream's window on the way, what the two ends hold,
/// and a batch.
const AHEAD_BYTES_MAX: u64 = 4 << 20;

/// An error of the author's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Fault {
    Odd(u64),
    Call(CallError),
}

impl From<CallError> for Fault {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

/// What is done to streams.
#[component]
trait Mill {
    /// Adds up what flows in.
    async fn sum(&self, numbers: Stream<u64>) -> Result<u64>;

    /// Doubles each number as it comes; an odd one is an error, after which it goes on.
    async fn double(&self, numbers: Stream<u64, Fault>) -> Result<Stream<u64, Fault>, Fault>;

    /// Adds the pairs of two streams, and says what it is at.
    async fn zip(
        &self,
        name: &str,
        pair: (Stream<u64>, Stream<u64>),
    ) -> Result<(String, Stream<u64>)>;

    /// Takes a stream and looks at none of it.
    async fn ignore(&self, numbers: Stream<u64>) -> Result<()>;

    /// Takes the first of many, and keeps the call waiting for more for ever.
    async fn hold(&self, numbers: Stream<u64>) -> Result<()>;
}

#[derive(Default)]
struct Stones;

#[component]
impl Mill for Stones {
    async fn sum(&self, mut numbers: Stream<u64>) -> Result<u64> {
        let mut sum = 0;
        while let Some(number) = numbers.next().await {
            sum += number?;
        }
        Ok(sum)
    }

    async fn double(&self, mut numbers: Stream<u64, Fault>) -> Result<Stream<u64, Fault>, Fault> {
        let (sender, doubled) = Stream::channel(4);
        weaver::spawn_detached(async move {
            while let Some(number) = numbers.next().await {
                let doubled = number.and_then(|number| match number % 2 {
                    0 => Ok(2 * number),
                    _ => Err(Fault::Odd(number)),
                });
                if sender.send(doubled).await.is_err() {
                    return;
                }
            }
        });
        Ok(doubled)
    }

    async fn zip(
        &self,
        name: &str,
        (mut left, mut right): (Stream<u64>, Stream<u64>),
    ) -> Result<(String, Stream<u64>)> {
        let (sender, sums) = Stream::channel(1);
        weaver::spawn_detached(async move {
            while let (Some(left), Some(right)) = (left.next().await, right.next().await) {
                let sum = left.and_then(|left| Ok(left + right?));
                if sender.send(sum).await.is_err() {
                    return;
                }
            }
        });
        Ok((name.to_uppercase(), sums))
    }

    async fn ignore(&self, _numbers: Stream<u64>) -> Result<()> {
        Ok(())
    }

    async fn hold(&self, mut numbers: Stream<u64>) -> Result<()> {
        numbers.next().await;
        let _held = numbers;
        std::future::pending().await
    }
}

async fn collect<T: 'static, E: From<CallError> + 'static>(
    mut stream: Stream<T, E>,
) -> Vec<Result<T, E>> {
    let mut items = Vec::new();
    while let Some(item) = stream.next().await {
        items.push(item);
    }
    items
}

async fn all_ended(source: &Ref<dyn Source>) -> Result<()> {
    let look = async || (source.running().await.ok()? == 0).then_some(());
    eventually("none runs", ENDED_SECONDS_MAX, look).await.context("a producer goes on")?;
    Ok(())
}

pub(crate) async fn results_flow(stage: &Stage) -> Result<()> {
    let source = stage.app.get::<dyn Source>().await?;
    let numbers = collect(source.count(ITEMS).await?).await;
    let numbers: Vec<_> = numbers.into_iter().collect::<Result<_>>()?;
    assert!(numbers.iter().copied().eq(0..ITEMS), "{} items", numbers.len());
    assert!(collect(source.count(0).await?).await.is_empty());
    all_ended(&source).await
}

pub(crate) async fn arguments_flow(stage: &Stage) -> Result<()> {
    let mill = stage.app.get::<dyn Mill>().await?;
    assert_eq!(mill.sum(Stream::of_values(0..ITEMS)).await?, ITEMS * (ITEMS - 1) / 2);
    assert_eq!(mill.sum(Stream::of_values([])).await?, 0);
    // The producer's own error is an item, which this callee makes its own.
    let (sender, numbers) = Stream::channel(2);
    sender.send(Ok(1)).await.context("it reads")?;
    sender.send(Err(Error::msg("no more"))).await.context("it reads")?;
    let error = mill.sum(numbers).await.unwrap_err();
    assert_eq!(error.to_string(), "no more");
    Ok(())
}

pub(crate) async fn both_ways_at_once_item_by_item(stage: &Stage) -> Result<()> {
    let mill = stage.app.get::<dyn Mill>().await?;
    let (sender, numbers) = Stream::channel(1);
    let mut doubled = mill.double(numbers).await.expect("the call");
    // Each answer comes before the next question: nothing waits for a batch, or for the end.
    for number in 0..100 {
        sender.send(Ok(number)).await.context("it reads")?;
        let expected = if number % 2 == 0 { Ok(2 * number) } else { Err(Fault::Odd(number)) };
        assert_eq!(doubled.next().await, Some(expected));
    }
    drop(sender);
    assert_eq!(doubled.next().await, None);
    Ok(())
}

pub(crate) async fn several_in_tuples(stage: &Stage) -> Result<()> {
    let mill = stage.app.get::<dyn Mill>().await?;
    let pair = (Stream::of_values(0..100), Stream::of_values(100..200));
    let (name, sums) = mill.zip("sums", pair).await?;
    assert_eq!(name, "SUMS");
    let sums: Vec<_> = collect(sums).await.into_iter().collect::<Result<_>>()?;
    assert!(sums.iter().copied().eq((0..100).map(|n| 2 * n + 100)), "{sums:?}");
    Ok(())
}

pub(crate) async fn a_reader_that_drops_stops_the_producer(stage: &Stage) -> Result<()> {
    let source = stage.app.get::<dyn Source>().await?;
    let mut endless = source.endless(1024).await?;
    for _ in 0..10 {
        endless.next().await.context("it is endless")??;
    }
    assert_eq!(source.running().await?, 1);
    drop(endless);
    all_ended(&source).await?;
    // One that was never looked at, and one that is dropped with its call.
    drop(source.endless(1).await?);
    all_ended(&source).await
}

pub(crate) async fn a_callee_that_drops_stops_its_caller(stage: &Stage) -> Result<()> {
    let mill = stage.app.get::<dyn Mill>().await?;
    let (sender, numbers) = Stream::channel(1);
    mill.ignore(numbers).await?;
    let closed = tokio::time::timeout(Duration::from_secs(ENDED_SECONDS_MAX), sender.closed());
    closed.await.context("the producer learns that nobody reads")?;
    // The same when the call ends by its deadline.
    let (sender, numbers) = Stream::channel(1);
    sender.send(Ok(1)).await.context("it reads")?;
    assert!(timeout(Duration::from_millis(300), mill.hold(numbers)).await.is_err());
    let closed = tokio::time::timeout(Duration::from_secs(ENDED_SECONDS_MAX), sender.closed());
    closed.await.context("the producer learns that nobody reads")?;
    Ok(())
}

pub(crate) async fn a_slow_reader_holds_its_producer_up(stage: &Stage) -> Result<()> {
    const ITEM_BYTES: u64 = 64 << 10;
    let source = stage.app.get::<dyn Source>().await?;
    // A gigabyte, of which the reader takes 64 KiB at a time until it has enough.
    let mut endless = source.endless(usize::try_from(ITEM_BYTES).unwrap_or_default()).await?;
    for read in 1..=20 {
        let item = endless.next().await.context("it is endless")??;
        assert_eq!(u64::try_from(item.len()).unwrap_or_default(), ITEM_BYTES);
        tokio::time::sleep(Duration::from_millis(20)).await;
        let produced = source.produced_bytes().await?;
        let ahead = produced.saturating_sub(read * ITEM_BYTES);
        assert!(ahead <= AHEAD_BYTES_MAX, "{ahead} bytes ahead after {read} items");
    }
    // Meanwhile others are served.
    assert_eq!(collect(source.count(100).await?).await.len(), 100);
    drop(endless);
    all_ended(&source).await
}

pub(crate) async fn a_panic_is_the_last_item(stage: &Stage) -> Result<()> {
    let source = stage.app.get::<dyn Source>().await?;
    if stage.sandboxed {
        // It ends the instance, and with it what had not left it.
        let last = match source.explode(3).await {
            Ok(items) => collect(items).await.pop().context("an item")?.map(drop),
            Err(error) => Err(error),
        };
        let error = format!("{:#}", last.expect_err("it panicked"));
        assert!(error.contains("panicked on purpose in a stream"), "{error}");
        assert_eq!(collect(source.count(3).await?).await.len(), 3, "the next instance is there");
        return Ok(());
    }
    let items = collect(source.explode(3).await?).await;
    assert_eq!(items.len(), 4, "{items:?}");
    assert!(items[..3].iter().all(Result::is_ok), "{items:?}");
    let error = items[3].as_ref().unwrap_err().call_error().context("it is of the way")?.clone();
    let message = "panicked on purpose in a stream".to_owned();
    assert_eq!(error.kind(), &CallErrorKind::Panicked { message });
    assert_eq!(collect(source.count(3).await?).await.len(), 3, "the process lives");
    Ok(())
}

pub(crate) async fn outlives_the_deadline_of_its_call(stage: &Stage) -> Result<()> {
    // Long enough for the call itself where many tests run beside it.
    const LIMIT: Duration = Duration::from_secs(3);
    let source = stage.app.get::<dyn Source>().await?;
    let mut numbers = timeout(LIMIT, source.count(100_000)).await?;
    tokio::time::sleep(LIMIT).await;
    let mut sum = 0;
    while let Some(number) = numbers.next().await {
        sum += number?;
    }
    assert_eq!(sum, 100_000 * 99_999 / 2);
    Ok(())
}

pub(crate) async fn keeps_its_producers_metadata(stage: &Stage) -> Result<()> {
    let source = stage.app.get::<dyn Source>().await?;
    let mut tags = with_metadata(Tag(7), source.tags()).await?;
    let seen = with_metadata(Tag(8), async { tags.next().await.context("an item")? }).await?;
    assert_eq!(seen, Some(7), "not the reader's");
    Ok(())
}

pub(crate) async fn large_items_and_many_at_once(stage: &Stage) -> Result<()> {
    const LARGE: usize = 3 << 20;
    let source = stage.app.get::<dyn Source>().await?;
    let mut streams = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let source = source.clone();
        streams.spawn(async move {
            let mut endless = source.endless(LARGE).await?;
            for _ in 0..2 {
                let item = endless.next().await.context("it is endless")??;
                assert_eq!(item.len(), LARGE);
            }
            Ok::<_, Error>(())
        });
    }
    while let Some(stream) = streams.join_next().await {
        stream.context("it does not panic")??;
    }
    all_ended(&source).await
}

pub(crate) async fn through_a_component_between(stage: &Stage) -> Result<()> {
    let between = stage.app.get::<dyn source::Between>().await?;
    let source = stage.app.get::<dyn Source>().await?;
    let numbers = collect(between.count(ITEMS).await?).await;
    assert_eq!(numbers.len(), usize::try_from(ITEMS).unwrap_or_default());
    let mut endless = between.endless().await?;
    endless.next().await.context("it is endless")??;
    drop(endless);
    all_ended(&source).await
}

/// The attribute does not see what it is.
type Streams = Vec<Stream<u8>>;

/// Streams where they cannot be.
#[component]
trait Misplaced {
    async fn in_a_list(&self, streams: Streams) -> Result<()>;
    async fn in_a_struct(&self) -> Result<Parcel>;
    async fn of_streams(&self) -> Result<Stream<Stream<u8>>>;
}

#[derive(Serialize, Deserialize)]
struct Parcel {
    bytes: Stream<u8>,
}

#[derive(Default)]
struct Lost;

#[component]
impl Misplaced for Lost {
    async fn in_a_list(&self, _: Streams) -> Result<()> {
        Ok(())
    }

    async fn in_a_struct(&self) -> Result<Parcel> {
        Ok(Parcel { bytes: Stream::of_values([1]) })
    }

    async fn of_streams(&self) -> Result<Stream<Stream<u8>>> {
        Ok(Stream::of_values([]))
    }
}

pub(crate) async fn elsewhere_in_a_type_is_a_typed_error(stage: &Stage) -> Result<()> {
    fn assert_refused<T>(outcome: Result<T>, encoded: bool, words: &str) {
        let Err(error) = outcome else { return assert!(!encoded, "{words} is carried") };
        let kind = error.call_error().map(CallError::kind).cloned();
        let Some(CallErrorKind::Malformed { reason }) = kind else { panic!("{error}") };
        assert!(encoded && reason.contains(words), "{reason}");
    }
    let misplaced = stage.app.get::<dyn Misplaced>().await?;
    let listed = misplaced.in_a_list(vec![Stream::of_values([1])]).await;
    assert_refused(listed, stage.encoded, "argument `streams`, at `[]`, is a stream");
    let parcel = misplaced.in_a_struct().await;
    assert_refused(parcel, stage.encoded, "the result, at `.bytes`, is a stream");
    let nested = misplaced.of_streams().await;
    assert_refused(nested, stage.encoded, "is a stream whose items cannot travel: they hold");
    Ok(())
}
