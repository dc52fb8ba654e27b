//! [`Front`]: a deployment's listeners, and what its ingress is told of them.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::{sleep, timeout},
};
use weaver_runtime::{
    Ref, Result,
    config::ConfigFile,
    control::{self, Ingress, ListenerStatus},
    graph::Graph,
    net::{Endpoint, ReplicaAddress, ReplicaId, Router},
    placement::INGRESS,
};

use super::{event::Event, peer::health_interval};
use crate::{
    listening::{CannotListen, Reason},
    logs,
};

/// The listeners of a deployment by name.
pub(super) struct Front {
    listeners: BTreeMap<String, Listener>,
    /// What the ingress is told: a copy of the listeners' upstreams.
    told: watch::Sender<BTreeMap<String, Told>>,
    events: mpsc::Sender<Event>,
    talk: Option<JoinHandle<()>>,
}

struct Listener {
    /// What the configuration asks for; the address that was bound once that is known, so that a
    /// restarted ingress comes back to it.
    address: SocketAddr,
    /// It was announced to the user.
    announced: bool,
    upstreams: BTreeMap<ReplicaId, SocketAddr>,
}

/// What the ingress is told of one listener.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Told {
    address: SocketAddr,
    upstreams: Vec<SocketAddr>,
}

/// The ingress answers at once; a loaded machine gets this long.
const ANSWER_SECONDS_MAX: u64 = 5;

/// The pause before the ingress is told again what it could not be told.
const RETRY: Duration = Duration::from_millis(200);

/// A program's listeners, and where they are to accept: at a free port, where nothing is said of it.
pub(super) fn addresses<'a>(
    graph: &'a Graph,
    config: &'a ConfigFile,
) -> impl Iterator<Item = (&'a str, SocketAddr)> {
    let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    graph.listeners().map(move |(name, _)| (name, config.listener(name).unwrap_or(free)))
}

impl Drop for Front {
    fn drop(&mut self) {
        if let Some(talk) = &self.talk {
            talk.abort();
        }
    }
}

impl Front {
    pub(super) fn new(graph: &Graph, config: &ConfigFile, events: mpsc::Sender<Event>) -> Self {
        let listeners = addresses(graph, config).map(|(name, address)| {
            (name.to_owned(), Listener { address, announced: false, upstreams: BTreeMap::new() })
        });
        let listeners = listeners.collect();
        let front = Self { listeners, told: watch::Sender::default(), events, talk: None };
        front.tell();
        front
    }

    /// The listeners of another deployment: what is there already stays at its address.
    pub(super) fn change(&mut self, graph: &Graph, config: &ConfigFile) {
        self.listeners.retain(|name, _| graph.listeners().any(|(wanted, _)| wanted == name));
        for (name, address) in addresses(graph, config) {
            if let Some(listener) = self.listeners.get(name) {
                if address.port() != 0 && address != listener.address {
                    let at = listener.address;
                    logs::note(&format!(
                        "listener {name} stays at {at} until this command is started anew"
                    ));
                }
            } else {
                let upstreams = BTreeMap::new();
                let listener = Listener { address, announced: false, upstreams };
                self.listeners.insert(name.to_owned(), listener);
            }
        }
        self.tell();
    }

    /// Whether there is nothing to be called from outside.
    pub(super) fn is_empty(&self) -> bool {
        self.listeners.is_empty()
    }

    /// A replica has bound a listener.
    pub(super) fn add_upstream(&mut self, listener: &str, replica: ReplicaId, at: SocketAddr) {
        if let Some(listener) = self.listeners.get_mut(listener) {
            listener.upstreams.insert(replica, at);
            self.tell();
        }
    }

    /// A replica has ended.
    pub(super) fn remove_upstreams(&mut self, replica: &ReplicaId) {
        for listener in self.listeners.values_mut() {
            listener.upstreams.remove(replica);
        }
        self.tell();
    }

    /// The ingress accepts for a listener.
    pub(super) fn bound(&mut self, name: &str, address: SocketAddr) {
        let Some(listener) = self.listeners.get_mut(name) else { return };
        listener.address = address;
        if !listener.announced {
            listener.announced = true;
            logs::announce(format!("{name}  http://{address}"));
        }
        self.tell();
    }

