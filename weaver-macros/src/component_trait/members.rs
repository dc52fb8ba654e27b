//! What stands in a trait: methods, each of which has a name of its own.

use std::collections::HashSet;

use syn::{
    Attribute, TraitItem, TraitItemFn, Visibility,
    parse::{Parse, ParseStream},
    parse_quote,
};

use crate::{mistakes::Mistakes, names};

/// Records what no method is, or none of its own, and removes what would be errors elsewhere; says whether
/// `dyn Trait` is a type with what is left.
pub(super) fn check(members: &mut Vec<TraitItem>, mistakes: &mut Mistakes) -> bool {
    remove_visibility(members, mistakes);
    remove_repeated(members, mistakes);
    let mut has_dyn = true;
    members.retain_mut(|member| {
        if !matches!(member, TraitItem::Fn(_)) {
            mistakes.at(&member, "a component has methods only: move this out of the trait");
        }
        match member {
            TraitItem::Fn(_) => true,
            TraitItem::Const(_) => false,
            TraitItem::Type(ty) => {
                // `dyn Trait` need not say what it is.
                let clause = ty.generics.make_where_clause();
                clause.predicates.push(parse_quote!(Self: ::core::marker::Sized));
                true
            }
            _ => {
                has_dyn = false;
                true
            }
        }
    });
    has_dyn
}

/// Makes methods of those that are written `pub fn`, which Rust has not in a trait.
fn remove_visibility(members: &mut [TraitItem], mistakes: &mut Mistakes) {
    for member in members {
        let TraitItem::Verbatim(tokens) = member else {
            continue;
        };
        if let Ok(VisibleMethod { visibility, method }) = syn::parse2(tokens.clone()) {
            mistakes.at(visibility, "a method is as visible as its trait: remove this");
            *member = TraitItem::Fn(method);
        }
    }
}

/// A method that is written `pub fn`.
struct VisibleMethod {
    visibility: Visibility,
    method: TraitItemFn,
}

impl Parse for VisibleMethod {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let visibility = match input.parse()? {
            Visibility::Inherited => return Err(input.error("a visibility")),
            visibility => visibility,
        };
        let mut method: TraitItemFn = input.parse()?;
        method.attrs.splice(..0, attributes);
        Ok(Self { visibility, method })
    }
}

/// Removes each method whose name another before it has.
fn remove_repeated(members: &mut Vec<TraitItem>, mistakes: &mut Mistakes) {
    let mut seen = HashSet::new();
    members.retain(|member| {
        let TraitItem::Fn(method) = member else {
            return true;
        };
        if method.attrs.iter().any(|attribute| attribute.path().is_ident("cfg")) {
            // That it cannot have one is said elsewhere.
            return true;
        }
        let name = &method.sig.ident;
        let is_first = seen.insert(names::text(name));
        if !is_first {
            mistakes.at(name, "a method before this has the same name: write another");
        }
        is_first
    });
}
