//! [`CallError`]: what a caller learns when a call fails, in terms of what it can do about it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A call to a component failed for a reason that is not the method's own.
///
/// It names the component and the method that failed, why ([`kind`](Self::kind)), and whether the
/// method ran ([`ran`](Self::ran)). A method's error type holds it through `From<CallError>`, so a
/// caller matches the same value wherever the component is placed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallError(Box<Inner>);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Inner {
    component: String,
    method: String,
    failure: Failure,
}

impl CallError {
    /// A failure of `component.method`.
    #[must_use]
    pub fn new(
        component: impl Into<String>,
        method: impl Into<String>,
        failure: impl Into<Failure>,
    ) -> Self {
        Self(Box::new(Inner {
            component: component.into(),
            method: method.into(),
            failure: failure.into(),
        }))
    }

    /// The component whose method was called.
    #[must_use]
    pub fn component(&self) -> &str {
        &self.0.component
    }

    /// The method that was called.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.0.method
    }

    /// Why the call failed.
    #[must_use]
    pub fn kind(&self) -> &CallErrorKind {
        &self.0.failure.kind
    }

    /// Whether the method ran. It speaks of this call only, not of calls that the method made.
    #[must_use]
    pub fn ran(&self) -> Ran {
        self.0.failure.ran
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { component, method, failure } = &*self.0;
        write!(f, "call to {component}.{method} failed: {}", failure.kind)
    }
}

impl std::error::Error for CallError {}

/// Whether a method ran, as far as its caller can know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Ran {
    /// It certainly did not: calling again is safe.
    No,
    /// It ran, at least in part.
    Yes,
    /// It may have run.
    Unknown,
}

/// Why a call failed and whether the method ran: what a transport and a dispatch report, before
/// the caller's side adds the names that make it a [`CallError`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Why the call failed.
    pub kind: CallErrorKind,
    /// Whether the method ran.
    pub ran: Ran,
}

impl Failure {
    /// The call failed, and whether it ran does not follow from `kind` alone.
    #[must_use]
    pub fn new(kind: CallErrorKind, ran: Ran) -> Self {
        Self { kind, ran }
    }
}

impl From<CallErrorKind> for Failure {
    fn from(kind: CallErrorKind) -> Self {
        let ran = kind.usually_ran();
        Self { kind, ran }
    }
}

impl From<Load> for Failure {
    /// The call was refused before any work was done for it.
    fn from(load: Load) -> Self {
        CallErrorKind::Refused(Refusal::Overloaded { load }).into()
    }
}

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum CallErrorKind {
    /// No replica of the component could be reached, so nothing was sent.
    #[error("not sent: {reason}")]
    NotSent {
        /// What was tried.
        reason: String,
    },
    /// The callee was lost after the request was sent; the method may have run.
    #[error("outcome unknown: {reason}")]
    OutcomeUnknown {
        /// How the callee was lost.
        reason: String,
    },
    /// The deadline of the call passed.
    #[error("deadline exceeded")]
    DeadlineExceeded,
    /// The call was cancelled by its caller.
    #[error("cancelled")]
    Cancelled,
    /// The callee, or our own side, would not take the call.
    #[error("refused: {0}")]
    Refused(Refusal),
    /// The method panicked, or its arguments' or result's own code while they were encoded or
    /// decoded; the process lives.
    #[error("panicked: {message}")]
    Panicked {
        /// The panic's message.
        message: String,
    },
    /// In a sandbox: the instance that worked on the call, and on no other, was stopped, because it took
    /// more than it was granted or could not go on. The next one takes its place.
    #[error("trapped: {reason}")]
    Trapped {
        /// What it did, and which grant it lacked.
        reason: String,
    },
    /// The component could not be built or its `init` failed; it is tried again with backoff.
    #[error("init failed: {reason}")]
    InitFailed {
        /// The error of the last attempt, with its causes.
        reason: String,
    },
    /// The callee is about to stop and takes no new calls.
    #[error("the replica is draining")]
    Draining,
    /// Arguments or result could not be encoded or decoded.
    #[error("malformed: {reason}")]
    Malformed {
        /// What could not be encoded or decoded, and why.
        reason: String,
    },
    /// The callee runs another build of the program.
    #[error("wrong version: {difference}")]
    WrongVersion {
        /// How the two builds differ.
        difference: String,
    },
}

impl CallErrorKind {
    /// Whether a method ran when nothing more is known than the kind of failure.
    fn usually_ran(&self) -> Ran {
        match self {
            Self::NotSent { .. }
            | Self::Refused(_)
            | Self::InitFailed { .. }
            | Self::Draining
            | Self::WrongVersion { .. } => Ran::No,
            Self::Panicked { .. } | Self::Trapped { .. } => Ran::Yes,
            Self::OutcomeUnknown { .. }
            | Self::DeadlineExceeded
            | Self::Cancelled
            | Self::Malformed { .. } => Ran::Unknown,
        }
    }
}

