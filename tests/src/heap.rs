//! What this process takes of the memory.

use std::{alloc::System, fs};

use cap::Cap;
use weaver::{Context, Result};

/// Counts live bytes; it limits nothing.
#[global_allocator]
static HEAP: Cap<System> = Cap::new(System, usize::MAX);

/// The bytes that are allocated at present.
#[must_use]
pub(crate) fn live_bytes() -> usize {
    HEAP.allocated()
}

/// The resident set, in bytes.
///
/// # Errors
/// The system has no `/proc`.
pub(crate) fn resident_bytes() -> Result<usize> {
    let status = fs::read_to_string("/proc/self/status").context("cannot read the status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let text = line.context("no resident set in the status")?.trim().trim_end_matches(" kB");
    Ok(text.parse::<usize>().context("cannot read the resident set")? * 1024)
}
