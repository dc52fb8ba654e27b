//! The first two frames of a connection: whether both ends run the same interfaces.

use serde::{Deserialize, Serialize};

use crate::wire::{Frame, Header, Kind};
use crate::{
    error::{Failure, Ran},
    fingerprint::{Fingerprint, Signature},
    message::Message,
};

pub(super) use crate::limits::HANDSHAKE_SECONDS_MAX;

/// The version of this crate: what the frames and the control plane mean.
pub(crate) const CRATE_VERSION: &str = env!("CARGO_PKG_VERSION");

/// What a caller says first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The crate version of the caller.
    pub crate_version: String,
    /// The interfaces that it will call: the program's, or those of the control plane.
    pub fingerprint: Fingerprint,
    /// Where a callee on the same host dials its socket; none if it is not to.
    pub local: Option<String>,
    /// On how many streams its calls come, where they come by QUIC: this one is the first of them.
    pub lanes: u8,
}

/// What a callee answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Welcome {
    /// Calls may begin.
    Come,
    /// The callee runs something else; no call will be taken.
    Stranger { crate_version: String, methods: Vec<Signature> },
    /// Calls may begin on the socket that the caller dials there: both are on one host.
    ComeTo { local: String },
}

impl Hello {
    /// What a caller of interfaces with `fingerprint` says.
    #[must_use]
    pub fn new(fingerprint: Fingerprint) -> Self {
        Self { crate_version: CRATE_VERSION.to_owned(), fingerprint, local: None, lanes: 1 }
    }
}

impl Welcome {
    /// The answer to a caller; `methods` are those of the callee's program, `local` where a neighbour
    /// dials.
    pub(super) fn answer(
        hello: &Hello,
        known: &[Fingerprint],
        methods: &[Signature],
        local: Option<&str>,
    ) -> Self {
        if hello.crate_version == CRATE_VERSION && known.contains(&hello.fingerprint) {
            return local.map_or(Self::Come, |local| Self::ComeTo { local: local.to_owned() });
        }
        let methods = methods.iter().take(METHODS_MAX).cloned().collect();
        Self::Stranger { crate_version: CRATE_VERSION.to_owned(), methods }
    }

    /// Whether calls may begin.
    pub(super) fn is_come(&self) -> bool {
        matches!(self, Self::Come | Self::ComeTo { .. })
    }

    /// Why the caller cannot call, for a person to read; `None` when it can.
    pub(super) fn difference(&self, ours: &[Signature]) -> Option<String> {
        match self {
            Self::Come | Self::ComeTo { .. } => None,
            Self::Stranger { crate_version, .. } if crate_version != CRATE_VERSION => {
                Some(format!(
                    "this side was built with weaver {CRATE_VERSION}, the other with {crate_version}"
                ))
            }
            Self::Stranger { methods, .. } => Some(Fingerprint::difference(ours, methods)),
        }
    }
}

/// A table of this size still fits the frame that carries it.
const METHODS_MAX: usize = 1000;

/// A frame of the handshake.
pub(super) fn frame<T: Serialize>(kind: Kind, value: &T) -> Result<bytes::Bytes, Failure> {
    Ok(Header::new(kind, 0).onto(Message::encode(value, Ran::No)?).into_bytes())
}

/// The value in a frame of the handshake, if the frame is of that kind.
pub(super) fn parse<T: serde::de::DeserializeOwned>(frame: Frame, kind: Kind) -> Option<T> {
    (frame.header.kind == kind).then(|| frame.message.decode(Ran::No).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn methods(text: &str) -> Vec<Signature> {
        vec![Signature::new("Cart.add".to_owned(), text)]
    }

    #[test]
    fn the_same_program_is_welcome() {
        let ours = methods("1");
        let fingerprint = Fingerprint::of(&ours);
        let welcome = Welcome::answer(&Hello::new(fingerprint), &[fingerprint], &ours, None);
        assert_eq!(welcome, Welcome::Come);
        assert_eq!(welcome.difference(&ours), None);
    }

    #[test]
    fn another_build_is_told_the_difference() {
        let (ours, theirs) = (methods("1"), methods("2"));
        let hello = Hello::new(Fingerprint::of(&ours));
        let welcome = Welcome::answer(&hello, &[Fingerprint::of(&theirs)], &theirs, None);
        assert_eq!(welcome.difference(&ours).as_deref(), Some("changed: Cart.add"));
    }

    #[test]
    fn another_version_of_weaver_is_named_first() {
        let ours = methods("1");
        let fingerprint = Fingerprint::of(&ours);
        let hello = Hello { crate_version: "0.0.1".to_owned(), ..Hello::new(fingerprint) };
        assert!(!Welcome::answer(&hello, &[fingerprint], &ours, None).is_come());
        let old = Welcome::Stranger { crate_version: "0.0.1".to_owned(), methods: Vec::new() };
        let expected =
            format!("this side was built with weaver {CRATE_VERSION}, the other with 0.0.1");
        assert_eq!(old.difference(&ours), Some(expected));
    }
}
