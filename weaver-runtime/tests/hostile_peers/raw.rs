//! [`Raw`]: one end of a connection that sends whatever a test wants.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use quinn::{
    RecvStream, SendStream, VarInt,
    crypto::rustls::{QuicClientConfig, QuicServerConfig},
};
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, PrivatePkcs8KeyDer},
    server::WebPkiClientVerifier,
    version::TLS13,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use weaver_runtime::{
    Failure, codec,
    fingerprint::Signature,
    limits::LANES,
    net::{Hello, Identity, TLS_NAME},
};

use crate::{
    authority::Authority,
    probe::{ECHO, fingerprint, loopback},
    soon,
};

pub(crate) const HEADER_BYTES: usize = 24;

/// The largest frame that shares a stream.
pub(crate) const SHARED_FRAME_BYTES_MAX: usize = 256 * 1024;

/// The kinds of frames, and some that do not exist.
pub(crate) mod kind {
    pub(crate) const HELLO: u8 = 1;
    pub(crate) const WELCOME: u8 = 2;
    pub(crate) const REQUEST: u8 = 3;
    pub(crate) const REPLY: u8 = 4;
    pub(crate) const FAILED: u8 = 5;
    pub(crate) const CANCEL: u8 = 6;
    pub(crate) const GO_AWAY: u8 = 7;
    pub(crate) const ACCEPT: u8 = 8;
    pub(crate) const STREAM: u8 = 9;
    pub(crate) const ITEM: u8 = 10;
    pub(crate) const LANE: u8 = 11;
    pub(crate) const UNKNOWN: [u8; 3] = [0, 12, 255];
}

/// What a callee answers to a greeting, as it is encoded.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Welcome {
    Come,
    Stranger { crate_version: String, methods: Vec<Signature> },
    ComeTo { local: String },
}

/// A frame as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RawFrame {
    pub(crate) kind: u8,
    pub(crate) streams: u8,
    pub(crate) call: u64,
    pub(crate) payload: Vec<u8>,
}

impl RawFrame {
    pub(crate) fn decode<T: DeserializeOwned>(&self) -> T {
        codec::decode(&self.payload).unwrap()
    }

    /// The failure that a call was answered with.
    pub(crate) fn failure(&self) -> Failure {
        assert_eq!(self.kind, kind::FAILED, "{self:?}");
        self.decode()
    }

    /// The text that a call was answered with.
    pub(crate) fn text(&self) -> String {
        assert_eq!(self.kind, kind::REPLY, "{self:?}");
        self.decode::<weaver_runtime::Result<String>>().unwrap()
    }
}

pub(crate) fn encode<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    codec::encode(value, &mut bytes).unwrap();
    bytes
}

/// The bytes of a frame that is what it says.
pub(crate) fn frame(kind: u8, call: u64, component: u16, method: u16, payload: &[u8]) -> Vec<u8> {
    Head { kind, call, component, method, ..Head::default() }.before(payload)
}

/// Everything that a header says but the length.
#[derive(Clone, Copy, Default)]
pub(crate) struct Head {
    pub(crate) kind: u8,
    pub(crate) streams: u8,
    /// How much of `rest` is behind the payload, and what is there.
    pub(crate) trailer: u16,
    pub(crate) call: u64,
    pub(crate) component: u16,
    pub(crate) method: u16,
    pub(crate) time_left_ms: u32,
}

impl Head {
    /// A frame of this head and `rest`, which is the payload and the trailer.
    pub(crate) fn before(self, rest: &[u8]) -> Vec<u8> {
        let bytes = u32::try_from(HEADER_BYTES + rest.len()).unwrap();
        let mut frame = frame_of_length(bytes, self.kind, self.call);
        frame[5] = self.streams;
        frame[6..8].copy_from_slice(&self.trailer.to_le_bytes());
        frame[16..18].copy_from_slice(&self.component.to_le_bytes());
        frame[18..20].copy_from_slice(&self.method.to_le_bytes());
        frame[20..24].copy_from_slice(&self.time_left_ms.to_le_bytes());
        frame.extend_from_slice(rest);
        frame
    }
}

/// A header that announces `bytes`, whatever follows.
pub(crate) fn frame_of_length(bytes: u32, kind: u8, call: u64) -> Vec<u8> {
    let mut frame = vec![0; HEADER_BYTES];
    frame[..4].copy_from_slice(&bytes.to_le_bytes());
    frame[4] = kind;
    frame[8..16].copy_from_slice(&call.to_le_bytes());
    frame
}

