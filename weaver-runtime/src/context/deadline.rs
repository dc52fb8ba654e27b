//! Deadlines: [`timeout`] and what it is made of.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep_until};

use super::{CallContext, DEADLINE, Scoped};
use crate::error::{CallError, CallErrorKind, Failure, Ran};

/// Bounds `future` and every call that it makes, in whichever process, to `limit`.
///
/// Calls made inside see the time that is left, and so do the calls that those make. When the time
/// is up, the call under way fails with [`DeadlineExceeded`](CallErrorKind::DeadlineExceeded), all
/// that worked for it is cancelled, and if `future` has not ended by that, it is dropped and this
/// gives the same error. An earlier deadline, set by a caller, stays in force.
///
/// It bounds the future, not a stream that the future gave. A `limit` too long for the clock is none.
///
/// # Errors
/// Those of `future`; `DeadlineExceeded` at the deadline.
///
/// Dropping it drops `future`.
///
/// ```
/// # use weaver_runtime::{CallErrorKind, Result, timeout};
/// # use std::time::Duration;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let slow = async { std::future::pending::<Result<()>>().await };
/// let error = timeout(Duration::from_millis(5), slow).await.unwrap_err();
/// assert_eq!(error.call_error().unwrap().kind(), &CallErrorKind::DeadlineExceeded);
/// # }
/// ```
pub async fn timeout<F, T, E>(limit: Duration, future: F) -> Result<T, E>
where
    F: Future<Output = Result<T, E>>,
    E: From<CallError>,
{
    within(limit, future).await.unwrap_or_else(|Expired| {
        let failure = Failure::new(CallErrorKind::DeadlineExceeded, Ran::Unknown);
        Err(CallError::new("weaver", "timeout", failure).into())
    })
}

/// The time until the deadline of the call, or of the [`timeout`], that we are in; `None` without a
/// deadline, zero when it has passed.
#[must_use]
pub fn time_left() -> Option<Duration> {
    DEADLINE.get().map(|at| at.saturating_duration_since(Instant::now()))
}

/// A deadline passed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Expired;

/// Whether the deadline that we are under has passed.
#[inline]
pub(crate) fn is_expired() -> bool {
    DEADLINE.get().is_some_and(|at| Instant::now() >= at)
}

/// The deadline that we are under.
#[inline]
pub(crate) fn deadline() -> Option<Instant> {
    DEADLINE.get()
}

/// Ends when it is polled after the deadline that we are under: whoever set that polls once more then.
pub(crate) async fn expired() {
    let poll = |_: &mut Context<'_>| if is_expired() { Poll::Ready(()) } else { Poll::Pending };
    std::future::poll_fn(poll).await;
}

/// Runs `future` under a deadline `limit` from when it is first polled.
pub(crate) fn within<F: Future>(limit: Duration, future: F) -> Within<F> {
    let context = CallContext::default();
    Within { scoped: Scoped::new(context, future), alarm: None, limit: Some(limit) }
}

/// Runs `future` in `context`, under its deadline if it has one.
pub(crate) fn under<F: Future>(context: CallContext, future: F) -> Within<F> {
    let alarm = context.deadline.map(sleep_until);
    Within { scoped: Scoped::new(context, future), alarm, limit: None }
}

pin_project_lite::pin_project! {
    /// A future under a deadline. (Not an async function: that would keep room for what it runs once as
    /// its argument and once as what it awaits, and calls are as large as that.)
    #[derive(Debug)]
    pub(crate) struct Within<F> {
        #[pin]
        scoped: Scoped<F>,
        #[pin]
        alarm: Option<Sleep>,
        // What the deadline is to be, until the first poll.
        limit: Option<Duration>,
    }
}

