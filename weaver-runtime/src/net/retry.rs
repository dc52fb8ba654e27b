//! What happens when a call fails: returned, taken to another replica, or tried again. Pure.
//!
//! What certainly did not run goes elsewhere at once. What may have run is tried again only where the
//! author wrote `#[idempotent]`. Whatever costs a callee work is paid from a [`RetryBudget`], so that
//! retries never make much more traffic than there was.

mod backoff;
mod budget;
mod fate;

use std::time::{Duration, Instant};

use fastrand::Rng;

pub(crate) use self::{budget::RetryBudget, fate::Fate};

/// How often one call is sent at most, hedges included. By then four replicas, or four moments, have
/// failed it: the caller should hear of it.
pub(crate) const ATTEMPTS_MAX: u32 = 4;

/// How far a call has come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress {
    /// Its author said that it may run more than once.
    pub(crate) idempotent: bool,
    /// A stream among its arguments has begun, whose items can be sent once only.
    pub(crate) is_spent: bool,
    /// How often it was sent so far. What never left this process does not count.
    pub(crate) sent: u32,
    /// There is a replica to choose that it was not tried on.
    pub(crate) has_untried: bool,
    /// The time until its deadline, if it has one.
    pub(crate) left: Option<Duration>,
}

/// What to do about a call that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// The failure is the answer.
    Return,
    /// Send it to a replica that it was not tried on, at once: it certainly did not run. Where it was
    /// tried on all (they drain, or cannot be reached), it waits for a change.
    Elsewhere,
    /// Send it again after a pause, preferably to another replica: it may have run.
    RetryAfter(Duration),
}

/// Decides about a call that failed. The budget is charged for what it says.
pub(crate) fn after(
    fate: Fate,
    progress: &Progress,
    budget: &mut RetryBudget,
    now: Instant,
    rng: &mut Rng,
) -> Decision {
    if progress.is_over() {
        return Decision::Return;
    }
    match fate {
        Fate::Unsent | Fate::Draining if !progress.is_spent => Decision::Elsewhere,
        Fate::Refused if progress.may_go_elsewhere() && budget.withdraw(now) => Decision::Elsewhere,
        Fate::Unknown if progress.may_run_again() => again(progress, budget, now, rng),
        Fate::Unsent | Fate::Draining | Fate::Refused | Fate::Unknown | Fate::Final => {
            Decision::Return
        }
    }
}

fn again(progress: &Progress, budget: &mut RetryBudget, now: Instant, rng: &mut Rng) -> Decision {
    let pause = backoff::pause(progress.sent, rng);
    let in_time = progress.left.is_none_or(|left| pause < left);
    if in_time && budget.withdraw(now) { Decision::RetryAfter(pause) } else { Decision::Return }
}

/// How long to wait for the answer before a second replica is asked; `None` if none may be.
pub(crate) fn hedge_pause(progress: &Progress, hedge_after: Option<Duration>) -> Option<Duration> {
    let in_time = |pause: &Duration| progress.left.is_none_or(|left| *pause < left);
    hedge_after.filter(in_time).filter(|_| progress.may_hedge())
}

/// Whether a second replica is asked now that the pause is over. The budget is charged for it: when
/// everything is slow, hedges would make it slower.
pub(crate) fn hedge(progress: &Progress, budget: &mut RetryBudget, now: Instant) -> bool {
    progress.may_hedge() && budget.withdraw(now)
}

impl Progress {
    fn is_over(&self) -> bool {
        self.left.is_some_and(|left| left.is_zero())
    }

    fn may_be_sent_again(&self) -> bool {
        !self.is_spent && self.sent < ATTEMPTS_MAX
    }

    /// One that refused a call once would do so again: each is asked once.
    fn may_go_elsewhere(&self) -> bool {
        self.may_be_sent_again() && self.has_untried
    }

    fn may_run_again(&self) -> bool {
        self.may_be_sent_again() && self.idempotent
    }

