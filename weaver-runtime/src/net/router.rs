//! [`Router`]: where the replicas of each group are, and which of them takes a call.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::{
    sync::{OnceCell, watch},
    time::{Instant, timeout_at},
};

use super::{
    connection::Connection,
    endpoint::{CLOSED_REPLICA_GONE, ConnectError, Endpoint},
    handshake::Hello,
};
use crate::{
    client::{Request, Transport},
    component::BoxFuture,
    error::{CallErrorKind, Failure, Ran},
    fingerprint::Signature,
    message::Message,
    placement::RESERVED_PREFIX,
};

/// How long a call waits for a replica that it can be sent to. Longer than a crashed replica needs
/// to come back in the usual case, short enough that a person still connects cause and effect.
pub(crate) const REPLICA_WAIT_SECONDS_MAX: u64 = 10;

/// The pause before a replica that could not be reached is dialled again.
const REDIAL_MILLISECONDS: u64 = 50;

/// One replica of a group.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ReplicaId {
    /// Its group.
    pub group: String,
    /// Its number within the group, from 0. A replica that is restarted keeps it.
    pub index: u32,
}

impl fmt::Display for ReplicaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.group.strip_prefix(RESERVED_PREFIX) {
            // The deployment's own processes: there is one of each.
            Some(name) => f.write_str(name),
            None => write!(f, "{}.{}", self.group, self.index),
        }
    }
}

/// Where a running replica takes calls. A restarted one has another address.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ReplicaAddress {
    /// Which replica.
    pub replica: ReplicaId,
    /// Its socket.
    pub address: SocketAddr,
}

/// Where everything is: the deployer's word, which replaces the one before as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Routes {
    /// Grows with every change, so that a late message cannot undo a newer one.
    pub revision: u64,
    /// The replicas of each group that take calls.
    pub groups: BTreeMap<String, Vec<ReplicaAddress>>,
}

impl Routes {
    fn replicas(&self, group: &str) -> &[ReplicaAddress] {
        self.groups.get(group).map_or(&[], Vec::as_slice)
    }

    fn contains(&self, replica: &ReplicaAddress) -> bool {
        self.replicas(&replica.replica.group).contains(replica)
    }
}

/// A node's view of the others, and its connections to them.
#[derive(Debug)]
pub struct Router {
    endpoint: Endpoint,
    hello: Hello,
    methods: Vec<Signature>,
    routes: watch::Sender<Routes>,
    connections: Mutex<HashMap<ReplicaAddress, Arc<OnceCell<Arc<Connection>>>>>,
}

impl Router {
    /// A router that knows of nobody; `hello` and `methods` say which interfaces it calls.
    #[must_use]
    pub fn new(endpoint: Endpoint, hello: Hello, methods: Vec<Signature>) -> Arc<Self> {
        let (routes, connections) = (watch::Sender::default(), Mutex::default());
        Arc::new(Self { endpoint, hello, methods, routes, connections })
    }

    /// Replaces what is known. Connections to replicas that are gone are closed, and what was in
    /// flight there fails with "outcome unknown".
    pub fn set_routes(&self, routes: &Routes) {
        let newer = self.routes.send_if_modified(|known| {
            let newer = routes.revision > known.revision;
            if newer {
                known.clone_from(routes);
            }
            newer
        });
        if newer {
            self.close_departed(routes);
        }
    }

    /// Calls to the component with index `component`, which is in `group`.
    #[must_use]
    pub fn transport(self: &Arc<Self>, group: &str, component: u16) -> Arc<dyn Transport> {
        Arc::new(self.remote(group, component))
    }

    /// The same, by its type.
    pub(crate) fn remote(self: &Arc<Self>, group: &str, component: u16) -> Remote {
        Remote { router: Arc::clone(self), group: group.to_owned(), component }
    }

    fn close_departed(&self, routes: &Routes) {
        let mut departed = Vec::new();
        self.lock().retain(|replica, connection| {
            let stays = routes.contains(replica);
            if !stays {
                departed.push((replica.replica.clone(), Arc::clone(connection)));
            }
            stays
        });
        for (replica, connection) in departed {
            if let Some(connection) = connection.get() {
                connection.close(CLOSED_REPLICA_GONE, &format!("replica {replica} is gone"));
            }
        }
    }

    /// The connection to a replica: the open one, or a new one that all who ask meanwhile share.
    async fn connection(&self, replica: &ReplicaAddress) -> Result<Arc<Connection>, ConnectError> {
        let cell = self.cell(replica);
        let connect = || {
            let group = &replica.replica.group;
            self.endpoint.connect(replica.address, group, &self.hello, &self.methods)
        };
        let connection = cell.get_or_try_init(connect).await?;
        if !self.routes.borrow().contains(replica) {
            // It left while it was dialled: nobody else would close this connection.
            self.lock().remove(replica);
            connection.close(CLOSED_REPLICA_GONE, "the replica is gone");
        }
        Ok(Arc::clone(connection))
    }

    fn cell(&self, replica: &ReplicaAddress) -> Arc<OnceCell<Arc<Connection>>> {
        let mut connections = self.lock();
        let cell = connections.entry(replica.clone()).or_default();
        // One that is going away stays: a new one to the same replica would be refused, too.
        if cell.get().is_some_and(|connection| connection.is_closed()) {
            *cell = Arc::default();
        }
        Arc::clone(cell)
    }

