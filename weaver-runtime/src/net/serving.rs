//! The callee's side: takes connections, checks who calls, and runs the calls.

use std::{
    collections::{HashMap, hash_map::Entry},
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use quinn::{RecvStream, SendStream};
use tokio::{
    runtime::Handle,
    sync::{Notify, watch},
    task::AbortHandle,
    time::timeout,
};

use super::{
    connection::{self, CALLS_IN_FLIGHT_MAX, ReadError, next_frame, read_large},
    endpoint::CLOSED_PROTOCOL,
    handshake::{self, HANDSHAKE_SECONDS_MAX, Hello, Welcome},
    io::Io,
    outbox::Outbox,
    tls,
    wire::{Frame, FrameDecoder, Header, Kind, SHARED_FRAME_BYTES_MAX},
};
use crate::{
    component::Dispatch,
    error::{CallErrorKind, Failure, Ran, Refusal},
    fingerprint::{Fingerprint, Signature},
    frame::CatchPanic,
    message::Message,
};

/// Who may call a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Callers {
    /// Every node of the deployment.
    All,
    /// Nodes of these groups.
    Groups(Vec<String>),
}

/// A component that is served to other nodes.
pub struct Service {
    /// What is called.
    pub target: Arc<dyn Dispatch>,
    /// By whom.
    pub callers: Callers,
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Service({:?})", self.callers)
    }
}

/// Everything that a node serves: for each set of interfaces (the program's, the control plane's) a
/// table by component index.
pub struct Services {
    tables: HashMap<Fingerprint, Vec<Option<Service>>>,
    /// The program's methods, for callers that are strangers.
    methods: Vec<Signature>,
    /// Where handlers run: the program's runtime.
    handlers: Handle,
    gate: Gate,
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Services").field("tables", &self.tables).finish_non_exhaustive()
    }
}

impl Services {
    /// To be called inside the program's runtime; `methods` are those of the program.
    #[must_use]
    pub fn new(
        tables: impl IntoIterator<Item = (Fingerprint, Vec<Option<Service>>)>,
        methods: Vec<Signature>,
    ) -> Arc<Self> {
        Arc::new(Self {
            tables: tables.into_iter().collect(),
            methods,
            handlers: Handle::current(),
            gate: Gate::default(),
        })
    }

    /// Takes no new calls, tells every caller so, and waits until those in flight are finished or
    /// `limit` has passed; then sends what is still to be sent. Returns how many calls were left.
    pub async fn drain(&self, limit: Duration) -> usize {
        self.gate.phase.send_replace(Phase::Draining);
        // When the time is up, what is left is counted.
        let _ = timeout(limit, self.gate.calls.idle()).await;
        let left = self.gate.calls.count();
        self.gate.phase.send_replace(Phase::Closing);
        // A peer that does not read its answers is not waited for.
        let _ = timeout(Duration::from_secs(FLUSH_SECONDS_MAX), self.gate.writers.idle()).await;
        left
    }

    fn target(
        &self,
        table: Fingerprint,
        caller: &str,
        component: u16,
    ) -> Result<Arc<dyn Dispatch>, Failure> {
        let table = self.tables.get(&table);
        let service = table.and_then(|services| services.get(usize::from(component)));
        let Some(Some(service)) = service else {
            let reason = format!("this node serves no component with index {component}");
            return Err(Failure::new(CallErrorKind::Malformed { reason }, Ran::No));
        };
        let may_call = match &service.callers {
            Callers::All => true,
            Callers::Groups(groups) => groups.iter().any(|group| group == caller),
        };
        if !may_call {
            let refusal = Refusal::NotPermitted { group: caller.to_owned() };
            return Err(CallErrorKind::Refused(refusal).into());
        }
        Ok(Arc::clone(&service.target))
    }
}

/// What a node that stops gives its peers to take the last answers.
const FLUSH_SECONDS_MAX: u64 = 2;

/// Counts what is under way on all connections, and closes for draining.
#[derive(Debug)]
struct Gate {
    phase: watch::Sender<Phase>,
    calls: Arc<Tally>,
    /// Tasks that write answers.
    writers: Arc<Tally>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Open,
    /// No new calls.
    Draining,
    /// Nothing more to say.
    Closing,
}

