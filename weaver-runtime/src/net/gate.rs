//! [`Gate`]: what a node has taken on, from all its callers together, and what it takes no more.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use tokio::{sync::watch, time::timeout};

use super::{
    overload::Queueing,
    tally::{Counted, Tally},
};
use crate::{
    error::{CallErrorKind, Failure, Load},
    limits::{FLUSH_SECONDS_MAX, Limits},
};

/// Counts what is under way on all connections, bounds it, and closes for draining.
#[derive(Debug)]
pub(super) struct Gate {
    phase: watch::Sender<Phase>,
    /// The same as whether the phase is open, for every call to look at.
    is_draining: AtomicBool,
    totals: Arc<Totals>,
    /// Streams of results.
    streams: Arc<Tally>,
    /// Tasks that write answers.
    writers: Arc<Tally>,
    queueing: Mutex<Queueing>,
    /// By the caller's certificate; those of callers that are gone are removed now and then.
    shares: Mutex<HashMap<Vec<u8>, Weak<Share>>>,
    limits: Limits,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    Open,
    /// No new calls.
    Draining,
    /// Nothing more to say.
    Closing,
}

/// What one caller has of a node's places. It may have [`SHARE_OF_FREE`] times as many as are free, so
/// that one that takes all it can get leaves a ninth for the others, and ten of them one in eighty-one.
/// (Dynamic thresholds, as switches share their buffers: Choudhury and Hahne, 1998.)
///
/// A caller is who holds a certificate, not a connection: else a second connection would be a second
/// share.
#[derive(Debug, Default)]
pub(super) struct Share {
    calls: Tally,
    bytes: Bytes,
    connections: Arc<Tally>,
}

/// What all callers have together.
#[derive(Debug, Default)]
struct Totals {
    calls: Tally,
    bytes: Bytes,
}

/// Bytes by what they are of. A limit holds for each, so that requests that wait for their turn do not
/// keep answers, for which the work is done, from being sent.
#[derive(Debug, Default)]
struct Bytes {
    arguments: AtomicUsize,
    answers: AtomicUsize,
}

/// What bytes are of.
#[derive(Clone, Copy, Debug)]
enum Of {
    Arguments,
    Answers,
}

impl Bytes {
    /// What the node then holds of this kind, and what of that is the caller's.
    fn grow_by(&self, more: usize, of: Of, share: &Share) -> (usize, usize) {
        let total = self.of(of).fetch_add(more, Ordering::Relaxed) + more;
        let own = share.bytes.of(of).fetch_add(more, Ordering::Relaxed) + more;
        (total, own)
    }

    fn shrink_by(&self, less: usize, of: Of, share: &Share) {
        self.of(of).fetch_sub(less, Ordering::Relaxed);
        share.bytes.of(of).fetch_sub(less, Ordering::Relaxed);
    }

    /// Grows if there is room for it, in the node and in the share.
    fn take(&self, more: usize, of: Of, share: &Share, bytes_max: usize) -> Result<(), Load> {
        let (total, own) = self.grow_by(more, of, share);
        let free = (bytes_max + more).saturating_sub(total);
        let of_share_max = free.saturating_mul(SHARE_OF_FREE);
        if total <= bytes_max && own <= of_share_max {
            return Ok(());
        }
        self.shrink_by(more, of, share);
        Err(match of {
            Of::Arguments => Load::Bytes { bytes: total, bytes_max },
            Of::Answers => Load::Unsent { bytes: total, bytes_max },
        })
    }

    fn of(&self, of: Of) -> &AtomicUsize {
        match of {
            Of::Arguments => &self.arguments,
            Of::Answers => &self.answers,
        }
    }
}

const SHARE_OF_FREE: usize = 8;

/// Connections of one caller. It needs one, and a second while that is replaced; each costs us up to
/// its windows and its outbox.
pub(super) const CONNECTIONS_PER_CALLER_MAX: usize = 16;

