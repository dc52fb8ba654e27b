//! [`Endpoint`]: a node's UDP socket, on which it calls others and is called.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use quinn::{AckFrequencyConfig, VarInt, congestion::CubicConfig};
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use super::{
    connection::Connection,
    handshake::{HANDSHAKE_SECONDS_MAX, Hello},
    io::{Io, QuicRuntime},
    local::Door,
    serving::{self, Services},
    tls::{self, Identity, IdentityError, TLS_NAME},
};
use crate::{
    fingerprint::Signature,
    limits::{
        IDLE_MILLISECONDS_MAX, KEEP_ALIVE_SECONDS, LANES, LARGE_FRAMES_MAX, Limits,
        SOCKET_BUFFER_BYTES, STREAM_WINDOW_BYTES,
    },
};

/// A node's end of all its connections.
#[derive(Clone, Debug)]
pub struct Endpoint {
    quic: quinn::Endpoint,
    streams_max: u32,
    replica_wait: Duration,
    /// Where neighbours dial.
    door: Option<Arc<Door>>,
    io: Io,
}

/// An endpoint could not be made.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The socket.
    #[error("cannot bind a UDP socket to {address}")]
    Socket {
        /// The address asked for.
        address: SocketAddr,
        /// The operating system's reason.
        #[source]
        source: io::Error,
    },
    /// The socket for neighbours.
    #[error("cannot listen for other processes of this host")]
    Local(#[source] io::Error),
    /// The certificate.
    #[error(transparent)]
    Identity(#[from] IdentityError),
}

/// A connection to another node could not be made. Nothing was called.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address cannot be dialled.
    #[error("cannot dial {address}")]
    Dial {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: quinn::ConnectError,
    },
    /// QUIC or TLS failed: nobody there, or one of the two does not trust the other.
    #[error("cannot connect to {address}")]
    Connect {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: quinn::ConnectionError,
    },
    /// It is on this host, but no socket to it can be opened; then it is dialled once more, and reached
    /// without one.
    #[error("cannot open a socket to {address}, which is on this host")]
    Local {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Nothing came back in time.
    #[error("{address} did not answer within {HANDSHAKE_SECONDS_MAX} s")]
    Silent {
        /// The address.
        address: SocketAddr,
    },
    /// What came back was no answer.
    #[error("{address} does not speak weaver's protocol: {reason}")]
    Protocol {
        /// The address.
        address: SocketAddr,
        /// What was wrong.
        reason: String,
    },
    /// The certificate names another group.
    #[error("{address} proved to be of group `{found}`, not `{expected}`")]
    WrongGroup {
        /// The address.
        address: SocketAddr,
        /// The group that was dialled.
        expected: String,
        /// The group in the certificate.
        found: String,
    },
    /// Another build of the program runs there.
    #[error("{address} runs another build: {difference}")]
    WrongVersion {
        /// The address.
        address: SocketAddr,
        /// How the builds differ.
        difference: String,
    },
}

impl Endpoint {
    /// Binds a socket. To be called inside the program's runtime.
    ///
    /// # Errors
    /// The address is in use, or the identity is none.
    pub fn bind(
        address: SocketAddr,
        identity: &Identity,
        limits: &Limits,
        io: Io,
    ) -> Result<Self, BindError> {
        let transport = Arc::new(transport_config(address, limits));
        let mut server = identity.server_config()?;
        server.transport_config(Arc::clone(&transport));
        let mut client = identity.client_config()?;
        client.transport_config(transport);
        let failed = |source| BindError::Socket { address, source };
        let socket = socket(address).map_err(failed)?;
        let runtime = Arc::new(QuicRuntime(io.handle().clone()));
        let mut quic =
            quinn::Endpoint::new(endpoint_config(address), Some(server), socket, runtime)
                .map_err(failed)?;
        quic.set_default_client_config(client);
        let Limits { streams: streams_max, replica_wait, .. } = *limits;
        let door = match address.ip().is_loopback() {
            true => Door::open(&io).map_err(BindError::Local)?.map(Arc::new),
            false => None,
        };
        Ok(Self { quic, streams_max, replica_wait, door, io })
    }

    /// The address that it is bound to.
    ///
    /// # Errors
    /// The operating system's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.quic.local_addr()
    }

    /// Takes calls from now on, until it is closed.
    pub fn serve(&self, services: Arc<Services>) {
        let (quic, door, io) = (self.quic.clone(), self.door.clone(), self.io.clone());
        self.io.spawn(async move {
            while let Some(incoming) = quic.accept().await {
                let door = door.clone();
                io.spawn(serving::serve(incoming, Arc::clone(&services), door, io.clone()));
            }
        });
    }

    /// How long a call from here without a deadline waits for a replica.
    pub(super) fn replica_wait(&self) -> Duration {
        self.replica_wait
    }

    /// Starts a task where the connections of this endpoint run.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.io.spawn(task);
    }

    /// Connects to a node of the group `expected`; `ours` are the methods that both should have.
    ///
    /// # Errors
    /// It cannot be reached, or is not what was expected; nothing was called.
    pub async fn connect(
        &self,
        address: SocketAddr,
        expected: &str,
        hello: &Hello,
        ours: &[Signature],
    ) -> Result<Arc<Connection>, ConnectError> {
        let limit = Duration::from_secs(HANDSHAKE_SECONDS_MAX);
        let connecting = async {
            let door = self.door.as_deref().filter(|_| address.ip().is_loopback());
            match self.connect_unbounded(address, expected, hello, ours, door).await {
                Err(ConnectError::Local { source, .. }) => {
                    tracing::warn!(%address, error = %source, "no local socket to it: QUIC does it as well");
                    self.connect_unbounded(address, expected, hello, ours, None).await
                }
                connected => connected,
            }
        };
        // The timer is the I/O runtime's: the caller's may be paused by a test.
        let timer = {
            let _entered = self.io.handle().enter();
            tokio::time::timeout(limit, connecting)
        };
        timer.await.map_err(|_| ConnectError::Silent { address })?
    }

    async fn connect_unbounded(
        &self,
        address: SocketAddr,
        expected: &str,
        hello: &Hello,
        ours: &[Signature],
        door: Option<&Door>,
    ) -> Result<Arc<Connection>, ConnectError> {
        let dialled = self.quic.connect(address, TLS_NAME);
        let connecting = dialled.map_err(|source| ConnectError::Dial { address, source })?;
        let quic = connecting.await.map_err(|source| ConnectError::Connect { address, source })?;
        let found = tls::peer_group(&quic).unwrap_or_default();
        if found != expected {
            quic.close(CLOSED_WRONG_GROUP, b"wrong group");
            let expected = expected.to_owned();
            return Err(ConnectError::WrongGroup { address, expected, found });
        }
        let streams_max = usize::try_from(self.streams_max).unwrap_or(usize::MAX);
        Connection::open(quic, hello, ours, streams_max, door, self.io.clone()).await
    }

    /// Closes every connection and waits a little until the peers know.
    pub async fn close(&self) {
        self.quic.close(CLOSED_DONE, b"done");
        // QUIC remembers a closed connection for a multiple of its slowest round trip, which after
        // one hiccup is many seconds. A peer that misses the news learns it from silence.
        let limit = Duration::from_millis(CLOSE_MILLISECONDS_MAX);
        let _ = tokio::time::timeout(limit, self.quic.wait_idle()).await;
    }
}

