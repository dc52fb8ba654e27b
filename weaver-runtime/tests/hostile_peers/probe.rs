//! [`Probe`]: the component that is called, with a real node on either side of it.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use weaver_runtime::{
    BoxFuture, CallErrorKind, Client, Component, Dispatch, Failure, Message, Metadata, Result,
    Stream,
    fingerprint::{Fingerprint, Signature},
    limits::Limits,
    metadata,
    net::{
        Callers, Endpoint, Hello, Io, ReplicaAddress, ReplicaId, Router, Routes, Service, Services,
    },
};

use crate::{authority::Authority, soon};

/// The group that serves [`Probe`].
pub(crate) const CALLEE: &str = "callee";
/// The group that may call it.
pub(crate) const FRIEND: &str = "friend";
/// A group of the same deployment that may not.
pub(crate) const OUTSIDER: &str = "outsider";

/// The indices of the methods on the wire.
pub(crate) const ECHO: u16 = 0;
pub(crate) const HOLD: u16 = 1;
pub(crate) const TEXT: u16 = 2;
pub(crate) const UNITS: u16 = 3;
pub(crate) const TREE: u16 = 4;
pub(crate) const SUM: u16 = 5;
pub(crate) const FLOOD: u16 = 6;
pub(crate) const USER: u16 = 7;
pub(crate) const NAMED: u16 = 8;
/// The first index that is none.
pub(crate) const METHODS: u16 = 9;

/// What [`Probe::flood`] sends at a time.
pub(crate) const FLOOD_ITEM_BYTES: usize = 64 * 1024;

/// A value that nests as deep as its sender likes.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Tree {
    pub(crate) child: Option<Box<Self>>,
}

/// A text that its type takes a look at: it must be short.
#[derive(Debug, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Name(String);

impl TryFrom<String> for Name {
    type Error = String;

    fn try_from(text: String) -> std::result::Result<Self, String> {
        if text.len() < 100 { Ok(Self(text)) } else { Err(format!("{text:?} is no name")) }
    }
}

/// Who asks, in the metadata.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct User(pub(crate) String);

impl Metadata for User {
    const NAME: &'static str = "user";
}

#[weaver_macros::component]
pub(crate) trait Probe {
    /// The same text.
    async fn echo(&self, text: String) -> Result<String>;

    /// Answers when [`Callee::release`] is called.
    async fn hold(&self) -> Result<()>;

    /// A text of that many bytes.
    async fn text(&self, bytes: u64) -> Result<String>;

    /// How many there are.
    async fn units(&self, units: Vec<()>) -> Result<u64>;

    /// How deep it is.
    async fn tree(&self, tree: Tree) -> Result<u64>;

    /// The sum of all numbers, once they have come.
    async fn sum(&self, numbers: Stream<u64>) -> Result<u64>;

    /// Bytes without end.
    async fn flood(&self) -> Result<Stream<Vec<u8>>>;

    /// What the metadata says about the user.
    async fn user(&self) -> Result<Option<String>>;

    /// The text of the name.
    async fn named(&self, name: Name) -> Result<String>;
}

/// What of the callee's calls can be seen from outside.
pub(crate) struct Subject {
    held: Arc<AtomicUsize>,
    released: watch::Sender<bool>,
    flooded_items: Arc<AtomicUsize>,
}

#[weaver_macros::component(unregistered)]
impl Probe for Subject {
    async fn echo(&self, text: String) -> Result<String> {
        Ok(text)
    }

    async fn hold(&self) -> Result<()> {
        let _held = Held::new(&self.held);
        let mut released = self.released.subscribe();
        // The subject, which runs this, holds the sender.
        let _ = released.wait_for(|released| *released).await;
        Ok(())
    }

    async fn text(&self, bytes: u64) -> Result<String> {
        Ok("x".repeat(usize::try_from(bytes).unwrap()))
    }

    async fn units(&self, units: Vec<()>) -> Result<u64> {
        Ok(u64::try_from(units.len()).unwrap())
    }

    async fn tree(&self, tree: Tree) -> Result<u64> {
        let nodes = std::iter::successors(Some(&tree), |tree| tree.child.as_deref());
        Ok(u64::try_from(nodes.count()).unwrap())
    }

    async fn sum(&self, mut numbers: Stream<u64>) -> Result<u64> {
        let _held = Held::new(&self.held);
        let mut sum = 0;
        while let Some(number) = numbers.next().await {
            sum += number?;
        }
        Ok(sum)
    }

    async fn flood(&self) -> Result<Stream<Vec<u8>>> {
        let items = Arc::clone(&self.flooded_items);
        Ok(Stream::of_values(std::iter::repeat_with(move || {
            items.fetch_add(1, Ordering::SeqCst);
            vec![7; FLOOD_ITEM_BYTES]
        })))
    }

    async fn user(&self) -> Result<Option<String>> {
        Ok(metadata::<User>().map(|user| user.0))
    }

    async fn named(&self, name: Name) -> Result<String> {
        Ok(name.0)
    }
}

/// Counts a call that is held, until it ends in whatever way.
struct Held(Arc<AtomicUsize>);

impl Held {
    fn new(held: &Arc<AtomicUsize>) -> Self {
        held.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(held))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

struct Target(Arc<dyn Probe>);

impl Dispatch for Target {
    fn dispatch(&self, method: u16, arguments: Message) -> BoxFuture<'_, Result<Message, Failure>> {
        self.0.dispatch(method, arguments)
    }
}

/// A component that cannot be called: it could not be built, or is still being built.
struct Unready {
    reason: Option<String>,
}

