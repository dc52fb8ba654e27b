//! What others need to know of a clock: the crate that callers depend on.

use weaver::{Result, component};

/// A clock that counts.
#[component]
pub trait Clock {
    /// One more than the last time that it was asked; the first time, 1.
    async fn tick(&self) -> Result<u64>;
}
