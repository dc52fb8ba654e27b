//! [`Connection`]: the caller's side of a connection to one node.

use std::{
    fmt,
    future::Future,
    io,
    iter::Sum,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use rustc_hash::FxHashMap;
use tokio::{
    runtime::Handle,
    sync::oneshot,
    task::JoinSet,
    time::{Instant, timeout, timeout_at},
};

use super::{
    endpoint::{CLOSED_DONE, CLOSED_PROTOCOL, ConnectError},
    gate::Held,
    halves::{Progress, ReceiveHalf, SendHalf},
    handshake::{self, Hello, Welcome},
    io::Io,
    lane::Lane,
    local::{self, Arrivals, Door, LocalSocket, Neighbour, Purpose},
    outbox::{NotQueued, Outbox},
    streaming::{self, Expected, Outgoing, Reader},
    tally::{Counted, Tally},
};
use crate::{
    context::CallContext,
    error::{CallErrorKind, Failure, Load, Ran, Refusal},
    fingerprint::Signature,
    limits::{CALLS_IN_FLIGHT_MAX, FLUSH_SECONDS_MAX, LANES, STALL_BYTES_MIN, STALL_SECONDS_MAX},
    message::{Buffer, Message},
    stream::{ByteStream, Streams},
    wire::{
        FRAME_BYTES_MAX, Frame, FrameDecoder, Header, Kind, SHARED_FRAME_BYTES_MAX, Trailer,
        WireError,
    },
};

/// The caller's side of a connection.
#[derive(Debug)]
pub struct Connection {
    quic: quinn::Connection,
    /// The other node, if it is on this host.
    neighbour: Option<Arc<Neighbour>>,
    outbox: Arc<Outbox>,
    waiting: Waiting,
    /// Who reads large answers from sockets of their own.
    reading: Arc<Tally>,
    /// Streams among the results of calls.
    expected: Arc<Expected>,
    /// Streams among the arguments of calls.
    producing: Arc<Tally>,
    streams_max: usize,
    ids: AtomicU64,
    /// Every call looks at this. (Quinn's own `close_reason` takes the lock under which its driver sends
    /// and receives.)
    has_ended: AtomicBool,
    io: Io,
}

/// What a node waits for on its connections to others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CallingGauges {
    /// Calls that wait for their answer.
    pub(crate) calls: usize,
    /// Streams that are open on this side, or are expected.
    pub(crate) streams: usize,
}

impl Sum for CallingGauges {
    fn sum<I: Iterator<Item = Self>>(gauges: I) -> Self {
        gauges.fold(Self::default(), |sum, one| Self {
            calls: sum.calls + one.calls,
            streams: sum.streams + one.streams,
        })
    }
}

/// What became of a call that was handed to a connection.
#[derive(Debug)]
pub(super) struct Outcome {
    /// What the callee answered, or why it did not.
    pub(super) answer: Result<Message, Failure>,
    /// Whether anything left this process.
    pub(super) was_sent: bool,
    /// The request once more; none if a stream among its arguments has begun, or if it succeeded.
    pub(super) again: Option<Message>,
}

impl Outcome {
    fn unsent(failure: Failure, message: Message) -> Self {
        Self { answer: Err(failure), was_sent: false, again: Some(message) }
    }
}

