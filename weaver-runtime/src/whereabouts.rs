//! [`process_id`]: in which process something runs.

/// The id of the process in which this runs: in a sandbox, of its host. (`std::process::id` panics there.)
#[cfg(not(target_family = "wasm"))]
#[must_use]
pub fn process_id() -> u32 {
    std::process::id()
}

/// The id of the process in which this runs: in a sandbox, of its host.
#[cfg(target_family = "wasm")]
#[must_use]
pub fn process_id() -> u32 {
    HOST.load(std::sync::atomic::Ordering::Relaxed)
}

#[cfg(target_family = "wasm")]
static HOST: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);

/// The host has said so.
#[cfg(target_family = "wasm")]
pub(crate) fn remember_host(process_id: u32) {
    HOST.store(process_id, std::sync::atomic::Ordering::Relaxed);
}
