//! [`Health`]: how a replica has fared with this node's calls, and whether it is left out for it.
//!
//! A replica in trouble is left out for a pause; after it, one call at a time tries it, and the first
//! that succeeds brings it back (Nygard's circuit breaker, "Release It!"). It comes without health
//! checks of its own: the calls are the check.

use std::time::{Duration, Instant};

use fastrand::Rng;

use super::latency::Latency;

/// Failures in a row after which a replica that can be reached is left out. One is bad luck, as is a
/// pair; and under a load at which one in three calls fails, chance alone leaves it out once in 243.
const FAILURES_IN_A_ROW_MAX: u32 = 5;

/// Slow answers in a row after which a replica is left out. A slow method among quick ones, or a
/// rare pause, does not get there; one that is slow in everything does within five calls.
const SLOW_ANSWERS_IN_A_ROW_MAX: u32 = 5;

/// An answer is slow when it takes this many times the average of the quickest peer. Less would call
/// ordinary differences slow, which the choice by load evens out by itself.
const SLOW_TIMES: u32 = 4;

/// An answer within this time is never slow: a busy machine's scheduler takes as long now and then.
const SLOW_MILLISECONDS_MIN: u64 = 20;

/// How long a replica is left out: it doubles from the first to the longest. The first costs little
/// when it was a hiccup; the longest bounds how long a replica that has recovered stands idle.
const FIRST_PAUSE_MILLISECONDS: u64 = 100;
const LONGEST_PAUSE_MILLISECONDS: u64 = 10_000;

/// A replica that was in for so long before it fails is left out as if for the first time.
const STABLE_SECONDS: u64 = 10;

/// When a call that tries a replica has not ended by then, another one may: it may be a long one.
const TRIAL_SECONDS_MAX: u64 = 5;

/// How a call failed in a way that says something about the replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// No connection could be made.
    Unreachable,
    /// The connection was lost with the call in flight.
    Lost,
    /// It has too much to do, or the component could not be built there.
    Refused,
    /// The deadline passed without an answer.
    TimedOut,
}

/// Why a replica is left out; the later, the less hope there is for a call that has nobody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cause {
    /// It answers, but slowly.
    Slow,
    /// It fails calls, though it can be reached.
    Failing,
    /// The next call would certainly fail, too: others are not waited for.
    Gone,
}

impl Trouble {
    fn cause(self) -> Cause {
        match self {
            Self::Unreachable | Self::Lost => Cause::Gone,
            Self::Refused | Self::TimedOut => Cause::Failing,
        }
    }
}

/// How a replica stands with the callers of this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Full,
    /// Its pause is over: this call tries whether it is well.
    Trial,
    /// It is left out, but nobody else is there. Trouble is to be expected until then.
    LeftOut {
        until: Instant,
    },
}

/// What a replica's peers say about it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peers {
    /// The average latency of the quickest of those with full standing.
    pub(crate) latency: Option<Duration>,
    /// Enough of them have full standing to do without it.
    pub(crate) may_spare_it: bool,
}

/// The record of one replica.
#[derive(Debug)]
pub(crate) struct Health {
    state: State,
    latency: Latency,
    failures_in_a_row: u32,
    slow_answers_in_a_row: u32,
    /// How often it was left out since it was last stable.
    pauses: u32,
}

#[derive(Clone, Copy, Debug)]
enum State {
    In { since: Instant },
    Out { until: Instant, cause: Cause, trial: Option<Instant> },
}

