//! [`RetryBudget`]: how many retries and hedges the callers of a component may make.
//!
//! After Finagle's `RetryBudget`: each call earns a fraction of a retry, and a small reserve per second
//! lets rare calls retry, too. When everything fails, traffic grows by that fraction, where "three
//! attempts a call" would treble it for as long as the callee needs to recover.

use std::time::Instant;

/// What each call earns. Finagle's choice: a callee that has no room for a fifth more has none for
/// tomorrow's growth either.
const RETRIES_PER_CALL: f64 = 0.2;

/// What each second earns, and what may be saved of it. Finagle's choice: nothing to a callee of
/// some size, enough for an edge with a call now and then.
const RETRIES_PER_SECOND: f64 = 10.0;
const RESERVE_RETRIES_MAX: f64 = 10.0;

/// What may be saved of what calls earn: a connection that is lost with a thousand idempotent calls in
/// flight costs no caller an error, and a callee that dies meets no more than this at once.
const SAVED_RETRIES_MAX: f64 = 1_000.0;

/// The budget of one edge: the callers on this node of one component.
#[derive(Debug)]
pub(crate) struct RetryBudget {
    retries: f64,
    /// Until when the seconds were paid.
    paid: Instant,
}

impl RetryBudget {
    /// It begins with the reserve.
    pub(crate) fn new(now: Instant) -> Self {
        Self { retries: RESERVE_RETRIES_MAX, paid: now }
    }

    /// A call was made; its retries do not count.
    pub(crate) fn deposit(&mut self) {
        self.retries = (self.retries + RETRIES_PER_CALL).min(SAVED_RETRIES_MAX);
    }

    /// Takes one retry out, if there is one.
    pub(crate) fn withdraw(&mut self, now: Instant) -> bool {
        self.pay_seconds(now);
        let covered = self.retries >= 1.0;
        if covered {
            self.retries -= 1.0;
        }
        covered
    }

    fn pay_seconds(&mut self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.paid);
        let reserve = self.retries + elapsed.as_secs_f64() * RETRIES_PER_SECOND;
        // The reserve does not come on top of what calls have earned.
        self.retries = self.retries.max(reserve.min(RESERVE_RETRIES_MAX));
        self.paid = self.paid.max(now);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn withdrawals(budget: &mut RetryBudget, now: Instant) -> u32 {
        (0..).take_while(|_| budget.withdraw(now)).count() as u32
    }

    fn empty(now: Instant) -> RetryBudget {
        let mut budget = RetryBudget::new(now);
        withdrawals(&mut budget, now);
        budget
    }

    #[test]
    fn begins_with_the_reserve() {
        let now = Instant::now();
        assert_eq!(withdrawals(&mut RetryBudget::new(now), now), 10);
    }

    #[test]
    fn five_calls_earn_a_retry() {
        let now = Instant::now();
        let mut budget = empty(now);
        for _ in 0..4 {
            budget.deposit();
        }
        assert!(!budget.withdraw(now));
        budget.deposit();
        assert_eq!(withdrawals(&mut budget, now), 1);
    }

    #[test]
    fn savings_are_bounded() {
        let now = Instant::now();
        let mut budget = empty(now);
        (0..1_000_000).for_each(|_| budget.deposit());
        assert_eq!(withdrawals(&mut budget, now), 1_000);
    }

    #[test]
    fn a_second_earns_the_reserve_and_a_day_no_more() {
        let now = Instant::now();
        for (seconds, retries) in [(0.05, 0), (0.1, 1), (0.55, 5), (1.0, 10), (86_400.0, 10)] {
            let later = now + Duration::from_secs_f64(seconds);
            assert_eq!(withdrawals(&mut empty(now), later), retries, "{seconds} s");
        }
    }

    #[test]
    fn short_times_add_up() {
        let now = Instant::now();
        let mut budget = empty(now);
        let asked = (0..10_000).map(|step| now + Duration::from_micros(100) * step);
        let retries = asked.filter(|at| budget.withdraw(*at)).count();
        assert!((9..=10).contains(&retries), "{retries}");
    }
}
