//! [`Router`]: a node's view of the others.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{
    connection::CallingGauges,
    endpoint::Endpoint,
    group::{Dialler, Group},
    handshake::Hello,
    remote::Remote,
    routes::Routes,
};
use crate::{client::Transport, fingerprint::Signature};

/// A node's view of the others, and its connections to them.
#[derive(Debug)]
pub struct Router {
    dialler: Arc<Dialler>,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    routes: Routes,
    /// Those that somebody here calls, or has called.
    groups: BTreeMap<String, Arc<Group>>,
}

impl Router {
    /// A router that knows of nobody; `hello` and `methods` say which interfaces it calls. How long its
    /// calls wait for a replica is a limit of its endpoint's.
    #[must_use]
    pub fn new(endpoint: Endpoint, hello: Hello, methods: Vec<Signature>) -> Arc<Self> {
        let dialler = Arc::new(Dialler { endpoint, hello, methods });
        Arc::new(Self { dialler, known: Mutex::default() })
    }

    /// Replaces what is known. Connections to replicas that are gone are closed, and what was in
    /// flight there fails with "outcome unknown", or is tried elsewhere where that is allowed.
    pub fn set_routes(&self, routes: &Routes) {
        let mut known = self.lock();
        if routes.revision <= known.routes.revision {
            return;
        }
        known.routes.clone_from(routes);
        for (name, group) in &known.groups {
            group.set_replicas(routes.replicas(name));
        }
    }

    /// Calls to the component with index `component`, which is in `group`.
    #[must_use]
    pub fn transport(self: &Arc<Self>, group: &str, component: u16) -> Arc<dyn Transport> {
        Arc::new(self.remote(group, component))
    }

    /// The same, by its type.
    pub(crate) fn remote(self: &Arc<Self>, group: &str, component: u16) -> Remote {
        Remote::new(Arc::clone(self), self.group(group), component)
    }

    fn group(&self, name: &str) -> Arc<Group> {
        let mut known = self.lock();
        let Known { routes, groups } = &mut *known;
        match groups.entry(name.to_owned()) {
            Entry::Occupied(group) => Arc::clone(group.get()),
            Entry::Vacant(place) => {
                let group = Group::new(name.to_owned(), Arc::clone(&self.dialler));
                group.set_replicas(routes.replicas(name));
                Arc::clone(place.insert(group))
            }
        }
    }

    /// Is taken before the lock of a group.
    fn lock(&self) -> MutexGuard<'_, Known> {
        // Nothing panics while it holds the lock.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is under way on all connections.
    pub(crate) fn gauges(&self) -> CallingGauges {
        self.lock().groups.values().map(|group| group.gauges()).sum()
    }
}

impl Drop for Router {
    fn drop(&mut self) {
        // The tasks of a connection would keep it open.
        self.lock().groups.values().for_each(|group| group.set_replicas(&[]));
    }
}