impl Health {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            state: State::In { since: now },
            latency: Latency::default(),
            failures_in_a_row: 0,
            slow_answers_in_a_row: 0,
            pauses: 0,
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        matches!(self.state, State::In { .. })
    }

    /// Whether a call may choose it, be it as a trial.
    pub(crate) fn is_usable(&self, now: Instant) -> bool {
        !matches!(self.standing(now), Standing::LeftOut { .. })
    }

    /// Whether a call that belongs here may choose it: to be slow is no reason to move it.
    pub(crate) fn is_usable_for_its_keys(&self, now: Instant) -> bool {
        matches!(self.state, State::Out { cause: Cause::Slow, .. }) || self.is_usable(now)
    }

    /// The average latency, if there was an answer lately.
    pub(crate) fn latency(&self, now: Instant) -> Option<Duration> {
        self.latency.get(now)
    }

    /// Less is better, among those that are left out: one that is slow or overloaded may still
    /// answer, and whose pause ends first may be well first.
    pub(crate) fn hopelessness(&self) -> Option<(Cause, Instant)> {
        match self.state {
            State::In { .. } => None,
            State::Out { until, cause, .. } => Some((cause, until)),
        }
    }

    /// A call begins.
    pub(crate) fn begin(&mut self, now: Instant) -> Standing {
        let standing = self.standing(now);
        if let (Standing::Trial, State::Out { trial, .. }) = (standing, &mut self.state) {
            *trial = Some(now);
        }
        standing
    }

    /// A call that began with this standing was answered.
    pub(crate) fn succeeded(
        &mut self,
        standing: Standing,
        latency: Duration,
        peers: impl Fn() -> Peers,
        now: Instant,
        rng: &mut Rng,
    ) {
        self.failures_in_a_row = 0;
        let slow = is_slow(latency, &peers);
        self.slow_answers_in_a_row = if slow { self.slow_answers_in_a_row + 1 } else { 0 };
        match self.state {
            State::In { .. } => {
                self.latency.observe(latency, now);
                if self.slow_answers_in_a_row >= SLOW_ANSWERS_IN_A_ROW_MAX && peers().may_spare_it {
                    self.leave_out(Cause::Slow, now, rng);
                }
            }
            // It began before the trouble and says nothing about now.
            State::Out { .. } if standing == Standing::Full => {}
            State::Out { .. } if slow => self.slow_again(standing, now, rng),
            State::Out { .. } => self.come_back(latency, now),
        }
    }

    /// A call that began with this standing failed.
    pub(crate) fn failed(
        &mut self,
        standing: Standing,
        trouble: Trouble,
        peers: impl Fn() -> Peers,
        now: Instant,
        rng: &mut Rng,
    ) {
        self.failures_in_a_row += 1;
        let in_a_row = self.failures_in_a_row >= FAILURES_IN_A_ROW_MAX && peers().may_spare_it;
        let cause = trouble.cause();
        match &mut self.state {
            State::In { .. } if cause == Cause::Gone || in_a_row => {
                self.leave_out(cause, now, rng);
            }
            State::In { .. } => {}
            State::Out { .. } if standing == Standing::Trial => self.leave_out(cause, now, rng),
            // The pause stays as it is: all the calls that were in flight fail at once, and one for
            // each would soon be the longest.
            State::Out { cause: known, .. } => *known = cause.max(*known),
        }
    }

    /// A call that began with this standing ended before it was answered, and had waited so long: its
    /// answer would have been slower still. That is how one that is slow, or hangs, is found out
    /// where callers do not wait for it: hedged calls, and those with timers of their own.
    pub(crate) fn abandoned(
        &mut self,
        standing: Standing,
        waited: Duration,
        peers: impl Fn() -> Peers,
        now: Instant,
        rng: &mut Rng,
    ) {
        let slow = is_slow(waited, &peers);
        if slow {
            self.slow_answers_in_a_row += 1;
        }
        match &mut self.state {
            State::In { .. } => {
                if self.slow_answers_in_a_row >= SLOW_ANSWERS_IN_A_ROW_MAX && peers().may_spare_it {
                    self.leave_out(Cause::Slow, now, rng);
                }
            }
            State::Out { .. } if slow => self.slow_again(standing, now, rng),
            State::Out { trial, .. } if standing == Standing::Trial => *trial = None,
            State::Out { .. } => {}
        }
    }

    fn standing(&self, now: Instant) -> Standing {
        let State::Out { until, trial, .. } = self.state else { return Standing::Full };
        let trial_ends = trial.map(|began| began + Duration::from_secs(TRIAL_SECONDS_MAX));
        if now < until || trial_ends.is_some_and(|ends| now < ends) {
            return Standing::LeftOut { until };
        }
        Standing::Trial
    }

    /// Only a trial counts, as for failures.
    fn slow_again(&mut self, standing: Standing, now: Instant, rng: &mut Rng) {
        if standing == Standing::Trial {
            self.leave_out(Cause::Slow, now, rng);
        }
    }

    fn leave_out(&mut self, cause: Cause, now: Instant, rng: &mut Rng) {
        let stable = Duration::from_secs(STABLE_SECONDS);
        if let State::In { since } = self.state
            && now.saturating_duration_since(since) >= stable
        {
            self.pauses = 0;
        }
        self.state = State::Out { until: now + pause(self.pauses, rng), cause, trial: None };
        self.pauses = self.pauses.saturating_add(1);
    }

    fn come_back(&mut self, latency: Duration, now: Instant) {
        self.state = State::In { since: now };
        self.latency = Latency::default();
        self.latency.observe(latency, now);
    }
}

fn is_slow(latency: Duration, peers: impl Fn() -> Peers) -> bool {
    latency > Duration::from_millis(SLOW_MILLISECONDS_MIN)
        && peers().latency.is_some_and(|peer| latency > peer.saturating_mul(SLOW_TIMES))
}

/// From half of it to all, so that the nodes that lost a replica together do not all try it together.
fn pause(earlier: u32, rng: &mut Rng) -> Duration {
    let doubled = FIRST_PAUSE_MILLISECONDS.saturating_mul(1_u64 << earlier.min(32));
    let longest = doubled.min(LONGEST_PAUSE_MILLISECONDS);
    Duration::from_millis(rng.u64(longest / 2..=longest))
}

#[cfg(test)]
mod tests;
