//! `#[main]`: [`MainFn`], run by the library with its arguments filled.

mod options;

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Attribute, FnArg, Pat, ReturnType, Type};

use crate::{mistakes::Mistakes, names, signature::mentions, written::WrittenFn};
use options::MainOptions;

pub(crate) fn expand(options: TokenStream, item: TokenStream) -> TokenStream {
    let mut mistakes = Mistakes::default();
    let options = MainOptions::parse(options, &mut mistakes);
    match syn::parse2::<WrittenFn>(item) {
        Ok(function) if mistakes.without_node(&function.sig.ident, "`#[weaver::main]`") => {
            quote!(#mistakes fn main() {})
        }
        Ok(function) => MainFn::parse(function, options, mistakes).emit(),
        Err(error) => {
            mistakes.add(error);
            quote!(#mistakes fn main() {})
        }
    }
}

/// The author's `async fn main`.
struct MainFn {
    function: WrittenFn,
    arguments: Vec<Argument>,
    options: MainOptions,
    mistakes: Mistakes,
}

/// An argument of `main`. A listener is known by its name.
struct Argument {
    name: Ident,
    ty: Type,
}

impl MainFn {
    fn parse(mut function: WrittenFn, options: MainOptions, mut mistakes: Mistakes) -> Self {
        refuse_other_main(&mut function.attrs, &mut mistakes);
        let signature = &function.sig;
        if signature.ident != "main" {
            let message = "`#[weaver::main]` is for the function that starts the program: write \
                           `async fn main`";
            mistakes.at(&signature.ident, message);
        }
        if signature.asyncness.is_none() {
            let message = if mentions(function.body.clone(), "block_on") {
                "`#[weaver::main]` starts the runtime: write `async fn main` without `block_on`, and \
                 without another attribute that does"
            } else {
                "`main` awaits its components: write `async fn main`"
            };
            mistakes.at(signature.fn_token, message);
        }
        if let Some(parameter) = signature.generics.params.first() {
            mistakes.at(parameter, "`main` cannot be generic: write the types themselves");
        }
        let arguments =
            signature.inputs.iter().filter_map(|input| Argument::parse(input, &mut mistakes));
        let arguments = arguments.collect();

        function.sig.asyncness.get_or_insert_default();
        Self { function, arguments, options, mistakes }
    }

    fn emit(&self) -> TokenStream {
        let Self { function, options, mistakes, .. } = self;
        if !mistakes.is_empty() {
            return quote! {
                #mistakes
                fn main() {
                    #function
                }
            };
        }
        let specs: Vec<_> = self.arguments.iter().map(Argument::emit_spec).collect();
        let values: Vec<_> = self.arguments.iter().map(Argument::emit_value).collect();
        let fields = if self.arguments.is_empty() { quote!(_) } else { quote!(fields) };
        // All of the call is at the result's type, which may be one that `main` cannot return.
        let span = self.output_span();
        let private = names::private(span);
        let (init, runtime) = (options.emit_init(), options.emit_runtime());
        let spec = quote_spanned! {span=>
            #private::MainSpec {
                package: ::core::env!("CARGO_PKG_NAME"),
                init: #init,
                runtime: #private::RuntimeSpec::#runtime,
                fields: || {
                    let fields: [::core::option::Option<#private::FieldSpec>; _] = [#(#specs),*];
                    fields.into_iter().flatten().collect()
                },
            }
        };
        quote_spanned! {span=>
            fn main() -> ::std::process::ExitCode {
                #function
                #[cfg(target_family = "wasm")]
                #private::inventory::submit! {
                    #private::MainEntry {
                        spec: || #spec,
                        run: |#fields| {
                            #private::Result::Ok(#private::main_future(main(#(#values),*)))
                        },
                    }
                }
                #private::main(#spec, |#fields| #private::Result::Ok(main(#(#values),*)))
            }
        }
    }

    fn output_span(&self) -> proc_macro2::Span {
        match &self.function.sig.output {
            ReturnType::Default => names::blamed_on(&self.function.sig.ident),
            ReturnType::Type(_, ty) => names::blamed_on(ty),
        }
    }
}

/// Removes `#[tokio::main]` and its like, which would come after us.
fn refuse_other_main(attributes: &mut Vec<Attribute>, mistakes: &mut Mistakes) {
    attributes.retain(|attribute| {
        let is_other = attribute.path().segments.last().is_some_and(|last| last.ident == "main");
        if is_other {
            mistakes.at(attribute, "`#[weaver::main]` starts the runtime: remove this");
        }
        !is_other
    });
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
        Some(Self { name: pattern.ident.clone(), ty: (*input.ty).clone() })
    }

    fn emit_spec(&self) -> TokenStream {
        let private = names::private(names::blamed_on(&self.ty));
        let (name, ty) = (names::text(&self.name), &self.ty);
        quote_spanned!(names::blamed_on(ty)=> <#ty as #private::Inject>::spec(#name))
    }

    fn emit_value(&self) -> TokenStream {
        let private = names::private(names::blamed_on(&self.ty));
        let (name, ty) = (names::text(&self.name), &self.ty);
        quote_spanned!(names::blamed_on(ty)=> <#ty as #private::Inject>::inject(fields, #name)?)
    }
}
