//! [`Io`]: where the QUIC drivers and the multiplexers run.
//!
//! In a multi-thread program they run on a thread of their own (measured: 1.2–1.5× the calls a second with
//! 64 or more in flight); in a current-thread program, where such a thread hurts, they run in place.

#[cfg(unix)]
use std::os::fd::AsRawFd;
use std::{future::Future, io, net::UdpSocket, pin::Pin, sync::Arc, time::Instant};

#[cfg(unix)]
use tokio::io::{Interest, unix::AsyncFd};
use tokio::runtime::{Builder, Handle, Runtime, RuntimeFlavor};

/// The runtime for I/O of one node.
#[derive(Clone, Debug)]
pub struct Io {
    handle: Handle,
    /// The program's own runtime.
    program: Handle,
    /// Ends the thread, if there is one, when the last clone is dropped.
    thread: Option<Arc<IoThread>>,
}

#[derive(Debug)]
struct IoThread(Option<Runtime>);

impl Io {
    /// To be called inside the program's runtime.
    ///
    /// # Errors
    /// The operating system gives no thread, or no poll instance.
    pub fn new() -> io::Result<Self> {
        let current = Handle::current();
        if current.runtime_flavor() == RuntimeFlavor::CurrentThread {
            return Ok(Self { handle: current.clone(), program: current, thread: None });
        }
        // A multi-thread runtime, for its one thread also begins calls (see `first_poll`), and
        // `block_in_place` is forbidden on any other.
        let mut builder = Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).thread_name("weaver-io").enable_all().build()?;
        let handle = runtime.handle().clone();
        let thread = Some(Arc::new(IoThread(Some(runtime))));
        Ok(Self { handle, program: current, thread })
    }

    /// The runtime's handle.
    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// The program's runtime, where its calls are made.
    pub(super) fn program(&self) -> &Handle {
        &self.program
    }

    /// Whether there is a thread for I/O, beside those of the program.
    pub(super) fn has_thread(&self) -> bool {
        self.thread.is_some()
    }

    /// Starts a task there.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.handle.spawn(task);
    }
}

impl Drop for IoThread {
    fn drop(&mut self) {
        // The last clone can be dropped by a task, of the I/O thread or of another, which must not wait.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Makes quinn run its drivers on a given runtime, whichever is current.
#[derive(Debug)]
pub(super) struct QuicRuntime(pub(super) Handle);

impl quinn::Runtime for QuicRuntime {
    fn new_timer(&self, deadline: Instant) -> Pin<Box<dyn quinn::AsyncTimer>> {
        let _entered = self.0.enter();
        quinn::TokioRuntime.new_timer(deadline)
    }

    fn spawn(&self, driver: Pin<Box<dyn Future<Output = ()> + Send>>) {
        self.0.spawn(driver);
    }

    fn wrap_udp_socket(&self, socket: UdpSocket) -> io::Result<Arc<dyn quinn::AsyncUdpSocket>> {
        let _entered = self.0.enter();
        #[cfg(unix)]
        return Ok(Arc::new(super::socket::Socket::new(socket, self.0.clone())?));
        #[cfg(not(unix))]
        return quinn::TokioRuntime.wrap_udp_socket(socket);
    }
}

/// Watches a socket in the current runtime.
#[cfg(unix)]
#[allow(
    deprecated,
    reason = "what replaces it is unsafe, for types that may change their descriptor: std's do not"
)]
pub(super) fn watch<T: AsRawFd>(socket: T, interest: Interest) -> io::Result<AsyncFd<T>> {
    AsyncFd::with_interest(socket, interest)
}
