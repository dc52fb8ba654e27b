//! Frames to their halves: what an outbox holds to the lanes, a large message to a stream of its own.

use std::{future::Future, pin::pin, sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::time::timeout;

use super::{
    endpoint::CLOSED_DONE,
    halves::{Progress, SendHalf},
    local::Neighbour,
    outbox::{NotQueued, Outbox},
};
use crate::limits::STALL_SECONDS_MAX;

/// The peer takes nothing any more.
#[derive(Debug)]
pub(super) struct Stalled;

/// Waits for a write, unless there is no [`Progress`] for [`STALL_SECONDS_MAX`].
async fn unless_stalled<T>(
    progress: &Progress,
    write: impl Future<Output = T>,
) -> Result<T, Stalled> {
    let mut write = pin!(write);
    // Looked at twice, so that the many writes that do not wait need not look.
    let patience = Duration::from_secs(STALL_SECONDS_MAX) / 2;
    let mut before = None;
    loop {
        if let Ok(written) = timeout(patience, write.as_mut()).await {
            return Ok(written);
        }
        let left = progress.bytes();
        if before.replace(left) == Some(left) {
            return Err(Stalled);
        }
    }
}

/// The single writer of all lanes: one write on each for everything that was queued meanwhile. Ends when the
/// outbox is closed, when a lane or the connection is gone, and when the peer reads nothing any more. (A lane
/// that is not read holds up the others once a whole window of it is unread. What one that has lost a packet
/// has to wait for is far less.)
pub(super) async fn write(
    quic: quinn::Connection,
    mut lanes: Vec<SendHalf>,
    outbox: Arc<Outbox>,
    is_patient: bool,
) {
    for lane in &lanes {
        lane.prefer();
    }
    let Some(progress) = lanes.first().map(|lane| lane.progress(&quic)) else { return };
    let mut batches = vec![Vec::new(); lanes.len()];
    while outbox.take(is_patient, &mut batches).await {
        for (lane, batch) in lanes.iter_mut().zip(&mut batches) {
            let write = lane.write_all(batch);
            if !matches!(unless_stalled(&progress, write).await, Ok(Ok(()))) {
                return outbox.abandon();
            }
        }
    }
    // All at once: the peer waits for the end of each.
    lanes.iter_mut().for_each(SendHalf::finish);
    for lane in &mut lanes {
        lane.finished().await;
    }
}

/// Sends one large frame on a stream of its own, once the future is run, unless `given_up` comes first.
pub(super) fn write_large(
    quic: quinn::Connection,
    neighbour: Option<Arc<Neighbour>>,
    frame: Bytes,
    outbox: Arc<Outbox>,
    given_up: impl Future<Output = ()> + Send,
) -> Result<impl Future<Output = Result<(), Stalled>> + Send, NotQueued> {
    let place = Outbox::reserve_large(outbox, frame.len())?;
    Ok(async move {
        let mut given_up = pin!(given_up);
        if let Some(neighbour) = neighbour {
            let dialled = tokio::select! {
                dialled = neighbour.dial(&quic) => dialled,
                () = &mut given_up => return Ok(()),
                _ = quic.closed() => return Ok(()),
            };
            // Where it cannot be dialled, a stream does it as well.
            if let Ok(large) = dialled {
                let progress = Progress::Local(Arc::clone(&large.socket));
                let mut batch = [frame];
                return tokio::select! {
                    // The error means that the frame is refused, or the peer gone.
                    written = unless_stalled(&progress, large.socket.write_all(&mut batch)) => {
                        written.map(drop)
                    }
                    // The socket ends inside the frame.
                    () = given_up => Ok(()),
                    _ = quic.closed() => Ok(()),
                };
            }
        }
        let progress = Progress::Quic(quic.clone());
        let opened = tokio::select! {
            opened = unless_stalled(&progress, quic.open_uni()) => opened?,
            () = &mut given_up => return Ok(()),
        };
        let Ok(mut stream) = opened else { return Ok(()) };
        let write = async {
            if unless_stalled(&progress, stream.write_chunk(frame)).await?.is_ok()
                && stream.finish().is_ok()
            {
                // As in `write`.
                let _ = stream.stopped().await;
            }
            Ok(())
        };
        let written = tokio::select! {
            written = write => Some(written),
            () = given_up => None,
        };
        drop(place);
        written.unwrap_or_else(|| {
            // An error means that everything has arrived.
            let _ = stream.reset(CLOSED_DONE);
            Ok(())
        })
    })
}
