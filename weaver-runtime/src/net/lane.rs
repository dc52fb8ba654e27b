//! [`Lane`]: one of the streams that calls between two nodes share. What is about one call stays on one of
//! them, and QUIC lets none wait for what another has lost.

use std::sync::Arc;

use super::{
    halves::{ReceiveHalf, SendHalf},
    local::LocalSocket,
    reading::{ReadError, next_frame},
};
use crate::wire::{FrameDecoder, Header, Kind, SHARED_FRAME_BYTES_MAX};

/// Both directions of one. The first of a connection is that of the handshake.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) send: SendHalf,
    pub(super) receive: ReceiveHalf,
    pub(super) decoder: FrameDecoder,
}

impl Lane {
    /// A socket to a neighbour, of which there is one: nothing is lost on it.
    pub(super) fn local(socket: Arc<LocalSocket>) -> Self {
        Self {
            send: SendHalf::Local(Arc::clone(&socket)),
            receive: ReceiveHalf::Local(socket),
            decoder: FrameDecoder::new(SHARED_FRAME_BYTES_MAX),
        }
    }

    /// Opens another one. A stream exists for the other side once something was said on it.
    pub(super) async fn open(quic: &quinn::Connection) -> Result<Self, quinn::ConnectionError> {
        let (mut send, receive) = quic.open_bi().await?;
        let first = Header::new(Kind::Lane, 0).alone().into_bytes();
        // An error means that the connection is gone, or the stream stopped: the writer will find out.
        let _ = send.write_chunk(first).await;
        Ok(Self::of(send, receive))
    }

    /// Takes the next one that the caller opens.
    pub(super) async fn accept(quic: &quinn::Connection) -> Result<Self, ReadError> {
        let (send, receive) = quic.accept_bi().await.map_err(quinn::ReadError::from)?;
        let mut lane = Self::of(send, receive);
        match next_frame(&mut lane.receive, &mut lane.decoder).await? {
            Some(frame) if frame.header.kind == Kind::Lane => Ok(lane),
            Some(_) | None => Err(ReadError::Unexpected),
        }
    }

    fn of(send: quinn::SendStream, receive: quinn::RecvStream) -> Self {
        let decoder = FrameDecoder::new(SHARED_FRAME_BYTES_MAX);
        Self { send: SendHalf::Quic(send), receive: ReceiveHalf::Quic(receive), decoder }
    }
}
