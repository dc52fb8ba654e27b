//! Flows: streams, and the bytes of connections, over a link. Their reader says how much may come.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use tokio::task::AbortHandle;

use super::Outgoing;
use crate::{
    error::{Failure, Ran},
    limits::STREAM_WINDOW_BYTES,
    message::{HEADER_BYTES, Message},
    stream::{ByteStream, Encoded, Streams},
    wire::{Header, Kind},
};

/// What one flow may have unread.
const WINDOW_BYTES: usize = STREAM_WINDOW_BYTES as usize;

/// A flow: its call, or connection, and its number there.
type Id = (u64, u16);

/// The flows of one link.
pub(super) struct Flows {
    out: Arc<Outgoing>,
    books: Mutex<Books>,
}

#[derive(Default)]
struct Books {
    incoming: HashMap<Id, Incoming>,
    outgoing: HashMap<Id, Sending>,
    closed: Option<Failure>,
}

/// What has come and was not read.
#[derive(Default)]
struct Incoming {
    items: VecDeque<Encoded>,
    has_ended: bool,
    /// Bytes that were read since the writer was last told.
    read_bytes: usize,
    waker: Option<Waker>,
}

/// What may still be sent.
struct Sending {
    credit: usize,
    waker: Option<Waker>,
    /// Its producer.
    task: Option<AbortHandle>,
}

impl Flows {
    pub(super) fn new(out: Arc<Outgoing>) -> Self {
        Self { out, books: Mutex::default() }
    }

    /// Flows that the other side writes.
    pub(super) fn incoming(&self) -> usize {
        self.lock().incoming.len()
    }

    /// The streams that a message announces.
    pub(super) fn announced(self: &Arc<Self>, call: u64, count: u8) -> Streams {
        let mut streams = Streams::default();
        for number in 0..u16::from(count) {
            streams.push(Box::pin(self.reader(call, number)));
        }
        streams
    }

    pub(super) fn reader(self: &Arc<Self>, call: u64, number: u16) -> FlowReader {
        let mut books = self.lock();
        if books.closed.is_none() {
            books.incoming.insert((call, number), Incoming::default());
        }
        drop(books);
        FlowReader { flows: Arc::clone(self), id: (call, number), is_done: false }
    }

    pub(super) fn writer(self: &Arc<Self>, call: u64, number: u16) -> FlowWriter {
        let mut books = self.lock();
        if books.closed.is_none() {
            let sending = Sending { credit: WINDOW_BYTES, waker: None, task: None };
            books.outgoing.insert((call, number), sending);
        }
        drop(books);
        FlowWriter { flows: Arc::clone(self), id: (call, number), is_done: false }
    }

    /// Sends the streams of a message, each as fast as its reader reads.
    pub(super) fn produce(self: &Arc<Self>, call: u64, streams: Vec<ByteStream>) {
        for (number, items) in (0..).zip(streams) {
            let writer = self.writer(call, number);
            let task = tokio::spawn(produce(writer, items)).abort_handle();
            if let Some(sending) = self.lock().outgoing.get_mut(&(call, number)) {
                sending.task = Some(task);
            }
        }
    }

    pub(super) fn item(&self, call: u64, number: u16, item: Encoded) {
        let mut books = self.lock();
        // Its reader may have gone; the writer hears of it.
        let Some(incoming) = books.incoming.get_mut(&(call, number)) else { return };
        incoming.items.push_back(item);
        let waker = incoming.waker.take();
        drop(books);
        waker.into_iter().for_each(Waker::wake);
    }

    /// The end, after a failure of the way if the message holds one.
    pub(super) fn ended(&self, call: u64, number: u16, message: Message) {
        if message.frame_bytes() > HEADER_BYTES {
            let failure = message.decode::<Failure>(Ran::Yes).unwrap_or_else(|failure| failure);
            self.item(call, number, Err(failure));
        }
        let mut books = self.lock();
        let Some(incoming) = books.incoming.get_mut(&(call, number)) else { return };
        incoming.has_ended = true;
        let waker = incoming.waker.take();
        drop(books);
        waker.into_iter().for_each(Waker::wake);
    }

    pub(super) fn credit(&self, call: u64, number: u16, bytes: usize) {
        let mut books = self.lock();
        let Some(sending) = books.outgoing.get_mut(&(call, number)) else { return };
        sending.credit = sending.credit.saturating_add(bytes).min(WINDOW_BYTES);
        let waker = sending.waker.take();
        drop(books);
        waker.into_iter().for_each(Waker::wake);
    }

    pub(super) fn stop(&self, call: u64, number: u16) {
        let sending = self.lock().outgoing.remove(&(call, number));
        if let Some(Sending { waker, task, .. }) = sending {
            waker.into_iter().for_each(Waker::wake);
            task.into_iter().for_each(|task| task.abort());
        }
    }

