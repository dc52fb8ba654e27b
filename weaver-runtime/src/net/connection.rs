//! [`Connection`]: the caller's side of a connection to one node.

use std::{
    iter::Sum,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{runtime::Handle, sync::oneshot, task::JoinSet, time::timeout};

use self::waiting::{Answer, Arguments, Waiting};
use super::{
    endpoint::{CLOSED_PROTOCOL, ConnectError},
    halves::{ReceiveHalf, SendHalf},
    handshake::{self, Hello, Welcome},
    io::Io,
    lane::Lane,
    local::{self, Arrivals, Door, LocalSocket, Neighbour, Purpose},
    outbox::{NotQueued, Outbox},
    reading::next_frame,
    streaming::{self, Expected, Outgoing},
    tally::Tally,
    writing::{write, write_large},
};
use crate::{
    context::CallContext,
    error::{CallErrorKind, Failure, Ran, Refusal},
    fingerprint::Signature,
    limits::{FLUSH_SECONDS_MAX, LANES},
    message::{Buffer, Message},
    wire::{FRAME_BYTES_MAX, Frame, FrameDecoder, Header, Kind, SHARED_FRAME_BYTES_MAX, Trailer},
};

mod waiting;

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
        self.waiting.count()
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
