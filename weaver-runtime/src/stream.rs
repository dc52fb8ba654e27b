//! [`Stream`]: items that flow from caller to callee or back while they are produced.
//!
//! A stream is an argument, the result, or part of a tuple that is one of these. In the same process it
//! moves like any value. Where a message is encoded, the stream stays behind: the message holds its
//! number, and the transport carries the items beside it, each encoded as a `Result<T, E>`.

mod bytes;
#[cfg(feature = "node")]
mod sender;
mod session;

use std::{
    any::type_name,
    fmt,
    future::poll_fn,
    marker::PhantomData,
    pin::Pin,
    sync::{Mutex, PoisonError},
    task::{Context, Poll},
};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{DeserializeOwned, Error as _},
    ser::Error as _,
};

#[cfg(all(feature = "node", not(target_family = "wasm")))]
pub(crate) use self::bytes::unfold;
pub use self::bytes::{ByteStream, Encoded};
#[cfg(feature = "node")]
pub use self::sender::{ReaderGone, StreamSender};
pub(crate) use self::{
    bytes::Streams,
    session::{collect, distribute, examine},
};
use crate::{
    catch_panic::catch_panic,
    error::{CallError, CallErrorKind, Error},
    shape::Shape,
};

/// Items that flow as they are produced: an argument of a component method, its result, or an element
/// of a tuple that is one of these.
///
/// Each item is a `Result<T, E>`; the producer's own errors do not end the stream. What ends it, as
/// the last item, is a failure of the way: [`Panicked`](CallErrorKind::Panicked) when the producer
/// panics, [`Draining`](CallErrorKind::Draining) when its process stops,
/// [`OutcomeUnknown`](CallErrorKind::OutcomeUnknown) when its process or the connection is lost.
///
/// The producer runs ahead of the reader by a bounded number of bytes (about 1 MiB between
/// processes), and waits then. Dropping the stream stops the producer; when the producer drops its
/// end, the stream ends. A stream outlives the call that gave it, and its deadline; metadata stays with
/// the producer.
///
/// ```
/// use weaver_runtime::{Result, Stream};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<()> {
/// let (sender, mut numbers) = Stream::<u32>::channel(16);
/// tokio::spawn(async move {
///     for number in 0..3 {
///         // An error says that the reader is gone.
///         if sender.send(Ok(number)).await.is_err() {
///             return;
///         }
///     }
/// });
/// let mut sum = 0;
/// while let Some(number) = numbers.next().await {
///     sum += number?;
/// }
/// assert_eq!(sum, 3);
/// # Ok(())
/// # }
/// ```
pub struct Stream<T, E = Error> {
    /// `None` once it was sent. The lock is for `Serialize`, which has it shared; nobody waits for it.
    items: Mutex<Option<Items<T, E>>>,
}

type Items<T, E> = Pin<Box<dyn futures_core::Stream<Item = Result<T, E>> + Send>>;

/// What a stream may be made of.
pub trait Item: Serialize + DeserializeOwned + Send + 'static {}

impl<T: Serialize + DeserializeOwned + Send + 'static> Item for T {}

impl<T: 'static, E: From<CallError> + 'static> Stream<T, E> {
    /// A stream of what `items` gives, which is polled in the context (see
    /// [`with_metadata`](crate::with_metadata)) that we are in now, without its deadline.
    pub fn new<S>(items: S) -> Self
    where
        S: futures_core::Stream<Item = Result<T, E>> + Send + 'static,
    {
        Self::of(Box::pin(Producer::new(items)))
    }

    /// A stream of values that are there already.
    pub fn of_values<I>(values: I) -> Self
    where
        I: IntoIterator<Item = T, IntoIter: Send + 'static>,
    {
        Self::new(Values(values.into_iter(), PhantomData))
    }

    /// A stream of what is sent; `capacity` items may wait.
    ///
    /// # Panics
    /// If `capacity` is 0.
    #[cfg(feature = "node")]
    #[must_use]
    pub fn channel(capacity: usize) -> (StreamSender<T, E>, Self)
    where
        T: Send,
        E: Send,
    {
        let (sender, items) = sender::channel(capacity);
        (sender, Self::new(items))
    }
}

impl<T, E> Stream<T, E> {
    fn of(items: Items<T, E>) -> Self {
        Self { items: Mutex::new(Some(items)) }
    }

