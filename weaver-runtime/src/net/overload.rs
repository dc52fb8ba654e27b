//! [`Queueing`]: whether a node has more work than it can do, seen from how long calls wait for it. Pure.
//!
//! A bound on the number of calls alone is too high for slow handlers and too low for quick ones. So a
//! node looks at how long a call waited between its arrival and its beginning: a burst passes, but when
//! even the shortest wait stays long, the queue does not empty any more, and every call in it would be
//! answered late. Then those that have waited are refused before any work is done for them. (The idea
//! is CoDel's, RFC 8289, as used for requests in "Fail at Scale", ACM Queue 13(8), 2015.)

use std::time::{Duration, Instant};

use crate::error::Load;

/// A wait that a caller hardly notices, and that a node busy with something else may impose.
const TARGET_MILLISECONDS: u64 = 100;

/// How long even the shortest wait must be above the target: longer than a burst, and shorter than the
/// second after which a person gives up.
const INTERVAL_MILLISECONDS: u64 = 500;

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
        let target = Duration::from_millis(TARGET_MILLISECONDS);
        if now >= self.interval_ends {
            let is_standing = self.shortest.is_some_and(|shortest| shortest > target);
            *self = Self { is_standing, ..Self::new(now) };
        }
        self.shortest = Some(self.shortest.map_or(waited, |shortest| shortest.min(waited)));
        if self.is_standing && waited > target {
            let waited_ms = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
            return Err(Load::Delay { waited_ms, waited_ms_max: TARGET_MILLISECONDS });
        }
        Ok(())
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
        for step in 0..5000 {
            // Each interval has a call that did not wait.
            let waited = if step % 50 == 0 { ms(1) } else { ms(900) };
            assert_eq!(queueing.begin(waited, start + ms(step)), Ok(()), "{step}");
        }
    }

    #[test]
    fn a_standing_queue_is_cut_to_the_target_and_recovers() {
        let start = Instant::now();
        let mut queueing = Queueing::new(start);
        for step in 0..INTERVAL_MILLISECONDS {
            assert_eq!(queueing.begin(ms(150), start + ms(step)), Ok(()));
        }
        let refused = Load::Delay { waited_ms: 150, waited_ms_max: TARGET_MILLISECONDS };
        let later = start + ms(INTERVAL_MILLISECONDS + 10);
        assert_eq!(queueing.begin(ms(150), later), Err(refused));
        assert_eq!(queueing.begin(ms(TARGET_MILLISECONDS), later), Ok(()));
        let next = start + ms(2 * INTERVAL_MILLISECONDS + 20);
        assert_eq!(queueing.begin(ms(150), next), Ok(()), "the queue has emptied meanwhile");
    }

    /// Two workers, calls of 1 ms, four times as many as they can do: what they do is in time.
    #[test]
    fn keeps_goodput_under_four_times_the_load() {
        let start = Instant::now();
        let mut queueing = Queueing::new(start);
        let mut queue = std::collections::VecDeque::new();
        let (mut in_time, mut late, mut longest) = (0_u32, 0_u32, 0);
        for step in 0..20_000_u64 {
            queue.extend(std::iter::repeat_n(step, 8));
            let mut workers = 2;
            while workers > 0
                && let Some(arrived) = queue.pop_front()
            {
                let waited = ms(step - arrived);
                if queueing.begin(waited, start + ms(step)).is_ok() {
                    workers -= 1;
                    *(if waited < ms(1000) { &mut in_time } else { &mut late }) += 1;
                }
            }
            longest = longest.max(queue.len());
        }
        assert_eq!(late, 0);
        assert!(in_time > 39_000, "{in_time} of 40,000");
        assert!(longest <= 8 * 2 * usize::try_from(INTERVAL_MILLISECONDS).unwrap(), "{longest}");
    }
}
