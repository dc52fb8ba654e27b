//! As little as a system can do on TLS over TCP: a length, a number and bincode, one writer that
//! takes along what has been queued meanwhile, and handlers that run in the reader.
//!
//! No deadlines, no cancellation, no limits, no metadata, no routing, no errors.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use bincode::config::{Configuration, Fixint, LittleEndian, legacy};
use bytes::{Buf, Bytes, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split},
    net::{TcpListener, TcpStream},
    sync::{Notify, oneshot},
    task::JoinSet,
};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use weaver::{Context, Error, Result};

use super::{Identity, Peer, SERVER_NAME, tls};
use crate::{
    latencies::Latencies,
    rpc::{
        load::{Client, Load, caller},
        message::Marked,
    },
};

/// The format of our codec.
const FORMAT: Configuration<LittleEndian, Fixint> = legacy();

/// The length of what follows the header, and the call's number.
const HEADER_BYTES: usize = 4 + 8;

/// There is room for so much before each read.
const READ_BYTES: usize = 64 << 10;

pub(crate) struct Floor;

impl Peer for Floor {
    type Client = Calls;

    async fn serve(identity: &Identity, at: IpAddr) -> Result<SocketAddr> {
        let acceptor = TlsAcceptor::from(Arc::new(tls::server(identity)?));
        let listener = TcpListener::bind((at, 0)).await?;
        let address = listener.local_addr()?;
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let (from, to) = split(acceptor.accept(stream).await?);
            let (mut frames, outbox) = (Frames::of(from), Arc::<Outbox>::default());
            tokio::spawn(Arc::clone(&outbox).write_to(to));
            while let Some((number, bytes)) = frames.next().await? {
                outbox.push(number, &decode(&bytes)?)?;
            }
            Ok::<_, Error>(())
        });
        Ok(address)
    }

    async fn connect(identity: &Identity, server: SocketAddr) -> Result<Calls> {
        let connector = TlsConnector::from(Arc::new(tls::client(identity)?));
        let stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        let name = SERVER_NAME.try_into().context("a name")?;
        let (from, to) = split(connector.connect(name, stream).await?);
        let calls = Arc::<Connection>::default();
        let (mut frames, outbox) = (Frames::of(from), Arc::clone(&calls.outbox));
        tokio::spawn(outbox.write_to(to));
        let waiting = Arc::clone(&calls);
        tokio::spawn(async move {
            while let Ok(Some((number, bytes))) = frames.next().await {
                // A caller that has gone needs no answer.
                let _ = lock(&waiting.waiting).remove(&number).map(|caller| caller.send(bytes));
            }
            // Nobody else is answered.
            lock(&waiting.waiting).clear();
        });
        Ok(Calls(calls))
    }
}

/// What a client has open.
#[derive(Default)]
struct Connection {
    outbox: Arc<Outbox>,
    numbers: AtomicU64,
    waiting: Mutex<HashMap<u64, oneshot::Sender<Bytes>>>,
}

#[derive(Clone)]
pub(crate) struct Calls(Arc<Connection>);

impl Client for Calls {
    type Message = Marked;

    async fn echo(&self, message: Marked) -> Result<Marked> {
        let number = self.0.numbers.fetch_add(1, Ordering::Relaxed);
        let (caller, answer) = oneshot::channel();
        lock(&self.0.waiting).insert(number, caller);
        self.0.outbox.push(number, &message)?;
        drop(message);
        decode(&answer.await.context("the connection is lost")?)
    }

    fn start(self, callers: &mut JoinSet<Result<Latencies>>, load: Load) {
        callers.spawn(caller(self, load));
    }
}

/// Frames that wait for the one writer.
#[derive(Default)]
struct Outbox {
    queue: Mutex<Vec<u8>>,
    filled: Notify,
}

impl Outbox {
    fn push(&self, number: u64, message: &Marked) -> Result<()> {
        let mut queue = lock(&self.queue);
        let start = queue.len();
        queue.extend_from_slice(&[0; HEADER_BYTES]);
        bincode::serde::encode_into_std_write(message, &mut *queue, FORMAT).context("bincode")?;
        let length = u32::try_from(queue.len() - start - HEADER_BYTES).context("too large")?;
        let header = &mut queue[start..start + HEADER_BYTES];
        header[..4].copy_from_slice(&length.to_le_bytes());
        header[4..].copy_from_slice(&number.to_le_bytes());
        drop(queue);
        self.filled.notify_one();
        Ok(())
    }

    async fn write_to(self: Arc<Self>, mut to: impl AsyncWrite + Unpin) -> io::Result<()> {
        let mut batch = Vec::new();
        loop {
            self.filled.notified().await;
            std::mem::swap(&mut batch, &mut *lock(&self.queue));
            to.write_all(&batch).await?;
            to.flush().await?;
            batch.clear();
        }
    }
}

/// Splits what is read into frames.
struct Frames<R> {
    from: R,
    read: BytesMut,
}

impl<R: AsyncRead + Unpin> Frames<R> {
    fn of(from: R) -> Self {
        Self { from, read: BytesMut::new() }
    }

    async fn next(&mut self) -> io::Result<Option<(u64, Bytes)>> {
        loop {
            let mut missing = READ_BYTES;
            if let Some(mut header) = self.read.get(..HEADER_BYTES) {
                let length = HEADER_BYTES + header.get_u32_le() as usize;
                let number = header.get_u64_le();
                if self.read.len() >= length {
                    let mut frame = self.read.split_to(length).freeze();
                    frame.advance(HEADER_BYTES);
                    return Ok(Some((number, frame)));
                }
                missing = missing.max(length - self.read.len());
            }
            self.read.reserve(missing);
            if self.from.read_buf(&mut self.read).await? == 0 {
                return Ok(None);
            }
        }
    }
}

fn decode(bytes: &[u8]) -> Result<Marked> {
    let (message, _) = bincode::serde::decode_from_slice(bytes, FORMAT).context("bincode")?;
    Ok(message)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
