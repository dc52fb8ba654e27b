//! [`Latency`]: how long a replica takes to answer, lately.

use std::time::{Duration, Instant};

/// An answer's weight falls to 1/e in this time. Long enough to be an average over several calls at
/// ten calls a second; short enough that when a whole group becomes slower, the yardstick has followed
/// before a replica that was left out for it comes back.
const DECAY_MILLISECONDS: u64 = 500;

/// An average without an answer for so long says nothing about now.
const STALE_SECONDS: u64 = 10;

/// An average that forgets with time, not with the number of answers, so that it means the same for
/// a busy replica and an idle one.
///
/// It does not jump to a peak, as Finagle's peak EWMA does: it is the yardstick for a replica's peers,
/// and peaks of exponentially spread latencies are so far above their average that one that is ten
/// times slower was not noticed (in `net/simulation.rs`). Peaks of the replica itself are what answers
/// in a row are counted for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Latency(Option<Average>);

#[derive(Clone, Copy, Debug)]
struct Average {
    seconds: f64,
    at: Instant,
}

impl Latency {
    pub(crate) fn observe(&mut self, latency: Duration, now: Instant) {
        let latency = latency.as_secs_f64();
        let seconds = match self.0 {
            None => latency,
            Some(Average { seconds, at }) => {
                let kept = kept(now.saturating_duration_since(at));
                seconds * kept + latency * (1.0 - kept)
            }
        };
        self.0 = Some(Average { seconds, at: now });
    }

    /// The average, if there was an answer lately.
    pub(crate) fn get(&self, now: Instant) -> Option<Duration> {
        let fresh = Duration::from_secs(STALE_SECONDS);
        let average = self.0.filter(|a| now.saturating_duration_since(a.at) <= fresh)?;
        // An average of durations is one.
        Duration::try_from_secs_f64(average.seconds).ok()
    }
}

/// The share of an old average that is left after a while.
fn kept(elapsed: Duration) -> f64 {
    (-elapsed.as_secs_f64() * 1000.0 / DECAY_MILLISECONDS as f64).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn forgets_with_time_and_not_with_the_number_of_answers() {
        let start = Instant::now();
        let (mut busy, mut idle) = (Latency::default(), Latency::default());
        busy.observe(100 * MS, start);
        idle.observe(100 * MS, start);
        for ms in 1..=500 {
            busy.observe(10 * MS, start + ms * MS);
        }
        idle.observe(10 * MS, start + 500 * MS);
        let [busy, idle] = [busy, idle].map(|latency| latency.get(start + 500 * MS).unwrap());
        // 10 + 90 / e
        assert!(busy.abs_diff(43 * MS) < MS, "{busy:?}");
        assert!(busy.abs_diff(idle) < MS, "{busy:?} {idle:?}");
    }

    #[test]
    fn an_old_one_says_nothing() {
        let start = Instant::now();
        let mut latency = Latency::default();
        assert_eq!(latency.get(start), None);
        latency.observe(5 * MS, start);
        assert_eq!(latency.get(start + Duration::from_secs(STALE_SECONDS)), Some(5 * MS));
        assert_eq!(latency.get(start + Duration::from_secs(STALE_SECONDS) + MS), None);
    }
}
