//! [`Remote`]: calls to one component in another process, from the first choice of a replica to the
//! last word about it.

use std::{
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep, sleep_until};

use super::{
    attempt::Attempt,
    connection::Outcome,
    endpoint::ConnectError,
    group::{Choice, Group, Waiting, now},
    retry::{self, Decision, Fate, Progress, RetryBudget},
    router::Router,
    routes::ReplicaAddress,
};
use crate::{
    client::{READY_METHOD, Request, Transport},
    component::{BoxFuture, MethodSpec},
    context,
    error::{CallErrorKind, Failure, Ran},
    message::Message,
};

/// Calls to one component in another process.
pub(crate) struct Remote {
    group: Arc<Group>,
    component: u16,
    budget: Arc<Mutex<RetryBudget>>,
    /// Closes the connections when nobody can call any more.
    _router: Arc<Router>,
}

impl Transport for Remote {
    fn call(&self, request: Request) -> BoxFuture<'_, Result<Message, Failure>> {
        Box::pin(self.carry(request))
    }
}

impl Remote {
    pub(super) fn new(router: Arc<Router>, group: Arc<Group>, component: u16) -> Self {
        let budget = group.budget(component);
        Self { group, component, budget, _router: router }
    }

    /// Tries replicas until one answers, as long as that is allowed: what may have run is sent again
    /// only where the author wrote `#[idempotent]`.
    ///
    /// Nearly every call is answered by the first replica. The others have their room elsewhere, because a
    /// call's future is allocated, and filled, for each.
    pub(crate) async fn carry(&self, request: Request) -> Result<Message, Failure> {
        let Request { method, spec, key, arguments } = request;
        let message = arguments?;
        self.budget().deposit();
        let call = || Call::new(self, method, spec, key);
        let is_hedged = spec.is_some_and(|spec| spec.hedge.is_some());
        if is_hedged || context::is_expired() {
            return Box::pin(call().run(message)).await;
        }
        let mut attempt = match self.group.choose(key, &[], false) {
            Choice::Send(attempt) => attempt,
            Choice::Wait(waiting) => {
                let call = Call { waits: Some(waiting), ..call() };
                return Box::pin(call.run(message)).await;
            }
        };
        let outcome = attempt.send(self.component, method, message).await;
        let Outcome { answer, was_sent, again } = outcome;
        let failure = match answer {
            Ok(answer) => return Ok(answer),
            Err(failure) => failure,
        };
        let mut call = call();
        call.note(&attempt, &failure, was_sent);
        drop(attempt);
        Box::pin(call.run_again(failure, was_sent, again)).await
    }

    fn budget(&self) -> MutexGuard<'_, RetryBudget> {
        // Nothing panics while it holds the lock.
        self.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One call on its way.
struct Call<'a> {
    remote: &'a Remote,
    method: u16,
    spec: Option<&'static MethodSpec>,
    key: Option<u64>,
    /// How often it was sent.
    sent: u32,
    /// The replicas that failed it, until there is nothing left but to begin anew.
    tried: Vec<Arc<ReplicaAddress>>,
    /// It may have run, so that it is sent again to whoever there is.
    may_repeat: bool,
    /// The first failure after which it may have run.
    unknown: Option<Failure>,
    /// For what it waits, if it has looked for a replica once.
    waits: Option<Waiting>,
    /// It was refused, and is worth sending elsewhere, but not waiting.
    refused: Option<Failure>,
    /// Why it waits, and until when if it has no deadline.
    reason: Option<String>,
    patience: Option<Instant>,
}

impl<'a> Call<'a> {
    fn new(
        remote: &'a Remote,
        method: u16,
        spec: Option<&'static MethodSpec>,
        key: Option<u64>,
    ) -> Self {
        Self {
            remote,
            method,
            spec,
            key,
            sent: 0,
            tried: Vec::new(),
            may_repeat: false,
            unknown: None,
            waits: None,
            refused: None,
            reason: None,
            patience: None,
        }
    }

