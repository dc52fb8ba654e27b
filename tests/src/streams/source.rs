//! [`Source`]: a component that produces streams and knows how many are running.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use serde::{Deserialize, Serialize};
use weaver::{Metadata, Ref, Result, Stream, component, metadata};

#[derive(Serialize, Deserialize)]
pub(super) struct Tag(pub(super) u32);

impl Metadata for Tag {
    const NAME: &'static str = "tag";
}

#[component]
pub(super) trait Source {
    /// The numbers below `end`.
    async fn count(&self, end: u64) -> Result<Stream<u64>>;

    /// Items of this size, without end.
    async fn endless(&self, item_bytes: usize) -> Result<Stream<Vec<u8>>>;

    /// So many numbers, then a panic.
    async fn explode(&self, after: u64) -> Result<Stream<u64>>;

    /// The tag that the producer sees, again and again.
    async fn tags(&self) -> Result<Stream<Option<u32>>>;

    /// How many streams have a producer.
    async fn running(&self) -> Result<u64>;

    /// What the endless streams have produced since there was none.
    async fn produced_bytes(&self) -> Result<u64>;
}

#[derive(Default)]
struct Spring(Arc<Counters>);

#[derive(Default)]
struct Counters {
    running: AtomicU64,
    produced_bytes: AtomicU64,
}

/// Calls `next` with 0, 1, …, and counts as running until it is dropped.
struct Producer<F> {
    counters: Arc<Counters>,
    number: u64,
    next: F,
}

impl<F> Producer<F> {
    fn new(counters: &Arc<Counters>, next: F) -> Self {
        if counters.running.fetch_add(1, Ordering::SeqCst) == 0 {
            counters.produced_bytes.store(0, Ordering::SeqCst);
        }
        Self { counters: Arc::clone(counters), number: 0, next }
    }
}

impl<F> Drop for Producer<F> {
    fn drop(&mut self) {
        self.counters.running.fetch_sub(1, Ordering::SeqCst);
    }
}

impl<T, F: FnMut(u64) -> Option<T> + Unpin> futures_core::Stream for Producer<F> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        let number = self.number;
        self.number += 1;
        Poll::Ready((self.next)(number).map(Ok))
    }
}

#[component]
impl Source for Spring {
    async fn count(&self, end: u64) -> Result<Stream<u64>> {
        let next = move |number| (number < end).then_some(number);
        Ok(Stream::new(Producer::new(&self.0, next)))
    }

    async fn endless(&self, item_bytes: usize) -> Result<Stream<Vec<u8>>> {
        let counters = Arc::clone(&self.0);
        let next = move |_| {
            let bytes = u64::try_from(item_bytes).unwrap_or_default();
            counters.produced_bytes.fetch_add(bytes, Ordering::SeqCst);
            Some(vec![7; item_bytes])
        };
        Ok(Stream::new(Producer::new(&self.0, next)))
    }

    async fn explode(&self, after: u64) -> Result<Stream<u64>> {
        let next = move |number| {
            assert!(number < after, "panicked on purpose in a stream");
            Some(number)
        };
        Ok(Stream::new(Producer::new(&self.0, next)))
    }

    async fn tags(&self) -> Result<Stream<Option<u32>>> {
        let next = |_| Some(metadata::<Tag>().map(|tag| tag.0));
        Ok(Stream::new(Producer::new(&self.0, next)))
    }

    async fn running(&self) -> Result<u64> {
        Ok(self.0.running.load(Ordering::SeqCst))
    }

    async fn produced_bytes(&self) -> Result<u64> {
        Ok(self.0.produced_bytes.load(Ordering::SeqCst))
    }
}

/// Hands on what a source gives.
#[component]
pub(super) trait Between {
    async fn count(&self, end: u64) -> Result<Stream<u64>>;
    async fn endless(&self) -> Result<Stream<Vec<u8>>>;
}

#[derive(weaver::Component)]
struct Pipe {
    source: Ref<dyn Source>,
}

#[component]
impl Between for Pipe {
    async fn count(&self, end: u64) -> Result<Stream<u64>> {
        self.source.count(end).await
    }

    async fn endless(&self) -> Result<Stream<Vec<u8>>> {
        self.source.endless(1024).await
    }
}
