//! [`FirstPolls`]: whether calls of a method may begin on the I/O thread, where their frame was decoded.
//!
//! A handler that ends at its first poll, as one that looks something up in memory does, then needs no
//! task, no wake-up of a worker and none of the writer: a third of what a small call takes. But while it
//! runs nothing is sent or received, so that it must have been quick before: a method shows that on
//! workers first, and one long poll sends it back there for a while.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
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

/// Nothing is sent or received for so long: the method does not begin there again for a while, however
/// quick it was before. Above what a busy machine makes of a quick one.
const LONG_MILLISECONDS: u64 = 5;

/// For how long, doubling to the longest: a caller could choose between cheap and expensive arguments.
const FIRST_PAUSE_SECONDS: u64 = 10;
const LONGEST_PAUSE_SECONDS: u64 = 3_600;

/// How long first polls of one method take.
#[derive(Debug)]
pub(super) struct FirstPolls {
    average_ns: AtomicU32,
    /// Whether there is a pause, so that the usual case need not look at it.
    is_barred: AtomicBool,
    pause: Mutex<Pause>,
}

#[derive(Debug, Default)]
struct Pause {
    until: Option<Instant>,
    seconds: u64,
}

impl Default for FirstPolls {
    fn default() -> Self {
        let average_ns = AtomicU32::new(UNKNOWN_NANOSECONDS);
        Self { average_ns, is_barred: AtomicBool::new(false), pause: Mutex::default() }
    }
}

impl FirstPolls {
    /// Whether the next may be on the I/O thread; it `is_alone` if no other call has come with it.
    pub(super) fn are_quick(&self, is_alone: bool) -> bool {
        let max = if is_alone { ALONE_NANOSECONDS } else { QUICK_NANOSECONDS };
        self.average_ns.load(Ordering::Relaxed) <= max && !self.is_barred_at(Instant::now)
    }

    fn is_barred_at(&self, now: impl FnOnce() -> Instant) -> bool {
        if !self.is_barred.load(Ordering::Relaxed) {
            return false;
        }
        let mut pause = self.lock();
        let is_over = pause.until.is_none_or(|until| now() >= until);
        if is_over {
            pause.until = None;
            self.is_barred.store(false, Ordering::Relaxed);
        }
        !is_over
    }

    /// One took so long. Of two at once one may not be counted.
    fn count(&self, took: Duration, has_ended: bool, now: Instant) {
        let took_ns = u32::try_from(took.as_nanos()).unwrap_or(u32::MAX);
        let took_ns = if has_ended { took_ns } else { took_ns.max(UNFINISHED_NANOSECONDS) };
        let average = self.average_ns.load(Ordering::Relaxed);
        let average = average - average / WEIGHT + took_ns / WEIGHT;
        self.average_ns.store(average, Ordering::Relaxed);
        if took >= Duration::from_millis(LONG_MILLISECONDS) {
            self.bar(now);
        }
    }

    #[cold]
    fn bar(&self, now: Instant) {
        let mut pause = self.lock();
        if pause.until.is_none() {
            pause.seconds = (2 * pause.seconds).clamp(FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS);
        }
        pause.until = Some(now + Duration::from_secs(pause.seconds));
        self.is_barred.store(true, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, Pause> {
        // Nothing panics while it holds the lock.
        self.pause.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Polls for the first time; it `began` just now.
    pub(super) fn poll<F: Future + ?Sized>(
        &self,
        future: Pin<&mut F>,
        cx: &mut Context<'_>,
        began: Instant,
    ) -> Poll<F::Output> {
        let poll = future.poll(cx);
        let now = Instant::now();
        self.count(now.saturating_duration_since(began), poll.is_ready(), now);
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
            Some(polls) => polls.poll(this.future, cx, Instant::now()),
            None => this.future.poll(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: Duration = Duration::from_nanos(QUICK_NANOSECONDS as u64 / 5);

    fn count(polls: &FirstPolls, took: Duration, has_ended: bool) {
        polls.count(took, has_ended, Instant::now());
    }

    fn calls_until_quick(polls: &FirstPolls) -> usize {
        let mut calls = 0;
        while polls.average_ns.load(Ordering::Relaxed) > QUICK_NANOSECONDS {
            count(polls, QUICK, true);
            calls += 1;
        }
        calls
    }

    #[test]
    fn a_method_shows_that_it_is_quick() {
        let polls = FirstPolls::default();
        assert!((30..50).contains(&calls_until_quick(&polls)));
        assert!(polls.are_quick(false));
        count(&polls, 200 * QUICK, true);
        assert!(!polls.are_quick(false));
        assert!(calls_until_quick(&polls) > 5);
    }

    #[test]
    fn one_long_poll_bars_it_for_longer_each_time() {
        let polls = FirstPolls::default();
        let mut now = Instant::now();
        for expected in [10, 20, 40, 80, 160, 320, 640, 1_280, 2_560, 3_600, 3_600] {
            calls_until_quick(&polls);
            polls.count(Duration::from_millis(LONG_MILLISECONDS), true, now);
            // However quick it is then.
            (0..200).for_each(|_| polls.count(QUICK, true, now));
            now += Duration::from_secs(expected) - Duration::from_nanos(1);
            assert!(polls.is_barred_at(|| now), "{expected}");
            now += Duration::from_nanos(1);
            assert!(!polls.is_barred_at(|| now), "{expected}");
        }
    }

    #[test]
    fn what_does_not_end_at_once_belongs_on_a_worker() {
        let polls = FirstPolls::default();
        calls_until_quick(&polls);
        count(&polls, QUICK, false);
        assert!(!polls.are_quick(false));
        (0..5).for_each(|_| count(&polls, QUICK, false));
        assert!(!polls.are_quick(true));
    }

    #[test]
    fn a_rare_interruption_is_no_long_poll() {
        let polls = FirstPolls::default();
        calls_until_quick(&polls);
        (0..50).for_each(|_| count(&polls, QUICK, true));
        count(&polls, 20 * QUICK, true);
        assert!(polls.are_quick(false));
    }
}
