//! [`GuestGroup`]: a replica of a group in a sandbox: an instance, and the next when that has ended.

use std::{fmt, future::Future, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    sync::{Notify, Semaphore, watch},
    task::{AbortHandle, yield_now},
    time::{Instant, sleep, sleep_until, timeout},
};

use super::{
    GUEST_COMPONENT, Guest, GuestBootstrap,
    listeners::Listeners,
    outward::{OfLink, Outward},
    record::Record,
};
use crate::{
    client::{Client, READY_METHOD, Request, Transport},
    codec,
    component::{BoxFuture, Component},
    control::Offences,
    error::{CallErrorKind, Error, Failure, Ran, Result},
    limits::{
        GUEST_EXCHANGE_BYTES_MAX, GUEST_HEALTH_SECONDS_MAX, GUEST_PAUSE_MILLISECONDS_MAX,
        GUEST_SHUTDOWN_SECONDS_MAX, GUEST_TURN_SECONDS_MAX, Limits,
    },
    link::{Blame, Calls, Link, Said, Side},
    message::Message,
    reference::Ref,
    report,
};

/// One instance of a guest. Dropping it ends it, also in the middle of a turn.
pub trait Instance: Send + 'static {
    /// Lets it take its place; what it answers is its first turn's.
    fn start(&mut self, bootstrap: Vec<u8>) -> impl Future<Output = Result<Turn, Ended>> + Send;

    /// Hands it frames and lets it work until it would have to wait.
    fn turn(&mut self, frames: Vec<u8>) -> impl Future<Output = Result<Turn, Ended>> + Send;

    /// So many calls are under way, of which one has just begun, or another has just ended: what it may use of
    /// the processor for them is counted from here.
    fn works_on(&mut self, calls: usize);
}

/// What an instance gave back.
#[derive(Debug, Default)]
pub struct Turn {
    /// Its frames for the host.
    pub frames: Vec<u8>,
    /// When it wants its next turn, if nothing happens before; `None` for never.
    pub sleep: Option<Duration>,
}

/// Why an instance has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// What it did, or ran into.
    pub reason: String,
    /// If it panicked: the call that it worked on, 0 for none, and the panic's message.
    pub panic: Option<(u64, String)>,
}

/// What WebAssembly's side of a host asks of the side that knows the program.
#[derive(Clone)]
pub struct Callbacks {
    /// Binds a listener.
    pub listen: Listen,
    /// Takes frames of the instance within its turn, and gives those for it; or says why it must end.
    pub exchange: Exchange,
    /// Told what was refused to the instance, with the grant that it lacks.
    pub refused: Arc<dyn Fn(&str) + Send + Sync>,
}

/// Takes frames, and gives others.
pub type Exchange = Arc<dyn Fn(Vec<u8>) -> Result<Exchanged, String> + Send + Sync>;

/// What an instance hears within its turn.
#[derive(Debug, Default)]
pub struct Exchanged {
    /// Frames for it.
    pub frames: Vec<u8>,
    /// So many calls are under way with them.
    pub calls: usize,
}

/// Binds the listener of a name.
pub type Listen = Arc<dyn Fn(&str) -> Result<SocketAddr, String> + Send + Sync>;

impl Callbacks {
    /// No listeners, and nobody who cares: for an instance that is only looked at.
    #[must_use]
    pub fn none() -> Self {
        Self {
            listen: Arc::new(|_| Err("it is only asked what it is".to_owned())),
            exchange: Arc::new(|_| Ok(Exchanged::default())),
            refused: Arc::new(|_| {}),
        }
    }
}

impl fmt::Debug for Callbacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Callbacks")
    }
}

/// Makes instances of one guest, each with what it is granted.
pub trait Instances: Send + Sync + 'static {
    /// What it makes.
    type Instance: Instance;

    /// Makes one.
    ///
    /// # Errors
    /// Why it cannot.
    fn instantiate(
        &self,
        callbacks: Callbacks,
    ) -> impl Future<Output = Result<Self::Instance, String>> + Send;

    /// How many calls one instance works on at once.
    fn concurrency(&self) -> usize;
}

impl<I: Instances> Instances for Arc<I> {
    type Instance = I::Instance;

    fn instantiate(
        &self,
        callbacks: Callbacks,
    ) -> impl Future<Output = Result<Self::Instance, String>> + Send {
        (**self).instantiate(callbacks)
    }

    fn concurrency(&self) -> usize {
        (**self).concurrency()
    }
}

