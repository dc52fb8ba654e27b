//! [`Outbox`]: the queue of frames in front of a connection's single writer.
//!
//! Callers append under a short lock and the writer takes everything there is, so that frames of
//! many calls leave in one write. (Measured against callers that write themselves: 1.5–2.1× the calls
//! a second with 64 or more in flight.)

use std::{
    future::Future,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use quinn::{SendStream, WriteError};
use tokio::{sync::Notify, time::timeout};

use super::gate::Held;
use crate::{
    error::Load,
    limits::{OUTBOX_BYTES_MAX, OUTBOX_LARGE_BYTES_MAX, STALL_SECONDS_MAX},
};

/// Frames below this are copied together into one buffer; above it the copy costs more than a
/// further element of the batch.
const COALESCED_FRAME_BYTES_MAX: usize = 16 * 1024;

#[derive(Debug, Default)]
pub(super) struct Outbox {
    queue: Mutex<Queue>,
    filled: Notify,
    /// How often the connection has taken something, on whichever stream.
    writes: AtomicU64,
}

#[derive(Debug, Default)]
struct Queue {
    batch: Batch,
    /// In the batch that is being written.
    written_bytes: usize,
    /// In large frames that are not written yet.
    large_bytes: usize,
    /// Where all of these count for the node: answers do, requests do not.
    held: Option<Held>,
    closed: bool,
}

impl Queue {
    /// Counts what there will be.
    fn hold(&mut self, batch_bytes: usize, large_bytes: usize) -> Result<(), Load> {
        let bytes = batch_bytes + self.written_bytes + large_bytes;
        self.held.as_mut().map_or(Ok(()), |held| held.set(bytes))
    }

    /// Counts what there is.
    fn hold_less(&mut self) {
        // Less always has room.
        let _ = self.hold(self.batch.bytes, self.large_bytes);
    }
}

/// Frames for one write.
#[derive(Debug, Default)]
pub(super) struct Batch {
    frames: Vec<Bytes>,
    /// Small frames behind the last element of `frames`.
    tail: BytesMut,
    bytes: usize,
}

/// The place of a large frame until it is written.
#[derive(Debug)]
pub(super) struct LargePlace {
    outbox: Arc<Outbox>,
    bytes: usize,
}

impl Drop for LargePlace {
    fn drop(&mut self) {
        let mut queue = self.outbox.lock();
        queue.large_bytes -= self.bytes;
        queue.hold_less();
    }
}

/// The frame was not queued.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NotQueued {
    /// The connection is closed.
    Closed,
    /// There would be too many bytes in the queue, or in all queues of the node.
    Full(Load),
}

/// The peer takes nothing any more.
#[derive(Debug)]
pub(super) struct Stalled;

impl Outbox {
    /// An outbox whose frames count as `held`.
    pub(super) fn counted(held: Held) -> Arc<Self> {
        let queue = Mutex::new(Queue { held: Some(held), ..Queue::default() });
        Arc::new(Self { queue, ..Self::default() })
    }

    /// Queues a frame for the writer.
    pub(super) fn send(&self, frame: &Bytes) -> Result<(), NotQueued> {
        let mut queue = self.lock();
        let (bytes, bytes_max) = (queue.batch.bytes + frame.len(), OUTBOX_BYTES_MAX);
        if bytes > bytes_max {
            return Err(NotQueued::Full(Load::Unsent { bytes, bytes_max }));
        }
        let large_bytes = queue.large_bytes;
        queue.hold(bytes, large_bytes).map_err(NotQueued::Full)?;
        self.push(queue, frame)
    }

    /// Queues a frame that the other side would otherwise wait for for ever, and that is short: a bare
    /// header, or the failure of a call. They have as much room again, which is beyond what the other
    /// frames can cause: for each of these there is at most one cancel, for instance.
    pub(super) fn send_notice(&self, frame: &Bytes) -> Result<(), NotQueued> {
        let queue = self.lock();
        let (bytes, bytes_max) = (queue.batch.bytes + frame.len(), 2 * OUTBOX_BYTES_MAX);
        if bytes > bytes_max {
            return Err(NotQueued::Full(Load::Unsent { bytes, bytes_max }));
        }
        self.push(queue, frame)
    }

