//! [`Link`]: what a guest and its host say to each other, from either side.
//!
//! Both call each other, so both have the same half. A link has no thread and no socket: what it has to say
//! gathers in one buffer until somebody carries it over ([`take_outgoing`](Link::take_outgoing)), and what
//! comes is handed to it ([`receive`](Link::receive)). Frames are those of nodes (see `wire`). The ids of
//! the host's calls are even, those of the guest's odd.

mod flow;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use tokio::{sync::oneshot, task::AbortHandle};

use self::flow::Flows;
pub(crate) use self::flow::{FlowReader, FlowWriter};
use crate::{
    component::BoxFuture,
    context::{self, Baggage, CallContext, MetadataMap},
    error::{CallErrorKind, Failure, Load, Ran},
    limits::{
        CALLS_IN_FLIGHT_MAX, FRAME_BYTES_MAX, GUEST_NOTICE_BYTES_MAX, GUEST_OUTBOX_BYTES_MAX,
        Limits, OUTBOX_BYTES_MAX,
    },
    message::Message,
    sandbox::GUEST_COMPONENT,
    wire::{Frame, FrameDecoder, Header, Kind, Trailer},
};

/// Which side of a link this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Host,
    Guest,
}

/// What the other side may call.
pub(crate) trait Serve: Send + Sync + 'static {
    /// Runs a call.
    fn call(&self, call: Called) -> BoxFuture<'static, Result<Message, Failure>>;

    /// Somebody has connected to a listener.
    fn connected(&self, _: Connected) {}

    /// A connection to a listener was accepted.
    fn accepted(&self, _listener: u16) {}
}

/// A call that has come over a link.
pub(crate) struct Called {
    /// Its id.
    #[cfg_attr(
        not(target_family = "wasm"),
        expect(dead_code, reason = "a guest says whose a panic is")
    )]
    pub(crate) id: u64,
    pub(crate) component: u16,
    pub(crate) method: u16,
    pub(crate) key: Option<u64>,
    pub(crate) arguments: Message,
}

/// A connection to a listener, from outside.
#[cfg_attr(not(target_family = "wasm"), expect(dead_code, reason = "it is the guest's"))]
pub(crate) struct Connected {
    pub(crate) listener: u16,
    /// Its other end, as text.
    pub(crate) peer: Message,
    pub(crate) reader: FlowReader,
    pub(crate) writer: FlowWriter,
}

/// What ends a link.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct BadFrame(String);

/// One side of a link.
pub(crate) struct Link {
    side: Side,
    state: Mutex<State>,
    flows: Arc<Flows>,
    out: Arc<Outgoing>,
    limits: LinkLimits,
    /// The guest waits for something, and has not said until when.
    waits: AtomicBool,
}

/// What comes of a call.
pub(crate) type Answer = oneshot::Receiver<Result<Message, Failure>>;

/// What the other side may have under way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LinkLimits {
    pub(crate) calls: usize,
    pub(crate) streams: usize,
    /// Of arguments that are worked on; and as many of items that were not read.
    pub(crate) bytes: usize,
}

impl From<&Limits> for LinkLimits {
    fn from(limits: &Limits) -> Self {
        Self {
            calls: limits.calls_in_flight.min(CALLS_IN_FLIGHT_MAX),
            // Those among the arguments, and those among the results.
            streams: usize::try_from(limits.streams).unwrap_or(usize::MAX).saturating_mul(2),
            bytes: limits.queued_bytes,
        }
    }
}

/// What has become of the calls of one side.
#[cfg(not(target_family = "wasm"))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Calls {
    pub(crate) under_way: usize,
    pub(crate) ended: u64,
}