    /// The calls in flight on the connection to a replica; `None` if it takes no more.
    fn load(&self, replica: &ReplicaAddress) -> Option<usize> {
        let connections = self.lock();
        let connection = connections.get(replica).and_then(|cell| cell.get());
        match connection {
            None => Some(0),
            Some(connection) if connection.is_open() || connection.is_closed() => {
                Some(connection.calls_in_flight())
            }
            Some(_) => None,
        }
    }

    /// The less loaded of two replicas that chance picked.
    fn choose(&self, replicas: &[ReplicaAddress]) -> Option<ReplicaAddress> {
        let (first, second) = match replicas {
            [] => return None,
            [only] => return self.load(only).map(|_| only.clone()),
            _ => {
                let first = fastrand::usize(..replicas.len());
                let second = (first + fastrand::usize(1..replicas.len())) % replicas.len();
                (replicas.get(first)?, replicas.get(second)?)
            }
        };
        match (self.load(first), self.load(second)) {
            (Some(a), Some(b)) => Some(if a <= b { first } else { second }.clone()),
            (Some(_), None) => Some(first.clone()),
            (None, Some(_)) => Some(second.clone()),
            (None, None) => None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ReplicaAddress, Arc<OnceCell<Arc<Connection>>>>> {
        // Nothing panics while it holds the lock.
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is under way on all connections.
    pub(crate) fn gauges(&self) -> super::CallingGauges {
        let connections = self.lock();
        let open = connections.values().filter_map(|cell| cell.get());
        open.fold(super::CallingGauges::default(), |sum, connection| super::CallingGauges {
            calls: sum.calls + connection.calls_in_flight(),
            streams: sum.streams + connection.streams(),
        })
    }
}

impl Drop for Router {
    fn drop(&mut self) {
        // The tasks of a connection would keep it open.
        self.close_departed(&Routes::default());
    }
}

/// Calls to one component in another process.
pub(crate) struct Remote {
    router: Arc<Router>,
    group: String,
    component: u16,
}

impl Transport for Remote {
    fn call(&self, request: Request) -> BoxFuture<'_, Result<Message, Failure>> {
        Box::pin(self.carry(request))
    }
}

impl Remote {
    /// Tries replicas until one was sent the call; what was sent is never sent again.
    pub(crate) async fn carry(&self, request: Request) -> Result<Message, Failure> {
        let Request { method, arguments, .. } = request;
        let mut message = arguments?;
        let until = Instant::now() + Duration::from_secs(REPLICA_WAIT_SECONDS_MAX);
        loop {
            let connected = timeout_at(until, self.connect()).await;
            let still_dialling = || NoConnection::Retry("it does not answer".to_owned());
            let reason = match connected.unwrap_or_else(|_| Err(still_dialling())) {
                Ok(connection) => {
                    let outcome = connection.call(self.component, method, message).await;
                    match (outcome.answer, outcome.again) {
                        (
                            Err(Failure { kind: CallErrorKind::Draining, ran: Ran::No }),
                            Some(unsent),
                        ) => {
                            message = unsent;
                            "the connection was closing".to_owned()
                        }
                        (answer, _) => return answer,
                    }
                }
                Err(NoConnection::Final(failure)) => return Err(failure),
                Err(NoConnection::Retry(reason)) => reason,
            };
            if self.pause(until).await.is_err() {
                return Err(self.nobody(&reason));
            }
        }
    }

    async fn connect(&self) -> Result<Arc<Connection>, NoConnection> {
        let mut routes = self.router.routes.subscribe();
        let replica = self.router.choose(routes.borrow_and_update().replicas(&self.group));
        let Some(replica) = replica else {
            return Err(NoConnection::Retry("it has no replica that takes calls".to_owned()));
        };
        let address = replica.address;
        let gone = routes.wait_for(|routes| !routes.contains(&replica));
        tokio::select! {
            connected = self.router.connection(&replica) => connected.map_err(NoConnection::from),
            _ = gone => Err(NoConnection::Retry(format!("the replica at {address} is gone"))),
        }
    }

    /// Waits a little, or until the routes change.
    async fn pause(&self, until: Instant) -> Result<(), PatienceEnded> {
        if Instant::now() >= until {
            return Err(PatienceEnded);
        }
        let mut routes = self.router.routes.subscribe();
        let empty = routes.borrow_and_update().replicas(&self.group).is_empty();
        let redial = Instant::now() + Duration::from_millis(REDIAL_MILLISECONDS);
        let wake = if empty { until } else { redial.min(until) };
        tokio::select! {
            // The router holds the sender, so that this cannot fail.
            _ = routes.changed() => {}
            () = tokio::time::sleep_until(wake) => {}
        }
        Ok(())
    }

    fn nobody(&self, reason: &str) -> Failure {
        let group = &self.group;
        let reason = format!(
            "no replica of group `{group}` took the call for {REPLICA_WAIT_SECONDS_MAX} s: {reason}"
        );
        CallErrorKind::NotSent { reason }.into()
    }
}

struct PatienceEnded;

/// Why there is no connection.
enum NoConnection {
    /// Another replica, or the same a little later, may do.
    Retry(String),
    /// Trying again would not help.
    Final(Failure),
}

impl From<ConnectError> for NoConnection {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::WrongVersion { difference, .. } => {
                Self::Final(CallErrorKind::WrongVersion { difference }.into())
            }
            other => {
                let cause = std::error::Error::source(&other).map(|cause| format!(": {cause}"));
                Self::Retry(format!("{other}{}", cause.unwrap_or_default()))
            }
        }
    }
}
