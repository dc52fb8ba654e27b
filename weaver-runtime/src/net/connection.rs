//! [`Connection`]: the caller's side of a connection to one node.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use quinn::{RecvStream, SendStream};
use tokio::sync::oneshot;

use super::{
    endpoint::{CLOSED_PROTOCOL, ConnectError},
    handshake::{self, Hello, Welcome},
    io::Io,
    outbox::{NotQueued, Outbox},
    wire::{FRAME_BYTES_MAX, Frame, FrameDecoder, Header, Kind, SHARED_FRAME_BYTES_MAX, WireError},
};
use crate::{
    error::{CallErrorKind, Failure, Ran, Refusal},
    fingerprint::Signature,
    message::Message,
};

/// Calls that may wait for their answer on one connection. Far above what a node carries with short
/// handlers (tens of thousands of calls a second), and a bound on memory when a callee hangs.
pub const CALLS_IN_FLIGHT_MAX: usize = 65_536;

/// The caller's side of a connection.
#[derive(Debug)]
pub struct Connection {
    quic: quinn::Connection,
    outbox: Arc<Outbox>,
    waiting: Waiting,
    ids: AtomicU64,
    /// The callee said that it takes no new calls.
    going_away: AtomicBool,
    io: Io,
}

/// What became of a call that was handed to a connection.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The callee answered.
    Answered(Result<Message, Failure>),
    /// Nothing left this process: the message can be sent elsewhere.
    NotSent(Message),
}

impl Connection {
    /// Shakes hands and starts the tasks that write and read.
    pub(super) async fn open(
        quic: quinn::Connection,
        hello: &Hello,
        ours: &[Signature],
        io: Io,
    ) -> Result<Arc<Self>, ConnectError> {
        let address = quic.remote_address();
        let protocol = |reason: String| ConnectError::Protocol { address, reason };
        let failed = |source| ConnectError::Connect { address, source };
        let (mut send, mut receive) = quic.open_bi().await.map_err(failed)?;
        let first = handshake::frame(Kind::Hello, hello)
            .map_err(|failure| protocol(failure.kind.to_string()))?;
        send.write_chunk(first).await.map_err(|error| protocol(error.to_string()))?;
        let mut decoder = FrameDecoder::new(SHARED_FRAME_BYTES_MAX);
        let answer = next_frame(&mut receive, &mut decoder)
            .await
            .map_err(|error| protocol(error.to_string()))?;
        let welcome: Welcome = answer
            .and_then(|frame| handshake::parse(&frame, Kind::Welcome))
            .ok_or_else(|| protocol("it closed instead of answering".to_owned()))?;
        if let Some(difference) = welcome.difference(ours) {
            quic.close(CLOSED_PROTOCOL, b"another build");
            return Err(ConnectError::WrongVersion { address, difference });
        }
        let connection = Self::new(quic, io);
        connection.start(send, receive, decoder);
        Ok(connection)
    }

    fn new(quic: quinn::Connection, io: Io) -> Arc<Self> {
        Arc::new(Self {
            quic,
            outbox: Arc::default(),
            waiting: Waiting::default(),
            ids: AtomicU64::new(1),
            going_away: AtomicBool::new(false),
            io,
        })
    }

    /// Starts the tasks of the connection; all of them end with it.
    fn start(self: &Arc<Self>, send: SendStream, receive: RecvStream, decoder: FrameDecoder) {
        self.io.spawn(write(send, Arc::clone(&self.outbox)));
        self.io.spawn(Arc::clone(self).read(receive, decoder));
        self.io.spawn(Arc::clone(self).read_large());
    }

    /// Whether the connection has ended.
    pub(super) fn is_closed(&self) -> bool {
        self.quic.close_reason().is_some()
    }

    /// Whether new calls can be sent.
    pub(super) fn is_open(&self) -> bool {
        !self.going_away.load(Ordering::Relaxed) && self.quic.close_reason().is_none()
    }

    /// Calls that wait for their answer.
    pub(super) fn calls_in_flight(&self) -> usize {
        self.waiting.count.load(Ordering::Relaxed)
    }

    /// Closes the connection; calls in flight fail with "outcome unknown".
    pub(super) fn close(&self, code: quinn::VarInt, reason: &str) {
        self.quic.close(code, reason.as_bytes());
    }

