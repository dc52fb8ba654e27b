//! The callee's side: takes connections (`greeting`: who calls, and may it?), and runs the calls of each (`session`).

use std::{collections::HashMap, fmt, sync::Arc, time::Duration};

use tokio::{runtime::Handle, time::timeout};

use super::{
    first_poll::FirstPolls,
    gate::{Gate, ServingGauges},
    handshake::HANDSHAKE_SECONDS_MAX,
    io::Io,
    local::Door,
};
use crate::{
    component::Dispatch,
    context,
    fingerprint::{Fingerprint, Signature},
    limits::Limits,
};

mod greeting;
mod running;
mod session;

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
    /// Whether its calls are refused when the node has too much to do. Those of the control plane are
    /// not: a node that is busy must not look dead.
    pub is_bounded: bool,
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Service({:?})", self.callers)
    }
}

/// A service, and how its calls fare.
#[derive(Debug)]
struct Served {
    service: Service,
    /// By the method's index, of which those beyond [`METHODS_APART`] share with others.
    first_polls: [Arc<FirstPolls>; METHODS_APART],
}

const METHODS_APART: usize = 32;

impl Served {
    fn new(service: Service) -> Self {
        Self { service, first_polls: std::array::from_fn(|_| Arc::default()) }
    }
}

/// By the component's index.
type Table = Arc<[Option<Served>]>;

/// Everything that a node serves: for each set of interfaces (the program's, the control plane's) a
/// table by component index.
pub struct Services {
    tables: HashMap<Fingerprint, Table>,
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
        limits: &Limits,
    ) -> Arc<Self> {
        let served = |services: Vec<Option<Service>>| {
            services.into_iter().map(|service| service.map(Served::new)).collect()
        };
        let tables = tables.into_iter().map(|(table, services)| (table, served(services)));
        Arc::new(Self {
            tables: tables.collect(),
            methods,
            handlers: Handle::current(),
            gate: Gate::new(limits),
        })
    }

    /// Takes no new calls, tells every caller so, and waits until those in flight are finished or
    /// `limit` has passed; then sends what is still to be sent. Returns how many calls were left.
    pub async fn drain(&self, limit: Duration) -> usize {
        self.gate.drain(limit).await
    }

    /// What is under way.
    #[must_use]
    pub fn gauges(&self) -> ServingGauges {
        self.gate.gauges()
    }
}

/// Serves one connection until it ends.
pub(super) async fn serve(
    incoming: quinn::Incoming,
    services: Arc<Services>,
    door: Option<Arc<Door>>,
    io: Io,
) {
    let address = incoming.remote_address();
    let limit = Duration::from_secs(HANDSHAKE_SECONDS_MAX);
    match timeout(limit, greeting::shake_hands(incoming, &services, door.as_deref(), &io)).await {
        Ok(Ok(session)) => session.run().await,
        Ok(Err(error)) => tracing::warn!(%address, %error, "refused a connection"),
        // Dropping the handshake has closed it.
        Err(_) => tracing::warn!(%address, "refused a connection: silent for {limit:?}"),
    }
}

/// The group that makes the call which is being handled, as its certificate names it; `None` outside
/// of calls from other nodes.
#[must_use]
pub fn caller() -> Option<Arc<str>> {
    context::caller()
}