impl Default for Gate {
    fn default() -> Self {
        let phase = watch::Sender::new(Phase::Open);
        Self { phase, calls: Arc::default(), writers: Arc::default() }
    }
}

impl Gate {
    /// A place for a call. It is counted before the phase is looked at, so that a drain that has
    /// seen no call sees no later one.
    fn enter(&self) -> Result<Counted, Failure> {
        let place = Tally::add(&self.calls);
        if *self.phase.borrow() == Phase::Open {
            Ok(place)
        } else {
            Err(CallErrorKind::Draining.into())
        }
    }
}

/// How many of something there are, for somebody who waits until there is none.
#[derive(Debug, Default)]
struct Tally {
    count: AtomicUsize,
    changed: Notify,
}

/// One of them.
#[derive(Debug)]
struct Counted(Arc<Tally>);

impl Tally {
    fn add(tally: &Arc<Self>) -> Counted {
        tally.count.fetch_add(1, Ordering::AcqRel);
        Counted(Arc::clone(tally))
    }

    fn count(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    async fn idle(&self) {
        loop {
            let changed = self.changed.notified();
            if self.count() == 0 {
                return;
            }
            changed.await;
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::AcqRel);
        self.0.changed.notify_waiters();
    }
}

/// Serves one connection until it ends.
pub(super) async fn serve(incoming: quinn::Incoming, services: Arc<Services>, io: Io) {
    let address = incoming.remote_address();
    let limit = Duration::from_secs(HANDSHAKE_SECONDS_MAX);
    match timeout(limit, shake_hands(incoming, &services, &io)).await {
        Ok(Ok(session)) => session.run().await,
        Ok(Err(error)) => tracing::warn!(%address, %error, "refused a connection"),
        Err(_) => tracing::warn!(%address, "refused a connection: silent for {limit:?}"),
    }
}

/// Why a connection was not taken.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error(transparent)]
    Connection(#[from] quinn::ConnectionError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Write(#[from] quinn::WriteError),
    #[error("its certificate names no group")]
    NoGroup,
    #[error("its first frame is no greeting")]
    NoHello,
    #[error("it runs another build of the program, or other interfaces (fingerprint {0})")]
    Stranger(Fingerprint),
    #[error("the answer cannot be encoded")]
    Encode,
}

/// Everything that must happen before calls are taken. The caller bounds its time.
async fn shake_hands(
    incoming: quinn::Incoming,
    services: &Arc<Services>,
    io: &Io,
) -> Result<Arc<Session>, Refused> {
    let quic = incoming.await?;
    let closing = CloseOnDrop(Some(quic.clone()));
    let caller = tls::peer_group(&quic).ok_or(Refused::NoGroup)?;
    let (mut send, mut receive) = quic.accept_bi().await?;
    let mut decoder = FrameDecoder::new(SHARED_FRAME_BYTES_MAX);
    let first = next_frame(&mut receive, &mut decoder).await?;
    let hello: Hello =
        first.and_then(|f| handshake::parse(&f, Kind::Hello)).ok_or(Refused::NoHello)?;
    let known: Vec<_> = services.tables.keys().copied().collect();
    let welcome = Welcome::answer(&hello, &known, &services.methods);
    let answer = handshake::frame(Kind::Welcome, &welcome).map_err(|_| Refused::Encode)?;
    send.write_chunk(answer).await?;
    if welcome != Welcome::Come {
        let _ = send.finish();
        // Closing at once could overtake the answer; the caller closes when it has read it.
        quic.closed().await;
        return Err(Refused::Stranger(hello.fingerprint));
    }
    closing.keep();
    let session = Session::new(quic, caller, hello.fingerprint, Arc::clone(services), io.clone());
    session.start(send, receive, decoder);
    Ok(session)
}

/// Closes a connection whose handshake failed or took too long.
struct CloseOnDrop(Option<quinn::Connection>);

impl CloseOnDrop {
    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        if let Some(quic) = &self.0 {
            quic.close(CLOSED_PROTOCOL, b"the handshake failed");
        }
    }
}