struct State {
    next_call: u64,
    /// Our calls.
    waiting: HashMap<u64, Waiting>,
    /// The other side's.
    running: HashMap<u64, Running>,
    /// The bytes of their arguments.
    running_bytes: usize,
    /// The last of them.
    last_of_other: u64,
    /// How many calls the other side has answered.
    answered: u64,
    /// How many calls were given up.
    given_up: u64,
    /// How many of these were of components, and not a question to the guest itself.
    given_up_of_components: u64,
    /// The id after that of the last call that the other side had when its turn began.
    carried: u64,
    /// How many calls of components had been given up then.
    given_up_before: u64,
    /// Why it is closed.
    closed: Option<Failure>,
}

/// A call of ours.
struct Waiting {
    component: u16,
    answer: oneshot::Sender<Result<Message, Failure>>,
}

/// A call of the other side.
struct Running {
    task: Option<AbortHandle>,
    /// Of its arguments.
    bytes: usize,
}

impl State {
    /// Whether there was a call, or connection, of ours by this id.
    fn was_made(&self, call: u64) -> bool {
        call > 1 - self.next_call % 2 && call < self.next_call && call % 2 == self.next_call % 2
    }

    /// Whether it was waited for.
    fn gives_up(&mut self, call: u64) -> bool {
        let Some(waiting) = self.waiting.remove(&call) else { return false };
        self.given_up += 1;
        self.given_up_of_components += u64::from(waiting.component != GUEST_COMPONENT);
        true
    }

    fn ended(&mut self, call: u64) -> Option<AbortHandle> {
        let Running { task, bytes } = self.running.remove(&call)?;
        self.running_bytes -= bytes;
        task
    }
}

/// Frames that wait to be carried over.
pub(crate) struct Outgoing {
    queue: Mutex<Queue>,
    /// Writers of flows wait above this.
    items_bytes_max: usize,
    /// Answers above this are refused.
    answers_bytes_max: usize,
    /// Called when the first frame waits.
    notify: Box<dyn Fn() + Send + Sync>,
}

#[derive(Default)]
struct Queue {
    frames: Vec<u8>,
    /// Of which that much is notices: short frames that the other side causes and must hear.
    notice_bytes: usize,
    /// Who waits for room.
    blocked: Vec<Waker>,
}

impl Outgoing {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Nothing panics while it holds the lock.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn bytes(&self) -> usize {
        self.lock().frames.len()
    }

    fn push(&self, frame: &[u8]) {
        self.push_with(frame, 0);
    }

    fn push_notice(&self, frame: &[u8]) {
        self.push_with(frame, frame.len());
    }

    fn push_with(&self, frame: &[u8], notice_bytes: usize) {
        let was_empty = {
            let mut queue = self.lock();
            let was_empty = queue.frames.is_empty();
            queue.frames.extend_from_slice(frame);
            queue.notice_bytes += notice_bytes;
            was_empty
        };
        if was_empty {
            (self.notify)();
        }
    }

    /// A header alone, which is a notice.
    fn push_header(&self, header: Header) {
        self.push_notice(header.alone().as_slice());
    }

    /// Waits until there is room for the next item of a flow.
    fn poll_room(&self, cx: &Context<'_>) -> Poll<()> {
        let mut queue = self.lock();
        if queue.frames.len() < self.items_bytes_max {
            return Poll::Ready(());
        }
        queue.blocked.push(cx.waker().clone());
        Poll::Pending
    }

    fn take(&self) -> Vec<u8> {
        let Queue { frames, blocked, .. } = std::mem::take(&mut *self.lock());
        blocked.into_iter().for_each(Waker::wake);
        frames
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Link")
    }
}

