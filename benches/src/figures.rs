//! Figures of a run: how long something quick takes, the middle of several rounds, and how a ratio is
//! written.

use std::time::{Duration, Instant};

use weaver::Result;

/// The one in the middle, the upper one of two; of none, not a number.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// 0.87, 1.4, 13.
pub(crate) fn two_digits(ratio: f64) -> String {
    let digits = match ratio {
        ..0.995 => 2,
        ..9.95 => 1,
        _ => 0,
    };
    format!("{ratio:.digits$}")
}

/// How many nanoseconds one takes, of as many as fit into `time`, or into twice that. The clock is
/// read so seldom that it does not count.
pub(crate) fn nanoseconds(time: Duration, mut once: impl FnMut() -> Result<()>) -> Result<f64> {
    let (began, mut count) = (Instant::now(), 1_u64);
    once()?;
    loop {
        for _ in 0..count {
            once()?;
        }
        count *= 2;
        let elapsed = began.elapsed();
        if elapsed >= time {
            return Ok(elapsed.as_secs_f64() * 1e9 / count as f64);
        }
    }
}