/// A request to `Probe`.
pub(crate) fn request<T: Serialize>(call: u64, method: u16, arguments: &T) -> Vec<u8> {
    frame(kind::REQUEST, call, 0, method, &encode(arguments))
}

/// A request to `Probe` that announces streams.
pub(crate) fn request_with_streams(call: u64, method: u16, streams: u8) -> Vec<u8> {
    // What stands for the first stream in the arguments is its number.
    let arguments = encode(&0_u32);
    Head { kind: kind::REQUEST, streams, call, method, ..Head::default() }.before(&arguments)
}

/// What a stream says first: whose it is.
pub(crate) fn stream_of(call: u64, number: u16) -> Vec<u8> {
    frame(kind::STREAM, call, number, 0, &[])
}

/// An item of a stream of numbers.
pub(crate) fn item(number: u64) -> Vec<u8> {
    frame(kind::ITEM, 0, 0, 0, &encode(&Ok::<_, weaver_runtime::Error>(number)))
}

/// The greeting of a caller whose calls come on so many streams.
pub(crate) fn hello_with_lanes(lanes: u8) -> Vec<u8> {
    let hello = Hello { lanes, ..Hello::new(fingerprint()) };
    frame(kind::HELLO, 0, 0, 0, &encode(&hello))
}

pub(crate) fn hello() -> Vec<u8> {
    frame(kind::HELLO, 0, 0, 0, &encode(&Hello::new(fingerprint())))
}

/// The greeting of a caller on the same host that listens by the name `local`.
pub(crate) fn hello_from(local: &str) -> Vec<u8> {
    let hello = Hello { local: Some(local.to_owned()), ..Hello::new(fingerprint()) };
    frame(kind::HELLO, 0, 0, 0, &encode(&hello))
}

/// What differs between raw endpoints: how much they take in.
#[derive(Clone, Copy)]
pub(crate) struct Appetite {
    /// Streams that the other side may open towards this one, for large frames.
    pub(crate) large_frames: u32,
    /// Unread bytes on one stream.
    pub(crate) stream_bytes: u32,
    /// Streams that the other side may open towards this one, for items.
    pub(crate) streams: u32,
}

impl Default for Appetite {
    fn default() -> Self {
        Self { large_frames: 16, stream_bytes: 16 * 1024 * 1024, streams: 256 }
    }
}

/// One end of a connection and its first stream.
pub(crate) struct Raw {
    pub(crate) quic: quinn::Connection,
    pub(crate) send: SendStream,
    receive: RecvStream,
    unread: Vec<u8>,
    /// Dropping it would end the connection.
    pub(crate) endpoint: quinn::Endpoint,
}

impl Raw {
    /// Connects with a certificate of group `group`, and opens a stream on which nothing was said.
    pub(crate) async fn connect(authority: &Authority, group: &str, address: SocketAddr) -> Self {
        Self::connect_with(&authority.identity(group), address, Appetite::default()).await
    }

    pub(crate) async fn connect_with(
        identity: &Identity,
        address: SocketAddr,
        appetite: Appetite,
    ) -> Self {
        let (endpoint, quic) = dial(Some(identity), &identity.authority, address, appetite).await;
        Self::on(quic.unwrap(), &endpoint).await
    }

    /// The first stream of a connection that is there.
    pub(crate) async fn on(quic: quinn::Connection, endpoint: &quinn::Endpoint) -> Self {
        Self::try_on(quic, endpoint).await.unwrap()
    }

    /// The same, unless the connection has ended.
    pub(crate) async fn try_on(
        quic: quinn::Connection,
        endpoint: &quinn::Endpoint,
    ) -> Option<Self> {
        let (send, receive) = quic.open_bi().await.ok()?;
        Some(Self { quic, send, receive, unread: Vec::new(), endpoint: endpoint.clone() })
    }

    /// Greets, and is welcome.
    pub(crate) async fn greet(&mut self) {
        assert!(soon("a welcome", self.try_greet()).await, "closed instead of a welcome");
    }

    /// Another lane of the same connection, on which nothing was said.
    pub(crate) async fn open_lane(&self) -> Self {
        let opened = Self::try_on(self.quic.clone(), &self.endpoint);
        soon("opening a lane", opened).await.unwrap()
    }

