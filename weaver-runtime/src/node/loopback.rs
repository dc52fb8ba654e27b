//! Transports that a node puts in front of others: [`Loopback`] encodes calls within a process,
//! [`Checked`] refuses what cannot travel.

use std::sync::Arc;

use super::slot::Slot;
use crate::{
    client::Transport,
    component::{BoxFuture, Dispatch},
    error::{CallErrorKind, Failure, Ran},
    frame::CatchPanic,
    graph::MethodNode,
    message::Message,
};

/// Calls a component in the same process through its bytes, so that a test of one process sees what
/// encoding does.
pub(super) struct Loopback {
    slot: Arc<Slot>,
    carried: Carried,
}

impl Loopback {
    pub(super) fn new(slot: Arc<Slot>, carried: Carried) -> Self {
        Self { slot, carried }
    }
}

impl Transport for Loopback {
    fn call(
        &self,
        method: u16,
        arguments: Result<Message, Failure>,
    ) -> BoxFuture<'_, Result<Message, Failure>> {
        Box::pin(async move {
            self.carried.check(method)?;
            let result = CatchPanic::new(self.slot.dispatch(method, arguments?)).await;
            result.unwrap_or_else(|message| Err(CallErrorKind::Panicked { message }.into()))
        })
    }
}

/// Another transport, behind the check whether a method's types can be carried.
pub(super) struct Checked {
    next: Arc<dyn Transport>,
    carried: Carried,
}

impl Checked {
    pub(super) fn new(next: Arc<dyn Transport>, carried: Carried) -> Self {
        Self { next, carried }
    }
}

impl Transport for Checked {
    fn call(
        &self,
        method: u16,
        arguments: Result<Message, Failure>,
    ) -> BoxFuture<'_, Result<Message, Failure>> {
        match self.carried.check(method) {
            Ok(()) => self.next.call(method, arguments),
            Err(failure) => Box::pin(std::future::ready(Err(failure))),
        }
    }
}

/// Which methods of a component have types that a boundary cannot carry.
pub(super) struct Carried(Vec<Option<String>>);

impl Carried {
    pub(super) fn new(methods: &[MethodNode]) -> Self {
        let problems = |MethodNode { problems, .. }: &MethodNode| {
            (!problems.is_empty()).then(|| problems.join("; "))
        };
        Self(methods.iter().map(problems).collect())
    }

    fn check(&self, method: u16) -> Result<(), Failure> {
        match self.0.get(usize::from(method)) {
            Some(Some(problems)) => {
                let reason = problems.clone();
                Err(Failure::new(CallErrorKind::Malformed { reason }, Ran::No))
            }
            Some(None) | None => Ok(()),
        }
    }
}
