//! [`Balance`]: which replica of a group takes a call. Pure: the time, chance and the load of each
//! replica are arguments.
//!
//! Without a key, the less loaded of two that chance picked: nearly as even as the least loaded of
//! all, and callers that do not know of each other do not all run to the same one (Mitzenmacher,
//! "The Power of Two Choices in Randomized Load Balancing"). With a key, the one with the greatest
//! weight for it. Replicas that were in trouble are left out for a while; see [`Health`]. Keys stay with
//! one that is merely slow: what they meet there is worth more than time.

mod health;
mod latency;
mod rendezvous;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use fastrand::Rng;

use self::health::{Health, Peers};
pub(crate) use self::{
    health::{Standing, Trouble},
    rendezvous::Site,
};
use super::routes::ReplicaAddress;

/// A group's replicas, and how this node has fared with each.
#[derive(Debug, Default)]
pub(crate) struct Balance {
    peers: Vec<Peer>,
}

#[derive(Debug)]
struct Peer {
    replica: Arc<ReplicaAddress>,
    site: Site,
    health: Health,
}

/// The replica that takes a call. How the call ended is to be reported with it.
#[derive(Clone, Debug)]
pub(crate) struct Chosen {
    pub(crate) replica: Arc<ReplicaAddress>,
    /// How it stood when it was chosen.
    pub(crate) standing: Standing,
    /// Where it was kept then. It may have moved since.
    place: usize,
}

impl Balance {
    /// Replaces the set. A process that stays keeps its record; a restarted one has another address
    /// and begins anew, but keeps its keys.
    pub(crate) fn set_replicas(&mut self, replicas: &[ReplicaAddress], now: Instant) {
        let mut known = std::mem::take(&mut self.peers);
        for replica in replicas {
            let is = |peer: &Peer| *peer.replica == *replica;
            // One of each, however often it is named.
            if self.peers.iter().any(is) {
                continue;
            }
            self.peers.push(match known.iter().position(is) {
                Some(index) => known.swap_remove(index),
                None => Peer::new(replica.clone(), now),
            });
        }
    }

    /// The replica for a call with this key, other than those that it was `tried` on. `load` is the
    /// number of calls in flight there, or `None` if it takes no more.
    ///
    /// If trouble is all that is left, it is still one of them: the caller sees from its standing
    /// that it may rather wait. `None` means that no replica takes calls, or that all were tried.
    pub(crate) fn choose(
        &mut self,
        key: Option<u64>,
        tried: &[Arc<ReplicaAddress>],
        load: impl Fn(&ReplicaAddress) -> Option<usize>,
        now: Instant,
        rng: &mut Rng,
    ) -> Option<Chosen> {
        let load = |index: usize| self.peers.get(index).and_then(|peer| load(&peer.replica));
        let index = match key {
            Some(key) => {
                let usable = self.untried(tried, |health| health.is_usable_for_its_keys(now));
                self.heaviest(&usable, key, load)
            }
            None => self.two_at_once(tried, load, now, rng).or_else(|| {
                let usable = self.untried(tried, |health| health.is_usable(now));
                lighter_of_two(usable, load, rng)
            }),
        };
        let last_resort = || {
            let left_out = self.untried(tried, |health| !health.is_usable(now));
            self.last_resort(&left_out, load)
        };
        let index = index.or_else(last_resort)?;
        let peer = self.peers.get_mut(index)?;
        let standing = peer.health.begin(now);
        Some(Chosen { replica: Arc::clone(&peer.replica), standing, place: index })
    }

    /// It answered, whatever the answer was. `latency` is for the answer, not for a stream in it.
    pub(crate) fn succeeded(
        &mut self,
        chosen: &Chosen,
        latency: Duration,
        now: Instant,
        rng: &mut Rng,
    ) {
        if let Some((health, peers)) = self.record(chosen, now) {
            health.succeeded(chosen.standing, latency, peers, now, rng);
        }
    }

    /// It did not answer, or would not.
    pub(crate) fn failed(
        &mut self,
        chosen: &Chosen,
        trouble: Trouble,
        now: Instant,
        rng: &mut Rng,
    ) {
        if let Some((health, peers)) = self.record(chosen, now) {
            health.failed(chosen.standing, trouble, peers, now, rng);
        }
    }

    /// The call ended without an answer, for which the replica is not to blame: it is draining, or the
    /// caller gave up, or another was quicker. All that is known is how long it had `waited`.
    pub(crate) fn abandoned(
        &mut self,
        chosen: &Chosen,
        waited: Duration,
        now: Instant,
        rng: &mut Rng,
    ) {
        if let Some((health, peers)) = self.record(chosen, now) {
            health.abandoned(chosen.standing, waited, peers, now, rng);
        }
    }

