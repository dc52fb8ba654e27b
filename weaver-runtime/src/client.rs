//! [`Client`]: the caller's half of a remote call, and [`Transport`]: the seam below it.

use std::{fmt, future::Future, marker::PhantomData, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    component::{BoxFuture, Component},
    error::{CallError, Failure, Ran},
    message::Message,
};

/// Carries one encoded call to where the component runs, and its encoded result back.
///
/// Dropping the future gives the call up; the callee is told where that is possible.
pub trait Transport: Send + Sync + 'static {
    /// Calls the method with index `method`. Arguments that could not be encoded come here, too: a
    /// transport may know better why.
    fn call(
        &self,
        method: u16,
        arguments: Result<Message, Failure>,
    ) -> BoxFuture<'_, Result<Message, Failure>>;
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
    arguments: A,
) -> BoxFuture<'a, Result<T, E>>
where
    C: Component + ?Sized,
    A: Serialize,
    T: DeserializeOwned,
    E: DeserializeOwned + From<CallError>,
{
    let request = Message::encode(&arguments, Ran::No);
    Box::pin(async move {
        match exchange(client, method, request).await {
            Ok(result) => result,
            Err(failure) => {
                Err(CallError::new(C::SPEC.name, method_name::<C>(method), failure).into())
            }
        }
    })
}

async fn exchange<C: Component + ?Sized, R: DeserializeOwned>(
    client: &Client<C>,
    method: u16,
    request: Result<Message, Failure>,
) -> Result<R, Failure> {
    let reply = client.transport.call(method, request).await?;
    reply.decode(Ran::Yes)
}

fn method_name<C: Component + ?Sized>(method: u16) -> &'static str {
    C::SPEC.methods.get(usize::from(method)).map_or("?", |spec| spec.name)
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
    let decoded = arguments.decode::<A>(Ran::No);
    drop(arguments);
    match decoded {
        Ok(decoded) => {
            let running = method(decoded);
            Box::pin(async move { Message::encode(&running.await, Ran::Yes) })
        }
        Err(failure) => Box::pin(std::future::ready(Err(failure))),
    }
}