/// One replica of a group in a sandbox.
pub(crate) struct GuestGroup {
    concurrency: usize,
    /// For the calls that the instance may work on at once.
    places: Semaphore,
    state: watch::Sender<State>,
    record: Arc<Record>,
}

/// How the instance is.
enum State {
    /// It is given no calls yet.
    Starting,
    /// It has had its first turn; the link is to it.
    Running(Arc<Link>),
    /// It cannot start, or ends without being called, for this reason; it is tried again.
    Failed(String),
}

/// How far an instance came before it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reached {
    /// It did not start, or ended in its first turn; it was given no calls.
    Nothing,
    /// It started, and was still building its components.
    Start,
    /// It had built its components.
    Built,
}

/// The pause before an instance that ended before it was called is replaced doubles from this.
const PAUSE_MILLISECONDS_MIN: u64 = 100;

impl fmt::Debug for GuestGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GuestGroup")
    }
}

/// What every instance of a guest is started with.
pub(crate) struct Life<I> {
    pub(crate) instances: I,
    pub(crate) bootstrap: GuestBootstrap,
    pub(crate) outward: Arc<Outward>,
    pub(crate) listeners: Arc<Listeners>,
    pub(crate) limits: Limits,
}

/// The life of a group's instances, which ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Living(AbortHandle);

impl Drop for Living {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl GuestGroup {
    /// Starts instances, one after the other. To be called inside of a tokio runtime.
    pub(crate) fn start<I: Instances>(life: Life<I>) -> (Arc<Self>, Living) {
        let group = Arc::new(Self {
            concurrency: life.instances.concurrency(),
            places: Semaphore::new(life.instances.concurrency()),
            state: watch::Sender::new(State::Starting),
            record: Arc::new(Record::of(&life.bootstrap.group)),
        });
        let living = tokio::spawn(Arc::clone(&group).live(life)).abort_handle();
        (group, Living(living))
    }

    /// Calls a component of the guest, or the guest itself.
    pub(crate) async fn call(
        &self,
        component: u16,
        method: u16,
        message: Message,
    ) -> Result<Message, Failure> {
        let _place = match component {
            // The guest is asked how it is also when it has too much to do.
            GUEST_COMPONENT => None,
            // Nobody closes it.
            _ => self.places.acquire().await.ok(),
        };
        let link = self.ready().await?;
        link.call(component, method, None, message).await
    }

    /// How many calls it works on; one that cannot start has the most to do.
    pub(super) fn load(&self) -> usize {
        match *self.state.borrow() {
            State::Failed(_) => usize::MAX,
            State::Starting | State::Running(_) => {
                self.concurrency.saturating_sub(self.places.available_permits())
            }
        }
    }

    /// The link to the instance, once it is known to start or not.
    async fn ready(&self) -> Result<Arc<Link>, Failure> {
        let mut state = self.state.subscribe();
        loop {
            match &*state.borrow_and_update() {
                State::Failed(reason) => {
                    return Err(CallErrorKind::InitFailed { reason: reason.clone() }.into());
                }
                State::Running(link) => return Ok(Arc::clone(link)),
                State::Starting => {}
            }
            // The group holds the sender.
            let _ = state.changed().await;
        }
    }

    /// Shuts the components down, or says why not.
    pub(crate) async fn shut_down(self: &Arc<Self>, name: &str) {
        if let Err(error) = within(GUEST_SHUTDOWN_SECONDS_MAX, self.guest().shutdown()).await {
            report::warn(&format!("shutdown of group {name} failed: {error:#}"));
        }
    }

    /// The components that could not be built yet, with the reason of the last attempt; the group itself, if
    /// its instance cannot start. One that works too long to say it has no reason to give.
    pub(crate) async fn failed(self: &Arc<Self>, name: &str) -> Vec<(String, String)> {
        let limit = Duration::from_secs(GUEST_HEALTH_SECONDS_MAX);
        match timeout(limit, self.guest().failed()).await {
            Ok(Ok(failed)) => failed,
            Ok(Err(error)) => vec![(name.to_owned(), format!("{error:#}"))],
            Err(_) => Vec::new(),
        }
    }

    /// What the host asks of the guest.
    pub(crate) fn guest(self: &Arc<Self>) -> Ref<dyn Guest> {
        let transport: Arc<dyn Transport> = Arc::new(ToGuest(Arc::clone(self)));
        <dyn Guest>::from_client(Client::new(transport)).into()
    }

