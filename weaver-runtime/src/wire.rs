//! Frames: the unit of everything that two nodes say to each other. Pure: no clock, no socket.
//!
//! A frame is a header of [`HEADER_BYTES`] bytes and a payload. All integers are little-endian.
//!
//! | bytes | field |
//! | --- | --- |
//! | 0–3 | length of the whole frame |
//! | 4 | kind |
//! | 5 | number of streams in the value (requests and replies) |
//! | 6–7 | length of the trailer behind the payload, and two bits that say what is in it (requests) |
//! | 8–15 | id of the call |
//! | 16–17 | component's index (requests); the stream's number (streams); the listener's |
//! | 18–19 | method's index (requests); 1 if the request had a stream of its own (cancels) |
//! | 20–23 | time left until the deadline in milliseconds, 0 without one (requests); bytes (credits) |

mod trailer;

use bytes::Bytes;

pub(crate) use self::trailer::{TRAILER_BYTES_MAX, Trailer};
use crate::{
    message::{Buffer, HEADER_BYTES, Message},
    pool,
};

pub(crate) use crate::limits::{FRAME_BYTES_MAX, SHARED_FRAME_BYTES_MAX};

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Caller to callee, first on a connection: who is calling.
    Hello,
    /// Callee to caller: whether it will take calls.
    Welcome,
    /// A call; the payload is its arguments.
    Request,
    /// The method ran; the payload is its `Result<T, E>`.
    Reply,
    /// The call failed otherwise; the payload is a `Failure`.
    Failed,
    /// The caller gave the call up.
    Cancel,
    /// The callee takes no new calls on this connection; those in flight are finished.
    GoAway,
    /// Callee to caller: the call was taken on, the streams among its arguments may begin.
    Accept,
    /// First on a stream of its own: which call's stream this is, and which of its streams.
    Stream,
    /// An item of a stream; the payload is a `Result<T, E>`.
    Item,
    /// First on each further stream that calls share.
    Lane,
    /// Host to guest: somebody has connected to a listener; the payload is where from.
    Connected,
    /// Between a guest and its host: a stream, or what one side of a connection says, has ended, after a
    /// failure if the payload is one.
    Ended,
    /// Between a guest and its host: so many bytes more may be sent.
    Credit,
    /// Between a guest and its host: nobody reads any more.
    Stop,
    /// Guest to host: something in it may go on by itself, at a time that it has not said yet.
    Waits,
}

/// The header of a frame, without its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) kind: Kind,
    pub(crate) call: u64,
    pub(crate) component: u16,
    pub(crate) method: u16,
    pub(crate) streams: u8,
    pub(crate) time_left_ms: u32,
}

/// A header and what is behind it.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) header: Header,
    pub(crate) message: Message,
    pub(crate) trailer: Trailer,
}

/// Bytes that are no frame. The connection that sent them is closed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WireError {
    /// The length is below a header's or above the limit for where the frame was found.
    #[error("a frame of {bytes} bytes; allowed here are {HEADER_BYTES} to {bytes_max}")]
    Length { bytes: usize, bytes_max: usize },
    /// The kind is none that exists.
    #[error("a frame of unknown kind {0}")]
    Kind(u8),
    /// The trailer would begin before the frame does.
    #[error("a trailer of {bytes} bytes in a frame of {frame_bytes}")]
    Bounds { bytes: usize, frame_bytes: usize },
    /// The trailer is shorter than what it is to hold.
    #[error("a trailer of {bytes} bytes, which does not hold what it should")]
    Trailer { bytes: usize },
}

impl Header {
    /// A header of a frame that is about one call, or about the connection (`call` 0).
    pub(crate) fn new(kind: Kind, call: u64) -> Self {
        Self { kind, call, component: 0, method: 0, streams: 0, time_left_ms: 0 }
    }

    /// The header, and what it says of the trailer.
    fn parse(frame: &[u8; HEADER_BYTES]) -> Result<(Self, u16), WireError> {
        let [_, _, _, _, kind, streams, b0, b1, call @ .., c0, c1, m0, m1, t0, t1, t2, t3] = *frame;
        let header = Self {
            kind: Kind::parse(kind)?,
            call: u64::from_le_bytes(call),
            component: u16::from_le_bytes([c0, c1]),
            method: u16::from_le_bytes([m0, m1]),
            streams,
            time_left_ms: u32::from_le_bytes([t0, t1, t2, t3]),
        };
        Ok((header, u16::from_le_bytes([b0, b1])))
    }

