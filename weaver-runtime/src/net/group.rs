//! [`Group`]: the replicas of one group as this node sees them: how they fare, and the connections to
//! them.

use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use fastrand::Rng;
use tokio::sync::watch;

use super::{
    attempt::Attempt,
    balance::{Balance, Chosen, Standing, Trouble},
    connection::{CallingGauges, Connection},
    endpoint::{CLOSED_REPLICA_GONE, ConnectError, Endpoint},
    handshake::Hello,
    retry::RetryBudget,
    routes::ReplicaAddress,
};
use crate::fingerprint::Signature;

/// How long a call that no replica takes waits before it looks again, if nothing is heard before. Most
/// of what it waits for is heard; a replica that drains, and whose end it may be, is not.
const LOOK_AGAIN_MILLISECONDS: u64 = 50;

/// How a router reaches others.
#[derive(Debug)]
pub(super) struct Dialler {
    pub(super) endpoint: Endpoint,
    pub(super) hello: Hello,
    pub(super) methods: Vec<Signature>,
}

/// The replicas of one group.
#[derive(Debug)]
pub(super) struct Group {
    name: String,
    dialler: Arc<Dialler>,
    state: Mutex<State>,
    /// Wakes the calls that wait for a replica. Sent under the lock, so that who looked under it and
    /// found none misses nothing.
    changes: watch::Sender<()>,
    /// By the index of the component that is called.
    budgets: Mutex<HashMap<u16, Arc<Mutex<RetryBudget>>>>,
}

/// One lock for both, which a call takes twice: to choose, and to report.
#[derive(Debug)]
struct State {
    balance: Balance,
    links: Links,
    rng: Rng,
}

/// What there is between this node and replicas. They are told apart by where `balance` keeps them: it
/// keeps one of each, every call asks three times, and there are few.
#[derive(Debug, Default)]
struct Links(Vec<(Arc<ReplicaAddress>, Link)>);

/// What there is between this node and a replica.
#[derive(Debug)]
enum Link {
    Dialling(Dial),
    Open(Arc<Connection>),
}

/// A dial; once it has failed, why.
pub(super) type Dial = Arc<OnceLock<ConnectError>>;

/// Where a call goes.
pub(super) enum Choice {
    Send(Attempt),
    Wait(Waiting),
}

/// There is no replica for a call now.
pub(super) struct Waiting {
    /// Something has changed: look again.
    pub(super) changes: watch::Receiver<()>,
    /// When to look again in any case.
    pub(super) until: Option<Instant>,
    /// It waits for this replica to be reached.
    pub(super) dial: Option<(Arc<ReplicaAddress>, Dial)>,
}

