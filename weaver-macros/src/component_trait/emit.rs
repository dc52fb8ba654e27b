//! What is emitted for a component beside its trait: the client's half and the callee's half.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{GenericParam, Generics, TraitItem, WherePredicate, parse_quote};

use super::{ComponentTrait, method::Method};
use crate::names;

impl ComponentTrait {
    pub(super) fn emit_component(&self) -> TokenStream {
        let import = names::import();
        let ident = &self.item.ident;
        let client = self.methods.iter().enumerate().map(|(i, method)| method.emit_client(i));
        let specs: Vec<_> = self.methods.iter().map(Method::emit_spec).collect();
        let spec = self.emit_spec(&specs);
        let dispatch = self.emit_dispatch();
        // To serve a method is not to use it.
        let deprecated = self.has_deprecated().then(|| quote!(#[allow(deprecated)]));
        // Where the client lacks a supertrait, the error is at the trait's name.
        let head =
            quote_spanned!(names::blamed_on(ident)=> impl #ident for __weaver::Client<dyn #ident>);
        quote! {
            const _: () = {
                #import
                use __weaver::{Unkeyed as _, Untravelled as _};
                #[automatically_derived]
                #head {
                    #(#client)*
                }
                #[automatically_derived]
                #deprecated
                impl __weaver::Component for dyn #ident {
                    #spec
                    fn from_client(client: __weaver::Client<Self>) -> __weaver::Arc<Self> {
                        __weaver::Arc::new(client)
                    }
                    #dispatch
                }
            };
        }
    }

    /// What stands for the component while the author mends the trait, so that references to it and
    /// implementations of it are no errors of their own.
    pub(super) fn emit_placeholder(&self) -> TokenStream {
        let import = names::import();
        let ident = &self.item.ident;
        let spec = self.emit_spec(&[]);
        let generics = lasting(&self.item.generics);
        let (parameters, arguments, clause) = generics.split_for_impl();
        quote! {
            const _: () = {
                #import
                #[automatically_derived]
                impl #parameters __weaver::Component for dyn #ident #arguments #clause {
                    #spec
                    fn from_client(_: __weaver::Client<Self>) -> __weaver::Arc<Self> {
                        ::core::unreachable!()
                    }
                    fn dispatch(&self, method: u16, _: __weaver::Message) -> __weaver::Reply<'_> {
                        __weaver::no_such_method::<Self>(method)
                    }
                }
            };
        }
    }

    fn has_deprecated(&self) -> bool {
        self.item.items.iter().any(|member| match member {
            TraitItem::Fn(it) => it.attrs.iter().any(|it| it.path().is_ident("deprecated")),
            _ => false,
        })
    }

    fn emit_spec(&self, methods: &[TokenStream]) -> TokenStream {
        let name = &self.name;
        let location = names::location();
        quote! {
            const SPEC: &'static __weaver::ComponentSpec = &__weaver::ComponentSpec {
                name: #name,
                module: ::core::module_path!(),
                location: #location,
                methods: &[#(#methods),*],
            };
        }
    }

    fn emit_dispatch(&self) -> TokenStream {
        if self.methods.is_empty() {
            return quote! {
                fn dispatch(&self, method: u16, _: __weaver::Message) -> __weaver::Reply<'_> {
                    __weaver::no_such_method::<Self>(method)
                }
            };
        }
        let ident = &self.item.ident;
        let arms = self.methods.iter().enumerate().map(|(i, method)| method.emit_arm(ident, i));
        quote! {
            fn dispatch(&self, method: u16, arguments: __weaver::Message) -> __weaver::Reply<'_> {
                match method {
                    #(#arms)*
                    _ => __weaver::no_such_method::<Self>(method),
                }
            }
        }
    }
}

/// Parameters that a component cannot have, such that `dyn Trait` is `'static`.
fn lasting(generics: &Generics) -> Generics {
    let mut lasting = generics.clone();
    let predicates = generics.params.iter().filter_map(|parameter| -> Option<WherePredicate> {
        match parameter {
            GenericParam::Lifetime(it) => {
                let lifetime = &it.lifetime;
                Some(parse_quote!(#lifetime: 'static))
            }
            GenericParam::Type(it) => {
                let ident = &it.ident;
                Some(parse_quote!(#ident: 'static))
            }
            GenericParam::Const(_) => None,
        }
    });
    let predicates: Vec<_> = predicates.collect();
    if !predicates.is_empty() {
        lasting.make_where_clause().predicates.extend(predicates);
    }
    lasting
}