    /// The frame of a header with nothing behind it.
    pub(crate) fn alone(self) -> Buffer {
        self.onto(Message::empty())
    }

    /// Writes the header into the room that a message keeps for it.
    pub(crate) fn onto(self, message: Message) -> Buffer {
        self.onto_with(message, &Trailer::default())
    }

    /// The same, with a trailer behind the message.
    pub(crate) fn onto_with(self, message: Message, trailer: &Trailer) -> Buffer {
        let mut whole = message.into_frame();
        let frame = whole.to_mut();
        let trailer = trailer.write(frame);
        let bytes = u32::try_from(frame.len()).unwrap_or(u32::MAX);
        let mut header = [0; HEADER_BYTES];
        header[0..4].copy_from_slice(&bytes.to_le_bytes());
        header[4] = self.kind.code();
        header[5] = self.streams;
        header[6..8].copy_from_slice(&trailer.to_le_bytes());
        header[8..16].copy_from_slice(&self.call.to_le_bytes());
        header[16..18].copy_from_slice(&self.component.to_le_bytes());
        header[18..20].copy_from_slice(&self.method.to_le_bytes());
        header[20..24].copy_from_slice(&self.time_left_ms.to_le_bytes());
        frame[..HEADER_BYTES].copy_from_slice(&header);
        whole
    }
}

impl Kind {
    const ALL: [Self; 16] = [
        Self::Hello,
        Self::Welcome,
        Self::Request,
        Self::Reply,
        Self::Failed,
        Self::Cancel,
        Self::GoAway,
        Self::Accept,
        Self::Stream,
        Self::Item,
        Self::Lane,
        Self::Connected,
        Self::Ended,
        Self::Credit,
        Self::Stop,
        Self::Waits,
    ];

    fn code(self) -> u8 {
        match self {
            Self::Hello => 1,
            Self::Welcome => 2,
            Self::Request => 3,
            Self::Reply => 4,
            Self::Failed => 5,
            Self::Cancel => 6,
            Self::GoAway => 7,
            Self::Accept => 8,
            Self::Stream => 9,
            Self::Item => 10,
            Self::Lane => 11,
            Self::Connected => 13,
            Self::Ended => 14,
            Self::Credit => 15,
            Self::Stop => 16,
            Self::Waits => 17,
        }
    }

    fn parse(code: u8) -> Result<Self, WireError> {
        Self::ALL.into_iter().find(|kind| kind.code() == code).ok_or(WireError::Kind(code))
    }
}

/// A frame that arrives in parts has room for so many times what is there, so that it is moved a few times
/// while it grows, and what its sender makes us hold stays in proportion to what it has sent.
const ROOM_TIMES: usize = 4;

/// Room for the rest of a small frame.
const FIRST_ROOM_BYTES: usize = 512;

/// Cuts what arrives on a stream into frames, however it was split on the way.
///
/// Feed it with [`push`](Self::push) or [`push_slice`](Self::push_slice), or read into its
/// [`room`](Self::room), then call [`next`](Self::next) until it gives `None`. After an error the stream is
/// of no further use.
#[derive(Debug)]
pub(crate) struct FrameDecoder {
    bytes_max: usize,
    /// The chunk that is being cut: whole frames are taken from it without copying.
    chunk: Bytes,
    /// Frames that ended in it so far.
    frames_of_chunk: usize,
    /// The beginning of a frame whose end is in chunks to come.
    partial: Partial,
}

/// The beginning of a frame, and room where more of it will be.
#[derive(Debug, Default)]
struct Partial {
    bytes: Vec<u8>,
    /// Of which that much is room, the first part of it filled.
    room: usize,
    filled: usize,
}

impl Partial {
    fn is_empty(&self) -> bool {
        self.filled == 0
    }

    fn filled(&self) -> &[u8] {
        &self.bytes[..self.filled]
    }

