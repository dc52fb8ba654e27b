//! [`Turns`]: the guest's tokio runtime, which works while the host lets it and never waits.
//!
//! A runtime that has nothing left to do parks its thread: before that it says so to a hook, and then it
//! sleeps until its next timer is due. The host, which implements the clock, takes that as the end of the turn: it
//! remembers for how long the guest would sleep, and returns from the sleep at once. So the host knows when the
//! next turn is due, and a guest that waits costs nothing.

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
    /// Whether the runtime has slept in this turn.
    static HAS_SLEPT: Cell<bool> = const { Cell::new(false) };
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
                host::park(true);
            })
            .on_thread_unpark(|| {
                if host::park(false) {
                    HAS_SLEPT.set(true);
                    WAITING.take().into_iter().for_each(Waker::wake);
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
        HAS_SLEPT.set(false);
        self.runtime.block_on(Turn { turns: self, program, frames: Some(frames) });
    }

    /// Nothing is left that could wait for a timer.
    fn is_idle(&self) -> bool {
        self.runtime.metrics().num_alive_tasks() == 0
    }

    fn keep_alarm(&self, cx: &mut Context<'_>) {
        let mut alarm = self.alarm.borrow_mut();
        let new = || Box::pin(sleep(Duration::from_secs(ALARM_SECONDS)));
        if alarm.get_or_insert_with(new).as_mut().poll(cx).is_ready() {
            *alarm = None;
        }
    }
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
        if HAS_SLEPT.get() || (self.turns.is_idle() && !self.program.has_main()) {
            return Poll::Ready(());
        }
        self.turns.keep_alarm(cx);
        WAITING.set(Some(cx.waker().clone()));
        Poll::Pending
    }
}
