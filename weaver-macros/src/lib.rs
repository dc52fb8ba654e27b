//! The macros of weaver. Authors name them through the crate `weaver`, whose documentation shows
//! them in use.
//!
//! Each macro parses its item into a model, collecting every mistake where the author made it, and
//! emits from the model. Emitted code calls library code in `weaver::__private` and nothing else.

use proc_macro::TokenStream;

mod component;
mod component_impl;
mod component_trait;
mod derive;
mod main_fn;
mod method_attributes;
mod mistakes;
mod names;
mod options;
mod signature;
#[cfg(test)]
mod snapshots;
mod travelling;

/// Makes a component of a trait, or an implementation of one of an `impl Trait for Type`.
///
/// On a trait: `#[component]`, or `#[component(name = "…")]` for a name other than the trait's
/// identifier. Every method is written `async fn method(&self, …) -> Result<…>`; `#[idempotent]` on
/// a method says that it may safely run more than once.
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
#[proc_macro_attribute]
pub fn main(options: TokenStream, item: TokenStream) -> TokenStream {
    main_fn::expand(options.into(), item.into()).into()
}
