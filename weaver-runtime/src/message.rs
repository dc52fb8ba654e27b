//! [`Message`]: the encoded arguments of a call, or its encoded result, in the buffer that goes out.

use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};

#[cfg(feature = "node")]
use crate::stream::ByteStream;
use crate::{
    catch_panic::catch_panic,
    codec,
    error::{CallErrorKind, Failure, Ran, Refusal},
    stream::{self, Streams},
};

/// Bytes at the front of every message that belong to the transport's frame header.
///
/// Values are encoded behind them, so that a message becomes a frame without being copied.
pub(crate) const HEADER_BYTES: usize = 24;

/// Streams in one message: its header counts them in a byte.
pub(crate) const MESSAGE_STREAMS_MAX: usize = 255;

/// Enough for most arguments, so that a small call's buffer is allocated once.
const SMALL_MESSAGE_BYTES: usize = 256;

/// Encoded arguments, or an encoded result, behind room for the frame's header, with the streams that
/// are in it.
#[derive(Debug)]
pub struct Message {
    frame: Bytes,
    streams: Streams,
}

impl Message {
    /// Encodes `value`.
    ///
    /// # Errors
    /// `TooLarge`, or `Malformed` when the type cannot be carried; `ran` says what that means here.
    pub fn encode<T: Serialize + ?Sized>(value: &T, ran: Ran) -> Result<Self, Failure> {
        let mut buffer = Vec::with_capacity(SMALL_MESSAGE_BYTES);
        buffer.resize(HEADER_BYTES, 0);
        let encode = || stream::collect(|| codec::encode(value, &mut buffer));
        let (encoded, streams) = catch_panic(encode).map_err(|panic| panicked(panic, ran))?;
        encoded.map_err(|error| not_encoded(&error, ran))?;
        if streams.len() > MESSAGE_STREAMS_MAX {
            let (streams, streams_max) = (streams.len(), MESSAGE_STREAMS_MAX);
            let refusal = Refusal::TooManyStreams { streams, streams_max };
            return Err(Failure::new(CallErrorKind::Refused(refusal), ran));
        }
        Ok(Self { frame: buffer.into(), streams })
    }

    /// A message without a value.
    #[cfg(feature = "node")]
    #[must_use]
    pub(crate) fn empty() -> Self {
        Self { frame: Bytes::from(vec![0; HEADER_BYTES]), streams: Streams::default() }
    }

    /// Decodes the value; its streams go into it.
    ///
    /// # Errors
    /// `Malformed` when the bytes are not one value of `T`; `ran` says what that means here.
    pub fn decode<T: DeserializeOwned>(mut self, ran: Ran) -> Result<T, Failure> {
        let streams = std::mem::take(&mut self.streams);
        let decode = || stream::distribute(streams, || codec::decode(self.payload()));
        let decoded = catch_panic(decode).map_err(|panic| panicked(panic, ran))?;
        decoded.map_err(|error| malformed("cannot decode", &error, ran))
    }

    /// A whole frame, header included, as a transport received it; `None` when it is too short.
    #[must_use]
    pub fn from_frame(frame: Bytes) -> Option<Self> {
        let streams = Streams::default();
        (frame.len() >= HEADER_BYTES).then_some(Self { frame, streams })
    }

    /// The whole buffer: room for the header, then the encoded value.
    #[must_use]
    pub fn into_frame(self) -> Bytes {
        self.frame
    }

    /// The same bytes again; `None` if there are streams, which cannot be sent twice.
    #[cfg(feature = "node")]
    pub(crate) fn again(&self) -> Option<Self> {
        let streams = Streams::default();
        self.streams.is_empty().then(|| Self { frame: self.frame.clone(), streams })
    }

    /// How long the frame is.
    #[cfg(feature = "node")]
    pub(crate) fn frame_bytes(&self) -> usize {
        self.frame.len()
    }

    pub(crate) fn has_streams(&self) -> bool {
        !self.streams.is_empty()
    }

    /// The streams in the value.
    pub(crate) fn streams(&mut self) -> &mut Streams {
        &mut self.streams
    }

    /// Takes the streams out; the message still announces them.
    #[cfg(feature = "node")]
    pub(crate) fn detach_streams(&mut self) -> Vec<ByteStream> {
        self.streams.take_all()
    }

    /// How many streams are in the value, wherever they are now.
    #[cfg(feature = "node")]
    pub(crate) fn announced_streams(&self) -> usize {
        self.streams.len()
    }

    fn payload(&self) -> &[u8] {
        self.frame.get(HEADER_BYTES..).unwrap_or_default()
    }
}

#[cold]
fn not_encoded(error: &codec::EncodeError, ran: Ran) -> Failure {
    let refusal = match *error {
        codec::EncodeError::TooLarge { bytes, bytes_max } => Refusal::TooLarge { bytes, bytes_max },
        codec::EncodeError::TooMuchMemory { bytes_max } => Refusal::TooMuchMemory { bytes_max },
        _ => return malformed("cannot encode", error, ran),
    };
    Failure::new(CallErrorKind::Refused(refusal), ran)
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
        // The length comes first.
        let (bytes, bytes_max) = (8 + codec::MESSAGE_BYTES_MAX + 1, codec::MESSAGE_BYTES_MAX);
        let refusal = Refusal::TooLarge { bytes, bytes_max };
        assert_eq!(failure, Failure::new(CallErrorKind::Refused(refusal), Ran::No));
    }
}
