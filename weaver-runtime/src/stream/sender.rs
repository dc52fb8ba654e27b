//! [`StreamSender`]: the producing end of a stream, for those who write and do not poll.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use tokio::sync::mpsc;

/// The producing end of [`Stream::channel`](super::Stream::channel). The stream ends when the last
/// clone is dropped.
#[derive(Debug)]
pub struct StreamSender<T, E>(mpsc::Sender<Result<T, E>>);

impl<T, E> Clone for StreamSender<T, E> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// Nobody reads the stream any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nobody reads the stream any more")]
pub struct ReaderGone;

impl<T, E> StreamSender<T, E> {
    /// Sends one item, and waits while as many as may wait do so.
    ///
    /// # Errors
    /// The reader has dropped the stream; the item is lost.
    ///
    /// Cancel safe in that nothing was sent when it is dropped early.
    pub async fn send(&self, item: Result<T, E>) -> Result<(), ReaderGone> {
        self.0.send(item).await.map_err(|_| ReaderGone)
    }

    /// Waits until the reader drops the stream.
    pub async fn closed(&self) {
        self.0.closed().await;
    }
}

/// The reading end, before it is a stream of the product's own.
pub(super) struct Receiver<T, E>(mpsc::Receiver<Result<T, E>>);

pub(super) fn channel<T, E>(capacity: usize) -> (StreamSender<T, E>, Receiver<T, E>) {
    let (sender, receiver) = mpsc::channel(capacity);
    (StreamSender(sender), Receiver(receiver))
}

impl<T, E> futures_core::Stream for Receiver<T, E> {
    type Item = Result<T, E>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(cx)
    }
}
