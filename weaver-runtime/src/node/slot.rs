//! [`Slot`]: the place of one component in a node, from before it is built until it is stopped.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{sync::watch, time::timeout};

use super::stopped;
use crate::{
    client::READY_METHOD,
    component::{BoxFuture, Dispatch},
    construct::{Fields, Implementation, Instance, Provided, Provider},
    error::{CallError, CallErrorKind, Error, Failure, Ran},
    frame::CatchPanic,
    limits::FIRST_BUILD_SECONDS_MAX,
    message::Message,
    panics, report,
};

/// The place of one component in a node.
pub(crate) struct Slot {
    implementation: &'static Implementation,
    state: watch::Sender<State>,
    /// The same as whether the state is so, for every call to look at.
    is_ready: AtomicBool,
}

#[derive(Clone)]
enum State {
    /// The first attempt is under way.
    Building,
    /// The last attempt failed; another will follow.
    Failed(String),
    Ready(Arc<Instance>),
    Stopped,
}

/// The pause after a failed attempt: it doubles from the first to the longest, less a random part so
/// that replicas do not try in step.
const FIRST_PAUSE_MILLISECONDS: u64 = 100;
const LONGEST_PAUSE_MILLISECONDS: u64 = 30_000;

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Slot({})", self.implementation.component.name)
    }
}

impl Slot {
    pub(crate) fn new(implementation: &'static Implementation) -> Self {
        let state = watch::Sender::new(State::Building);
        Self { implementation, state, is_ready: AtomicBool::new(false) }
    }

    /// Builds the component, after its dependencies, and tries again until it succeeds.
    pub(super) async fn build(&self, provider: &dyn Provider, dependencies: &[Arc<Self>]) {
        let name = self.implementation.component.name;
        for attempt in 0_u32.. {
            let error = match self.try_build(provider, dependencies).await {
                Ok(instance) => return self.enter(State::Ready(Arc::new(instance))),
                Err(error) => error,
            };
            let pause = pause(attempt);
            report::warn(&format!(
                "init of {name} failed: {error:#}; trying again in {} ms",
                pause.as_millis()
            ));
            self.enter(State::Failed(format!("{error:#}")));
            tokio::time::sleep(pause).await;
        }
    }

    /// A component that was stopped while it was built stays stopped.
    fn enter(&self, state: State) {
        self.state.send_if_modified(|current| {
            let stopped = matches!(current, State::Stopped);
            if !stopped {
                self.is_ready.store(matches!(state, State::Ready(_)), Ordering::Relaxed);
                *current = state;
            }
            !stopped
        });
    }

    async fn try_build(
        &self,
        provider: &dyn Provider,
        dependencies: &[Arc<Self>],
    ) -> Result<Instance, Error> {
        for dependency in dependencies {
            let name = dependency.implementation.component.name;
            dependency.ready().await.map_err(|f| CallError::new(name, "get", f))?;
        }
        let component = self.implementation.component.name;
        let fields = Fields { provider, component };
        let built = CatchPanic::new((self.implementation.build)(&fields)).await;
        built.unwrap_or_else(|panic| {
            panics::log(format_args!("init of {component}"), &panic);
            Err(Error::msg(format_args!("it panicked: {panic}")))
        })
    }

    /// The component, once the first attempt to build it has ended.
    pub(super) async fn ready(&self) -> Result<Arc<Instance>, Failure> {
        if let State::Ready(instance) = &*self.state.borrow() {
            return Ok(Arc::clone(instance));
        }
        let mut state = self.state.subscribe();
        let limit = Duration::from_secs(FIRST_BUILD_SECONDS_MAX);
        let ended = timeout(limit, state.wait_for(|state| !matches!(state, State::Building))).await;
        match ended {
            Ok(Ok(state)) => state.instance(),
            // The slot holds the sender.
            Ok(Err(_)) => Err(stopped()),
            Err(_) => Err(init_failed(format!("it has been building for over {limit:?}"))),
        }
    }

    /// A reference to the component, if it is built.
    pub(super) fn provide(&self) -> Result<Provided, CallError> {
        let instance = self.state.borrow().instance();
        let name = self.implementation.component.name;
        instance.map(|it| it.provide()).map_err(|failure| CallError::new(name, "get", failure))
    }

    /// Why the last attempt failed, if it did.
    pub(super) fn failed(&self) -> Option<String> {
        match &*self.state.borrow() {
            State::Failed(reason) => Some(reason.clone()),
            State::Building | State::Ready(_) | State::Stopped => None,
        }
    }

    /// Takes no calls any more; what was built is returned to be shut down.
    pub(super) fn stop(&self) -> Option<Arc<Instance>> {
        let before = self.state.send_replace(State::Stopped);
        self.is_ready.store(false, Ordering::Relaxed);
        match before {
            State::Ready(instance) => Some(instance),
            State::Building | State::Failed(_) | State::Stopped => None,
        }
    }

    async fn call(&self, method: u16, mut arguments: Message) -> Result<Message, Failure> {
        // Held by the call alone, so that what was stopped is dropped with the last one.
        let instance = self.ready().await?;
        if method == READY_METHOD {
            return Ok(Message::empty());
        }
        if arguments.has_streams() {
            let spec = self.implementation.component;
            let method = spec.methods.get(usize::from(method)).map_or("?", |method| method.name);
            arguments.streams().name(spec.name, method);
        }
        instance.dispatch.dispatch(method, arguments).await
    }
}

impl Dispatch for Slot {
    fn readiness(&self) -> Option<BoxFuture<'_, Result<(), Failure>>> {
        if self.is_ready.load(Ordering::Relaxed) {
            return None;
        }
        Some(Box::pin(async { self.ready().await.map(drop) }))
    }

    fn dispatch(&self, method: u16, arguments: Message) -> BoxFuture<'_, Result<Message, Failure>> {
        Box::pin(self.call(method, arguments))
    }
}

impl State {
    fn instance(&self) -> Result<Arc<Instance>, Failure> {
        match self {
            Self::Ready(instance) => Ok(Arc::clone(instance)),
            Self::Failed(reason) => Err(init_failed(reason.clone())),
            Self::Building => Err(init_failed("it is still being built".to_owned())),
            Self::Stopped => Err(stopped()),
        }
    }
}

fn init_failed(reason: String) -> Failure {
    Failure::new(CallErrorKind::InitFailed { reason }, Ran::No)
}

fn pause(attempt: u32) -> Duration {
    let doubled = FIRST_PAUSE_MILLISECONDS.saturating_mul(1 << attempt.min(20));
    let longest = doubled.min(LONGEST_PAUSE_MILLISECONDS);
    Duration::from_millis(fastrand::u64(longest / 2..=longest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit() {
        for attempt in 0..100 {
            let pause = u64::try_from(pause(attempt).as_millis()).unwrap();
            assert!(pause >= FIRST_PAUSE_MILLISECONDS / 2, "{pause}");
            assert!(pause <= LONGEST_PAUSE_MILLISECONDS, "{pause}");
        }
        assert!(pause(0) < pause(5));
    }
}
