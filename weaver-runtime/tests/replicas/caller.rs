//! [`Caller`]: a node that calls replicas.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use weaver_runtime::{
    Failure, Message, Ran, Request, Stream, Transport,
    limits::Limits,
    net::{Endpoint, Hello, Identity, Io, Router},
};

use crate::{
    deployment::CALLEE,
    method::{KEYED, Method, STREAM, fingerprint, signatures},
    soon,
};

/// A node that calls.
pub(crate) struct Caller {
    pub(crate) router: Arc<Router>,
    pub(crate) backend: Backend,
}

impl Caller {
    pub(crate) fn new(identity: &Identity, limits: &Limits) -> Self {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self::on(Endpoint::bind(any, identity, limits, Io::new().unwrap()).unwrap())
    }

    /// A node that is called on the same socket.
    pub(crate) fn on(endpoint: Endpoint) -> Self {
        let router = Router::new(endpoint, Hello::new(fingerprint()), signatures());
        let backend = Backend(router.transport(CALLEE, 0));
        Self { router, backend }
    }
}

/// The component that is called.
#[derive(Clone)]
pub(crate) struct Backend(Arc<dyn Transport>);

impl Backend {
    /// The index of the replica that answers.
    pub(crate) async fn call(&self, method: Method, call: u64) -> Result<u32, Failure> {
        let key = (method.index == KEYED.index).then_some(call);
        soon("a call", self.send(method, key, call)).await?.decode(Ran::Yes)
    }

    /// The same, where the test does not expect a failure.
    pub(crate) async fn served_by(&self, method: Method, call: u64) -> u32 {
        let answer = self.call(method, call).await;
        answer.unwrap_or_else(|failure| panic!("call {call}: {failure:?}"))
    }

    pub(crate) async fn stream(&self, items: u64) -> Result<Stream<u64>, Failure> {
        soon("a call", self.send(STREAM, None, items)).await?.decode(Ran::Yes)
    }

    /// As a client does it.
    async fn send(
        &self,
        method: Method,
        key: Option<u64>,
        argument: u64,
    ) -> Result<Message, Failure> {
        let arguments = Message::encode(&(argument,), Ran::No);
        let Method { index, spec } = method;
        self.0.call(Request { method: index, spec: Some(spec), key, arguments }).await
    }
}
