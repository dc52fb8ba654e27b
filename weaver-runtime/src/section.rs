//! [`Config`]: a component's own section of `weaver.toml`.

use std::ops::Deref;

use serde::de::DeserializeOwned;

use crate::{
    construct::{FieldSpec, Fields, Inject},
    error::{Error, Result},
};

/// The section `[config.COMPONENT]`, as the author's type. It derefs to it.
///
/// A section that is missing is an empty table: give each value a default with
/// `#[serde(default)]`, or leave it required and the program says at start which one is missing.
#[derive(Clone, Debug)]
pub struct Config<C>(C);

/// Is there so that `#[derive(Default)]` around a `Config` is told what to write, instead of never being filled.
#[doc(hidden)]
impl<C: Unread> Default for Config<C> {
    fn default() -> Self {
        Self(C::unread())
    }
}

/// What nothing is; see [`Unfilled`](crate::reference::Unfilled).
#[diagnostic::on_unimplemented(
    message = "a `weaver::Config` has no `Default`: weaver fills it",
    label = "a section of `weaver.toml`",
    note = "write `#[derive(weaver::Component)]` in place of `#[derive(Default)]`, and in a test `Config::new(…)`"
)]
pub trait Unread {
    /// A section that nobody has read.
    fn unread() -> Self;
}

impl<C> Config<C> {
    /// A section as it would have been read, for tests.
    #[must_use]
    pub fn new(value: C) -> Self {
        Self(value)
    }

    /// The author's value.
    pub fn into_inner(self) -> C {
        self.0
    }
}

impl<C> Deref for Config<C> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.0
    }
}

impl<C: DeserializeOwned> Inject for Config<C> {
    fn spec(_: &'static str) -> Option<FieldSpec> {
        Some(FieldSpec::Config(|config, component| config.section::<C>(component).map(drop)))
    }

    fn inject(fields: &Fields<'_>, _: &'static str) -> Result<Self> {
        let section = fields.provider.config().section(fields.component);
        section.map(Self).map_err(|error| Error::from_std(&error))
    }
}
