//! [`Socket`], [`Door`] and [`Near`]: the local sockets of a peer on the same host that does with them
//! whatever a test wants.

use std::{
    io,
    os::fd::OwnedFd,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use socket2::{Domain, SockAddr, Type};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{UnixListener, UnixStream},
};

use crate::{
    probe::{Callee, ECHO, FRIEND},
    raw::{self, Appetite, Raw, RawFrame, request},
    siege::Siege,
    soon,
};

pub(crate) const SECRET_BYTES: usize = 32;

pub(crate) type Secret = [u8; SECRET_BYTES];

/// What a socket is for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    Shared,
    Request,
    Answer,
}

/// What who dials says (`end` 0), and what it hears (`end` 1).
pub(crate) fn secret(quic: &quinn::Connection, purpose: Purpose, end: u8) -> Secret {
    let mut secret = [0; SECRET_BYTES];
    let context = [purpose as u8, end];
    quic.export_keying_material(&mut secret, b"weaver socket", &context).unwrap();
    secret
}

fn path(name: &str) -> String {
    format!("\0weaver-{name}")
}

/// Sockets that the kernel has for a door: the door itself, and whoever it has not hung up on.
pub(crate) fn sockets_at(name: &str) -> usize {
    let sockets = std::fs::read_to_string("/proc/net/unix").unwrap();
    sockets.lines().filter(|line| line.ends_with(&format!("@weaver-{name}"))).count()
}

/// One end of a local socket.
pub(crate) struct Socket {
    pub(crate) stream: UnixStream,
    unread: Vec<u8>,
}

impl Socket {
    pub(crate) fn new(stream: UnixStream) -> Self {
        Self { stream, unread: Vec::new() }
    }

    /// Dials and says nothing.
    pub(crate) async fn dial(name: &str) -> Self {
        let dialled = async {
            loop {
                match UnixStream::connect(path(name)).await {
                    Ok(stream) => return stream,
                    // Others dial it, too.
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        tokio::time::sleep(Duration::from_millis(1)).await;
                    }
                    Err(error) => panic!("{error}"),
                }
            }
        };
        Self::new(soon("dialling", dialled).await)
    }

    /// Dials, shows the secret and is let in.
    pub(crate) async fn enter(name: &str, quic: &quinn::Connection, purpose: Purpose) -> Self {
        let entered = Self::try_enter(name, quic, purpose).await;
        entered.expect("it is let in")
    }

    /// The same, unless it is hung up on.
    pub(crate) async fn try_enter(
        name: &str,
        quic: &quinn::Connection,
        purpose: Purpose,
    ) -> Option<Self> {
        let mut socket = Self::dial(name).await;
        socket.try_send(&secret(quic, purpose, 0)).await.ok()?;
        let mut answer = [0; SECRET_BYTES];
        soon("a secret", socket.stream.read_exact(&mut answer)).await.ok()?;
        assert_eq!(answer, secret(quic, purpose, 1));
        Some(socket)
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.try_send(bytes).await.unwrap();
    }

    pub(crate) async fn try_send(&mut self, bytes: &[u8]) -> io::Result<()> {
        soon("sending", self.stream.write_all(bytes)).await
    }

    /// Sends nothing more.
    pub(crate) async fn finish(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    /// The next frame that arrives.
    pub(crate) async fn next(&mut self) -> RawFrame {
        soon("a frame", self.try_next()).await.expect("a frame, not the end")
    }

    /// The next frame about `call`; what comes before it is dropped.
    pub(crate) async fn next_about(&mut self, call: u64) -> RawFrame {
        loop {
            let frame = self.next().await;
            if frame.call == call {
                return frame;
            }
        }
    }

    /// The next frame; `None` at the end, in whatever way it came.
    pub(crate) async fn try_next(&mut self) -> Option<RawFrame> {
        loop {
            if let Some(frame) = raw::cut(&mut self.unread) {
                return Some(frame);
            }
            let mut buffer = vec![0; 64 << 10];
            match self.stream.read(&mut buffer).await {
                Ok(0) | Err(_) => return None,
                Ok(bytes) => self.unread.extend_from_slice(&buffer[..bytes]),
            }
        }
    }

    /// Waits until the other side has hung up; it says nothing before that.
    pub(crate) async fn hung_up_on(&mut self) {
        let end = soon("being hung up on", self.try_next()).await;
        assert_eq!(end, None);
    }

    /// Fails unless calls on this socket are answered.
    pub(crate) async fn assert_lives(&mut self, call: u64) {
        self.send(&request(call, ECHO, &("still here",))).await;
        assert_eq!(self.next_about(call).await.text(), "still here");
    }
}

