//! [`Listeners`]: where a deployment's listeners are to be, and where they are.

use std::{collections::BTreeMap, mem, net::SocketAddr};

use weaver_runtime::{
    control::{Forward, ListenerStatus, Opened},
    net::ReplicaId,
};

use crate::listening::{CannotListen, Reason};

/// What an ingress is told: everything, each time.
pub(super) type Told = BTreeMap<String, Forward>;

/// The listeners by name. It decides, and does nothing itself.
#[derive(Debug, Default)]
pub(super) struct Listeners(BTreeMap<String, Listener>);

#[derive(Debug)]
struct Listener {
    /// Where the configuration wants it.
    wanted: SocketAddr,
    /// Where it was last: an ingress that is started anew comes back to what a free port became.
    last: Option<SocketAddr>,
    /// Where it is, or why it is nowhere, as far as that is known.
    opened: Option<Result<SocketAddr, String>>,
    /// Where the user believes it to be.
    announced: Option<SocketAddr>,
    upstreams: BTreeMap<ReplicaId, SocketAddr>,
}

/// What a user is to know.
#[derive(Debug)]
pub(super) enum News {
    /// A listener can be called.
    Opened { listener: String, address: SocketAddr },
    /// It cannot.
    Failed(CannotListen),
}

impl Listener {
    fn new(wanted: SocketAddr) -> Self {
        let upstreams = BTreeMap::new();
        Self { wanted, last: None, opened: None, announced: None, upstreams }
    }

    fn place(&self) -> SocketAddr {
        self.last.unwrap_or(self.wanted)
    }

    /// Takes the ingress's answer to this order; what is new of it.
    fn answer(
        &mut self,
        told: &Forward,
        opened: Result<SocketAddr, String>,
    ) -> Option<Result<SocketAddr, String>> {
        match opened {
            // It is to be elsewhere by now.
            _ if told.from != self.place() => None,
            Ok(address) => {
                (self.last, self.opened) = (Some(address), Some(Ok(address)));
                let is_news =
                    !told.to.is_empty() && self.announced.replace(address) != Some(address);
                is_news.then_some(Ok(address))
            }
            // Another has the port that it had. Nobody asked for that one.
            Err(_) if told.from != self.wanted => {
                (self.last, self.opened) = (None, None);
                None
            }
            Err(reason) => {
                let before = self.opened.replace(Err(reason.clone()));
                self.announced = None;
                (before.as_ref() != Some(&Err(reason.clone()))).then_some(Err(reason))
            }
        }
    }
}

