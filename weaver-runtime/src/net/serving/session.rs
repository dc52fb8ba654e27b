//! [`Session`]: one caller's connection, from its greeting to its end.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{self, Poll, Waker},
    time::{Duration, Instant},
};

use quinn::RecvStream;
use tokio::time::timeout;

use super::{
    Callers, METHODS_APART, Served, Services, Table,
    greeting::Caller,
    running::{Begin, Running},
};
use crate::{
    catch_panic::catch_panic,
    component::Dispatch,
    context::{self, Baggage, CallContext, MetadataMap},
    error::{CallErrorKind, Failure, Ran, Refusal},
    frame::CatchPanic,
    message::{Buffer, Message},
    net::{
        endpoint::CLOSED_PROTOCOL,
        first_poll::{self, FirstPolls},
        gate::{Phase, Place, Share},
        halves::ReceiveHalf,
        handshake::HANDSHAKE_SECONDS_MAX,
        io::Io,
        lane::Lane,
        local::{self, Arrivals, LocalSocket, Neighbour},
        outbox::{NotQueued, Outbox},
        reading::{ReadError, next_frame, next_frame_held},
        streaming::{self, Expected, Outgoing},
        tally::{Counted, Tally},
        writing,
    },
    panics,
    wire::{FRAME_BYTES_MAX, Frame, FrameDecoder, Header, Kind, SHARED_FRAME_BYTES_MAX, Trailer},
};

const ANSWERS_NOT_READ: &str = "its answers are not read";

/// Arguments up to this size may be decoded, and their call begun, on the I/O thread.
const IN_PLACE_BYTES_MAX: usize = 4 << 10;

/// One caller's connection.
pub(super) struct Session {
    quic: quinn::Connection,
    /// The group in the caller's certificate.
    caller: Arc<str>,
    table: Table,
    services: Arc<Services>,
    /// The caller's node, if it is on this host.
    neighbour: Option<Arc<Neighbour>>,
    outbox: Arc<Outbox>,
    running: Running,
    /// Lanes on which the caller may send requests yet.
    reading: Arc<Tally>,
    /// Streams among the arguments of calls.
    expected: Arc<Expected>,
    /// Streams among the results of calls.
    producing: Arc<Tally>,
    /// What this caller has taken of the node's places.
    share: Arc<Share>,
    /// What every call of this caller has in common.
    baggage: Arc<Baggage>,
    said: Said,
    _connection: Counted,
    io: Io,
}

/// What the log was told of a connection. Each is said once, so that a peer cannot fill the log.
#[derive(Default)]
struct Said {
    is_thrown_out: AtomicBool,
    has_bad_calls: AtomicBool,
}

impl Session {
    pub(super) fn new(
        quic: quinn::Connection,
        caller: Caller,
        table: Table,
        services: Arc<Services>,
        neighbour: Option<Arc<Neighbour>>,
        outbox: Outbox,
        io: Io,
    ) -> Arc<Self> {
        let Caller { group: caller, share, connection } = caller;
        let baggage = Baggage { caller: Some(Arc::clone(&caller)), ..Baggage::default() };
        let expected = Expected::counted(services.gate.hold_arguments(&share));
        let outbox = outbox.counted(services.gate.hold_answers(&share));
        Arc::new(Self {
            quic,
            caller,
            table,
            services,
            neighbour,
            outbox: Arc::new(outbox),
            running: Running::default(),
            reading: Arc::default(),
            expected,
            producing: Arc::default(),
            share,
            baggage: Arc::new(baggage),
            said: Said::default(),
            _connection: connection,
            io,
        })
    }

    pub(super) fn start(self: &Arc<Self>, lanes: Vec<Lane>, writing: Counted) {
        let mut sends = Vec::new();
        for Lane { send, receive, decoder } in lanes {
            sends.push(send);
            let reading = Tally::add(&self.reading, 1);
            self.io.spawn(Arc::clone(self).read(receive, decoder, reading));
        }
        let write = writing::write(self.quic.clone(), sends, Arc::clone(&self.outbox), false);
        let (session, phase) = (Arc::clone(self), self.services.gate.phase());
        self.io.spawn(async move {
            write.await;
            drop(writing);
            if *phase.borrow() != Phase::Closing {
                // It stopped the stream: its calls would wait for ever.
                session.throw_out(&ANSWERS_NOT_READ);
            }
        });
        self.io.spawn(Arc::clone(self).follow_phase());
    }