/// Several round trips to any peer that is near.
const CLOSE_MILLISECONDS_MAX: u64 = 300;

/// Why a connection was closed, for the other end's log.
pub(super) const CLOSED_DONE: VarInt = VarInt::from_u32(0);
pub(super) const CLOSED_WRONG_GROUP: VarInt = VarInt::from_u32(1);
pub(super) const CLOSED_PROTOCOL: VarInt = VarInt::from_u32(2);
pub(super) const CLOSED_REPLICA_GONE: VarInt = VarInt::from_u32(3);

fn socket(address: SocketAddr) -> io::Result<std::net::UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    socket.bind(&address.into())?;
    let reference = SockRef::from(&socket);
    // The kernel gives what it allows; less only costs retransmissions under bursts.
    let _ = reference.set_recv_buffer_size(SOCKET_BUFFER_BYTES);
    let _ = reference.set_send_buffer_size(SOCKET_BUFFER_BYTES);
    Ok(socket.into())
}

fn endpoint_config(address: SocketAddr) -> quinn::EndpointConfig {
    let mut config = quinn::EndpointConfig::default();
    if has_large_datagrams(address) {
        // The only error is a size below QUIC's minimum of 1200 bytes.
        let _ = config.max_udp_payload_size(LOOPBACK_DATAGRAM_BYTES);
    }
    config
}