    fn push(&self, mut queue: MutexGuard<'_, Queue>, frame: &Bytes) -> Result<(), NotQueued> {
        if queue.closed {
            return Err(NotQueued::Closed);
        }
        let was_empty = queue.batch.bytes == 0;
        queue.batch.push(frame);
        drop(queue);
        if was_empty {
            self.filled.notify_one();
        }
        Ok(())
    }

    /// A place for a large frame, which the caller writes to a stream of its own.
    pub(super) fn reserve_large(outbox: Arc<Self>, bytes: usize) -> Result<LargePlace, NotQueued> {
        let mut queue = outbox.lock();
        if queue.closed {
            return Err(NotQueued::Closed);
        }
        let large_bytes = queue.large_bytes + bytes;
        if large_bytes > OUTBOX_LARGE_BYTES_MAX {
            let (bytes, bytes_max) = (large_bytes, OUTBOX_LARGE_BYTES_MAX);
            return Err(NotQueued::Full(Load::Unsent { bytes, bytes_max }));
        }
        let batch_bytes = queue.batch.bytes;
        queue.hold(batch_bytes, large_bytes).map_err(NotQueued::Full)?;
        queue.large_bytes = large_bytes;
        drop(queue);
        Ok(LargePlace { outbox, bytes })
    }

    /// Everything that was queued, as soon as there is something; `None` once it is closed and
    /// empty. For the one writer, who has then written what it took before.
    pub(super) async fn take(&self) -> Option<Vec<Bytes>> {
        loop {
            {
                let mut queue = self.lock();
                queue.written_bytes = queue.batch.bytes;
                let batch = queue.batch.take();
                queue.hold_less();
                if !batch.is_empty() {
                    return Some(batch);
                }
                if queue.closed {
                    return None;
                }
            }
            self.filled.notified().await;
        }
    }

    /// Writes all frames to a stream of the connection.
    pub(super) async fn write(
        &self,
        stream: &mut SendStream,
        mut frames: &mut [Bytes],
    ) -> Result<(), WriteError> {
        while !frames.is_empty() {
            let written = stream.write_chunks(frames).await?;
            self.writes.fetch_add(1, Ordering::Relaxed);
            frames = &mut frames[written.chunks..];
        }
        Ok(())
    }

    /// Waits for a write, unless the connection takes nothing at all for [`STALL_SECONDS_MAX`]: one
    /// that others overtake waits.
    pub(super) async fn unless_stalled<T>(
        &self,
        write: impl Future<Output = T>,
    ) -> Result<T, Stalled> {
        let mut write = pin!(write);
        let patience = Duration::from_secs(STALL_SECONDS_MAX);
        loop {
            let writes = self.writes.load(Ordering::Relaxed);
            match timeout(patience, write.as_mut()).await {
                Ok(written) => return Ok(written),
                Err(_) if self.writes.load(Ordering::Relaxed) == writes => return Err(Stalled),
                Err(_) => {}
            }
        }
    }

    /// Refuses frames from now on; what is queued is still written.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Nothing panics while it holds the lock; if it did, the queue would still be whole frames.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Batch {
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn push(&mut self, frame: &Bytes) {
        self.bytes += frame.len();
        if frame.len() < COALESCED_FRAME_BYTES_MAX {
            self.tail.extend_from_slice(frame);
        } else {
            self.flush_tail();
            self.frames.push(frame.clone());
        }
    }

    pub(super) fn take(&mut self) -> Vec<Bytes> {
        self.flush_tail();
        self.bytes = 0;
        std::mem::take(&mut self.frames)
    }