    /// Makes the room `bytes` long, if it is not.
    fn grow_to(&mut self, bytes: usize) {
        if self.bytes.len() < bytes {
            let mut grown = pool::take(bytes);
            grown[..self.filled].copy_from_slice(self.filled());
            pool::give(std::mem::replace(&mut self.bytes, grown));
        }
        self.room = self.room.max(bytes);
    }

    fn extend(&mut self, bytes: &[u8]) {
        let end = self.filled + bytes.len();
        self.grow_to(end);
        self.bytes[self.filled..end].copy_from_slice(bytes);
        self.filled = end;
    }

    /// What there is, which is all that there is room for.
    fn take(&mut self) -> Bytes {
        let Self { bytes, filled, .. } = std::mem::take(self);
        pool::share(bytes, filled)
    }
}

#[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "only local sockets copy"))]
impl FrameDecoder {
    /// A decoder for a stream on which frames are at most `bytes_max` long.
    pub(crate) fn new(bytes_max: usize) -> Self {
        let (chunk, partial) = (Bytes::new(), Partial::default());
        Self { bytes_max, chunk, frames_of_chunk: 0, partial }
    }

    /// The next bytes of the stream, once everything before was taken by [`next`](Self::next).
    pub(crate) fn push(&mut self, chunk: Bytes) {
        debug_assert!(self.chunk.is_empty(), "frames of the last chunk were not taken");
        (self.chunk, self.frames_of_chunk) = (chunk, 0);
    }

    /// The same for bytes that are copied, most of them once.
    pub(crate) fn push_slice(&mut self, bytes: &[u8]) {
        debug_assert!(self.chunk.is_empty(), "frames of the last chunk were not taken");
        self.frames_of_chunk = 0;
        let first = bytes.first_chunk::<LENGTH_BYTES>().map(|length| frame_bytes(*length));
        match first {
            // A part of one frame, of a length that `next` checks before there is room for it.
            Some(first)
                if self.partial.is_empty() && first > bytes.len() && first <= self.bytes_max =>
            {
                self.partial.grow_to(first.min(ROOM_TIMES * bytes.len()));
                self.partial.extend(bytes);
            }
            _ => self.chunk = Bytes::copy_from_slice(bytes),
        }
    }

    /// Where the rest of a frame goes whose beginning has arrived, after [`next`](Self::next) gave `None`.
    pub(crate) fn room(&mut self) -> Option<&mut [u8]> {
        let Partial { bytes, room, filled } = &mut self.partial;
        (*filled < *room).then(|| &mut bytes[*filled..*room])
    }

    /// So many bytes were read into the [`room`](Self::room).
    pub(crate) fn fill_room(&mut self, bytes: usize) {
        self.frames_of_chunk = 0;
        self.partial.filled = (self.partial.filled + bytes).min(self.partial.room);
    }

    /// From the next frame on, they are at most `bytes_max` long.
    pub(crate) fn allow(&mut self, bytes_max: usize) {
        self.bytes_max = bytes_max;
    }

    /// How many bytes of an unfinished frame are kept.
    pub(crate) fn kept_bytes(&self) -> usize {
        self.partial.filled
    }

    /// The call that the unfinished frame is about, once its header has arrived.
    pub(crate) fn unfinished_call(&self) -> Option<u64> {
        let (header, _) = Header::parse(self.partial.filled().first_chunk()?).ok()?;
        Some(header.call)
    }

    /// Whether the last frame came with no other.
    pub(crate) fn was_alone(&self) -> bool {
        self.frames_of_chunk == 1 && self.is_between_frames()
    }

    /// Whether the stream may end here.
    pub(crate) fn is_between_frames(&self) -> bool {
        self.chunk.is_empty() && self.partial.is_empty()
    }

    /// The next whole frame.
    pub(crate) fn next(&mut self) -> Result<Option<Frame>, WireError> {
        let Some(bytes) = self.next_length()? else { return Ok(None) };
        let whole = if self.partial.is_empty() && self.chunk.len() >= bytes {
            self.chunk.split_to(bytes)
        } else {
            self.gather(bytes);
            if self.partial.filled < bytes {
                return Ok(None);
            }
            self.partial.take()
        };
        self.frames_of_chunk += 1;
        Self::frame(whole).map(Some)
    }