    pub(super) fn start_local(
        self: &Arc<Self>,
        socket: Arc<LocalSocket>,
        requests: Arrivals,
        writing: Counted,
    ) {
        self.start(vec![Lane::local(Arc::clone(&socket))], writing);
        self.io.spawn(local::end_with(socket, self.quic.clone()));
        let session = Arc::clone(self);
        let take = move |socket| Arc::clone(&session).read_large(ReceiveHalf::Local(socket));
        self.io.spawn(requests.each(self.quic.clone(), take));
    }

    /// Takes large requests and streams, which come on streams of their own, until the connection ends.
    /// Then nobody waits for the calls in flight any more: they are stopped.
    pub(super) async fn run(self: Arc<Self>) {
        loop {
            let session = Arc::clone(&self);
            tokio::select! {
                large = self.quic.accept_uni() => match large {
                    Ok(stream) => self.io.spawn(session.read_large(ReceiveHalf::Quic(stream))),
                    Err(_) => break,
                },
                stream = self.quic.accept_bi() => match stream {
                    Ok((_, stream)) => self.io.spawn(session.read_stream(stream)),
                    Err(_) => break,
                },
            }
        }
        self.outbox.close();
        self.expected.close();
        self.running.stop_all();
    }

    /// One large request. Its bytes count as they arrive; when there are too many, it is refused.
    async fn read_large(self: Arc<Self>, mut stream: ReceiveHalf) {
        let mut decoder = FrameDecoder::new(FRAME_BYTES_MAX);
        let mut held = self.services.gate.hold_arguments(&self.share);
        // Once it is whole, the call's place holds its bytes.
        match next_frame_held(&mut stream, &mut decoder, &mut held).await {
            Ok(Some(frame)) => self.take(frame, false),
            Ok(None) => {}
            Err(ReadError::Refused(refusal)) => {
                if let Some(call) = decoder.unfinished_call() {
                    self.fail(call, &CallErrorKind::Refused(refusal).into());
                }
            }
            // The caller took it back.
            Err(ReadError::Cut) if matches!(stream, ReceiveHalf::Local(_)) => {}
            Err(error) if error.is_of_the_peer() => self.throw_out(&error),
            // The caller took it back, or the connection has ended.
            Err(_) => {}
        }
    }

    async fn read_stream(self: Arc<Self>, stream: RecvStream) {
        let limit = Duration::from_secs(HANDSHAKE_SECONDS_MAX);
        match timeout(limit, streaming::accept(stream)).await {
            Ok(Ok((header, reader))) => {
                self.expected.arrived(header.call, header.component, reader)
            }
            Ok(Err(error)) if error.is_of_the_peer() => self.throw_out(&error),
            // Its producer has ended before it was read.
            Ok(Err(_)) => {}
            // Who opens a stream says whose it is in the same breath.
            Err(_) => self.throw_out(&"a stream that does not say whose it is"),
        }
    }

    /// Takes what comes on one lane, and counts as `reading` until its end.
    async fn read(
        self: Arc<Self>,
        mut stream: ReceiveHalf,
        mut decoder: FrameDecoder,
        reading: Counted,
    ) {
        loop {
            // A window full of small frames must not keep the other connections waiting.
            tokio::task::coop::consume_budget().await;
            match next_frame(&mut stream, &mut decoder).await {
                Ok(Some(frame)) => self.take(frame, decoder.was_alone()),
                Ok(None) if matches!(stream, ReceiveHalf::Local(_)) => {
                    return self.neighbour_ended();
                }
                Ok(None) => return drop(reading),
                // The connection ended: `run` has noticed it, too.
                Err(ReadError::Stream(_)) => return,
                Err(error) => return self.throw_out(&error),
            }
        }
    }

    /// A caller on this host ends its socket when it was told of a drain and waits for nothing. Else it has
    /// gone, which QUIC would notice after a while.
    fn neighbour_ended(&self) {
        self.running.stop_all();
        if !self.services.gate.is_draining() {
            self.quic.close(CLOSED_PROTOCOL, b"the caller has gone");
        }
    }

    /// Tells the caller of a drain, and lets the writer finish when there is nothing more to say: the
    /// last words are for requests that were on their way when the caller heard of it.
    async fn follow_phase(self: Arc<Self>) {
        let mut phase = self.services.gate.phase();
        let end = async {
            // The services, which hold the sender, live as long as this session.
            let _ = phase.wait_for(|phase| *phase >= Phase::Draining).await;
            // A closed outbox means that the connection has ended.
            let _ = self.outbox.send_notice(0, Header::new(Kind::GoAway, 0).alone());
            let _ = phase.wait_for(|phase| *phase == Phase::Closing).await;
            self.reading.idle().await;
            // The caller takes our end for the end of everything.
            self.producing.idle().await;
        };
        tokio::select! {
            () = end => {}
            _ = self.quic.closed() => {}
        }
        self.outbox.close();
    }

