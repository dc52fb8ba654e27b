//! Streams as transports carry them: encoded items.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use super::{Item, Items};
use crate::{
    error::{CallError, CallErrorKind, Failure, Ran},
    message::Message,
};

/// Encoded items, each a `Result<T, E>`. A failure is of the way, not the producer's, and the last.
pub type ByteStream = Pin<Box<dyn futures_core::Stream<Item = Encoded> + Send>>;

/// One encoded item.
pub type Encoded = Result<Message, Failure>;

/// The streams of one message, by their number.
#[derive(Default)]
pub(crate) struct Streams {
    list: Vec<Option<ByteStream>>,
    /// The component and the method of whose call this is a message.
    of: (&'static str, &'static str),
}

/// A stream, and whose call it came with.
pub(super) struct Named {
    stream: ByteStream,
    of: (&'static str, &'static str),
}

impl fmt::Debug for Streams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} streams", self.list.len())
    }
}

impl Streams {
    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Adds a stream; its number.
    pub(crate) fn push(&mut self, stream: ByteStream) -> u32 {
        let number = self.list.len();
        self.list.push(Some(stream));
        // More than a message may hold are refused long before.
        u32::try_from(number).unwrap_or(u32::MAX)
    }

    pub(super) fn take(&mut self, number: u32) -> Option<Named> {
        let stream = self.list.get_mut(usize::try_from(number).ok()?)?.take()?;
        Some(Named { stream, of: self.of })
    }

    /// Whose call the streams belong to: for their errors.
    pub(crate) fn name(&mut self, component: &'static str, method: &'static str) {
        self.of = (component, method);
    }

    /// Takes all of them out, in the order of their numbers; how many there are is still known.
    #[cfg(feature = "node")]
    pub(crate) fn take_all(&mut self) -> Vec<ByteStream> {
        self.list.iter_mut().filter_map(Option::take).collect()
    }
}

/// Calls `next` for each item until it gives `None`.
#[cfg(all(feature = "node", not(target_family = "wasm")))]
pub(crate) fn unfold<S, F, Fut>(state: S, next: F) -> ByteStream
where
    S: Send + 'static,
    F: FnMut(S) -> Fut + Send + 'static,
    Fut: Future<Output = Option<(Encoded, S)>> + Send + 'static,
{
    Box::pin(Unfold { state: Some(state), next, running: None })
}

#[cfg(all(feature = "node", not(target_family = "wasm")))]
pin_project_lite::pin_project! {
    struct Unfold<S, F, Fut> {
        state: Option<S>,
        next: F,
        #[pin]
        running: Option<Fut>,
    }
}

#[cfg(all(feature = "node", not(target_family = "wasm")))]
impl<S, F, Fut> futures_core::Stream for Unfold<S, F, Fut>
where
    F: FnMut(S) -> Fut,
    Fut: Future<Output = Option<(Encoded, S)>>,
{
    type Item = Encoded;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Encoded>> {
        let mut unfold = self.project();
        if let Some(state) = unfold.state.take() {
            unfold.running.set(Some((unfold.next)(state)));
        }
        let Some(running) = unfold.running.as_mut().as_pin_mut() else { return Poll::Ready(None) };
        let next = std::task::ready!(running.poll(cx));
        unfold.running.set(None);
        Poll::Ready(next.map(|(item, state)| {
            *unfold.state = Some(state);
            item
        }))
    }
}

/// Encodes items as they come.
pub(super) fn encoding<T: Item, E: Item>(items: Items<T, E>) -> ByteStream {
    Box::pin(Encoding { items: Some(items) })
}

struct Encoding<T, E> {
    /// `None` after the last item.
    items: Option<Items<T, E>>,
}

impl<T: Item, E: Item> futures_core::Stream for Encoding<T, E> {
    type Item = Encoded;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Encoded>> {
        let Some(items) = &mut self.items else { return Poll::Ready(None) };
        let encoded = std::task::ready!(items.as_mut().poll_next(cx)).map(|item| encode(&item));
        if !matches!(encoded, Some(Ok(_))) {
            self.items = None;
        }
        Poll::Ready(encoded)
    }
}

fn encode<T: Item, E: Item>(item: &Result<T, E>) -> Encoded {
    let message = Message::encode(item, Ran::Yes)?;
    if message.has_streams() {
        let reason = "an item of a stream cannot hold streams".to_owned();
        return Err(Failure::new(CallErrorKind::Malformed { reason }, Ran::Yes));
    }
    Ok(message)
}

/// Decodes items as they come. An item that cannot be decoded is the last.
pub(super) fn decoding<T: Item, E: Item + From<CallError>>(named: Named) -> Decoding<T, E> {
    Decoding { named: Some(named), items: std::marker::PhantomData }
}

pub(super) struct Decoding<T, E> {
    /// `None` after the last item.
    named: Option<Named>,
    items: std::marker::PhantomData<fn() -> (T, E)>,
}

impl<T: Item, E: Item + From<CallError>> futures_core::Stream for Decoding<T, E> {
    type Item = Result<T, E>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(named) = &mut self.named else { return Poll::Ready(None) };
        let encoded = std::task::ready!(named.stream.as_mut().poll_next(cx));
        let (component, method) = named.of;
        let item = encoded.map(|item| item.and_then(|item| item.decode(Ran::Yes)));
        if !matches!(item, Some(Ok(_))) {
            self.named = None;
        }
        let failed = |failure| Err(CallError::new(component, method, failure).into());
        Poll::Ready(item.map(|item| item.unwrap_or_else(failed)))
    }
}
