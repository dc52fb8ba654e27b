//! [`CallFrame`]: what surrounds the author's body of a method on every call, direct or remote.
//!
//! `#[component]` on an impl boxes the frame and the body as one future. A second box costs as much
//! as the whole direct call, and a nested async block copies the body's state.

use std::{
    any::Any,
    future::Future,
    marker::PhantomData,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
};

use crate::{
    component::{BoxFuture, Component},
    error::{CallError, CallErrorKind},
};

/// Boxes the author's `body` of `C.method` in the frame of one call.
pub(crate) fn framed<'a, C, F, T, E>(method: &'static str, body: F) -> BoxFuture<'a, Result<T, E>>
where
    C: Component + ?Sized,
    F: Future<Output = Result<T, E>> + Send + 'a,
    E: From<CallError> + 'a,
    T: 'a,
{
    Box::pin(CallFrame::<C, F> { body: CatchPanic::new(body), method, component: PhantomData })
}

pin_project_lite::pin_project! {
    /// Catches a panic of the body and makes it an error at the caller.
    struct CallFrame<C: ?Sized, F> {
        #[pin]
        body: CatchPanic<F>,
        method: &'static str,
        component: PhantomData<fn() -> Box<C>>,
    }
}

impl<C, F, T, E> Future for CallFrame<C, F>
where
    C: Component + ?Sized,
    F: Future<Output = Result<T, E>>,
    E: From<CallError>,
{
    type Output = Result<T, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let frame = self.project();
        match frame.body.poll(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(result)) => Poll::Ready(result),
            Poll::Ready(Err(message)) => {
                Poll::Ready(Err(panicked::<C>(frame.method, message).into()))
            }
        }
    }
}

#[cold]
fn panicked<C: Component + ?Sized>(method: &str, message: String) -> CallError {
    CallError::new(C::SPEC.name, method, CallErrorKind::Panicked { message })
}

pin_project_lite::pin_project! {
    /// A future whose panic is an error: the message. It is not polled after that.
    pub(crate) struct CatchPanic<F> {
        #[pin]
        future: F,
    }
}

impl<F: Future> CatchPanic<F> {
    pub(crate) fn new(future: F) -> Self {
        Self { future }
    }
}

impl<F: Future> Future for CatchPanic<F> {
    type Output = Result<F::Output, String>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let future = self.project().future;
        match catch_panic(|| future.poll(cx)) {
            Ok(poll) => poll.map(Ok),
            Err(message) => Poll::Ready(Err(message)),
        }
    }
}

/// What `run` gives, or the message of its panic. What a panic leaves half done is dropped by the
/// callers of this, so that nobody sees it.
#[inline]
pub(crate) fn catch_panic<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|payload| panic_message(&*payload))
}

/// The text of a panic, cut to what is worth sending.
fn panic_message(payload: &(dyn Any + Send)) -> String {
    let text = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without a message");
    let end = text.floor_char_boundary(PANIC_MESSAGE_BYTES_MAX);
    text.get(..end).unwrap_or_default().to_owned()
}

/// Long enough for any message meant to be read, short enough to travel in every error.
const PANIC_MESSAGE_BYTES_MAX: usize = 4096;