/// A call's place in a node: counted until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    totals: Arc<Totals>,
    share: Arc<Share>,
    is_of_share: bool,
    /// Of its arguments.
    bytes: usize,
}

impl Place {
    /// Counts the call for the node.
    fn new(totals: &Arc<Totals>, share: &Arc<Share>) -> Self {
        totals.calls.increase(1);
        let (totals, share) = (Arc::clone(totals), Arc::clone(share));
        Self { totals, share, is_of_share: false, bytes: 0 }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Self { totals, share, is_of_share, bytes } = self;
        if *bytes > 0 {
            totals.bytes.shrink_by(*bytes, Of::Arguments, share);
        }
        if *is_of_share {
            share.calls.decrease(1);
        }
        totals.calls.decrease(1);
    }
}

/// Bytes that are held for a caller.
#[derive(Debug)]
pub(super) struct Held {
    of: Of,
    totals: Arc<Totals>,
    share: Arc<Share>,
    bytes: usize,
    bytes_max: usize,
}

/// What a node works on for others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServingGauges {
    /// Calls that are worked on.
    pub calls: usize,
    /// Bytes of their arguments.
    pub bytes: usize,
    /// Bytes of answers that wait to be sent.
    pub answer_bytes: usize,
    /// Streams of results that are not at their end.
    pub streams: usize,
}

impl Gate {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            phase: watch::Sender::new(Phase::Open),
            is_draining: AtomicBool::new(false),
            totals: Arc::default(),
            streams: Arc::default(),
            writers: Arc::default(),
            queueing: Mutex::new(Queueing::new(Instant::now())),
            shares: Mutex::default(),
            limits: limits.clone(),
        }
    }

    /// The share of the caller with this certificate.
    pub(super) fn share_of(&self, certificate: &[u8]) -> Arc<Share> {
        // Nothing panics while it holds the lock.
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(share) = shares.get(certificate).and_then(Weak::upgrade) {
            return share;
        }
        shares.retain(|_, share| share.strong_count() > 0);
        let share = Arc::default();
        shares.insert(certificate.to_vec(), Arc::downgrade(&share));
        share
    }

    /// A place for a call. It is counted before the phase is looked at, so that a drain that has
    /// seen no call sees no later one.
    pub(super) fn enter(&self, share: &Arc<Share>, bytes: usize) -> Result<Place, Failure> {
        let calls_max = self.limits.calls_in_flight;
        let free = calls_max.saturating_sub(self.totals.calls.count());
        let mut place = self.enter_unless_draining(share)?;
        let of_share_max = free.saturating_mul(SHARE_OF_FREE).min(calls_max);
        let of_share = share.calls.increase_up_to(1, of_share_max);
        of_share.map_err(|_| Load::Calls { calls: calls_max - free, calls_max })?;
        place.is_of_share = true;
        self.totals.bytes.take(bytes, Of::Arguments, share, self.limits.queued_bytes)?;
        place.bytes = bytes;
        Ok(place)
    }

    /// A place for a call that is taken on however much there is to do.
    pub(super) fn enter_unbounded(&self, share: &Arc<Share>) -> Result<Place, Failure> {
        let mut place = self.enter_unless_draining(share)?;
        share.calls.increase(1);
        place.is_of_share = true;
        Ok(place)
    }

    fn enter_unless_draining(&self, share: &Arc<Share>) -> Result<Place, Failure> {
        let place = Place::new(&self.totals, share);
        match self.is_draining() {
            true => Err(CallErrorKind::Draining.into()),
            false => Ok(place),
        }
    }

    /// A call that arrived then is about to begin: it may, or there is too much to do.
    pub(super) fn begin(&self, arrived: Instant) -> Result<(), Load> {
        let now = Instant::now();
        // Nothing panics while it holds the lock.
        let mut queueing = self.queueing.lock().unwrap_or_else(PoisonError::into_inner);
        queueing.begin(now.saturating_duration_since(arrived), now)
    }

    /// For arguments of a caller; holds nothing yet.
    pub(super) fn hold_arguments(&self, share: &Arc<Share>) -> Held {
        self.hold(Of::Arguments, share)
    }

    /// For answers to a caller that wait to be sent; holds nothing yet.
    pub(super) fn hold_answers(&self, share: &Arc<Share>) -> Held {
        self.hold(Of::Answers, share)
    }

    fn hold(&self, of: Of, share: &Arc<Share>) -> Held {
        let (totals, share) = (Arc::clone(&self.totals), Arc::clone(share));
        Held { of, totals, share, bytes: 0, bytes_max: self.limits.queued_bytes }
    }

    /// A place for a stream of a result.
    pub(super) fn stream(&self) -> Counted {
        Tally::add(&self.streams, 1)
    }

    /// A place for a task that writes answers.
    pub(super) fn writer(&self) -> Counted {
        Tally::add(&self.writers, 1)
    }

    /// How many streams one connection may have open.
    pub(super) fn streams_max(&self) -> usize {
        usize::try_from(self.limits.streams).unwrap_or(usize::MAX)
    }

    pub(super) fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::SeqCst)
    }

    pub(super) fn phase(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }

    pub(super) fn gauges(&self) -> ServingGauges {
        let Totals { calls, bytes } = &*self.totals;
        let (calls, streams) = (calls.count(), self.streams.count());
        let (bytes, answer_bytes) = (bytes.of(Of::Arguments), bytes.of(Of::Answers));
        let bytes = bytes.load(Ordering::Relaxed);
        let answer_bytes = answer_bytes.load(Ordering::Relaxed);
        ServingGauges { calls, bytes, answer_bytes, streams }
    }

    /// Takes no new calls, tells every caller so, and waits until those in flight, and the streams of
    /// results, are finished or `limit` has passed; then cuts the streams and sends what is still to be
    /// sent. Returns how many calls and streams were left.
    pub(super) async fn drain(&self, limit: Duration) -> usize {
        self.is_draining.store(true, Ordering::SeqCst);
        self.phase.send_replace(Phase::Draining);
        let finished = async {
            self.totals.calls.idle().await;
            self.streams.idle().await;
        };
        // Counted only when the time is up: one that comes late has a place for the moment in which it is refused.
        let left = match timeout(limit, finished).await {
            Ok(()) => 0,
            Err(_) => self.totals.calls.count() + self.streams.count(),
        };
        self.phase.send_replace(Phase::Closing);
        let flushed = async {
            self.writers.idle().await;
            self.streams.idle().await;
        };
        // A peer that does not read its answers, or does not say that it sends no more requests, is not
        // waited for.
        let _ = timeout(Duration::from_secs(FLUSH_SECONDS_MAX), flushed).await;
        left
    }
}

