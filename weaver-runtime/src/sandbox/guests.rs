//! [`Guests`]: the instances of one group in this process, of which each call chooses one.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use super::group::GuestGroup;
use crate::{
    client::Request,
    error::{CallErrorKind, Failure},
    message::Message,
    net::{ReplicaId, Site},
};

/// The instances of one group in this process.
pub(super) struct Guests {
    instances: Vec<(Site, Arc<GuestGroup>)>,
    /// Where the next look for the one that has least to do begins, so that idle ones take turns.
    next: AtomicUsize,
}

impl Guests {
    pub(super) fn new(group: &str, instances: Vec<Arc<GuestGroup>>) -> Self {
        let sites = (0..).map(|index| Site::of(&ReplicaId { group: group.to_owned(), index }));
        Self { instances: sites.zip(instances).collect(), next: AtomicUsize::new(0) }
    }

    /// Calls a component in one of them: in that where the call's key is at home, else in the one that has least
    /// to do.
    pub(super) async fn call(&self, component: u16, request: Request) -> Result<Message, Failure> {
        let instance = match request.key {
            Some(key) => self.home_of(key),
            None => self.least_busy(),
        };
        let instance = instance.ok_or(CallErrorKind::Draining)?;
        instance.call(component, request.method, request.arguments?).await
    }

    pub(super) fn each(&self) -> impl Iterator<Item = &Arc<GuestGroup>> {
        self.instances.iter().map(|(_, instance)| instance)
    }

    fn home_of(&self, key: u64) -> Option<&Arc<GuestGroup>> {
        let home = self.instances.iter().max_by_key(|(site, _)| site.weight(key));
        home.map(|(_, instance)| instance)
    }

    fn least_busy(&self) -> Option<&Arc<GuestGroup>> {
        if let [(_, only)] = self.instances.as_slice() {
            return Some(only);
        }
        let first = self.next.fetch_add(1, Ordering::Relaxed) % self.instances.len().max(1);
        let (before, after) = self.instances.split_at(first);
        let least = after.iter().chain(before).min_by_key(|(_, instance)| instance.load());
        least.map(|(_, instance)| instance)
    }
}
