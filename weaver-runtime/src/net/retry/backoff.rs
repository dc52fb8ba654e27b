//! How long a call waits before it is tried again.
//!
//! Capped exponential backoff with full jitter: Marc Brooker, "Exponential Backoff And Jitter", AWS
//! Architecture Blog. Of the variants compared there it makes the least work for the callee: calls
//! that failed together come back spread over the whole pause.

use std::time::Duration;

use fastrand::Rng;

/// The longest pause before the first retry: a few round trips between hosts.
const FIRST_PAUSE_MILLISECONDS: u64 = 10;

/// The longest pause before any: someone waits for the answer.
const LONGEST_PAUSE_MILLISECONDS: u64 = 1_000;

/// The pause after a call was sent for the `sent`th time, counted from 1.
pub(crate) fn pause(sent: u32, rng: &mut Rng) -> Duration {
    let doubled = FIRST_PAUSE_MILLISECONDS << sent.saturating_sub(1).min(32);
    let longest = Duration::from_millis(doubled.min(LONGEST_PAUSE_MILLISECONDS));
    longest.mul_f64(rng.f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreads_over_all_of_a_time_that_doubles_up_to_the_longest() {
        let mut rng = Rng::with_seed(1);
        for (sent, longest) in [(0, 10), (1, 10), (2, 20), (3, 40), (8, 1000), (u32::MAX, 1000)] {
            let longest = Duration::from_millis(longest);
            let pauses: Vec<_> = (0..1000).map(|_| pause(sent, &mut rng)).collect();
            assert!(pauses.iter().all(|pause| *pause < longest));
            assert!(pauses.iter().any(|pause| *pause < longest / 10));
            assert!(pauses.iter().any(|pause| *pause > longest / 10 * 9));
        }
    }
}
