//! What emitted code goes through to call a method: [`Method`] and [`Framed`], and the traits that
//! say what a method can carry.
//!
//! The compiler shall name each type that cannot travel once, at the author's own token, with what it
//! lacks: serde's traits, or `Send`, or `Sync` where it is lent. So the demand is made in one place, the
//! component's constant description, by [`argument`], [`borrowed`] and [`method`]; only that of a key's
//! fields, whose types no token names, is where their values are, by [`key_field`]. `Method`, `RouteKey`
//! and `Framed` make no demand: where their type does not fulfil what the functions here need, the
//! compiler finds those of [`Untravelled`], [`Unkeyed`] and [`Unframed`], and the build fails by the
//! first error alone.

use std::{future::Future, marker::PhantomData};

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    borrowed::Borrowed,
    client::{self, Client},
    component::{BoxFuture, Component, MethodShape},
    error::{CallError, Failure},
    message::Message,
    route,
};
#[cfg(feature = "node")]
use crate::{component::MethodSpec, frame};

/// What `dispatch` returns.
pub type Reply<'a> = BoxFuture<'a, Result<Message, Failure>>;

/// An argument that is moved to the callee.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a component method",
    label = "lacks `Serialize` or `Deserialize`, or has something in it that does",
    note = "an argument may be sent to another process: write `#[derive(serde::Serialize, \
            serde::Deserialize)]` on its type, or use the feature `serde` of the crate that it is from"
)]
pub trait Argument {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned> Argument for T {}

/// An argument that is lent to the callee: what stands behind `&`.
#[diagnostic::on_unimplemented(
    message = "`&{Self}` cannot be an argument of a component method",
    label = "lacks `Serialize` or `Deserialize`, or has something in it that does",
    note = "an argument may be sent to another process: write `#[derive(serde::Serialize, \
            serde::Deserialize)]` on its type, or use the feature `serde` of the crate that it is from"
)]
pub trait BorrowedArgument {}

#[diagnostic::do_not_recommend]
impl<T> BorrowedArgument for T where
    T: Borrowed<Owned: Serialize + DeserializeOwned> + Serialize + ?Sized
{
}

/// What a method returns: a `Result` of a [`Value`] and a [`MethodError`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be what a component method returns",
    label = "not a `Result`",
    note = "any call can fail: write `weaver::Result<…>`"
)]
pub trait Outcome {}

impl<T: Value + Send, E: MethodError + Send> Outcome for Result<T, E> {}

/// What a method returns when it succeeds.
#[diagnostic::on_unimplemented(
    message = "a component method cannot return a `{Self}`",
    label = "lacks `Serialize` or `Deserialize`, or has something in it that does",
    note = "a result may come from another process: write `#[derive(serde::Serialize, \
            serde::Deserialize)]` on its type, or use the feature `serde` of the crate that it is from"
)]
pub trait Value {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned> Value for T {}

/// What a method returns when it fails, or when the call does.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the error of a component method",
    label = "lacks `From<weaver::CallError>`, `Serialize` or `Deserialize`",
    note = "any call can fail, and the error may come from another process: give the type a variant \
            for `weaver::CallError`, `impl From<weaver::CallError>` and `#[derive(serde::Serialize, \
            serde::Deserialize)]`, or write `weaver::Error`"
)]
pub trait MethodError {}

#[diagnostic::do_not_recommend]
impl<E: From<CallError> + Serialize + DeserializeOwned> MethodError for E {}

/// A field of an argument that is part of the key of `#[route(…)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be part of a route's key",
    label = "lacks `Serialize`, or has something in it that does",
    note = "keys are compared by their encoding: write `#[derive(serde::Serialize)]` on its type, or \
            a field that has it"
)]
pub trait KeyField {}

#[diagnostic::do_not_recommend]
impl<K: Serialize + ?Sized> KeyField for K {}

// `Send` and `Sync` are demands of their own: of these the compiler itself says which part of the type is to blame.

