//! [`Client`]: the caller's half of a remote call, and [`Transport`]: the seam below it.

use std::{fmt, future::Future, marker::PhantomData, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    component::{BoxFuture, Component, MethodSpec},
    error::{CallError, Failure, Ran},
    message::Message,
};

/// Carries one encoded call to where the component runs, and its encoded result back.
///
/// Dropping the future gives the call up; the callee is told where that is possible.
pub trait Transport: Send + Sync + 'static {
    /// Makes one call. Arguments that could not be encoded come here, too: a transport may know
    /// better why.
    fn call(&self, request: Request) -> BoxFuture<'_, Result<Message, Failure>>;
}

/// One call as its client hands it to a transport.
#[derive(Debug)]
pub struct Request {
    /// The method's index.
    pub method: u16,
    /// What is known of the method; `None` for the question whether a component is ready.
    pub spec: Option<&'static MethodSpec>,
    /// The hash of the route key, where the method has one.
    pub key: Option<u64>,
    /// The encoded arguments.
    pub arguments: Result<Message, Failure>,
}

/// The method index that asks whether a component can be called: no author's method has it.
#[cfg(feature = "node")]
pub(crate) const READY_METHOD: u16 = u16::MAX;

#[cfg(feature = "node")]
impl Request {
    /// The question whether a component can be called.
    pub(crate) fn ready() -> Self {
        let arguments = Ok(Message::empty());
        Self { method: READY_METHOD, spec: None, key: None, arguments }
    }
}

/// The caller's half of a remote component; `#[component]` implements the trait for it.
pub struct Client<C: ?Sized> {
    transport: Arc<dyn Transport>,
    component: PhantomData<fn() -> Box<C>>,
}

impl<C: Component + ?Sized> Client<C> {
    /// A client whose calls go through `transport`.
    pub fn new(transport: Arc<dyn Transport>) -> Self {
        Self { transport, component: PhantomData }
    }
}

impl<C: Component + ?Sized> fmt::Debug for Client<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client<{}>", C::SPEC.name)
    }
}

/// One call. The arguments are encoded before the future exists, so they need not outlive this
/// function, nor be `Sync`.
pub(crate) fn call<'a, C, A, T, E>(
    client: &'a Client<C>,
    method: u16,
    key: Option<u64>,
    arguments: A,
) -> BoxFuture<'a, Result<T, E>>
where
    C: Component + ?Sized,
    A: Serialize,
    T: DeserializeOwned,
    E: DeserializeOwned + From<CallError>,
{
    let arguments = Message::encode(&arguments, Ran::No);
    let spec = C::SPEC.methods.get(usize::from(method));
    let request = Request { method, spec, key, arguments };
    Box::pin(async move {
        match exchange(client, request).await {
            Ok(result) => result,
            Err(failure) => {
                let method = spec.map_or("?", |spec| spec.name);
                Err(CallError::new(C::SPEC.name, method, failure).into())
            }
        }
    })
}

async fn exchange<C: Component + ?Sized, R: DeserializeOwned>(
    client: &Client<C>,
    request: Request,
) -> Result<R, Failure> {
    let method = request.spec.map_or("?", |spec| spec.name);
    let mut reply = client.transport.call(request).await?;
    if reply.has_streams() {
        reply.streams().name(C::SPEC.name, method);
    }
    reply.decode(Ran::Yes)
}

/// The callee's half: `method` is the author's method over decoded arguments.
pub(crate) fn serve<'a, A, F, Fut, R>(
    arguments: Message,
    method: F,
) -> BoxFuture<'a, Result<Message, Failure>>
where
    A: DeserializeOwned + Send,
    F: FnOnce(A) -> Fut + Send + 'a,
    Fut: Future<Output = R> + Send + 'a,
    R: Serialize,
{
    match arguments.decode::<A>(Ran::No) {
        Ok(decoded) => {
            let running = method(decoded);
            Box::pin(async move { Message::encode(&running.await, Ran::Yes) })
        }
        Err(failure) => Box::pin(std::future::ready(Err(failure))),
    }
}
