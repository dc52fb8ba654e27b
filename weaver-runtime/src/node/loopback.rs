//! What a node puts between a reference and where its calls go: [`Checked`] refuses what cannot travel
//! and keeps the call's deadline; behind it is another process, or a [`Loopback`].

use std::{future::Future, sync::Arc};

use super::slot::Slot;
use crate::{
    client::{Request, Transport},
    component::{BoxFuture, Dispatch},
    context::{self, Expired, Guarded},
    error::{CallErrorKind, Failure, Ran},
    frame::CatchPanic,
    graph::MethodNode,
    message::Message,
    panics,
};

/// Where calls go. As [`Transport`], without a box of its own.
pub(crate) trait Carry: Send + Sync + 'static {
    fn carry(&self, request: Request) -> impl Future<Output = Result<Message, Failure>> + Send;
}

#[cfg(not(target_family = "wasm"))]
impl Carry for crate::net::Remote {
    fn carry(&self, request: Request) -> impl Future<Output = Result<Message, Failure>> + Send {
        self.carry(request)
    }
}

/// Calls a component in the same process through its bytes, so that a test of one process sees what
/// encoding does.
pub(super) struct Loopback(pub(super) Arc<Slot>);

impl Carry for Loopback {
    async fn carry(&self, request: Request) -> Result<Message, Failure> {
        dispatch(&*self.0, request).await
    }
}

/// Calls a component of this process through its bytes. A panic of a type's own code is an error.
pub(crate) async fn dispatch(target: &dyn Dispatch, request: Request) -> Result<Message, Failure> {
    let arguments = request.arguments?;
    let result = CatchPanic::new(target.dispatch(request.method, arguments)).await;
    result.unwrap_or_else(|message| {
        panics::log("a call's arguments or result", &message);
        Err(CallErrorKind::Panicked { message }.into())
    })
}

/// Where calls go, behind the check whether a method's types can be carried, and under the method's
/// deadline and that of whoever calls.
pub(crate) struct Checked<T> {
    next: T,
    carried: Carried,
}

impl<T: Carry> Checked<T> {
    pub(crate) fn new(next: T, carried: Carried) -> Self {
        Self { next, carried }
    }
}

impl<T: Carry> Transport for Checked<T> {
    fn call(&self, request: Request) -> BoxFuture<'_, Result<Message, Failure>> {
        if let Err(failure) = self.carried.check(request.method) {
            return Box::pin(std::future::ready(Err(failure)));
        }
        let limit = request.spec.and_then(|spec| spec.timeout);
        let call = Guarded::new(self.next.carry(request));
        match limit {
            None => Box::pin(call),
            Some(limit) => Box::pin(async move {
                let exceeded = |Expired| Err(CallErrorKind::DeadlineExceeded.into());
                context::within(limit, call).await.unwrap_or_else(exceeded)
            }),
        }
    }
}

/// Which methods of a component have types that a boundary cannot carry.
pub(crate) struct Carried(Vec<Option<String>>);

impl Carried {
    pub(crate) fn new(methods: &[MethodNode]) -> Self {
        let problems = |MethodNode { problems, .. }: &MethodNode| {
            (!problems.is_empty()).then(|| problems.join("; "))
        };
        Self(methods.iter().map(problems).collect())
    }

    pub(crate) fn check(&self, method: u16) -> Result<(), Failure> {
        match self.0.get(usize::from(method)) {
            Some(Some(problems)) => {
                let reason = problems.clone();
                Err(Failure::new(CallErrorKind::Malformed { reason }, Ran::No))
            }
            Some(None) | None => Ok(()),
        }
    }
}
