//! [`Trailer`]: what goes with a request behind its arguments.

use bytes::{Buf, Bytes};

use super::WireError;
use crate::{
    context::{CallContext, TRACE_BYTES, TraceContext},
    limits::METADATA_BYTES_MAX,
};

/// What goes with a request behind its arguments, in this order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Trailer {
    /// The trace that the call belongs to.
    pub(crate) trace: Option<TraceContext>,
    /// The hash of its route key: from a guest, whose host chooses the replica.
    pub(crate) key: Option<u64>,
    /// The call's metadata, encoded.
    pub(crate) metadata: Bytes,
}

/// In the field that says how long a trailer is: it begins with a trace.
const HAS_TRACE: u16 = 1 << 15;

/// The same: it has a key.
const HAS_KEY: u16 = 1 << 14;

const KEY_BYTES: usize = 8;

/// The longest trailer.
pub(crate) const TRAILER_BYTES_MAX: usize = TRACE_BYTES + KEY_BYTES + METADATA_BYTES_MAX;

const _: () = assert!(TRAILER_BYTES_MAX < HAS_KEY as usize, "its length fits beside the bits");

impl Trailer {
    /// That of a call which is made in `context`.
    pub(crate) fn of(context: &CallContext) -> Self {
        Self { trace: context.trace(), key: None, metadata: context.encoded_metadata() }
    }

    /// Appends it to a frame, and gives the field of the header that says what there is.
    pub(super) fn write(&self, frame: &mut Vec<u8>) -> u16 {
        let (before, mut field) = (frame.len(), 0);
        if let Some(trace) = &self.trace {
            frame.extend_from_slice(&trace.to_bytes());
            field |= HAS_TRACE;
        }
        if let Some(key) = self.key {
            frame.extend_from_slice(&key.to_le_bytes());
            field |= HAS_KEY;
        }
        frame.extend_from_slice(&self.metadata);
        // What is encoded was checked against a limit that keeps the length below both bits.
        field | u16::try_from(frame.len() - before).unwrap_or(0)
    }

    /// How much of a frame's end it is.
    pub(super) fn bytes(field: u16) -> usize {
        usize::from(field & !(HAS_TRACE | HAS_KEY))
    }

    /// What a peer sent; `field` is the one of the header.
    pub(super) fn parse(mut bytes: Bytes, field: u16) -> Result<Self, WireError> {
        let mut trailer = Self::default();
        let too_short = WireError::Trailer { bytes: bytes.len() };
        if field & HAS_TRACE != 0 {
            let trace = bytes.first_chunk().ok_or_else(|| too_short.clone())?;
            // As the standard asks, one that cannot be is as none.
            trailer.trace = TraceContext::from_bytes(trace);
            bytes.advance(TRACE_BYTES);
        }
        if field & HAS_KEY != 0 {
            let key = bytes.first_chunk().ok_or(too_short)?;
            trailer.key = Some(u64::from_le_bytes(*key));
            bytes.advance(KEY_BYTES);
        }
        trailer.metadata = bytes;
        Ok(trailer)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_arrives_is_what_was_sent(
            trace in any::<bool>(),
            key in any::<Option<u64>>(),
            metadata in prop::collection::vec(any::<u8>(), 0..100),
        ) {
            let trace = trace.then(TraceContext::new);
            let sent = Trailer { trace, key, metadata: metadata.into() };
            let mut frame = b"before".to_vec();
            let field = sent.write(&mut frame);
            let bytes = Bytes::from(frame).split_off(6);
            prop_assert_eq!(Trailer::bytes(field), bytes.len());
            prop_assert_eq!(Trailer::parse(bytes, field).unwrap(), sent);
        }

        #[test]
        fn garbage_is_an_error_or_a_trailer(field: u16, bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let (bytes, there) = (Bytes::from(bytes.clone()), bytes.len());
            match Trailer::parse(bytes, field) {
                Ok(trailer) => prop_assert!(trailer.metadata.len() <= there),
                Err(error) => prop_assert_eq!(error, WireError::Trailer { bytes: there }),
            }
        }
    }

    #[test]
    fn the_longest_is_told_from_the_bits() {
        let metadata = vec![7; METADATA_BYTES_MAX].into();
        let sent = Trailer { trace: Some(TraceContext::new()), key: Some(u64::MAX), metadata };
        let mut frame = Vec::new();
        let field = sent.write(&mut frame);
        assert_eq!(Trailer::bytes(field), TRAILER_BYTES_MAX);
        assert_eq!(Trailer::parse(frame.into(), field).unwrap(), sent);
    }

    #[test]
    fn a_trace_that_cannot_be_is_none() {
        let field = HAS_TRACE | u16::try_from(TRACE_BYTES).unwrap();
        let parsed = Trailer::parse(vec![0; TRACE_BYTES].into(), field).unwrap();
        assert_eq!(parsed, Trailer::default());
    }
}
