//! [`Nearby`]: a callee on the host of its caller that does whatever a test wants.

use std::sync::Arc;

use weaver_runtime::{CallError, CallErrorKind, Error, Ran, net::Hello};

use crate::{
    authority::Authority,
    near::{Door, Purpose, Socket},
    probe::{CALLEE, Caller, FRIEND, methods},
    raw::{Raw, RawCallee, Welcome, encode, frame, kind},
    within,
};

/// A callee that has a caller on its socket.
pub(crate) struct Nearby {
    pub(crate) raw: Raw,
    pub(crate) door: Door,
    /// Where the caller is dialled.
    pub(crate) local: String,
    pub(crate) socket: Socket,
}

impl Nearby {
    pub(crate) async fn new(mut raw: Raw) -> Self {
        let door = Door::open();
        let local = welcome(&mut raw, &door.name).await.expect("it is a neighbour");
        let socket = door.let_in(&raw.quic, Purpose::Shared).await;
        Self { raw, door, local, socket }
    }

    /// The id of the next call.
    pub(crate) async fn next_call(&mut self) -> u64 {
        let request = self.socket.next().await;
        assert_eq!(request.kind, kind::REQUEST);
        request.call
    }

    /// A socket for one large answer.
    pub(crate) async fn large(&self) -> Socket {
        Socket::enter(&self.local, &self.raw.quic, Purpose::Answer).await
    }
}

/// Tells the caller to dial `name`; where it listens itself. A caller that does not listen is welcome on
/// QUIC.
pub(crate) async fn welcome(raw: &mut Raw, name: &str) -> Option<String> {
    let greeting = raw.next().await;
    assert_eq!(greeting.kind, kind::HELLO);
    let hello: Hello = greeting.decode();
    let come = match hello.local {
        Some(_) => Welcome::ComeTo { local: name.to_owned() },
        None => Welcome::Come,
    };
    raw.send(&frame(kind::WELCOME, 0, 0, 0, &encode(&come))).await;
    hello.local
}

pub(crate) fn reply(call: u64, text: &str) -> Vec<u8> {
    frame(kind::REPLY, call, 0, 0, &encode(&Ok::<_, Error>(text)))
}

/// A real caller of a callee that runs `script` with each connection.
pub(crate) fn caller_of<F>(script: impl Fn(Raw) -> F + Send + 'static) -> (RawCallee, Caller)
where
    F: Future<Output = ()> + Send + 'static,
{
    let authority = Authority::new();
    let callee = RawCallee::new(&authority.identity(CALLEE), script);
    let caller = Caller::new(&authority, FRIEND, methods(), callee.address);
    (callee, caller)
}

pub(crate) fn assert_unknown(what: &str, error: &CallError) {
    assert!(matches!(error.kind(), CallErrorKind::OutcomeUnknown { .. }), "{what}: {error}");
    assert_eq!(error.ran(), Ran::Unknown, "{what}");
}

pub(crate) type Running = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

/// The error of one call, which must end within `seconds`.
pub(crate) async fn failed_within(
    seconds: u64,
    what: &str,
    script: impl Fn(Nearby) -> Running + Send + Sync + 'static,
) -> CallError {
    let script = Arc::new(script);
    let (_callee, caller) = caller_of(move |raw| {
        let script = Arc::clone(&script);
        async move { script(Nearby::new(raw).await).await }
    });
    let call = within(seconds, what, caller.probe.echo("x".to_owned())).await;
    call.unwrap_err().call_error().unwrap().clone()
}
