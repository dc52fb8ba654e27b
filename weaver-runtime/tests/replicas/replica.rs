//! [`Replica`]: one that is called, with everything real but the process around it.

use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::sync::watch;
use weaver_runtime::{
    BoxFuture, Dispatch, Failure, Message, Ran, Stream,
    limits::Limits,
    net::{Callers, Endpoint, Identity, Io, ReplicaAddress, ReplicaId, Service, Services},
};

use crate::{
    deployment::{CALLEE, CALLER},
    method::{STREAM, fingerprint, signatures},
};

/// How often each call ran, on all replicas together.
pub(crate) type Runs = Arc<Mutex<HashMap<u64, u32>>>;

/// One that is called.
pub(crate) struct Replica {
    pub(crate) at: ReplicaAddress,
    subject: Arc<Subject>,
    services: Arc<Services>,
    pub(crate) endpoint: Endpoint,
}

impl Replica {
    pub(crate) fn start(index: u32, identity: &Identity, limits: &Limits, runs: &Runs) -> Self {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let endpoint = Endpoint::bind(any, identity, limits, Io::new().unwrap()).unwrap();
        let subject = Arc::new(Subject {
            index,
            runs: Arc::clone(runs),
            open: watch::Sender::new(true),
            held: AtomicUsize::new(0),
            served: AtomicUsize::new(0),
        });
        let target: Arc<dyn Dispatch> = Arc::new(Target(Arc::clone(&subject)));
        let callers = Callers::Groups([CALLER, CALLEE].map(str::to_owned).into());
        let service = Service { target, callers, is_bounded: true };
        let services = Services::new([(fingerprint(), vec![Some(service)])], signatures(), limits);
        endpoint.serve(Arc::clone(&services));
        let replica = ReplicaId { group: CALLEE.to_owned(), index };
        let at = ReplicaAddress { replica, address: endpoint.local_addr().unwrap() };
        Self { at, subject, services, endpoint }
    }

    /// Calls wait from now on.
    pub(crate) fn hold(&self) {
        self.subject.open.send_replace(false);
    }

    /// They go on.
    pub(crate) fn release(&self) {
        self.subject.open.send_replace(true);
    }

    /// How many calls are waiting.
    pub(crate) fn held(&self) -> usize {
        self.subject.held.load(Ordering::SeqCst)
    }

    /// How many calls ran to their end.
    pub(crate) fn served(&self) -> usize {
        self.subject.served.load(Ordering::SeqCst)
    }

    /// Stops in order, as a process does: the calls that were left.
    pub(crate) async fn stop(&self) -> usize {
        self.stop_within(Duration::from_secs(10)).await
    }

    /// The same with less time for what is under way.
    pub(crate) async fn stop_within(&self, limit: Duration) -> usize {
        let left = self.services.drain(limit).await;
        self.endpoint.close().await;
        left
    }

    /// Ends with all its calls in flight.
    pub(crate) async fn crash(&self) {
        self.endpoint.close().await;
    }
}

struct Subject {
    index: u32,
    runs: Runs,
    open: watch::Sender<bool>,
    held: AtomicUsize,
    served: AtomicUsize,
}

impl Subject {
    async fn run(&self, call: u64) -> u32 {
        *self.runs.lock().unwrap().entry(call).or_default() += 1;
        let _held = Held::new(&self.held);
        // The subject, which runs this, holds the sender.
        let _ = self.open.subscribe().wait_for(|open| *open).await;
        self.served.fetch_add(1, Ordering::SeqCst);
        self.index
    }

    /// Its items are held like calls.
    fn stream(&self, items: u64) -> Stream<u64> {
        let (sender, stream) = Stream::channel(1);
        let mut open = self.open.subscribe();
        tokio::spawn(async move {
            for item in 0..items {
                // As above; and a reader that is gone is no matter here.
                let _ = open.wait_for(|open| *open).await;
                let _ = sender.send(Ok(item)).await;
            }
        });
        stream
    }
}

/// Counts a call that waits, until it ends in whatever way.
struct Held<'a>(&'a AtomicUsize);

impl<'a> Held<'a> {
    fn new(held: &'a AtomicUsize) -> Self {
        held.fetch_add(1, Ordering::SeqCst);
        Self(held)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

struct Target(Arc<Subject>);

impl Dispatch for Target {
    fn dispatch(&self, method: u16, arguments: Message) -> BoxFuture<'_, Result<Message, Failure>> {
        Box::pin(async move {
            let (argument,) = arguments.decode::<(u64,)>(Ran::No)?;
            if method == STREAM.index {
                return Message::encode(&self.0.stream(argument), Ran::Yes);
            }
            Message::encode(&self.0.run(argument).await, Ran::Yes)
        })
    }
}
