//! `#[derive(Component)]`: [`ComponentFields`], filled one by one.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Data, DeriveInput, Field, Fields, Generics, Ident, Type};

use crate::{mistakes::Mistakes, names};

pub(crate) fn expand(item: TokenStream) -> TokenStream {
    let mut mistakes = Mistakes::default();
    match syn::parse2::<DeriveInput>(item) {
        Ok(item) if mistakes.without_node(&item.ident, "`#[derive(weaver::Component)]`") => {
            mistakes.to_token_stream()
        }
        Ok(item) => ComponentFields::parse(item).emit(),
        Err(error) => error.to_compile_error(),
    }
}

/// The struct whose fields are filled.
struct ComponentFields {
    ident: Ident,
    generics: Generics,
    fields: Vec<ComponentField>,
    mistakes: Mistakes,
}

/// A field. A listener is known by its name.
struct ComponentField {
    name: Ident,
    ty: Type,
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
                mistakes.at(data.enum_token, "write a struct: its fields are what weaver fills");
                Vec::new()
            }
            Data::Union(data) => {
                mistakes.at(data.union_token, "write a struct: its fields are what weaver fills");
                Vec::new()
            }
        };
        Self { ident: item.ident, generics: item.generics, fields, mistakes }
    }

    fn emit(&self) -> TokenStream {
        if !self.mistakes.is_empty() {
            return self.emit_placeholder();
        }
        let Self { ident, fields, .. } = self;
        let import = names::import();
        let specs = fields.iter().map(ComponentField::emit_spec);
        let values = fields.iter().map(ComponentField::emit_value);
        quote! {
            const _: () = {
                #import
                use __weaver::DefaultField as _;
                #[automatically_derived]
                impl __weaver::Construct for #ident {
                    fn fields() -> __weaver::Vec<__weaver::FieldSpec> {
                        let fields: [::core::option::Option<__weaver::FieldSpec>; _] =
                            [#(#specs),*];
                        fields.into_iter().flatten().collect()
                    }
                    fn construct(
                        fields: &__weaver::Fields<'_>,
                    ) -> __weaver::Result<Self, __weaver::Error> {
                        let _ = fields;
                        __weaver::Result::Ok(Self { #(#values,)* })
                    }
                }
            };
        }
    }

    /// What stands for the impl while the author mends the struct, so that its registration is no
    /// error of its own.
    fn emit_placeholder(&self) -> TokenStream {
        let Self { ident, generics, mistakes, .. } = self;
        if !generics.params.is_empty() {
            return mistakes.to_token_stream();
        }
        let private = names::private(Span::call_site());
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

impl ComponentField {
    fn new(field: Field) -> Option<Self> {
        Some(Self { name: field.ident?, ty: field.ty })
    }

    fn emit_spec(&self) -> TokenStream {
        let Self { name, ty } = self;
        let text = names::text(name);
        quote_spanned!(names::blamed_on(ty)=> __weaver::Field::<#ty>::spec(#text))
    }

    fn emit_value(&self) -> TokenStream {
        let Self { name, ty } = self;
        let text = names::text(name);
        quote_spanned!(names::blamed_on(ty)=> #name: __weaver::Field::<#ty>::fill(fields, #text)?)
    }
}

fn named(fields: Fields, mistakes: &mut Mistakes) -> Vec<ComponentField> {
    match fields {
        Fields::Named(fields) => fields.named.into_iter().filter_map(ComponentField::new).collect(),
        Fields::Unit => Vec::new(),
        Fields::Unnamed(fields) => {
            let message = "name the fields: a `Listener` is known by the name of its field";
            mistakes.at(fields, message);
            Vec::new()
        }
    }
}
