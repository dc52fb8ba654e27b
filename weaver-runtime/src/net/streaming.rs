//! Streams between two nodes. Each has a QUIC stream of its own, which its producer opens and whose flow
//! control is its back-pressure: [`Outgoing`] writes it, [`Expected`] brings it to its reader.

use std::{
    collections::BTreeMap,
    future::{Future, poll_fn},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use quinn::{ConnectionError, ReadError as QuicReadError, RecvStream, SendStream, VarInt};
use tokio::sync::oneshot;

use super::{
    endpoint::CLOSED_DONE,
    gate::Held,
    halves::ReceiveHalf,
    outbox::Batch,
    reading::{ReadError, next_frame, next_frame_held},
    tally::Counted,
};
use crate::{
    error::{CallErrorKind, Failure, Ran},
    message::{HEADER_BYTES, Message},
    stream::{ByteStream, Encoded, Streams, unfold},
    wire::{FRAME_BYTES_MAX, FrameDecoder, Header, Kind},
};

/// Items that are ready leave together, up to this many bytes in one write.
const BATCH_BYTES: usize = 64 * 1024;

/// The code with which a producer resets a stream because its node stops.
const RESET_DRAINING: VarInt = VarInt::from_u32(1);

/// The code with which a producer resets a stream because it was stopped itself.
const RESET_STOPPED: VarInt = VarInt::from_u32(2);

/// Which stream of which call.
type Key = (u64, u16);

/// The streams that this side of a connection waits for.
#[derive(Debug, Default)]
pub(super) struct Expected {
    waiting: Mutex<Waiting>,
    /// Where items that have arrived in part are counted; a caller, who asked for them, does not.
    held: Option<Held>,
}

#[derive(Debug, Default)]
struct Waiting {
    readers: BTreeMap<Key, oneshot::Sender<Reader>>,
    closed: bool,
}

/// A stream that has arrived.
#[derive(Debug)]
pub(super) struct Reader {
    stream: ReceiveHalf,
    decoder: FrameDecoder,
}

impl Expected {
    /// Items count in the share of `held`.
    pub(super) fn counted(held: Held) -> Arc<Self> {
        Arc::new(Self { waiting: Mutex::default(), held: Some(held) })
    }

    /// The streams of a message of `call`, each to arrive yet.
    pub(super) fn expect(self: &Arc<Self>, call: u64, count: u8) -> Streams {
        let mut streams = Streams::default();
        let mut waiting = self.lock();
        for number in 0..u16::from(count) {
            let (sender, arrived) = oneshot::channel();
            let key = (call, number);
            // After the end of the connection the sender is dropped: the stream is lost.
            if !waiting.closed {
                waiting.readers.insert(key, sender);
            }
            let claim = Claim { expected: Arc::clone(self), key };
            let held = self.held.as_ref().map(Held::another);
            streams.push(unfold(Incoming::Waiting { arrived, claim, held }, Incoming::next));
        }
        streams
    }

    /// A stream has arrived. One that nobody waits for any more is dropped, which stops its producer.
    pub(super) fn arrived(&self, call: u64, number: u16, reader: Reader) {
        let waiting = self.lock().readers.remove(&(call, number));
        if let Some(waiting) = waiting {
            // The stream's reader may have gone in this very moment.
            let _ = waiting.send(reader);
        }
    }

    /// The call was given up by its caller: its streams that have not arrived may never begin.
    pub(super) fn give_up(&self, call: u64) {
        let mut waiting = self.lock();
        let of_call = waiting.readers.range((call, 0)..=(call, u16::MAX));
        let keys: Vec<_> = of_call.map(|(key, _)| *key).collect();
        for key in keys {
            waiting.readers.remove(&key);
        }
    }

    /// The connection has ended: what has not arrived is lost.
    pub(super) fn close(&self) {
        let mut waiting = self.lock();
        waiting.closed = true;
        waiting.readers.clear();
    }

    /// How many have not arrived.
    pub(super) fn count(&self) -> usize {
        self.lock().readers.len()
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Nothing panics while it holds the lock.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends the wait for a stream when its reader is dropped.
struct Claim {
    expected: Arc<Expected>,
    key: Key,
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.expected.lock().readers.remove(&self.key);
    }
}

/// Reads the first frame of a stream: whose it is. That is a header and nothing else, so that a stream
/// which nobody has taken yet makes us keep no more.
pub(super) async fn accept(stream: RecvStream) -> Result<(Header, Reader), ReadError> {
    let mut stream = ReceiveHalf::Quic(stream);
    let mut decoder = FrameDecoder::new(HEADER_BYTES);
    let first = next_frame(&mut stream, &mut decoder).await?;
    match first {
        Some(frame) if frame.header.kind == Kind::Stream => {
            decoder.allow(FRAME_BYTES_MAX);
            Ok((frame.header, Reader { stream, decoder }))
        }
        Some(_) | None => Err(ReadError::Unexpected),
    }
}

/// A stream as its reader sees it.
enum Incoming {
    Waiting { arrived: oneshot::Receiver<Reader>, claim: Claim, held: Option<Held> },
    Reading(Reader, Option<Held>),
    Ended,
}

impl Incoming {
    async fn next(self) -> Option<(Encoded, Self)> {
        let (mut reader, mut held) = match self {
            Self::Waiting { arrived, claim: _claim, held } => match arrived.await {
                Ok(reader) => (reader, held),
                Err(_) => {
                    let reason =
                        "the call was given up, or the connection was lost, before it began";
                    return Some((Err(lost(reason)), Self::Ended));
                }
            },
            Self::Reading(reader, held) => (reader, held),
            Self::Ended => return None,
        };
        let Reader { stream, decoder } = &mut reader;
        let next = match &mut held {
            Some(held) => next_frame_held(stream, decoder, held).await,
            None => next_frame(stream, decoder).await,
        };
        let frame = match next {
            Ok(frame) => frame?,
            Err(error) => return Some((Err(failure(&error)), Self::Ended)),
        };
        Some(match frame.header.kind {
            Kind::Item => (Ok(frame.message), Self::Reading(reader, held)),
            Kind::Failed => {
                let failure = frame.message.decode(Ran::Unknown).unwrap_or_else(|failure| failure);
                (Err(failure), Self::Ended)
            }
            _ => (Err(failure(&ReadError::Unexpected)), Self::Ended),
        })
    }
}

/// What the reader learns when a stream breaks off.
fn failure(error: &ReadError) -> Failure {
    match error {
        ReadError::Stream(QuicReadError::Reset(RESET_DRAINING)) => draining(),
        ReadError::Stream(QuicReadError::ConnectionLost(ConnectionError::ApplicationClosed(
            it,
        ))) if it.error_code == CLOSED_DONE => draining(),
        ReadError::Stream(QuicReadError::Reset(_)) => lost("its producer was stopped"),
        ReadError::Stream(QuicReadError::ConnectionLost(ConnectionError::LocallyClosed)) => {
            lost("the connection to its producer was given up")
        }
        ReadError::Stream(QuicReadError::ConnectionLost(why)) => {
            lost(&format!("the connection to its producer was lost ({why})"))
        }
        ReadError::Refused(refusal) => {
            Failure::new(CallErrorKind::Refused(refusal.clone()), Ran::Yes)
        }
        error => lost(&error.to_string()),
    }
}

fn draining() -> Failure {
    Failure::new(CallErrorKind::Draining, Ran::Yes)
}

fn lost(reason: &str) -> Failure {
    let reason = format!("a stream broke off: {reason}");
    CallErrorKind::OutcomeUnknown { reason }.into()
}

/// A stream that this side produces.
pub(super) struct Outgoing {
    pub(super) quic: quinn::Connection,
    pub(super) call: u64,
    pub(super) number: u16,
    pub(super) items: ByteStream,
    /// Its place among the streams of the connection.
    pub(super) place: Counted,
}

impl Outgoing {
    /// Produces and writes until the end, until the reader stops reading, or until `draining`.
    pub(super) async fn run(self, draining: impl Future<Output = ()>) {
        let Self { quic, call, number, mut items, place } = self;
        let mut draining = std::pin::pin!(draining);
        // The reader's node may let none begin for as long as it likes.
        let opened = tokio::select! {
            opened = quic.open_bi() => opened,
            () = &mut draining => return,
        };
        // Its other direction is not used.
        let Ok((send, _)) = opened else { return };
        let stopped = send.stopped();
        let mut unfinished = Unfinished(Some(send));
        let cut_short = tokio::select! {
            () = unfinished.write(call, number, &mut items) => false,
            // The reader is gone, or has everything.
            _ = stopped => false,
            () = draining => true,
        };
        // What the author's stream holds is free now, not when everything has arrived.
        drop(items);
        let Some(mut send) = unfinished.0.take() else { return };
        if cut_short {
            // The error means that it has ended in another way.
            let _ = send.reset(RESET_DRAINING);
        } else if send.finish().is_ok() {
            // An error means that the connection is gone.
            let _ = send.stopped().await;
        }
        drop(place);
    }
}

/// A stream that is still written. QUIC finishes a stream that is dropped, so that a part would pass for
/// the whole when the producer's runtime ends or its task is stopped.
struct Unfinished(Option<SendStream>);

impl Unfinished {
    async fn write(&mut self, call: u64, number: u16, items: &mut ByteStream) {
        if let Some(send) = &mut self.0 {
            write(send, call, number, items).await;
        }
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(mut send) = self.0.take() {
            // The error means that it has ended in another way.
            let _ = send.reset(RESET_STOPPED);
        }
    }
}

async fn write(send: &mut SendStream, call: u64, number: u16, items: &mut ByteStream) {
    let first = Header { component: number, ..Header::new(Kind::Stream, call) };
    if send.write_chunk(first.alone().into_bytes()).await.is_err() {
        return;
    }
    loop {
        let (mut batch, is_last) = poll_fn(|cx| poll_batch(items, call, cx)).await;
        // An error means that the reader or the connection is gone.
        if send.write_all_chunks(&mut batch).await.is_err() || is_last {
            return;
        }
        tokio::task::coop::consume_budget().await;
    }
}

/// What is ready, once something is, and whether it is the end.
fn poll_batch(
    items: &mut ByteStream,
    call: u64,
    cx: &mut Context<'_>,
) -> Poll<(Vec<bytes::Bytes>, bool)> {
    let mut batch = Batch::default();
    while batch.bytes() < BATCH_BYTES {
        match items.as_mut().poll_next(cx) {
            Poll::Ready(Some(Ok(item))) => {
                batch.push(&mut Header::new(Kind::Item, call).onto(item))
            }
            Poll::Ready(Some(Err(failure))) => {
                // A failure is text of a bounded length, and always encodes.
                if let Ok(message) = Message::encode(&failure, failure.ran) {
                    batch.push(&mut Header::new(Kind::Failed, call).onto(message));
                }
                return Poll::Ready((batch.take(), true));
            }
            Poll::Ready(None) => return Poll::Ready((batch.take(), true)),
            Poll::Pending if batch.bytes() == 0 => return Poll::Pending,
            Poll::Pending => break,
        }
    }
    Poll::Ready((batch.take(), false))
}
