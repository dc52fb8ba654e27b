//! [`Socket`]: a UDP socket for quinn that wakes its driver for what arrives, and for nothing else.
//!
//! Quinn's own is registered for reading and writing, so that each datagram that the kernel delivers, and
//! with that takes out of the send buffer, wakes its sender; and it asks for more after every batch, to be
//! told that there is none. Both are system calls on the way of every small call.

use std::{
    io::{self, IoSliceMut},
    net::{SocketAddr, UdpSocket},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
};

use quinn::{
    AsyncUdpSocket, UdpPoller,
    udp::{RecvMeta, Transmit, UdpSocketState},
};
use tokio::{
    io::{Interest, unix::AsyncFd},
    runtime::Handle,
};

use super::io::watch;

#[derive(Debug)]
pub(super) struct Socket {
    io: AsyncFd<UdpSocket>,
    state: UdpSocketState,
    /// The send buffer was full, and nobody waits for it yet.
    is_full: AtomicBool,
    /// Where its readiness is watched.
    runtime: Handle,
}

impl Socket {
    /// To be called inside `runtime`.
    pub(super) fn new(socket: UdpSocket, runtime: Handle) -> io::Result<Self> {
        let state = UdpSocketState::new((&socket).into())?;
        let io = watch(socket, Interest::READABLE)?;
        Ok(Self { io, state, is_full: AtomicBool::new(false), runtime })
    }
}

impl AsyncUdpSocket for Socket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Box::pin(Room { socket: self, waits: None })
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        let sent = self.state.send(self.io.get_ref().into(), transmit);
        if let Err(error) = &sent
            && error.kind() == io::ErrorKind::WouldBlock
        {
            self.is_full.store(true, Ordering::Relaxed);
        }
        sent
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        metas: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        loop {
            let mut ready = ready!(self.io.poll_read_ready(cx))?;
            match self.state.recv(self.io.get_ref().into(), buffers, metas) {
                Ok(count) => {
                    // There were no more. What arrives from now on wakes us.
                    if count < buffers.len() {
                        ready.clear_ready();
                    }
                    return Poll::Ready(Ok(count));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => ready.clear_ready(),
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().local_addr()
    }

    fn may_fragment(&self) -> bool {
        self.state.may_fragment()
    }

    fn max_transmit_segments(&self) -> usize {
        self.state.max_gso_segments()
    }

    fn max_receive_segments(&self) -> usize {
        self.state.gro_segments()
    }
}

/// Waits for room in the send buffer, with a registration of its own for as long as that takes.
#[derive(Debug)]
struct Room {
    socket: Arc<Socket>,
    waits: Option<AsyncFd<UdpSocket>>,
}

impl Room {
    fn watch(&self) -> io::Result<AsyncFd<UdpSocket>> {
        let _runtime = self.socket.runtime.enter();
        watch(self.socket.io.get_ref().try_clone()?, Interest::WRITABLE)
    }
}

impl UdpPoller for Room {
    /// Quinn asks before it sends, and again after it could not.
    fn poll_writable(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.waits.is_none() {
            if !self.socket.is_full.swap(false, Ordering::Relaxed) {
                return Poll::Ready(Ok(()));
            }
            match self.watch() {
                Ok(waits) => self.waits = Some(waits),
                Err(_) => {
                    // The process has no file descriptor left, which is no reason to lose a connection:
                    // it tries again at once.
                    self.socket.is_full.store(true, Ordering::Relaxed);
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
            }
        }
        if let Some(waits) = &self.waits {
            ready!(waits.poll_write_ready(cx))?.retain_ready();
        }
        self.waits = None;
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, net::Ipv4Addr};

    use super::*;

    fn socket() -> Arc<Socket> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.set_nonblocking(true).unwrap();
        Arc::new(Socket::new(socket, Handle::current()).unwrap())
    }

    async fn receive(socket: &Socket) -> Vec<u8> {
        let (mut bytes, mut metas) = ([0; 100], [RecvMeta::default()]);
        let count =
            poll_fn(|cx| socket.poll_recv(cx, &mut [IoSliceMut::new(&mut bytes)], &mut metas));
        assert_eq!(count.await.unwrap(), 1);
        bytes[..metas[0].len].to_vec()
    }

    fn send(from: &Socket, to: &Socket, contents: &[u8]) -> io::Result<()> {
        let destination = to.local_addr().unwrap();
        let transmit =
            Transmit { destination, ecn: None, contents, segment_size: None, src_ip: None };
        from.try_send(&transmit)
    }

    #[tokio::test]
    async fn whatever_arrives_is_received_whenever_it_does() {
        let (one, other) = (socket(), socket());
        for round in 0..100_u8 {
            let sender = async {
                if round % 2 == 0 {
                    tokio::task::yield_now().await;
                }
                for number in 0..round % 5 + 1 {
                    send(&one, &other, &[round, number]).unwrap();
                }
            };
            let reader = async {
                for number in 0..round % 5 + 1 {
                    assert_eq!(receive(&other).await, [round, number]);
                }
            };
            tokio::join!(reader, sender);
        }
    }

    #[tokio::test]
    async fn who_finds_no_room_waits_for_it() {
        let one = socket();
        let mut room = Arc::clone(&one).create_io_poller();
        // Quinn asks before it has tried.
        poll_fn(|cx| room.as_mut().poll_writable(cx)).await.unwrap();
        // As after a send that found none; there is some again.
        one.is_full.store(true, Ordering::Relaxed);
        poll_fn(|cx| room.as_mut().poll_writable(cx)).await.unwrap();
        assert!(!one.is_full.load(Ordering::Relaxed));
        poll_fn(|cx| room.as_mut().poll_writable(cx)).await.unwrap();
    }
}