impl Group {
    pub(super) fn new(name: String, dialler: Arc<Dialler>) -> Arc<Self> {
        let (balance, links) = (Balance::default(), Links::default());
        let state = Mutex::new(State { balance, links, rng: Rng::new() });
        let (changes, budgets) = (watch::Sender::default(), Mutex::default());
        Arc::new(Self { name, dialler, state, changes, budgets })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// How long a call without a deadline waits for a replica.
    pub(super) fn replica_wait(&self) -> Duration {
        self.dialler.endpoint.replica_wait()
    }

    /// The budget of all callers here of one component.
    pub(super) fn budget(&self, component: u16) -> Arc<Mutex<RetryBudget>> {
        // Nothing panics while it holds the lock.
        let mut budgets = self.budgets.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Arc::new(Mutex::new(RetryBudget::new(now())));
        Arc::clone(budgets.entry(component).or_insert_with(new))
    }

    /// Replaces the set. Connections to those that are gone are closed.
    pub(super) fn set_replicas(&self, replicas: &[ReplicaAddress]) {
        let mut state = self.lock();
        state.balance.set_replicas(replicas, now());
        let gone = state.links.0.extract_if(.., |(replica, _)| !replicas.contains(replica));
        for (replica, link) in gone {
            if let Link::Open(connection) = link {
                let replica = &replica.replica;
                connection.close(CLOSED_REPLICA_GONE, &format!("replica {replica} is gone"));
            }
        }
        self.changes.send_replace(());
    }

    /// Where a call goes that was not answered by those that it was `tried` on. If it `may_repeat`, it
    /// goes to one of them when there is nobody else.
    ///
    /// Who is not connected is dialled in the background, and nobody waits for it who can go elsewhere:
    /// a handshake with a silent host takes seconds. But a call with a key has its place.
    pub(super) fn choose(
        self: &Arc<Self>,
        key: Option<u64>,
        tried: &[Arc<ReplicaAddress>],
        may_repeat: bool,
    ) -> Choice {
        let now = now();
        let mut state = self.lock();
        let mut waiting = match self.choose_untried(&mut state, key, tried, now) {
            Choice::Send(attempt) => return Choice::Send(attempt),
            Choice::Wait(waiting) => waiting,
        };
        if may_repeat && waiting.dial.is_none() && !tried.is_empty() {
            waiting = match self.choose_untried(&mut state, key, &[], now) {
                Choice::Send(attempt) => return Choice::Send(attempt),
                Choice::Wait(waiting) => waiting,
            };
        }
        Choice::Wait(waiting)
    }

    fn choose_untried(
        self: &Arc<Self>,
        state: &mut State,
        key: Option<u64>,
        tried: &[Arc<ReplicaAddress>],
        now: Instant,
    ) -> Choice {
        let mut tried = Cow::Borrowed(tried);
        let mut until = None;
        // The first that is dialled, and how it stands.
        let mut dial: Option<(Standing, Arc<ReplicaAddress>, Dial)> = None;
        while let Some(chosen) = state.choose(key, &tried, now) {
            let standing = chosen.standing;
            let is_left_out = matches!(standing, Standing::LeftOut { .. });
            // Rather than take one where trouble is to be expected, it waits for one that is on its way.
            if is_left_out && matches!(dial, Some((Standing::Full, ..))) {
                break;
            }
            if let Some(connection) = state.connection(&chosen.replica) {
                return Choice::Send(Attempt::new(Arc::clone(self), chosen, connection, now));
            }
            if let Standing::LeftOut { until: pause_ends } = standing {
                until = Some(pause_ends);
                break;
            }
            let replica = Arc::clone(&chosen.replica);
            tried.to_mut().push(Arc::clone(&replica));
            let its_dial = self.dial(state, chosen);
            dial.get_or_insert((standing, replica, its_dial));
            if key.is_some() && standing == Standing::Full {
                break;
            }
        }
        let look_again = now + Duration::from_millis(LOOK_AGAIN_MILLISECONDS);
        // The end of a dial is heard, and so is who comes where nobody is.
        let is_heard = dial.is_some() || state.balance.is_empty();
        let until = (!is_heard).then(|| until.map_or(look_again, |until| until.max(look_again)));
        let dial = dial.map(|(_, replica, dial)| (replica, dial));
        Choice::Wait(Waiting { changes: self.changes.subscribe(), until, dial })
    }

    /// Another replica for a call that waits for its answer, if there is one to send it to at once.
    pub(super) fn choose_another(
        self: &Arc<Self>,
        key: Option<u64>,
        tried: &[Arc<ReplicaAddress>],
    ) -> Option<Attempt> {
        let now = now();
        let mut state = self.lock();
        if !state.has_untried(tried, now) {
            return None;
        }
        match self.choose_untried(&mut state, key, tried, now) {
            Choice::Send(attempt) => Some(attempt),
            Choice::Wait(_) => None,
        }
    }

    /// Whether there is a replica to choose that a call was not tried on.
    pub(super) fn has_untried(&self, tried: &[Arc<ReplicaAddress>]) -> bool {
        self.lock().has_untried(tried, now())
    }

    /// Joins the dial that is under way, or begins one, which then is the trial if `chosen` is on
    /// trial.
    fn dial(self: &Arc<Self>, state: &mut State, chosen: Chosen) -> Dial {
        if let Some(Link::Dialling(dial)) = state.links.get(&chosen.replica) {
            return Arc::clone(dial);
        }
        let dial = Dial::default();
        state.links.insert(&chosen.replica, Link::Dialling(Arc::clone(&dial)));
        let (group, its) = (Arc::clone(self), Arc::clone(&dial));
        self.dialler.endpoint.spawn(async move {
            let Dialler { endpoint, hello, methods } = &*group.dialler;
            let address = chosen.replica.address;
            let dialled = endpoint.connect(address, &group.name, hello, methods).await;
            group.dialled(&chosen, &its, dialled);
        });
        dial
    }

    fn dialled(
        &self,
        chosen: &Chosen,
        dial: &Dial,
        dialled: Result<Arc<Connection>, ConnectError>,
    ) {
        let now = now();
        let mut state = self.lock();
        let State { balance, links, rng } = &mut *state;
        let link = links.get_mut(&chosen.replica);
        let link =
            link.filter(|link| matches!(link, Link::Dialling(its) if Arc::ptr_eq(its, dial)));
        match (dialled, link) {
            (Ok(connection), Some(link)) => {
                *link = Link::Open(connection);
                balance.abandoned(chosen, Duration::ZERO, now, rng);
            }
            // It left while it was dialled: nobody else would close this connection.
            (Ok(connection), None) => connection.close(CLOSED_REPLICA_GONE, "the replica is gone"),
            (Err(error), link) => {
                if link.is_some() {
                    links.remove(&chosen.replica);
                }
                match error {
                    // It is not in trouble: its callers are, and are told so.
                    ConnectError::WrongVersion { .. } => {
                        balance.abandoned(chosen, Duration::ZERO, now, rng);
                    }
                    _ => balance.failed(chosen, Trouble::Unreachable, now, rng),
                }
                // It is set here alone.
                let _ = dial.set(error);
            }
        }
        self.changes.send_replace(());
    }

    /// A call was answered.
    pub(super) fn succeeded(&self, chosen: &Chosen, latency: Duration, now: Instant) {
        let State { balance, rng, .. } = &mut *self.lock();
        balance.succeeded(chosen, latency, now, rng);
    }

    /// A call failed for a reason that lies with the replica.
    pub(super) fn failed(&self, chosen: &Chosen, trouble: Trouble, now: Instant) {
        let State { balance, rng, .. } = &mut *self.lock();
        balance.failed(chosen, trouble, now, rng);
    }

    /// A call ended without an answer, for another reason; it had `waited` for it so long.
    pub(super) fn abandoned(&self, chosen: &Chosen, waited: Duration, now: Instant) {
        let State { balance, rng, .. } = &mut *self.lock();
        balance.abandoned(chosen, waited, now, rng);
    }

    /// What is under way on the connections to them.
    pub(super) fn gauges(&self) -> CallingGauges {
        let state = self.lock();
        let connections = state.links.0.iter().filter_map(|(_, link)| match link {
            Link::Open(connection) => Some(connection.gauges()),
            Link::Dialling(_) => None,
        });
        connections.sum()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn choose(
        &mut self,
        key: Option<u64>,
        tried: &[Arc<ReplicaAddress>],
        now: Instant,
    ) -> Option<Chosen> {
        let Self { balance, links, rng } = self;
        balance.choose(key, tried, |replica| load(links, replica), now, rng)
    }

    fn has_untried(&self, tried: &[Arc<ReplicaAddress>], now: Instant) -> bool {
        self.balance.has_untried(tried, |replica| load(&self.links, replica), now)
    }

    fn connection(&self, replica: &ReplicaAddress) -> Option<Arc<Connection>> {
        match self.links.get(replica) {
            Some(Link::Open(connection)) if !connection.is_closed() => Some(Arc::clone(connection)),
            Some(Link::Open(_) | Link::Dialling(_)) | None => None,
        }
    }
}

impl Links {
    fn get(&self, replica: &ReplicaAddress) -> Option<&Link> {
        self.0.iter().find(|(its, _)| std::ptr::eq(&**its, replica)).map(|(_, link)| link)
    }

    fn get_mut(&mut self, replica: &ReplicaAddress) -> Option<&mut Link> {
        self.0.iter_mut().find(|(its, _)| std::ptr::eq(&**its, replica)).map(|(_, link)| link)
    }

    /// Replaces the link that there was.
    fn insert(&mut self, replica: &Arc<ReplicaAddress>, link: Link) {
        match self.get_mut(replica) {
            Some(there) => *there = link,
            None => self.0.push((Arc::clone(replica), link)),
        }
    }

    fn remove(&mut self, replica: &ReplicaAddress) {
        self.0.retain(|(its, _)| !std::ptr::eq(&**its, replica));
    }
}

/// The calls in flight to a replica; `None` if it takes no more.
fn load(links: &Links, replica: &ReplicaAddress) -> Option<usize> {
    match links.get(replica) {
        Some(Link::Open(connection)) if connection.is_open() => Some(connection.calls_in_flight()),
        // One that is going away stays: a new one to the same replica would be refused, too.
        Some(Link::Open(connection)) if !connection.is_closed() => None,
        Some(Link::Open(_) | Link::Dialling(_)) | None => Some(0),
    }
}

/// The time as timers see it.
pub(super) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