impl Listeners {
    /// Those of another deployment: what is to stay where it is does.
    pub(super) fn change<'a>(&mut self, wanted: impl Iterator<Item = (&'a str, SocketAddr)>) {
        let mut before = mem::take(&mut self.0);
        for (name, wanted) in wanted {
            let mut listener = before.remove(name).unwrap_or_else(|| Listener::new(wanted));
            if listener.wanted != wanted && listener.place() != wanted {
                (listener.last, listener.opened) = (None, None);
            }
            listener.wanted = wanted;
            self.0.insert(name.to_owned(), listener);
        }
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A replica has bound a listener.
    pub(super) fn add_upstream(&mut self, listener: &str, replica: ReplicaId, at: SocketAddr) {
        if let Some(listener) = self.0.get_mut(listener) {
            listener.upstreams.insert(replica, at);
        }
    }

    /// A replica has ended.
    pub(super) fn remove_upstreams(&mut self, replica: &ReplicaId) {
        for listener in self.0.values_mut() {
            listener.upstreams.remove(replica);
        }
    }

    /// What the ingress is to do.
    pub(super) fn told(&self) -> Told {
        let told = |(name, listener): (&String, &Listener)| {
            let to = listener.upstreams.values().copied().collect();
            (name.clone(), Forward { from: listener.place(), to })
        };
        self.0.iter().map(told).collect()
    }

    /// What the ingress has opened when it was told this, and what it could not.
    #[must_use]
    pub(super) fn answer(&mut self, told: &Told, opened: Opened) -> Vec<News> {
        let mut news = Vec::new();
        for (listener, opened) in opened {
            let Some(told) = told.get(&listener) else { continue };
            let it = self.0.get_mut(&listener).and_then(|it| it.answer(told, opened));
            news.extend(it.map(|it| match it {
                Ok(address) => News::Opened { listener, address },
                Err(reason) => News::Failed(CannotListen {
                    listener,
                    address: told.from,
                    reason: Reason::Other(reason),
                }),
            }));
        }
        news
    }

    /// Whether this still holds.
    pub(super) fn is_current(&self, failure: &CannotListen) -> bool {
        let listener = self.0.get(&failure.listener);
        listener
            .is_some_and(|it| it.place() == failure.address && matches!(it.opened, Some(Err(_))))
    }

    /// Whether the listener has been open where it cannot be now.
    pub(super) fn was_open(&self, failure: &CannotListen) -> bool {
        self.0.get(&failure.listener).is_some_and(|it| it.last == Some(failure.address))
    }

    /// The ingress has ended, and with it what it had opened.
    pub(super) fn lose(&mut self) {
        self.0.values_mut().for_each(|listener| listener.opened = None);
    }

    pub(super) fn status(&self) -> Vec<ListenerStatus> {
        let status = |(name, listener): (&String, &Listener)| {
            let at = listener.place();
            let (address, problem) = match &listener.opened {
                Some(Ok(address)) => (Some(*address), None),
                Some(Err(reason)) => (None, Some(format!("cannot listen on {at}: {reason}"))),
                None => (None, None),
            };
            ListenerStatus {
                name: name.clone(),
                address,
                problem,
                upstreams: listener.upstreams.len(),
            }
        };
        self.0.iter().map(status).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    /// One listener, `web`, which has a replica to forward to.
    fn web(port: u16) -> Listeners {
        let mut listeners = Listeners::default();
        listeners.change([("web", at(port))].into_iter());
        listeners.add_upstream("web", ReplicaId { group: "main".to_owned(), index: 0 }, at(1));
        listeners
    }

    fn from(listeners: &Listeners) -> u16 {
        listeners.told()["web"].from.port()
    }

    /// The answer of an ingress to what it is told now: a port, or that it is taken.
    fn answer(listeners: &mut Listeners, port: Option<u16>) -> Vec<String> {
        let told = listeners.told();
        answer_to(&told, listeners, port)
    }

    fn answer_to(told: &Told, listeners: &mut Listeners, port: Option<u16>) -> Vec<String> {
        let opened = port.map(at).ok_or_else(|| "taken".to_owned());
        let news = listeners.answer(told, [("web".to_owned(), opened)].into());
        let said = |news| match news {
            News::Opened { listener, address } => format!("{listener} is at {}", address.port()),
            News::Failed(CannotListen { listener, address, reason }) => {
                format!("{listener} cannot be at {}: {reason}", address.port())
            }
        };
        news.into_iter().map(said).collect()
    }

    fn status(listeners: &Listeners) -> (Option<u16>, Option<String>) {
        let [status] = &listeners.status()[..] else { panic!("{listeners:?}") };
        (status.address.map(|address| address.port()), status.problem.clone())
    }

    const NOTHING: [&str; 0] = [];

    #[test]
    fn what_changes_is_told_once() {
        let mut listeners = web(80);
        assert_eq!(status(&listeners), (None, None));
        assert_eq!(answer(&mut listeners, Some(80)), ["web is at 80"]);
        assert_eq!(answer(&mut listeners, Some(80)), NOTHING);
        listeners.change([("web", at(81))].into_iter());
        assert_eq!((from(&listeners), status(&listeners)), (81, (None, None)));
        assert_eq!(answer(&mut listeners, None), ["web cannot be at 81: taken"]);
        assert_eq!(answer(&mut listeners, None), NOTHING);
        let problem = "cannot listen on 127.0.0.1:81: taken".to_owned();
        assert_eq!(status(&listeners), (None, Some(problem)));
        let failure = |port| CannotListen {
            listener: "web".to_owned(),
            address: at(port),
            reason: Reason::Other("taken".to_owned()),
        };
        assert!(listeners.is_current(&failure(81)) && !listeners.is_current(&failure(80)));
        // The user was told last that it is nowhere.
        listeners.change([("web", at(80))].into_iter());
        assert_eq!(answer(&mut listeners, Some(80)), ["web is at 80"]);
        assert_eq!(status(&listeners), (Some(80), None));
        assert!(!listeners.is_current(&failure(80)));
        listeners.change([].into_iter());
        assert!(listeners.is_empty() && listeners.told().is_empty());
    }

    #[test]
    fn it_is_announced_when_there_is_somebody_behind_it() {
        let mut listeners = web(80);
        listeners.remove_upstreams(&ReplicaId { group: "main".to_owned(), index: 0 });
        assert_eq!(answer(&mut listeners, Some(80)), NOTHING);
        assert_eq!(status(&listeners), (Some(80), None));
        listeners.add_upstream("web", ReplicaId { group: "main".to_owned(), index: 1 }, at(1));
        assert_eq!(answer(&mut listeners, Some(80)), ["web is at 80"]);
    }

    #[test]
    fn a_new_ingress_comes_back_to_a_free_port_unless_that_is_lost() {
        let mut listeners = web(0);
        assert_eq!(answer(&mut listeners, Some(4000)), ["web is at 4000"]);
        listeners.lose();
        assert_eq!((from(&listeners), status(&listeners)), (4000, (None, None)));
        assert_eq!(answer(&mut listeners, Some(4000)), NOTHING);
        listeners.lose();
        // Nobody asked for this port: no failure.
        assert_eq!(answer(&mut listeners, None), NOTHING);
        assert_eq!((from(&listeners), status(&listeners)), (0, (None, None)));
        assert_eq!(answer(&mut listeners, Some(4001)), ["web is at 4001"]);
        // It is there already.
        listeners.change([("web", at(4001))].into_iter());
        assert_eq!((from(&listeners), status(&listeners)), (4001, (Some(4001), None)));
        // One that was asked for is a failure, also the second time.
        let mut listeners = web(80);
        assert_eq!(answer(&mut listeners, Some(80)), ["web is at 80"]);
        listeners.lose();
        assert_eq!(answer(&mut listeners, None), ["web cannot be at 80: taken"]);
        assert_eq!(answer(&mut listeners, Some(80)), ["web is at 80"]);
    }

    #[test]
    fn the_answer_to_an_older_order_says_nothing() {
        let mut listeners = web(80);
        let older = listeners.told();
        listeners.change([("web", at(81))].into_iter());
        assert_eq!(answer_to(&older, &mut listeners, None), NOTHING);
        assert_eq!(answer_to(&older, &mut listeners, Some(80)), NOTHING);
        assert_eq!((from(&listeners), status(&listeners)), (81, (None, None)));
        let older = listeners.told();
        listeners.change([].into_iter());
        assert_eq!(answer_to(&older, &mut listeners, Some(81)), NOTHING);
    }
}
