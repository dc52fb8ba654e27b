//! `#[main]`: [`MainFn`], run by the library with its arguments filled.

mod runtime;

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::{FnArg, ItemFn, Pat, ReturnType, Type, spanned::Spanned};

use crate::{mistakes::Mistakes, names};
use runtime::RuntimeOptions;

pub(crate) fn expand(options: TokenStream, item: TokenStream) -> TokenStream {
    let mut mistakes = Mistakes::default();
    let runtime = RuntimeOptions::parse(options, &mut mistakes);
    match syn::parse2(item.clone()) {
        Ok(function) => MainFn::parse(function, runtime, mistakes).emit(),
        Err(error) => {
            mistakes.add(error);
            quote!(#mistakes #item)
        }
    }
}

/// The author's `async fn main`.
struct MainFn {
    function: ItemFn,
    arguments: Vec<Argument>,
    runtime: RuntimeOptions,
    mistakes: Mistakes,
}

/// An argument of `main`. A listener is known by its name.
struct Argument {
    name: Ident,
    ty: Type,
}

impl MainFn {
    fn parse(mut function: ItemFn, runtime: RuntimeOptions, mut mistakes: Mistakes) -> Self {
        let signature = &function.sig;
        if signature.ident != "main" {
            let message = "`#[weaver::main]` is for the function that starts the program: write \
                           `async fn main`";
            mistakes.at(&signature.ident, message);
        }
        if signature.asyncness.is_none() {
            mistakes.at(
                signature.fn_token,
                "`main` awaits its components: write `async fn main`",
            );
        }
        if let Some(parameter) = signature.generics.params.first() {
            mistakes.at(
                parameter,
                "`main` cannot be generic: write the types themselves",
            );
        }
        let arguments = signature
            .inputs
            .iter()
            .filter_map(|input| Argument::parse(input, &mut mistakes));
        let arguments = arguments.collect();

        function.sig.asyncness.get_or_insert_default();
        Self {
            function,
            arguments,
            runtime,
            mistakes,
        }
    }

    fn emit(&self) -> TokenStream {
        let Self {
            function,
            runtime,
            mistakes,
            ..
        } = self;
        let private = names::private();
        if !mistakes.is_empty() {
            return quote! {
                #mistakes
                fn main() {
                    #function
                }
            };
        }
        let specs = self.arguments.iter().map(Argument::emit_spec);
        let values = self.arguments.iter().map(Argument::emit_value);
        let fields = if self.arguments.is_empty() {
            quote!(_)
        } else {
            quote!(fields)
        };
        let run = quote_spanned!(self.output_span()=> #private::main);
        quote! {
            fn main() -> ::std::process::ExitCode {
                #function
                #run(
                    #private::MainSpec {
                        package: ::core::env!("CARGO_PKG_NAME"),
                        runtime: #private::RuntimeSpec::#runtime,
                        fields: || {
                            let fields: [::core::option::Option<#private::FieldSpec>; _] =
                                [#(#specs),*];
                            fields.into_iter().flatten().collect()
                        },
                    },
                    |#fields| #private::Result::Ok(main(#(#values),*)),
                )
            }
        }
    }

    fn output_span(&self) -> proc_macro2::Span {
        match &self.function.sig.output {
            ReturnType::Default => self.function.sig.ident.span(),
            ReturnType::Type(_, ty) => ty.span(),
        }
    }
}

impl Argument {
    fn parse(input: &FnArg, mistakes: &mut Mistakes) -> Option<Self> {
        let FnArg::Typed(input) = input else {
            mistakes.at(input, "`main` has no `self`: remove it");
            return None;
        };
        let Pat::Ident(pattern) = &*input.pat else {
            let message = "write a plain name: a `Listener` is known by the name of its argument";
            mistakes.at(&input.pat, message);
            return None;
        };
        Some(Self {
            name: pattern.ident.clone(),
            ty: (*input.ty).clone(),
        })
    }

    fn emit_spec(&self) -> TokenStream {
        let private = names::private();
        let (name, ty) = (names::text(&self.name), &self.ty);
        quote!(<#ty as #private::Inject>::spec(#name))
    }

    fn emit_value(&self) -> TokenStream {
        let private = names::private();
        let (name, ty) = (names::text(&self.name), &self.ty);
        quote!(<#ty as #private::Inject>::inject(fields, #name)?)
    }
}