    /// All flows end: those that are read, with a failure.
    pub(super) fn close(&self, failure: &Failure) {
        let (wakers, tasks) = {
            let mut books = self.lock();
            books.closed = Some(failure.clone());
            let mut wakers = Vec::new();
            for incoming in books.incoming.values_mut().filter(|incoming| !incoming.has_ended) {
                incoming.items.push_back(Err(failure.clone()));
                incoming.has_ended = true;
                wakers.extend(incoming.waker.take());
            }
            let mut tasks = Vec::new();
            for (_, sending) in books.outgoing.drain() {
                wakers.extend(sending.waker);
                tasks.extend(sending.task);
            }
            (wakers, tasks)
        };
        wakers.into_iter().for_each(Waker::wake);
        tasks.into_iter().for_each(|task| task.abort());
    }

    fn say(&self, kind: Kind, id: Id, bytes: usize) {
        let time_left_ms = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.out.push_header(Header { component: id.1, time_left_ms, ..Header::new(kind, id.0) });
    }

    fn lock(&self) -> MutexGuard<'_, Books> {
        // Nothing panics while it holds the lock.
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn produce(mut writer: FlowWriter, mut items: ByteStream) {
    while let Some(item) = std::future::poll_fn(|cx| items.as_mut().poll_next(cx)).await {
        match item {
            Ok(message) => {
                if writer.write(message).await.is_err() {
                    return;
                }
            }
            Err(failure) => return writer.end(Some(&failure)),
        }
    }
    writer.end(None);
}

/// The end of a flow that is read. Dropping it stops the writer.
#[derive(Debug)]
pub(crate) struct FlowReader {
    flows: Arc<Flows>,
    id: Id,
    is_done: bool,
}

impl futures_core::Stream for FlowReader {
    type Item = Encoded;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Encoded>> {
        let (id, mut books) = (self.id, self.flows.lock());
        let Some(incoming) = books.incoming.get_mut(&id) else { return Poll::Ready(None) };
        let Some(item) = incoming.items.pop_front() else {
            if !incoming.has_ended {
                incoming.waker = Some(cx.waker().clone());
                return Poll::Pending;
            }
            books.incoming.remove(&id);
            drop(books);
            self.is_done = true;
            return Poll::Ready(None);
        };
        incoming.read_bytes += item.as_ref().map_or(0, Message::frame_bytes);
        let mut told = 0;
        if incoming.read_bytes >= WINDOW_BYTES / 2 && !incoming.has_ended {
            told = std::mem::take(&mut incoming.read_bytes);
        }
        drop(books);
        if told > 0 {
            self.flows.say(Kind::Credit, id, told);
        }
        Poll::Ready(Some(item))
    }
}

impl Drop for FlowReader {
    fn drop(&mut self) {
        if self.is_done {
            return;
        }
        let incoming = self.flows.lock().incoming.remove(&self.id);
        if incoming.is_some_and(|incoming| !incoming.has_ended) {
            self.flows.say(Kind::Stop, self.id, 0);
        }
    }
}

/// The end of a flow that is written. Dropping it ends the flow.
#[derive(Debug)]
pub(crate) struct FlowWriter {
    flows: Arc<Flows>,
    id: Id,
    is_done: bool,
}

/// Nobody reads a flow any more.
#[derive(Debug)]
pub(crate) struct Stopped;

impl FlowWriter {
    /// Waits until the reader has room for more.
    pub(crate) fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), Stopped>> {
        let mut books = self.flows.lock();
        let Some(sending) = books.outgoing.get_mut(&self.id) else {
            return Poll::Ready(Err(Stopped));
        };
        if sending.credit == 0 {
            sending.waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    /// Writes an item. The reader has room for it once [`poll_ready`](Self::poll_ready) says so; the last
    /// may be larger than that.
    pub(crate) fn send(&self, item: Message) {
        let bytes = item.frame_bytes();
        if let Some(sending) = self.flows.lock().outgoing.get_mut(&self.id) {
            sending.credit = sending.credit.saturating_sub(bytes);
        }
        let header = Header { component: self.id.1, ..Header::new(Kind::Item, self.id.0) };
        self.flows.out.push(header.onto(item).as_slice());
    }

    async fn write(&self, item: Message) -> Result<(), Stopped> {
        std::future::poll_fn(|cx| self.poll_ready(cx)).await?;
        self.send(item);
        Ok(())
    }

    /// Ends the flow, with a failure of the way as its last item if there is one.
    pub(crate) fn end(&mut self, failure: Option<&Failure>) {
        if std::mem::replace(&mut self.is_done, true) {
            return;
        }
        if self.flows.lock().outgoing.remove(&self.id).is_none() {
            return;
        }
        let message = failure.and_then(|failure| Message::encode(failure, Ran::Yes).ok());
        let message = message.unwrap_or_else(Message::empty);
        let header = Header { component: self.id.1, ..Header::new(Kind::Ended, self.id.0) };
        self.flows.out.push(header.onto(message).as_slice());
    }
}

impl Drop for FlowWriter {
    fn drop(&mut self) {
        self.end(None);
    }
}

impl fmt::Debug for Flows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Flows")
    }
}
