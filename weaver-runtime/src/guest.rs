//! A program, or a part of one, as a guest: what a host calls, and what a guest asks of it.
//!
//! A guest has no thread that waits. Its host hands it frames and gives it a turn; the guest works on its
//! tokio runtime until there is nothing left to do without waiting, and gives frames back (see `turn`).
//! Everything else is as in a process: a [`Node`] with components, whose outside is the host.

#[allow(clippy::all, clippy::pedantic, warnings, unsafe_code, reason = "generated: see its head")]
mod bindings;
#[allow(unsafe_code, reason = "what the host calls has the C calling convention")]
mod exports;
mod main_entry;
mod outside;
mod turn;

use std::{
    cell::{Cell, RefCell},
    fmt,
    future::Future,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
};

use tokio::sync::oneshot;

pub use self::main_entry::{MainEntry, MainFuture, Reported, main, main_future};
pub(crate) use self::outside::listen;
use self::{bindings::weaver::guest::host, outside::ThroughHost, turn::Turns};
use crate::{
    client::READY_METHOD,
    codec,
    component::{BoxFuture, Dispatch},
    construct::Local,
    error::{CallErrorKind, Failure, Ran, Result},
    link::{Called, Connected, Link, Serve, Side},
    logs::init_logs_of,
    message::Message,
    node::{Calls, MainEnd, Node},
    registry::Registry,
    sandbox::{GUEST_COMPONENT, Guest, GuestBootstrap},
    whereabouts,
};

thread_local! {
    static PROGRAM: RefCell<Option<Rc<Program>>> = const { RefCell::new(None) };
    /// The call that is being worked on; 0 for what belongs to none.
    static CURRENT: Cell<u64> = const { Cell::new(0) };
    /// The host has asked for the author's `main`.
    static MAIN_WANTED: RefCell<Option<oneshot::Sender<MainEnd>>> = const { RefCell::new(None) };
}

/// The program that this instance is.
struct Program {
    turns: Turns,
    link: Arc<Link>,
    inside: Inside,
    node: Arc<Node>,
    main: RefCell<Option<Running>>,
}

/// The author's `main`, which need not be `Send`: it runs between the tasks.
type Running = Pin<Box<dyn Future<Output = ()>>>;

impl Program {
    fn start(bootstrap: &[u8]) -> Result<Self, String> {
        let bootstrap: GuestBootstrap = codec::decode(bootstrap).map_err(text)?;
        main_entry::init();
        init_logs_of(&bootstrap.group);
        let registry = registry()?;
        compare(&bootstrap.components, &registry)?;
        whereabouts::remember_host(bootstrap.process_id);
        let config = bootstrap.config().map_err(text)?;
        let turns = Turns::new().map_err(text)?;
        // The host looks after each turn.
        let link = Link::new(Side::Guest, (&config.limits()).into(), || {});
        outside::remember(&link);
        let GuestBootstrap { group, placement, .. } = bootstrap;
        let outside = Box::new(ThroughHost::new(Arc::clone(&link)));
        let calls = Calls::Remote { group, placement, outside };
        let node = turns.enter(|| Node::start(registry, config, calls));
        let inside = Inside::new(Arc::clone(&node));
        Ok(Self { turns, link, inside, node, main: RefCell::new(None) })
    }

    /// Takes what the host has said, and begins the calls.
    fn receive(&self, frames: Vec<u8>) {
        if let Err(error) = self.link.receive(frames.into(), &self.inside) {
            panic!("the host says {error}");
        }
    }

    /// The same while one is polled.
    fn receive_within(&self, frames: Vec<u8>) {
        if let Err(error) = self.link.receive_within(frames.into(), &self.inside) {
            panic!("the host says {error}");
        }
    }

    /// Goes on with the author's `main`, if it is to run.
    fn poll_main(&self, cx: &mut Context<'_>) {
        if let Some(wanted) = MAIN_WANTED.take() {
            let node = Arc::clone(&self.node);
            self.main.replace(Some(Box::pin(async move {
                // The host may have stopped waiting.
                let _ = wanted.send(main_entry::run(node).await);
            })));
        }
        let mut main = self.main.borrow_mut();
        if let Some(running) = main.as_mut()
            && running.as_mut().poll(cx).is_ready()
        {
            *main = None;
        }
    }