    /// The length of the frame that begins here, checked; `None` while its header is incomplete.
    fn next_length(&mut self) -> Result<Option<usize>, WireError> {
        if !self.partial.is_empty() || self.chunk.len() < LENGTH_BYTES {
            self.gather(LENGTH_BYTES);
        }
        let start = if self.partial.is_empty() { &self.chunk[..] } else { self.partial.filled() };
        let Some(length) = start.first_chunk::<LENGTH_BYTES>() else { return Ok(None) };
        let (bytes, bytes_max) = (frame_bytes(*length), self.bytes_max);
        if bytes < HEADER_BYTES || bytes > bytes_max {
            return Err(WireError::Length { bytes, bytes_max });
        }
        Ok(Some(bytes))
    }

    /// Moves bytes from the chunk until `partial` has `bytes`. What is allocated grows with what has
    /// arrived, not with the length that the peer announced.
    fn gather(&mut self, bytes: usize) {
        let missing = bytes.saturating_sub(self.partial.filled);
        let arrived = self.partial.filled + self.chunk.len();
        let taken = missing.min(self.chunk.len());
        if arrived == 0 || missing == 0 {
            return;
        }
        // Only where there is no room left: each time all that is there is moved.
        if self.partial.room < self.partial.filled + taken.max(1) {
            let room_bytes = (ROOM_TIMES * arrived).max(FIRST_ROOM_BYTES);
            self.partial.grow_to(room_bytes.min(bytes));
        }
        let taken = self.chunk.split_to(taken);
        self.partial.extend(&taken);
    }

    fn frame(whole: Bytes) -> Result<Frame, WireError> {
        // The length was checked against both bounds before the frame was whole.
        let too_short = WireError::Length { bytes: whole.len(), bytes_max: FRAME_BYTES_MAX };
        let Some(header) = whole.first_chunk() else { return Err(too_short) };
        let (header, field) = Header::parse(header)?;
        let (bytes, frame_bytes) = (Trailer::bytes(field), whole.len());
        let trailer_at = frame_bytes.checked_sub(bytes).filter(|&at| at >= HEADER_BYTES);
        let at = trailer_at.ok_or(WireError::Bounds { bytes, frame_bytes })?;
        let mut whole = whole;
        let trailer = Trailer::parse(whole.split_off(at), field)?;
        let message = Message::from_frame(whole).ok_or(too_short)?;
        Ok(Frame { header, message, trailer })
    }
}

/// The field that says how long a frame is.
const LENGTH_BYTES: usize = 4;

