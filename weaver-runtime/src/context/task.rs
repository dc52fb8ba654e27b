//! Work beside the future that started it: [`spawn`] and [`spawn_detached`].

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::task::{JoinError, JoinHandle};
use tracing::Instrument;

use super::{CallContext, Scoped};

/// Starts `future` as a task beside this one, in the context of the call that we are in: its deadline
/// bounds the calls that the task makes, its metadata travels with them, and they are a part of its trace.
///
/// The task ends with the call: dropping the [`Task`], which the call's future does when it ends, is
/// cancelled or runs into its deadline, stops it. (`tokio::spawn` carries no context and goes on.)
///
/// # Panics
/// Outside of a tokio runtime, as `tokio::spawn`.
pub fn spawn<F>(future: F) -> Task<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    let future = Scoped::new(CallContext::current(), future);
    Task(tokio::spawn(future.in_current_span()))
}

/// Starts `future` as a task of its own, outside of the call that we are in: without its deadline, its
/// metadata and its trace, and not ended by its end. The same as `tokio::spawn`, said aloud.
///
/// # Panics
/// As [`spawn`].
pub fn spawn_detached<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    tokio::spawn(future)
}

/// A task of a call. Await it for its result; dropping it stops it.
#[derive(Debug)]
#[must_use = "a task is stopped when it is dropped: keep it, or use `spawn_detached`"]
pub struct Task<T>(JoinHandle<T>);

impl<T> Future for Task<T> {
    /// An error is a panic of the task, or the runtime's end.
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx)
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::context::{time_left, within};

    #[tokio::test(start_paused = true)]
    async fn a_task_sees_the_deadline_and_a_detached_one_does_not() {
        let limit = Duration::from_secs(1);
        let both = async {
            let (task, detached) =
                (spawn(async { time_left() }), spawn_detached(async { time_left() }));
            (task.await.unwrap(), detached.await.unwrap())
        };
        assert_eq!(within(limit, both).await, Ok((Some(limit), None)));
    }

    #[tokio::test]
    async fn dropping_a_task_stops_it() {
        let (held, released) = tokio::sync::oneshot::channel::<()>();
        let task = spawn(async move {
            let _held = held;
            std::future::pending::<()>().await;
        });
        drop(task);
        assert!(released.await.is_err(), "the task is gone, and what it held with it");
    }
}