    /// One call. Dropping the future gives the call up and tells the callee so.
    pub(super) async fn call(&self, component: u16, method: u16, message: Message) -> Outcome {
        if !self.is_open() {
            return Outcome::NotSent(message);
        }
        let call = self.ids.fetch_add(1, Ordering::Relaxed);
        let answer = match self.waiting.add(call) {
            Ok(answer) => answer,
            Err(NotAdded::Closed) => return Outcome::NotSent(message),
            Err(NotAdded::Full) => return Outcome::Answered(Err(overloaded())),
        };
        let interest = Interest { connection: self, call };
        let frame = Header { kind: Kind::Request, call, component, method }.onto(message);
        // The same buffer, for the case that nobody has run it.
        let unsent = Message::from_frame(frame.clone());
        let answer = match self.send(frame) {
            Ok(()) => answer.await.unwrap_or_else(|_| Err(self.lost())),
            Err(failure) => Err(failure),
        };
        drop(interest);
        match (answer, unsent) {
            (Err(Failure { kind: CallErrorKind::Draining, ran: Ran::No }), Some(message)) => {
                Outcome::NotSent(message)
            }
            (answer, _) => Outcome::Answered(answer),
        }
    }

    fn send(&self, frame: Bytes) -> Result<(), Failure> {
        if frame.len() > SHARED_FRAME_BYTES_MAX {
            let write = write_large(self.quic.clone(), frame, Arc::clone(&self.outbox));
            return write.map(|write| self.io.spawn(write)).map_err(|n| not_sent(&n));
        }
        self.outbox.send(frame).map_err(|not_queued| not_sent(&not_queued))
    }

    async fn read(self: Arc<Self>, mut stream: RecvStream, mut decoder: FrameDecoder) {
        let reason = loop {
            match next_frame(&mut stream, &mut decoder).await {
                Ok(Some(frame)) => self.take(frame),
                Ok(None) => break "the callee closed the connection".to_owned(),
                Err(error) => break error.to_string(),
            }
        };
        // For a connection that is closed already this does nothing.
        self.quic.close(CLOSED_PROTOCOL, reason.as_bytes());
        self.outbox.close();
        self.waiting.fail_all(&self.lost());
    }

    /// Answers above the size of a shared frame come on streams of their own.
    async fn read_large(self: Arc<Self>) {
        while let Ok(stream) = self.quic.accept_uni().await {
            let connection = Arc::clone(&self);
            self.io.spawn(async move {
                match read_large(stream).await {
                    Ok(Some(frame)) => connection.take(frame),
                    Ok(None) => {}
                    // Whose answer it was is not known: no caller may wait for it for ever.
                    Err(error) => {
                        connection.quic.close(CLOSED_PROTOCOL, error.to_string().as_bytes());
                    }
                }
            });
        }
    }

    fn take(&self, frame: Frame) {
        let Header { kind, call, .. } = frame.header;
        match kind {
            Kind::Reply => self.waiting.finish(call, Ok(frame.message)),
            Kind::Failed => {
                let failure = frame.message.decode(Ran::Unknown).unwrap_or_else(|failure| failure);
                self.waiting.finish(call, Err(failure));
            }
            Kind::GoAway => self.going_away.store(true, Ordering::Relaxed),
            Kind::Hello | Kind::Welcome | Kind::Request | Kind::Cancel => {
                self.quic.close(CLOSED_PROTOCOL, b"a frame that only a caller sends");
            }
        }
    }

    /// What becomes of calls in flight when the connection ends.
    fn lost(&self) -> Failure {
        let address = self.quic.remote_address();
        let reason = match self.quic.close_reason() {
            Some(reason) => format!("the connection to {address} was lost: {reason}"),
            None => format!("the connection to {address} was lost"),
        };
        CallErrorKind::OutcomeUnknown { reason }.into()
    }
}

fn not_sent(reason: &NotQueued) -> Failure {
    match reason {
        NotQueued::Full => overloaded(),
        // The connection is about to be replaced: the call goes elsewhere.
        NotQueued::Closed => CallErrorKind::Draining.into(),
    }
}

fn overloaded() -> Failure {
    let calls_in_flight_max = CALLS_IN_FLIGHT_MAX;
    CallErrorKind::Refused(Refusal::Overloaded { calls_in_flight_max }).into()
}

/// Removes the call when its caller stops waiting, and then tells the callee.
struct Interest<'a> {
    connection: &'a Connection,
    call: u64,
}

