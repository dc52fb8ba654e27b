//! The macros of weaver. Authors name them through the crate `weaver`, whose documentation shows
//! them in use.
//!
//! Each macro parses its item into a model, collecting every mistake where the author made it, and
//! emits from the model. Emitted code calls library code in `weaver::__private` and nothing else.

use proc_macro::TokenStream;

mod async_trait;
mod component;
mod component_impl;
mod component_trait;
mod derive;
mod main_fn;
mod method_attributes;
#[cfg(test)]
mod method_cost;
#[cfg(test)]
mod mistaken_traits;
mod mistakes;
mod names;
mod options;
mod signature;
#[cfg(test)]
mod snapshots;
mod travelling;
mod written;

/// Makes a component of a trait, or an implementation of one of an `impl Trait for Type`.
///
/// On a trait: `#[component]`, or `#[component(name = "…")]` for a name other than the trait's
/// identifier. Every method is written `async fn method(&self, …) -> Result<…>`, and may have each of
/// these attributes once:
///
/// - `#[timeout("2s")]`: the deadline of a call whose caller has set no earlier one.
/// - `#[idempotent]`: the method may safely run more than once for one call.
///   `#[idempotent(hedge = "50ms")]`: and a second replica is asked when no answer has come by then.
/// - `#[route(user)]`, `#[route(order.customer.id)]`, `#[route(tenant, user)]`: calls with equal keys
///   meet the same replica. A key is made of arguments and of fields of them.
///
/// On an implementation, `#[component(unregistered)]` leaves it out of the program: for a fake in a test, of which a
/// `Ref` is made by `Arc::<dyn Trait>::into`.
///
/// A duration is a whole number and `ms`, `s`, `m` or `h`, at least `"1ms"` and at most 49 days.
/// "Attributes of a method" in weaver's documentation has what they mean.
#[proc_macro_attribute]
pub fn component(options: TokenStream, item: TokenStream) -> TokenStream {
    component::expand(options.into(), item.into()).into()
}

/// Fills the fields of a component's implementation: `Ref<dyn Trait>`, `Listener` (named by the
/// field) and `Config<C>`; every other field is `Default`.
#[proc_macro_derive(Component)]
pub fn derive_component(item: TokenStream) -> TokenStream {
    derive::expand(item.into()).into()
}

/// Runs an `async fn main` whose arguments are filled like the fields of a component.
///
/// `#[main]` runs on as many threads as the machine has cores; `#[main(worker_threads = 4)]` sets
/// their number, `#[main(flavor = "current_thread")]` runs everything on one.
///
/// `#[main(init = prepare)]` runs `fn prepare()` first in every process of the program, and in every sandbox:
/// also where `main` itself does not run. It is the place to set a `tracing` subscriber, or a panic hook.
#[proc_macro_attribute]
pub fn main(options: TokenStream, item: TokenStream) -> TokenStream {
    main_fn::expand(options.into(), item.into()).into()
}