    /// What its instances did that they may not.
    pub(crate) fn offences(&self) -> Offences {
        self.record.offences()
    }

    async fn live<I: Instances>(self: Arc<Self>, life: Life<I>) {
        let mut failures = 0;
        loop {
            let (link, wake) = new_link(&life.limits);
            let (ended, reached) = self.run_one(&life, &link, &wake).await;
            self.record.ended(&ended.reason);
            // One that was ended by a call is replaced at once; not one that ends without any.
            let was_called = reached == Reached::Built && link.was_called();
            failures = if was_called { 0 } else { failures + 1 };
            // Who hears of the end, and calls again, waits for the next, but not through a pause.
            self.state.send_replace(match failures {
                0 => State::Starting,
                _ => State::Failed(ended.reason.clone()),
            });
            close(&link, &ended, reached);
            if failures > 0 {
                sleep(pause(failures)).await;
            }
        }
    }

    /// Runs one instance to its end; how far it came.
    async fn run_one<I: Instances>(
        &self,
        life: &Life<I>,
        link: &Arc<Link>,
        wake: &Notify,
    ) -> (Ended, Reached) {
        // What accepts for the instance ends with it.
        let (listen, _accepting) = life.listeners.of_instance(link);
        let record = Arc::clone(&self.record);
        let server = Arc::new(life.outward.of(&life.listeners, &self.record));
        let callbacks = Callbacks {
            listen,
            exchange: exchange(link, &server),
            refused: Arc::new(move |what| record.refused(what)),
        };
        let made = async {
            let made = life.instances.instantiate(callbacks).await;
            made.map_err(|reason| Ended { reason, panic: None })
        };
        let instance = match within_a_turn(made).await {
            Ok(instance) => instance,
            Err(ended) => return (ended, Reached::Nothing),
        };
        let mut bootstrap = Vec::new();
        // It is a few names and the configuration's text.
        if let Err(error) = codec::encode(&life.bootstrap, &mut bootstrap) {
            return (Ended { reason: error.to_string(), panic: None }, Reached::Nothing);
        }
        // Its first answer says that it has built its components.
        let built = link.send(GUEST_COMPONENT, READY_METHOD, None, Message::empty());
        let mut driver = Driver { instance, link, server: &server, calls: Calls::default() };
        if let Err(ended) = driver.start(bootstrap).await {
            return (ended, Reached::Nothing);
        }
        // A turn for that alone: what ends the instance would take the answer along.
        let due = match driver.give_turn().await {
            Ok(due) => due,
            Err(ended) => return (ended, Reached::Nothing),
        };
        self.state.send_replace(State::Running(Arc::clone(link)));
        let ended = driver.drive(wake, due).await;
        let has_answered = built.is_ok_and(|(_, mut built)| matches!(built.try_recv(), Ok(Ok(_))));
        // Where building took longer than that turn, the answer may be lost; a call that was worked on says the same.
        let was_called = ended.panic.as_ref().is_some_and(|(call, _)| *call != 0);
        (ended, if has_answered || was_called { Reached::Built } else { Reached::Start })
    }
}

/// Gives an instance its turns.
struct Driver<'a, I> {
    instance: I,
    link: &'a Arc<Link>,
    server: &'a OfLink,
    /// As of its last turn.
    calls: Calls,
}

impl<I: Instance> Driver<'_, I> {
    async fn start(&mut self, bootstrap: Vec<u8>) -> Result<(), Ended> {
        let turn = within_a_turn(self.instance.start(bootstrap)).await?;
        take(self.link, turn.frames, self.server).await
    }

    /// Gives turns until the instance ends.
    async fn drive(&mut self, wake: &Notify, mut due: Option<Instant>) -> Ended {
        let link = self.link;
        loop {
            if link.is_quiet() {
                // Who was answered may have more to say.
                yield_now().await;
            }
            // An empty turn asks a guest that waits until when: before this waits, too.
            let asks = link.takes_a_question();
            if link.is_quiet() && !asks {
                tokio::select! {
                    // It may have been said during the last turn, and taken with it.
                    () = wake.notified() => if link.is_quiet() { continue },
                    () = until(due) => {}
                }
            }
            due = match self.give_turn().await {
                Ok(due) => due,
                Err(ended) => return ended,
            };
        }
    }

    /// Gives one turn; when the next is due, if nothing happens before.
    async fn give_turn(&mut self) -> Result<Option<Instant>, Ended> {
        let frames = self.link.take_outgoing();
        let calls = self.link.our_calls();
        if calls.ended != self.calls.ended || self.calls.under_way == 0 {
            self.instance.works_on(calls.under_way);
        }
        self.calls = calls;
        let turn = within_a_turn(self.instance.turn(frames)).await?;
        let due = turn.sleep.and_then(|sleep| Instant::now().checked_add(sleep));
        take(self.link, turn.frames, self.server).await?;
        Ok(due)
    }
}