impl Connection {
    /// Shakes hands and starts the tasks that write and read.
    pub(super) async fn open(
        quic: quinn::Connection,
        hello: &Hello,
        ours: &[Signature],
        streams_max: usize,
        door: Option<&Door>,
        io: Io,
    ) -> Result<Arc<Self>, ConnectError> {
        let address = quic.remote_address();
        let protocol = |reason: String| ConnectError::Protocol { address, reason };
        let failed = |source| ConnectError::Connect { address, source };
        let local = |source| ConnectError::Local { address, source };
        let (mut send, receive) = quic.open_bi().await.map_err(failed)?;
        let mut receive = ReceiveHalf::Quic(receive);
        // Before the callee knows where to dial.
        let answers = door.map(|door| door.expect(&quic, Purpose::Answer, io.program()));
        let answers = answers.transpose().map_err(local)?;
        let local_name = door.map(|door| door.name().to_owned());
        let hello = Hello { local: local_name, lanes: LANES, ..hello.clone() };
        let first = handshake::frame(Kind::Hello, &hello)
            .map_err(|failure| protocol(failure.kind.to_string()))?;
        send.write_chunk(first).await.map_err(|error| protocol(error.to_string()))?;
        let mut decoder = FrameDecoder::new(SHARED_FRAME_BYTES_MAX);
        let answer = next_frame(&mut receive, &mut decoder)
            .await
            .map_err(|error| protocol(error.to_string()))?;
        let welcome: Welcome = answer
            .and_then(|frame| handshake::parse(frame, Kind::Welcome))
            .ok_or_else(|| protocol("it closed instead of answering".to_owned()))?;
        if let Some(difference) = welcome.difference(ours) {
            quic.close(CLOSED_PROTOCOL, b"another build");
            return Err(ConnectError::WrongVersion { address, difference });
        }
        let Welcome::ComeTo { local: name } = welcome else {
            let mut lanes = vec![Lane { send: SendHalf::Quic(send), receive, decoder }];
            for _ in 1..LANES {
                lanes.push(Lane::open(&quic).await.map_err(failed)?);
            }
            let outbox = Outbox::new(lanes.len());
            let connection = Self::new(quic, None, outbox, streams_max, io);
            connection.start(lanes);
            return Ok(connection);
        };
        let Some(answers) = answers else {
            return Err(protocol("it has a socket dialled that it was not asked for".to_owned()));
        };
        let socket = local::dial(&name, &quic, Purpose::Shared, io.program()).await;
        let socket = Arc::new(socket.map_err(local)?);
        let outbox = Outbox::direct(Arc::clone(&socket));
        let neighbour = Neighbour::new(name, Purpose::Request, io.program().clone());
        let connection = Self::new(quic, neighbour, outbox, streams_max, io);
        connection.start_local(socket, answers);
        Ok(connection)
    }

    fn new(
        quic: quinn::Connection,
        neighbour: Option<Arc<Neighbour>>,
        outbox: Outbox,
        streams_max: usize,
        io: Io,
    ) -> Arc<Self> {
        Arc::new(Self {
            quic,
            neighbour,
            outbox: Arc::new(outbox),
            waiting: Waiting::default(),
            reading: Arc::default(),
            expected: Arc::default(),
            producing: Arc::default(),
            streams_max,
            ids: AtomicU64::new(1),
            has_ended: AtomicBool::new(false),
            io,
        })
    }

    /// Starts the tasks of the connection; all of them end with it.
    fn start(self: &Arc<Self>, lanes: Vec<Lane>) {
        // Who calls a neighbour is woken by the kernel, and not by a thread between the two. But a worker
        // of a multi-thread runtime runs first what was woken last: the writer would take a frame or two,
        // before the other callers have had their turn.
        let (runtime, is_patient) = match &self.neighbour {
            None => (self.io.handle(), false),
            Some(_) => (self.io.program(), self.io.has_thread()),
        };
        let (sends, receives): (Vec<_>, Vec<_>) =
            lanes.into_iter().map(|lane| (lane.send, (lane.receive, lane.decoder))).unzip();
        let write = write(self.quic.clone(), sends, Arc::clone(&self.outbox), is_patient);
        let connection = Arc::clone(self);
        runtime.spawn(async move {
            write.await;
            if !connection.waiting.is_closing() {
                connection.close(CLOSED_PROTOCOL, "its requests are not read");
            }
        });
        let mut readers = JoinSet::new();
        for (receive, decoder) in receives {
            readers.spawn_on(Arc::clone(self).read_lane(receive, decoder), runtime);
        }
        runtime.spawn(Arc::clone(self).read(readers));
        self.io.spawn(Arc::clone(self).read_large());
        self.io.spawn(Arc::clone(self).read_streams());
    }

