//! Every limit that a call can meet, in one place, with what happens beyond it.
//!
//! Exceeding one fails the call that did, with both numbers in the message, and nothing else. Those in
//! [`Limits`] can be set by an operator in `[limits]` of `weaver.toml`; the others are part of the
//! protocol, or no deployment has a reason to change them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use crate::{
    codec::{DECODED_BYTES_MAX, DEPTH_MAX, MESSAGE_BYTES_MAX},
    message::MESSAGE_STREAMS_MAX,
};

/// The encoded metadata of one call (8 KiB): it travels with every call of a tree.
pub const METADATA_BYTES_MAX: usize = 8 << 10;

/// What a node takes on and how long it waits: `[limits]` in `weaver.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Calls from other nodes that a node works on at once; what is above is refused as overloaded
    /// before any work is done for it.
    pub calls_in_flight: usize,
    /// The bytes of these calls' arguments, held at once.
    pub queued_bytes: usize,
    /// Streams that one node may have open towards another.
    pub streams: u32,
    /// How long a call without a deadline waits for a replica that it can be sent to.
    pub replica_wait: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // With handlers of 100 µs on two cores, half a second of work.
            calls_in_flight: 10_000,
            // Four of the largest messages, or 10,000 of 25 KiB.
            queued_bytes: 256 << 20,
            // Each may hold a stream's window unread (1 MiB) at the reader.
            streams: 256,
            // Longer than a crashed replica needs to come back in the usual case, short enough that a
            // person still connects cause and effect.
            replica_wait: Duration::from_secs(10),
        }
    }
}
