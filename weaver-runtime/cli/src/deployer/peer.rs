//! [`Peer`]: a running replica as its deployer talks to it.

use std::time::Duration;

use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::{Interval, MissedTickBehavior, interval, timeout},
};
use weaver_runtime::{
    Ref,
    control::{self, Health, Replica},
    limits::GUEST_HEALTH_SECONDS_MAX,
    net::{Endpoint, ReplicaAddress, Router, Routes},
};

use super::event::Event;

/// How often a replica is asked how it is.
const HEALTH_SECONDS: u64 = 2;

/// A replica that takes longer to answer is asked again; the supervisor decides when to give up.
const ANSWER_SECONDS_MAX: u64 = 5;

const _: () = assert!(GUEST_HEALTH_SECONDS_MAX < ANSWER_SECONDS_MAX);

/// A running replica as its deployer talks to it; the talking stops when this is dropped.
#[derive(Debug)]
pub(super) struct Peer {
    /// Its last answer.
    pub(super) health: Option<Health>,
    replica: Ref<dyn Replica>,
    _talk: Talk,
}

/// What is said to a process while it runs, in a task of its own; it stops when this is dropped.
#[derive(Debug)]
pub(super) struct Talk(JoinHandle<()>);

impl Talk {
    pub(super) fn new(talk: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::spawn(talk))
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Peer {
    pub(super) fn new(
        endpoint: &Endpoint,
        at: &ReplicaAddress,
        routes: watch::Receiver<Routes>,
        events: mpsc::Sender<Event>,
    ) -> Self {
        // A router for this one process: another replica of the group must not answer for it.
        let router = Router::new(endpoint.clone(), control::hello(), control::signatures());
        let group = &at.replica.group;
        router.set_routes(&control::route_to(group, at.address));
        let replica = control::reference::<dyn Replica>(&router, group);
        let talk = Talk::new(talk(replica.clone(), at.clone(), routes, events));
        Self { health: None, replica, _talk: talk }
    }

    /// Tells it to stop, in the background. If it cannot be told, it is killed when time is up.
    pub(super) fn stop(&self, grace: Duration) {
        let replica = self.replica.clone();
        tokio::spawn(async move { replica.stop(grace).await });
    }
}

/// Keeps a replica informed, and the deployer about it.
async fn talk(
    replica: Ref<dyn Replica>,
    at: ReplicaAddress,
    mut routes: watch::Receiver<Routes>,
    events: mpsc::Sender<Event>,
) {
    let limit = Duration::from_secs(ANSWER_SECONDS_MAX);
    let mut health = health_interval();
    loop {
        tokio::select! {
            changed = routes.changed() => {
                if changed.is_err() {
                    return;
                }
                let latest = routes.borrow_and_update().clone();
                if !matches!(timeout(limit, replica.set_routes(latest)).await, Ok(Ok(()))) {
                    // Not told yet: try again as soon as it answers anything.
                    routes.mark_changed();
                    tokio::time::sleep(RETRY).await;
                }
            }
            _ = health.tick() => {
                if let Ok(Ok(health)) = timeout(limit, replica.health()).await {
                    let event = Event::Healthy { at: at.clone(), health };
                    if events.send(event).await.is_err() {
                        return;
                    }
                }
            }
        }
    }
}

/// When to ask a process how it is.
pub(super) fn health_interval() -> Interval {
    let mut interval = interval(Duration::from_secs(HEALTH_SECONDS));
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

/// The pause before a replica that could not be told something is told again.
const RETRY: Duration = Duration::from_millis(100);
