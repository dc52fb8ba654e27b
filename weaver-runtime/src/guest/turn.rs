//! [`Turns`]: the guest's tokio runtime, which works while the host lets it and never waits.
//!
//! A runtime that has nothing left to do parks its thread: before that it says so to a hook. In a turn with frames
//! that is the end: somebody is waiting for what they have brought about. If something is left that may go on by
//! itself, the host is told so, and gives an empty turn before it waits. In that, the runtime sleeps until its
//! next timer is due, and the host, which implements the clock, remembers for how long the guest would sleep, and
//! returns from the sleep at once. So the host knows when the next turn is due, and a guest that waits costs
//! nothing.

use std::{
    cell::{Cell, RefCell},
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokio::{
    runtime::{Builder, Runtime},
    time::{Sleep, sleep},
};

use super::{Program, host};

/// A timer that is always there: a runtime without one would park for ever, which one thread cannot.
const ALARM_SECONDS: u64 = 24 * 60 * 60;

thread_local! {
    /// Who waits for the end of the turn.
    static WAITING: RefCell<Option<Waker>> = const { RefCell::new(None) };
    /// Whether the runtime is to sleep before the turn ends.
    static MUST_SLEEP: Cell<bool> = const { Cell::new(true) };
    /// Whether the turn has ended.
    static HAS_ENDED: Cell<bool> = const { Cell::new(false) };
}

pub(super) struct Turns {
    runtime: Runtime,
    alarm: RefCell<Option<Pin<Box<Sleep>>>>,
}

impl Turns {
    pub(super) fn new() -> io::Result<Self> {
        let runtime = Builder::new_current_thread()
            .enable_time()
            .on_thread_park(|| {
                if MUST_SLEEP.get() {
                    host::park(true);
                } else {
                    end();
                }
            })
            .on_thread_unpark(|| {
                if MUST_SLEEP.get() && host::park(false) {
                    end();
                }
            })
            .build()?;
        Ok(Self { runtime, alarm: RefCell::new(None) })
    }

    /// Runs something in the runtime.
    pub(super) fn enter<T>(&self, run: impl FnOnce() -> T) -> T {
        let _entered = self.runtime.enter();
        run()
    }

    /// Takes frames from the host and works until there is nothing to do but wait.
    pub(super) fn take(&self, frames: Vec<u8>, program: &Program) {
        HAS_ENDED.set(false);
        MUST_SLEEP.set(frames.is_empty());
        self.runtime.block_on(Turn { turns: self, program, frames: Some(frames) });
        // What now waits for the end of the turn goes on in the next.
        if program.link.has_blocked() || (!MUST_SLEEP.get() && !self.is_idle(program)) {
            program.link.say_that_it_waits();
        }
    }

    /// Nothing is left that could wait for a timer.
    fn is_idle(&self, program: &Program) -> bool {
        self.runtime.metrics().num_alive_tasks() == 0 && !program.has_main()
    }

    fn keep_alarm(&self, cx: &mut Context<'_>) {
        let mut alarm = self.alarm.borrow_mut();
        let new = || Box::pin(sleep(Duration::from_secs(ALARM_SECONDS)));
        if alarm.get_or_insert_with(new).as_mut().poll(cx).is_ready() {
            *alarm = None;
        }
    }
}

/// Ends the turn, in which nothing is left to do but wait.
fn end() {
    HAS_ENDED.set(true);
    WAITING.take().into_iter().for_each(Waker::wake);
}

struct Turn<'a> {
    turns: &'a Turns,
    program: &'a Program,
    frames: Option<Vec<u8>>,
}

impl Future for Turn<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(frames) = self.frames.take()
            && !frames.is_empty()
        {
            self.program.receive(frames);
        }
        self.program.poll_main(cx);
        if HAS_ENDED.get() || self.turns.is_idle(self.program) {
            return Poll::Ready(());
        }
        self.turns.keep_alarm(cx);
        WAITING.set(Some(cx.waker().clone()));
        Poll::Pending
    }
}
