//! [`Io`]: where the QUIC drivers and the multiplexers run.
//!
//! In a multi-thread program they run on a current-thread runtime on a thread of their own (measured:
//! 1.2–1.5× the calls a second with 64 or more in flight); in a current-thread program, where such a
//! thread hurts, they run in place.

use std::{
    future::Future, io, net::UdpSocket, pin::Pin, sync::Arc, thread::JoinHandle, time::Instant,
};

use tokio::{
    runtime::{Builder, Handle, RuntimeFlavor},
    sync::oneshot,
};

/// The runtime for I/O of one node.
#[derive(Clone, Debug)]
pub struct Io {
    handle: Handle,
    /// Ends the thread, if there is one, when the last clone is dropped.
    _thread: Option<Arc<IoThread>>,
}

#[derive(Debug)]
struct IoThread {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Io {
    /// To be called inside the program's runtime.
    ///
    /// # Errors
    /// The operating system gives no thread, or no poll instance.
    pub fn new() -> io::Result<Self> {
        let current = Handle::current();
        if current.runtime_flavor() == RuntimeFlavor::CurrentThread {
            return Ok(Self { handle: current, _thread: None });
        }
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::Builder::new().name("weaver-io".to_owned()).spawn(move || {
            // An error means that the sender was dropped, which is a stop, too.
            let _ = runtime.block_on(stopped);
        })?;
        let thread = IoThread { stop: Some(stop), thread: Some(thread) };
        Ok(Self { handle, _thread: Some(Arc::new(thread)) })
    }

    /// The runtime's handle.
    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Starts a task there.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.handle.spawn(task);
    }
}

impl Drop for IoThread {
    fn drop(&mut self) {
        drop(self.stop.take());
        let Some(thread) = self.thread.take() else { return };
        // The last clone can be dropped by a task of the I/O thread itself, which must not wait
        // for its own end.
        if thread.thread().id() != std::thread::current().id() {
            // An error is a panic of the thread, which its panic message has reported.
            let _ = thread.join();
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
        quinn::TokioRuntime.wrap_udp_socket(socket)
    }
}