    /// The lanes that the other side opens, of which this is the first.
    pub(crate) async fn further_lanes(&self) -> Vec<Self> {
        let mut lanes = Vec::new();
        for _ in 1..LANES {
            let (send, receive) = soon("a lane", self.quic.accept_bi()).await.unwrap();
            let (quic, endpoint) = (self.quic.clone(), self.endpoint.clone());
            let mut lane = Self { quic, send, receive, unread: Vec::new(), endpoint };
            assert_eq!(lane.next().await.kind, kind::LANE);
            lanes.push(lane);
        }
        lanes
    }

    /// Greets, and is welcome or thrown out.
    pub(crate) async fn try_greet(&mut self) -> bool {
        // An error means that it is thrown out already.
        let _ = self.send.write_all(&hello()).await;
        let Some(welcome) = self.try_next().await else { return false };
        assert_eq!(welcome.kind, kind::WELCOME);
        assert_eq!(welcome.decode::<Welcome>(), Welcome::Come);
        true
    }

    /// Greets as a neighbour that listens by the name `local`; the name that the callee listens by.
    pub(crate) async fn greet_from(&mut self, local: &str) -> String {
        self.send(&hello_from(local)).await;
        let welcome = self.next().await;
        assert_eq!(welcome.kind, kind::WELCOME);
        let Welcome::ComeTo { local } = welcome.decode() else { panic!("{welcome:?}") };
        local
    }

    /// Tells the other side that nothing it sends is wanted any more.
    pub(crate) fn stop_reading(&mut self) {
        self.receive.stop(VarInt::from_u32(0)).unwrap();
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        soon("sending", self.send.write_all(bytes)).await.unwrap();
    }

    /// Sends on a stream of its own, as large frames are.
    pub(crate) async fn send_large(&self, bytes: &[u8]) {
        let mut stream = soon("opening a stream", self.quic.open_uni()).await.unwrap();
        soon("sending", stream.write_all(bytes)).await.unwrap();
        stream.finish().unwrap();
    }

    /// Opens a stream for items and sends `bytes` on it. It ends when what is returned is dropped.
    pub(crate) async fn stream(&self, bytes: &[u8]) -> SendStream {
        let (mut send, _) = soon("opening a stream", self.quic.open_bi()).await.unwrap();
        soon("sending", send.write_all(bytes)).await.unwrap();
        send
    }

    /// The address that the other side sees.
    pub(crate) fn address(&self) -> SocketAddr {
        self.endpoint.local_addr().unwrap()
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
            if let Some(frame) = cut(&mut self.unread) {
                return Some(frame);
            }
            let chunk = self.receive.read_chunk(usize::MAX, true).await.ok()??;
            self.unread.extend_from_slice(&chunk.bytes);
        }
    }

    /// The frame of the next stream that the other side opens.
    pub(crate) async fn next_large(&self) -> RawFrame {
        let read = async {
            let mut stream = self.quic.accept_uni().await.unwrap();
            stream.read_to_end(usize::MAX).await.unwrap()
        };
        let mut bytes = soon("a large frame", read).await;
        cut(&mut bytes).unwrap()
    }

    /// Why the other side closed the connection.
    pub(crate) async fn closed(&self) -> quinn::ConnectionError {
        soon("being thrown out", self.quic.closed()).await
    }

    /// Fails unless calls on this connection are answered.
    pub(crate) async fn assert_lives(&mut self, call: u64) {
        self.send(&request(call, ECHO, &("still here",))).await;
        assert_eq!(self.next_about(call).await.text(), "still here");
    }
}

/// Takes a whole frame from the front of `unread`.
pub(crate) fn cut(unread: &mut Vec<u8>) -> Option<RawFrame> {
    let length = u32::from_le_bytes(*unread.first_chunk()?);
    let bytes = usize::try_from(length).unwrap();
    assert!(bytes >= HEADER_BYTES, "the other side sent a frame of {bytes} bytes");
    if unread.len() < bytes {
        return None;
    }
    let frame: Vec<_> = unread.drain(..bytes).collect();
    let call = u64::from_le_bytes(*frame[8..].first_chunk().unwrap());
    let payload = frame[HEADER_BYTES..].to_vec();
    Some(RawFrame { kind: frame[4], streams: frame[5], call, payload })
}

/// Dials with a certificate or none, trusting `authority`.
pub(crate) async fn dial(
    identity: Option<&Identity>,
    authority: &[u8],
    address: SocketAddr,
    appetite: Appetite,
) -> (quinn::Endpoint, Result<quinn::Connection, quinn::ConnectionError>) {
    let endpoint = endpoint(None);
    let config = client_config(identity, authority, appetite);
    let connecting = endpoint.connect_with(config, address, TLS_NAME).unwrap();
    let connected = soon("a QUIC handshake", connecting).await;
    (endpoint, connected)
}