    /// Never waits: what cannot be taken on is refused. The frame `is_alone` if no other has come with it.
    fn take(self: &Arc<Self>, frame: Frame, is_alone: bool) {
        let Header { kind, call, method, .. } = frame.header;
        match kind {
            Kind::Request => match self.admit(&frame) {
                Ok(admitted) => self.start_call(frame, is_alone, admitted),
                Err(failure) => self.fail(call, &failure),
            },
            Kind::Cancel => {
                self.running.stop(call, method == 1);
                self.expected.give_up(call);
            }
            Kind::Hello
            | Kind::Welcome
            | Kind::Reply
            | Kind::Failed
            | Kind::GoAway
            | Kind::Accept
            | Kind::Stream
            | Kind::Item
            | Kind::Lane
            | Kind::Connected
            | Kind::Ended
            | Kind::Credit
            | Kind::Stop
            | Kind::Waits => {
                self.throw_out(&format_args!("a frame of kind {kind:?} from a caller"));
            }
        }
    }

    fn served(&self, component: u16) -> Result<&Served, Failure> {
        let Some(Some(served)) = self.table.get(usize::from(component)) else {
            let reason = format!("this node serves no component with index {component}");
            return Err(Failure::new(CallErrorKind::Malformed { reason }, Ran::No));
        };
        let may_call = match &served.service.callers {
            Callers::All => true,
            Callers::Groups(groups) => groups.iter().any(|group| **group == *self.caller),
        };
        if !may_call {
            let refusal = Refusal::NotPermitted { group: self.caller.to_string() };
            return Err(CallErrorKind::Refused(refusal).into());
        }
        Ok(served)
    }

    fn admit(&self, frame: &Frame) -> Result<Admitted, Failure> {
        let served = self.served(frame.header.component)?;
        let service = &served.service;
        self.check_streams(frame.header.streams)?;
        let bytes = frame.message.frame_bytes() + frame.trailer.metadata.len();
        let gate = &self.services.gate;
        let place = match service.is_bounded {
            true => gate.enter(&self.share, bytes)?,
            false => gate.enter_unbounded(&self.share)?,
        };
        let context = self.context(frame)?;
        let arrived = service.is_bounded.then(Instant::now);
        let method = usize::from(frame.header.method) % METHODS_APART;
        let first_polls = Arc::clone(&served.first_polls[method]);
        Ok(Admitted { target: Arc::clone(&service.target), context, place, arrived, first_polls })
    }

    /// Each stream that is announced costs us more than the caller. Twice what the caller may have under
    /// way are waited for, because those of a call that it gave up are forgotten a moment later.
    fn check_streams(&self, announced: u8) -> Result<(), Failure> {
        let streams_max = self.services.gate.streams_max().saturating_mul(2);
        let streams = usize::from(announced);
        if streams == 0 {
            return Ok(());
        }
        let streams = self.expected.count() + streams;
        if streams > streams_max {
            return Err(
                CallErrorKind::Refused(Refusal::TooManyStreams { streams, streams_max }).into()
            );
        }
        Ok(())
    }

    /// The context of the call that a request asks for.
    fn context(&self, frame: &Frame) -> Result<CallContext, Failure> {
        let left = frame.header.time_left_ms;
        let Trailer { trace, metadata, .. } = &frame.trailer;
        if metadata.is_empty() {
            return Ok(CallContext::new(left, *trace, Arc::clone(&self.baggage)));
        }
        let metadata = MetadataMap::decode(metadata)?;
        let baggage = Baggage { caller: self.baggage.caller.clone(), metadata };
        Ok(CallContext::new(left, *trace, Arc::new(baggage)))
    }