impl Share {
    /// A place for one more connection of this caller; if it has too many, how many that would be.
    pub(super) fn connect(&self) -> Result<Counted, usize> {
        Tally::add_up_to(&self.connections, 1, CONNECTIONS_PER_CALLER_MAX)
    }
}

impl Held {
    /// Nothing, of the same share.
    pub(super) fn another(&self) -> Self {
        let (totals, share) = (Arc::clone(&self.totals), Arc::clone(&self.share));
        Self { of: self.of, totals, share, bytes: 0, bytes_max: self.bytes_max }
    }

    /// Holds nothing any more.
    pub(super) fn release(&mut self) {
        self.shrink_to(0);
    }

    /// Holds `bytes` from now on. If that is more than before and the node has no room for it, it holds
    /// what it did.
    pub(super) fn set(&mut self, bytes: usize) -> Result<(), Load> {
        match bytes.checked_sub(self.bytes) {
            Some(more) => {
                self.totals.bytes.take(more, self.of, &self.share, self.bytes_max)?;
                self.bytes = bytes;
            }
            None => self.shrink_to(bytes),
        }
        Ok(())
    }

    /// Holds `bytes` from now on, whether or not there is room.
    pub(super) fn set_regardless(&mut self, bytes: usize) {
        match bytes.checked_sub(self.bytes) {
            Some(more) => {
                self.totals.bytes.grow_by(more, self.of, &self.share);
                self.bytes = bytes;
            }
            None => self.shrink_to(bytes),
        }
    }

