//! [`Attempt`]: one sending of a call to one replica. How it went is reported exactly once, however it
//! ends.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    balance::{Chosen, Trouble},
    connection::{Connection, Outcome},
    group::{Group, now},
    retry::Fate,
    routes::ReplicaAddress,
};
use crate::{client::READY_METHOD, context, error::CallErrorKind, message::Message};

/// One sending of a call to one replica.
pub(super) struct Attempt {
    group: Arc<Group>,
    chosen: Chosen,
    connection: Arc<Connection>,
    /// The caller's.
    deadline: Option<Instant>,
    /// When the replica was chosen, which is when the call is sent.
    began: Instant,
    is_sent: bool,
    is_reported: bool,
}

impl Attempt {
    /// To be made where the call is made: it looks at the context.
    pub(super) fn new(
        group: Arc<Group>,
        chosen: Chosen,
        connection: Arc<Connection>,
        began: Instant,
    ) -> Self {
        let deadline = context::deadline().map(tokio::time::Instant::into_std);
        Self { group, chosen, connection, deadline, began, is_sent: false, is_reported: false }
    }

    pub(super) fn replica(&self) -> &Arc<ReplicaAddress> {
        &self.chosen.replica
    }

    /// Sends the call.
    pub(super) async fn send(&mut self, component: u16, method: u16, message: Message) -> Outcome {
        self.is_sent = true;
        let outcome = self.connection.call(component, method, message).await;
        self.is_reported = true;
        self.report(method, &outcome);
        outcome
    }

    fn report(&self, method: u16, outcome: &Outcome) {
        let Self { group, chosen, began, .. } = self;
        let now = now();
        let waited = || now.saturating_duration_since(*began);
        match said(outcome) {
            // It waits until the component is built, which says nothing about calls.
            Said::Answered if method == READY_METHOD => {
                group.abandoned(chosen, Duration::ZERO, now);
            }
            Said::Answered => group.succeeded(chosen, waited(), now),
            Said::Trouble(trouble) => group.failed(chosen, trouble, now),
            Said::Nothing => group.abandoned(chosen, Duration::ZERO, now),
        }
    }
}

/// The call was given up.
impl Drop for Attempt {
    fn drop(&mut self) {
        if self.is_reported {
            return;
        }
        let now = now();
        let waited = now.saturating_duration_since(self.began);
        match self.is_sent {
            true if self.deadline.is_some_and(|at| now >= at) => {
                self.group.failed(&self.chosen, Trouble::TimedOut, now);
            }
            true => self.group.abandoned(&self.chosen, waited, now),
            false => self.group.abandoned(&self.chosen, Duration::ZERO, now),
        }
    }
}

/// What an outcome says about the replica.
enum Said {
    Answered,
    Trouble(Trouble),
    Nothing,
}

fn said(outcome: &Outcome) -> Said {
    let Err(failure) = &outcome.answer else { return Said::Answered };
    match Fate::of(failure, outcome.was_sent) {
        _ if !outcome.was_sent => Said::Nothing,
        Fate::Unsent | Fate::Draining => Said::Nothing,
        Fate::Refused => Said::Trouble(Trouble::Refused),
        Fate::Unknown => Said::Trouble(Trouble::Lost),
        Fate::Final if failure.kind == CallErrorKind::DeadlineExceeded => {
            Said::Trouble(Trouble::TimedOut)
        }
        Fate::Final => Said::Answered,
    }
}
