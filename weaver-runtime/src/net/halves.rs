//! [`SendHalf`] and [`ReceiveHalf`]: the two directions of a stream of frames, on QUIC or between two nodes
//! of one host.

use std::sync::Arc;

use bytes::Bytes;
use quinn::{RecvStream, SendStream};

use super::{local::LocalSocket, reading::ReadError};
use crate::wire::FrameDecoder;

/// Frames go in here.
#[derive(Debug)]
pub(super) enum SendHalf {
    Quic(SendStream),
    Local(Arc<LocalSocket>),
}

/// Frames come out here.
#[derive(Debug)]
pub(super) enum ReceiveHalf {
    Quic(RecvStream),
    Local(Arc<LocalSocket>),
}

/// The other streams of a connection have 0.
const SHARED_STREAM_PRIORITY: i32 = 1;

/// The peer, or the connection, is gone.
#[derive(Debug)]
pub(super) struct Gone;

/// Where to look whether anything leaves at all.
#[derive(Clone, Debug)]
pub(super) enum Progress {
    /// On any stream: one that others overtake, or that shares a slow link with them, waits.
    Quic(quinn::Connection),
    Local(Arc<LocalSocket>),
}

impl Progress {
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Self::Quic(connection) => connection.stats().frame_tx.stream,
            Self::Local(socket) => socket.written(),
        }
    }
}

impl SendHalf {
    pub(super) fn progress(&self, quic: &quinn::Connection) -> Progress {
        match self {
            Self::Quic(_) => Progress::Quic(quic.clone()),
            Self::Local(socket) => Progress::Local(Arc::clone(socket)),
        }
    }

    /// What is written here leaves before large frames and streams, which share the connection.
    pub(super) fn prefer(&self) {
        if let Self::Quic(stream) = self {
            // An error means that it is gone.
            let _ = stream.set_priority(SHARED_STREAM_PRIORITY);
        }
    }

    pub(super) async fn write_all(&mut self, batch: &mut [Bytes]) -> Result<(), Gone> {
        if batch.is_empty() {
            return Ok(());
        }
        match self {
            Self::Quic(stream) => stream.write_all_chunks(batch).await.map_err(|_| Gone),
            Self::Local(socket) => socket.write_all(batch).await.map_err(|_| Gone),
        }
    }

    /// Ends the stream.
    pub(super) fn finish(&mut self) {
        match self {
            // An error means that it has ended in another way.
            Self::Quic(stream) => drop(stream.finish()),
            Self::Local(socket) => socket.finish(),
        }
    }

    /// Waits until the peer has everything, or nobody is there to have it. (What the kernel has taken for a
    /// process on this host reaches it in any case.)
    pub(super) async fn finished(&self) {
        match self {
            // An error means that the stream is gone.
            Self::Quic(stream) => drop(stream.stopped().await),
            Self::Local(_) => {}
        }
    }
}

impl ReceiveHalf {
    /// Waits for more, and gives it to a decoder that has nothing whole left; `false` at the end.
    pub(super) async fn read_into(
        &mut self,
        decoder: &mut FrameDecoder,
    ) -> Result<bool, ReadError> {
        match self {
            Self::Quic(stream) => match stream.read_chunk(usize::MAX, true).await? {
                Some(chunk) => {
                    decoder.push(chunk.bytes);
                    Ok(true)
                }
                None => Ok(false),
            },
            Self::Local(socket) => Ok(socket.read_into(decoder).await?),
        }
    }
}
