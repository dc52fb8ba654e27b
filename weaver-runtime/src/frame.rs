//! [`CallFrame`]: what surrounds the author's body of a method on every call, direct or remote.
//!
//! `#[component]` on an impl boxes the frame and the body as one future. A second box costs as much
//! as the whole direct call, and a nested async block copies the body's state.

use std::{
    future::Future,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll},
};

use crate::{
    catch_panic::catch_panic,
    component::{BoxFuture, Component, MethodSpec},
    context::{self, CallSpan, Expired},
    error::{CallError, CallErrorKind, Failure, Ran},
    panics,
};

/// Boxes the author's `body` of a method of `C` in the frame of one call.
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
    match method.timeout {
        // Made where it stays: to copy what was just written piece by piece takes a fifth of a direct call.
        None => {
            let frame = Box::write(Box::new_uninit(), CallFrame::<C, F>::new(method, body));
            let frame: Pin<Box<CallFrame<C, F>>> = Box::into_pin(frame);
            frame
        }
        Some(limit) => Box::pin(async move {
            let ended = context::within(limit, CallFrame::<C, F>::new(method, body)).await;
            ended.unwrap_or_else(|_: Expired| Err(exceeded::<C>(method, Ran::Yes).into()))
        }),
    }
}

pin_project_lite::pin_project! {
    /// Catches a panic of the body and makes it an error at the caller, gives the body up when the call's
    /// deadline has passed, and is where its span is entered.
    struct CallFrame<C: ?Sized, F> {
        #[pin]
        body: CatchPanic<F>,
        method: &'static MethodSpec,
        polled: bool,
        // From the first poll on, where somebody listens.
        span: Option<Box<CallSpan>>,
        component: PhantomData<fn() -> Box<C>>,
    }
}

impl<C: ?Sized, F: Future> CallFrame<C, F> {
    #[inline]
    fn new(method: &'static MethodSpec, body: F) -> Self {
        let (body, component) = (CatchPanic::new(body), PhantomData);
        Self { body, method, polled: false, span: None, component }
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
        let ran = if *frame.polled { Ran::Yes } else { Ran::No };
        if context::is_expired() {
            *frame.polled = true;
            return Poll::Ready(Err(exceeded::<C>(frame.method, ran).into()));
        }
        if !std::mem::replace(frame.polled, true) {
            *frame.span = CallSpan::begin(C::SPEC.name, frame.method.name);
        }
        if let Some(span) = frame.span {
            span.enter();
        }
        let polled = frame.body.poll(cx);
        if let Poll::Ready(Err(message)) = &polled {
            panics::log(format_args!("{}.{}", C::SPEC.name, frame.method.name), message);
        }
        // No guard, which costs calls that have no span a nanosecond: of the author's, a subscriber alone runs in
        // between.
        if let Some(span) = frame.span {
            span.exit();
        }
        match polled {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(result)) => Poll::Ready(result),
            Poll::Ready(Err(message)) => {
                Poll::Ready(Err(panicked::<C>(frame.method, message).into()))
            }
        }
    }
}

#[cold]
fn panicked<C: Component + ?Sized>(method: &MethodSpec, message: String) -> CallError {
    CallError::new(C::SPEC.name, method.name, CallErrorKind::Panicked { message })
}

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

#[cfg(test)]
mod tests {
    use std::{panic::panic_any, sync::Arc};

    use tracing_subscriber::util::SubscriberInitExt;

    use super::*;
    use crate::{
        MethodShape, client::Client, component::ComponentSpec, context::TraceContext,
        logs::Written, message::Message,
    };

    struct Bomb;

    static METHOD: MethodSpec = MethodSpec::new("go_off", &[], MethodShape::of::<(), (), ()>);

    impl Component for Bomb {
        const SPEC: &'static ComponentSpec = &ComponentSpec {
            name: "Bomb",
            methods: &[],
            module: module_path!(),
            location: concat!(file!(), ":", line!()),
        };

        fn from_client(_: Client<Self>) -> Arc<Self> {
            unreachable!("it is called here alone")
        }

        fn dispatch(&self, _: u16, _: Message) -> BoxFuture<'_, Result<Message, Failure>> {
            unreachable!("it is called here alone")
        }
    }

    /// An author's error that cannot be made.
    #[derive(Debug)]
    struct Unmade;

    impl From<CallError> for Unmade {
        fn from(_: CallError) -> Self {
            panic!("no error is made")
        }
    }

    /// A payload that panics when it is dropped.
    struct Again;

    impl Drop for Again {
        fn drop(&mut self) {
            panic!("again")
        }
    }

    /// The call's span is entered and left by hand, so nothing of the author's may unwind in between.
    #[tokio::test]
    async fn a_call_leaves_its_trace_whatever_panics() {
        let written = Written::default();
        let _guard = written.subscriber().set_default();
        let ended = framed::<Bomb, _, (), CallError>(&METHOD, async { panic_any(Again) }).await;
        assert!(matches!(ended.unwrap_err().kind(), CallErrorKind::Panicked { .. }));
        assert_eq!(TraceContext::current(), None);

        let call = framed::<Bomb, _, (), Unmade>(&METHOD, async { panic!("first") });
        let ended = CatchPanic::new(call).await;
        assert_eq!(ended.unwrap_err(), "no error is made");
        assert_eq!(TraceContext::current(), None);

        // A backtrace may come before the end.
        let text = written.text();
        assert_eq!(text.matches("Bomb.go_off panicked").count(), 2, "{text}");
        let end = text.lines().last().unwrap_or_default();
        assert!(end.contains(" trace_id="), "the panic is told in its trace: {text}");
    }
}
