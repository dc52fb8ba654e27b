//! [`CallContext`]: what travels with a call and all that it calls.
//!
//! It is ambient: whoever polls a future in a context enters it for the time of the poll, so that the
//! calls which the future makes find it there and nobody else does. A direct call stays in its
//! caller's; a remote one takes it along in its frame (see `wire.rs`).
//!
//! Who sets a deadline keeps the timer: [`timeout`], a method with `#[timeout(…)]`, and a node that was
//! sent a call with time left. Everybody below only looks whether it has passed.

mod call_span;
mod deadline;
mod metadata;
mod task;
mod trace;

use std::{
    cell::{Cell, RefCell},
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use tokio::time::Instant;

#[cfg(not(target_family = "wasm"))]
pub(crate) use self::deadline::{deadline, expired};
use self::trace::Trace;
pub(crate) use self::{
    call_span::{CALL_TARGET, CallSpan},
    deadline::{Expired, Guarded, is_expired, under, within},
    metadata::MetadataMap,
    trace::TRACE_BYTES,
};
pub use self::{
    deadline::{time_left, timeout},
    metadata::{Metadata, metadata, with_metadata},
    task::{Task, spawn, spawn_detached},
    trace::{TraceContext, TraceId, TraceParentError, with_trace},
};

/// What travels with a call.
#[derive(Clone, Debug, Default)]
pub(crate) struct CallContext {
    deadline: Option<Instant>,
    trace: Option<Trace>,
    baggage: Option<Arc<Baggage>>,
}

/// What is the same for a whole call, and needs no copying for the calls that it makes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Baggage {
    /// The group that made the call which is being handled, as its certificate names it.
    pub(crate) caller: Option<Arc<str>>,
    pub(crate) metadata: MetadataMap,
}

thread_local! {
    // Apart, so that the look at the deadline, which every call costs, is one load.
    static DEADLINE: Cell<Option<Instant>> = const { Cell::new(None) };
    static TRACE: Cell<Option<Trace>> = const { Cell::new(None) };
    static BAGGAGE: RefCell<Option<Arc<Baggage>>> = const { RefCell::new(None) };
}

impl CallContext {
    /// The context of a call from elsewhere, with what its header says of the [time left](Self::time_left_ms).
    pub(crate) fn new(
        time_left_ms: u32,
        trace: Option<TraceContext>,
        baggage: Arc<Baggage>,
    ) -> Self {
        let left = Duration::from_millis(time_left_ms.into());
        let deadline = (!left.is_zero()).then(|| Instant::now() + left);
        Self { deadline, trace: trace.map(Trace::from_elsewhere), baggage: Some(baggage) }
    }

    /// The one that we are in.
    pub(crate) fn current() -> Self {
        let baggage = BAGGAGE.with_borrow(Clone::clone);
        Self { deadline: DEADLINE.get(), trace: TRACE.get(), baggage }
    }

    /// The same with this deadline, unless it has an earlier one.
    pub(crate) fn with_deadline(self, at: Instant) -> Self {
        let deadline = self.deadline.map_or(at, |earlier| earlier.min(at));
        Self { deadline: Some(deadline), ..self }
    }

    /// What of it is true of what may outlive the call: no deadline, and not its span.
    pub(crate) fn outliving(self) -> Self {
        let trace = self.trace.map(|trace| Trace::from_elsewhere(trace.context));
        Self { deadline: None, trace, ..self }
    }

    fn with_trace(self, trace: Trace) -> Self {
        Self { trace: Some(trace), ..self }
    }

    fn with_metadata(self, metadata: MetadataMap) -> Self {
        let caller = self.baggage.and_then(|baggage| baggage.caller.clone());
        Self { baggage: Some(Arc::new(Baggage { caller, metadata })), ..self }
    }

    /// The metadata, encoded as it travels; empty when there is none.
    pub(crate) fn encoded_metadata(&self) -> Bytes {
        self.baggage.as_ref().map(|baggage| baggage.metadata.encoded()).unwrap_or_default()
    }

    /// The trace that calls belong to which are made here.
    pub(crate) fn trace(&self) -> Option<TraceContext> {
        self.trace.map(|trace| trace.context)
    }

    /// The time left until the deadline, as a header says it: in milliseconds, rounded up, so that the callee's
    /// does not end before the caller's; 0, which means none, for one that is more than 49 days away.
    pub(crate) fn time_left_ms(&self) -> u32 {
        self.deadline.map_or(0, |at| {
            let left = at.saturating_duration_since(Instant::now());
            u32::try_from(left.as_micros().div_ceil(1000).max(1)).unwrap_or(0)
        })
    }

    /// Enters the context until the guard is dropped, and then the one that was there before.
    fn enter(&mut self) -> Entered<'_> {
        self.swap();
        Entered(self)
    }

    fn swap(&mut self) {
        self.deadline = DEADLINE.replace(self.deadline);
        self.trace = TRACE.replace(self.trace);
        BAGGAGE.with_borrow_mut(|baggage| std::mem::swap(baggage, &mut self.baggage));
    }
}

struct Entered<'a>(&'a mut CallContext);

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.0.swap();
    }
}

/// The group that makes the call which is being handled, as its certificate names it; `None` outside
/// of calls from other nodes.
#[must_use]
pub(crate) fn caller() -> Option<Arc<str>> {
    BAGGAGE.with_borrow(|baggage| baggage.as_ref()?.caller.clone())
}

pin_project_lite::pin_project! {
    /// A future, or a stream, that is polled in a context.
    #[derive(Debug)]
    pub(crate) struct Scoped<F> {
        #[pin]
        inner: F,
        context: CallContext,
    }
}

impl<F> Scoped<F> {
    pub(crate) fn new(context: CallContext, inner: F) -> Self {
        Self { inner, context }
    }

    fn set_context(self: Pin<&mut Self>, context: CallContext) {
        *self.project().context = context;
    }

    /// Polls what is inside.
    pub(crate) fn poll_in_context<T>(
        self: Pin<&mut Self>,
        poll: impl FnOnce(Pin<&mut F>) -> Poll<T>,
    ) -> Poll<T> {
        let scoped = self.project();
        let _entered = scoped.context.enter();
        poll(scoped.inner)
    }
}

impl<F: Future> Future for Scoped<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.poll_in_context(|future| future.poll(cx))
    }
}