    fn shrink_to(&mut self, bytes: usize) {
        let less = self.bytes - bytes;
        self.bytes = bytes;
        self.totals.bytes.shrink_by(less, self.of, &self.share);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.release();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(calls_in_flight: usize, queued_bytes: usize) -> Gate {
        Gate::new(&Limits { calls_in_flight, queued_bytes, ..Limits::default() })
    }

    #[test]
    fn calls_and_their_bytes_are_bounded_with_both_numbers() {
        let (gate, share) = (gate(2, 100), Arc::default());
        let places = (gate.enter(&share, 40).unwrap(), gate.enter(&share, 50).unwrap());
        let too_many = Failure::from(Load::Calls { calls: 2, calls_max: 2 });
        assert_eq!(gate.enter(&share, 0).unwrap_err(), too_many);
        drop(places.0);
        let too_large = Failure::from(Load::Bytes { bytes: 101, bytes_max: 100 });
        assert_eq!(gate.enter(&share, 51).unwrap_err(), too_large);
        drop(gate.enter(&share, 40).unwrap());
        drop(places.1);
        assert_eq!(gate.gauges(), ServingGauges::default());
    }

    #[test]
    fn a_greedy_caller_leaves_places_for_others() {
        let gate = gate(900, 1_000_000);
        let (greedy, other) = (Arc::default(), Arc::default());
        let taken: Vec<_> = std::iter::from_fn(|| gate.enter(&greedy, 1).ok()).collect();
        assert_eq!(taken.len(), 800);
        let others: Vec<_> = std::iter::from_fn(|| gate.enter(&other, 1).ok()).take(50).collect();
        assert_eq!(others.len(), 50);
    }

    #[test]
    fn one_certificate_has_one_share_and_few_connections() {
        let gate = gate(9, 100);
        let (one, again) = (gate.share_of(b"one"), gate.share_of(b"one"));
        assert!(Arc::ptr_eq(&one, &again));
        let connections: Vec<_> = std::iter::from_fn(|| one.connect().ok()).collect();
        assert_eq!(connections.len(), CONNECTIONS_PER_CALLER_MAX);
        assert_eq!(again.connect().unwrap_err(), CONNECTIONS_PER_CALLER_MAX + 1);
        drop((one, again));
        let other = gate.share_of(b"other");
        assert!(other.connect().is_ok());
        assert_eq!(gate.shares.lock().unwrap().len(), 1, "who is gone is forgotten");
    }

    #[test]
    fn what_does_not_fit_leaves_what_was_held() {
        let (gate, share) = (gate(9, 1000), Arc::default());
        let mut answers = gate.hold_answers(&share);
        answers.set(600).unwrap();
        let refused = answers.set(1001).unwrap_err();
        assert_eq!(refused, Load::Unsent { bytes: 1001, bytes_max: 1000 });
        assert_eq!(gate.gauges().answer_bytes, 600);
        // Arguments have a limit of their own.
        let mut arguments = gate.hold_arguments(&share);
        arguments.set(700).unwrap();
        answers.set(1).unwrap();
        assert_eq!((gate.gauges().bytes, gate.gauges().answer_bytes), (700, 1));
        drop((answers, arguments));
        assert_eq!(gate.gauges(), ServingGauges::default());
    }

    #[tokio::test(start_paused = true)]
    async fn a_drain_refuses_and_counts_what_is_left() {
        let gate = gate(9, 100);
        let share = Arc::default();
        let (call, stream) = (gate.enter(&share, 1).unwrap(), gate.stream());
        assert_eq!(gate.drain(Duration::from_secs(1)).await, 2);
        assert_eq!(gate.enter(&share, 1).unwrap_err(), CallErrorKind::Draining.into());
        drop((call, stream));
        assert_eq!(gate.drain(Duration::from_secs(1)).await, 0);
    }
}
