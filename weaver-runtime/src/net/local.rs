//! Sockets between two nodes of one host, which the QUIC connection between them introduces.
//!
//! Frames that stay on the host go through the kernel as they are, as through a pipe. Who can read them there
//! can read the memory of the two processes as well, so that encrypting them, cutting them into datagrams and
//! acknowledging those protects nothing, at half of what a small call costs. Who the other is was
//! proved in the TLS handshake. Both sides export secrets from it (RFC 8446, section 7.5), with which a
//! socket shows that it belongs to the connection: one goes each way, so that a process which has taken
//! over the listener's name learns nothing.

use std::{
    cell::RefCell,
    collections::{HashMap, VecDeque},
    io::{self, IoSlice, Read, Write},
    net::Shutdown,
    os::{
        fd::OwnedFd,
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixListener, UnixStream},
    },
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::{Buf, Bytes};
use socket2::{Domain, SockAddr, SockRef, Socket, Type};
use tokio::{
    io::{Interest, unix::AsyncFd},
    runtime::Handle,
    sync::{Semaphore, SemaphorePermit, mpsc},
    task::{AbortHandle, JoinSet, coop::consume_budget, yield_now},
    time::{sleep, timeout},
};

use super::{
    handshake::HANDSHAKE_SECONDS_MAX,
    io::{Io, watch},
    tls,
};
use crate::limits::LARGE_FRAMES_MAX;
use crate::wire::FrameDecoder;

/// A socket between two nodes of one host. Anybody may write to it who has it; whole frames, so that only
/// one at a time does.
#[derive(Debug)]
pub(super) struct LocalSocket {
    /// Registered for reading alone: else whatever the peer reads, which makes room in the send buffer,
    /// wakes us.
    io: AsyncFd<UnixStream>,
    /// Bytes that the peer's kernel has taken, for who looks whether any are.
    written: AtomicU64,
    runtime: Handle,
}

/// How much is read at once, into a buffer that every thread has one of.
const READ_BYTES: usize = 64 << 10;

/// Elements of one write.
const SLICES_MAX: usize = 64;

thread_local! {
    static READ: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BYTES].into());
}

