//! `#[component]`: decides by the item between a component and its implementation.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{ImplItem, Item, TraitItem};

use crate::{
    async_trait, component_impl::ComponentImpl, component_trait::ComponentTrait,
    mistakes::Mistakes, options::ComponentOptions,
};

pub(crate) fn expand(options: TokenStream, item: TokenStream) -> TokenStream {
    let mut mistakes = Mistakes::default();
    let options = ComponentOptions::parse(options, &mut mistakes);
    match syn::parse2::<Item>(item.clone()) {
        Ok(Item::Trait(mut item)) => {
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
        Ok(Item::Impl(mut item)) => {
            async_trait::refuse_below(&mut item.attrs, &mut mistakes);
            let methods = item.items.iter().filter_map(|member| match member {
                ImplItem::Fn(method) => Some(&method.sig),
                _ => None,
            });
            match async_trait::has_changed(methods, &item.self_ty, &mut mistakes) {
                // It does not fit the trait any more, which would be said as well.
                true => quote!(#mistakes),
                false => ComponentImpl::parse(item, &options, mistakes).emit(),
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