    fn start_call(self: &Arc<Self>, frame: Frame, is_alone: bool, admitted: Admitted) {
        let Header { call, method, streams, .. } = frame.header;
        match self.running.begin(call) {
            Begin::Now => {}
            Begin::Never => return,
            Begin::Twice => {
                return self.throw_out(&"the id of a call that is in flight");
            }
        }
        let in_flight = InFlight { session: Arc::clone(self), call };
        let mut arguments = frame.message;
        let frame_bytes = arguments.frame_bytes();
        if streams > 0 {
            *arguments.streams() = self.expected.expect(call, streams);
        }
        let Admitted { target, context, place, arrived, first_polls } = admitted;
        let in_place = frame_bytes <= IN_PLACE_BYTES_MAX && first_polls.are_quick(is_alone);
        let began = arrived.unwrap_or_else(Instant::now);
        // One that does not wait for a worker says nothing about how long the others do.
        let arrived = arrived.filter(|_| !in_place);
        let running = async move {
            let session = &in_flight.session;
            let may_begin = arrived.map_or(Ok(()), |arrived| session.services.gate.begin(arrived));
            let result = match may_begin {
                Ok(()) => {
                    let accept = || {
                        if streams > 0 {
                            // A closed outbox means that the connection has ended.
                            let header = Header::new(Kind::Accept, call);
                            let _ = session.outbox.send_notice(call, header.alone());
                        }
                    };
                    handle(&*target, method, arguments, context, accept).await
                }
                Err(load) => Err(load.into()),
            };
            // Of those that came together, the answers go together.
            let is_alone = if in_place { is_alone } else { session.running.are_few() };
            session.answer(call, result, place, is_alone);
        };
        let handlers = &self.services.handlers;
        let task = if in_place {
            let mut running = Box::pin(running);
            let _handlers = handlers.enter();
            // Who is not done is polled again as a task, and then leaves its waker wherever it waits.
            let mut nobody = task::Context::from_waker(Waker::noop());
            let poll = || first_polls.poll(running.as_mut(), &mut nobody, began);
            match catch_panic(poll) {
                Ok(Poll::Ready(())) => return,
                Ok(Poll::Pending) => {}
                // A body's own is caught within. This must not end the reader of the connection.
                Err(message) => {
                    panics::log("what a call leaves behind", &message);
                    return self.fail(call, &CallErrorKind::Panicked { message }.into());
                }
            }
            handlers.spawn(running)
        } else {
            handlers.spawn(first_poll::Counted::new(running, first_polls))
        };
        self.running.set_task(call, task.abort_handle());
    }

    /// `place` is the call's, which a large answer keeps until it is written.
    fn answer(
        self: &Arc<Self>,
        call: u64,
        result: Result<Message, Failure>,
        place: Place,
        is_alone: bool,
    ) {
        let reply = match result.and_then(|message| self.reply(call, message)) {
            Ok(reply) => reply,
            Err(failure) => return self.fail(call, &failure),
        };
        let (frame, streams) = reply;
        match self.send(call, frame, place, is_alone) {
            Ok(()) => streams.into_iter().for_each(|stream| self.produce(stream)),
            // The caller asks for more than it reads, or than its link carries.
            Err(NotQueued::Full(load)) => {
                let refusal = Refusal::Overloaded { load };
                self.fail(call, &Failure::new(CallErrorKind::Refused(refusal), Ran::Yes));
            }
            // The connection has ended, or this node stops and the others' answers still leave.
            Err(NotQueued::Closed) => {}
        }
    }

    fn send(
        self: &Arc<Self>,
        call: u64,
        mut frame: Buffer,
        place: Place,
        is_alone: bool,
    ) -> Result<(), NotQueued> {
        if frame.len() <= SHARED_FRAME_BYTES_MAX {
            return self.outbox.send(call, &mut frame, is_alone);
        }
        let (quic, outbox) = (self.quic.clone(), Arc::clone(&self.outbox));
        let neighbour = self.neighbour.clone();
        let nobody = std::future::pending();
        let frame = frame.into_bytes();
        let write = writing::write_large(quic, neighbour, frame, outbox, nobody)?;
        let session = Arc::clone(self);
        self.io.spawn(async move {
            if write.await.is_err() {
                session.throw_out(&ANSWERS_NOT_READ);
            }
            drop(place);
        });
        Ok(())
    }

    fn fail(&self, call: u64, failure: &Failure) {
        self.report(failure);
        let Ok(message) = Message::encode(failure, failure.ran) else {
            // A failure is text of a bounded length; if even that cannot be said, the caller must not
            // wait for it.
            return self.quic.close(CLOSED_PROTOCOL, b"an answer cannot be sent");
        };
        match self.outbox.send_notice(call, Header::new(Kind::Failed, call).onto(message)) {
            // As above.
            Ok(()) | Err(NotQueued::Closed) => {}
            // It loses the connection rather than wait for this one for ever.
            Err(NotQueued::Full(_)) => self.throw_out(&ANSWERS_NOT_READ),
        }
    }

