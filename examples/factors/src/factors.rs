//! [`Factors`]: a component that remembers what it computed.

use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use weaver::{Result, component};

use crate::cache::Cache;

/// Its factors take a million divisions: some milliseconds.
pub(crate) const X_MAX: u64 = 1_000_000_000_000;

/// Knows the factors of numbers.
#[component]
pub(crate) trait Factors {
    /// The factors of `x`, which should be at most [`X_MAX`].
    #[route(x)]
    #[idempotent]
    async fn factors(&self, x: u64) -> Result<Answer>;
}

/// The factors of a number.
#[derive(Serialize, Deserialize)]
pub(crate) struct Answer {
    /// In ascending order.
    pub(crate) factors: Vec<u64>,
    /// The process that answered.
    pub(crate) pid: u32,
    /// Whether the process knew them already.
    pub(crate) remembered: bool,
}

#[derive(Default)]
struct Remembering {
    cache: Mutex<Cache>,
}

#[component]
impl Factors for Remembering {
    async fn factors(&self, x: u64) -> Result<Answer> {
        let pid = weaver::process_id();
        let known = self.cache.lock().unwrap_or_else(PoisonError::into_inner).get(x);
        if let Some(factors) = known {
            return Ok(Answer { factors, pid, remembered: true });
        }
        // Not under the lock: others may be asking for what is known.
        let factors = factors_of(x);
        self.cache.lock().unwrap_or_else(PoisonError::into_inner).put(x, factors.clone());
        Ok(Answer { factors, pid, remembered: false })
    }
}

fn factors_of(x: u64) -> Vec<u64> {
    let small: Vec<_> = (1..=x.isqrt()).filter(|factor| x.is_multiple_of(*factor)).collect();
    let large = small.iter().rev().filter(|factor| *factor * *factor != x).map(|factor| x / factor);
    small.iter().copied().chain(large).collect()
}

#[cfg(test)]
mod tests {
    use super::factors_of;

    #[test]
    fn are_all_that_divide_and_each_once() {
        assert_eq!(factors_of(1), [1]);
        assert_eq!(factors_of(7), [1, 7]);
        assert_eq!(factors_of(10), [1, 2, 5, 10]);
        assert_eq!(factors_of(36), [1, 2, 3, 4, 6, 9, 12, 18, 36]);
        assert_eq!(factors_of(super::X_MAX).len(), 169);
    }
}