impl Link {
    /// `notify` is called when something waits to be carried over, while nothing did before.
    pub(crate) fn new(
        side: Side,
        limits: LinkLimits,
        notify: impl Fn() + Send + Sync + 'static,
    ) -> Arc<Self> {
        let (next_call, items_bytes_max, answers_bytes_max) = match side {
            Side::Host => (2, OUTBOX_BYTES_MAX, OUTBOX_BYTES_MAX),
            // Its answers are taken when its turn ends.
            Side::Guest => (1, GUEST_OUTBOX_BYTES_MAX, usize::MAX),
        };
        let (queue, notify) = (Mutex::default(), Box::new(notify));
        let out = Arc::new(Outgoing { queue, items_bytes_max, answers_bytes_max, notify });
        let state = State {
            next_call,
            waiting: HashMap::new(),
            running: HashMap::new(),
            running_bytes: 0,
            last_of_other: 0,
            answered: 0,
            given_up: 0,
            given_up_of_components: 0,
            carried: 0,
            given_up_before: 0,
            closed: None,
        };
        let flows = Arc::new(Flows::new(Arc::clone(&out), limits.bytes));
        let waits = AtomicBool::new(false);
        Arc::new(Self { side, state: Mutex::new(state), flows, out, limits, waits })
    }

    /// All that waits to be carried over.
    pub(crate) fn take_outgoing(&self) -> Vec<u8> {
        {
            let mut state = self.lock();
            (state.carried, state.given_up_before) =
                (state.next_call, state.given_up_of_components);
        }
        self.out.take()
    }

    /// The same within a turn of the other side.
    #[cfg(not(target_family = "wasm"))]
    pub(crate) fn take_more_outgoing(&self) -> Vec<u8> {
        self.out.take()
    }

    /// Whether the guest waits for something, and has not said until when; it is asked once.
    #[cfg(not(target_family = "wasm"))]
    pub(crate) fn takes_a_question(&self) -> bool {
        self.waits.swap(false, Ordering::Relaxed)
    }

    /// Tells the host that this guest waits for something.
    #[cfg(target_family = "wasm")]
    pub(crate) fn say_that_it_waits(&self) {
        self.out.push_header(Header::new(Kind::Waits, 0));
    }

    /// Whether somebody waits for room, which is there when what waits has been carried over.
    #[cfg(target_family = "wasm")]
    pub(crate) fn has_blocked(&self) -> bool {
        !self.out.lock().blocked.is_empty()
    }

    /// The bytes that wait to be carried over.
    #[cfg(target_family = "wasm")]
    pub(crate) fn outgoing_bytes(&self) -> usize {
        self.out.bytes()
    }

    /// Whether nothing waits to be carried over.
    pub(crate) fn is_quiet(&self) -> bool {
        self.out.bytes() == 0
    }

    /// Whether there was more than the first call, which asks whether the other side is ready.
    #[cfg(not(target_family = "wasm"))]
    pub(crate) fn was_called(&self) -> bool {
        self.lock().next_call > 4
    }

    /// What has become of our calls.
    #[cfg(not(target_family = "wasm"))]
    pub(crate) fn our_calls(&self) -> Calls {
        let state = self.lock();
        Calls { under_way: state.waiting.len(), ended: state.answered + state.given_up }
    }

    /// Calls the other side. Dropping the future cancels the call.
    pub(crate) async fn call(
        self: &Arc<Self>,
        component: u16,
        method: u16,
        key: Option<u64>,
        message: Message,
    ) -> Result<Message, Failure> {
        let (call, answer) = self.send(component, method, key, message)?;
        let mut interest = Interest { link: self, call: Some(call) };
        let result = answer.await.unwrap_or_else(|_| Err(self.lost()));
        interest.call = None;
        result
    }

