//! [`Front`]: tells a deployment's ingress of its listeners.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until, timeout},
};
use weaver_runtime::{
    Ref, Result,
    config::ConfigFile,
    control::{self, Ingress, ListenerStatus, Opened},
    graph::Graph,
    net::{Endpoint, ReplicaAddress, ReplicaId, Router},
    placement::INGRESS,
};

use super::{
    event::Event,
    listeners::{Listeners, News, Told},
    peer::{Talk, health_interval},
};
use crate::{listening::CannotListen, logs};

/// The listeners of a deployment, and who is told of them.
pub(super) struct Front {
    listeners: Listeners,
    /// What the ingress is told.
    told: watch::Sender<Told>,
    events: mpsc::Sender<Event>,
    talk: Option<Talk>,
}

/// The ingress answers at once; a loaded machine gets this long.
const ANSWER_SECONDS_MAX: u64 = 5;

/// The pause before the ingress is told again what it could not be told.
const RETRY: Duration = Duration::from_millis(200);

/// The pause before it tries again to open what it could not open.
const REOPEN: Duration = Duration::from_millis(500);

/// A program's listeners, and where they are to accept: at a free port, where nothing is said of it.
pub(super) fn addresses<'a>(
    graph: &'a Graph,
    config: &'a ConfigFile,
) -> impl Iterator<Item = (&'a str, SocketAddr)> {
    let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    graph.listeners().map(move |(name, _)| (name, config.listener(name).unwrap_or(free)))
}

impl Front {
    pub(super) fn new(graph: &Graph, config: &ConfigFile, events: mpsc::Sender<Event>) -> Self {
        let (listeners, told) = (Listeners::default(), watch::Sender::default());
        let mut front = Self { listeners, told, events, talk: None };
        front.change(graph, config);
        front
    }

    /// The listeners of another deployment.
    pub(super) fn change(&mut self, graph: &Graph, config: &ConfigFile) {
        self.listeners.change(addresses(graph, config));
        self.tell();
    }

    /// Whether there is nothing to be called from outside.
    pub(super) fn is_empty(&self) -> bool {
        self.listeners.is_empty()
    }

    /// A replica has bound a listener.
    pub(super) fn add_upstream(&mut self, listener: &str, replica: ReplicaId, at: SocketAddr) {
        self.listeners.add_upstream(listener, replica, at);
        self.tell();
    }

    /// A replica has ended.
    pub(super) fn remove_upstreams(&mut self, replica: &ReplicaId) {
        self.listeners.remove_upstreams(replica);
        self.tell();
    }

    /// What the ingress has opened when it was told this; announces what is new of it, and answers what failed.
    #[must_use]
    pub(super) fn opened(&mut self, told: &Told, opened: Opened) -> Vec<CannotListen> {
        // It has ended since. Another is greeted after all that this one said.
        if self.talk.is_none() {
            return Vec::new();
        }
        let news = self.listeners.answer(told, opened);
        self.tell();
        let mut failures = Vec::new();
        for news in news {
            match news {
                News::Opened { listener, address } => {
                    logs::announce(format!("{listener}  http://{address}"));
                }
                News::Failed(failure) => failures.push(failure),
            }
        }
        failures
    }

    /// Whether this still holds.
    pub(super) fn is_current(&self, failure: &CannotListen) -> bool {
        self.listeners.is_current(failure)
    }

    /// Whether the listener has been open where it cannot be now.
    pub(super) fn was_open(&self, failure: &CannotListen) -> bool {
        self.listeners.was_open(failure)
    }

    /// The ingress runs, possibly anew, and knows nothing.
    pub(super) fn greet(&mut self, endpoint: &Endpoint, at: &ReplicaAddress) {
        let router = Router::new(endpoint.clone(), control::hello(), control::signatures());
        router.set_routes(&control::route_to(INGRESS, at.address));
        let ingress = control::reference::<dyn Ingress>(&router, INGRESS);
        let talk = talk(ingress, at.clone(), self.told.subscribe(), self.events.clone());
        self.talk = Some(Talk::new(talk));
    }

    /// The ingress has ended.
    pub(super) fn lose(&mut self) {
        self.talk = None;
        self.listeners.lose();
    }

    pub(super) fn status(&self) -> Vec<ListenerStatus> {
        self.listeners.status()
    }

    fn tell(&self) {
        let told = self.listeners.told();
        self.told.send_if_modified(|before| {
            let changed = *before != told;
            if changed {
                *before = told;
            }
            changed
        });
    }
}

/// Tells the ingress everything, again whenever that changes or could not be done; asks it now and then how it is.
async fn talk(
    ingress: Ref<dyn Ingress>,
    at: ReplicaAddress,
    mut told: watch::Receiver<Told>,
    events: mpsc::Sender<Event>,
) {
    let mut health = health_interval();
    let mut again = Some(Instant::now());
    loop {
        let event = tokio::select! {
            changed = told.changed() => {
                if changed.is_err() {
                    return;
                }
                again = Some(Instant::now());
                continue;
            }
            () = sleep_until(again.unwrap_or_else(Instant::now)), if again.is_some() => {
                let told = told.borrow_and_update().clone();
                let opened = ask(ingress.set_listeners(told.clone())).await;
                let pause = match &opened {
                    Some(opened) if opened.values().all(Result::is_ok) => None,
                    Some(_) => Some(REOPEN),
                    None => Some(RETRY),
                };
                again = pause.map(|pause| Instant::now() + pause);
                opened.map(|opened| Event::Opened { told, opened })
            }
            _ = health.tick() => {
                let health = ask(ingress.health()).await;
                health.map(|health| Event::Healthy { at: at.clone(), health })
            }
        };
        if let Some(event) = event {
            // The deployer is gone if this fails.
            let _ = events.send(event).await;
        }
    }
}

/// The answer, if it comes in time.
async fn ask<T>(call: impl Future<Output = Result<T>>) -> Option<T> {
    timeout(Duration::from_secs(ANSWER_SECONDS_MAX), call).await.ok()?.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_an_ingress_that_has_ended_had_opened_is_not_believed() {
        let mut listeners = Listeners::default();
        listeners.change([("web", SocketAddr::from((Ipv4Addr::LOCALHOST, 80)))].into_iter());
        let (told, (events, _)) = (listeners.told(), mpsc::channel(1));
        let mut front = Front { listeners, told: watch::Sender::default(), events, talk: None };
        let failed = || Opened::from([("web".to_owned(), Err("taken".to_owned()))]);

        assert!(front.opened(&told, failed()).is_empty());
        assert_eq!(front.status()[0].problem, None);
        front.talk = Some(Talk::new(async {}));
        assert_eq!(front.opened(&told, failed()).len(), 1);
        front.lose();
        assert!(front.opened(&told, failed()).is_empty());
        assert_eq!(front.status()[0].problem, None);
    }
}