    fn start_local(self: &Arc<Self>, socket: Arc<LocalSocket>, answers: Arrivals) {
        self.start(vec![Lane::local(Arc::clone(&socket))]);
        self.io.spawn(local::end_with(socket, self.quic.clone()));
        let (connection, reading) = (Arc::clone(self), Tally::add(&self.reading, 1));
        let take = move |socket| Arc::clone(&connection).read_answer(socket);
        let each = answers.each(self.quic.clone(), take);
        self.io.program().spawn(async move {
            each.await;
            drop(reading);
        });
    }

    /// A large answer from a neighbour.
    async fn read_answer(self: Arc<Self>, socket: Arc<LocalSocket>) {
        let (mut receive, mut decoder) =
            (ReceiveHalf::Local(socket), FrameDecoder::new(FRAME_BYTES_MAX));
        match next_frame(&mut receive, &mut decoder).await {
            Ok(Some(frame)) => self.take(frame),
            Ok(None) => {}
            // Whose answer it was is not known: no caller may wait for it for ever.
            Err(error) => self.close(CLOSED_PROTOCOL, &error.to_string()),
        }
    }

    /// Whether the connection has ended.
    pub(super) fn is_closed(&self) -> bool {
        self.has_ended.load(Ordering::Relaxed)
    }

    /// Whether new calls can be sent.
    pub(super) fn is_open(&self) -> bool {
        !self.waiting.is_closing() && !self.is_closed()
    }

    /// Calls that wait for their answer.
    pub(super) fn calls_in_flight(&self) -> usize {
        self.waiting.count.load(Ordering::Relaxed)
    }

    /// What is under way here.
    pub(super) fn gauges(&self) -> CallingGauges {
        let streams = self.producing.count() + self.expected.count();
        CallingGauges { calls: self.calls_in_flight(), streams }
    }

    /// Closes the connection, if it has not ended; calls in flight fail with "outcome unknown".
    pub(super) fn close(&self, code: quinn::VarInt, reason: &str) {
        self.has_ended.store(true, Ordering::Relaxed);
        // Closed twice, quinn would tell those who still read why we closed it, and not why the peer had.
        if self.quic.close_reason().is_none() {
            self.quic.close(code, reason.as_bytes());
        }
    }

    /// One call, in the context that we are in. Dropping the future gives the call up and tells the
    /// callee so.
    pub(super) async fn call(&self, component: u16, method: u16, mut message: Message) -> Outcome {
        if !self.is_open() {
            return Outcome::unsent(CallErrorKind::Draining.into(), message);
        }
        let arguments = match self.take_arguments(&mut message) {
            Ok(arguments) => arguments,
            Err(failure) => return Outcome::unsent(failure, message),
        };
        let call = self.ids.fetch_add(1, Ordering::Relaxed);
        let (answer, is_alone) = match self.waiting.add(call, arguments) {
            Ok(added) => added,
            Err((failure, arguments)) => {
                arguments.put_back(&mut message);
                return Outcome::unsent(failure, message);
            }
        };
        let mut interest = Interest { connection: self, call, large: None };
        let (mut frame, message_bytes) = request(call, component, method, message);
        let (answer, was_sent) = match self.send(call, &mut frame, is_alone) {
            Ok(large) => {
                interest.large = large;
                (answer.await.ok(), true)
            }
            Err(failure) => (self.waiting.give_up(call, failure), false),
        };
        drop(interest);
        if !was_sent {
            self.finish_if_done();
        }
        let Answer { result, arguments } =
            answer.unwrap_or_else(|| Answer { result: Err(self.lost()), arguments: None });
        let again = match (&result, arguments) {
            // The same buffer, for the case that nobody has run it.
            (Err(_), Some(arguments)) => frame.into_message(message_bytes).map(|mut again| {
                arguments.put_back(&mut again);
                again
            }),
            (Err(_), None) | (Ok(_), _) => None,
        };
        Outcome { answer: result, was_sent, again }
    }

