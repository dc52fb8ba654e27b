//! [`MethodAttributes`]: weaver's own attributes of a method, taken out of the author's.

use syn::{Attribute, Meta};

use crate::mistakes::Mistakes;

/// Attributes that only `#[component]` understands.
const OURS: [&str; 3] = ["idempotent", "route", "timeout"];

/// Weaver's own attributes of a method of a component.
pub(crate) struct MethodAttributes {
    pub(crate) idempotent: bool,
}

impl MethodAttributes {
    /// Takes them out of the attributes of a trait's method.
    pub(crate) fn take(attributes: &mut Vec<Attribute>, mistakes: &mut Mistakes) -> Self {
        let mut idempotent = false;
        for attribute in take_ours(attributes) {
            match &attribute.meta {
                Meta::Path(path) if path.is_ident("idempotent") => idempotent = true,
                meta if meta.path().is_ident("idempotent") => {
                    mistakes.at(meta, "write `#[idempotent]`: it has no options");
                }
                meta => mistakes.at(&attribute, not_yet(meta)),
            }
        }
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")) {
            mistakes.at(
                attribute,
                "a component has the same methods in every build: write `#[cfg(…)]` on the trait",
            );
        }
        Self { idempotent }
    }

    /// Takes them out of the attributes of an implementation's method, where they are mistakes.
    pub(crate) fn refuse(attributes: &mut Vec<Attribute>, mistakes: &mut Mistakes) {
        for attribute in take_ours(attributes) {
            let name = quote::ToTokens::to_token_stream(attribute.path());
            mistakes.at(
                &attribute,
                format_args!("write `#[{name}]` on the trait's method: callers rely on it"),
            );
        }
    }
}

fn take_ours(attributes: &mut Vec<Attribute>) -> Vec<Attribute> {
    let is_ours = |attribute: &mut Attribute| OURS.iter().any(|a| attribute.path().is_ident(a));
    attributes.extract_if(.., is_ours).collect()
}

fn not_yet(meta: &Meta) -> String {
    let name = meta.path().get_ident().map(ToString::to_string).unwrap_or_default();
    format!("`#[{name}]` is not available yet: remove it")
}
