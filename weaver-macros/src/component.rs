//! `#[component]`: decides by the item between a component and its implementation.

use proc_macro2::TokenStream;
use quote::quote;

use crate::{
    async_trait, component_impl::ComponentImpl, component_trait::ComponentTrait,
    mistakes::Mistakes, options::ComponentOptions,
};

pub(crate) fn expand(options: TokenStream, item: TokenStream) -> TokenStream {
    let mut mistakes = Mistakes::default();
    let options = ComponentOptions::parse(options, &mut mistakes);
    match syn::parse2::<syn::Item>(item.clone()) {
        Ok(syn::Item::Trait(mut item)) => {
            async_trait::refuse_below(&mut item.attrs, &mut mistakes);
            match async_trait::has_changed_trait(&item, &mut mistakes) {
                true => quote!(#item #mistakes),
                false => ComponentTrait::parse(item, options, mistakes).emit(),
            }
        }
        Ok(syn::Item::Impl(mut item)) => {
            async_trait::refuse_below(&mut item.attrs, &mut mistakes);
            match async_trait::has_changed_impl(&item, &mut mistakes) {
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