    /// Ends the connection of a peer that breaks the protocol, on however many streams at once.
    fn throw_out(&self, reason: &dyn fmt::Display) {
        let has_ended = self.quic.close_reason().is_some();
        if has_ended || self.said.is_thrown_out.swap(true, Ordering::Relaxed) {
            return;
        }
        let (caller, address) = (&*self.caller, self.quic.remote_address());
        tracing::warn!(caller, %address, %reason, "closing a connection");
        self.quic.close(CLOSED_PROTOCOL, reason.to_string().as_bytes());
    }

    /// A call that no program of this build makes: its caller is told, and an operator should know.
    fn report(&self, failure: &Failure) {
        let is_bad = failure.ran == Ran::No
            && matches!(
                failure.kind,
                CallErrorKind::Malformed { .. }
                    | CallErrorKind::Refused(
                        Refusal::NotPermitted { .. } | Refusal::MetadataTooLarge { .. }
                    )
            );
        if is_bad && !self.said.has_bad_calls.swap(true, Ordering::Relaxed) {
            let (caller, address) = (&*self.caller, self.quic.remote_address());
            let reason = &failure.kind;
            tracing::warn!(caller, %address, %reason, "refused a call; more like it are not logged");
        }
    }

    /// The frame of an answer, and the streams that follow it.
    fn reply(&self, call: u64, mut message: Message) -> Result<(Buffer, Vec<Outgoing>), Failure> {
        let streams = message.detach_streams();
        if streams.is_empty() {
            return Ok((Header::new(Kind::Reply, call).onto(message), Vec::new()));
        }
        let streams_max = self.services.gate.streams_max();
        let place = Tally::add_up_to(&self.producing, streams.len(), streams_max);
        let places = place.map_err(|streams| {
            let refusal = Refusal::TooManyStreams { streams, streams_max };
            Failure::new(CallErrorKind::Refused(refusal), Ran::Yes)
        })?;
        let count = u8::try_from(streams.len()).unwrap_or(u8::MAX);
        let outgoing = |((number, items), place): ((u16, _), Counted)| {
            let quic = self.quic.clone();
            Outgoing { quic, call, number, items, place }
        };
        let streams = (0..).zip(streams).zip(places.into_single()).map(outgoing).collect();
        let header = Header { streams: count, ..Header::new(Kind::Reply, call) };
        Ok((header.onto(message), streams))
    }

    /// Sends a stream of a result; a drain waits for it as for a call, and then cuts it.
    fn produce(&self, stream: Outgoing) {
        let (place, mut phase) = (self.services.gate.stream(), self.services.gate.phase());
        let draining = async move {
            // The services, which hold the sender, live as long as the node.
            let _ = phase.wait_for(|phase| *phase == Phase::Closing).await;
        };
        self.services.handlers.spawn(async move {
            stream.run(draining).await;
            drop(place);
        });
    }
}

/// A request that was taken on.
struct Admitted {
    target: Arc<dyn Dispatch>,
    context: CallContext,
    place: Place,
    /// When, if it is to be refused after too long a wait.
    arrived: Option<Instant>,
    first_polls: Arc<FirstPolls>,
}

/// Runs one call in its context, no longer than until its deadline. `accept` tells the caller that the
/// streams among the arguments may begin: not before the last refusal, because a call that is refused
/// goes elsewhere with its streams whole.
async fn handle(
    target: &dyn Dispatch,
    method: u16,
    arguments: Message,
    context: CallContext,
    accept: impl FnOnce() + Send,
) -> Result<Message, Failure> {
    let has_begun = AtomicBool::new(false);
    let running = CatchPanic::new(async {
        if let Some(readiness) = target.readiness() {
            readiness.await?;
        }
        accept();
        has_begun.store(true, Ordering::Relaxed);
        target.dispatch(method, arguments).await
    });
    let Ok(ended) = context::under(context, running).await else {
        let ran = if has_begun.into_inner() { Ran::Yes } else { Ran::No };
        return Err(Failure::new(CallErrorKind::DeadlineExceeded, ran));
    };
    ended.unwrap_or_else(|message| {
        panics::log("a call's arguments or result", &message);
        Err(CallErrorKind::Panicked { message }.into())
    })
}

/// Removes the call from the books when its handler ends in whatever way.
struct InFlight {
    session: Arc<Session>,
    call: u64,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.session.running.end(self.call);
    }
}
