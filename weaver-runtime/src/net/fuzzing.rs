//! Entrances for fuzzers: see [`crate::fuzzing`].

use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};

use super::handshake::{self, Hello, Welcome};
use crate::{
    fingerprint::{Fingerprint, Signature},
    message::{HEADER_BYTES, Message},
    wire::{Frame, FrameDecoder, Header, Kind, SHARED_FRAME_BYTES_MAX, WireError},
};

/// A stream of frames: the first byte says into pieces of which size it was cut on its way. Pieces, and how
/// they are handed over, must not change what is understood, and a frame that is understood is the bytes
/// that came.
#[must_use]
pub fn frames(bytes: &[u8]) -> bool {
    let Some((&piece, stream)) = bytes.split_first() else { return false };
    let whole = decode(stream, stream.len().max(1), Way::Push);
    for way in [Way::Push, Way::Copy, Way::Read] {
        for piece in [usize::from(piece) + 1, stream.len().max(1)] {
            assert_eq!(decode(stream, piece, way), whole, "{way:?} in pieces of {piece}");
        }
    }
    let understood = whole.frames.concat();
    assert_eq!(understood, &stream[..understood.len()]);
    !understood.is_empty()
}

#[derive(Debug, PartialEq)]
struct Decoded {
    frames: Vec<Bytes>,
    error: Option<WireError>,
}

/// How pieces come to a decoder.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// Each is a chunk of its own, as from QUIC.
    Push,
    /// Each is copied.
    Copy,
    /// Each is read into the room for the rest of a frame, and copied where there is none, as from a socket.
    Read,
}

impl Way {
    /// Gives the decoder the next piece; how long that is.
    fn hand_over(self, decoder: &mut FrameDecoder, piece: &[u8]) -> usize {
        match self {
            Self::Push => decoder.push(Bytes::copy_from_slice(piece)),
            Self::Copy => decoder.push_slice(piece),
            Self::Read => match decoder.room() {
                Some(room) => {
                    assert!(room.len() <= SHARED_FRAME_BYTES_MAX, "room for {} bytes", room.len());
                    let bytes = room.len().min(piece.len());
                    room[..bytes].copy_from_slice(&piece[..bytes]);
                    decoder.fill_room(bytes);
                    return bytes;
                }
                None => decoder.push_slice(piece),
            },
        }
        piece.len()
    }
}

fn decode(stream: &[u8], piece: usize, way: Way) -> Decoded {
    let mut decoder = FrameDecoder::new(SHARED_FRAME_BYTES_MAX);
    let mut frames = Vec::new();
    let mut rest = stream;
    while !rest.is_empty() {
        let taken = way.hand_over(&mut decoder, &rest[..piece.min(rest.len())]);
        rest = &rest[taken..];
        loop {
            match decoder.next() {
                Ok(Some(Frame { header, message, trailer })) => {
                    frames.push(header.onto_with(message, &trailer).into_bytes());
                }
                Ok(None) => break,
                Err(error) => return Decoded { frames, error: Some(error) },
            }
        }
        assert!(decoder.kept_bytes() < SHARED_FRAME_BYTES_MAX, "a whole frame is kept");
        // Whatever it is, it is known before the frame is whole.
        let _ = decoder.unfinished_call();
    }
    Decoded { frames, error: None }
}

/// The first frame in either direction, once as its body alone, and once as a whole frame.
#[must_use]
pub fn handshake(bytes: &[u8]) -> bool {
    let headed = Bytes::from([&[0; HEADER_BYTES][..], bytes].concat());
    let mut understood = greet(bytes);
    for kind in [Kind::Hello, Kind::Welcome] {
        let Some(body) = Message::from_frame(headed.clone()) else { unreachable!("it is headed") };
        understood |= greet(Header::new(kind, 0).onto(body).as_slice());
    }
    understood
}

fn greet(stream: &[u8]) -> bool {
    let hello: Option<Hello> = parse(stream, Kind::Hello);
    let welcome: Option<Welcome> = parse(stream, Kind::Welcome);
    let understood = hello.is_some() || welcome.is_some();
    if let Some(hello) = hello {
        let methods = vec![Signature::new("Cart.add".to_owned(), "1")];
        for known in [hello.fingerprint, Fingerprint::of(&methods)] {
            let _ = Welcome::answer(&hello, &[known], &methods, None).difference(&methods);
        }
    }
    if let Some(welcome) = welcome {
        let difference = welcome.difference(&[Signature::new("Cart.add".to_owned(), "1")]);
        assert_eq!(difference.is_none(), welcome.is_come());
    }
    understood
}

/// What the first frame of a stream says, which said again is the same.
fn parse<T>(stream: &[u8], kind: Kind) -> Option<T>
where
    T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let value: T = handshake::parse(first_frame(stream)?, kind)?;
    let again = handshake::frame(kind, &value).ok().and_then(|frame| first_frame(&frame));
    assert_eq!(again.and_then(|frame| handshake::parse(frame, kind)).as_ref(), Some(&value));
    Some(value)
}

fn first_frame(stream: &[u8]) -> Option<Frame> {
    let mut decoder = FrameDecoder::new(SHARED_FRAME_BYTES_MAX);
    decoder.push(Bytes::copy_from_slice(stream));
    decoder.next().ok()?
}
