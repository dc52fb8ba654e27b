//! `#[async_trait]` beside `#[component]`, which does its work.

use syn::{Attribute, GenericParam, ImplItem, ItemImpl, ItemTrait, Signature, TraitItem};

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

/// Whether the attribute came before us; it has changed the methods then.
pub(crate) fn has_changed_trait(item: &ItemTrait, mistakes: &mut Mistakes) -> bool {
    let mut methods = item.items.iter().filter_map(|item| match item {
        TraitItem::Fn(method) => Some(&method.sig),
        _ => None,
    });
    let is_changed = methods.any(is_changed);
    if is_changed {
        mistakes.at(&item.ident, MESSAGE);
    }
    is_changed
}

/// The same for an implementation.
pub(crate) fn has_changed_impl(item: &ItemImpl, mistakes: &mut Mistakes) -> bool {
    let mut methods = item.items.iter().filter_map(|item| match item {
        ImplItem::Fn(method) => Some(&method.sig),
        _ => None,
    });
    let is_changed = methods.any(is_changed);
    if is_changed {
        mistakes.at(&item.self_ty, MESSAGE);
    }
    is_changed
}

/// The lifetime that it gives to every method.
fn is_changed(method: &Signature) -> bool {
    method.generics.params.iter().any(|parameter| match parameter {
        GenericParam::Lifetime(parameter) => parameter.lifetime.ident == "async_trait",
        GenericParam::Type(_) | GenericParam::Const(_) => false,
    })
}