    /// The same for a call that nobody gives up.
    pub(crate) fn send(
        self: &Arc<Self>,
        component: u16,
        method: u16,
        key: Option<u64>,
        mut message: Message,
    ) -> Result<(u64, Answer), Failure> {
        let context = CallContext::current();
        self.flows.check_outgoing(message.announced_streams(), self.limits.streams, Ran::No)?;
        let queued = self.out.bytes() + message.frame_bytes();
        if queued > OUTBOX_BYTES_MAX.max(message.frame_bytes()) {
            let load = Load::Unsent { bytes: queued, bytes_max: OUTBOX_BYTES_MAX };
            return Err(load.into());
        }
        let (sender, receiver) = oneshot::channel();
        let call = {
            let mut state = self.lock();
            if let Some(failure) = &state.closed {
                return Err(failure.clone());
            }
            let calls = state.waiting.len();
            if calls >= CALLS_IN_FLIGHT_MAX {
                return Err(Load::Waiting { calls, calls_max: CALLS_IN_FLIGHT_MAX }.into());
            }
            let call = state.next_call;
            state.next_call += 2;
            state.waiting.insert(call, Waiting { component, answer: sender });
            call
        };
        let streams = message.detach_streams();
        let header = Header {
            component,
            method,
            streams: u8::try_from(streams.len()).unwrap_or(u8::MAX),
            time_left_ms: context.time_left_ms(),
            ..Header::new(Kind::Request, call)
        };
        let trailer = Trailer { key, ..Trailer::of(&context) };
        self.out.push(header.onto_with(message, &trailer).as_slice());
        self.flows.produce(call, streams);
        Ok((call, receiver))
    }

    /// Takes all that the other side has said. To be called inside a tokio runtime.
    ///
    /// # Errors
    /// It is no frame: the link is of no further use.
    #[cfg_attr(not(target_family = "wasm"), expect(dead_code, reason = "a host takes its time"))]
    pub(crate) fn receive(
        self: &Arc<Self>,
        bytes: Bytes,
        server: &dyn Serve,
    ) -> Result<(), BadFrame> {
        let mut said = Said::new(bytes);
        while self.receive_some(&mut said, server)? {}
        Ok(())
    }

    /// The same for what comes while a call is polled. A call that is in it begins once that has ended, as they
    /// would get deeper and deeper.
    ///
    /// # Errors
    /// As above.
    #[cfg(target_family = "wasm")]
    pub(crate) fn receive_within(
        self: &Arc<Self>,
        bytes: Bytes,
        server: &dyn Serve,
    ) -> Result<(), BadFrame> {
        let mut said = Said { begins_in_place: false, ..Said::new(bytes) };
        while self.receive_some(&mut said, server)? {}
        Ok(())
    }

    /// Takes the next frames of it, not too many; whether there are more. The same as above is true of it.
    pub(crate) fn receive_some(
        self: &Arc<Self>,
        said: &mut Said,
        server: &dyn Serve,
    ) -> Result<bool, BadFrame> {
        for _ in 0..FRAMES_MAX {
            let next = said.decoder.next().map_err(|error| BadFrame(error.to_string()))?;
            let Some(mut frame) = next else {
                return match said.decoder.is_between_frames() {
                    true => Ok(false),
                    false => Err(BadFrame("half a frame".to_owned())),
                };
            };
            own(&mut frame, said.bytes);
            self.take(frame, server, said.begins_in_place)?;
            self.check_notices()?;
        }
        Ok(true)
    }

    fn check_notices(&self) -> Result<(), BadFrame> {
        let (bytes, max) = (self.out.lock().notice_bytes, GUEST_NOTICE_BYTES_MAX);
        if bytes > max {
            let reason = format!("so much that {bytes} bytes of refusals wait for it, above {max}");
            return Err(BadFrame(reason));
        }
        Ok(())
    }

    fn take(
        self: &Arc<Self>,
        frame: Frame,
        server: &dyn Serve,
        begins_in_place: bool,
    ) -> Result<(), BadFrame> {
        let Header { kind, call, component, time_left_ms, .. } = frame.header;
        match kind {
            Kind::Request => self.start(frame, server, begins_in_place)?,
            Kind::Reply | Kind::Failed => self.answered(frame)?,
            Kind::Cancel => self.cancelled(call),
            Kind::Connected if self.side == Side::Guest => {
                let (reader, writer) = self.flows.connection(call);
                let (listener, peer) = (component, frame.message);
                server.connected(Connected { listener, peer, reader, writer });
            }
            Kind::Accept => server.accepted(component),
            Kind::Item => self.flows.item(call, component, frame.message)?,
            Kind::Ended => self.flows.ended(call, component, frame.message),
            Kind::Credit => self.flows.credit(call, component, time_left_ms as usize),
            Kind::Stop => self.flows.stop(call, component),
            Kind::Waits => self.waits.store(true, Ordering::Relaxed),
            Kind::Hello
            | Kind::Welcome
            | Kind::GoAway
            | Kind::Stream
            | Kind::Lane
            | Kind::Connected => {
                return Err(BadFrame(format!("a frame of kind {kind:?}")));
            }
        }
        Ok(())
    }

