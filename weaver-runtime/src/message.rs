//! [`Message`]: the encoded arguments of a call, or its encoded result, in the buffer that goes out.

use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    codec,
    error::{CallErrorKind, Failure, Ran, Refusal},
    frame::catch_panic,
};

/// Bytes at the front of every message that belong to the transport's frame header.
///
/// Values are encoded behind them, so that a message becomes a frame without being copied.
pub(crate) const HEADER_BYTES: usize = 24;

/// Enough for most arguments, so that a small call's buffer is allocated once.
const SMALL_MESSAGE_BYTES: usize = 256;

/// Encoded arguments, or an encoded result, behind room for the frame's header.
#[derive(Clone, Debug)]
pub struct Message(Bytes);

impl Message {
    /// Encodes `value`.
    ///
    /// # Errors
    /// `TooLarge`, or `Malformed` when the type cannot be carried; `ran` says what that means here.
    pub fn encode<T: Serialize + ?Sized>(value: &T, ran: Ran) -> Result<Self, Failure> {
        let mut buffer = Vec::with_capacity(SMALL_MESSAGE_BYTES);
        buffer.resize(HEADER_BYTES, 0);
        let encode = || codec::encode(value, &mut buffer);
        let encoded = catch_panic(encode).map_err(|panic| panicked(panic, ran))?;
        match encoded {
            Ok(()) => Ok(Self(buffer.into())),
            Err(
                codec::EncodeError::TooLarge { bytes_max, .. }
                | codec::EncodeError::TooMuchMemory { bytes_max },
            ) => {
                let refusal = Refusal::TooLarge { bytes_max };
                Err(Failure::new(CallErrorKind::Refused(refusal), ran))
            }
            Err(error) => Err(malformed("cannot encode", &error, ran)),
        }
    }

    /// A message without a value.
    #[cfg(feature = "node")]
    #[must_use]
    pub(crate) fn empty() -> Self {
        Self(Bytes::from(vec![0; HEADER_BYTES]))
    }

    /// Decodes the value.
    ///
    /// # Errors
    /// `Malformed` when the bytes are not one value of `T`; `ran` says what that means here.
    pub fn decode<T: DeserializeOwned>(&self, ran: Ran) -> Result<T, Failure> {
        let decode = || codec::decode(self.payload());
        let decoded = catch_panic(decode).map_err(|panic| panicked(panic, ran))?;
        decoded.map_err(|error| malformed("cannot decode", &error, ran))
    }

    /// A whole frame, header included, as a transport received it; `None` when it is too short.
    #[must_use]
    pub fn from_frame(frame: Bytes) -> Option<Self> {
        (frame.len() >= HEADER_BYTES).then_some(Self(frame))
    }

    /// The whole buffer: room for the header, then the encoded value.
    #[must_use]
    pub fn into_frame(self) -> Bytes {
        self.0
    }

    fn payload(&self) -> &[u8] {
        self.0.get(HEADER_BYTES..).unwrap_or_default()
    }
}

/// An author's `Serialize` or `Deserialize` that panics.
fn panicked(message: String, ran: Ran) -> Failure {
    Failure::new(CallErrorKind::Panicked { message }, ran)
}

fn malformed(doing: &str, error: &dyn std::error::Error, ran: Ran) -> Failure {
    Failure::new(CallErrorKind::Malformed { reason: format!("{doing}: {error}") }, ran)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_room_for_the_header() {
        let frame = Message::encode(&7_u32, Ran::No).unwrap().into_frame();
        assert_eq!(frame.len(), HEADER_BYTES + 4);
        assert_eq!(Message::from_frame(frame).unwrap().decode::<u32>(Ran::No).unwrap(), 7);
    }

    #[test]
    fn a_frame_shorter_than_its_header_is_none() {
        assert!(Message::from_frame(Bytes::from_static(&[0; HEADER_BYTES - 1])).is_none());
    }

    #[test]
    fn too_large_says_the_limit_and_that_nothing_ran() {
        let failure =
            Message::encode(&vec![0_u8; codec::MESSAGE_BYTES_MAX + 1], Ran::No).unwrap_err();
        let refusal = Refusal::TooLarge { bytes_max: codec::MESSAGE_BYTES_MAX };
        assert_eq!(failure, Failure::new(CallErrorKind::Refused(refusal), Ran::No));
    }
}
