//! [`Waiting`]: the calls of a connection that wait for their answer.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use rustc_hash::FxHashMap;
use tokio::{runtime::Handle, sync::oneshot};

use crate::{
    error::{CallErrorKind, Failure, Load},
    limits::CALLS_IN_FLIGHT_MAX,
    message::Message,
    net::{
        streaming::{Expected, Reader},
        tally::Counted,
    },
    stream::{ByteStream, Streams},
    wire::Header,
};

/// The streams among a call's arguments until the call is taken on.
#[derive(Default)]
pub(super) struct Arguments {
    pub(super) streams: Vec<(ByteStream, Counted)>,
    /// Where they are produced: the caller's runtime.
    pub(super) runtime: Option<Handle>,
}

impl fmt::Debug for Arguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} streams", self.streams.len())
    }
}

impl Arguments {
    pub(super) fn put_back(self, message: &mut Message) {
        *message.streams() = Streams::default();
        for (stream, _) in self.streams {
            message.streams().push(stream);
        }
    }
}

/// The calls that wait for an answer. Ids are never used twice, so that a late answer meets nobody.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    calls: Mutex<Calls>,
    count: AtomicUsize,
    /// The callee said that it takes no new calls. Set under the lock: none is added after it.
    is_closing: AtomicBool,
}

#[derive(Debug, Default)]
struct Calls {
    /// By ids that are ours: nobody chooses them so that they collide.
    callers: FxHashMap<u64, Caller>,
    closed: bool,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Caller {
    answer: oneshot::Sender<Answer>,
    /// `None` once the call was taken on.
    arguments: Option<Arguments>,
    /// Streams of the result that have arrived before it.
    early: Vec<(Header, Reader)>,
}

/// What a caller gets: if the call failed before it was taken on, its streams, too.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) result: Result<Message, Failure>,
    pub(super) arguments: Option<Arguments>,
}

impl Caller {
    fn finish(self, result: Result<Message, Failure>) {
        let answer = Answer { result, arguments: self.arguments };
        // The caller may have stopped waiting in this very moment.
        let _ = self.answer.send(answer);
    }
}

impl Waiting {
    /// Where its answer comes, and whether it is the only one.
    pub(super) fn add(
        &self,
        call: u64,
        arguments: Arguments,
    ) -> Result<(oneshot::Receiver<Answer>, bool), (Failure, Arguments)> {
        let mut calls = self.lock();
        if calls.closed || self.is_closing() {
            return Err((CallErrorKind::Draining.into(), arguments));
        }
        let (there, calls_max) = (calls.callers.len(), CALLS_IN_FLIGHT_MAX);
        if there >= calls_max {
            return Err((Load::Waiting { calls: there, calls_max }.into(), arguments));
        }
        let (answer, waiting) = oneshot::channel();
        let caller = Caller { answer, arguments: Some(arguments), early: Vec::new() };
        calls.callers.insert(call, caller);
        self.count.store(calls.callers.len(), Ordering::Relaxed);
        Ok((waiting, there == 0))
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    pub(super) fn take_no_more(&self) {
        let _calls = self.lock();
        self.is_closing.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_closing(&self) -> bool {
        self.is_closing.load(Ordering::Relaxed)
    }

    /// Whether there is no call, and will be none.
    pub(super) fn is_done(&self) -> bool {
        self.is_closing() && self.lock().callers.is_empty()
    }

    pub(super) fn remove(&self, call: u64) -> Option<Caller> {
        self.remove_locked(&mut self.lock(), call)
    }

    fn remove_locked(&self, calls: &mut Calls, call: u64) -> Option<Caller> {
        let caller = calls.callers.remove(&call);
        self.count.store(calls.callers.len(), Ordering::Relaxed);
        caller
    }

    /// The call was not sent.
    pub(super) fn give_up(&self, call: u64, failure: Failure) -> Option<Answer> {
        let arguments = self.remove(call)?.arguments;
        Some(Answer { result: Err(failure), arguments })
    }

    pub(super) fn take_arguments(&self, call: u64) -> Option<Arguments> {
        self.lock().callers.get_mut(&call)?.arguments.take()
    }

    pub(super) fn fail(&self, call: u64, failure: Failure) {
        if let Some(caller) = self.remove(call) {
            caller.finish(Err(failure));
        }
    }

    pub(super) fn succeed(
        &self,
        call: u64,
        mut message: Message,
        streams: u8,
        expected: &Arc<Expected>,
    ) {
        let mut calls = self.lock();
        let Some(mut caller) = self.remove_locked(&mut calls, call) else { return };
        if streams > 0 {
            // Under the lock, so that a stream meets either the call or its own reader.
            *message.streams() = expected.expect(call, streams);
            for (header, reader) in caller.early.drain(..) {
                expected.arrived(call, header.component, reader);
            }
        }
        drop(calls);
        caller.finish(Ok(message));
    }

    /// A stream that belongs to nobody any more is dropped, which stops its producer.
    pub(super) fn stream_arrived(&self, expected: &Expected, header: Header, reader: Reader) {
        let mut calls = self.lock();
        match calls.callers.get_mut(&header.call) {
            Some(caller) => caller.early.push((header, reader)),
            None => expected.arrived(header.call, header.component, reader),
        }
    }

    pub(super) fn fail_all(&self, failure: &Failure) {
        let callers = {
            let mut calls = self.lock();
            calls.closed = true;
            self.count.store(0, Ordering::Relaxed);
            std::mem::take(&mut calls.callers)
        };
        callers.into_values().for_each(|caller| caller.finish(Err(failure.clone())));
    }

    fn lock(&self) -> MutexGuard<'_, Calls> {
        // Nothing panics while it holds the lock.
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