fn frame_bytes(length: [u8; LENGTH_BYTES]) -> usize {
    usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::error::Ran;

    fn header(call: u64) -> Header {
        Header { component: 3, method: 9, ..Header::new(Kind::Request, call) }
    }

    fn frame(call: u64, text: &str) -> Bytes {
        header(call).onto(Message::encode(text, Ran::No).unwrap()).into_bytes()
    }

    fn decode_in_pieces(bytes: &[u8], piece: usize) -> Vec<(Header, String)> {
        let mut decoder = FrameDecoder::new(FRAME_BYTES_MAX);
        let mut frames = Vec::new();
        for chunk in bytes.chunks(piece) {
            decoder.push(Bytes::copy_from_slice(chunk));
            while let Some(frame) = decoder.next().unwrap() {
                frames.push((frame.header, frame.message.decode(Ran::No).unwrap()));
            }
        }
        assert!(decoder.is_between_frames());
        frames
    }

    #[test]
    fn the_layout_is_pinned() {
        let bytes = frame(0x0102_0304_0506_0708, "");
        let expected = [
            [32, 0, 0, 0, 3, 0, 0, 0],
            [8, 7, 6, 5, 4, 3, 2, 1],
            [3, 0, 9, 0, 0, 0, 0, 0],
            [0, 0, 0, 0, 0, 0, 0, 0],
        ];
        assert_eq!(bytes, expected.concat());
    }

    #[test]
    fn what_goes_with_a_call_is_pinned() {
        let header = Header { streams: 2, time_left_ms: 0x0102_0304, ..header(1) };
        let message = Message::encode("", Ran::No).unwrap();
        let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".parse().unwrap();
        let metadata = Bytes::from_static(b"metadata");
        let trailer = Trailer { trace: Some(trace), key: Some(5), metadata };
        let bytes = header.onto_with(message, &trailer).into_bytes();
        let expected: [&[u8]; 8] = [
            &[73, 0, 0, 0, 3, 2, 41, 0xc0],
            &[1, 0, 0, 0, 0, 0, 0, 0],
            &[3, 0, 9, 0, 4, 3, 2, 1],
            &[0; 8],
            b"\x0a\xf7\x65\x19\x16\xcd\x43\xdd\x84\x48\xeb\x21\x1c\x80\x31\x9c",
            b"\xb7\xad\x6b\x71\x69\x20\x33\x31\x01",
            &[5, 0, 0, 0, 0, 0, 0, 0],
            b"metadata",
        ];
        assert_eq!(bytes, expected.concat());
        let mut decoder = FrameDecoder::new(100);
        decoder.push(bytes);
        let frame = decoder.next().unwrap().unwrap();
        assert_eq!((frame.header, &frame.trailer), (header, &trailer));
        assert_eq!(frame.message.decode::<String>(Ran::No).unwrap(), "");
    }

    #[test]
    fn a_trailer_longer_than_its_frame_is_refused() {
        let mut bytes = frame(1, "").to_vec();
        bytes[6] = 9;
        let mut decoder = FrameDecoder::new(100);
        decoder.push(bytes.into());
        let refused = WireError::Bounds { bytes: 9, frame_bytes: 32 };
        assert_eq!(decoder.next().unwrap_err(), refused);
    }

    #[test]
    fn lengths_out_of_bounds_are_refused_before_anything_is_kept() {
        for (bytes, bytes_max) in [(0, 100), (23, 100), (101, 100), (u32::MAX, 100)] {
            let mut decoder = FrameDecoder::new(bytes_max);
            decoder.push(Bytes::copy_from_slice(&bytes.to_le_bytes()));
            let bytes = usize::try_from(bytes).unwrap();
            assert_eq!(decoder.next().unwrap_err(), WireError::Length { bytes, bytes_max });
        }
    }

    #[test]
    fn an_announced_length_allocates_nothing() {
        let mut decoder = FrameDecoder::new(FRAME_BYTES_MAX);
        let length = u32::try_from(FRAME_BYTES_MAX).unwrap();
        decoder.push(Bytes::copy_from_slice(&length.to_le_bytes()));
        assert!(decoder.next().unwrap().is_none());
        assert!(decoder.partial.room < 1024, "{}", decoder.partial.room);
    }

    #[test]
    fn an_unknown_kind_is_refused() {
        let mut bytes = frame(1, "x").to_vec();
        bytes[4] = 99;
        let mut decoder = FrameDecoder::new(FRAME_BYTES_MAX);
        decoder.push(bytes.into());
        assert_eq!(decoder.next().unwrap_err(), WireError::Kind(99));
    }

    #[test]
    fn a_stream_that_ends_inside_a_frame_is_noticed() {
        let mut decoder = FrameDecoder::new(FRAME_BYTES_MAX);
        decoder.push(frame(1, "cut").slice(..30));
        assert!(decoder.next().unwrap().is_none());
        assert!(!decoder.is_between_frames());
    }

    /// Each time costs as much as has arrived: a peer that sends single bytes must not choose how often.
    #[test]
    fn a_frame_that_grows_is_moved_a_few_times() {
        const FRAME_BYTES: usize = 16 << 20;
        let header = u32::try_from(FRAME_BYTES).unwrap().to_le_bytes();
        for (piece, pieces) in [(64 << 10, 100), (1, 5000)] {
            let mut decoder = FrameDecoder::new(FRAME_BYTES_MAX);
            decoder.push_slice(&header);
            assert!(decoder.next().unwrap().is_none());
            let (mut moves, mut bytes) = (0, 0);
            for _ in 0..pieces {
                match decoder.room() {
                    Some(room) => {
                        let filled = room.len().min(piece);
                        decoder.fill_room(filled);
                    }
                    None => decoder.push_slice(&vec![0; piece]),
                }
                assert!(decoder.next().unwrap().is_none());
                if std::mem::replace(&mut bytes, decoder.partial.room) != bytes {
                    moves += 1;
                }
            }
            assert!(moves <= 8, "{moves} times while it came in pieces of {piece}");
        }
    }

    /// How bytes come to a decoder.
    #[derive(Clone, Copy, Debug)]
    enum Way {
        Push,
        Copy,
        /// As much as there is room for, and copied where there is none.
        Read,
    }

    /// What a decoder makes of `bytes`, cut into pieces of these sizes again and again.
    fn decode_by(
        way: Way,
        bytes: &[u8],
        pieces: &[usize],
        bytes_max: usize,
    ) -> (Vec<Bytes>, Option<WireError>) {
        let mut decoder = FrameDecoder::new(bytes_max);
        let mut frames = Vec::new();
        let mut rest = bytes;
        for &piece in pieces.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let mut taken = piece.min(rest.len());
            match (way, decoder.room()) {
                (Way::Read, Some(room)) => {
                    taken = taken.min(room.len());
                    room[..taken].copy_from_slice(&rest[..taken]);
                    decoder.fill_room(taken);
                }
                (Way::Read, None) | (Way::Copy, _) => decoder.push_slice(&rest[..taken]),
                (Way::Push, _) => decoder.push(Bytes::copy_from_slice(&rest[..taken])),
            }
            rest = &rest[taken..];
            let before = frames.len();
            loop {
                match decoder.next() {
                    Ok(Some(Frame { header, message, trailer })) => {
                        frames.push(header.onto_with(message, &trailer).into_bytes());
                    }
                    Ok(None) => break,
                    Err(error) => return (frames, Some(error)),
                }
            }
            let is_alone = frames.len() == before + 1 && decoder.is_between_frames();
            assert_eq!(decoder.was_alone(), is_alone);
            // All that has come is either in a frame or kept.
            let understood: usize = frames.iter().map(Bytes::len).sum();
            assert_eq!(decoder.kept_bytes(), bytes.len() - rest.len() - understood);
            assert!(decoder.partial.room <= bytes_max);
        }
        (frames, None)
    }

    proptest! {
        #[test]
        fn a_stream_means_the_same_however_it_comes(
            texts in prop::collection::vec(".{0,300}", 1..8),
            garbage in prop::collection::vec(any::<u8>(), 0..60),
            pieces in prop::collection::vec(1_usize..700, 1..6),
        ) {
            let frames = texts.iter().zip(0_u64..).flat_map(|(text, call)| frame(call, text));
            let bytes: Vec<u8> = frames.chain(garbage).collect();
            let whole = decode_by(Way::Push, &bytes, &[bytes.len()], 2000);
            prop_assert!(whole.0.len() >= texts.len());
            for way in [Way::Push, Way::Copy, Way::Read] {
                prop_assert_eq!(decode_by(way, &bytes, &pieces, 2000), whole.clone(), "{:?}", way);
                prop_assert_eq!(decode_by(way, &bytes, &[1], 2000), whole.clone(), "{:?}", way);
            }
        }

        #[test]
        fn frames_survive_any_split(texts in prop::collection::vec(".{0,40}", 1..8), piece in 1_usize..90) {
            let bytes: Vec<u8> =
                texts.iter().zip(0_u64..).flat_map(|(text, call)| frame(call, text)).collect();
            let frames = decode_in_pieces(&bytes, piece);
            prop_assert_eq!(frames.len(), texts.len());
            for ((header, text), (call, sent)) in frames.iter().zip((0_u64..).zip(&texts)) {
                prop_assert_eq!(*header, self::header(call));
                prop_assert_eq!(text, sent);
            }
        }

        #[test]
        fn garbage_never_panics_and_never_grows(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..20)) {
            let mut decoder = FrameDecoder::new(1000);
            'stream: for chunk in chunks {
                decoder.push(chunk.into());
                loop {
                    match decoder.next() {
                        Ok(Some(_)) => {}
                        Ok(None) => break,
                        Err(_) => break 'stream,
                    }
                }
                prop_assert!(decoder.kept_bytes() < 1000);
            }
        }
    }
}