impl<F: Future> Future for Within<F> {
    type Output = Result<F::Output, Expired>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut within = self.project();
        if let Some(limit) = within.limit.take() {
            let mut context = CallContext::current();
            if let Some(at) = Instant::now().checked_add(limit) {
                context = context.with_deadline(at);
                within.alarm.set(context.deadline.map(sleep_until));
            }
            within.scoped.as_mut().set_context(context);
        }
        if let Poll::Ready(output) = within.scoped.as_mut().poll(cx) {
            return Poll::Ready(Ok(output));
        }
        let Some(alarm) = within.alarm.as_pin_mut() else { return Poll::Pending };
        ready!(alarm.poll(cx));
        // Once more: the call under way fails, so that the error names it.
        match within.scoped.poll(cx) {
            Poll::Ready(output) => Poll::Ready(Ok(output)),
            Poll::Pending => Poll::Ready(Err(Expired)),
        }
    }
}

pin_project_lite::pin_project! {
    /// A call on its way: given up when the deadline passes, and not begun after it.
    #[derive(Debug)]
    pub(crate) struct Guarded<F> {
        #[pin]
        call: F,
        polled: bool,
    }
}

impl<F> Guarded<F> {
    pub(crate) fn new(call: F) -> Self {
        Self { call, polled: false }
    }
}

impl<F: Future<Output = Result<T, Failure>>, T> Future for Guarded<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let guarded = self.project();
        let was_begun = std::mem::replace(guarded.polled, true);
        let exceeded = |ran| Poll::Ready(Err(Failure::new(CallErrorKind::DeadlineExceeded, ran)));
        match is_expired() {
            false => guarded.call.poll(cx),
            true if !was_begun => exceeded(Ran::No),
            // Once more: the answer may be there, or the call knows that nothing was sent.
            true => match guarded.call.poll(cx) {
                Poll::Pending => exceeded(Ran::Unknown),
                ready @ Poll::Ready(_) => ready,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn exceeded(ran: Ran) -> Failure {
        Failure::new(CallErrorKind::DeadlineExceeded, ran)
    }

    #[tokio::test(start_paused = true)]
    async fn an_inner_deadline_cannot_be_later() {
        let inner = async { Ok::<_, Expired>((time_left(), within(9 * SECOND, sees()).await?)) };
        let (outer, inner) = within(SECOND, inner).await.unwrap().unwrap();
        assert_eq!((outer, inner), (Some(SECOND), Some(SECOND)));
        assert_eq!(time_left(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_header_says_of_a_deadline_is_no_less_and_never_none() {
        let with = |milliseconds| CallContext::new(milliseconds, None, Arc::default());
        assert_eq!(with(0).time_left_ms(), 0);
        let context = with(1500);
        assert_eq!(context.time_left_ms(), 1500);
        tokio::time::advance(Duration::from_micros(1_400_100)).await;
        assert_eq!(context.time_left_ms(), 100);
        tokio::time::advance(SECOND).await;
        assert_eq!(context.time_left_ms(), 1);
        let far = with(u32::MAX);
        assert_eq!(far.time_left_ms(), u32::MAX);
        let farther = far.outliving().with_deadline(Instant::now() + Duration::from_hours(50 * 24));
        assert_eq!(farther.time_left_ms(), 0);
    }

    async fn sees() -> Option<Duration> {
        time_left()
    }

    #[tokio::test(start_paused = true)]
    async fn the_call_under_way_names_the_error() {
        let call = Guarded::new(std::future::pending::<Result<(), Failure>>());
        assert_eq!(within(SECOND, call).await, Ok(Err(exceeded(Ran::Unknown))));
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_after_the_deadline_is_not_begun() {
        let call = async {
            // Work that does not look at the clock.
            tokio::time::advance(2 * SECOND).await;
            Guarded::new(async { unreachable!("it was begun") }).await
        };
        assert_eq!(within::<_>(SECOND, call).await, Ok(Err::<(), _>(exceeded(Ran::No))));
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_end_by_itself_is_dropped() {
        struct Dropped<'a>(&'a std::cell::Cell<bool>);
        impl Drop for Dropped<'_> {
            fn drop(&mut self) {
                self.0.set(true);
            }
        }
        let dropped = std::cell::Cell::new(false);
        let stubborn = async {
            let _guard = Dropped(&dropped);
            std::future::pending::<()>().await;
        };
        assert_eq!(within(SECOND, stubborn).await, Err(Expired));
        assert!(dropped.get());
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_beyond_the_clock_is_none() {
        assert_eq!(within(Duration::MAX, sees()).await, Ok(None));
    }
}
