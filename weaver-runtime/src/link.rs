//! [`Link`]: what a guest and its host say to each other, from either side.
//!
//! Both call each other, so both have the same half. A link has no thread and no socket: what it has to say
//! gathers in one buffer until somebody carries it over ([`take_outgoing`](Link::take_outgoing)), and what
//! comes is handed to it ([`receive`](Link::receive)). Frames are those of nodes (see `wire`). The ids of
//! the host's calls are even, those of the guest's odd.

mod flow;

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Waker},
    time::Duration,
};

use bytes::Bytes;
use tokio::{sync::oneshot, task::AbortHandle, time::Instant};

use self::flow::Flows;
pub(crate) use self::flow::{FlowReader, FlowWriter};
use crate::{
    component::BoxFuture,
    context::{self, Baggage, CallContext, MetadataMap},
    error::{CallErrorKind, Failure, Load, Ran, Refusal},
    limits::{CALLS_IN_FLIGHT_MAX, FRAME_BYTES_MAX, OUTBOX_BYTES_MAX},
    message::Message,
    wire::{Frame, FrameDecoder, Header, Kind},
};

/// Which side of a link this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Host,
    #[cfg_attr(not(target_family = "wasm"), expect(dead_code, reason = "this is the other side's"))]
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
    waiting: HashMap<u64, oneshot::Sender<Result<Message, Failure>>>,
    /// The other side's.
    running: HashMap<u64, Option<AbortHandle>>,
    /// How many calls the other side has answered.
    answered: u64,
    /// Why it is closed.
    closed: Option<Failure>,
}

/// Frames that wait to be carried over.
pub(crate) struct Outgoing {
    frames: Mutex<Vec<u8>>,
    /// Called when the first frame waits.
    notify: Box<dyn Fn() + Send + Sync>,
}

