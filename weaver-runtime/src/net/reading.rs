//! Frames from the receiving half of a lane, a large message or a stream.

use std::{future::Future, io, pin::pin, time::Duration};

use tokio::time::{Instant, timeout_at};

use super::{gate::Held, halves::ReceiveHalf};
use crate::{
    error::Refusal,
    limits::{STALL_BYTES_MIN, STALL_SECONDS_MAX},
    wire::{Frame, FrameDecoder, WireError},
};

/// Why a stream of frames ended early.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    #[error(transparent)]
    Stream(#[from] quinn::ReadError),
    #[error(transparent)]
    Socket(#[from] io::Error),
    #[error(transparent)]
    Frame(#[from] WireError),
    #[error("the stream ended inside a frame")]
    Cut,
    #[error("a frame that does not belong on its stream")]
    Unexpected,
    /// We do not wait for the rest.
    #[error("{0}")]
    Refused(Refusal),
}

impl ReadError {
    /// Whether the peer broke the protocol, and not the stream or the connection.
    pub(super) fn is_of_the_peer(&self) -> bool {
        match self {
            Self::Stream(_) | Self::Socket(_) | Self::Refused(_) => false,
            Self::Frame(_) | Self::Cut | Self::Unexpected => true,
        }
    }
}

/// The next frame of a stream; `None` at its end.
pub(super) async fn next_frame(
    stream: &mut ReceiveHalf,
    decoder: &mut FrameDecoder,
) -> Result<Option<Frame>, ReadError> {
    loop {
        if let Some(frame) = decoder.next()? {
            return Ok(Some(frame));
        }
        if !stream.read_into(decoder).await? {
            return end(decoder);
        }
    }
}

/// The same; what has arrived of a frame counts as `held` until the frame is whole, and it must get on.
pub(super) async fn next_frame_held(
    stream: &mut ReceiveHalf,
    decoder: &mut FrameDecoder,
    held: &mut Held,
) -> Result<Option<Frame>, ReadError> {
    let mut pace = Pace::new(decoder.kept_bytes());
    loop {
        if let Some(frame) = decoder.next()? {
            held.release();
            return Ok(Some(frame));
        }
        let kept_bytes = decoder.kept_bytes();
        held.set(kept_bytes).map_err(|load| ReadError::Refused(Refusal::Overloaded { load }))?;
        let read = stream.read_into(decoder);
        let has_more = match kept_bytes {
            0 => read.await?,
            _ => pace.during(kept_bytes, read).await??,
        };
        if !has_more {
            return end(decoder);
        }
    }
}

fn end(decoder: &FrameDecoder) -> Result<Option<Frame>, ReadError> {
    decoder.is_between_frames().then_some(None).ok_or(ReadError::Cut)
}

/// Whether a frame that has arrived in part gets on: [`STALL_BYTES_MIN`] in every [`STALL_SECONDS_MAX`].
struct Pace {
    /// When it is looked at next, and what there was when it was last.
    next: Instant,
    bytes: usize,
}

impl Pace {
    fn new(bytes: usize) -> Self {
        Self { next: Self::after_now(), bytes }
    }

    fn after_now() -> Instant {
        Instant::now() + Duration::from_secs(STALL_SECONDS_MAX)
    }

    /// Waits for more than the `bytes` that there are. What has arrived is never refused.
    async fn during<T>(
        &mut self,
        bytes: usize,
        read: impl Future<Output = T>,
    ) -> Result<T, ReadError> {
        let mut read = pin!(read);
        loop {
            if let Ok(read) = timeout_at(self.next, read.as_mut()).await {
                return Ok(read);
            }
            let (seconds, bytes_min) = (STALL_SECONDS_MAX, STALL_BYTES_MIN);
            let more = bytes.saturating_sub(self.bytes);
            if more < bytes_min {
                let refusal = Refusal::Stalled { bytes: more, bytes_min, seconds };
                return Err(ReadError::Refused(refusal));
            }
            *self = Self::new(bytes);
        }
    }
}
