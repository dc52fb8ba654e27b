//! `#[component]`: decides by the item between a component and its implementation.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Item, TraitItem};

use crate::{
    async_trait,
    component_impl::{self, ComponentImpl},
    component_trait::ComponentTrait,
    mistakes::Mistakes,
    options::ComponentOptions,
    written::WrittenImpl,
};

pub(crate) fn expand(options: TokenStream, item: TokenStream) -> TokenStream {
    let mut mistakes = Mistakes::default();
    // Not as an `Item`: bodies are not read.
    let parsed = match WrittenImpl::parse(&item) {
        Some(Ok(written)) => return expand_impl(options, written),
        Some(Err(error)) => Err(error),
        None => syn::parse2::<Item>(item.clone()),
    };
    match parsed {
        Ok(Item::Trait(mut item)) => {
            let options = ComponentOptions::of_trait(options, &mut mistakes);
            async_trait::refuse_below(&mut item.attrs, &mut mistakes);
            let methods = item.items.iter().filter_map(|member| match member {
                TraitItem::Fn(method) => Some(&method.sig),
                _ => None,
            });
            match async_trait::has_changed(methods, &item.ident, &mut mistakes) {
                true => ComponentTrait::changed(item, mistakes).emit(),
                false => ComponentTrait::parse(item, options, mistakes).emit(),
            }
        }
        Ok(other) => {
            mistakes.at(
                item,
                "`#[component]` goes on a trait, or on an `impl Trait for Type` of a component",
            );
            quote!(#mistakes #other)
        }
        Err(error) => {
            mistakes.add(error);
            quote!(#mistakes #item)
        }
    }
}

fn expand_impl(options: TokenStream, mut item: WrittenImpl) -> TokenStream {
    let mut mistakes = Mistakes::default();
    if component_impl::refuse_other_traits(&item, &mut mistakes) {
        return quote!(#mistakes #item);
    }
    if mistakes.without_node(&item.head.self_ty, "an implementation of a component") {
        return quote!(#mistakes);
    }
    let options = ComponentOptions::of_impl(options, &mut mistakes);
    async_trait::refuse_below(&mut item.head.attrs, &mut mistakes);
    match async_trait::has_changed(item.signatures(), &item.head.self_ty, &mut mistakes) {
        // It does not fit the trait any more, which would be said as well.
        true => quote!(#mistakes),
        false => ComponentImpl::parse(item, &options, mistakes).emit(),
    }
}