    /// Takes the streams out of a request, each with a place among those of the connection.
    fn take_arguments(&self, message: &mut Message) -> Result<Arguments, Failure> {
        if !message.has_streams() {
            return Ok(Arguments::default());
        }
        let (count, streams_max) = (message.announced_streams(), self.streams_max);
        let place = Tally::add_up_to(&self.producing, count, streams_max);
        let place = place.map_err(|streams| {
            CallErrorKind::Refused(Refusal::TooManyStreams { streams, streams_max })
        })?;
        let streams = message.detach_streams().into_iter().zip(place.into_single()).collect();
        Ok(Arguments { streams, runtime: Some(Handle::current()) })
    }

    /// Sends a frame about `call`; a large one is taken back if what is returned is dropped before it has
    /// left. It `is_alone` if no other call waits for its answer.
    fn send(
        &self,
        call: u64,
        frame: &mut Buffer,
        is_alone: bool,
    ) -> Result<Option<oneshot::Sender<Never>>, Failure> {
        if frame.len() <= SHARED_FRAME_BYTES_MAX {
            self.outbox.send(call, frame, is_alone).map_err(not_sent)?;
            return Ok(None);
        }
        let (wanted, given_up) = oneshot::channel();
        let given_up = async { drop(given_up.await) };
        let (quic, outbox) = (self.quic.clone(), Arc::clone(&self.outbox));
        let (frame, neighbour) = (frame.share(), self.neighbour.clone());
        let write = write_large(quic.clone(), neighbour, frame, outbox, given_up);
        let write = write.map_err(not_sent)?;
        self.io.spawn(async move {
            if write.await.is_err() {
                quic.close(CLOSED_PROTOCOL, b"its requests are not read");
            }
        });
        Ok(Some(wanted))
    }

    /// Why the lane has ended.
    async fn read_lane(
        self: Arc<Self>,
        mut stream: ReceiveHalf,
        mut decoder: FrameDecoder,
    ) -> String {
        loop {
            // A window full of small frames must not keep the other connections waiting.
            tokio::task::coop::consume_budget().await;
            match next_frame(&mut stream, &mut decoder).await {
                Ok(Some(frame)) => self.take(frame),
                Ok(None) => return "the callee closed the connection".to_owned(),
                Err(error) => return error.to_string(),
            }
        }
    }

    /// A callee ends its lanes when we have ended ours, after the last answer. So the end of one is the end
    /// of all, and one that ends while calls wait for it leaves none waiting for ever.
    async fn read(self: Arc<Self>, mut readers: JoinSet<String>) {
        // There is one at least, and nothing panics there.
        let reason = readers.join_next().await.and_then(Result::ok).unwrap_or_default();
        drop(readers);
        self.outbox.close();
        if self.waiting.is_closing() {
            // The last streams may be on their way still. A callee that drains closes the connection
            // when they have left.
            self.waiting.fail_all(&self.lost());
            let patience = Duration::from_secs(FLUSH_SECONDS_MAX);
            let _ = timeout(patience, self.quic.closed()).await;
        }
        self.close(CLOSED_PROTOCOL, &reason);
        // The kernel may have large answers, too, that nobody has read yet.
        let patience = Duration::from_secs(FLUSH_SECONDS_MAX);
        let _ = timeout(patience, self.reading.idle()).await;
        self.expected.close();
        self.waiting.fail_all(&self.lost());
    }

    /// Answers above the size of a shared frame come on streams of their own.
    async fn read_large(self: Arc<Self>) {
        while let Ok(stream) = self.quic.accept_uni().await {
            let connection = Arc::clone(&self);
            self.io.spawn(async move {
                let (mut stream, mut decoder) =
                    (ReceiveHalf::Quic(stream), FrameDecoder::new(FRAME_BYTES_MAX));
                match next_frame(&mut stream, &mut decoder).await {
                    Ok(Some(frame)) => connection.take(frame),
                    Ok(None) => {}
                    // Whose answer it was is not known: no caller may wait for it for ever.
                    Err(error) => {
                        connection.close(CLOSED_PROTOCOL, &error.to_string());
                    }
                }
            });
        }
    }