impl Outgoing {
    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        // Nothing panics while it holds the lock.
        self.frames.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, frame: &[u8]) {
        let was_empty = {
            let mut frames = self.lock();
            let was_empty = frames.is_empty();
            frames.extend_from_slice(frame);
            was_empty
        };
        if was_empty {
            (self.notify)();
        }
    }

    fn push_header(&self, header: Header) {
        self.push(header.alone().as_slice());
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
        let out = Arc::new(Outgoing { frames: Mutex::default(), notify: Box::new(notify) });
        let next_call = if side == Side::Host { 2 } else { 1 };
        let state = State {
            next_call,
            waiting: HashMap::new(),
            running: HashMap::new(),
            answered: 0,
            closed: None,
        };
        let flows = Arc::new(Flows::new(Arc::clone(&out)));
        let waits = AtomicBool::new(false);
        Arc::new(Self { state: Mutex::new(state), flows, out, limits, waits })
    }

    /// All that waits to be carried over.
    pub(crate) fn take_outgoing(&self) -> Vec<u8> {
        std::mem::take(&mut *self.out.lock())
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

    /// Whether nothing waits to be carried over.
    pub(crate) fn is_quiet(&self) -> bool {
        self.out.lock().is_empty()
    }

    /// What has become of our calls.
    #[cfg(not(target_family = "wasm"))]
    pub(crate) fn our_calls(&self) -> Calls {
        let state = self.lock();
        Calls { under_way: state.waiting.len(), ended: state.answered }
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
        let queued = self.out.lock().len() + message.frame_bytes();
        if queued > OUTBOX_BYTES_MAX.max(message.frame_bytes()) {
            let load = Load::Unsent { bytes: queued, bytes_max: OUTBOX_BYTES_MAX };
            return Err(load.into());
        }
        let (sender, answer) = oneshot::channel();
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
            state.waiting.insert(call, sender);
            call
        };
        let streams = message.detach_streams();
        let header = Header {
            component,
            method,
            streams: u8::try_from(streams.len()).unwrap_or(u8::MAX),
            time_left_ms: time_left_ms(&context),
            ..Header::new(if key.is_some() { Kind::KeyedRequest } else { Kind::Request }, call)
        };
        let metadata = context.encoded_metadata();
        let frame = match key {
            None => header.onto_with(message, &metadata),
            Some(key) => header.onto_with(message, &[&metadata[..], &key.to_le_bytes()].concat()),
        };
        self.out.push(frame.as_slice());
        self.flows.produce(call, streams);
        Ok((call, answer))
    }

    /// Takes what the other side has said. To be called inside a tokio runtime.
    ///
    /// # Errors
    /// It is no frame: the link is of no further use.
    pub(crate) fn receive(
        self: &Arc<Self>,
        bytes: Bytes,
        server: &dyn Serve,
    ) -> Result<(), BadFrame> {
        let mut decoder = FrameDecoder::new(FRAME_BYTES_MAX);
        decoder.push(bytes);
        while let Some(frame) = decoder.next().map_err(|error| BadFrame(error.to_string()))? {
            self.take(frame, server)?;
        }
        match decoder.is_between_frames() {
            true => Ok(()),
            false => Err(BadFrame("half a frame".to_owned())),
        }
    }

    fn take(self: &Arc<Self>, frame: Frame, server: &dyn Serve) -> Result<(), BadFrame> {
        let Header { kind, call, component, time_left_ms, .. } = frame.header;
        match kind {
            Kind::Request | Kind::KeyedRequest => self.start(frame, server),
            Kind::Reply | Kind::Failed => self.answered(frame),
            Kind::Cancel => self.cancelled(call),
            Kind::Connected => {
                let (reader, writer) = (self.flows.reader(call, 0), self.flows.writer(call, 0));
                let (listener, peer) = (component, frame.message);
                server.connected(Connected { listener, peer, reader, writer });
            }
            Kind::Accept => server.accepted(component),
            Kind::Item => self.flows.item(call, component, Ok(frame.message)),
            Kind::Ended => self.flows.ended(call, component, frame.message),
            Kind::Credit => self.flows.credit(call, component, time_left_ms as usize),
            Kind::Stop => self.flows.stop(call, component),
            Kind::Waits => self.waits.store(true, Ordering::Relaxed),
            Kind::Hello | Kind::Welcome | Kind::GoAway | Kind::Stream | Kind::Lane => {
                return Err(BadFrame(format!("a frame of kind {kind:?}")));
            }
        }
        Ok(())
    }

    fn answered(&self, frame: Frame) {
        let Frame { header, mut message, .. } = frame;
        let waiting = {
            let mut state = self.lock();
            state.answered += 1;
            state.waiting.remove(&header.call)
        };
        let result = match header.kind {
            Kind::Reply => {
                *message.streams() = self.flows.announced(header.call, header.streams);
                Ok(message)
            }
            _ => Err(message.decode::<Failure>(Ran::Unknown).unwrap_or_else(|failure| failure)),
        };
        if let Some(waiting) = waiting {
            // The caller may have gone; its interest ends what runs for it.
            let _ = waiting.send(result);
        }
    }

    fn start(self: &Arc<Self>, frame: Frame, server: &dyn Serve) {
        let id = frame.header.call;
        let running = match self.admit(frame, server) {
            Ok(running) => running,
            Err(failure) => return self.reply(id, Err(failure)),
        };
        self.lock().running.insert(id, None);
        let link = Arc::clone(self);
        let mut running = Box::pin(async move {
            let in_flight = InFlight { link, id };
            let result = running.await;
            in_flight.link.reply(id, result);
        });
        // Who is not done is polled again as a task, and then leaves its waker wherever it waits.
        let mut nobody = Context::from_waker(Waker::noop());
        if running.as_mut().poll(&mut nobody).is_ready() {
            return;
        }
        let task = tokio::spawn(running).abort_handle();
        if let Some(running) = self.lock().running.get_mut(&id) {
            *running = Some(task);
        }
    }

    /// The future of a call, in its context.
    fn admit(
        self: &Arc<Self>,
        frame: Frame,
        server: &dyn Serve,
    ) -> Result<impl Future<Output = Result<Message, Failure>> + Send + use<>, Failure> {
        let Frame { header, message: mut arguments, mut metadata } = frame;
        let key = match header.kind {
            Kind::KeyedRequest => split_key(&mut metadata),
            _ => None,
        };
        *arguments.streams() = self.flows.announced(header.call, header.streams);
        let (calls, calls_max) = (self.lock().running.len(), self.limits.calls);
        if calls >= calls_max {
            return Err(Load::Calls { calls, calls_max }.into());
        }
        let (streams, streams_max) = (self.flows.incoming(), self.limits.streams);
        if streams > streams_max {
            let refusal = Refusal::TooManyStreams { streams, streams_max };
            return Err(CallErrorKind::Refused(refusal).into());
        }
        let left = u64::from(header.time_left_ms);
        let deadline = (left > 0).then(|| Instant::now() + Duration::from_millis(left));
        let metadata = match metadata.is_empty() {
            true => MetadataMap::default(),
            false => MetadataMap::decode(&metadata)?,
        };
        let context = CallContext::new(deadline, Arc::new(Baggage { caller: None, metadata }));
        let Header { call: id, component, method, .. } = header;
        let running = server.call(Called { id, component, method, key, arguments });
        let running = context::under(context, running);
        let exceeded = CallErrorKind::DeadlineExceeded;
        Ok(async move { running.await.unwrap_or_else(|_| Err(exceeded.into())) })
    }

    fn reply(self: &Arc<Self>, call: u64, result: Result<Message, Failure>) {
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
                self.out.push(Header::new(Kind::Failed, call).onto(message).as_slice());
            }
        }
    }

    fn cancelled(&self, call: u64) {
        let task = self.lock().running.remove(&call).flatten();
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
        let (reader, writer) = (self.flows.reader(id, 0), self.flows.writer(id, 0));
        let header = Header { component: listener, ..Header::new(Kind::Connected, id) };
        self.out.push(header.onto(peer).as_slice());
        (reader, writer)
    }

    /// A connection to a listener was accepted: there is room for another.
    #[cfg(target_family = "wasm")]
    pub(crate) fn accept(&self, listener: u16) {
        self.out.push_header(Header { component: listener, ..Header::new(Kind::Accept, 0) });
    }

    /// Ends everything that is under way: our calls, except one, fail with `failure`, the other side's are
    /// stopped.
    pub(crate) fn close(&self, failure: &Failure, of_one: Option<(u64, Failure)>) {
        let (mut waiting, running) = {
            let mut state = self.lock();
            state.closed = Some(failure.clone());
            (std::mem::take(&mut state.waiting), std::mem::take(&mut state.running))
        };
        if let Some((call, failure)) = of_one
            && let Some(waiting) = waiting.remove(&call)
        {
            let _ = waiting.send(Err(failure));
        }
        for waiting in waiting.into_values() {
            let _ = waiting.send(Err(failure.clone()));
        }
        running.into_values().flatten().for_each(|task| task.abort());
        self.flows.close(failure);
        self.out.lock().clear();
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

/// Cancels a call that is given up.
struct Interest<'a> {
    link: &'a Link,
    call: Option<u64>,
}

impl Drop for Interest<'_> {
    fn drop(&mut self) {
        if let Some(call) = self.call
            && self.link.lock().waiting.remove(&call).is_some()
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
        self.link.lock().running.remove(&self.id);
    }
}

fn time_left_ms(context: &CallContext) -> u32 {
    let left = context.deadline().map(|at| at.saturating_duration_since(Instant::now()));
    // Rounded up; 0 says that there is no deadline.
    left.map_or(0, |left| u32::try_from(left.as_millis() + 1).unwrap_or(u32::MAX))
}

/// The key behind the metadata.
fn split_key(metadata: &mut Bytes) -> Option<u64> {
    let at = metadata.len().checked_sub(8)?;
    let key = metadata.split_off(at);
    Some(u64::from_le_bytes(*key.first_chunk()?))
}