    /// The next item; `None` at the end. Cancel safe.
    pub async fn next(&mut self) -> Option<Result<T, E>> {
        poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, E>>> {
        let items = self.items.get_mut().unwrap_or_else(PoisonError::into_inner);
        let Some(stream) = items else { return Poll::Ready(None) };
        let item = stream.as_mut().poll_next(cx);
        if matches!(item, Poll::Ready(None)) {
            // What the producer held is free at the end, not when the reader is done with everything.
            *items = None;
        }
        item
    }

    fn take(&self) -> Option<Items<T, E>> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl<T, E> futures_core::Stream for Stream<T, E> {
    type Item = Result<T, E>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll(cx)
    }
}

impl<T, E> fmt::Debug for Stream<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stream<{}>", type_name::<T>())
    }
}

/// The name under which serde hears of a stream. What follows in a [`Shape`] is what its items are.
pub(crate) const STREAM: &str = "weaver::Stream";

/// Only as part of a message; anywhere else it is an error.
impl<T: Item, E: Item + From<CallError>> Serialize for Stream<T, E> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let take = || self.take().map(bytes::encoding);
        match session::put(take) {
            Ok(session::Put::Number(number)) => {
                serializer.serialize_newtype_struct(STREAM, &number)
            }
            Ok(session::Put::Examined) => {
                serializer.serialize_newtype_struct(session::described::<T, E>(), &0_u32)
            }
            Err(refusal) => Err(S::Error::custom(refusal)),
        }
    }
}

/// Only as part of a message; anywhere else it is an error.
impl<'de, T: Item, E: Item + From<CallError>> Deserialize<'de> for Stream<T, E> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if session::is_examining() {
            let name = session::described::<T, E>();
            deserializer.deserialize_newtype_struct(name, session::Number)?;
            return Ok(Self { items: Mutex::new(None) });
        }
        let number = deserializer.deserialize_newtype_struct(STREAM, session::Number)?;
        let items = session::get(number).map_err(D::Error::custom)?;
        Ok(Self::of(Box::pin(bytes::decoding(items))))
    }
}

/// What an item looks like when it is encoded.
fn item_shape<T: Item, E: Item>() -> Shape {
    Shape::of::<Result<T, E>>()
}

pin_project_lite::pin_project! {
    /// The author's stream: a panic in it is its last item.
    struct Producer<S> {
        #[pin]
        items: Scope<S>,
        ended: bool,
    }
}

#[cfg(feature = "node")]
type Scope<S> = crate::context::Scoped<S>;

#[cfg(feature = "node")]
fn in_context<S>(items: S) -> Scope<S> {
    let context = crate::context::CallContext::current().outliving();
    crate::context::Scoped::new(context, items)
}

#[cfg(not(feature = "node"))]
type Scope<S> = S;

#[cfg(not(feature = "node"))]
fn in_context<S>(items: S) -> Scope<S> {
    items
}

impl<S> Producer<S> {
    fn new(items: S) -> Self {
        Self { items: in_context(items), ended: false }
    }
}

impl<S, T, E> futures_core::Stream for Producer<S>
where
    S: futures_core::Stream<Item = Result<T, E>>,
    E: From<CallError>,
{
    type Item = Result<T, E>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let producer = self.project();
        if *producer.ended {
            return Poll::Ready(None);
        }
        #[cfg(feature = "node")]
        let polled = catch_panic(|| producer.items.poll_in_context(|items| items.poll_next(cx)));
        #[cfg(not(feature = "node"))]
        let polled = catch_panic(|| producer.items.poll_next(cx));
        polled.unwrap_or_else(|message| {
            *producer.ended = true;
            #[cfg(feature = "node")]
            crate::panics::log("a stream", &message);
            let panicked = CallErrorKind::Panicked { message };
            Poll::Ready(Some(Err(CallError::new("weaver", "Stream", panicked).into())))
        })
    }
}

/// Values that are there already.
struct Values<I, E>(I, PhantomData<fn() -> E>);

// Nothing is pinned in it.
impl<I, E> Unpin for Values<I, E> {}

impl<I: Iterator, E> futures_core::Stream for Values<I, E> {
    type Item = Result<I::Item, E>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.get_mut().0.next().map(Ok))
    }
}