    /// Brings streams among results to their readers.
    async fn read_streams(self: Arc<Self>) {
        while let Ok((_, stream)) = self.quic.accept_bi().await {
            let connection = Arc::clone(&self);
            self.io.spawn(async move {
                match streaming::accept(stream).await {
                    Ok((header, reader)) => {
                        connection.waiting.stream_arrived(&connection.expected, header, reader)
                    }
                    Err(error) if error.is_of_the_peer() => {
                        connection.close(CLOSED_PROTOCOL, &error.to_string());
                    }
                    // Its producer has ended before it was read, or the connection has.
                    Err(_) => {}
                }
            });
        }
    }

    fn take(&self, frame: Frame) {
        let Header { kind, call, streams, .. } = frame.header;
        match kind {
            Kind::Reply => self.waiting.succeed(call, frame.message, streams, &self.expected),
            Kind::Failed => {
                let failure = frame.message.decode(Ran::Unknown).unwrap_or_else(|failure| failure);
                self.waiting.fail(call, failure);
            }
            Kind::Accept => self.begin_streams(call),
            Kind::GoAway => self.waiting.take_no_more(),
            Kind::Hello
            | Kind::Welcome
            | Kind::Request
            | Kind::Cancel
            | Kind::Stream
            | Kind::Item
            | Kind::Lane
            | Kind::Connected
            | Kind::Ended
            | Kind::Credit
            | Kind::Stop
            | Kind::Waits => {
                self.close(CLOSED_PROTOCOL, "a frame that only a caller sends");
            }
        }
        self.finish_if_done();
    }

    /// Tells a callee that goes away that no request is on its way any more: it answers those that are
    /// late, so that it must not go before.
    fn finish_if_done(&self) {
        if self.waiting.is_done() {
            self.outbox.close();
        }
    }

    /// The callee has taken a call on: the streams among its arguments flow.
    fn begin_streams(&self, call: u64) {
        // The caller may have given it up.
        let Some(arguments) = self.waiting.take_arguments(call) else { return };
        let Some(runtime) = arguments.runtime else { return };
        for (number, (items, place)) in (0..).zip(arguments.streams) {
            let quic = self.quic.clone();
            let outgoing = Outgoing { quic, call, number, items, place };
            // A caller's streams end with their calls: its drain waits for those.
            runtime.spawn(outgoing.run(std::future::pending()));
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

/// The frame of a request, and where its message ends.
fn request(call: u64, component: u16, method: u16, message: Message) -> (Buffer, usize) {
    let context = CallContext::current();
    let streams = u8::try_from(message.announced_streams()).unwrap_or(u8::MAX);
    let time_left_ms = context.time_left_ms();
    let header =
        Header { component, method, streams, time_left_ms, ..Header::new(Kind::Request, call) };
    let message_bytes = message.frame_bytes();
    (header.onto_with(message, &Trailer::of(&context)), message_bytes)
}

fn not_sent(reason: NotQueued) -> Failure {
    match reason {
        NotQueued::Full(load) => load.into(),
        // The connection is about to be replaced: the call goes elsewhere.
        NotQueued::Closed => CallErrorKind::Draining.into(),
    }
}

/// Removes the call when its caller stops waiting, and then tells the callee.
struct Interest<'a> {
    connection: &'a Connection,
    call: u64,
    /// Dropping it takes back a large request that has not left.
    large: Option<oneshot::Sender<Never>>,
}

/// Is never sent.
type Never = std::convert::Infallible;

impl Drop for Interest<'_> {
    fn drop(&mut self) {
        if self.connection.waiting.remove(self.call).is_some() {
            // The cancel can overtake a request that has a stream of its own: the callee keeps it.
            let method = u16::from(self.large.is_some());
            let header = Header { method, ..Header::new(Kind::Cancel, self.call) };
            // A closed outbox means that the callee will learn it otherwise.
            let _ = self.connection.outbox.send_notice(self.call, header.alone());
            self.connection.finish_if_done();
        }
    }
}

/// The streams among a call's arguments until the call is taken on.
#[derive(Default)]
struct Arguments {
    streams: Vec<(ByteStream, Counted)>,
    /// Where they are produced: the caller's runtime.
    runtime: Option<Handle>,
}

impl fmt::Debug for Arguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} streams", self.streams.len())
    }
}