/// Why a call was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// No component of the caller's group holds a reference to the callee.
    #[error("not permitted: group `{group}` holds no reference to this component")]
    NotPermitted {
        /// The caller's group, as its certificate names it.
        group: String,
    },
    /// The callee, or the connection to it, has as much to do as it takes on.
    #[error("overloaded: {load}")]
    Overloaded {
        /// Of what there is too much, with its limit.
        load: Load,
    },
    /// A message arrived too slowly, or no more of it came.
    #[error(
        "stalled: {bytes} bytes of the message arrived in {seconds} s, at least {bytes_min} must"
    )]
    Stalled {
        /// How many arrived.
        bytes: usize,
        /// How many must.
        bytes_min: usize,
        /// In which time.
        seconds: u64,
    },
    /// The arguments or the result are larger than a message may be.
    #[error("too large: the message takes {bytes} bytes encoded, the limit is {bytes_max} bytes")]
    TooLarge {
        /// What it takes.
        bytes: usize,
        /// The limit for one message.
        bytes_max: usize,
    },
    /// The elements of the arguments or of the result would take too much memory.
    #[error(
        "too large: the message's elements take more than the limit of {bytes_max} bytes of memory"
    )]
    TooMuchMemory {
        /// The limit for the elements of one message.
        bytes_max: usize,
    },
    /// The metadata that would travel with the call is larger than it may be.
    #[error("metadata too large: it takes {bytes} bytes encoded, the limit is {bytes_max} bytes")]
    MetadataTooLarge {
        /// What it takes.
        bytes: usize,
        /// The limit for one call.
        bytes_max: usize,
    },
    /// The message holds more streams than may be open.
    #[error("too many streams: {streams} would be open, the limit is {streams_max}")]
    TooManyStreams {
        /// How many there would be.
        streams: usize,
        /// The limit between two nodes, or in one message.
        streams_max: usize,
    },
}

/// Of what a node has too much.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum Load {
    /// Calls that wait for their answer on the connection to the callee.
    #[error("{calls} calls wait for an answer from the replica, the limit is {calls_max}")]
    Waiting {
        /// How many there are.
        calls: usize,
        /// The limit for one connection.
        calls_max: usize,
    },
    /// Bytes that wait to be sent to the callee.
    #[error("{bytes} bytes wait to be sent to the replica, the limit is {bytes_max}")]
    Unsent {
        /// How many there would be.
        bytes: usize,
        /// The limit for one connection.
        bytes_max: usize,
    },
    /// Calls that the callee's node works on. One caller cannot have all places.
    #[error(
        "{calls} calls are in flight on the node, the limit is {calls_max}, and this caller has its \
         share of them"
    )]
    Calls {
        /// How many there are.
        calls: usize,
        /// `calls_in_flight` in `[limits]`.
        calls_max: usize,
    },
    /// Bytes of arguments that the callee's node holds. One caller cannot have all room.
    #[error(
        "{bytes} bytes of arguments would be held on the node, the limit is {bytes_max}, and this \
         caller has its share of them"
    )]
    Bytes {
        /// How many there would be.
        bytes: usize,
        /// `queued_bytes` in `[limits]`.
        bytes_max: usize,
    },
    /// Calls wait longer before they are begun than a node lets them.
    #[error("calls wait {waited_ms} ms before they are begun, the limit is {waited_ms_max} ms")]
    Delay {
        /// What this call has waited, in milliseconds.
        waited_ms: u64,
        /// The limit, in milliseconds.
        waited_ms_max: u64,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_what_failed_and_why() {
        let refused = CallErrorKind::Refused(Refusal::NotPermitted { group: "web".to_owned() });
        let error = CallError::new("Cart", "add", refused);
        assert_eq!(
            error.to_string(),
            "call to Cart.add failed: refused: not permitted: group `web` holds no reference to \
             this component"
        );
        assert_eq!((error.component(), error.method()), ("Cart", "add"));
        assert_eq!(error.ran(), Ran::No);
    }

    #[test]
    fn whether_it_ran_can_be_told_apart_from_the_kind() {
        let kind = CallErrorKind::Malformed { reason: "x".to_owned() };
        assert_eq!(CallError::new("A", "b", kind.clone()).ran(), Ran::Unknown);
        assert_eq!(CallError::new("A", "b", Failure::new(kind, Ran::No)).ran(), Ran::No);
    }

    #[test]
    fn is_one_pointer_so_that_results_stay_small() {
        assert_eq!(size_of::<Result<(), CallError>>(), size_of::<usize>());
    }
}
