//! Flows: streams, and the bytes of connections, over a link. Their reader says how much may come.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use tokio::task::AbortHandle;

use super::{BadFrame, Outgoing};
use crate::{
    error::{CallErrorKind, Failure, Load, Ran, Refusal},
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
    /// What may be unread in all of them.
    bytes_max: usize,
    books: Mutex<Books>,
}

#[derive(Default)]
struct Books {
    incoming: HashMap<Id, Incoming>,
    outgoing: HashMap<Id, Sending>,
    unread_bytes: usize,
    closed: Option<Failure>,
}

/// What has come and was not read.
#[derive(Default)]
struct Incoming {
    is_connection: bool,
    items: VecDeque<Encoded>,
    unread_bytes: usize,
    has_ended: bool,
    /// Bytes that were read since the writer was last told.
    read_bytes: usize,
    waker: Option<Waker>,
}

/// What may still be sent.
struct Sending {
    is_connection: bool,
    /// Below zero after an item that was longer than there was room for.
    credit: i64,
    waker: Option<Waker>,
    /// Its producer.
    task: Option<AbortHandle>,
}

/// What is in the books.
#[cfg(test)]
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) incoming: usize,
    pub(super) outgoing: usize,
    pub(super) unread_bytes: usize,
}

impl Flows {
    pub(super) fn new(out: Arc<Outgoing>, bytes_max: usize) -> Self {
        Self { out, bytes_max, books: Mutex::default() }
    }

    /// Whether the other side may write so many streams more.
    pub(super) fn check_incoming(&self, more: u8, max: usize, ran: Ran) -> Result<(), Failure> {
        let books = self.lock();
        let streams = books.incoming.values().filter(|flow| !flow.is_connection).count();
        check(streams + usize::from(more), max, ran)
    }

    /// Whether we may write so many streams more.
    pub(super) fn check_outgoing(&self, more: usize, max: usize, ran: Ran) -> Result<(), Failure> {
        if more == 0 {
            return Ok(());
        }
        let books = self.lock();
        let streams = books.outgoing.values().filter(|flow| !flow.is_connection).count();
        check(streams + more, max, ran)
    }

    #[cfg(test)]
    pub(super) fn counts(&self) -> Counts {
        let books = self.lock();
        let (incoming, outgoing) = (books.incoming.len(), books.outgoing.len());
        Counts { incoming, outgoing, unread_bytes: books.unread_bytes }
    }

    /// Nobody reads the streams that a message announces.
    pub(super) fn refuse(&self, call: u64, count: u8) {
        let stop = |number| Header { component: number, ..Header::new(Kind::Stop, call) };
        let mut frames = Vec::new();
        (0..u16::from(count)).for_each(|it| frames.extend_from_slice(stop(it).alone().as_slice()));
        if !frames.is_empty() {
            self.out.push_notice(&frames);
        }
    }

    /// Both directions of a connection.
    pub(super) fn connection(self: &Arc<Self>, id: u64) -> (FlowReader, FlowWriter) {
        (self.reader(id, 0, true), self.writer(id, 0, true))
    }

    /// The streams that a message announces.
    pub(super) fn announced(self: &Arc<Self>, call: u64, count: u8) -> Streams {
        let mut streams = Streams::default();
        for number in 0..u16::from(count) {
            streams.push(Box::pin(self.reader(call, number, false)));
        }
        streams
    }

    fn reader(self: &Arc<Self>, call: u64, number: u16, is_connection: bool) -> FlowReader {
        let mut books = self.lock();
        if books.closed.is_none() {
            let incoming = Incoming { is_connection, ..Incoming::default() };
            books.incoming.insert((call, number), incoming);
        }
        drop(books);
        FlowReader { flows: Arc::clone(self), id: (call, number), is_done: false }
    }

    fn writer(self: &Arc<Self>, call: u64, number: u16, is_connection: bool) -> FlowWriter {
        let mut books = self.lock();
        if books.closed.is_none() {
            let credit = WINDOW_BYTES as i64;
            let sending = Sending { is_connection, credit, waker: None, task: None };
            books.outgoing.insert((call, number), sending);
        }
        drop(books);
        FlowWriter { flows: Arc::clone(self), id: (call, number), is_done: false }
    }