impl Arguments {
    fn put_back(self, message: &mut Message) {
        *message.streams() = Streams::default();
        for (stream, _) in self.streams {
            message.streams().push(stream);
        }
    }
}

/// The calls that wait for an answer. Ids are never used twice, so that a late answer meets nobody.
#[derive(Debug, Default)]
struct Waiting {
    calls: Mutex<Calls>,
    count: AtomicUsize,
    /// The callee said that it takes no new calls. Set under the lock: none is added after it.
    is_closing: AtomicBool,
}

#[derive(Debug, Default)]
struct Calls {
    /// By ids that are ours: nobody chooses them so that they collide.
    callers: FxHashMap<u64, Caller>,
    closed: bool,
}

/// One of them.
#[derive(Debug)]
struct Caller {
    answer: oneshot::Sender<Answer>,
    /// `None` once the call was taken on.
    arguments: Option<Arguments>,
    /// Streams of the result that have arrived before it.
    early: Vec<(Header, Reader)>,
}

/// What a caller gets: if the call failed before it was taken on, its streams, too.
#[derive(Debug)]
struct Answer {
    result: Result<Message, Failure>,
    arguments: Option<Arguments>,
}

impl Caller {
    fn finish(self, result: Result<Message, Failure>) {
        let answer = Answer { result, arguments: self.arguments };
        // The caller may have stopped waiting in this very moment.
        let _ = self.answer.send(answer);
    }
}

impl Waiting {
    /// Where its answer comes, and whether it is the only one.
    fn add(
        &self,
        call: u64,
        arguments: Arguments,
    ) -> Result<(oneshot::Receiver<Answer>, bool), (Failure, Arguments)> {
        let mut calls = self.lock();
        if calls.closed || self.is_closing() {
            return Err((CallErrorKind::Draining.into(), arguments));
        }
        let (there, calls_max) = (calls.callers.len(), CALLS_IN_FLIGHT_MAX);
        if there >= calls_max {
            return Err((Load::Waiting { calls: there, calls_max }.into(), arguments));
        }
        let (answer, waiting) = oneshot::channel();
        let caller = Caller { answer, arguments: Some(arguments), early: Vec::new() };
        calls.callers.insert(call, caller);
        self.count.store(calls.callers.len(), Ordering::Relaxed);
        Ok((waiting, there == 0))
    }

    fn take_no_more(&self) {
        let _calls = self.lock();
        self.is_closing.store(true, Ordering::Relaxed);
    }

    fn is_closing(&self) -> bool {
        self.is_closing.load(Ordering::Relaxed)
    }

    /// Whether there is no call, and will be none.
    fn is_done(&self) -> bool {
        self.is_closing() && self.lock().callers.is_empty()
    }

    fn remove(&self, call: u64) -> Option<Caller> {
        self.remove_locked(&mut self.lock(), call)
    }

    fn remove_locked(&self, calls: &mut Calls, call: u64) -> Option<Caller> {
        let caller = calls.callers.remove(&call);
        self.count.store(calls.callers.len(), Ordering::Relaxed);
        caller
    }

    /// The call was not sent.
    fn give_up(&self, call: u64, failure: Failure) -> Option<Answer> {
        let arguments = self.remove(call)?.arguments;
        Some(Answer { result: Err(failure), arguments })
    }

    fn take_arguments(&self, call: u64) -> Option<Arguments> {
        self.lock().callers.get_mut(&call)?.arguments.take()
    }

    fn fail(&self, call: u64, failure: Failure) {
        if let Some(caller) = self.remove(call) {
            caller.finish(Err(failure));
        }
    }

    fn succeed(&self, call: u64, mut message: Message, streams: u8, expected: &Arc<Expected>) {
        let mut calls = self.lock();
        let Some(mut caller) = self.remove_locked(&mut calls, call) else { return };
        if streams > 0 {
            // Under the lock, so that a stream meets either the call or its own reader.
            *message.streams() = expected.expect(call, streams);
            for (header, reader) in caller.early.drain(..) {
                expected.arrived(call, header.component, reader);
            }
        }
        drop(calls);
        caller.finish(Ok(message));
    }

