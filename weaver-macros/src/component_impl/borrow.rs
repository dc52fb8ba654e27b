//! [`Borrow`]: by what an implementing type borrows, as far as its spelling tells.

use proc_macro2::TokenStream;
use quote::ToTokens as _;
use syn::{
    Lifetime, ParenthesizedGenericArguments, TraitBound, Type, TypeBareFn, TypeReference,
    visit::Visit,
};

/// The first token of a type by which it borrows something.
pub(super) struct Borrow(Option<TokenStream>);

impl Borrow {
    pub(super) fn first_in(ty: &Type) -> Option<TokenStream> {
        let mut first = Self(None);
        first.visit_type(ty);
        first.0
    }
}

impl<'ast> Visit<'ast> for Borrow {
    fn visit_type_reference(&mut self, reference: &'ast TypeReference) {
        if reference.lifetime.is_none() {
            self.0.get_or_insert_with(|| reference.and_token.to_token_stream());
        }
        syn::visit::visit_type_reference(self, reference);
    }

    fn visit_lifetime(&mut self, lifetime: &'ast Lifetime) {
        if lifetime.ident != "static" {
            self.0.get_or_insert_with(|| lifetime.to_token_stream());
        }
    }

    // What a function takes is borrowed while it runs.
    fn visit_type_bare_fn(&mut self, _: &'ast TypeBareFn) {}

    fn visit_parenthesized_generic_arguments(&mut self, _: &'ast ParenthesizedGenericArguments) {}

    fn visit_trait_bound(&mut self, bound: &'ast TraitBound) {
        if bound.lifetimes.is_none() {
            syn::visit::visit_trait_bound(self, bound);
        }
    }
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    #[test]
    fn types_that_own_their_data_borrow_nothing() {
        let types: [Type; 5] = [
            parse_quote!(shop::MemCart),
            parse_quote!(Store<u64, &'static str>),
            parse_quote!(Handler<fn(&str) -> &str>),
            parse_quote!(Handler<Box<dyn Fn(&str) + 'static>>),
            parse_quote!(Handler<Box<dyn for<'a> Parse<'a>>>),
        ];
        for ty in types {
            assert!(Borrow::first_in(&ty).is_none(), "{}", ty.to_token_stream());
        }
    }

    #[test]
    fn a_borrow_is_found_where_it_is() {
        let types: [(Type, &str); 3] = [
            (parse_quote!(MemCart<'_>), "'_"),
            (parse_quote!(Store<u64, &str>), "&"),
            (parse_quote!(&MemCart<'a>), "&"),
        ];
        for (ty, token) in types {
            let found = Borrow::first_in(&ty).expect("a borrow").to_string();
            assert_eq!(found, token, "{}", ty.to_token_stream());
        }
    }
}