/// The name of an argument, which must be able to travel.
#[must_use]
pub const fn argument<T: Argument + Send>(name: &'static str) -> &'static str {
    name
}

/// The name of a borrowed argument, which must be able to travel.
#[must_use]
pub const fn borrowed<T>(name: &'static str) -> &'static str
where
    T: BorrowedArgument + Borrowed<Owned: Send> + Sync + ?Sized,
{
    name
}

/// The name of a method, whose result must be able to travel.
#[must_use]
pub const fn method<R: Outcome>(name: &'static str) -> &'static str {
    name
}

/// A field of an argument, which must be able to be part of a key.
pub const fn key_field<K: KeyField + ?Sized>(field: &K) -> &K {
    field
}

/// A method by the types of its arguments, as one tuple, and of its result.
#[derive(Debug)]
pub struct Method<A, R>(PhantomData<fn(A) -> R>);

impl<A, T, E> Method<A, Result<T, E>>
where
    A: Serialize,
    T: DeserializeOwned,
    E: DeserializeOwned + From<CallError>,
{
    /// See [`client::call`].
    pub fn call<C: Component + ?Sized>(
        client: &Client<C>,
        method: u16,
        arguments: A,
    ) -> BoxFuture<'_, Result<T, E>> {
        client::call(client, method, None, arguments)
    }

    /// The same for a method with `#[route(…)]`; `key` is of a [`RouteKey`].
    pub fn call_routed<C: Component + ?Sized>(
        client: &Client<C>,
        method: u16,
        key: u64,
        arguments: A,
    ) -> BoxFuture<'_, Result<T, E>> {
        client::call(client, method, Some(key), arguments)
    }
}

impl<A, T, E> Method<A, Result<T, E>>
where
    A: Serialize + DeserializeOwned + Send,
    T: Serialize + DeserializeOwned,
    E: Serialize + DeserializeOwned,
{
    /// See [`client::serve`].
    pub fn serve<'a, F, Fut>(arguments: Message, method: F) -> Reply<'a>
    where
        F: FnOnce(A) -> Fut + Send + 'a,
        Fut: Future<Output = Result<T, E>> + Send + 'a,
    {
        client::serve(arguments, method)
    }

    /// See [`MethodShape::of`].
    #[must_use]
    pub fn shape() -> MethodShape {
        MethodShape::of::<A, T, E>()
    }
}

/// The other half of [`Method`]: for types that cannot travel, of which the compiler complains
/// elsewhere.
pub trait Untravelled: Sized {
    /// The arguments.
    type Arguments;
    /// The result.
    type Result;

    /// Never runs.
    fn call<C: ?Sized>(_: &Client<C>, _: u16, _: Self::Arguments) -> BoxFuture<'_, Self::Result> {
        const { unchecked::<Self>() }
    }

    /// Never runs.
    fn call_routed<C: ?Sized>(
        _: &Client<C>,
        _: u16,
        _: u64,
        _: Self::Arguments,
    ) -> BoxFuture<'_, Self::Result> {
        const { unchecked::<Self>() }
    }

    /// Never runs.
    fn serve<'a, F, Fut>(_: Message, _: F) -> Reply<'a>
    where
        F: FnOnce(Self::Arguments) -> Fut,
        Fut: Future<Output = Self::Result>,
    {
        const { unchecked::<Self>() }
    }

    /// Never runs.
    #[must_use]
    fn shape() -> MethodShape {
        const { unchecked::<Self>() }
    }
}

impl<A, R> Untravelled for Method<A, R> {
    type Arguments = A;
    type Result = R;
}

/// The key of a call to a method with `#[route(…)]`: an argument, a field of one, or a tuple of such.
#[derive(Debug)]
pub struct RouteKey<'a, K: ?Sized>(pub &'a K);

impl<K: Serialize + ?Sized> RouteKey<'_, K> {
    /// See [`route::key`].
    #[must_use]
    pub fn hash(self) -> u64 {
        route::key(self.0)
    }
}

/// The other half of [`RouteKey`]: for arguments that cannot travel, and fields that cannot be part
/// of a key.
pub trait Unkeyed: Sized {
    /// Never runs.
    #[must_use]
    fn hash(self) -> u64 {
        const { unchecked::<Self>() }
    }
}

impl<K: ?Sized> Unkeyed for RouteKey<'_, K> {}

/// The body of a method of `C`, in the frame of a call. The types are those of its arguments, as one
/// tuple, and of its result.
#[cfg(feature = "node")]
#[derive(Debug)]
pub struct Framed<C: ?Sized, A, R>(PhantomData<fn(A) -> R>, PhantomData<fn() -> Box<C>>);

#[cfg(feature = "node")]
impl<C, A, T, E> Framed<C, A, Result<T, E>>
where
    C: Component + ?Sized,
    A: Send,
    E: From<CallError>,
{
    /// See [`frame::framed`].
    #[expect(clippy::new_ret_no_self, reason = "it reads best so in expanded code")]
    pub fn new<'a, F>(method: &'static MethodSpec, body: F) -> BoxFuture<'a, Result<T, E>>
    where
        F: Future<Output = Result<T, E>> + Send + 'a,
        T: 'a,
        E: 'a,
    {
        frame::framed::<C, F, T, E>(method, body)
    }
}

/// The other half of [`Framed`]: for what is no method of a component, of which the compiler
/// complains elsewhere.
#[cfg(feature = "node")]
pub trait Unframed: Sized {
    /// The result.
    type Result;

