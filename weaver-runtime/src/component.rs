//! [`Component`]: what `#[component]` makes of a trait, and the constant description of it.

use std::{
    any::TypeId,
    collections::BTreeMap,
    future::Future,
    marker::PhantomData,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    client::Client,
    error::{CallErrorKind, Failure},
    message::Message,
    shape::{Part, Problem, Shape},
};

/// The future of a component method: one box, `Send`, as async-trait makes it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Implemented by `#[component]` for `dyn Trait`, never by hand.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a component",
    label = "not a component",
    note = "a component is `dyn Trait` of a trait that is marked `#[component]`"
)]
pub trait Component: Send + Sync + 'static {
    /// The component's description.
    const SPEC: &'static ComponentSpec;

    /// The caller's half of a remote call: a client as the trait itself.
    fn from_client(client: Client<Self>) -> Arc<Self>;

    /// The callee's half: decodes the arguments of `method`, runs it, and encodes its result.
    fn dispatch(&self, method: u16, arguments: Message) -> BoxFuture<'_, Result<Message, Failure>>;
}

/// Demands of `T`, of which `T: Trait` alone is known, what `#[component]` makes supertraits of `Trait`.
#[derive(Debug)]
pub struct Marked<T: ?Sized>(PhantomData<T>)
where
    PhantomData<T>: ComponentAttribute;

/// What a trait without `#[component]` lacks.
#[diagnostic::on_unimplemented(
    message = "this trait is not marked as a component",
    label = "write `#[component]` above `trait` where it is declared",
    note = "`#[component]` belongs above the trait and above its implementation"
)]
pub trait ComponentAttribute {}

#[diagnostic::do_not_recommend]
impl<T: Send + Sync + ?Sized> ComponentAttribute for PhantomData<T> {}

/// What is known of a component at compile time.
#[derive(Debug)]
pub struct ComponentSpec {
    /// The trait's identifier, or what `#[component(name = "…")]` says.
    pub name: &'static str,
    /// The methods in the order of their declaration; a method's index is its name on the wire.
    pub methods: &'static [MethodSpec],
    /// The trait's module.
    pub module: &'static str,
    /// Where the trait is declared: `file:line`.
    pub location: &'static str,
}

/// What is known of a method at compile time.
#[derive(Debug)]
pub struct MethodSpec {
    /// The method's identifier.
    pub name: &'static str,
    /// The arguments' identifiers, in order.
    pub arguments: &'static [&'static str],
    /// Whether the author wrote `#[idempotent]`: the call may be sent again when its outcome is
    /// unknown.
    pub idempotent: bool,
    /// `#[idempotent(hedge = "…")]`: a call without an answer after this long is sent to a second
    /// replica as well.
    pub hedge: Option<Duration>,
    /// `#[timeout("…")]`: the deadline of a call whose caller sets no earlier one.
    pub timeout: Option<Duration>,
    /// `#[route(…)]`: the arguments, or the fields of some, that are the call's key; equal keys meet the same
    /// replica. Without the attribute there are none.
    pub route: &'static [&'static str],
    /// Examines the types of the arguments, of the value and of the error; costs up to milliseconds.
    pub shape: fn() -> MethodShape,
}