/// One caller's connection.
struct Session {
    quic: quinn::Connection,
    /// The group in the caller's certificate.
    caller: Arc<str>,
    table: Fingerprint,
    services: Arc<Services>,
    outbox: Arc<Outbox>,
    running: Running,
    io: Io,
}

impl Session {
    fn new(
        quic: quinn::Connection,
        caller: String,
        table: Fingerprint,
        services: Arc<Services>,
        io: Io,
    ) -> Arc<Self> {
        let (outbox, running) = (Arc::default(), Running::default());
        Arc::new(Self { quic, caller: caller.into(), table, services, outbox, running, io })
    }

    fn start(self: &Arc<Self>, send: SendStream, receive: RecvStream, decoder: FrameDecoder) {
        let writing = Tally::add(&self.services.gate.writers);
        let write = connection::write(send, Arc::clone(&self.outbox));
        self.io.spawn(async move {
            write.await;
            drop(writing);
        });
        self.io.spawn(Arc::clone(self).read(receive, decoder));
        self.io.spawn(Arc::clone(self).follow_phase());
    }

    /// Takes large requests, which come on streams of their own, until the connection ends. Then
    /// nobody waits for the calls in flight any more: they are stopped.
    async fn run(self: Arc<Self>) {
        while let Ok(stream) = self.quic.accept_uni().await {
            let session = Arc::clone(&self);
            self.io.spawn(async move {
                match read_large(stream).await {
                    Ok(Some(frame)) => session.take(frame),
                    Ok(None) => {}
                    Err(error) => tracing::warn!(caller = &*session.caller, %error, "lost a call"),
                }
            });
        }
        self.outbox.close();
        self.running.stop_all();
    }

    async fn read(self: Arc<Self>, mut stream: RecvStream, mut decoder: FrameDecoder) {
        loop {
            match next_frame(&mut stream, &mut decoder).await {
                Ok(Some(frame)) => self.take(frame),
                Ok(None) => return,
                // The connection ended: `run` has noticed it, too.
                Err(ReadError::Stream(_)) => return,
                Err(error @ (ReadError::Frame(_) | ReadError::Cut)) => {
                    let caller = &*self.caller;
                    tracing::warn!(caller, %error, "closing a connection with a bad frame");
                    self.quic.close(CLOSED_PROTOCOL, error.to_string().as_bytes());
                    return;
                }
            }
        }
    }

    /// Tells the caller of a drain, and lets the writer finish when there is nothing more to say.
    async fn follow_phase(self: Arc<Self>) {
        let mut phase = self.services.gate.phase.subscribe();
        let end = async {
            // The services, which hold the sender, live as long as this session.
            let _ = phase.wait_for(|phase| *phase >= Phase::Draining).await;
            // A full or closed outbox belongs to a peer that will learn it from a failed call.
            let _ = self.outbox.send(Header::new(Kind::GoAway, 0).onto(Message::empty()));
            let _ = phase.wait_for(|phase| *phase == Phase::Closing).await;
        };
        tokio::select! {
            () = end => {}
            _ = self.quic.closed() => {}
        }
        self.outbox.close();
    }

    /// Never waits: what cannot be taken on is refused.
    fn take(self: &Arc<Self>, frame: Frame) {
        let Header { kind, call, component, method } = frame.header;
        match kind {
            Kind::Request => match self.admit(component) {
                Ok((target, place)) => self.start_call(call, target, method, frame.message, place),
                Err(failure) => self.answer(call, Err(failure), None),
            },
            Kind::Cancel => self.running.stop(call),
            Kind::Hello | Kind::Welcome | Kind::Reply | Kind::Failed | Kind::GoAway => {
                self.quic.close(CLOSED_PROTOCOL, b"a frame that only a callee sends");
            }
        }
    }

    fn admit(&self, component: u16) -> Result<(Arc<dyn Dispatch>, Counted), Failure> {
        let target = self.services.target(self.table, &self.caller, component)?;
        let place = self.services.gate.enter()?;
        if self.running.count() >= CALLS_IN_FLIGHT_MAX {
            let calls_in_flight_max = CALLS_IN_FLIGHT_MAX;
            let refusal = Refusal::Overloaded { calls_in_flight_max };
            return Err(CallErrorKind::Refused(refusal).into());
        }
        Ok((target, place))
    }