    /// Never runs.
    fn new<'a, F>(_: &'static MethodSpec, _: F) -> BoxFuture<'a, Self::Result>
    where
        F: Future<Output = Self::Result>,
    {
        const { unchecked::<Self>() }
    }
}

#[cfg(feature = "node")]
impl<C: ?Sized, A, R> Unframed for Framed<C, A, R> {
    type Result = R;
}

/// Stops the build should a type pass the demands above and yet not fulfil what is needed.
// It asks for the type's size so that it is evaluated only for a function that is used: an optimizing
// build evaluates at once what does not depend on the type.
pub(crate) const fn unchecked<T>() -> ! {
    if size_of::<T>() == usize::MAX {
        panic!("no type is that large");
    }
    panic!("weaver: a type that does not fit was not noticed; please report this")
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{Arc, Mutex},
        time::Duration,
    };

    use super::*;
    use crate::{
        Result,
        client::{Request, Transport},
        error::{CallErrorKind, Ran},
    };

    #[derive(Serialize, serde::Deserialize)]
    struct Order {
        customer: (u64, String),
    }

    #[weaver_macros::component]
    trait Orders {
        #[timeout("2s")]
        async fn any(&self, tenant: &str) -> Result<()>;

        #[route(tenant)]
        #[idempotent]
        async fn lent(&self, tenant: &str) -> Result<()>;

        #[route(order.customer.1)]
        async fn of_field(&self, order: Order, tenant: String) -> Result<()>;

        #[idempotent(hedge = "50ms")]
        #[route(tenant, order.customer.0, bytes)]
        async fn of_three(&self, order: &Order, tenant: String, bytes: &[u8]) -> Result<()>;
    }

    /// Keeps the key of the last call, which fails.
    #[derive(Default)]
    struct LastKey(Mutex<Option<u64>>);

    impl Transport for LastKey {
        fn call(&self, request: Request) -> BoxFuture<'_, std::result::Result<Message, Failure>> {
            *self.0.lock().unwrap() = request.key;
            let failure = Failure::new(CallErrorKind::Cancelled, Ran::No);
            Box::pin(std::future::ready(Err(failure)))
        }
    }

    #[tokio::test]
    async fn a_key_is_of_the_arguments_that_the_attribute_names() {
        let last = Arc::new(LastKey::default());
        let transport: Arc<dyn Transport> = Arc::<LastKey>::clone(&last);
        let orders = Client::<dyn Orders>::new(transport);
        let key = || last.0.lock().unwrap().take();
        let order = || Order { customer: (7, "ada".to_owned()) };

        orders.any("acme").await.unwrap_err();
        assert_eq!(key(), None);
        orders.lent("acme").await.unwrap_err();
        assert_eq!(key(), Some(route::key("acme")));
        orders.of_field(order(), "acme".to_owned()).await.unwrap_err();
        assert_eq!(key(), Some(route::key("ada")));
        orders.of_three(&order(), "acme".to_owned(), &[1, 2]).await.unwrap_err();
        assert_eq!(key(), Some(route::key(&("acme", 7_u64, vec![1_u8, 2]))));
    }

    #[test]
    fn attributes_are_in_the_description() {
        let [any, lent, of_field, of_three] = <dyn Orders as Component>::SPEC.methods else {
            panic!("four methods");
        };
        assert_eq!(any.timeout, Some(Duration::from_secs(2)));
        assert!(!any.idempotent && any.route.is_empty() && any.hedge.is_none());
        assert!(lent.idempotent && lent.hedge.is_none() && lent.timeout.is_none());
        assert!(!of_field.idempotent);
        assert_eq!(of_three.hedge, Some(Duration::from_millis(50)));
        assert!(of_three.idempotent);
        assert_eq!(lent.route, ["tenant"]);
        assert_eq!(of_field.route, ["order.customer.1"]);
        assert_eq!(of_three.route, ["tenant", "order.customer.0", "bytes"]);
    }

    #[cfg(feature = "node")]
    mod implementation {
        use crate::Result;

        /// The author's, which emitted code must not hide.
        const METHOD: &str = "the author's";

        #[weaver_macros::component]
        trait Named {
            async fn name(&self) -> Result<String>;
        }

        struct ByAuthor;

        #[weaver_macros::component(unregistered)]
        impl Named for ByAuthor {
            async fn name(&self) -> Result<String> {
                Ok(METHOD.to_owned())
            }
        }

        #[tokio::test]
        async fn sees_the_authors_names() {
            assert_eq!(ByAuthor.name().await.unwrap(), METHOD);
        }
    }
}
