//! [`Listener`] in a guest: its host accepts, and both pass on what is said.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use futures_core::Stream;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::{Mutex, mpsc},
};

use crate::{
    error::Ran,
    guest,
    link::{Connected, FlowReader, FlowWriter, Link},
    message::Message,
};

/// A bound TCP listener, named by the field or by the argument of `main` that holds it.
///
/// In a sandbox the host binds it, accepts, and passes on what is said.
#[derive(Debug)]
pub struct Listener {
    name: &'static str,
    address: SocketAddr,
    arrivals: Arrivals,
}

impl Listener {
    pub(crate) fn bind(name: &'static str, _: SocketAddr) -> io::Result<Self> {
        let (address, arrivals) = guest::listen(name)?;
        Ok(Self { name, address, arrivals })
    }

    /// The listener's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The address that the host has bound: the ingress's idea of it is another.
    ///
    /// # Errors
    /// None here.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }

    /// The next connection. Cancel safe.
    ///
    /// # Errors
    /// The host has ended.
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        self.arrivals.next().await
    }
}

#[cfg(feature = "axum")]
impl axum::serve::Listener for Listener {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        match self.arrivals.next().await {
            Ok(connected) => connected,
            Err(_) => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Self::local_addr(self)
    }
}

/// Who has connected to a listener.
#[derive(Debug)]
pub(crate) struct Arrivals {
    link: Arc<Link>,
    number: u16,
    connected: Mutex<mpsc::UnboundedReceiver<Connected>>,
}

impl Arrivals {
    pub(crate) fn new(
        link: Arc<Link>,
        number: u16,
        connected: mpsc::UnboundedReceiver<Connected>,
    ) -> Self {
        Self { link, number, connected: Mutex::new(connected) }
    }

    async fn next(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let connected = self.connected.lock().await.recv().await;
        let Some(Connected { peer, reader, writer, .. }) = connected else {
            return Err(io::Error::other("the listener is closed"));
        };
        self.link.accept(self.number);
        let peer = peer.decode(Ran::No).map_err(|failure| io::Error::other(failure.kind))?;
        Ok((TcpStream { reader, unread: Bytes::new(), writer }, peer))
    }
}

/// A TCP connection that the host has accepted.
#[derive(Debug)]
pub struct TcpStream {
    reader: FlowReader,
    unread: Bytes,
    writer: FlowWriter,
}

/// What is passed on at once.
const CHUNK_BYTES_MAX: usize = 64 << 10;

impl AsyncRead for TcpStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.unread.is_empty() {
            self.unread = match ready!(Pin::new(&mut self.reader).poll_next(cx)) {
                Some(Ok(chunk)) => chunk.into_payload(),
                Some(Err(failure)) => return Poll::Ready(Err(io::Error::other(failure.kind))),
                None => return Poll::Ready(Ok(())),
            };
        }
        let bytes = self.unread.len().min(buffer.remaining());
        buffer.put_slice(&self.unread[..bytes]);
        self.unread.advance(bytes);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for TcpStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let gone = |_| io::Error::from(io::ErrorKind::BrokenPipe);
        ready!(self.writer.poll_ready(cx)).map_err(gone)?;
        let chunk = &bytes[..bytes.len().min(CHUNK_BYTES_MAX)];
        self.writer.send(Message::of_payload(chunk));
        Poll::Ready(Ok(chunk.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writer.end(None);
        Poll::Ready(Ok(()))
    }
}
