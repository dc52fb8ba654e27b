//! [`Deployment`]: replicas, and what a deployer says of them.

use std::collections::BTreeMap;

use weaver_runtime::{
    limits::Limits,
    net::{ReplicaAddress, Routes},
};

use crate::{
    authority::Authority,
    caller::Caller,
    replica::{Replica, Runs},
};

/// The group of the replicas.
pub(crate) const CALLEE: &str = "callee";
/// The group that calls.
pub(crate) const CALLER: &str = "caller";

/// Replicas by their index, and one caller.
pub(crate) struct Deployment {
    pub(crate) authority: Authority,
    pub(crate) caller: Caller,
    pub(crate) runs: Runs,
    replicas: BTreeMap<u32, Replica>,
    /// Replicas that are not nodes.
    strangers: Vec<ReplicaAddress>,
    revision: u64,
}

impl Deployment {
    /// With so many replicas, which the caller knows.
    pub(crate) fn of(replicas: u32) -> Self {
        Self::with_limits(replicas, &Limits::default())
    }

    /// The limits are the caller's.
    pub(crate) fn with_limits(replicas: u32, limits: &Limits) -> Self {
        let authority = Authority::new();
        let caller = Caller::new(&authority.identity(CALLER), limits);
        let (runs, replicas_by_index) = (Runs::default(), BTreeMap::new());
        let (strangers, revision) = (Vec::new(), 0);
        let mut deployment =
            Self { authority, caller, runs, replicas: replicas_by_index, strangers, revision };
        (0..replicas).for_each(|index| deployment.start(index, &Limits::default()));
        deployment.publish();
        deployment
    }

    /// Starts a replica, possibly again. The caller does not know yet.
    pub(crate) fn start(&mut self, index: u32, limits: &Limits) {
        let identity = self.authority.identity(CALLEE);
        self.replicas.insert(index, Replica::start(index, &identity, limits, &self.runs));
    }

    /// Adds a replica that is not a node.
    pub(crate) fn add_stranger(&mut self, at: ReplicaAddress) {
        self.strangers.push(at);
    }

    /// Forgets those. The caller does not know yet.
    pub(crate) fn forget_strangers(&mut self) {
        self.strangers.clear();
    }

    /// Forgets a replica. The caller does not know yet.
    pub(crate) fn remove(&mut self, index: u32) -> Replica {
        self.replicas.remove(&index).unwrap()
    }

    /// Tells the caller who lives.
    pub(crate) fn publish(&mut self) {
        self.revision += 1;
        self.caller.router.set_routes(&self.routes());
    }

    pub(crate) fn routes(&self) -> Routes {
        let nodes = self.replicas.values().map(|replica| replica.at.clone());
        let replicas = nodes.chain(self.strangers.iter().cloned()).collect();
        let groups = [(CALLEE.to_owned(), replicas)].into();
        Routes { revision: self.revision, groups }
    }

    pub(crate) fn replica(&self, index: u32) -> &Replica {
        &self.replicas[&index]
    }

    /// How often a call ran.
    pub(crate) fn runs_of(&self, call: u64) -> u32 {
        self.runs.lock().unwrap().get(&call).copied().unwrap_or(0)
    }
}