    fn answered(&self, frame: Frame) -> Result<(), BadFrame> {
        let Frame { header, mut message, .. } = frame;
        let waiting = {
            let mut state = self.lock();
            if !state.was_made(header.call) {
                return Err(BadFrame(format!(
                    "an answer to call {}, which was never made",
                    header.call
                )));
            }
            let waiting = state.waiting.remove(&header.call);
            state.answered += u64::from(waiting.is_some());
            waiting
        };
        let Some(waiting) = waiting else {
            // It was given up meanwhile.
            self.flows.refuse(header.call, header.streams);
            return Ok(());
        };
        let result = match header.kind {
            Kind::Reply => self.announced(&mut message, header, Ran::Yes).map(|()| message),
            _ => Err(message.decode::<Failure>(Ran::Unknown).unwrap_or_else(|failure| failure)),
        };
        // The caller may have gone; its interest ends what runs for it.
        let _ = waiting.answer.send(result);
        Ok(())
    }

    /// Puts the streams that a message announces into it, if there is room for them.
    fn announced(&self, message: &mut Message, header: Header, ran: Ran) -> Result<(), Failure> {
        if header.streams == 0 {
            return Ok(());
        }
        let checked = self.flows.check_incoming(header.streams, self.limits.streams, ran);
        match checked {
            Ok(()) => *message.streams() = self.flows.announced(header.call, header.streams),
            Err(_) => self.flows.refuse(header.call, header.streams),
        }
        checked
    }

    fn start(
        self: &Arc<Self>,
        frame: Frame,
        server: &dyn Serve,
        begins_in_place: bool,
    ) -> Result<(), BadFrame> {
        let (id, bytes) = (frame.header.call, frame.message.frame_bytes());
        self.check_id(id)?;
        let running = match self.admit(frame, server) {
            Ok(running) => running,
            Err(failure) => {
                self.reply(id, Err(failure));
                return Ok(());
            }
        };
        {
            let mut state = self.lock();
            state.running.insert(id, Running { task: None, bytes });
            state.running_bytes += bytes;
        }
        let link = Arc::clone(self);
        let mut running = Box::pin(async move {
            let in_flight = InFlight { link, id };
            let result = running.await;
            in_flight.link.reply(id, result);
        });
        // Who is not done is polled again as a task, and then leaves its waker wherever it waits.
        let mut nobody = Context::from_waker(Waker::noop());
        if begins_in_place && running.as_mut().poll(&mut nobody).is_ready() {
            return Ok(());
        }
        let task = tokio::spawn(running).abort_handle();
        match self.lock().running.get_mut(&id) {
            Some(running) => running.task = Some(task),
            // It was cancelled while it was polled, or is done.
            None => task.abort(),
        }
        Ok(())
    }

    /// A guest counts its calls, and has one thread. (What a host's threads send may change places.)
    fn check_id(&self, id: u64) -> Result<(), BadFrame> {
        if self.side == Side::Guest {
            return Ok(());
        }
        let mut state = self.lock();
        if id % 2 == state.next_call % 2 || id <= state.last_of_other {
            return Err(BadFrame(format!(
                "a call by the id {id}, which is none of its own, or was one"
            )));
        }
        state.last_of_other = id;
        Ok(())
    }