/// What `#[component]` on a trait emits: a method, then what its attributes say.
impl MethodSpec {
    /// A method without attributes.
    #[must_use]
    pub const fn new(
        name: &'static str,
        arguments: &'static [&'static str],
        shape: fn() -> MethodShape,
    ) -> Self {
        Self { name, arguments, idempotent: false, hedge: None, timeout: None, route: &[], shape }
    }

    /// `#[idempotent]`.
    #[must_use]
    pub const fn idempotent(self) -> Self {
        Self { idempotent: true, ..self }
    }

    /// `#[idempotent(hedge = "…")]`.
    #[must_use]
    pub const fn hedged_after_milliseconds(self, milliseconds: u64) -> Self {
        Self { idempotent: true, hedge: Some(Duration::from_millis(milliseconds)), ..self }
    }

    /// `#[timeout("…")]`.
    #[must_use]
    pub const fn timeout_milliseconds(self, milliseconds: u64) -> Self {
        Self { timeout: Some(Duration::from_millis(milliseconds)), ..self }
    }

    /// `#[route(…)]`.
    #[must_use]
    pub const fn routed_by(self, route: &'static [&'static str]) -> Self {
        Self { route, ..self }
    }

    /// The description of the method `name` of `component`, for its implementation. Where there is
    /// none the compiler has refused the implementation, and what stands here is never used.
    #[must_use]
    pub const fn of(component: &'static ComponentSpec, name: &str) -> &'static Self {
        let mut index = 0;
        while index < component.methods.len() {
            if is_same(component.methods[index].name, name) {
                return &component.methods[index];
            }
            index += 1;
        }
        &NO_METHOD
    }

    /// Whether `component` has a method `name`.
    #[must_use]
    pub const fn is_in(component: &'static ComponentSpec, name: &str) -> bool {
        !is_same(Self::of(component, name).name, NO_METHOD.name)
    }
}

const fn is_same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut index = 0;
    while index < a.len() && index < b.len() && a[index] == b[index] {
        index += 1;
    }
    index == a.len() && index == b.len()
}

const NO_METHOD: MethodSpec = MethodSpec::new("?", &[], MethodShape::of::<(), (), ()>);

/// What a method's types look like when they are encoded.
#[derive(Debug)]
pub struct MethodShape {
    /// The arguments, as one tuple.
    pub arguments: Shape,
    /// What the method returns when it succeeds.
    pub value: Shape,
    /// What it returns when it fails, or when the call does.
    pub error: Shape,
}

impl MethodShape {
    /// Examines a method's types, each once in the life of the process, or twice, if it is both a value and an
    /// error. The two halves of the result are examined apart: most methods share their error type, which has many
    /// variants.
    #[must_use]
    pub fn of<A, T, E>() -> Self
    where
        A: Serialize + DeserializeOwned,
        T: Serialize + DeserializeOwned,
        E: Serialize + DeserializeOwned,
    {
        Self {
            arguments: shape::<A>(Part::Arguments),
            value: shape::<T>(Part::Value),
            error: shape::<E>(Part::Other),
        }
    }
}

/// The callee's half of a component with its type erased: what a node keeps in its table.
pub trait Dispatch: Send + Sync + 'static {
    /// What a call must wait for before it is dispatched; `None` if it need not wait. A call that fails
    /// here has not run.
    fn readiness(&self) -> Option<BoxFuture<'_, Result<(), Failure>>> {
        None
    }

    /// See [`Component::dispatch`].
    fn dispatch(&self, method: u16, arguments: Message) -> BoxFuture<'_, Result<Message, Failure>>;
}

/// The answer to a method index that the component does not have.
pub fn no_such_method<'a, C: Component + ?Sized>(
    method: u16,
) -> BoxFuture<'a, Result<Message, Failure>> {
    let reason = format!("{} has no method with index {method}", C::SPEC.name);
    let failure = Failure::new(CallErrorKind::Malformed { reason }, crate::error::Ran::No);
    Box::pin(std::future::ready(Err(failure)))
}

impl MethodShape {
    /// Why calls to the method cannot cross a boundary, each with its place; `arguments` are the
    /// arguments' names.
    #[must_use]
    pub fn problems(&self, arguments: &[&str]) -> Vec<String> {
        let errors = |shape: &'_ Shape| {
            shape.problems().iter().filter(|p| p.is_error()).cloned().collect::<Vec<_>>()
        };
        let arguments_problems = errors(&self.arguments).into_iter();
        let in_arguments = arguments_problems.map(|problem| in_argument(&problem, arguments));
        let in_value =
            errors(&self.value).into_iter().map(|problem| problem_in("the result", &problem));
        let in_error =
            errors(&self.error).into_iter().map(|problem| problem_in("the error", &problem));
        in_arguments.chain(in_value).chain(in_error).collect()
    }
}