    fn may_hedge(&self) -> bool {
        self.may_run_again() && self.has_untried && !self.is_over()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// An ordinary call in the middle of its life.
    const PLAIN: Progress = Progress {
        idempotent: false,
        is_spent: false,
        sent: 1,
        has_untried: true,
        left: Some(Duration::from_secs(60)),
    };
    const IDEMPOTENT: Progress = Progress { idempotent: true, ..PLAIN };

    fn decide(fate: Fate, progress: Progress) -> Decision {
        let now = Instant::now();
        after(fate, &progress, &mut RetryBudget::new(now), now, &mut Rng::with_seed(1))
    }

    fn decide_broke(fate: Fate, progress: Progress) -> Decision {
        let now = Instant::now();
        let mut budget = RetryBudget::new(now);
        while budget.withdraw(now) {}
        after(fate, &progress, &mut budget, now, &mut Rng::with_seed(1))
    }

    #[test]
    fn what_was_not_taken_goes_elsewhere_for_nothing() {
        for fate in [Fate::Unsent, Fate::Draining] {
            assert_eq!(decide_broke(fate, PLAIN), Decision::Elsewhere);
            assert_eq!(decide_broke(fate, Progress { sent: 99, ..PLAIN }), Decision::Elsewhere);
        }
    }

    #[test]
    fn what_was_refused_goes_elsewhere_if_the_budget_allows() {
        assert_eq!(decide(Fate::Refused, PLAIN), Decision::Elsewhere);
        assert_eq!(decide_broke(Fate::Refused, PLAIN), Decision::Return);
    }

    #[test]
    fn each_replica_may_refuse_once() {
        let tried = Progress { has_untried: false, ..PLAIN };
        assert_eq!(decide(Fate::Refused, tried), Decision::Return);
    }

    #[test]
    fn what_may_have_run_is_tried_again_only_if_it_is_idempotent() {
        assert_eq!(decide(Fate::Unknown, PLAIN), Decision::Return);
        assert!(matches!(decide(Fate::Unknown, IDEMPOTENT), Decision::RetryAfter(_)));
        let alone = Progress { has_untried: false, ..IDEMPOTENT };
        assert!(matches!(decide(Fate::Unknown, alone), Decision::RetryAfter(_)));
        assert_eq!(decide_broke(Fate::Unknown, IDEMPOTENT), Decision::Return);
    }

    #[test]
    fn a_call_is_sent_a_few_times_only() {
        let worn = Progress { sent: ATTEMPTS_MAX, ..IDEMPOTENT };
        assert_eq!(decide(Fate::Unknown, worn), Decision::Return);
        assert_eq!(decide(Fate::Refused, worn), Decision::Return);
    }

    #[test]
    fn a_stream_that_has_begun_is_not_sent_again() {
        let spent = Progress { is_spent: true, ..IDEMPOTENT };
        for fate in [Fate::Unsent, Fate::Draining, Fate::Refused, Fate::Unknown] {
            assert_eq!(decide(fate, spent), Decision::Return);
        }
    }

    #[test]
    fn nothing_happens_after_the_deadline() {
        let late = Progress { left: Some(Duration::ZERO), ..IDEMPOTENT };
        for fate in [Fate::Unsent, Fate::Draining, Fate::Refused, Fate::Unknown, Fate::Final] {
            assert_eq!(decide(fate, late), Decision::Return);
        }
        assert_eq!(hedge_pause(&late, Some(Duration::ZERO)), None);
    }

    #[test]
    fn a_pause_that_would_outlast_the_deadline_is_not_begun_nor_paid() {
        let now = Instant::now();
        let mut rng = Rng::with_seed(1);
        let mut budget = RetryBudget::new(now);
        let hurried = Progress { left: Some(Duration::from_nanos(1)), sent: 3, ..IDEMPOTENT };
        for _ in 0..100 {
            let decision = after(Fate::Unknown, &hurried, &mut budget, now, &mut rng);
            assert_eq!(decision, Decision::Return);
        }
        assert!(budget.withdraw(now));
    }

    #[test]
    fn what_is_final_is_returned() {
        assert_eq!(decide(Fate::Final, IDEMPOTENT), Decision::Return);
    }

    #[test]
    fn only_what_may_run_twice_is_hedged_in_time_and_on_another_replica() {
        let pause = Some(10 * MS);
        assert_eq!(hedge_pause(&IDEMPOTENT, pause), pause);
        assert_eq!(hedge_pause(&IDEMPOTENT, None), None);
        let never = [
            PLAIN,
            Progress { is_spent: true, ..IDEMPOTENT },
            Progress { has_untried: false, ..IDEMPOTENT },
            Progress { sent: ATTEMPTS_MAX, ..IDEMPOTENT },
            Progress { left: pause, ..IDEMPOTENT },
        ];
        for progress in never {
            assert_eq!(hedge_pause(&progress, pause), None, "{progress:?}");
        }
    }

    #[test]
    fn hedges_are_paid() {
        let now = Instant::now();
        let mut budget = RetryBudget::new(now);
        let hedges = (0..1000).filter(|_| hedge(&IDEMPOTENT, &mut budget, now)).count();
        assert!(hedges > 0 && hedges < 1000);
        assert!(!hedge(&PLAIN, &mut RetryBudget::new(now), now));
    }
}