/// What an instance says within its turn is taken at once. What is answered at once does not cost another turn.
fn exchange(link: &Arc<Link>, server: &Arc<OfLink>) -> Exchange {
    let (link, server) = (Arc::clone(link), Arc::clone(server));
    Arc::new(move |frames: Vec<u8>| {
        let (bytes, max) = (frames.len(), GUEST_EXCHANGE_BYTES_MAX);
        if bytes > max {
            return Err(format!("it says {bytes} bytes within its turn, above {max}"));
        }
        let mut said = Said::new(frames.into());
        while link.receive_some(&mut said, &*server).map_err(|bad| format!("it says {bad}"))? {
            // The first are few. Nobody else has the thread meanwhile.
            said.begins_in_place = false;
        }
        Ok(Exchanged { frames: link.take_more_outgoing(), calls: link.our_calls().under_way })
    })
}

/// Takes what an instance has said. If that is much, others have the thread in between.
async fn take(link: &Arc<Link>, frames: Vec<u8>, server: &OfLink) -> Result<(), Ended> {
    if frames.is_empty() {
        return Ok(());
    }
    let mut said = Said::new(frames.into());
    let bad = |error| Ended { reason: format!("it says {error}"), panic: None };
    while link.receive_some(&mut said, server).map_err(bad)? {
        yield_now().await;
    }
    Ok(())
}

/// A guest has one thread: what blocks it blocks everything.
async fn within_a_turn<T>(turn: impl Future<Output = Result<T, Ended>>) -> Result<T, Ended> {
    let limit = Duration::from_secs(GUEST_TURN_SECONDS_MAX);
    timeout(limit, turn).await.unwrap_or_else(|_| {
        let reason = format!("it has blocked its only thread for {limit:?}");
        Err(Ended { reason, panic: None })
    })
}

/// The answer to what a host asks of its guest, which may have other things in mind.
async fn within<T>(seconds: u64, asked: impl Future<Output = Result<T>>) -> Result<T> {
    let limit = Duration::from_secs(seconds);
    let late = |_| Err(Error::msg(format!("the guest has not answered within {limit:?}")));
    timeout(limit, asked).await.unwrap_or_else(late)
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}

fn new_link(limits: &Limits) -> (Arc<Link>, Arc<Notify>) {
    let wake = Arc::new(Notify::new());
    let notify = Arc::clone(&wake);
    (Link::new(Side::Host, limits.into(), move || notify.notify_one()), wake)
}

/// Tells everybody who waits for an instance that has ended.
fn close(link: &Link, ended: &Ended, reached: Reached) {
    let reason = ended.reason.clone();
    let (lost, ran) = match reached {
        Reached::Nothing => (CallErrorKind::InitFailed { reason }, Ran::No),
        Reached::Start => (CallErrorKind::InitFailed { reason }, Ran::Unknown),
        Reached::Built => {
            let reason = format!("its instance has ended: {reason}");
            (CallErrorKind::OutcomeUnknown { reason }, Ran::Unknown)
        }
    };
    let blame = match (&ended.panic, reached) {
        (Some((call, message)), _) => {
            let message = message.clone();
            Some(Blame::Call(*call, CallErrorKind::Panicked { message }.into()))
        }
        (None, Reached::Built) => {
            let reason = ended.reason.clone();
            Some(Blame::TheOnly(CallErrorKind::Trapped { reason }.into()))
        }
        (None, Reached::Nothing | Reached::Start) => None,
    };
    link.close(&Failure::new(lost, ran), blame);
}

fn pause(failures: u32) -> Duration {
    let pause = PAUSE_MILLISECONDS_MIN << failures.saturating_sub(1).min(16);
    Duration::from_millis(pause.min(GUEST_PAUSE_MILLISECONDS_MAX))
}

/// Calls to the guest itself.
struct ToGuest(Arc<GuestGroup>);

impl Transport for ToGuest {
    fn call(&self, request: Request) -> BoxFuture<'_, Result<Message, Failure>> {
        Box::pin(
            async move { self.0.call(GUEST_COMPONENT, request.method, request.arguments?).await },
        )
    }
}
