//! [`Dying`]: a replica that takes calls and loses them.

use std::{
    collections::HashMap,
    net::{Ipv4Addr, UdpSocket},
    sync::{Arc, Mutex},
};

use quinn::{RecvStream, SendStream, VarInt, crypto::rustls::QuicServerConfig};
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, PrivatePkcs8KeyDer},
    server::WebPkiClientVerifier,
    version::TLS13,
};
use tokio::sync::watch;
use weaver_runtime::{
    codec,
    net::{Identity, ReplicaAddress, ReplicaId},
};

use crate::deployment::CALLEE;

const HEADER_BYTES: usize = 24;
const WELCOME: u8 = 2;
const REQUEST: u8 = 3;
const REPLY: u8 = 4;
const LANE: u8 = 11;

/// What becomes of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    /// They wait.
    Holds,
    /// The connection ends with the first.
    Dies,
    /// They are answered.
    Serves,
}

/// A replica that takes calls and loses them.
pub(crate) struct Dying {
    pub(crate) at: ReplicaAddress,
    mood: watch::Sender<Mood>,
    /// How often it has lost everything.
    losses: watch::Sender<u32>,
    arrived: Arc<Mutex<HashMap<u64, u32>>>,
    endpoint: quinn::Endpoint,
}

impl Dying {
    pub(crate) fn start(index: u32, identity: &Identity, mood: Mood) -> Self {
        let endpoint = listen(identity);
        let replica = ReplicaId { group: CALLEE.to_owned(), index };
        let at = ReplicaAddress { replica, address: endpoint.local_addr().unwrap() };
        let (mood, losses) = (watch::Sender::new(mood), watch::Sender::default());
        let dying = Self { at, mood, losses, arrived: Arc::default(), endpoint };
        let accepting = dying.endpoint.clone();
        let (mood, losses) = (dying.mood.subscribe(), dying.losses.subscribe());
        let arrived = Arc::clone(&dying.arrived);
        tokio::spawn(async move {
            while let Some(incoming) = accepting.accept().await {
                let Ok(quic) = incoming.await else { continue };
                let lost = lost(quic.clone(), losses.clone());
                let serve = serve(quic, index, mood.clone(), Arc::clone(&arrived));
                tokio::spawn(async { tokio::join!(lost, serve) });
            }
        });
        dying
    }

    /// Calls from now on.
    pub(crate) fn set(&self, mood: Mood) {
        self.mood.send_replace(mood);
    }

    /// Calls that are held now are lost.
    pub(crate) fn lose(&self) {
        self.losses.send_modify(|losses| *losses += 1);
    }

    /// How many requests have arrived.
    pub(crate) fn requests(&self) -> u32 {
        self.arrived.lock().unwrap().values().sum()
    }

    /// How often a call has arrived.
    pub(crate) fn requests_of(&self, call: u64) -> u32 {
        self.arrived.lock().unwrap().get(&call).copied().unwrap_or(0)
    }
}

impl Drop for Dying {
    fn drop(&mut self) {
        self.endpoint.close(VarInt::from_u32(0), b"the test is over");
    }
}

/// Ends the connection with the next loss.
async fn lost(quic: quinn::Connection, mut losses: watch::Receiver<u32>) {
    losses.mark_unchanged();
    // An error means that the test is over.
    let _ = losses.changed().await;
    quic.close(VarInt::from_u32(0), b"dead");
}

async fn serve(
    quic: quinn::Connection,
    index: u32,
    mood: watch::Receiver<Mood>,
    arrived: Arc<Mutex<HashMap<u64, u32>>>,
) {
    while let Ok((send, receive)) = quic.accept_bi().await {
        let (quic, mood, arrived) = (quic.clone(), mood.clone(), Arc::clone(&arrived));
        tokio::spawn(serve_lane(quic, send, receive, index, mood, arrived));
    }
}

async fn serve_lane(
    quic: quinn::Connection,
    mut send: SendStream,
    mut receive: RecvStream,
    index: u32,
    mood: watch::Receiver<Mood>,
    arrived: Arc<Mutex<HashMap<u64, u32>>>,
) {
    let mut unread = Vec::new();
    loop {
        let frame = next_frame(&mut receive, &mut unread).await;
        let Some(Frame { kind, call, argument }) = frame else { return };
        let answer = match kind {
            REQUEST => {
                *arrived.lock().unwrap().entry(argument).or_default() += 1;
                match *mood.borrow() {
                    Mood::Holds => None,
                    Mood::Dies => return quic.close(VarInt::from_u32(0), b"dead"),
                    Mood::Serves => Some(frame_of(REPLY, call, &encoded(&index))),
                }
            }
            LANE => None,
            // The greeting. The first variant is the one that lets in.
            _ => Some(frame_of(WELCOME, 0, &encoded(&0_u32))),
        };
        if let Some(answer) = answer {
            // A caller that is gone is noticed by the next read.
            let _ = send.write_all(&answer).await;
        }
    }
}

struct Frame {
    kind: u8,
    call: u64,
    /// The first bytes behind the header.
    argument: u64,
}

/// The next frame; `None` at the end, in whatever way it came.
async fn next_frame(receive: &mut RecvStream, unread: &mut Vec<u8>) -> Option<Frame> {
    loop {
        if let Some(length) = unread.first_chunk() {
            let bytes = usize::try_from(u32::from_le_bytes(*length)).unwrap();
            if unread.len() >= bytes {
                let frame: Vec<_> = unread.drain(..bytes).collect();
                let number =
                    |at: usize| frame[at..].first_chunk().map(|it| u64::from_le_bytes(*it));
                let (call, argument) = (number(8)?, number(HEADER_BYTES).unwrap_or(0));
                return Some(Frame { kind: frame[4], call, argument });
            }
        }
        let chunk = receive.read_chunk(usize::MAX, true).await.ok()??;
        unread.extend_from_slice(&chunk.bytes);
    }
}

fn encoded(number: &u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    codec::encode(number, &mut bytes).unwrap();
    bytes
}

fn frame_of(kind: u8, call: u64, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0; HEADER_BYTES];
    let bytes = u32::try_from(HEADER_BYTES + payload.len()).unwrap();
    frame[..4].copy_from_slice(&bytes.to_le_bytes());
    frame[4] = kind;
    frame[8..16].copy_from_slice(&call.to_le_bytes());
    frame.extend_from_slice(payload);
    frame
}

fn listen(identity: &Identity) -> quinn::Endpoint {
    let provider = || Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_slice(&identity.authority).into_owned()).unwrap();
    let callers =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider()).build().unwrap();
    let certificate = CertificateDer::from_slice(&identity.certificate).into_owned();
    let key = PrivatePkcs8KeyDer::from(identity.key.clone());
    let mut tls = rustls::ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .with_client_cert_verifier(callers)
        .with_single_cert(vec![certificate], key.into())
        .unwrap();
    tls.alpn_protocols = vec![b"weaver".to_vec()];
    let crypto = Arc::new(QuicServerConfig::try_from(tls).unwrap());
    let mut config = quinn::EndpointConfig::default();
    // A node on the loopback interface sends datagrams of this size.
    config.max_udp_payload_size(65_507).unwrap();
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let server = Some(quinn::ServerConfig::with_crypto(crypto));
    quinn::Endpoint::new(config, server, socket, Arc::new(quinn::TokioRuntime)).unwrap()
}