    fn has_main(&self) -> bool {
        self.main.borrow().is_some()
    }
}

fn registry() -> Result<Registry, String> {
    let (package, main) = main_entry::spec();
    Registry::collect(package.to_owned(), main).map_err(text)
}

/// The host's program and this one must be one: indices say which component is meant.
fn compare(expected: &[String], registry: &Registry) -> Result<(), String> {
    let here: Vec<_> = registry.iter().map(|it| it.component.name).collect();
    let missing: Vec<_> = expected.iter().filter(|name| !here.contains(&name.as_str())).collect();
    let more: Vec<_> = here.iter().filter(|name| !expected.iter().any(|it| it == *name)).collect();
    match (missing.is_empty(), more.is_empty()) {
        (true, true) => Ok(()),
        _ => Err(format!(
            "the WebAssembly build of the program differs from the native one: missing in it are \
             {missing:?}, and only there are {more:?}; is an implementation left out for a target, or \
             its crate not named in the program (`use that_crate as _;`)?"
        )),
    }
}

/// A panic ends the instance: these are its last words.
fn tell_host_of_panics() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        before(info);
        let message = info.payload_as_str().unwrap_or("a value that is no text");
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        host::panicked(CURRENT.get(), message, &place);
    }));
}

/// What the host may call.
struct Inside {
    node: Arc<Node>,
    guest: Arc<dyn Dispatch>,
}

impl Inside {
    fn new(node: Arc<Node>) -> Self {
        let guest: Arc<dyn Guest> = Arc::new(Commands { node: Arc::clone(&node) });
        Self { node, guest: Arc::new(Local(guest)) }
    }
}

impl Serve for Inside {
    fn call(&self, called: Called) -> BoxFuture<'static, Result<Message, Failure>> {
        let Called { id, component, method, arguments, .. } = called;
        if (component, method) == (GUEST_COMPONENT, READY_METHOD) {
            let node = Arc::clone(&self.node);
            return Box::pin(async move {
                node.settled().await;
                Ok(Message::empty())
            });
        }
        let target = match component {
            GUEST_COMPONENT => Some(Arc::clone(&self.guest)),
            _ => self.node.target(component),
        };
        Box::pin(Attributed {
            call: id,
            inner: async move {
                let Some(target) = target else {
                    let reason = format!("no component with index {component} is in this guest");
                    return Err(Failure::new(CallErrorKind::Malformed { reason }, Ran::No));
                };
                target.dispatch(method, arguments).await
            },
        })
    }

    fn connected(&self, connected: Connected) {
        outside::connected(connected);
    }
}

pin_project_lite::pin_project! {
    /// The work for a call, so that the host hears whose fault a panic is.
    struct Attributed<F> {
        call: u64,
        #[pin]
        inner: F,
    }
}

impl<F: Future> Future for Attributed<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let attributed = self.project();
        let before = CURRENT.replace(*attributed.call);
        let polled = attributed.inner.poll(cx);
        CURRENT.set(before);
        polled
    }
}

/// What the host asks of this guest.
struct Commands {
    node: Arc<Node>,
}

#[weaver_macros::component(unregistered)]
impl Guest for Commands {
    async fn run_main(&self) -> Result<Option<u8>> {
        let (wanted, ended) = oneshot::channel();
        MAIN_WANTED.set(Some(wanted));
        Ok(match ended.await {
            Ok(MainEnd::Returned(code)) => Some(code),
            Ok(MainEnd::NotStarted) | Err(_) => None,
        })
    }

    async fn failed(&self) -> Result<Vec<(String, String)>> {
        Ok(self.node.failed())
    }

    async fn shutdown(&self) -> Result<()> {
        self.node.shutdown().await;
        Ok(())
    }
}

fn text(error: impl fmt::Display) -> String {
    error.to_string()
}