    /// A stream that belongs to nobody any more is dropped, which stops its producer.
    fn stream_arrived(&self, expected: &Expected, header: Header, reader: Reader) {
        let mut calls = self.lock();
        match calls.callers.get_mut(&header.call) {
            Some(caller) => caller.early.push((header, reader)),
            None => expected.arrived(header.call, header.component, reader),
        }
    }

    fn fail_all(&self, failure: &Failure) {
        let callers = {
            let mut calls = self.lock();
            calls.closed = true;
            self.count.store(0, Ordering::Relaxed);
            std::mem::take(&mut calls.callers)
        };
        callers.into_values().for_each(|caller| caller.finish(Err(failure.clone())));
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
    Socket(#[from] io::Error),
    #[error(transparent)]
    Frame(#[from] WireError),
    #[error("the stream ended inside a frame")]
    Cut,
    #[error("a frame that does not belong on its stream")]
    Unexpected,
    /// We do not wait for the rest.
    #[error("{0}")]
    Refused(Refusal),
}

impl ReadError {
    /// Whether the peer broke the protocol, and not the stream or the connection.
    pub(super) fn is_of_the_peer(&self) -> bool {
        match self {
            Self::Stream(_) | Self::Socket(_) | Self::Refused(_) => false,
            Self::Frame(_) | Self::Cut | Self::Unexpected => true,
        }
    }
}

/// The next frame of a stream; `None` at its end.
pub(super) async fn next_frame(
    stream: &mut ReceiveHalf,
    decoder: &mut FrameDecoder,
) -> Result<Option<Frame>, ReadError> {
    loop {
        if let Some(frame) = decoder.next()? {
            return Ok(Some(frame));
        }
        if !stream.read_into(decoder).await? {
            return end(decoder);
        }
    }
}

/// The same; what has arrived of a frame counts as `held` until the frame is whole, and it must get on.
pub(super) async fn next_frame_held(
    stream: &mut ReceiveHalf,
    decoder: &mut FrameDecoder,
    held: &mut Held,
) -> Result<Option<Frame>, ReadError> {
    let mut pace = Pace::new(decoder.kept_bytes());
    loop {
        if let Some(frame) = decoder.next()? {
            held.release();
            return Ok(Some(frame));
        }
        let kept_bytes = decoder.kept_bytes();
        held.set(kept_bytes).map_err(|load| ReadError::Refused(Refusal::Overloaded { load }))?;
        let read = stream.read_into(decoder);
        let has_more = match kept_bytes {
            0 => read.await?,
            _ => pace.during(kept_bytes, read).await??,
        };
        if !has_more {
            return end(decoder);
        }
    }
}

fn end(decoder: &FrameDecoder) -> Result<Option<Frame>, ReadError> {
    decoder.is_between_frames().then_some(None).ok_or(ReadError::Cut)
}

/// Whether a frame that has arrived in part gets on: [`STALL_BYTES_MIN`] in every [`STALL_SECONDS_MAX`].
struct Pace {
    /// When it is looked at next, and what there was when it was last.
    next: Instant,
    bytes: usize,
}

impl Pace {
    fn new(bytes: usize) -> Self {
        Self { next: Self::after_now(), bytes }
    }

    fn after_now() -> Instant {
        Instant::now() + Duration::from_secs(STALL_SECONDS_MAX)
    }

    /// Waits for more than the `bytes` that there are. What has arrived is never refused.
    async fn during<T>(
        &mut self,
        bytes: usize,
        read: impl Future<Output = T>,
    ) -> Result<T, ReadError> {
        let mut read = pin!(read);
        loop {
            if let Ok(read) = timeout_at(self.next, read.as_mut()).await {
                return Ok(read);
            }
            let (seconds, bytes_min) = (STALL_SECONDS_MAX, STALL_BYTES_MIN);
            let more = bytes.saturating_sub(self.bytes);
            if more < bytes_min {
                let refusal = Refusal::Stalled { bytes: more, bytes_min, seconds };
                return Err(ReadError::Refused(refusal));
            }
            *self = Self::new(bytes);
        }
    }
}

/// The peer takes nothing any more.
#[derive(Debug)]
pub(super) struct Stalled;

/// Waits for a write, unless there is no [`Progress`] for [`STALL_SECONDS_MAX`].
async fn unless_stalled<T>(
    progress: &Progress,
    write: impl Future<Output = T>,
) -> Result<T, Stalled> {
    let mut write = pin!(write);
    // Looked at twice, so that the many writes that do not wait need not look.
    let patience = Duration::from_secs(STALL_SECONDS_MAX) / 2;
    let mut before = None;
    loop {
        if let Ok(written) = timeout(patience, write.as_mut()).await {
            return Ok(written);
        }
        let left = progress.bytes();
        if before.replace(left) == Some(left) {
            return Err(Stalled);
        }
    }
}

/// The single writer of all lanes: one write on each for everything that was queued meanwhile. Ends when the
/// outbox is closed, when a lane or the connection is gone, and when the peer reads nothing any more. (A lane
/// that is not read holds up the others once a whole window of it is unread. What one that has lost a packet
/// has to wait for is far less.)
pub(super) async fn write(
    quic: quinn::Connection,
    mut lanes: Vec<SendHalf>,
    outbox: Arc<Outbox>,
    is_patient: bool,
) {
    for lane in &lanes {
        lane.prefer();
    }
    let Some(progress) = lanes.first().map(|lane| lane.progress(&quic)) else { return };
    let mut batches = vec![Vec::new(); lanes.len()];
    while outbox.take(is_patient, &mut batches).await {
        for (lane, batch) in lanes.iter_mut().zip(&mut batches) {
            let write = lane.write_all(batch);
            if !matches!(unless_stalled(&progress, write).await, Ok(Ok(()))) {
                return outbox.abandon();
            }
        }
    }
    // All at once: the peer waits for the end of each.
    lanes.iter_mut().for_each(SendHalf::finish);
    for lane in &mut lanes {
        lane.finished().await;
    }
}

/// Sends one large frame on a stream of its own, once the future is run, unless `given_up` comes first.
pub(super) fn write_large(
    quic: quinn::Connection,
    neighbour: Option<Arc<Neighbour>>,
    frame: Bytes,
    outbox: Arc<Outbox>,
    given_up: impl Future<Output = ()> + Send,
) -> Result<impl Future<Output = Result<(), Stalled>> + Send, NotQueued> {
    let place = Outbox::reserve_large(outbox, frame.len())?;
    Ok(async move {
        let mut given_up = pin!(given_up);
        if let Some(neighbour) = neighbour {
            let dialled = tokio::select! {
                dialled = neighbour.dial(&quic) => dialled,
                () = &mut given_up => return Ok(()),
                _ = quic.closed() => return Ok(()),
            };
            // Where it cannot be dialled, a stream does it as well.
            if let Ok(large) = dialled {
                let progress = Progress::Local(Arc::clone(&large.socket));
                let mut batch = [frame];
                return tokio::select! {
                    // The error means that the frame is refused, or the peer gone.
                    written = unless_stalled(&progress, large.socket.write_all(&mut batch)) => {
                        written.map(drop)
                    }
                    // The socket ends inside the frame.
                    () = given_up => Ok(()),
                    _ = quic.closed() => Ok(()),
                };
            }
        }
        let progress = Progress::Quic(quic.clone());
        let opened = tokio::select! {
            opened = unless_stalled(&progress, quic.open_uni()) => opened?,
            () = &mut given_up => return Ok(()),
        };
        let Ok(mut stream) = opened else { return Ok(()) };
        let write = async {
            if unless_stalled(&progress, stream.write_chunk(frame)).await?.is_ok()
                && stream.finish().is_ok()
            {
                // As in `write`.
                let _ = stream.stopped().await;
            }
            Ok(())
        };
        let written = tokio::select! {
            written = write => Some(written),
            () = given_up => None,
        };
        drop(place);
        written.unwrap_or_else(|| {
            // An error means that everything has arrived.
            let _ = stream.reset(CLOSED_DONE);
            Ok(())
        })
    })
}
