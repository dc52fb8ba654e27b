//! A clock: only the program names this crate, and no caller sees what is in it.

use std::sync::atomic::{AtomicU64, Ordering};

use interfaces_clock::Clock;
use weaver::{Result, component};

#[derive(Default)]
struct Counter(AtomicU64);

#[component]
impl Clock for Counter {
    async fn tick(&self) -> Result<u64> {
        Ok(self.0.fetch_add(1, Ordering::Relaxed) + 1)
    }
}
