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

/// For tests. Without `Deserialize` a field would never be more than this.
impl<C: Default + DeserializeOwned> Default for Config<C> {
    fn default() -> Self {
        Self(C::default())
    }
}

impl<C> Config<C> {
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
