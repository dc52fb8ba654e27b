//! [`Ref`]: what a caller holds.

use std::{fmt, ops::Deref, sync::Arc};

use crate::component::Component;

/// A reference to a component. It cannot tell whether the component is in this process.
///
/// It is an `Arc<dyn Trait>` underneath: cloning it is cheap, a call through it to a component in
/// the same process is one virtual call, and it converts into that `Arc`.
pub struct Ref<C: ?Sized>(Arc<C>);

impl<C: ?Sized> Deref for Ref<C> {
    type Target = C;

    #[inline]
    fn deref(&self) -> &C {
        &self.0
    }
}

impl<C: ?Sized> Clone for Ref<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// Is there so that `#[derive(Default)]` around a `Ref` is told what to write.
#[doc(hidden)]
impl<C: Unfilled + ?Sized> Default for Ref<C> {
    fn default() -> Self {
        C::unfilled()
    }
}

/// What nothing is.
// Not of `Ref<C>`: the compiler says the message of a bound only where it is on another type.
#[diagnostic::on_unimplemented(
    message = "a `weaver::Ref` has no `Default`: weaver fills it",
    label = "refers to a component",
    note = "write `#[derive(weaver::Component)]` in place of `#[derive(Default)]`"
)]
pub trait Unfilled {
    /// A reference to nothing.
    fn unfilled() -> Ref<Self>;
}

impl<C: Component + ?Sized> From<Arc<C>> for Ref<C> {
    fn from(component: Arc<C>) -> Self {
        Self(component)
    }
}

impl<C: ?Sized> From<Ref<C>> for Arc<C> {
    fn from(reference: Ref<C>) -> Self {
        reference.0
    }
}

impl<C: Component + ?Sized> fmt::Debug for Ref<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ref<{}>", C::SPEC.name)
    }
}
