//! The methods of the component that is called, as their author describes them. All take the number of
//! a call; all but [`STREAM`] answer the index of the replica.

use std::time::Duration;

use weaver_runtime::{
    MethodShape, MethodSpec,
    fingerprint::{Fingerprint, Signature},
};

/// How long [`QUICK`] waits before a second replica is asked.
pub(crate) const HEDGE: Duration = Duration::from_millis(30);

/// A method and its index on the wire.
#[derive(Clone, Copy)]
pub(crate) struct Method {
    pub(crate) index: u16,
    pub(crate) spec: &'static MethodSpec,
}

/// May run once only.
pub(crate) const ADD: Method = {
    static SPEC: MethodSpec = MethodSpec::new("add", &["id"], shape);
    Method { index: 0, spec: &SPEC }
};

/// May run several times.
pub(crate) const LOOK: Method = {
    static SPEC: MethodSpec = MethodSpec::new("look", &["id"], shape).idempotent();
    Method { index: 1, spec: &SPEC }
};

/// Is hedged.
pub(crate) const QUICK: Method = {
    static SPEC: MethodSpec =
        MethodSpec::new("quick", &["id"], shape).hedged_after_milliseconds(30);
    Method { index: 2, spec: &SPEC }
};

/// Equal numbers meet the same replica.
pub(crate) const KEYED: Method = {
    static SPEC: MethodSpec = MethodSpec::new("keyed", &["id"], shape).routed_by(&["id"]);
    Method { index: 3, spec: &SPEC }
};

/// Answers a stream of as many items as its argument says.
pub(crate) const STREAM: Method = {
    static SPEC: MethodSpec = MethodSpec::new("stream", &["items"], shape);
    Method { index: 4, spec: &SPEC }
};

fn shape() -> MethodShape {
    MethodShape::of::<(u64,), u32, ()>()
}

/// What both sides compare before the first call.
pub(crate) fn signatures() -> Vec<Signature> {
    let methods = [ADD, LOOK, QUICK, KEYED, STREAM];
    let name = |method: Method| format!("Backend.{}", method.spec.name);
    methods.into_iter().map(|method| Signature::new(name(method), "1")).collect()
}

pub(crate) fn fingerprint() -> Fingerprint {
    Fingerprint::of(&signatures())
}