    /// The ingress runs, possibly anew, and knows nothing.
    pub(super) fn greet(&mut self, endpoint: &Endpoint, at: &ReplicaAddress) {
        let router = Router::new(endpoint.clone(), control::hello(), control::signatures());
        router.set_routes(&control::route_to(INGRESS, at.address));
        let ingress = control::reference::<dyn Ingress>(&router, INGRESS);
        let talk = talk(ingress, at.clone(), self.told.subscribe(), self.events.clone());
        if let Some(before) = self.talk.replace(tokio::spawn(talk)) {
            before.abort();
        }
    }

    pub(super) fn status(&self) -> Vec<ListenerStatus> {
        let listeners = self.listeners.iter();
        let status = |(name, listener): (&String, &Listener)| ListenerStatus {
            name: name.clone(),
            address: listener.address,
            upstreams: listener.upstreams.len(),
        };
        listeners.map(status).collect()
    }

    fn tell(&self) {
        let told = self.listeners.iter().map(|(name, listener)| {
            let upstreams = listener.upstreams.values().copied().collect();
            (name.clone(), Told { address: listener.address, upstreams })
        });
        let told: BTreeMap<_, _> = told.collect();
        self.told.send_if_modified(|before| {
            let changed = *before != told;
            if changed {
                *before = told;
            }
            changed
        });
    }
}

/// Tells the ingress everything, and then what changes; asks it now and then how it is.
async fn talk(
    ingress: Ref<dyn Ingress>,
    at: ReplicaAddress,
    mut told: watch::Receiver<BTreeMap<String, Told>>,
    events: mpsc::Sender<Event>,
) {
    let mut bound = BTreeMap::new();
    let mut health = health_interval();
    told.mark_changed();
    loop {
        let event = tokio::select! {
            changed = told.changed() => {
                if changed.is_err() {
                    return;
                }
                let latest = told.borrow_and_update().clone();
                tell_all(&ingress, &mut bound, latest, &events).await
            }
            _ = health.tick() => match ask(ingress.health()).await {
                Ok(health) => Some(Event::Healthy { at: at.clone(), health }),
                Err(_) => None,
            },
        };
        if let Some(event) = event {
            // The deployer is gone if this fails.
            let _ = events.send(event).await;
        }
    }
}

/// Tells the ingress of every listener; the event is a failure to report.
async fn tell_all(
    ingress: &Ref<dyn Ingress>,
    bound: &mut BTreeMap<String, SocketAddr>,
    latest: BTreeMap<String, Told>,
    events: &mpsc::Sender<Event>,
) -> Option<Event> {
    for (listener, Told { address, upstreams }) in latest {
        while !bound.contains_key(&listener) {
            match ask(ingress.listen(listener.clone(), address)).await {
                Ok(at) => drop(bound.insert(listener.clone(), at)),
                Err(Unsaid::Refused(reason)) => {
                    let reason = Reason::Other(reason);
                    return Some(Event::CannotListen(CannotListen { listener, address, reason }));
                }
                Err(Unsaid::Unheard) => sleep(RETRY).await,
            }
        }
        let ready = !upstreams.is_empty();
        while ask(ingress.set_upstreams(listener.clone(), upstreams.clone())).await.is_err() {
            sleep(RETRY).await;
        }
        if let (true, Some(&address)) = (ready, bound.get(&listener)) {
            // As in `talk`.
            let _ = events.send(Event::Bound { listener, address }).await;
        }
    }
    None
}

/// Why the ingress did not do what it was asked.
enum Unsaid {
    /// It cannot, and says why.
    Refused(String),
    /// The call failed, or took too long.
    Unheard,
}

async fn ask<T>(call: impl Future<Output = Result<T>>) -> Result<T, Unsaid> {
    match timeout(Duration::from_secs(ANSWER_SECONDS_MAX), call).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) if error.call_error().is_none() => {
            Err(Unsaid::Refused(format!("{error:#}")))
        }
        Ok(Err(_)) | Err(_) => Err(Unsaid::Unheard),
    }
}