    /// Sends the streams of a message, each as fast as its reader reads.
    pub(super) fn produce(self: &Arc<Self>, call: u64, streams: Vec<ByteStream>) {
        for (number, items) in (0..).zip(streams) {
            let writer = self.writer(call, number, false);
            let task = tokio::spawn(produce(writer, items)).abort_handle();
            if let Some(sending) = self.lock().outgoing.get_mut(&(call, number)) {
                sending.task = Some(task);
            }
        }
    }

    pub(super) fn item(&self, call: u64, number: u16, item: Message) -> Result<(), BadFrame> {
        let (mut books, bytes) = (self.lock(), item.frame_bytes());
        let all = books.unread_bytes + bytes;
        // Its reader may have gone; the writer hears of it.
        let Some(incoming) = books.incoming.get_mut(&(call, number)) else { return Ok(()) };
        if incoming.has_ended {
            return Ok(());
        }
        if incoming.unread_bytes >= WINDOW_BYTES {
            let reason = "an item of a stream without having room for it";
            return Err(BadFrame(reason.to_owned()));
        }
        if all > self.bytes_max {
            let load = Load::Bytes { bytes: all, bytes_max: self.bytes_max };
            drop(books);
            self.end(call, number, Some(load.into()));
            self.say(Kind::Stop, (call, number), 0);
            return Ok(());
        }
        incoming.items.push_back(Ok(item));
        incoming.unread_bytes += bytes;
        let waker = incoming.waker.take();
        books.unread_bytes = all;
        drop(books);
        waker.into_iter().for_each(Waker::wake);
        Ok(())
    }

    /// The end, after a failure of the way if the message holds one.
    pub(super) fn ended(&self, call: u64, number: u16, message: Message) {
        let failure = (message.frame_bytes() > HEADER_BYTES)
            .then(|| message.decode::<Failure>(Ran::Yes).unwrap_or_else(|failure| failure));
        self.end(call, number, failure);
    }

    fn end(&self, call: u64, number: u16, failure: Option<Failure>) {
        let mut books = self.lock();
        let Some(incoming) = books.incoming.get_mut(&(call, number)) else { return };
        if std::mem::replace(&mut incoming.has_ended, true) {
            return;
        }
        incoming.items.extend(failure.map(Err));
        let waker = incoming.waker.take();
        drop(books);
        waker.into_iter().for_each(Waker::wake);
    }

    pub(super) fn credit(&self, call: u64, number: u16, bytes: usize) {
        let mut books = self.lock();
        let Some(sending) = books.outgoing.get_mut(&(call, number)) else { return };
        let credit = sending.credit.saturating_add_unsigned(bytes as u64);
        sending.credit = credit.min(WINDOW_BYTES as i64);
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

fn check(streams: usize, streams_max: usize, ran: Ran) -> Result<(), Failure> {
    if streams > streams_max {
        let refusal = Refusal::TooManyStreams { streams, streams_max };
        return Err(Failure::new(CallErrorKind::Refused(refusal), ran));
    }
    Ok(())
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
        let bytes = item.as_ref().map_or(0, Message::frame_bytes);
        incoming.unread_bytes -= bytes;
        incoming.read_bytes += bytes;
        let mut told = 0;
        if incoming.read_bytes >= WINDOW_BYTES / 2 && !incoming.has_ended {
            told = std::mem::take(&mut incoming.read_bytes);
        }
        books.unread_bytes -= bytes;
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
        let incoming = {
            let mut books = self.flows.lock();
            let incoming = books.incoming.remove(&self.id);
            books.unread_bytes -= incoming.as_ref().map_or(0, |incoming| incoming.unread_bytes);
            incoming
        };
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
        if sending.credit <= 0 {
            sending.waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        drop(books);
        self.flows.out.poll_room(cx).map(Ok)
    }

    /// Writes an item. The reader has room for it once [`poll_ready`](Self::poll_ready) says so; the last
    /// may be larger than that.
    pub(crate) fn send(&self, item: Message) {
        let bytes = item.frame_bytes();
        if let Some(sending) = self.flows.lock().outgoing.get_mut(&self.id) {
            sending.credit = sending.credit.saturating_sub_unsigned(bytes as u64);
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
