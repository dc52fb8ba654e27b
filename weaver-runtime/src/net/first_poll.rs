//! [`FirstPolls`]: whether calls of a method may begin on the I/O thread, where their frame was decoded.
//!
//! A handler that ends at its first poll, as one that looks something up in memory does, then needs no
//! task, no wake-up of a worker and none of the writer: a third of what a small call takes. But while it
//! runs nothing is sent or received, so that it must have been quick before: a method shows that on
//! workers first, and one long poll sends it back there.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

/// Until this average a first poll costs the I/O thread about what handing the call to a worker does.
/// (Everything takes longer in an unoptimized build.)
const QUICK_NANOSECONDS: u32 = if cfg!(debug_assertions) { 50_000 } else { 5_000 };

/// The same for a call that no other has come with: until this average it is answered sooner than if a
/// worker were woken for it. A first poll takes several times longer on a machine that has just slept.
const ALONE_NANOSECONDS: u32 = 4 * QUICK_NANOSECONDS;

/// What a method is taken for that was not called yet: some forty quick calls show that it is quick.
const UNKNOWN_NANOSECONDS: u32 = 100 * QUICK_NANOSECONDS;

/// What a call counts for at least that has not ended at its first poll: it needs a task all the same.
const UNFINISHED_NANOSECONDS: u32 = 10 * QUICK_NANOSECONDS;

/// One in so many goes into the average for each call.
const WEIGHT: u32 = 8;

/// How long first polls of one method take.
#[derive(Debug)]
pub(super) struct FirstPolls(AtomicU32);

impl Default for FirstPolls {
    fn default() -> Self {
        Self(AtomicU32::new(UNKNOWN_NANOSECONDS))
    }
}

impl FirstPolls {
    /// Whether the next may be on the I/O thread; it `is_alone` if no other call has come with it.
    pub(super) fn are_quick(&self, is_alone: bool) -> bool {
        let max = if is_alone { ALONE_NANOSECONDS } else { QUICK_NANOSECONDS };
        self.0.load(Ordering::Relaxed) <= max
    }

    /// One took so long. Of two at once one may not be counted.
    fn count(&self, took: Duration, has_ended: bool) {
        let took = u32::try_from(took.as_nanos()).unwrap_or(u32::MAX);
        let took = if has_ended { took } else { took.max(UNFINISHED_NANOSECONDS) };
        let average = self.0.load(Ordering::Relaxed);
        self.0.store(average - average / WEIGHT + took / WEIGHT, Ordering::Relaxed);
    }

    /// Polls for the first time.
    pub(super) fn poll<F: Future + ?Sized>(
        &self,
        future: Pin<&mut F>,
        cx: &mut Context<'_>,
    ) -> Poll<F::Output> {
        let began = Instant::now();
        let poll = future.poll(cx);
        self.count(began.elapsed(), poll.is_ready());
        poll
    }
}

pin_project_lite::pin_project! {
    /// A future whose first poll is counted.
    pub(super) struct Counted<F> {
        #[pin]
        future: F,
        // None after the first.
        polls: Option<Arc<FirstPolls>>,
    }
}

impl<F> Counted<F> {
    pub(super) fn new(future: F, polls: Arc<FirstPolls>) -> Self {
        Self { future, polls: Some(polls) }
    }
}

impl<F: Future> Future for Counted<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        match this.polls.take() {
            Some(polls) => polls.poll(this.future, cx),
            None => this.future.poll(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: Duration = Duration::from_nanos(QUICK_NANOSECONDS as u64 / 5);

    fn calls_until_quick(polls: &FirstPolls) -> usize {
        let mut calls = 0;
        while !polls.are_quick(false) {
            polls.count(QUICK, true);
            calls += 1;
        }
        calls
    }

    #[test]
    fn a_method_shows_that_it_is_quick_and_loses_that_by_one_long_poll() {
        let polls = FirstPolls::default();
        assert!((30..50).contains(&calls_until_quick(&polls)));
        polls.count(20 * QUICK * 10, true);
        assert!(!polls.are_quick(false));
        assert!(calls_until_quick(&polls) > 5);
        polls.count(Duration::MAX, true);
        assert!(calls_until_quick(&polls) > 60);
    }

    #[test]
    fn what_does_not_end_at_once_belongs_on_a_worker() {
        let polls = FirstPolls::default();
        calls_until_quick(&polls);
        polls.count(QUICK, false);
        assert!(!polls.are_quick(false));
        (0..5).for_each(|_| polls.count(QUICK, false));
        assert!(!polls.are_quick(true));
    }

    #[test]
    fn a_rare_interruption_is_no_long_poll() {
        let polls = FirstPolls::default();
        calls_until_quick(&polls);
        (0..50).for_each(|_| polls.count(QUICK, true));
        polls.count(20 * QUICK, true);
        assert!(polls.are_quick(false));
    }
}
