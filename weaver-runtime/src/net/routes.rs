//! [`Routes`]: where the replicas of each group are.

use std::{collections::BTreeMap, fmt, net::SocketAddr};

use serde::{Deserialize, Serialize};

use crate::placement::RESERVED_PREFIX;

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
    /// The replicas of each group that live. One that drains is among them until it has ended: it
    /// says itself that it takes no new calls, and who has calls there waits for them. One that is
    /// not among them is dead.
    pub groups: BTreeMap<String, Vec<ReplicaAddress>>,
}

impl Routes {
    pub(super) fn replicas(&self, group: &str) -> &[ReplicaAddress] {
        self.groups.get(group).map_or(&[], Vec::as_slice)
    }
}
