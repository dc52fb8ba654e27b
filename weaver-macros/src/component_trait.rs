//! [`ComponentTrait`]: what `#[component]` makes of a trait.

mod emit;
mod members;
mod method;

use proc_macro2::TokenStream;
use quote::quote;
use syn::{AttrStyle, Attribute, Ident, ItemTrait, TraitItem, TypeParamBound, parse_quote};

use crate::{
    method_attributes::MethodAttributes, mistakes::Mistakes, names, options::ComponentOptions,
    written::in_brackets,
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
        check_head(&mut item, &mut mistakes);
        let has_dyn = members::check(&mut item.items, &mut mistakes);
        let mut methods = Vec::new();
        for member in &mut item.items {
            if let TraitItem::Fn(method) = member {
                methods.push(Method::parse(method, &mut mistakes));
            }
        }
        demand_shareable(&mut item);
        Self { item, name, methods, has_dyn, mistakes }
    }

    /// A trait whose methods another attribute has changed, which is among the mistakes.
    pub(crate) fn changed(mut item: ItemTrait, mistakes: Mistakes) -> Self {
        demand_shareable(&mut item);
        let name = names::text(&item.ident);
        Self { item, name, methods: Vec::new(), has_dyn: true, mistakes }
    }

    pub(crate) fn emit(&self) -> TokenStream {
        let Self { item, mistakes, .. } = self;
        let block = match (mistakes.is_empty(), self.has_dyn) {
            (true, _) => self.emit_component(),
            (false, true) => self.emit_placeholder(),
            (false, false) => TokenStream::new(),
        };
        let item = with_brackets(item);
        quote!(#item #mistakes #block)
    }
}

/// The trait, with brackets also where it has no parameters.
fn with_brackets(item: &ItemTrait) -> TokenStream {
    let ItemTrait { vis, unsafety, auto_token, trait_token, ident, .. } = item;
    // Those that stand in the braces belong to the trait as well.
    let attrs = item.attrs.iter().map(|it| Attribute { style: AttrStyle::Outer, ..it.clone() });
    let ItemTrait { generics, colon_token, supertraits, items, .. } = item;
    let clause = &generics.where_clause;
    let parameters = in_brackets(generics);
    quote! {
        #(#attrs)*
        #vis #unsafety #auto_token #trait_token #ident #parameters #colon_token #supertraits #clause {
            #(#items)*
        }
    }
}

fn demand_shareable(item: &mut ItemTrait) {
    let bounds: [TypeParamBound; 3] = [
        parse_quote!(::core::marker::Send),
        parse_quote!(::core::marker::Sync),
        parse_quote!('static),
    ];
    item.supertraits.extend(bounds);
    item.colon_token.get_or_insert_default();
}

/// Records what is wrong with the trait before its methods, and removes what keeps `dyn Trait` from being a type:
/// the trait is used elsewhere, which shall be no errors of their own.
fn check_head(item: &mut ItemTrait, mistakes: &mut Mistakes) {
    if let Some(unsafety) = item.unsafety {
        mistakes.at(unsafety, "a component cannot be `unsafe`: remove it");
    }
    if let Some(parameter) = item.generics.params.first() {
        let message = "a component cannot be generic: write one trait for each type";
        mistakes.at(parameter, message);
    } else if let Some(clause) = item.generics.where_clause.take() {
        mistakes.at(clause.where_token, "a component has no where clause: remove it");
    }
    let ident = &item.ident;
    let supertraits = std::mem::take(&mut item.supertraits).into_iter();
    let is_for_dyn = |bound: &TypeParamBound| {
        let Some(name) = not_for_dyn(bound) else {
            return true;
        };
        let message = format_args!(
            "a component is used as `dyn {ident}`, which `{name}` does not allow: remove it"
        );
        mistakes.at(bound, message);
        false
    };
    item.supertraits = supertraits.filter(is_for_dyn).collect();
}

/// The name of a supertrait that a trait cannot have if `dyn Trait` is to exist.
fn not_for_dyn(bound: &TypeParamBound) -> Option<&Ident> {
    let TypeParamBound::Trait(bound) = bound else {
        return None;
    };
    let ident = &bound.path.segments.last()?.ident;
    NOT_FOR_DYN.iter().any(|name| ident == name).then_some(ident)
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