impl Dispatch for Unready {
    fn readiness(&self) -> Option<BoxFuture<'_, std::result::Result<(), Failure>>> {
        let reason = self.reason.clone();
        Some(Box::pin(async move {
            match reason {
                Some(reason) => Err(CallErrorKind::InitFailed { reason }.into()),
                None => std::future::pending().await,
            }
        }))
    }

    fn dispatch(&self, _: u16, _: Message) -> BoxFuture<'_, std::result::Result<Message, Failure>> {
        unreachable!("it is never ready")
    }
}

/// The methods of the program, as both sides of the same build have them.
pub(crate) fn methods() -> Vec<Signature> {
    let names = <dyn Probe>::SPEC.methods.iter().map(|method| method.name);
    names.map(|name| Signature::new(format!("Probe.{name}"), "1")).collect()
}

/// The same program after a change to `echo`.
pub(crate) fn other_methods() -> Vec<Signature> {
    let mut methods = methods();
    methods[0] = Signature::new("Probe.echo".to_owned(), "2");
    methods
}

pub(crate) fn fingerprint() -> Fingerprint {
    Fingerprint::of(&methods())
}

pub(crate) fn loopback() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

fn all_interfaces() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0))
}

/// The indices of the components: there is none in between.
pub(crate) const PROBE: u16 = 0;
/// Cannot be built.
pub(crate) const BROKEN: u16 = 3;
/// Is being built.
pub(crate) const UNFINISHED: u16 = 4;

/// A node that serves components.
pub(crate) struct Callee {
    pub(crate) authority: Authority,
    pub(crate) address: SocketAddr,
    pub(crate) services: Arc<Services>,
    subject: Arc<Subject>,
    pub(crate) endpoint: Endpoint,
}

impl Callee {
    pub(crate) fn new() -> Self {
        Self::with_limits(&Limits::default())
    }

    pub(crate) fn with_limits(limits: &Limits) -> Self {
        Self::bound_to(loopback(), limits)
    }

    /// One that has no socket for neighbours, so that calls come by QUIC.
    pub(crate) fn on_all_interfaces() -> Self {
        Self::bound_to(all_interfaces(), &Limits::default())
    }

    fn bound_to(address: SocketAddr, limits: &Limits) -> Self {
        let authority = Authority::new();
        let subject = Arc::new(Subject {
            held: Arc::default(),
            released: watch::Sender::new(false),
            flooded_items: Arc::default(),
        });
        let service = |target: Arc<dyn Dispatch>| {
            let callers = Callers::Groups(vec![FRIEND.to_owned()]);
            Some(Service { target, callers, is_bounded: true })
        };
        let probe = service(Arc::new(Target(Arc::clone(&subject) as _)));
        let unready =
            |reason: Option<&str>| service(Arc::new(Unready { reason: reason.map(str::to_owned) }));
        let services = vec![probe, None, None, unready(Some("no database")), unready(None)];
        let services = Services::new([(fingerprint(), services)], methods(), limits);
        let identity = authority.identity(CALLEE);
        let endpoint = Endpoint::bind(address, &identity, limits, Io::new().unwrap()).unwrap();
        endpoint.serve(Arc::clone(&services));
        let address = (Ipv4Addr::LOCALHOST, endpoint.local_addr().unwrap().port()).into();
        Self { authority, address, services, subject, endpoint }
    }

    /// Items of `flood` that were produced, for all callers.
    pub(crate) fn flooded_items(&self) -> usize {
        self.subject.flooded_items.load(Ordering::SeqCst)
    }

    /// Calls of `hold` and `sum` that are running.
    pub(crate) fn held(&self) -> usize {
        self.subject.held.load(Ordering::SeqCst)
    }

    /// Lets them all end.
    pub(crate) fn release(&self) {
        self.subject.released.send_replace(true);
    }

    /// A caller that keeps to the protocol.
    pub(crate) fn friend(&self) -> Caller {
        Caller::new(&self.authority, FRIEND, methods(), self.address)
    }

    /// The same, that has no socket for neighbours either.
    pub(crate) fn distant_friend(&self) -> Caller {
        Caller::bound_to(all_interfaces(), &self.authority, FRIEND, methods(), self.address)
    }

    /// Fails unless somebody new is served.
    pub(crate) async fn assert_serves(&self) {
        let friend = self.friend();
        let answer = soon("a call of a good peer", friend.probe.echo("hello".to_owned())).await;
        assert_eq!(answer.unwrap(), "hello");
    }
}

/// A node that calls [`Probe`].
pub(crate) struct Caller {
    pub(crate) probe: Arc<dyn Probe>,
    pub(crate) endpoint: Endpoint,
    _router: Arc<Router>,
}

impl Caller {
    /// A caller of group `group` whose program has `methods`, and that expects to find the callee at
    /// `address`.
    pub(crate) fn new(
        authority: &Authority,
        group: &str,
        methods: Vec<Signature>,
        address: SocketAddr,
    ) -> Self {
        Self::bound_to(loopback(), authority, group, methods, address)
    }

    fn bound_to(
        own: SocketAddr,
        authority: &Authority,
        group: &str,
        methods: Vec<Signature>,
        address: SocketAddr,
    ) -> Self {
        let identity = authority.identity(group);
        let endpoint =
            Endpoint::bind(own, &identity, &Limits::default(), Io::new().unwrap()).unwrap();
        let hello = Hello::new(Fingerprint::of(&methods));
        let router = Router::new(endpoint.clone(), hello, methods);
        let replica = ReplicaId { group: CALLEE.to_owned(), index: 0 };
        let replicas = vec![ReplicaAddress { replica, address }];
        let groups = [(CALLEE.to_owned(), replicas)].into();
        router.set_routes(&Routes { revision: 1, groups });
        let probe = <dyn Probe>::from_client(Client::new(router.transport(CALLEE, 0)));
        Self { probe, endpoint, _router: router }
    }
}
