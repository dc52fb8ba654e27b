//! [`Node`]: one running process of a program, with the components that are placed in it.

mod loopback;
#[cfg(not(target_family = "wasm"))]
mod replica;
mod slot;

use std::{
    collections::BTreeMap,
    fmt, io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{task::JoinSet, time::timeout};

pub(crate) use self::loopback::{Carried, Carry, Checked, dispatch};
use self::{loopback::Loopback, slot::Slot};
use crate::{
    app::App,
    client::{Request, Transport},
    component::{BoxFuture, Component, ComponentSpec, Dispatch},
    config::ConfigFile,
    construct::{Provided, Provider},
    error::{CallError, CallErrorKind, Context, Error, Ran, Result},
    graph::Graph,
    limits::SHUTDOWN_SECONDS_MAX,
    listener::Listener,
    panics,
    placement::{MAIN, Placement},
    reference::Ref,
    registry::Registry,
    report,
};

#[cfg(not(target_family = "wasm"))]
pub(crate) use self::replica::{Occupant, Others, run_as_replica, run_replica, services};

/// One running process of a program.
pub(crate) struct Node {
    registry: Registry,
    config: ConfigFile,
    /// The components that live here.
    slots: BTreeMap<&'static str, Arc<Slot>>,
    calls: Calls,
    /// The tasks that build components.
    building: Mutex<JoinSet<()>>,
}

/// Where calls go.
pub(crate) enum Calls {
    /// Everything is here; a call is a method call.
    Direct,
    /// Everything is here, and calls are encoded as if it were not.
    Encoded,
    /// Some components are elsewhere.
    Remote { group: String, placement: Placement, outside: Box<dyn Outside> },
}

/// What a node that is one of several finds outside.
pub(crate) trait Outside: Send + Sync {
    /// Where calls to a component of another group go.
    fn transport(&self, node: &Node, callee: Callee<'_>) -> Arc<dyn Transport>;

    /// Binds a listener, and tells those who forward to it.
    fn bind(&self, name: &'static str) -> io::Result<Listener>;

    /// Shuts down what is there for this node alone.
    fn shutdown(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// A component of another group.
pub(crate) struct Callee<'a> {
    pub(crate) spec: &'static ComponentSpec,
    /// Its index on the wire.
    pub(crate) index: u16,
    pub(crate) group: &'a str,
}

/// How the author's `main` ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MainEnd {
    /// It returned; the exit code.
    Returned(u8),
    /// Its arguments could not be filled: a component that it needs is not there yet.
    NotStarted,
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").field("slots", &self.slots.keys()).finish_non_exhaustive()
    }
}

impl Node {
    /// A node that starts to build its components. To be called inside the program's runtime.
    pub(crate) fn start(registry: Registry, config: ConfigFile, calls: Calls) -> Arc<Self> {
        panics::remember_places();
        let here = registry.iter().filter(|i| calls.is_here(i.component.name));
        let slots = here.map(|i| (i.component.name, Arc::new(Slot::new(i)))).collect();
        let building = Mutex::default();
        let node = Arc::new(Self { registry, config, slots, calls, building });
        if cfg!(debug_assertions) && !matches!(node.calls, Calls::Remote { .. }) {
            node.warn_of_what_cannot_travel();
        }
        node.build_all();
        node
    }

    /// A reference to a component, once it can be called.
    pub(crate) async fn get<C: Component + ?Sized>(&self) -> Result<Ref<C>> {
        self.ready(C::SPEC).await?;
        self.provide(C::SPEC, MAIN)?.into_ref()
    }

    /// Waits until a component can be called, wherever it is.
    pub(crate) async fn ready(&self, spec: &'static ComponentSpec) -> Result<()> {
        let ready = match (self.slots.get(spec.name), &self.calls) {
            (Some(slot), _) => slot.ready().await.map(drop),
            (None, Calls::Remote { .. }) => {
                let transport = self.transport(spec, MAIN)?;
                transport.call(Request::ready()).await.map(drop)
            }
            (None, _) => return Err(missing(spec, MAIN)),
        };
        ready.map_err(|failure| CallError::new(spec.name, "get", failure))?;
        Ok(())
    }

    /// The component whose index on the wire this is, if it is here.
    pub(crate) fn target(&self, index: u16) -> Option<Arc<dyn Dispatch>> {
        let implementation = self.registry.at(index)?;
        let slot = self.slots.get(implementation.component.name)?;
        Some(Arc::clone(slot) as _)
    }

    /// The program as data.
    pub(crate) fn graph(&self) -> &Graph {
        self.registry.graph()
    }

    /// Waits until the first attempt to build each component here has ended.
    #[cfg(target_family = "wasm")]
    pub(crate) async fn settled(&self) {
        for slot in self.slots.values() {
            // One that failed is said so to its callers.
            let _ = slot.ready().await;
        }
    }

    /// The components here that could not be built yet, with the reason of the last attempt.
    pub(crate) fn failed(&self) -> Vec<(String, String)> {
        let failed = self
            .slots
            .iter()
            .filter_map(|(name, slot)| slot.failed().map(|reason| ((*name).to_owned(), reason)));
        failed.collect()
    }

    /// Stops building and runs every component's `shutdown`, dependents before what they depend on.
    pub(crate) async fn shutdown(&self) {
        self.building.lock().unwrap_or_else(PoisonError::into_inner).abort_all();
        // A cycle was refused at start.
        let order = self.registry.dependency_order().unwrap_or_default();
        for name in order.into_iter().rev() {
            let Some(instance) = self.slots.get(name).and_then(|slot| slot.stop()) else {
                continue;
            };
            let limit = Duration::from_secs(SHUTDOWN_SECONDS_MAX);
            match timeout(limit, instance.shutdown()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => report::warn(&format!("shutdown of {name} failed: {error:#}")),
                Err(_) => report::warn(&format!("shutdown of {name} took over {limit:?}")),
            }
        }
        if let Calls::Remote { outside, .. } = &self.calls {
            outside.shutdown().await;
        }
    }

    /// The running program, as its `main` sees it.
    pub(crate) fn app(self: &Arc<Self>) -> App {
        App::new(Arc::clone(self))
    }

    /// Each component has a task that waits for its dependencies and tries until it is built.
    fn build_all(self: &Arc<Self>) {
        let mut building = self.building.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, slot) in &self.slots {
            let dependencies = self.registry.references(name).into_iter();
            let dependencies: Vec<_> =
                dependencies.filter_map(|name| self.slots.get(name)).cloned().collect();
            let (node, slot) = (Arc::clone(self), Arc::clone(slot));
            building.spawn(async move { slot.build(&NodeProvider(node), &dependencies).await });
        }
    }

    fn provide(&self, spec: &'static ComponentSpec, holder: &str) -> Result<Provided> {
        match self.slots.get(spec.name) {
            Some(slot) if self.calls.are_direct(spec.name) => slot.provide().map_err(Error::from),
            _ => Ok(Provided::Elsewhere(self.transport(spec, holder)?)),
        }
    }

    fn transport(&self, spec: &'static ComponentSpec, holder: &str) -> Result<Arc<dyn Transport>> {
        match &self.calls {
            Calls::Direct | Calls::Encoded => {
                let slot = self.slots.get(spec.name).ok_or_else(|| missing(spec, holder))?;
                Ok(Arc::new(Checked::new(Loopback(Arc::clone(slot)), self.carried(spec))))
            }
            Calls::Remote { placement, outside, .. } => {
                let index = self.registry.index(spec.name);
                let group = placement.group_of(spec.name);
                let (index, group) = index.zip(group).ok_or_else(|| missing(spec, holder))?;
                Ok(outside.transport(self, Callee { spec, index, group }))
            }
        }
    }

    fn bind(&self, name: &'static str) -> Result<Listener> {
        match &self.calls {
            Calls::Remote { outside, .. } => outside.bind(name),
            Calls::Direct | Calls::Encoded => bind(name, &self.config),
        }
        .context(format_args!("cannot bind listener `{name}`"))
    }

    /// Which of a component's methods have types that a boundary cannot carry.
    pub(crate) fn carried(&self, spec: &ComponentSpec) -> Carried {
        let component = self.graph().components.get(spec.name);
        Carried::new(component.map_or(&[], |component| component.methods.as_slice()))
    }

    fn warn_of_what_cannot_travel(&self) {
        for (name, component) in &self.graph().components {
            for method in &component.methods {
                for problem in &method.problems {
                    let method = &method.name;
                    report::warn(&format!(
                        "warning: {name}.{method} can only be called in the same process: {problem}"
                    ));
                }
            }
        }
    }
}

impl Calls {
    fn is_here(&self, component: &str) -> bool {
        match self {
            Self::Direct | Self::Encoded => true,
            Self::Remote { group, placement, .. } => placement.group_of(component) == Some(group),
        }
    }

    /// Whether a component that is here is called as such.
    fn are_direct(&self, component: &str) -> bool {
        match self {
            Self::Direct => true,
            Self::Encoded => false,
            Self::Remote { placement, .. } => !placement.is_by_key(component),
        }
    }
}

/// Binds a listener where the configuration says, or on a free port, and prints where.
pub(crate) fn bind(name: &'static str, config: &ConfigFile) -> io::Result<Listener> {
    let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let address = config.listener(name).unwrap_or(free);
    let failed = |error: io::Error| io::Error::new(error.kind(), format!("{address}: {error}"));
    let bound = Listener::bind(name, address).map_err(failed)?;
    report::to_stderr(&format!("{name}  http://{}", bound.local_addr()?));
    Ok(bound)
}

fn missing(spec: &'static ComponentSpec, holder: &str) -> Error {
    Error::msg(Registry::missing(spec, holder))
}

/// What a node offers to the implementations that it makes.
pub(crate) struct NodeProvider(pub(crate) Arc<Node>);

impl Provider for NodeProvider {
    fn component(&self, spec: &'static ComponentSpec) -> Result<Provided> {
        self.0.provide(spec, MAIN)
    }

    fn listener(&self, name: &'static str) -> Result<Listener> {
        self.0.bind(name)
    }

    fn config(&self) -> &ConfigFile {
        &self.0.config
    }

    fn app(&self) -> App {
        self.0.app()
    }
}

/// A failure to report when a component has been stopped.
fn stopped() -> crate::error::Failure {
    crate::error::Failure::new(CallErrorKind::Draining, Ran::No)
}
