//! What is outside of a guest: other components, and who connects to its listeners. The host has both.

use std::{
    future::{Future, poll_fn},
    io,
    net::SocketAddr,
    pin::pin,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    task::Poll,
};

use tokio::sync::mpsc;

use super::{PROGRAM, host};
use crate::{
    client::{Request, Transport},
    error::Failure,
    limits::{GUEST_EXCHANGE_BYTES_MAX, LISTENERS_MAX},
    link::{Connected, Link},
    listener::{Arrivals, Listener},
    message::Message,
    node::{Callee, Carried, Carry, Checked, Node, Outside},
};

/// The host, as a node's outside.
pub(super) struct ThroughHost {
    link: Arc<Link>,
}

impl ThroughHost {
    pub(super) fn new(link: Arc<Link>) -> Self {
        Self { link }
    }
}

impl Outside for ThroughHost {
    fn transport(&self, _: &Node, callee: Callee<'_>) -> Arc<dyn Transport> {
        let to = To { link: Arc::clone(&self.link), component: callee.index };
        // The host refuses what cannot travel: it has the program's graph, which costs milliseconds.
        Arc::new(Checked::new(to, Carried::new(&[])))
    }

    fn bind(&self, name: &'static str) -> io::Result<Listener> {
        Listener::bind(name, SocketAddr::from(([127, 0, 0, 1], 0)))
    }
}

/// Calls to one component, wherever the host finds it.
struct To {
    link: Arc<Link>,
    component: u16,
}

impl Carry for To {
    async fn carry(&self, request: Request) -> Result<Message, Failure> {
        let Request { method, key, arguments, .. } = request;
        let mut calling = pin!(self.link.call(self.component, method, key, arguments?));
        let mut is_first = true;
        poll_fn(|cx| match calling.as_mut().poll(cx) {
            // What is answered at once does not cost another turn.
            Poll::Pending if std::mem::take(&mut is_first) && exchange(&self.link) => {
                calling.as_mut().poll(cx)
            }
            polled => polled,
        })
        .await
    }
}

/// Tells the host what waits to be said, and takes what it has to say. Not before the program has started, and
/// not if there is so much that the host wants to take its time.
fn exchange(link: &Arc<Link>) -> bool {
    let Some(program) = PROGRAM.with_borrow(Clone::clone) else { return false };
    if link.outgoing_bytes() > GUEST_EXCHANGE_BYTES_MAX {
        return false;
    }
    let frames = host::exchange(&link.take_outgoing());
    program.receive_within(frames);
    true
}

static LINK: OnceLock<Arc<Link>> = OnceLock::new();

/// Where connections go, by the number of the listener.
static LISTENERS: Mutex<Vec<mpsc::UnboundedSender<Connected>>> = Mutex::new(Vec::new());

/// The link of this instance, of which there is one.
pub(super) fn remember(link: &Arc<Link>) {
    // It is set once, at the start.
    let _ = LINK.set(Arc::clone(link));
}

/// Asks the host to bind a listener: where, and who connects.
pub(crate) fn listen(name: &str) -> io::Result<(SocketAddr, Arrivals)> {
    let link = LINK.get().ok_or_else(|| io::Error::other("the guest has not started"))?;
    let mut listeners = LISTENERS.lock().unwrap_or_else(PoisonError::into_inner);
    let number = u16::try_from(listeners.len()).unwrap_or(u16::MAX);
    if listeners.len() >= LISTENERS_MAX {
        return Err(io::Error::other(format!("a guest has at most {LISTENERS_MAX} listeners")));
    }
    let address = host::listen(name).map_err(io::Error::other)?;
    let address = address.parse().map_err(io::Error::other)?;
    // The host sends no more than it lets wait.
    let (sender, arrivals) = mpsc::unbounded_channel();
    listeners.push(sender);
    Ok((address, Arrivals::new(Arc::clone(link), number, arrivals)))
}

pub(super) fn connected(connected: Connected) {
    let listeners = LISTENERS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(listener) = listeners.get(usize::from(connected.listener)) {
        // Whose listener was dropped is not listening: the connection is, too.
        let _ = listener.send(connected);
    }
}