fn transport_config(address: SocketAddr, limits: &Limits) -> quinn::TransportConfig {
    let streams = limits.streams.saturating_add(LANES.into());
    let mut config = quinn::TransportConfig::default();
    config
        .max_concurrent_bidi_streams(VarInt::from_u32(streams))
        .max_concurrent_uni_streams(VarInt::from_u32(LARGE_FRAMES_MAX))
        .stream_receive_window(VarInt::from_u32(STREAM_WINDOW_BYTES))
        .receive_window(connection_window(streams.saturating_add(LARGE_FRAMES_MAX)))
        .send_window(SEND_WINDOW_BYTES)
        .keep_alive_interval(Some(Duration::from_secs(KEEP_ALIVE_SECONDS)))
        .max_idle_timeout(Some(VarInt::from_u32(IDLE_MILLISECONDS_MAX).into()))
        // Nothing here is sent as a QUIC datagram.
        .datagram_receive_buffer_size(None);
    if has_large_datagrams(address) {
        let mut congestion = CubicConfig::default();
        congestion.initial_window(LOOPBACK_WINDOW_BYTES);
        let mut discovery = quinn::MtuDiscoveryConfig::default();
        discovery
            .upper_bound(LOOPBACK_DATAGRAM_BYTES)
            .black_hole_cooldown(Duration::from_millis(LOOPBACK_COOLDOWN_MILLISECONDS));
        config
            .initial_mtu(LOOPBACK_DATAGRAM_BYTES)
            .mtu_discovery_config(Some(discovery))
            .congestion_controller_factory(Arc::new(congestion))
            .enable_segmentation_offload(false);
    } else {
        config.ack_frequency_config(Some(prompt_acknowledgements()));
    }
    config
}

/// How soon the peer is to acknowledge what it has received.
fn prompt_acknowledgements() -> AckFrequencyConfig {
    let mut config = AckFrequencyConfig::default();
    config
        .max_ack_delay(Some(Duration::from_millis(ACK_DELAY_MILLISECONDS_MAX)))
        // At once where a packet is missing, as without this configuration.
        .reordering_threshold(VarInt::from_u32(1));
    config
}

/// A packet behind which nothing else is sent counts as lost after a round trip, its usual variation, and the
/// time for which the peer may keep an acknowledgement back: 25 ms, unless it is asked for less. This is
/// the least that can be asked for. (Measured where a round trip takes 2.3 ms: a lone call whose packet is
/// lost takes 10 ms, where it took 34.) The price is a packet more where an answer, which takes the
/// acknowledgement along, needs longer than this.
const ACK_DELAY_MILLISECONDS_MAX: u64 = 1;

/// The loopback interface of Linux takes the largest UDP datagram there is, at a third of the CPU
/// time for large messages (measured). Segmentation offload must then be off.
fn has_large_datagrams(address: SocketAddr) -> bool {
    cfg!(target_os = "linux") && address.ip().is_loopback()
}

/// The largest payload of a UDP datagram over IPv4.
const LOOPBACK_DATAGRAM_BYTES: u16 = 65_507;

/// With QUIC's default initial window, which is below one such datagram, nothing would ever leave.
const LOOPBACK_WINDOW_BYTES: u64 = 1024 * 1024;

/// When several bursts of large datagrams are lost, quinn takes the path for one that carries small ones
/// only, and looks again after a minute: calls of 64 KiB then take five times the processor time. Here it
/// was the peer's buffer that was full, for a moment.
const LOOPBACK_COOLDOWN_MILLISECONDS: u64 = 50;

/// Flow control: what may be unread on one connection. Room for every stream there can be, so that
/// streams that nobody reads never hold up the calls beside them.
fn connection_window(streams: u32) -> VarInt {
    let bytes = u64::from(streams) * u64::from(STREAM_WINDOW_BYTES);
    VarInt::from_u64(bytes).unwrap_or(VarInt::MAX)
}

/// What may be sent and not yet acknowledged on one connection.
const SEND_WINDOW_BYTES: u64 = 64 * 1024 * 1024;
