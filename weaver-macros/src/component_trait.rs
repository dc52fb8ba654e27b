//! [`ComponentTrait`]: what `#[component]` makes of a trait.

mod emit;
mod method;

use std::collections::HashSet;

use proc_macro2::TokenStream;
use quote::quote;
use syn::{
    Attribute, Ident, ItemTrait, TraitItem, TraitItemFn, TypeParamBound, Visibility,
    parse::{Parse, ParseStream},
    parse_quote,
};

use crate::{
    method_attributes::MethodAttributes, mistakes::Mistakes, names, options::ComponentOptions,
};
use method::Method;

/// The longest name of a component: it is part of file names, host names and metric labels.
const NAME_BYTES_MAX: usize = 64;

/// Supertraits that a trait cannot have if `dyn Trait` is to exist.
const NOT_FOR_DYN: [&str; 9] =
    ["Sized", "Clone", "Copy", "Default", "Eq", "PartialEq", "Ord", "PartialOrd", "Hash"];

/// A trait marked `#[component]`.
pub(crate) struct ComponentTrait {
    /// The author's trait with its methods in their boxed form.
    item: ItemTrait,
    name: String,
    methods: Vec<Method>,
    /// Whether `dyn Trait` is a type, so that something can be emitted for it.
    has_dyn: bool,
    mistakes: Mistakes,
}

impl ComponentTrait {
    pub(crate) fn parse(
        mut item: ItemTrait,
        options: ComponentOptions,
        mut mistakes: Mistakes,
    ) -> Self {
        if let Some(unregistered) = &options.unregistered {
            mistakes.at(unregistered, "`unregistered` is for an implementation, not for a trait");
        }
        let name = component_name(&item.ident, options, &mut mistakes);
        MethodAttributes::refuse_elsewhere(&mut item.attrs, &mut mistakes);
        let mut has_dyn = check_head(&item, &mut mistakes);
        let mut methods = Vec::new();
        remove_visibility(&mut item.items, &mut mistakes);
        remove_repeated(&mut item.items, &mut mistakes);
        for member in &mut item.items {
            match member {
                TraitItem::Fn(method) => methods.push(Method::parse(method, &mut mistakes)),
                other => {
                    has_dyn = false;
                    mistakes.at(other, "a component has methods only: move this out of the trait");
                }
            }
        }
        let bounds: [TypeParamBound; 3] = [
            parse_quote!(::core::marker::Send),
            parse_quote!(::core::marker::Sync),
            parse_quote!('static),
        ];
        item.supertraits.extend(bounds);
        item.colon_token.get_or_insert_default();
        Self { item, name, methods, has_dyn, mistakes }
    }

    pub(crate) fn emit(&self) -> TokenStream {
        let Self { item, mistakes, .. } = self;
        let block = match (mistakes.is_empty(), self.has_dyn) {
            (true, _) => self.emit_component(),
            (false, true) => self.emit_placeholder(),
            (false, false) => TokenStream::new(),
        };
        quote!(#item #mistakes #block)
    }
}

/// Records what is wrong with the trait before its methods; says whether `dyn Trait` is a type.
fn check_head(item: &ItemTrait, mistakes: &mut Mistakes) -> bool {
    let mut has_dyn = true;
    if let Some(unsafety) = item.unsafety {
        mistakes.at(unsafety, "a component cannot be `unsafe`: remove it");
    }
    if let Some(parameter) = item.generics.params.first() {
        has_dyn = false;
        let message = "a component cannot be generic: write one trait for each type";
        mistakes.at(parameter, message);
    } else if let Some(clause) = &item.generics.where_clause {
        mistakes.at(clause.where_token, "a component has no where clause: remove it");
    }
    for bound in &item.supertraits {
        let TypeParamBound::Trait(bound) = bound else {
            continue;
        };
        let Some(last) = bound.path.segments.last() else {
            continue;
        };
        if NOT_FOR_DYN.iter().any(|name| last.ident == name) {
            has_dyn = false;
            let message = format_args!(
                "a component is used as `dyn {}`, which `{}` does not allow: remove it",
                item.ident, last.ident
            );
            mistakes.at(bound, message);
        }
    }
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

struct VisibleMethod {
    visibility: Visibility,
    method: TraitItemFn,
}

impl Parse for VisibleMethod {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let visibility = input.parse()?;
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

fn component_name(ident: &Ident, options: ComponentOptions, mistakes: &mut Mistakes) -> String {
    let name = options.name.as_ref().map_or_else(|| names::text(ident), syn::LitStr::value);
    if !is_name(&name) {
        let message = format_args!(
            "a component's name begins with a letter or `_`, goes on with letters, digits, `_`, \
             `-` and `.`, all of them ASCII, and has at most {NAME_BYTES_MAX}: write \
             `#[component(name = \"…\")]`"
        );
        match options.name {
            Some(literal) => mistakes.at(literal, message),
            None => mistakes.at(ident, message),
        }
    }
    name
}

fn is_name(name: &str) -> bool {
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let goes_on = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
    begins && goes_on && name.len() <= NAME_BYTES_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_plain() {
        for name in ["Cart", "_", "shop.cart-2", &"x".repeat(NAME_BYTES_MAX)] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", "2Cart", "-cart", ".", "Käse", "a b", &"x".repeat(NAME_BYTES_MAX + 1)] {
            assert!(!is_name(name), "{name}");
        }
    }
}