impl LocalSocket {
    fn new(stream: UnixStream, runtime: &Handle) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        // The kernel gives what it allows.
        let _ = SockRef::from(&stream).set_send_buffer_size(SEND_BUFFER_BYTES);
        let _entered = runtime.enter();
        let (io, written) = (watch(stream, Interest::READABLE)?, AtomicU64::new(0));
        Ok(Self { io, written, runtime: runtime.clone() })
    }

    /// Writes what there is room for at once.
    pub(super) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.count(self.io.get_ref().write(bytes))
    }

    fn count(&self, written: io::Result<usize>) -> io::Result<usize> {
        if let Ok(bytes) = &written {
            self.written.fetch_add(*bytes as u64, Ordering::Relaxed);
        }
        written
    }

    /// How many bytes have been written so far.
    pub(super) fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Writes all of them; dropping the future leaves some unwritten.
    pub(super) async fn write_all(&self, batch: &mut [Bytes]) -> io::Result<()> {
        let mut done = 0;
        while done < batch.len() {
            // A peer that keeps up must not keep others waiting.
            consume_budget().await;
            match self.try_write_all(&batch[done..]) {
                Ok(written) => done += advance(&mut batch[done..], written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.room().await?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn try_write_all(&self, batch: &[Bytes]) -> io::Result<usize> {
        if let [bytes] = batch {
            return self.try_write(bytes);
        }
        let slices: Vec<_> = batch.iter().take(SLICES_MAX).map(|it| IoSlice::new(it)).collect();
        self.count(self.io.get_ref().write_vectored(&slices))
    }

    /// Waits for room in the send buffer, with a registration of its own for as long as that takes.
    async fn room(&self) -> io::Result<()> {
        let waits = || {
            let _entered = self.runtime.enter();
            watch(self.io.get_ref().try_clone()?, Interest::WRITABLE)
        };
        match waits() {
            Ok(waits) => waits.writable().await?.retain_ready(),
            // The process has no file descriptor left, which is no reason to lose a connection.
            Err(_) => sleep(Duration::from_millis(PAUSE_MILLISECONDS)).await,
        }
        Ok(())
    }

    /// Reads what there is, into `decoder`; `false` at the end.
    pub(super) async fn read_into(&self, decoder: &mut FrameDecoder) -> io::Result<bool> {
        loop {
            // As in `write_all`.
            consume_budget().await;
            let mut ready = self.io.readable().await?;
            let read = READ.with_borrow_mut(|buffer| {
                let (read, asked) = match decoder.room() {
                    Some(room) => {
                        let asked = room.len();
                        (self.io.get_ref().read(room), asked)
                    }
                    None => (self.io.get_ref().read(buffer), buffer.len()),
                };
                let bytes = read?;
                if decoder.room().is_some() {
                    decoder.fill_room(bytes);
                } else {
                    decoder.push_slice(&buffer[..bytes]);
                }
                Ok::<_, io::Error>((bytes, asked))
            });
            match read {
                Ok((bytes, asked)) => {
                    // There was no more. What arrives from now on wakes us.
                    if bytes < asked && bytes > 0 {
                        ready.clear_ready();
                    }
                    return Ok(bytes > 0);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => ready.clear_ready(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // What a peer that ended has not read.
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(false),
                Err(error) => return Err(error),
            }
        }
    }

    /// Nothing more will be written; what was, is still read.
    pub(super) fn finish(&self) {
        // The error means that it has ended.
        let _ = self.io.get_ref().shutdown(Shutdown::Write);
    }

    /// Nothing more will be written or arrive; what has arrived is still read.
    pub(super) fn end(&self) {
        // The error means that it has ended.
        let _ = self.io.get_ref().shutdown(Shutdown::Both);
    }

    /// Fills `buffer`.
    async fn read_exact(&self, buffer: &mut [u8]) -> io::Result<()> {
        let mut filled = 0;
        while filled < buffer.len() {
            let mut ready = self.io.readable().await?;
            match self.io.get_ref().read(&mut buffer[filled..]) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(bytes) => filled += bytes,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => ready.clear_ready(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Asked of the kernel, which commonly allows about 200 KiB.
const SEND_BUFFER_BYTES: usize = 1 << 20;

/// How many were written whole; the next loses its beginning.
fn advance(batch: &mut [Bytes], mut written: usize) -> usize {
    let mut whole = 0;
    for bytes in batch {
        if written < bytes.len() {
            bytes.advance(written);
            break;
        }
        written -= bytes.len();
        whole += 1;
    }
    whole
}

/// What a socket is for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    /// Frames in both directions, from the caller.
    Shared,
    /// One large request, from the caller.
    Request,
    /// One large answer, from the callee.
    Answer,
}

const SECRET_BYTES: usize = 32;

type Secret = [u8; SECRET_BYTES];

/// What both ends of a QUIC connection know, and nobody else.
#[derive(Clone, Copy)]
struct Secrets {
    /// Whoever dials says this.
    dialler: Secret,
    /// And hears this.
    listener: Secret,
}

impl Secrets {
    fn of(quic: &quinn::Connection, purpose: Purpose) -> io::Result<Self> {
        let secret = |end| {
            let mut secret = [0; SECRET_BYTES];
            let context = [purpose as u8, end];
            let exported = quic.export_keying_material(&mut secret, b"weaver socket", &context);
            exported.map(|()| secret).map_err(|_| io::Error::other("no secret from TLS"))
        };
        Ok(Self { dialler: secret(0)?, listener: secret(1)? })
    }
}

/// Where a node's neighbours dial it: a name that the kernel keeps for as long as the node listens, and
/// that means nothing in another network namespace.
#[derive(Debug)]
pub(super) struct Door {
    name: String,
    expected: Arc<Expected>,
    accepts: AbortHandle,
}

/// By what their diallers say.
type Expected = Mutex<HashMap<Secret, Awaited>>;

#[derive(Debug)]
struct Awaited {
    answer: Secret,
    arrived: mpsc::Sender<LocalSocket>,
    runtime: Handle,
    /// Of those that have shown themselves and are not let in yet.
    places: Arc<Semaphore>,
}

/// Sockets of one connection that are dialled from the other side.
#[derive(Debug)]
pub(super) struct Arrivals {
    sockets: mpsc::Receiver<LocalSocket>,
    key: Secret,
    expected: Arc<Expected>,
}

impl Drop for Arrivals {
    fn drop(&mut self) {
        lock(&self.expected).remove(&self.key);
    }
}

impl Arrivals {
    /// The next; `None` never, as long as it is expected.
    pub(super) async fn next(&mut self) -> Option<LocalSocket> {
        self.sockets.recv().await
    }
}

fn lock(expected: &Expected) -> MutexGuard<'_, HashMap<Secret, Awaited>> {
    // Nothing panics while it holds the lock.
    expected.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sockets that have not said what they are for. Anybody on the host can open some: of more, the one that has
/// been silent the longest is hung up on.
const STRANGERS_MAX: usize = 64;

/// Who dials says what for in the same breath.
const STRANGER_SECONDS_MAX: u64 = 1;

impl Door {
    pub(super) fn open(io: &Io) -> io::Result<Option<Self>> {
        let mut random = [0; 16];
        tls::random(&mut random)?;
        let name: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let listener = UnixListener::bind_addr(&address(&name)?)?;
        listener.set_nonblocking(true)?;
        let listener = {
            let _entered = io.handle().enter();
            watch(listener, Interest::READABLE)?
        };
        let expected = Arc::<Expected>::default();
        let accepts = io.handle().spawn(accept(listener, Arc::clone(&expected), io.clone()));
        Ok(Some(Self { name, expected, accepts: accepts.abort_handle() }))
    }

    /// What neighbours are told.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Lets sockets of one connection in from now on.
    pub(super) fn expect(
        &self,
        quic: &quinn::Connection,
        purpose: Purpose,
        runtime: &Handle,
    ) -> io::Result<Arrivals> {
        let Secrets { dialler: key, listener: answer } = Secrets::of(quic, purpose)?;
        let (arrived, sockets) = mpsc::channel(1);
        let places = Arc::new(Semaphore::new(LARGE_FRAMES_MAX as usize));
        let awaited = Awaited { answer, arrived, runtime: runtime.clone(), places };
        lock(&self.expected).insert(key, awaited);
        Ok(Arrivals { sockets, key, expected: Arc::clone(&self.expected) })
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.accepts.abort();
    }
}

fn address(name: &str) -> io::Result<SocketAddr> {
    SocketAddr::from_abstract_name(format!("weaver-{name}"))
}

async fn accept(listener: AsyncFd<UnixListener>, expected: Arc<Expected>, io: Io) {
    let mut strangers = VecDeque::<AbortHandle>::new();
    loop {
        let Ok(mut ready) = listener.readable().await else { return };
        match listener.get_ref().accept() {
            Ok((stream, _)) => {
                if strangers.len() >= STRANGERS_MAX {
                    strangers.retain(|stranger| !stranger.is_finished());
                }
                if strangers.len() >= STRANGERS_MAX
                    && let Some(oldest) = strangers.pop_front()
                {
                    oldest.abort();
                }
                let (expected, its) = (Arc::clone(&expected), io.clone());
                // What is wrong with a stranger is nobody's business.
                let listen = async move { drop(listen(stream, &expected, &its).await) };
                strangers.push_back(io.handle().spawn(listen).abort_handle());
                // A storm of them must not keep others waiting.
                yield_now().await;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => ready.clear_ready(),
            // Out of file descriptors, or the dialler has gone: neither is helped by haste.
            Err(_) => sleep(Duration::from_millis(PAUSE_MILLISECONDS)).await,
        }
    }
}

const PAUSE_MILLISECONDS: u64 = 10;

/// Hears what a stranger is for, and lets it in if it is expected.
async fn listen(stream: UnixStream, expected: &Expected, io: &Io) -> io::Result<()> {
    let mut secret = [0; SECRET_BYTES];
    let stranger = LocalSocket::new(stream, io.handle())?;
    timeout(Duration::from_secs(STRANGER_SECONDS_MAX), stranger.read_exact(&mut secret)).await??;
    let stream = stranger.io.into_inner();
    let (answer, arrived, runtime, places) = {
        let expected = lock(expected);
        let awaited = expected.get(&secret).ok_or(io::ErrorKind::PermissionDenied)?;
        let Awaited { answer, arrived, runtime, places } = awaited;
        (*answer, arrived.clone(), runtime.clone(), Arc::clone(places))
    };
    let place = places.try_acquire_owned().map_err(io::Error::other)?;
    // No stranger any more.
    io.spawn(async move {
        let limit = Duration::from_secs(HANDSHAKE_SECONDS_MAX);
        let Ok(Ok(room)) = timeout(limit, arrived.reserve()).await else { return };
        let Ok(socket) = LocalSocket::new(stream, &runtime) else { return };
        if socket.write_all(&mut [Bytes::copy_from_slice(&answer)]).await.is_ok() {
            room.send(socket);
        }
        drop(place);
    });
    Ok(())
}

/// A socket to the neighbour that listens by this name.
pub(super) async fn dial(
    name: &str,
    quic: &quinn::Connection,
    purpose: Purpose,
    runtime: &Handle,
) -> io::Result<LocalSocket> {
    let secrets = Secrets::of(quic, purpose)?;
    let dial = async {
        let socket = LocalSocket::new(connect(name).await?, runtime)?;
        socket.write_all(&mut [Bytes::copy_from_slice(&secrets.dialler)]).await?;
        let mut answer = [0; SECRET_BYTES];
        socket.read_exact(&mut answer).await?;
        if answer != secrets.listener {
            return Err(io::Error::other("somebody else listens by the name of the other node"));
        }
        Ok(socket)
    };
    timeout(Duration::from_secs(DIAL_SECONDS_MAX), dial).await?
}

/// Who is not heard by then is reached without a socket.
const DIAL_SECONDS_MAX: u64 = 2;

async fn connect(name: &str) -> io::Result<UnixStream> {
    let address = SockAddr::unix(format!("\0weaver-{name}"))?;
    loop {
        let socket = Socket::new(Domain::UNIX, Type::STREAM.nonblocking(), None)?;
        match socket.connect(&address) {
            Ok(()) => return Ok(UnixStream::from(OwnedFd::from(socket))),
            // Many dial it at once.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                sleep(Duration::from_millis(PAUSE_MILLISECONDS)).await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// The other node, if it is on this host: where large frames go, each on a socket of its own.
#[derive(Debug)]
pub(super) struct Neighbour {
    /// Where it listens.
    name: String,
    purpose: Purpose,
    runtime: Handle,
    /// Bounds large frames under way, as QUIC does for streams.
    places: Semaphore,
}

/// A socket for one large frame.
pub(super) struct Large<'a> {
    pub(super) socket: Arc<LocalSocket>,
    _place: SemaphorePermit<'a>,
}

impl Neighbour {
    pub(super) fn new(name: String, purpose: Purpose, runtime: Handle) -> Option<Arc<Self>> {
        let places = Semaphore::new(LARGE_FRAMES_MAX as usize);
        Some(Arc::new(Self { name, purpose, runtime, places }))
    }

    pub(super) async fn dial(&self, quic: &quinn::Connection) -> io::Result<Large<'_>> {
        let place = self.places.acquire().await.map_err(io::Error::other)?;
        let socket = dial(&self.name, quic, self.purpose, &self.runtime).await?;
        Ok(Large { socket: Arc::new(socket), _place: place })
    }
}

impl Arrivals {
    /// Takes each, as many at once as there may be large frames, until the connection ends. What the kernel
    /// has taken by then is still read.
    pub(super) async fn each<F: Future<Output = ()> + Send + 'static>(
        mut self,
        quic: quinn::Connection,
        take: impl Fn(Arc<LocalSocket>) -> F,
    ) {
        let places = Arc::new(Semaphore::new(LARGE_FRAMES_MAX as usize));
        let mut tasks = JoinSet::new();
        loop {
            let next = async {
                let place = Arc::clone(&places).acquire_owned().await.ok()?;
                Some((self.sockets.recv().await?, place))
            };
            let next = tokio::select! {
                biased;
                next = next => next,
                _ = quic.closed() => None,
            };
            let Some((socket, place)) = next else { break };
            let (socket, quic) = (Arc::new(socket), quic.clone());
            let taken = take(Arc::clone(&socket));
            while tasks.try_join_next().is_some() {}
            tasks.spawn(async move {
                let mut taken = pin!(taken);
                tokio::select! {
                    () = &mut taken => {}
                    _ = quic.closed() => {
                        socket.end();
                        taken.await;
                    }
                }
                drop(place);
            });
        }
        tasks.join_all().await;
    }
}

/// Ends a socket with the connection that it belongs to. What has arrived is still read.
pub(super) async fn end_with(socket: Arc<LocalSocket>, quic: quinn::Connection) {
    quic.closed().await;
    socket.end();
}
