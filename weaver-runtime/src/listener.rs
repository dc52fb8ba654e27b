//! [`Listener`]: where a program is called from outside.

use std::{io, net::SocketAddr};

use tokio::net::{TcpListener, TcpStream};

/// A bound TCP listener, named by the field or by the argument of `main` that holds it.
///
/// With `cargo run` it is bound where the config says, else on a free loopback port, which is
/// printed. In a deployment it is bound on a free loopback port, and the ingress forwards to it from
/// the address in the config.
#[derive(Debug)]
pub struct Listener {
    name: &'static str,
    listener: TcpListener,
}

impl Listener {
    /// Binds `address`. To be called inside a tokio runtime.
    pub(crate) fn bind(name: &'static str, address: SocketAddr) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        Ok(Self { name, listener: TcpListener::from_std(listener)? })
    }

    /// The listener's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The address that it is bound to: the ingress's idea of it is another.
    ///
    /// # Errors
    /// The operating system's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// The next connection. Cancel safe.
    ///
    /// # Errors
    /// The operating system's; most pass, so that a server tries again.
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        self.listener.accept().await
    }
}

#[cfg(feature = "axum")]
impl axum::serve::Listener for Listener {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        axum::serve::Listener::accept(&mut self.listener).await
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Self::local_addr(self)
    }
}
