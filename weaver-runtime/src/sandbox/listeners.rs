//! [`Listeners`]: the listeners of a guest, which its host binds and accepts for.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    runtime::Handle,
    sync::Semaphore,
    task::{AbortHandle, JoinSet},
};

use super::group::Listen;
use crate::{
    config::ConfigFile,
    error::Ran,
    graph::Graph,
    limits::LISTENERS_MAX,
    link::{FlowReader, FlowWriter, Link},
    message::Message,
    placement::Placement,
    report,
};

/// Connections that wait until the guest accepts them.
const BACKLOG_MAX: usize = 128;

/// What is read from a connection at once.
const CHUNK_BYTES_MAX: usize = 16 << 10;

type AddressOf = Box<dyn Fn(&str) -> SocketAddr + Send + Sync>;
type OnBound = Box<dyn Fn(&str, SocketAddr) + Send + Sync>;

/// The listeners of a guest.
pub(crate) struct Listeners {
    sockets: Arc<Sockets>,
    /// Those of the instance that runs, by their number.
    rooms: Mutex<Vec<Arc<Semaphore>>>,
}

/// The sockets, which stay bound when an instance is replaced.
struct Sockets {
    runtime: Handle,
    /// Those that its components, or its `main`, have.
    names: Vec<String>,
    /// Where a listener is to be bound.
    address_of: AddressOf,
    bound: Mutex<BTreeMap<String, Arc<TcpListener>>>,
    /// Told of each address, once.
    on_bound: OnBound,
}

/// Accepts for one instance, until it is dropped.
pub(super) struct Accepting(Arc<Mutex<Vec<AbortHandle>>>);

impl Drop for Accepting {
    fn drop(&mut self) {
        lock(&self.0).iter().for_each(AbortHandle::abort);
    }
}

/// A port of this host's own that is free.
pub(super) const FREE: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0));

/// The listeners that a group's components have, or `main` if it is there.
pub(super) fn names(group: &str, graph: &Graph, placement: &Placement) -> Vec<String> {
    let is_its = |holder: &str| placement.group_of(holder) == Some(group);
    let its = graph.listeners().filter(|(_, holder)| is_its(holder));
    its.map(|(name, _)| name.to_owned()).collect()
}

impl Listeners {
    /// Where the configuration says, or on a free port; it is printed where. To be called inside of the
    /// runtime.
    pub(super) fn of_program(
        group: &str,
        graph: &Graph,
        placement: &Placement,
        config: &ConfigFile,
    ) -> Self {
        let config = config.clone();
        let address_of = move |name: &str| config.listener(name).unwrap_or(FREE);
        let print = |name: &str, at| report::to_stderr(&format!("{name}  http://{at}"));
        Self::new(names(group, graph, placement), address_of, print)
    }

    /// Of these names. To be called inside of the runtime.
    pub(crate) fn new(
        names: Vec<String>,
        address_of: impl Fn(&str) -> SocketAddr + Send + Sync + 'static,
        on_bound: impl Fn(&str, SocketAddr) + Send + Sync + 'static,
    ) -> Self {
        let sockets = Sockets {
            runtime: Handle::current(),
            names,
            address_of: Box::new(address_of),
            bound: Mutex::default(),
            on_bound: Box::new(on_bound),
        };
        Self { sockets: Arc::new(sockets), rooms: Mutex::default() }
    }

    /// The same sockets for another instance, which accepts from them as well.
    pub(super) fn of_another(&self) -> Self {
        Self { sockets: Arc::clone(&self.sockets), rooms: Mutex::default() }
    }

