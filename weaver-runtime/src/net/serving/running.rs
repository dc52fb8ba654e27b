//! [`Running`]: the books of a connection's calls.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::task::AbortHandle;

/// The handlers of one connection, so that a cancelled call's can be stopped. A stopped one stays
/// in the books until it has ended: until then it counts against the limit.
#[derive(Default)]
pub(super) struct Running(Mutex<Handlers>);

#[derive(Default)]
struct Handlers {
    calls: HashMap<u64, Handler>,
    /// Large requests that were cancelled and have not arrived, as far as is known.
    cancelled_early: VecDeque<u64>,
    /// The connection has ended: nothing is started any more.
    closed: bool,
}

/// What runs a call.
enum Handler {
    /// Nothing yet, or the I/O thread.
    None,
    Task(AbortHandle),
    /// It was cancelled.
    Stopped,
}

impl Handler {
    fn abort(self) {
        if let Self::Task(task) = self {
            task.abort();
        }
    }
}

/// As many large requests as can be on their way at once; the oldest are forgotten.
const CANCELLED_EARLY_MAX: usize = 16;

/// Whether a call may be started.
pub(super) enum Begin {
    Now,
    /// It was cancelled, or the connection has ended.
    Never,
    /// There is one of this id.
    Twice,
}

impl Running {
    /// Before the task exists: a runtime that is shutting down drops a task, and with it ends the call,
    /// inside of `spawn`.
    pub(super) fn begin(&self, call: u64) -> Begin {
        let mut handlers = self.lock();
        if handlers.closed {
            return Begin::Never;
        }
        if let Some(index) = handlers.cancelled_early.iter().position(|id| *id == call) {
            handlers.cancelled_early.remove(index);
            return Begin::Never;
        }
        match handlers.calls.entry(call) {
            Entry::Occupied(_) => Begin::Twice,
            Entry::Vacant(free) => {
                free.insert(Handler::None);
                Begin::Now
            }
        }
    }

    pub(super) fn set_task(&self, call: u64, task: AbortHandle) {
        let mut handlers = self.lock();
        match handlers.calls.get_mut(&call) {
            Some(Handler::Stopped) => {}
            Some(handler) => {
                *handler = Handler::Task(task);
                return;
            }
            // It has ended.
            None => return,
        }
        // See `stop`.
        drop(handlers);
        task.abort();
    }

    pub(super) fn end(&self, call: u64) {
        self.lock().calls.remove(&call);
    }

    /// Whether there is one call at most.
    pub(super) fn are_few(&self) -> bool {
        self.lock().calls.len() <= 1
    }

    /// `is_large` says that the request had a stream of its own, and may arrive after this.
    pub(super) fn stop(&self, call: u64, is_large: bool) {
        let mut handlers = self.lock();
        let stopped = match handlers.calls.get_mut(&call) {
            Some(handler) => std::mem::replace(handler, Handler::Stopped),
            None => {
                if is_large {
                    handlers.cancelled_early.truncate(CANCELLED_EARLY_MAX - 1);
                    handlers.cancelled_early.push_front(call);
                }
                return;
            }
        };
        // Aborting may drop the handler, whose end takes the lock: so not while it is held.
        drop(handlers);
        stopped.abort();
    }

    pub(super) fn stop_all(&self) {
        let stopped: Vec<_> = {
            let mut handlers = self.lock();
            handlers.closed = true;
            let handlers = handlers.calls.values_mut();
            handlers.map(|handler| std::mem::replace(handler, Handler::Stopped)).collect()
        };
        stopped.into_iter().for_each(Handler::abort);
    }

    fn lock(&self) -> MutexGuard<'_, Handlers> {
        // Nothing panics while it holds the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