/// The shape of a type, from memory where it was examined before: methods share types, and a process
/// may hold several [`App`](crate::App)s.
fn shape<T: Serialize + DeserializeOwned>(part: Part) -> Shape {
    static SHAPES: Mutex<BTreeMap<(TypeId, Part), Shape>> = Mutex::new(BTreeMap::new());
    // Types that differ in lifetimes only are one here, as they are on the wire.
    let id = (typeid::of::<T>(), part);
    let known = SHAPES.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
    known.unwrap_or_else(|| {
        // Not under the lock: it runs the author's code.
        let shape = Shape::of_part::<T>(part);
        let mut shapes = SHAPES.lock().unwrap_or_else(PoisonError::into_inner);
        shapes.insert(id, shape.clone());
        shape
    })
}

/// A problem in the tuple of arguments, by the argument's name.
fn in_argument(problem: &Problem, arguments: &[&str]) -> String {
    let (first, rest) = split_path(&problem.path);
    let index = first.trim_start_matches('.').parse::<usize>().ok();
    match index.and_then(|index| arguments.get(index)) {
        Some(name) => format!("argument `{name}`{} {}", at(rest), problem.kind),
        None => problem_in("the arguments", problem),
    }
}

fn problem_in(what: &str, problem: &Problem) -> String {
    format!("{what}{} {}", at(&problem.path), problem.kind)
}

fn at(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!(", at `{path}`,") }
}

/// The first step of a path, and the rest.
fn split_path(path: &str) -> (&str, &str) {
    let steps = path.char_indices().skip(2).find(|(_, c)| matches!(c, '.' | '[' | ':'));
    path.split_at(steps.map_or(path.len(), |(end, _)| end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_name_the_argument_the_result_or_the_error() {
        type Json = serde_json::Value;
        let shape = MethodShape::of::<(u32, Json), Vec<Json>, (Json,)>();
        let problems = shape.problems(&["count", "body"]);
        assert_eq!(problems.len(), 3, "{problems:#?}");
        assert!(problems[0].starts_with("argument `body` asks the encoding for"), "{problems:#?}");
        assert!(problems[1].starts_with("the result, at `[]`, asks the encoding"), "{problems:#?}");
        assert!(problems[2].starts_with("the error, at `.0`, asks the encoding"), "{problems:#?}");
    }

    #[test]
    fn a_method_that_can_be_carried_has_no_problems() {
        let shape = MethodShape::of::<(String, Vec<u8>), Option<u64>, crate::Error>();
        assert_eq!(shape.problems(&["name", "bytes"]), Vec::<String>::new());
    }

    #[test]
    fn streams_are_arguments_or_values_perhaps_in_one_tuple() {
        use crate::Stream;
        type One = (Stream<u8>,);
        fn problems<A, T, E>() -> Vec<String>
        where
            A: Serialize + DeserializeOwned,
            T: Serialize + DeserializeOwned,
            E: Serialize + DeserializeOwned,
        {
            MethodShape::of::<A, T, E>().problems(&["streams"])
        }
        assert_eq!(problems::<One, Stream<u8>, ()>(), Vec::<String>::new());
        assert_eq!(problems::<(Option<Stream<u8>>,), (), ()>(), Vec::<String>::new());
        assert_eq!(problems::<(One,), One, ()>(), Vec::<String>::new());
        for (problems, place) in [
            (problems::<((One,),), (), ()>(), "argument `streams`, at `.0.0`,"),
            (problems::<(), (One,), ()>(), "the result, at `.0.0`,"),
            (problems::<(), Result<Stream<u8>, String>, ()>(), "the result, at `::Ok`,"),
            (problems::<(), (), Stream<u8>>(), "the error"),
        ] {
            let [problem] = &problems[..] else { panic!("{place}: {problems:#?}") };
            assert!(
                problem.starts_with(&format!("{place} is a stream, which cannot")),
                "{problem}"
            );
        }
        let [nested] = &problems::<(Stream<Vec<Stream<u8>>>,), (), ()>()[..] else { panic!() };
        assert!(nested.ends_with("is a stream whose items cannot travel: they hold streams"));
    }
}
