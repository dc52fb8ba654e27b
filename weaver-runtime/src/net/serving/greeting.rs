//! All that happens to a connection before calls are taken from it: who calls, and with which program?

use std::{sync::Arc, time::Duration};

use tokio::time::timeout;

use super::{Services, session::Session};
use crate::{
    fingerprint::Fingerprint,
    limits::LANES,
    net::{
        endpoint::CLOSED_PROTOCOL,
        gate::{CONNECTIONS_PER_CALLER_MAX, Gate, Share},
        halves::{ReceiveHalf, SendHalf},
        handshake::{self, Hello, Welcome},
        io::Io,
        lane::Lane,
        local::{Door, Neighbour, Purpose},
        outbox::Outbox,
        reading::{ReadError, next_frame},
        tally::Counted,
        tls,
    },
    wire::{FrameDecoder, Kind, SHARED_FRAME_BYTES_MAX},
};

/// Why a connection was not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    #[error(transparent)]
    Connection(#[from] quinn::ConnectionError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Write(#[from] quinn::WriteError),
    #[error("its certificate names no group")]
    NoGroup,
    #[error("its first frame is no greeting")]
    NoHello,
    #[error("it wants {0} lanes for its calls; allowed are 1 to {LANES}")]
    Lanes(u8),
    #[error("no lane where it said that there is one: {0}")]
    NoLane(#[source] ReadError),
    #[error("its certificate has {0} connections, the limit is {CONNECTIONS_PER_CALLER_MAX}")]
    TooManyConnections(usize),
    #[error("it runs another build of the program, or other interfaces (fingerprint {0})")]
    Stranger(Fingerprint),
    #[error("the answer cannot be encoded")]
    Encode,
    #[error("no socket to it, though it is on this host: {0}")]
    Local(#[from] std::io::Error),
    #[error("this node is about to stop")]
    Draining,
}

/// How long a caller that was refused may take to read why: no longer than a round trip and a busy
/// machine need.
const STRANGER_SECONDS_MAX: u64 = 1;

/// Everything that must happen before calls are taken. The caller bounds its time.
pub(super) async fn shake_hands(
    incoming: quinn::Incoming,
    services: &Arc<Services>,
    door: Option<&Door>,
    io: &Io,
) -> Result<Arc<Session>, Refused> {
    // Counted before the phase is looked at: a drain waits for who was let in before it.
    let writing = services.gate.writer();
    if services.gate.is_draining() {
        return Err(Refused::Draining);
    }
    let quic = incoming.await?;
    let closing = CloseOnDrop(Some(quic.clone()));
    let greeted = greet(&quic, services, door, io, writing).await;
    match &greeted {
        Ok(_) => closing.keep(),
        // What the peer can be told; for a connection that has ended this does nothing.
        Err(refused) => quic.close(CLOSED_PROTOCOL, refused.to_string().as_bytes()),
    }
    greeted
}

async fn greet(
    quic: &quinn::Connection,
    services: &Arc<Services>,
    door: Option<&Door>,
    io: &Io,
    writing: Counted,
) -> Result<Arc<Session>, Refused> {
    let caller = Caller::of(quic, &services.gate)?;
    let (mut send, receive) = quic.accept_bi().await?;
    let mut receive = ReceiveHalf::Quic(receive);
    let mut decoder = FrameDecoder::new(SHARED_FRAME_BYTES_MAX);
    let first = next_frame(&mut receive, &mut decoder).await?;
    let hello: Hello =
        first.and_then(|f| handshake::parse(f, Kind::Hello)).ok_or(Refused::NoHello)?;
    let known: Vec<_> = services.tables.keys().copied().collect();
    // Both have a socket to be dialled at, and the loopback interface is the same for both.
    let neighbours = door.zip(hello.local.as_deref());
    let local = neighbours.map(|(door, _)| door.name());
    let welcome = Welcome::answer(&hello, &known, &services.methods, local);
    // A stranger may want any number: it is told first that it is one.
    if welcome.is_come() && !(1..=LANES).contains(&hello.lanes) {
        return Err(Refused::Lanes(hello.lanes));
    }
    let arrivals = neighbours.map(|(door, _)| {
        let expect = |purpose| door.expect(quic, purpose, io.handle());
        Ok::<_, std::io::Error>((expect(Purpose::Shared)?, expect(Purpose::Request)?))
    });
    let arrivals = arrivals.transpose()?;
    let answer = handshake::frame(Kind::Welcome, &welcome).map_err(|_| Refused::Encode)?;
    send.write_chunk(answer).await?;
    let table = services.tables.get(&hello.fingerprint).cloned();
    let Some(table) = table.filter(|_| welcome.is_come()) else {
        let _ = send.finish();
        // Closing at once could overtake the answer; the caller closes when it has read it.
        let _ = timeout(Duration::from_secs(STRANGER_SECONDS_MAX), quic.closed()).await;
        return Err(Refused::Stranger(hello.fingerprint));
    };
    let new = |neighbour, outbox| {
        let (quic, services) = (quic.clone(), Arc::clone(services));
        Session::new(quic, caller, table, services, neighbour, outbox, io.clone())
    };
    let Some(((mut shared, requests), name)) = arrivals.zip(hello.local.clone()) else {
        let mut lanes = vec![Lane { send: SendHalf::Quic(send), receive, decoder }];
        for _ in 1..hello.lanes {
            lanes.push(Lane::accept(quic).await.map_err(Refused::NoLane)?);
        }
        let session = new(None, Outbox::new(lanes.len()));
        session.start(lanes, writing);
        return Ok(session);
    };
    let socket = tokio::select! {
        socket = shared.next() => socket.ok_or_else(|| std::io::Error::other("the door is closed"))?,
        error = quic.closed() => return Err(error.into()),
    };
    let socket = Arc::new(socket);
    let neighbour = Neighbour::new(name, Purpose::Answer, io.handle().clone());
    let session = new(neighbour, Outbox::direct(Arc::clone(&socket)));
    session.start_local(socket, requests, writing);
    Ok(session)
}

/// Closes a connection whose handshake failed or took too long.
struct CloseOnDrop(Option<quinn::Connection>);

impl CloseOnDrop {
    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        if let Some(quic) = &self.0 {
            quic.close(CLOSED_PROTOCOL, b"the handshake failed");
        }
    }
}

/// Who calls, as its certificate says.
pub(super) struct Caller {
    pub(super) group: Arc<str>,
    /// What it has taken of the node's places, on all its connections.
    pub(super) share: Arc<Share>,
    /// This connection among the caller's.
    pub(super) connection: Counted,
}

impl Caller {
    fn of(quic: &quinn::Connection, gate: &Gate) -> Result<Self, Refused> {
        let group = tls::peer_group(quic).ok_or(Refused::NoGroup)?.into();
        let certificate = tls::peer_certificate(quic).ok_or(Refused::NoGroup)?;
        let share = gate.share_of(&certificate);
        let connection = share.connect().map_err(Refused::TooManyConnections)?;
        Ok(Self { group, share, connection })
    }
}