    fn start_call(
        self: &Arc<Self>,
        call: u64,
        target: Arc<dyn Dispatch>,
        method: u16,
        arguments: Message,
        place: Counted,
    ) {
        if !self.running.begin(call) {
            self.quic.close(CLOSED_PROTOCOL, b"the id of a call that is in flight");
            return;
        }
        let in_flight = InFlight { session: Arc::clone(self), call };
        let caller = Arc::clone(&self.caller);
        let task = self.services.handlers.spawn(CALLER.scope(caller, async move {
            let handler = async { target.dispatch(method, arguments).await };
            let result = CatchPanic::new(handler).await;
            let result =
                result.unwrap_or_else(|message| Err(CallErrorKind::Panicked { message }.into()));
            in_flight.session.answer(call, result, Some(place));
        }));
        self.running.set_task(call, task.abort_handle());
    }

    /// `place` is the call's, which a large answer keeps until it is written.
    fn answer(&self, call: u64, result: Result<Message, Failure>, place: Option<Counted>) {
        let frame = match result {
            Ok(message) => Header::new(Kind::Reply, call).onto(message),
            Err(failure) => match Message::encode(&failure, failure.ran) {
                Ok(message) => Header::new(Kind::Failed, call).onto(message),
                // A failure is text of a bounded length; if even that cannot be said, the caller
                // must not wait for it.
                Err(_) => return self.quic.close(CLOSED_PROTOCOL, b"an answer cannot be sent"),
            },
        };
        let queued = if frame.len() > SHARED_FRAME_BYTES_MAX {
            let outbox = Arc::clone(&self.outbox);
            connection::write_large(self.quic.clone(), frame, outbox).map(|write| {
                self.io.spawn(async move {
                    write.await;
                    drop(place);
                });
            })
        } else {
            self.outbox.send(frame)
        };
        if queued.is_err() {
            // The caller does not read its answers, or is gone: it loses the connection rather
            // than wait for this one for ever.
            self.quic.close(CLOSED_PROTOCOL, b"answers are not read");
        }
    }
}

tokio::task_local! {
    static CALLER: Arc<str>;
}

/// The group that makes the call which is being handled, as its certificate names it; `None` outside
/// of calls from other nodes.
#[must_use]
pub fn caller() -> Option<Arc<str>> {
    CALLER.try_with(Arc::clone).ok()
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

/// The handlers of one connection, so that a cancelled call's can be stopped. A stopped one stays
/// in the books until it has ended: until then it counts against the limit.
#[derive(Default)]
struct Running(Mutex<Handlers>);

#[derive(Default)]
struct Handlers {
    tasks: HashMap<u64, Option<AbortHandle>>,
    /// The connection has ended: nothing is started any more.
    closed: bool,
}

impl Running {
    fn count(&self) -> usize {
        self.lock().tasks.len()
    }

    /// Whether the call may be started: there is none of this id yet. Before the task exists: a runtime that is shutting down
    /// drops a task, and with it ends the call, inside of `spawn`.
    fn begin(&self, call: u64) -> bool {
        let mut handlers = self.lock();
        if handlers.closed {
            return false;
        }
        match handlers.tasks.entry(call) {
            Entry::Occupied(_) => false,
            Entry::Vacant(free) => {
                free.insert(None);
                true
            }
        }
    }

    fn set_task(&self, call: u64, task: AbortHandle) {
        if let Some(entry) = self.lock().tasks.get_mut(&call) {
            *entry = Some(task);
        }
    }

    fn end(&self, call: u64) {
        self.lock().tasks.remove(&call);
    }

    fn stop(&self, call: u64) {
        // Aborting may drop the handler, whose end takes the lock: so not while it is held.
        let task = self.lock().tasks.get(&call).cloned().flatten();
        if let Some(task) = task {
            task.abort();
        }
    }

    fn stop_all(&self) {
        let tasks: Vec<_> = {
            let mut handlers = self.lock();
            handlers.closed = true;
            handlers.tasks.values().flatten().cloned().collect()
        };
        tasks.iter().for_each(AbortHandle::abort);
    }

    fn lock(&self) -> MutexGuard<'_, Handlers> {
        // Nothing panics while it holds the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