    /// The future of a call, in its context.
    fn admit(
        self: &Arc<Self>,
        frame: Frame,
        server: &dyn Serve,
    ) -> Result<impl Future<Output = Result<Message, Failure>> + Send + use<>, Failure> {
        let Frame { header, message: mut arguments, trailer } = frame;
        let Trailer { trace, key, metadata } = trailer;
        self.check_load(arguments.frame_bytes())
            .inspect_err(|_| self.flows.refuse(header.call, header.streams))?;
        self.announced(&mut arguments, header, Ran::No)?;
        let metadata = match metadata.is_empty() {
            true => MetadataMap::default(),
            false => MetadataMap::decode(&metadata)?,
        };
        let baggage = Baggage { caller: None, metadata };
        let context = CallContext::new(header.time_left_ms, trace, Arc::new(baggage));
        let Header { call: id, component, method, .. } = header;
        let running = server.call(Called { id, component, method, key, arguments });
        let running = context::under(context, running);
        let exceeded = CallErrorKind::DeadlineExceeded;
        Ok(async move { running.await.unwrap_or_else(|_| Err(exceeded.into())) })
    }

    /// Whether another call, whose arguments are so long, may be worked on.
    fn check_load(&self, arguments: usize) -> Result<(), Failure> {
        let state = self.lock();
        let (calls, calls_max) = (state.running.len(), self.limits.calls);
        if calls >= calls_max {
            return Err(Load::Calls { calls, calls_max }.into());
        }
        let (bytes, bytes_max) = (state.running_bytes + arguments, self.limits.bytes);
        if bytes > bytes_max && state.running_bytes > 0 {
            return Err(Load::Bytes { bytes, bytes_max }.into());
        }
        Ok(())
    }

    /// Whether an answer can be sent: for one that cannot, the method has run.
    fn check_answer(&self, message: &Message) -> Result<(), Failure> {
        self.flows.check_outgoing(message.announced_streams(), self.limits.streams, Ran::Yes)?;
        let queued = self.out.bytes();
        if queued > 0 && queued + message.frame_bytes() > self.out.answers_bytes_max {
            let bytes = queued + message.frame_bytes();
            let load = Load::Unsent { bytes, bytes_max: self.out.answers_bytes_max };
            return Err(Failure { ran: Ran::Yes, ..load.into() });
        }
        Ok(())
    }

    fn reply(self: &Arc<Self>, call: u64, result: Result<Message, Failure>) {
        let result = result.and_then(|message| self.check_answer(&message).map(|()| message));
        match result {
            Ok(mut message) => {
                let streams = message.detach_streams();
                let count = u8::try_from(streams.len()).unwrap_or(u8::MAX);
                let header = Header { streams: count, ..Header::new(Kind::Reply, call) };
                self.out.push(header.onto(message).as_slice());
                self.flows.produce(call, streams);
            }
            Err(failure) => {
                let encoded = Message::encode(&failure, failure.ran);
                // A failure is text of a bounded length.
                let message = encoded.unwrap_or_else(|_| Message::empty());
                self.out.push_notice(Header::new(Kind::Failed, call).onto(message).as_slice());
            }
        }
    }

    fn cancelled(&self, call: u64) {
        let task = self.lock().ended(call);
        if let Some(task) = task {
            task.abort();
        }
    }

    /// Somebody has connected to a listener of the other side: where what they say goes, and what is said
    /// to them comes from.
    pub(crate) fn connect(&self, listener: u16, peer: Message) -> (FlowReader, FlowWriter) {
        let id = {
            let mut state = self.lock();
            let id = state.next_call;
            state.next_call += 2;
            id
        };
        let (reader, writer) = self.flows.connection(id);
        let header = Header { component: listener, ..Header::new(Kind::Connected, id) };
        self.out.push(header.onto(peer).as_slice());
        (reader, writer)
    }

    /// A connection to a listener was accepted: there is room for another.
    #[cfg(target_family = "wasm")]
    pub(crate) fn accept(&self, listener: u16) {
        self.out.push_header(Header { component: listener, ..Header::new(Kind::Accept, 0) });
    }