impl Drop for Interest<'_> {
    fn drop(&mut self) {
        if self.connection.waiting.remove(self.call).is_some() {
            let cancel = Header::new(Kind::Cancel, self.call).onto(Message::empty());
            // A full or closed outbox means that the callee will learn it otherwise.
            let _ = self.connection.outbox.send(cancel);
        }
    }
}

/// The calls that wait for an answer. Ids are never used twice, so that a late answer meets nobody.
#[derive(Debug, Default)]
struct Waiting {
    calls: Mutex<Calls>,
    count: AtomicUsize,
}

type Answer = oneshot::Sender<Result<Message, Failure>>;

#[derive(Debug, Default)]
struct Calls {
    answers: HashMap<u64, Answer>,
    closed: bool,
}

enum NotAdded {
    Closed,
    Full,
}

impl Waiting {
    fn add(&self, call: u64) -> Result<oneshot::Receiver<Result<Message, Failure>>, NotAdded> {
        let mut calls = self.lock();
        if calls.closed {
            return Err(NotAdded::Closed);
        }
        if calls.answers.len() >= CALLS_IN_FLIGHT_MAX {
            return Err(NotAdded::Full);
        }
        let (answer, waiting) = oneshot::channel();
        calls.answers.insert(call, answer);
        self.count.store(calls.answers.len(), Ordering::Relaxed);
        Ok(waiting)
    }

    fn remove(&self, call: u64) -> Option<Answer> {
        let mut calls = self.lock();
        let answer = calls.answers.remove(&call);
        self.count.store(calls.answers.len(), Ordering::Relaxed);
        answer
    }

    fn finish(&self, call: u64, result: Result<Message, Failure>) {
        if let Some(answer) = self.remove(call) {
            // The caller may have stopped waiting in this very moment.
            let _ = answer.send(result);
        }
    }

    fn fail_all(&self, failure: &Failure) {
        let answers = {
            let mut calls = self.lock();
            calls.closed = true;
            self.count.store(0, Ordering::Relaxed);
            std::mem::take(&mut calls.answers)
        };
        for answer in answers.into_values() {
            // As in `finish`.
            let _ = answer.send(Err(failure.clone()));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Calls> {
        // Nothing panics while it holds the lock.
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a stream of frames ended early.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    #[error(transparent)]
    Stream(#[from] quinn::ReadError),
    #[error(transparent)]
    Frame(#[from] WireError),
    #[error("the stream ended inside a frame")]
    Cut,
}

/// The next frame of a stream; `None` at its end.
pub(super) async fn next_frame(
    stream: &mut RecvStream,
    decoder: &mut FrameDecoder,
) -> Result<Option<Frame>, ReadError> {
    loop {
        if let Some(frame) = decoder.next()? {
            return Ok(Some(frame));
        }
        match stream.read_chunk(usize::MAX, true).await? {
            Some(chunk) => decoder.push(chunk.bytes),
            None if decoder.is_between_frames() => return Ok(None),
            None => return Err(ReadError::Cut),
        }
    }
}

/// The one frame of a stream that carries a large one.
pub(super) async fn read_large(mut stream: RecvStream) -> Result<Option<Frame>, ReadError> {
    next_frame(&mut stream, &mut FrameDecoder::new(FRAME_BYTES_MAX)).await
}

/// The single writer of a stream: one write for everything that was queued meanwhile.
pub(super) async fn write(mut stream: SendStream, outbox: Arc<Outbox>) {
    while let Some(mut batch) = outbox.take().await {
        if stream.write_all_chunks(&mut batch).await.is_err() {
            outbox.close();
            return;
        }
    }
    // An error means that the stream is gone, which is what was wanted.
    if stream.finish().is_ok() {
        let _ = stream.stopped().await;
    }
}

/// Sends one large frame on a stream of its own, once the future is run.
pub(super) fn write_large(
    quic: quinn::Connection,
    frame: Bytes,
    outbox: Arc<Outbox>,
) -> Result<impl Future<Output = ()> + Send, NotQueued> {
    let place = Outbox::reserve_large(outbox, frame.len())?;
    Ok(async move {
        let Ok(mut stream) = quic.open_uni().await else { return };
        if stream.write_chunk(frame).await.is_ok() && stream.finish().is_ok() {
            // As in `write`.
            let _ = stream.stopped().await;
        }
        drop(place);
    })
}
