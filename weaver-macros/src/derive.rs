//! `#[derive(Component)]`: [`ComponentFields`], filled one by one.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Data, DeriveInput, Field, Fields, Generics, Ident};

use crate::{mistakes::Mistakes, names};

pub(crate) fn expand(item: TokenStream) -> TokenStream {
    match syn::parse2(item) {
        Ok(item) => ComponentFields::parse(item).emit(),
        Err(error) => error.to_compile_error(),
    }
}

/// The struct whose fields are filled.
struct ComponentFields {
    ident: Ident,
    generics: Generics,
    fields: Vec<Field>,
    mistakes: Mistakes,
}

impl ComponentFields {
    fn parse(item: DeriveInput) -> Self {
        let mut mistakes = Mistakes::default();
        if let Some(parameter) = item.generics.params.first() {
            let message = "an implementation cannot be generic, because the program holds one of \
                           it: write the type itself";
            mistakes.at(parameter, message);
        }
        let fields = match item.data {
            Data::Struct(data) => named(data.fields, &mut mistakes),
            Data::Enum(data) => {
                mistakes.at(
                    data.enum_token,
                    "write a struct: its fields are what weaver fills",
                );
                Vec::new()
            }
            Data::Union(data) => {
                mistakes.at(
                    data.union_token,
                    "write a struct: its fields are what weaver fills",
                );
                Vec::new()
            }
        };
        Self {
            ident: item.ident,
            generics: item.generics,
            fields,
            mistakes,
        }
    }

    fn emit(&self) -> TokenStream {
        if !self.mistakes.is_empty() {
            return self.emit_placeholder();
        }
        let Self { ident, fields, .. } = self;
        let import = names::import();
        let names: Vec<_> = fields
            .iter()
            .filter_map(|field| field.ident.as_ref())
            .collect();
        let texts: Vec<_> = names.iter().map(|name| names::text(name)).collect();
        let types: Vec<_> = fields.iter().map(|field| &field.ty).collect();
        quote! {
            const _: () = {
                #import
                use __weaver::DefaultField as _;
                #[automatically_derived]
                impl __weaver::Construct for #ident {
                    fn fields() -> __weaver::Vec<__weaver::FieldSpec> {
                        let fields: [::core::option::Option<__weaver::FieldSpec>; _] =
                            [#(__weaver::Field::<#types>::spec(#texts)),*];
                        fields.into_iter().flatten().collect()
                    }
                    fn construct(
                        fields: &__weaver::Fields<'_>,
                    ) -> __weaver::Result<Self, __weaver::Error> {
                        let _ = fields;
                        __weaver::Result::Ok(Self {
                            #(#names: __weaver::Field::<#types>::fill(fields, #texts)?,)*
                        })
                    }
                }
            };
        }
    }

    /// What stands for the impl while the author mends the struct, so that its registration is no
    /// error of its own.
    fn emit_placeholder(&self) -> TokenStream {
        let Self {
            ident,
            generics,
            mistakes,
            ..
        } = self;
        if !generics.params.is_empty() {
            return mistakes.to_token_stream();
        }
        let private = names::private();
        quote! {
            #mistakes
            impl #private::Construct for #ident {
                fn fields() -> #private::Vec<#private::FieldSpec> {
                    ::core::unreachable!()
                }
                fn construct(
                    _: &#private::Fields<'_>,
                ) -> #private::Result<Self, #private::Error> {
                    ::core::unreachable!()
                }
            }
        }
    }
}

fn named(fields: Fields, mistakes: &mut Mistakes) -> Vec<Field> {
    match fields {
        Fields::Named(fields) => fields.named.into_iter().collect(),
        Fields::Unit => Vec::new(),
        Fields::Unnamed(fields) => {
            let message = "name the fields: a `Listener` is known by the name of its field";
            mistakes.at(fields, message);
            Vec::new()
        }
    }
}
