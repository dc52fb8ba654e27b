//! [`CallFrame`]: what surrounds the author's body of a method on every call, direct or remote.
//!
//! `#[component]` on an impl boxes the frame and the body as one future. A second box costs as much
//! as the whole direct call, and a nested async block copies the body's state.

use std::{
    any::Any,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
};

#[cfg(feature = "node")]
use {
    crate::{
        component::{BoxFuture, Component, MethodSpec},
        context::{self, Expired},
        error::{CallError, CallErrorKind, Failure, Ran},
        panics,
    },
    std::marker::PhantomData,
};

/// Boxes the author's `body` of a method of `C` in the frame of one call.
#[cfg(feature = "node")]
pub(crate) fn framed<'a, C, F, T, E>(
    method: &'static MethodSpec,
    body: F,
) -> BoxFuture<'a, Result<T, E>>
where
    C: Component + ?Sized,
    F: Future<Output = Result<T, E>> + Send + 'a,
    E: From<CallError> + 'a,
    T: 'a,
{
    let body = CatchPanic::new(body);
    let frame = CallFrame::<C, F> { body, method, polled: false, component: PhantomData };
    match method.timeout {
        None => Box::pin(frame),
        Some(limit) => Box::pin(async move {
            let ended = context::within(limit, frame).await;
            ended.unwrap_or_else(|_: Expired| Err(exceeded::<C>(method, Ran::Yes).into()))
        }),
    }
}

#[cfg(feature = "node")]
pin_project_lite::pin_project! {
    /// Catches a panic of the body and makes it an error at the caller, and gives the body up when the
    /// call's deadline has passed.
    struct CallFrame<C: ?Sized, F> {
        #[pin]
        body: CatchPanic<F>,
        method: &'static MethodSpec,
        polled: bool,
        component: PhantomData<fn() -> Box<C>>,
    }
}

#[cfg(feature = "node")]
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
        let ran = if *frame.polled { Ran::Yes } else { Ran::No };
        *frame.polled = true;
        if context::is_expired() {
            return Poll::Ready(Err(exceeded::<C>(frame.method, ran).into()));
        }
        match frame.body.poll(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(result)) => Poll::Ready(result),
            Poll::Ready(Err(message)) => {
                Poll::Ready(Err(panicked::<C>(frame.method, message).into()))
            }
        }
    }
}

#[cfg(feature = "node")]
#[cold]
fn panicked<C: Component + ?Sized>(method: &MethodSpec, message: String) -> CallError {
    panics::log(format_args!("{}.{}", C::SPEC.name, method.name), &message);
    CallError::new(C::SPEC.name, method.name, CallErrorKind::Panicked { message })
}

#[cfg(feature = "node")]
#[cold]
fn exceeded<C: Component + ?Sized>(method: &MethodSpec, ran: Ran) -> CallError {
    let failure = Failure::new(CallErrorKind::DeadlineExceeded, ran);
    CallError::new(C::SPEC.name, method.name, failure)
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
