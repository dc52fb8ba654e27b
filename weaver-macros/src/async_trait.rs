//! `#[async_trait]` beside `#[component]`, which does its work.

use quote::ToTokens;
use syn::{Attribute, GenericParam, Signature};

use crate::mistakes::Mistakes;

const MESSAGE: &str = "methods of a component are async without `#[async_trait]`: remove it";

/// Removes the attribute, which would come after us, so that it is the only mistake.
pub(crate) fn refuse_below(attributes: &mut Vec<Attribute>, mistakes: &mut Mistakes) {
    attributes.retain(|attribute| {
        let is_it = attribute.path().segments.last().is_some_and(|it| it.ident == "async_trait");
        if is_it {
            mistakes.at(attribute, MESSAGE);
        }
        !is_it
    });
}

/// Whether the attribute came before us, and has changed the methods; that is a mistake at `item`.
pub(crate) fn has_changed<'a>(
    mut methods: impl Iterator<Item = &'a Signature>,
    item: impl ToTokens,
    mistakes: &mut Mistakes,
) -> bool {
    let is_changed = methods.any(has_its_lifetime);
    if is_changed {
        mistakes.at(item, MESSAGE);
    }
    is_changed
}

/// The lifetime that it gives to every method.
fn has_its_lifetime(method: &Signature) -> bool {
    method.generics.params.iter().any(|parameter| match parameter {
        GenericParam::Lifetime(parameter) => parameter.lifetime.ident == "async_trait",
        GenericParam::Type(_) | GenericParam::Const(_) => false,
    })
}