/// Where a peer is dialled.
pub(crate) struct Door {
    pub(crate) name: String,
    listener: UnixListener,
}

impl Door {
    pub(crate) fn open() -> Self {
        let name = unused_name();
        let listener = UnixListener::bind(path(&name)).unwrap();
        Self { name, listener }
    }

    /// One that the kernel lets hardly anybody through.
    pub(crate) fn narrow() -> Self {
        let name = unused_name();
        let socket = socket2::Socket::new(Domain::UNIX, Type::STREAM.nonblocking(), None).unwrap();
        socket.bind(&SockAddr::unix(path(&name)).unwrap()).unwrap();
        socket.listen(1).unwrap();
        let listener = UnixListener::from_std(OwnedFd::from(socket).into()).unwrap();
        Self { name, listener }
    }

    /// Dials until nobody else fits, whom nobody lets in. They hang up when what is returned is dropped.
    pub(crate) async fn fill(&self) -> Vec<UnixStream> {
        let mut crowd = Vec::new();
        while let Ok(stream) = UnixStream::connect(path(&self.name)).await {
            crowd.push(stream);
        }
        crowd
    }

    /// Whoever dials next, before it has said anything.
    pub(crate) async fn accept(&self) -> Socket {
        let (stream, _) = soon("somebody at the door", self.listener.accept()).await.unwrap();
        Socket::new(stream)
    }

    /// The same, once it has shown the secret; it has heard nothing.
    pub(crate) async fn shown(&self, quic: &quinn::Connection, purpose: Purpose) -> Socket {
        let mut socket = self.accept().await;
        let mut shown = [0; SECRET_BYTES];
        soon("a secret", socket.stream.read_exact(&mut shown)).await.unwrap();
        assert_eq!(shown, secret(quic, purpose, 0), "for {purpose:?}");
        socket
    }

    /// The same, once it is let in.
    pub(crate) async fn let_in(&self, quic: &quinn::Connection, purpose: Purpose) -> Socket {
        let mut socket = self.shown(quic, purpose).await;
        socket.send(&secret(quic, purpose, 1)).await;
        socket
    }

    /// Takes the next large frame.
    pub(crate) async fn next_large(&self, quic: &quinn::Connection, purpose: Purpose) -> RawFrame {
        self.let_in(quic, purpose).await.next().await
    }
}

/// A name that nobody listens by.
pub(crate) fn unused_name() -> String {
    static NAMES: AtomicU64 = AtomicU64::new(0);
    format!("test-{}-{}", std::process::id(), NAMES.fetch_add(1, Ordering::Relaxed))
}

/// A caller on the host of its callee.
pub(crate) struct Near {
    pub(crate) raw: Raw,
    pub(crate) door: Door,
    /// Where the callee is dialled.
    pub(crate) local: String,
    /// On which small frames go.
    pub(crate) socket: Socket,
}

impl Near {
    /// One that was let in.
    pub(crate) async fn new(siege: &mut Siege) -> Self {
        Self::enter(Self::welcome(siege).await).await
    }

    /// One that was let in by a callee that is not besieged.
    pub(crate) async fn of(callee: &Callee) -> Self {
        let raw = Raw::connect(&callee.authority, FRIEND, callee.address).await;
        Self::enter(Self::greet(raw).await).await
    }

    async fn enter((raw, door, local): (Raw, Door, String)) -> Self {
        let socket = Socket::enter(&local, &raw.quic, Purpose::Shared).await;
        Self { raw, door, local, socket }
    }

    /// One that was told where to dial; its connection, its door, and that.
    pub(crate) async fn welcome(siege: &mut Siege) -> (Raw, Door, String) {
        let identity = siege.callee.authority.identity(FRIEND);
        Self::greet(siege.stranger(&identity, Appetite::default()).await).await
    }

    async fn greet(mut raw: Raw) -> (Raw, Door, String) {
        let door = Door::open();
        let local = raw.greet_from(&door.name).await;
        (raw, door, local)
    }

    /// A socket for one large request.
    pub(crate) async fn large(&self) -> Socket {
        Socket::enter(&self.local, &self.raw.quic, Purpose::Request).await
    }

    /// The large answer that arrives next.
    pub(crate) async fn next_large(&self) -> RawFrame {
        self.door.next_large(&self.raw.quic, Purpose::Answer).await
    }
}