    /// Ends everything that is under way: our calls, except the one to `blame`, fail with `failure`, the other
    /// side's are stopped.
    pub(crate) fn close(&self, failure: &Failure, blame: Option<Blame>) {
        let (blamed, mut waiting, running) = {
            let mut state = self.lock();
            state.closed = Some(failure.clone());
            state.running_bytes = 0;
            let blamed = blame.and_then(|blame| blame.among(&state));
            (blamed, std::mem::take(&mut state.waiting), std::mem::take(&mut state.running))
        };
        if let Some((call, its_own)) = blamed
            && let Some(waiting) = waiting.remove(&call)
        {
            let _ = waiting.answer.send(Err(its_own));
        }
        for waiting in waiting.into_values() {
            let _ = waiting.answer.send(Err(failure.clone()));
        }
        running.into_values().filter_map(|call| call.task).for_each(|task| task.abort());
        self.flows.close(failure);
        drop(self.out.take());
    }

    fn lost(&self) -> Failure {
        let closed = self.lock().closed.clone();
        let reason = "its instance has ended".to_owned();
        closed.unwrap_or_else(|| CallErrorKind::OutcomeUnknown { reason }.into())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The call that is the reason for an end, and what is said of it.
pub(crate) enum Blame {
    /// By its id.
    Call(u64, Failure),
    /// The only one to a component that can have been worked on, if there is only one.
    TheOnly(Failure),
}

impl Blame {
    fn among(self, state: &State) -> Option<(u64, Failure)> {
        match self {
            Self::Call(call, failure) => Some((call, failure)),
            Self::TheOnly(failure) => {
                let is_worked_on = |(call, it): &(&u64, &Waiting)| {
                    it.component != GUEST_COMPONENT && **call < state.carried
                };
                let mut calls = state.waiting.iter().filter(is_worked_on);
                let (&call, _) = calls.next()?;
                // What was given up since is worked on, too, until the guest hears of it.
                let is_only =
                    calls.next().is_none() && state.given_up_of_components == state.given_up_before;
                is_only.then_some((call, failure))
            }
        }
    }
}

/// What the other side has said at once.
pub(crate) struct Said {
    decoder: FrameDecoder,
    bytes: usize,
    /// Whether a call is polled as soon as it has come.
    pub(crate) begins_in_place: bool,
}

impl Said {
    pub(crate) fn new(bytes: Bytes) -> Self {
        let decoder = FrameDecoder::new(FRAME_BYTES_MAX);
        let mut said = Self { decoder, bytes: bytes.len(), begins_in_place: true };
        said.decoder.push(bytes);
        said
    }
}

/// Frames that are taken before others have the thread: less than a millisecond's work.
const FRAMES_MAX: usize = 64;

/// Cancels a call that is given up.
struct Interest<'a> {
    link: &'a Link,
    call: Option<u64>,
}

impl Drop for Interest<'_> {
    fn drop(&mut self) {
        if let Some(call) = self.call
            && self.link.lock().gives_up(call)
        {
            self.link.out.push_header(Header::new(Kind::Cancel, call));
        }
    }
}

/// Removes a call from the books when it ends in whatever way.
struct InFlight {
    link: Arc<Link>,
    id: u64,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.link.lock().ended(self.id);
    }
}

/// What is kept of a short frame must not keep all that came with it: copies it, where that is worth it. Most
/// calls are answered before the next frame is looked at, but items wait for their reader.
fn own(frame: &mut Frame, came_bytes: usize) {
    let is_small = frame.message.frame_bytes() < came_bytes / 4;
    if is_small && (frame.header.kind == Kind::Item || came_bytes > SHARED_BYTES_MAX) {
        frame.message.own();
    }
}

/// What a call, or an answer, may keep of what came with it.
const SHARED_BYTES_MAX: usize = 4 << 10;
