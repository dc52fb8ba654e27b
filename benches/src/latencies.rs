//! [`Latencies`]: how long calls took.

use std::time::Duration;

#[derive(Default)]
pub(crate) struct Latencies(Vec<Duration>);

impl Latencies {
    pub(crate) fn push(&mut self, latency: Duration) {
        self.0.push(latency);
    }

    pub(crate) fn append(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// The share of them that is longer than so many microseconds.
    pub(crate) fn share_above(&self, microseconds: f64) -> f64 {
        let above = self.0.iter().filter(|latency| latency.as_secs_f64() * 1e6 > microseconds);
        above.count() as f64 / self.0.len() as f64
    }

    /// In microseconds; `share` is 0.5 for the median.
    pub(crate) fn quantile(&mut self, share: f64) -> f64 {
        self.0.sort_unstable();
        let last = self.0.len().saturating_sub(1);
        let index = (share * last as f64).round() as usize;
        self.0.get(index).map_or(f64::NAN, |latency| latency.as_secs_f64() * 1e6)
    }
}