pub(crate) fn client_config(
    identity: Option<&Identity>,
    authority: &[u8],
    appetite: Appetite,
) -> quinn::ClientConfig {
    let builder = rustls::ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .with_root_certificates(roots(authority));
    let mut tls = match identity {
        Some(identity) => {
            let (chain, key) = chain_and_key(identity);
            builder.with_client_auth_cert(chain, key.into()).unwrap()
        }
        None => builder.with_no_client_auth(),
    };
    tls.alpn_protocols = vec![b"weaver".to_vec()];
    let mut config = quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).unwrap()));
    config.transport_config(transport(appetite));
    config
}

/// A listening end: `script` is run with each connection whose caller has opened its stream.
pub(crate) struct RawCallee {
    pub(crate) address: SocketAddr,
    endpoint: quinn::Endpoint,
}

impl RawCallee {
    pub(crate) fn new<F>(identity: &Identity, script: impl Fn(Raw) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self::start(identity, Appetite::default(), Duration::ZERO, script)
    }

    /// One that answers the first packet of each connection after `delay`.
    pub(crate) fn with_delay<F>(
        identity: &Identity,
        delay: Duration,
        script: impl Fn(Raw) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self::start(identity, Appetite::default(), delay, script)
    }

    pub(crate) fn with_appetite<F>(
        identity: &Identity,
        appetite: Appetite,
        script: impl Fn(Raw) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self::start(identity, appetite, Duration::ZERO, script)
    }

    fn start<F>(
        identity: &Identity,
        appetite: Appetite,
        delay: Duration,
        script: impl Fn(Raw) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let endpoint = endpoint(Some(server_config(identity, appetite)));
        let address = endpoint.local_addr().unwrap();
        let accepting = endpoint.clone();
        tokio::spawn(async move {
            while let Some(incoming) = accepting.accept().await {
                tokio::time::sleep(delay).await;
                let Ok(quic) = incoming.await else { continue };
                // Opened streams become visible with the first byte on them.
                let Ok((send, receive)) = quic.accept_bi().await else { continue };
                let endpoint = accepting.clone();
                let unread = Vec::new();
                tokio::spawn(script(Raw { quic, send, receive, unread, endpoint }));
            }
        });
        Self { address, endpoint }
    }
}

impl Drop for RawCallee {
    fn drop(&mut self) {
        self.endpoint.close(VarInt::from_u32(0), b"the test is over");
    }
}

fn server_config(identity: &Identity, appetite: Appetite) -> quinn::ServerConfig {
    let roots = Arc::new(roots(&identity.authority));
    let callers = WebPkiClientVerifier::builder_with_provider(roots, provider()).build().unwrap();
    let (chain, key) = chain_and_key(identity);
    let mut tls = rustls::ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .with_client_cert_verifier(callers)
        .with_single_cert(chain, key.into())
        .unwrap();
    tls.alpn_protocols = vec![b"weaver".to_vec()];
    let crypto = QuicServerConfig::try_from(tls).unwrap();
    let mut config = quinn::ServerConfig::with_crypto(Arc::new(crypto));
    config.transport_config(transport(appetite));
    config
}

fn transport(appetite: Appetite) -> Arc<quinn::TransportConfig> {
    let mut config = quinn::TransportConfig::default();
    config
        .max_concurrent_uni_streams(VarInt::from_u32(appetite.large_frames))
        .max_concurrent_bidi_streams(VarInt::from_u32(appetite.streams))
        .stream_receive_window(VarInt::from_u32(appetite.stream_bytes))
        .enable_segmentation_offload(false);
    Arc::new(config)
}

pub(crate) fn endpoint(server: Option<quinn::ServerConfig>) -> quinn::Endpoint {
    let mut config = quinn::EndpointConfig::default();
    // A node on the loopback interface sends datagrams of this size.
    config.max_udp_payload_size(65_507).unwrap();
    let socket = std::net::UdpSocket::bind(loopback()).unwrap();
    quinn::Endpoint::new(config, server, socket, Arc::new(quinn::TokioRuntime)).unwrap()
}

fn roots(authority: &[u8]) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_slice(authority).into_owned()).unwrap();
    roots
}

fn chain_and_key(
    identity: &Identity,
) -> (Vec<CertificateDer<'static>>, PrivatePkcs8KeyDer<'static>) {
    let certificate = CertificateDer::from_slice(&identity.certificate).into_owned();
    (vec![certificate], PrivatePkcs8KeyDer::from(identity.key.clone()))
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