    fn flush_tail(&mut self) {
        if !self.tail.is_empty() {
            self.frames.push(self.tail.split().freeze());
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, sleep};

    use super::*;
    use crate::{
        limits::{FRAME_BYTES_MAX, Limits},
        net::gate::Gate,
    };

    fn frame(bytes: usize) -> Bytes {
        Bytes::from(vec![7; bytes])
    }

    #[tokio::test]
    async fn small_frames_leave_together_and_in_order() {
        let outbox = Outbox::default();
        outbox.send(&Bytes::from_static(b"a")).unwrap();
        outbox.send(&Bytes::from_static(b"b")).unwrap();
        outbox.send(&frame(COALESCED_FRAME_BYTES_MAX)).unwrap();
        outbox.send(&Bytes::from_static(b"c")).unwrap();
        let batch = outbox.take().await.unwrap();
        let lengths: Vec<_> = batch.iter().map(Bytes::len).collect();
        assert_eq!(lengths, [2, COALESCED_FRAME_BYTES_MAX, 1]);
        assert_eq!(batch[0], "ab");
    }

    #[tokio::test]
    async fn is_bounded() {
        let outbox = Outbox::default();
        outbox.send(&frame(OUTBOX_BYTES_MAX)).unwrap();
        let full = |bytes, bytes_max| Err(NotQueued::Full(Load::Unsent { bytes, bytes_max }));
        let max = OUTBOX_BYTES_MAX;
        assert_eq!(outbox.send(&frame(1)), full(max + 1, max));
        outbox.send_notice(&frame(max)).unwrap();
        assert_eq!(outbox.send_notice(&frame(1)), full(2 * max + 1, 2 * max));
        outbox.take().await.unwrap();
        outbox.send(&frame(1)).unwrap();
    }

    #[tokio::test]
    async fn counts_for_the_node_until_it_is_written() {
        let gate = Gate::new(&Limits { queued_bytes: 1000, ..Limits::default() });
        let outbox = Outbox::counted(gate.hold_answers(&Arc::default()));
        let held = || gate.gauges().answer_bytes;
        outbox.send(&frame(100)).unwrap();
        let large = Outbox::reserve_large(Arc::clone(&outbox), 300).unwrap();
        assert_eq!(held(), 400);
        let NotQueued::Full(load) = outbox.send(&frame(700)).unwrap_err() else { unreachable!() };
        assert_eq!(load, Load::Unsent { bytes: 1100, bytes_max: 1000 });
        let batch = outbox.take().await.unwrap();
        outbox.send(&frame(10)).unwrap();
        assert_eq!((batch.len(), held()), (1, 410), "what is being written counts");
        outbox.take().await.unwrap();
        assert_eq!(held(), 310);
        drop(large);
        assert_eq!(held(), 10);
        outbox.close();
        assert!(outbox.take().await.is_none());
        assert_eq!(held(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_waits_for_as_long_as_others_get_on() {
        let outbox = Outbox::default();
        let started = Instant::now();
        let others = async {
            for _ in 0..5 {
                sleep(Duration::from_secs(STALL_SECONDS_MAX) / 2).await;
                outbox.writes.fetch_add(1, Ordering::Relaxed);
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            stalled = outbox.unless_stalled(std::future::pending::<()>()) => {
                assert!(stalled.is_err());
            }
            () = others => {}
        }
        assert_eq!(started.elapsed().as_secs(), 4 * STALL_SECONDS_MAX);
        assert_eq!(outbox.unless_stalled(async { 7 }).await.unwrap(), 7);
    }

    #[test]
    fn large_frames_are_bounded_until_they_are_written() {
        let outbox = Arc::<Outbox>::default();
        let place = || Outbox::reserve_large(Arc::clone(&outbox), FRAME_BYTES_MAX);
        let places: Vec<_> = (0..4).map(|_| place().unwrap()).collect();
        assert!(matches!(place().unwrap_err(), NotQueued::Full(_)));
        drop(places);
        assert!(place().is_ok());
    }

    #[tokio::test]
    async fn what_was_queued_before_closing_is_still_written() {
        let outbox = Outbox::default();
        outbox.send(&frame(3)).unwrap();
        outbox.close();
        assert_eq!(outbox.send(&frame(1)), Err(NotQueued::Closed));
        assert_eq!(outbox.take().await.unwrap().len(), 1);
        assert!(outbox.take().await.is_none());
    }
}
