//! [`Queueing`]: whether a node has more work than it can do, seen from how long calls wait for it. Pure.
//!
//! A bound on the number of calls alone is too high for slow handlers and too low for quick ones. So a
//! node looks at how long a call waited between its arrival and its beginning: a burst passes, but when
//! even the shortest wait stays long, the queue does not empty any more, and every call in it would be
//! answered late. Then those that have waited are refused before any work is done for them. (The idea
//! is CoDel's, RFC 8289, as used for requests in "Fail at Scale", ACM Queue 13(8), 2015.)

use std::time::{Duration, Instant};

use crate::error::Load;

/// A wait that is normal on a busy node.
const TARGET_MILLISECONDS: u64 = 20;

/// How long even the shortest wait must be above the target: longer than a burst, and far shorter than
/// the second after which a person gives up.
const INTERVAL_MILLISECONDS: u64 = 100;

/// A wait after which a call is refused in any case: what its caller hoped for is gone.
const WAITED_MILLISECONDS_MAX: u64 = 500;

/// What calls waited lately.
#[derive(Debug)]
pub(super) struct Queueing {
    interval_ends: Instant,
    /// The shortest wait in this interval so far.
    shortest: Option<Duration>,
    /// Whether even the shortest wait of the last interval was above the target.
    is_standing: bool,
}

impl Queueing {
    pub(super) fn new(now: Instant) -> Self {
        let interval_ends = now + Duration::from_millis(INTERVAL_MILLISECONDS);
        Self { interval_ends, shortest: None, is_standing: false }
    }

    /// A call that has waited is about to begin: it may, or there is too much to do.
    pub(super) fn begin(&mut self, waited: Duration, now: Instant) -> Result<(), Load> {
        if now >= self.interval_ends {
            let target = Duration::from_millis(TARGET_MILLISECONDS);
            self.is_standing = self.shortest.is_some_and(|shortest| shortest > target);
            *self = Self { is_standing: self.is_standing, ..Self::new(now) };
        }
        self.shortest = Some(self.shortest.map_or(waited, |shortest| shortest.min(waited)));
        let waited_ms_max = self.wait_milliseconds_max();
        let waited_ms = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
        if waited_ms > waited_ms_max {
            return Err(Load::Delay { waited_ms, waited_ms_max });
        }
        Ok(())
    }

    fn wait_milliseconds_max(&self) -> u64 {
        if self.is_standing { TARGET_MILLISECONDS } else { WAITED_MILLISECONDS_MAX }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn a_burst_is_not_refused() {
        let start = Instant::now();
        let mut queueing = Queueing::new(start);
        for step in 0..1000 {
            // Each interval has a call that did not wait.
            let waited = if step % 10 == 0 { ms(1) } else { ms(300) };
            assert_eq!(queueing.begin(waited, start + ms(step)), Ok(()), "{step}");
        }
    }

    #[test]
    fn a_standing_queue_is_cut_to_the_target_and_recovers() {
        let start = Instant::now();
        let mut queueing = Queueing::new(start);
        for step in 0..=INTERVAL_MILLISECONDS {
            let _ = queueing.begin(ms(50), start + ms(step));
        }
        let refused = Load::Delay { waited_ms: 50, waited_ms_max: TARGET_MILLISECONDS };
        let later = start + ms(INTERVAL_MILLISECONDS + 10);
        assert_eq!(queueing.begin(ms(50), later), Err(refused));
        assert_eq!(queueing.begin(ms(TARGET_MILLISECONDS), later), Ok(()));
        let next = start + ms(2 * INTERVAL_MILLISECONDS + 20);
        assert_eq!(queueing.begin(ms(50), next), Ok(()), "the queue has emptied meanwhile");
    }

    #[test]
    fn who_has_waited_too_long_is_refused_at_once() {
        let start = Instant::now();
        assert!(Queueing::new(start).begin(ms(WAITED_MILLISECONDS_MAX + 1), start).is_err());
    }

    /// Two workers, calls of 1 ms, four times as many as they can do: most of what they do is in time.
    #[test]
    fn keeps_goodput_under_four_times_the_load() {
        let start = Instant::now();
        let mut queueing = Queueing::new(start);
        let mut queue = std::collections::VecDeque::new();
        let (mut done_in_time, mut late) = (0_u32, 0_u32);
        for step in 0..10_000_u64 {
            queue.extend(std::iter::repeat_n(step, 8));
            let mut workers = 2;
            while workers > 0
                && let Some(arrived) = queue.pop_front()
            {
                let waited = ms(step - arrived);
                if queueing.begin(waited, start + ms(step)).is_ok() {
                    workers -= 1;
                    if waited < ms(900) { done_in_time += 1 } else { late += 1 }
                }
            }
        }
        assert_eq!(late, 0);
        assert!(done_in_time > 19_000, "{done_in_time} of 20,000");
        assert!(queue.len() < 8 * 2 * usize::try_from(WAITED_MILLISECONDS_MAX).unwrap());
    }
}