    /// Whether there is no replica at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.peers.is_empty()
    }

    /// Whether there is a replica to choose that a call was not tried on; not one that is left out.
    pub(crate) fn has_untried(
        &self,
        tried: &[Arc<ReplicaAddress>],
        load: impl Fn(&ReplicaAddress) -> Option<usize>,
        now: Instant,
    ) -> bool {
        let usable = self.peers.iter().filter(|peer| peer.health.is_usable(now));
        let mut open = usable.filter(|peer| load(&peer.replica).is_some());
        open.any(|peer| !tried.contains(&peer.replica))
    }

    /// The less loaded of two that chance picked among all, if both can be used: the usual case, for
    /// which nobody else need be looked at.
    fn two_at_once(
        &self,
        tried: &[Arc<ReplicaAddress>],
        load: impl Fn(usize) -> Option<usize>,
        now: Instant,
        rng: &mut Rng,
    ) -> Option<usize> {
        let count = self.peers.len();
        if !tried.is_empty() || count == 0 {
            return None;
        }
        let is_usable =
            |index: usize| self.peers.get(index).is_some_and(|it| it.health.is_usable(now));
        let first = rng.usize(..count);
        if count == 1 {
            return is_usable(first).then_some(first).filter(|index| load(*index).is_some());
        }
        // Any other.
        let second = (first + rng.usize(1..count)) % count;
        if !is_usable(first) || !is_usable(second) {
            return None;
        }
        let (first_load, second_load) = (load(first)?, load(second)?);
        Some(if second_load < first_load { second } else { first })
    }

    /// The indexes of replicas that were not tried and whose health is so.
    fn untried(
        &self,
        tried: &[Arc<ReplicaAddress>],
        is_so: impl Fn(&Health) -> bool,
    ) -> Vec<usize> {
        let peers = self.peers.iter().enumerate();
        let untried = peers.filter(|(_, peer)| !tried.contains(&peer.replica));
        untried.filter(|(_, peer)| is_so(&peer.health)).map(|(index, _)| index).collect()
    }

    fn heaviest(
        &self,
        usable: &[usize],
        key: u64,
        load: impl Fn(usize) -> Option<usize>,
    ) -> Option<usize> {
        let open = usable.iter().copied().filter(|index| load(*index).is_some());
        open.max_by_key(|index| self.peers.get(*index).map(|peer| peer.site.weight(key)))
    }

    /// Of those left out, the one that is the likeliest to work.
    fn last_resort(
        &self,
        left_out: &[usize],
        load: impl Fn(usize) -> Option<usize>,
    ) -> Option<usize> {
        let open = left_out.iter().copied().filter(|index| load(*index).is_some());
        open.min_by_key(|index| self.peers.get(*index).map(|peer| peer.health.hopelessness()))
    }

    /// The record of a replica, and what the others say about it. Most calls end well and need not
    /// know: the others are looked at, all of them, when somebody asks.
    fn record(
        &mut self,
        chosen: &Chosen,
        now: Instant,
    ) -> Option<(&mut Health, impl Fn() -> Peers)> {
        let place = self.place(chosen)?;
        let (before, rest) = self.peers.split_at_mut(place);
        let (peer, after) = rest.split_first_mut()?;
        let (before, after) = (&*before, &*after);
        Some((&mut peer.health, move || peers(before, after, now)))
    }

    fn place(&self, chosen: &Chosen) -> Option<usize> {
        match self.peers.get(chosen.place) {
            Some(peer) if is(peer, chosen) => Some(chosen.place),
            _ => self.peers.iter().position(|peer| is(peer, chosen)),
        }
    }
}

/// What all replicas but one say about that one.
fn peers(before: &[Peer], after: &[Peer], now: Instant) -> Peers {
    let others = || before.iter().chain(after);
    let full = others().filter(|peer| peer.health.is_full());
    let left_out = others().filter(|peer| !peer.health.is_full()).count();
    Peers {
        latency: full.filter_map(|peer| peer.health.latency(now)).min(),
        // With it, at most half of all: when most of a group is in trouble, it is the load, and
        // the few that remain would fall next.
        may_spare_it: (left_out + 1) * 2 <= others().count() + 1,
    }
}

impl Peer {
    fn new(replica: ReplicaAddress, now: Instant) -> Self {
        let site = Site::of(&replica.replica);
        Self { replica: Arc::new(replica), site, health: Health::new(now) }
    }
}

/// Whether it is the one that was chosen. Usually the very same, which is sooner seen.
fn is(peer: &Peer, chosen: &Chosen) -> bool {
    Arc::ptr_eq(&peer.replica, &chosen.replica) || peer.replica == chosen.replica
}

fn lighter_of_two(
    mut usable: Vec<usize>,
    load: impl Fn(usize) -> Option<usize>,
    rng: &mut Rng,
) -> Option<usize> {
    let (first, first_load) = draw(&mut usable, &load, rng)?;
    match draw(&mut usable, &load, rng) {
        Some((second, second_load)) if second_load < first_load => Some(second),
        _ => Some(first),
    }
}

/// Takes one that takes calls out of the pot, with its load.
fn draw(
    pot: &mut Vec<usize>,
    load: impl Fn(usize) -> Option<usize>,
    rng: &mut Rng,
) -> Option<(usize, usize)> {
    while !pot.is_empty() {
        let index = pot.swap_remove(rng.usize(..pot.len()));
        if let Some(load) = load(index) {
            return Some((index, load));
        }
    }
    None
}

#[cfg(test)]
mod tests;