    /// What binds listeners for the instance behind `link`.
    pub(super) fn of_instance(self: &Arc<Self>, link: &Arc<Link>) -> (Listen, Accepting) {
        lock(&self.rooms).clear();
        let tasks = Arc::new(Mutex::new(Vec::new()));
        let (listeners, link, of_instance) =
            (Arc::clone(self), Arc::clone(link), Arc::clone(&tasks));
        let listen = move |name: &str| {
            let (listener, address) = listeners.sockets.bind(name)?;
            let room = Arc::new(Semaphore::new(BACKLOG_MAX));
            let number = {
                let mut rooms = lock(&listeners.rooms);
                let number = rooms.len();
                if number >= LISTENERS_MAX {
                    return Err(format!("a guest has at most {LISTENERS_MAX} listeners"));
                }
                rooms.push(Arc::clone(&room));
                u16::try_from(number).unwrap_or(u16::MAX)
            };
            let accepting = accept(listener, Arc::clone(&link), number, room);
            lock(&of_instance).push(listeners.sockets.runtime.spawn(accepting).abort_handle());
            Ok(address)
        };
        (Arc::new(listen), Accepting(tasks))
    }

    /// The guest has accepted a connection, so that another may wait.
    pub(super) fn accepted(&self, listener: u16) {
        let room = lock(&self.rooms).get(usize::from(listener)).cloned();
        if let Some(room) = room.filter(|room| room.available_permits() < BACKLOG_MAX) {
            room.add_permits(1);
        }
    }
}

impl Sockets {
    fn bind(&self, name: &str) -> Result<(Arc<TcpListener>, SocketAddr), String> {
        if !self.names.iter().any(|it| it == name) {
            return Err("no component of the guest has a listener of this name".to_owned());
        }
        let mut bound = lock(&self.bound);
        if let Some(listener) = bound.get(name) {
            let address = listener.local_addr().map_err(|error| error.to_string())?;
            return Ok((Arc::clone(listener), address));
        }
        let wanted = (self.address_of)(name);
        let bind = || {
            let listener = std::net::TcpListener::bind(wanted)?;
            listener.set_nonblocking(true)?;
            let _entered = self.runtime.enter();
            let listener = TcpListener::from_std(listener)?;
            let address = listener.local_addr()?;
            Ok::<_, std::io::Error>((Arc::new(listener), address))
        };
        let (listener, address) = bind().map_err(|error| format!("{wanted}: {error}"))?;
        bound.insert(name.to_owned(), Arc::clone(&listener));
        (self.on_bound)(name, address);
        Ok((listener, address))
    }
}

async fn accept(listener: Arc<TcpListener>, link: Arc<Link>, number: u16, room: Arc<Semaphore>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        // Nobody closes it.
        let Ok(place) = room.acquire().await else { return };
        place.forget();
        let Ok((stream, peer)) = listener.accept().await else {
            room.add_permits(1);
            // Such as too many open files: they pass.
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            continue;
        };
        let Ok(peer) = Message::encode(&peer, Ran::No) else { continue };
        let (reader, writer) = link.connect(number, peer);
        connections.spawn(pass_on(stream, reader, writer));
    }
}

/// Passes on what is said, both ways, until both have ended.
async fn pass_on(stream: TcpStream, reader: FlowReader, writer: FlowWriter) {
    // A guest writes what it has to say at once.
    let _ = stream.set_nodelay(true);
    let (from, to) = stream.into_split();
    tokio::join!(inward(from, writer), outward(reader, to));
}

async fn inward(mut from: OwnedReadHalf, writer: FlowWriter) {
    let mut chunk = vec![0; CHUNK_BYTES_MAX];
    loop {
        if std::future::poll_fn(|cx| writer.poll_ready(cx)).await.is_err() {
            return;
        }
        match from.read(&mut chunk).await {
            // Dropping the writer tells the guest.
            Ok(0) | Err(_) => return,
            Ok(bytes) => writer.send(Message::of_payload(&chunk[..bytes])),
        }
    }
}

async fn outward(mut reader: FlowReader, mut to: OwnedWriteHalf) {
    use futures_core::Stream as _;
    while let Some(Ok(chunk)) = std::future::poll_fn(|cx| Pin::new(&mut reader).poll_next(cx)).await
    {
        if to.write_all(&chunk.into_payload()).await.is_err() {
            return;
        }
    }
    // The other side may have gone.
    let _ = to.shutdown().await;
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics while it holds the lock.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
