//! Every limit that a call can meet, in one place, with what happens beyond it.
//!
//! Exceeding one fails the call that did, with both numbers in the message, and nothing else. Those in
//! [`Limits`] can be set by an operator in `[limits]` of `weaver.toml`; the others are part of the
//! protocol, or no deployment has a reason to change them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

// These hold for encoding and decoding, and so without the feature `node` as well.
pub use crate::codec::{DECODED_BYTES_MAX, DEPTH_MAX, MESSAGE_BYTES_MAX};
use crate::{
    message::{self, HEADER_BYTES},
    wire::TRAILER_BYTES_MAX,
};

/// Streams in one message: its header counts them in a byte.
pub const MESSAGE_STREAMS_MAX: usize = message::MESSAGE_STREAMS_MAX;

/// The encoded metadata of one call (8 KiB): it travels with every call of a tree.
pub const METADATA_BYTES_MAX: usize = 8 << 10;

/// The largest frame there is: header, the largest message, and what goes with it: a trace, a key, and the
/// most metadata.
pub const FRAME_BYTES_MAX: usize = MESSAGE_BYTES_MAX + HEADER_BYTES + TRAILER_BYTES_MAX;

/// A frame above this size travels on a QUIC stream of its own, so that it cannot hold up small
/// calls; up to it, frames share streams, which is up to four times faster for small ones.
pub const SHARED_FRAME_BYTES_MAX: usize = 256 << 10;

/// Streams that frames share between two hosts, and the most that a caller may want: a packet that is lost
/// holds up what comes after it on its stream, and QUIC nothing else. (Measured over a path that loses 1 %,
/// see the benchmarks.)
pub const LANES: u8 = 8;

/// So many calls that began one after the other share one of the [`LANES`]. Those that begin at one moment,
/// which are small, then fill a packet of their lane, where frames of every lane would be in each packet and
/// cost more to write and to read.
pub const CALLS_IN_A_ROW: u64 = 8;

/// Frames above [`SHARED_FRAME_BYTES_MAX`] that a peer may have under way at once: with the largest
/// message, a bound on what one peer can make us hold.
pub const LARGE_FRAMES_MAX: u32 = 16;

/// Flow control: what may be unread on one stream (1 MiB). Several times what is under way to a peer on
/// this machine, and what a reader that does not read makes us hold.
pub const STREAM_WINDOW_BYTES: u32 = 1 << 20;

/// What is asked of the kernel for a UDP socket, each way (4 MiB); it commonly allows about 200 KiB.
pub const SOCKET_BUFFER_BYTES: usize = 4 << 20;

/// Calls that may wait for their answer on one connection. Far above what a node carries with short
/// handlers (tens of thousands of calls a second), and a bound on memory when a callee hangs.
pub const CALLS_IN_FLIGHT_MAX: usize = 65_536;

/// What may wait for the writer of a connection (64 MiB): enough for tens of thousands of small calls,
/// or for a burst of the largest that share a stream, and a bound on memory when the peer stops
/// reading.
pub const OUTBOX_BYTES_MAX: usize = 64 << 20;

/// What may wait beyond that in short frames that the other side would otherwise wait for for ever, such
/// as cancels and failures (4 MiB): 20,000 failures.
pub const OUTBOX_NOTICE_BYTES_MAX: usize = 4 << 20;

/// What may wait in large frames, which have streams of their own: four of the largest.
pub const OUTBOX_LARGE_BYTES_MAX: usize = 4 * FRAME_BYTES_MAX;

/// How long a program may take to say what it consists of, as a guest: with a hundred methods and without
/// optimization it takes a second on an idle machine.
pub const GUEST_ANSWER_SECONDS_MAX: u64 = 60;

/// How long a guest, which has one thread, may block it before its instance is ended.
pub const GUEST_TURN_SECONDS_MAX: u64 = 10;

/// How long a host waits for its guest to say how it is. Then it answers for both, in time for a deployer, which kills a
/// process that does not.
pub const GUEST_HEALTH_SECONDS_MAX: u64 = 2;

/// What a guest lets wait in the items of streams before they wait for its next turn (4 MiB): carried over at once, they
/// hold up whatever else its host does.
pub const GUEST_OUTBOX_BYTES_MAX: usize = 4 << 20;

/// How long a guest's components have together to shut down: two of the slowest.
pub const GUEST_SHUTDOWN_SECONDS_MAX: u64 = 2 * SHUTDOWN_SECONDS_MAX;

/// The longest pause before an instance is tried again that ended before it had built its components.
pub const GUEST_PAUSE_MILLISECONDS_MAX: u64 = 30_000;

/// What may wait for a guest's next turn in short frames that it causes, such as failures of its calls
/// (16 MiB): as many as it may have under way, of 256 bytes each. A guest that causes more is ended.
pub const GUEST_NOTICE_BYTES_MAX: usize = 16 << 20;

/// What a guest may say at once within its turn (1 MiB), which its host takes without a pause: some tens of thousands
/// of the shortest frames, a few milliseconds. What is more waits for the end of the turn.
pub const GUEST_EXCHANGE_BYTES_MAX: usize = 1 << 20;

/// Listeners of one guest: a number above it is a loop.
pub const LISTENERS_MAX: usize = 64;

/// How long either side of a new connection may stay silent. A local connect takes about 1 ms; a
/// machine that swaps takes seconds.
pub const HANDSHAKE_SECONDS_MAX: u64 = 5;

/// After this much silence a peer counts as dead. The deployer tells of a dead process at once; this
/// is for a machine that vanished and for a process that hangs whole.
pub const IDLE_MILLISECONDS_MAX: u32 = 10_000;

/// Often enough that an idle connection outlives [`IDLE_MILLISECONDS_MAX`] with three tries.
pub const KEEP_ALIVE_SECONDS: u64 = 3;

/// How long a peer may take nothing of what waits for it, and how long a large request may stand still.
/// A peer whose machine is busy gets on within a second; one that is dead ends by
/// [`IDLE_MILLISECONDS_MAX`].
pub const STALL_SECONDS_MAX: u64 = 10;

/// What must arrive of a large frame in [`STALL_SECONDS_MAX`] (160 KiB): else it would hold its place
/// for as long as its sender likes. [`LARGE_FRAMES_MAX`] side by side need 2 Mbit/s for that.
pub const STALL_BYTES_MIN: usize = 160 << 10;

/// How long a call waits for the first attempt to build its component.
pub const FIRST_BUILD_SECONDS_MAX: u64 = 30;

/// A component's `shutdown` gets this long; then the next one's runs.
pub const SHUTDOWN_SECONDS_MAX: u64 = 10;

/// What a node that has drained gives its peers to take the last answers.
pub const FLUSH_SECONDS_MAX: u64 = 2;

/// What a node takes on and how long it waits: `[limits]` in `weaver.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Calls from other nodes that a node works on at once; what is above is refused as overloaded
    /// before any work is done for it.
    pub calls_in_flight: usize,
    /// The bytes of these calls' arguments, held at once; and as many of answers that wait to be sent.
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
            // Each may hold `STREAM_WINDOW_BYTES` unread at the reader.
            streams: 256,
            // Longer than a crashed replica needs to come back in the usual case, short enough that a
            // person still connects cause and effect.
            replica_wait: Duration::from_secs(10),
        }
    }
}
