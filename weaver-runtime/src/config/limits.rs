//! `[limits]`: what a process takes on, and how long its calls wait.

use std::ops::RangeInclusive;

use super::fields::Table;
use super::mistakes::Mistakes;
use crate::limits::Limits;

/// A million calls that do nothing but wait hold a few GiB; above, something else is wrong.
const CALLS_IN_FLIGHT: RangeInclusive<usize> = 1..=1_000_000;

/// Enough for some small calls, up to the memory of a large machine.
const QUEUED_BYTES: RangeInclusive<u64> = 64 << 10..=1 << 40;

/// As many as one node may have calls waiting towards another.
const STREAMS: RangeInclusive<u32> = 1..=65_536;

/// Enough to dial a replica that is there, up to what nobody waits for any more.
const REPLICA_WAIT_MILLISECONDS: RangeInclusive<u64> = 10..=600_000;

pub(super) fn read(table: &Table<'_>, mistakes: &mut Mistakes) -> Limits {
    let known = ["calls_in_flight", "queued_bytes", "streams", "replica_wait"];
    table.refuse_unknown(&known, mistakes);
    let mut limits = Limits::default();
    for entry in table.entries() {
        match entry.key {
            "calls_in_flight" => {
                set(&mut limits.calls_in_flight, entry.count(&CALLS_IN_FLIGHT, mistakes));
            }
            "queued_bytes" => {
                let bytes = entry.bytes(&QUEUED_BYTES, mistakes);
                // What a 32-bit process cannot address, it cannot hold either.
                let bytes = bytes.map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
                set(&mut limits.queued_bytes, bytes);
            }
            "streams" => set(&mut limits.streams, entry.count(&STREAMS, mistakes)),
            "replica_wait" => {
                let wait = entry.duration(&REPLICA_WAIT_MILLISECONDS, mistakes);
                set(&mut limits.replica_wait, wait);
            }
            _ => {} // Refused above.
        }
    }
    limits
}

/// A value that was refused leaves the default: nobody sees it.
fn set<T>(limit: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *limit = value;
    }
}
