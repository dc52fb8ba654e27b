//! [`Outward`]: what a guest may call.

use std::sync::Arc;

use super::{listeners::Listeners, record::Record};
use crate::{
    client::{Request, Transport},
    component::{BoxFuture, MethodSpec},
    error::{CallErrorKind, Failure, Ran, Refusal},
    graph::{Graph, MethodNode},
    link::{Called, Serve},
    message::Message,
    node::Carried,
    placement::Placement,
};

/// The components that a guest may call, by their index.
pub(crate) struct Outward {
    group: String,
    callees: Vec<Callee>,
}

struct Callee {
    name: String,
    /// `None` if the guest's group holds no reference to it.
    transport: Option<Arc<dyn Transport>>,
    methods: Vec<&'static MethodSpec>,
    carried: Carried,
}

impl Outward {
    /// `transport` says where calls to a component go, from its group and its index.
    pub(crate) fn new(
        group: &str,
        graph: &Graph,
        placement: &Placement,
        transport: impl Fn(&str, u16) -> Arc<dyn Transport>,
    ) -> Self {
        let components = (0..).zip(&graph.components);
        let callees = components.map(|(index, (name, node))| {
            let may_call = placement.callers_of(graph, name).contains(&group);
            let its_group = placement.group_of(name).filter(|_| may_call);
            Callee {
                name: name.clone(),
                transport: its_group.map(|its_group| transport(its_group, index)),
                methods: node.methods.iter().map(MethodNode::leak_spec).collect(),
                carried: Carried::new(&node.methods),
            }
        });
        Self { group: group.to_owned(), callees: callees.collect() }
    }

    /// The same for a link, whose guest also accepts connections.
    pub(super) fn of(self: &Arc<Self>, listeners: &Arc<Listeners>, record: &Arc<Record>) -> OfLink {
        OfLink {
            outward: Arc::clone(self),
            listeners: Arc::clone(listeners),
            record: Arc::clone(record),
        }
    }

    fn call(
        &self,
        called: Called,
        record: &Record,
    ) -> Result<(Arc<dyn Transport>, Request), Failure> {
        let Called { component, method, key, arguments, .. } = called;
        let Some(callee) = self.callees.get(usize::from(component)) else {
            let reason = format!("there is no component with index {component}");
            return Err(Failure::new(CallErrorKind::Malformed { reason }, Ran::No));
        };
        let Some(transport) = &callee.transport else {
            let name = &callee.name;
            record.refused(&format!("a call to {name}, to which no component of it has a `Ref`"));
            let refusal = Refusal::NotPermitted { group: self.group.clone() };
            return Err(CallErrorKind::Refused(refusal).into());
        };
        callee.carried.check(method)?;
        let spec = callee.methods.get(usize::from(method)).copied();
        let request = Request { method, spec, key, arguments: Ok(arguments) };
        Ok((Arc::clone(transport), request))
    }
}

/// What the guest of one link may do.
pub(super) struct OfLink {
    outward: Arc<Outward>,
    listeners: Arc<Listeners>,
    record: Arc<Record>,
}

impl Serve for OfLink {
    fn call(&self, called: Called) -> BoxFuture<'static, Result<Message, Failure>> {
        match self.outward.call(called, &self.record) {
            Ok((transport, request)) => Box::pin(async move { transport.call(request).await }),
            Err(failure) => Box::pin(std::future::ready(Err(failure))),
        }
    }

    fn accepted(&self, listener: u16) {
        self.listeners.accepted(listener);
    }
}