    /// Sends it until it is answered, or may not be sent again.
    async fn run(mut self, mut message: Message) -> Result<Message, Failure> {
        loop {
            let attempt = self.choose().await?;
            let (attempt, outcome) = self.send(attempt, message).await;
            match outcome.answer {
                Ok(answer) => return Ok(answer),
                Err(failure) => {
                    self.note(&attempt, &failure, outcome.was_sent);
                    message = self.go_on(failure, outcome.was_sent, outcome.again).await?;
                }
            }
        }
    }

    /// The same after an attempt that failed.
    async fn run_again(
        mut self,
        failure: Failure,
        was_sent: bool,
        again: Option<Message>,
    ) -> Result<Message, Failure> {
        let message = self.go_on(failure, was_sent, again).await?;
        self.run(message).await
    }

    /// A replica to send it to, once there is one.
    async fn choose(&mut self) -> Result<Attempt, Failure> {
        loop {
            if context::is_expired() {
                return Err(self.expired());
            }
            let look = || self.remote.group.choose(self.key, &self.tried, self.may_repeat);
            let mut waiting = match self.waits.take().map_or_else(look, Choice::Wait) {
                Choice::Send(attempt) => return Ok(attempt),
                Choice::Wait(waiting) => waiting,
            };
            match waiting.dial.take() {
                Some((replica, dial)) => {
                    self.wait(waiting).await?;
                    if let Some(error) = dial.get() {
                        self.tried.push(replica);
                        self.note_unreachable(error)?;
                    }
                }
                None => {
                    if let Some(refusal) = self.refused.take() {
                        return Err(self.ended_by(refusal));
                    }
                    self.wait(waiting).await?;
                    self.tried.clear();
                }
            }
        }
    }

    /// Waits until it is worth looking for a replica again.
    async fn wait(&mut self, mut waiting: Waiting) -> Result<(), Failure> {
        let patience = self.patience();
        if patience.is_some_and(|until| Instant::now() >= until) {
            return Err(self.nobody());
        }
        let look_again = waiting.until.map(Instant::from_std);
        let wake = look_again.into_iter().chain(patience).min();
        tokio::select! {
            // Before the others: the call may be polled for the last time.
            biased;
            () = context::expired() => return Err(self.expired()),
            // The group holds the sender, so that this cannot fail.
            _ = waiting.changes.changed() => {}
            () = until(wake) => {}
        }
        Ok(())
    }

    /// Until when it waits for a replica; `None` for as long as its deadline allows, which whoever has
    /// set it watches over.
    fn patience(&mut self) -> Option<Instant> {
        if context::deadline().is_some() {
            return None;
        }
        let replica_wait = self.remote.group.replica_wait();
        if self.patience.is_none() {
            self.patience = Instant::now().checked_add(replica_wait);
        }
        self.patience
    }

    /// Sends it; if the answer takes long, to a second replica as well, where the author allows that.
    async fn send(&mut self, mut attempt: Attempt, message: Message) -> (Attempt, Outcome) {
        let hedge_after = self.spec.and_then(|spec| spec.hedge);
        if hedge_after.is_some()
            && let Some(copy) = message.again()
            && let Some(pause) = retry::hedge_pause(&self.progress(false), hedge_after)
        {
            return self.send_hedged(attempt, message, pause, copy).await;
        }
        let outcome = attempt.send(self.remote.component, self.method, message).await;
        (attempt, outcome)
    }

    /// The first answer wins. The other call is dropped, and with that cancelled.
    async fn send_hedged(
        &mut self,
        attempt: Attempt,
        message: Message,
        pause: Duration,
        copy: Message,
    ) -> (Attempt, Outcome) {
        let (component, method) = (self.remote.component, self.method);
        let send = |mut attempt: Attempt, message: Message| async move {
            let outcome = attempt.send(component, method, message).await;
            (attempt, outcome)
        };
        let replica = Arc::clone(attempt.replica());
        let mut first = pin!(send(attempt, message));
        tokio::select! {
            biased;
            ended = &mut first => return ended,
            () = sleep(pause) => {}
        }
        let Some(second) = self.hedge(replica) else { return first.await };
        let mut second = pin!(send(second, copy));
        let ((attempt, outcome), first_is_left) = tokio::select! {
            ended = &mut first => (ended, false),
            ended = &mut second => (ended, true),
        };
        match &outcome.answer {
            Err(failure) if Fate::of(failure, outcome.was_sent) != Fate::Final => {
                self.note(&attempt, failure, outcome.was_sent);
                if first_is_left { first.await } else { second.await }
            }
            Ok(_) | Err(_) => (attempt, outcome),
        }
    }

