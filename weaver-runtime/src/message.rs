//! [`Message`]: the encoded arguments of a call, or its encoded result, in the buffer that goes out.

use std::marker::PhantomData;

use bytes::Bytes;
use serde::{
    Serialize,
    de::{DeserializeOwned, DeserializeSeed},
};

#[cfg(feature = "node")]
use crate::stream::ByteStream;
use crate::{
    catch_panic::catch_panic,
    codec,
    error::{CallErrorKind, Failure, Ran, Refusal},
    pool,
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
    frame: Buffer,
    streams: Streams,
}

/// The bytes of a message, behind room for a frame's header. They are ours alone until somebody else has to
/// hold them, too: small ones are copied into a batch and never are.
#[derive(Debug)]
pub(crate) enum Buffer {
    Own(Vec<u8>),
    Shared(Bytes),
}

impl Buffer {
    pub(crate) fn len(&self) -> usize {
        self.as_slice().len()
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        match self {
            Self::Own(bytes) => bytes,
            Self::Shared(bytes) => bytes,
        }
    }

    pub(crate) fn into_bytes(self) -> Bytes {
        match self {
            Self::Own(buffer) => {
                let bytes = buffer.len();
                pool::share(buffer, bytes)
            }
            Self::Shared(bytes) => bytes,
        }
    }
}

#[cfg(feature = "node")]
impl Buffer {
    /// To be changed: copied if somebody else holds them.
    pub(crate) fn to_mut(&mut self) -> &mut Vec<u8> {
        if let Self::Shared(bytes) = self {
            *self = Self::Own(std::mem::take(bytes).into());
        }
        match self {
            Self::Own(bytes) => bytes,
            Self::Shared(_) => unreachable!("it was made its own above"),
        }
    }

    /// To be held by somebody else as well.
    pub(crate) fn share(&mut self) -> Bytes {
        if let Self::Own(buffer) = self {
            *self = Self::Shared(Self::Own(std::mem::take(buffer)).into_bytes());
        }
        match self {
            Self::Shared(bytes) => bytes.clone(),
            Self::Own(_) => unreachable!("it was shared above"),
        }
    }

    /// A message again, of what is left without the metadata behind it.
    pub(crate) fn into_message(mut self, bytes: usize) -> Option<Message> {
        match &mut self {
            Self::Own(frame) => frame.truncate(bytes),
            Self::Shared(frame) => frame.truncate(bytes),
        }
        Message::of(self)
    }
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
        Ok(Self { frame: Buffer::Own(buffer), streams })
    }

    /// A message without a value.
    #[cfg(feature = "node")]
    #[must_use]
    pub(crate) fn empty() -> Self {
        Self { frame: Buffer::Own(vec![0; HEADER_BYTES]), streams: Streams::default() }
    }

    /// Decodes the value; its streams go into it.
    ///
    /// # Errors
    /// `Malformed` when the bytes are not one value of `T`; `ran` says what that means here.
    pub fn decode<T: DeserializeOwned>(self, ran: Ran) -> Result<T, Failure> {
        self.decode_with(PhantomData::<T>, ran)
    }

    /// The same by a seed, for a type that is only known at run time.
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    pub fn decode_with<S, T>(mut self, seed: S, ran: Ran) -> Result<T, Failure>
    where
        S: for<'a> DeserializeSeed<'a, Value = T>,
    {
        let streams = std::mem::take(&mut self.streams);
        let decode = || stream::distribute(streams, || codec::decode_with(seed, self.payload()));
        let decoded = catch_panic(decode).map_err(|panic| panicked(panic, ran))?;
        decoded.map_err(|error| malformed("cannot decode", &error, ran))
    }

    /// A whole frame, header included, as a transport received it; `None` when it is too short.
    #[must_use]
    pub fn from_frame(frame: Bytes) -> Option<Self> {
        Self::of(Buffer::Shared(frame))
    }

    fn of(frame: Buffer) -> Option<Self> {
        let streams = Streams::default();
        (frame.len() >= HEADER_BYTES).then_some(Self { frame, streams })
    }

    /// The whole buffer: room for the header, then the encoded value.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.frame.into_bytes()
    }

    /// The same, to be written to.
    #[cfg(feature = "node")]
    pub(crate) fn into_frame(self) -> Buffer {
        self.frame
    }

    /// The same bytes again; `None` if there are streams, which cannot be sent twice.
    #[cfg(feature = "node")]
    pub(crate) fn again(&self) -> Option<Self> {
        let streams = Streams::default();
        let frame = || match &self.frame {
            Buffer::Own(bytes) => Buffer::Own(bytes.clone()),
            Buffer::Shared(bytes) => Buffer::Shared(bytes.clone()),
        };
        self.streams.is_empty().then(|| Self { frame: frame(), streams })
    }

    /// How long the frame is.
    #[cfg(feature = "node")]
    pub(crate) fn frame_bytes(&self) -> usize {
        self.frame.len()
    }

    /// Copies the bytes, if somebody else may hold them, too.
    #[cfg(feature = "node")]
    pub(crate) fn own(&mut self) {
        if let Buffer::Shared(bytes) = &self.frame {
            self.frame = Buffer::Own(bytes.to_vec());
        }
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
    pub fn detach_streams(&mut self) -> Vec<ByteStream> {
        self.streams.take_all()
    }

    /// How many streams are in the value, wherever they are now.
    #[cfg(feature = "node")]
    pub(crate) fn announced_streams(&self) -> usize {
        self.streams.len()
    }

    /// Bytes that are no encoded value: what is said on a connection.
    #[cfg(feature = "node")]
    pub(crate) fn of_payload(payload: &[u8]) -> Self {
        let mut frame = Vec::with_capacity(HEADER_BYTES + payload.len());
        frame.resize(HEADER_BYTES, 0);
        frame.extend_from_slice(payload);
        Self { frame: Buffer::Own(frame), streams: Streams::default() }
    }

    /// The bytes behind the header.
    #[cfg(feature = "node")]
    pub(crate) fn into_payload(self) -> Bytes {
        let mut frame = self.into_bytes();
        bytes::Buf::advance(&mut frame, HEADER_BYTES);
        frame
    }

    fn payload(&self) -> &[u8] {
        self.frame.as_slice().get(HEADER_BYTES..).unwrap_or_default()
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
        let frame = Message::encode(&7_u32, Ran::No).unwrap().into_bytes();
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