    /// Another replica for a call that waits for the answer of this one.
    fn hedge(&self, waits_for: Arc<ReplicaAddress>) -> Option<Attempt> {
        let mut tried = self.tried.clone();
        tried.push(waits_for);
        let sent = self.sent + 1;
        let progress = Progress { sent, has_untried: true, ..self.progress(false) };
        let another = self.remote.group.choose_another(self.key, &tried)?;
        retry::hedge(&progress, &mut self.remote.budget(), now()).then_some(another)
    }

    /// What is known after an attempt that failed.
    fn note(&mut self, attempt: &Attempt, failure: &Failure, was_sent: bool) {
        self.tried.push(Arc::clone(attempt.replica()));
        self.sent += u32::from(was_sent);
        if was_sent && failure.ran != Ran::No {
            self.unknown.get_or_insert_with(|| failure.clone());
        }
    }

    fn note_unreachable(&mut self, error: &ConnectError) -> Result<(), Failure> {
        if let ConnectError::WrongVersion { difference, .. } = error {
            let difference = difference.clone();
            return Err(self.ended_by(CallErrorKind::WrongVersion { difference }.into()));
        }
        let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
        self.reason = Some(format!("{error}{}", cause.unwrap_or_default()));
        Ok(())
    }

    /// What happens after an attempt that failed: the message to send again, once it is time to.
    async fn go_on(
        &mut self,
        failure: Failure,
        was_sent: bool,
        again: Option<Message>,
    ) -> Result<Message, Failure> {
        let fate = Fate::of(&failure, was_sent);
        let progress = self.progress(again.is_none());
        let decision = self.decide(fate, &progress);
        let (Some(message), true) = (again, decision != Decision::Return) else {
            return Err(self.ended_by(failure));
        };
        (self.may_repeat, self.refused) = (false, None);
        match decision {
            Decision::RetryAfter(pause) => {
                (self.may_repeat, self.patience) = (true, None);
                sleep(pause).await;
            }
            _ if fate == Fate::Refused => self.refused = Some(failure),
            _ => self.reason = Some(failure.kind.to_string()),
        }
        Ok(message)
    }

    fn decide(&self, fate: Fate, progress: &Progress) -> Decision {
        let mut budget = self.remote.budget();
        retry::after(fate, progress, &mut budget, now(), &mut fastrand::Rng::new())
    }

    fn progress(&self, is_spent: bool) -> Progress {
        Progress {
            // Whether it is ready may be asked as often as one likes.
            idempotent: self.method == READY_METHOD
                || self.spec.is_some_and(|spec| spec.idempotent),
            is_spent,
            sent: self.sent,
            has_untried: self.remote.group.has_untried(&self.tried),
            left: context::time_left(),
        }
    }

    fn expired(&mut self) -> Failure {
        self.ended_by(Failure::new(CallErrorKind::DeadlineExceeded, Ran::No))
    }

    fn nobody(&mut self) -> Failure {
        let (group, wait) = (self.remote.group.name(), self.remote.group.replica_wait());
        let reason = self.reason.take();
        let reason = reason.unwrap_or_else(|| "it has no replica that takes calls".to_owned());
        let reason = format!(
            "no replica of group `{group}` took the call for {wait:?} (`replica_wait` in [limits]): \
             {reason}"
        );
        self.ended_by(CallErrorKind::NotSent { reason }.into())
    }

    /// The failure that the caller gets. That nothing ran in the end says nothing about the attempts
    /// before, and that no replica was there to repeat it is less than why it had to be.
    fn ended_by(&mut self, failure: Failure) -> Failure {
        match self.unknown.take() {
            Some(unknown) if matches!(failure.kind, CallErrorKind::NotSent { .. }) => unknown,
            Some(_) if failure.ran == Ran::No => Failure::new(failure.kind, Ran::Unknown),
            Some(_) | None => failure,
        }
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
