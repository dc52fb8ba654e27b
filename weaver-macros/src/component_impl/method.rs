//! A method of an implementation: the author's body, in one box with the frame of a call.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Pat, PatIdent, Path, Type, spanned::Spanned};

use crate::{
    method_attributes::MethodAttributes,
    mistakes::Mistakes,
    names,
    signature::{Argument, Side, Signature},
    travelling::spelling,
    written::WrittenFn,
};

/// A method with a signature that no component's can have. The trait says so, if it has the same; else it is to be
/// said here.
pub(super) struct Unlike {
    name: String,
    mistake: syn::Error,
}

impl Unlike {
    /// An error if the trait has a method of that name. One with a mistake has none.
    pub(super) fn emit(&self, component: &Path) -> TokenStream {
        let Self { name, mistake } = self;
        let span = names::blamed_on_span(mistake.span());
        let private = names::private(span);
        let (component, message) = (as_dyn(component), mistake.to_string());
        quote_spanned! {span=>
            const _: () = if #private::MethodSpec::is_in(<#component as #private::Component>::SPEC, #name) {
                ::core::panic!("{}", #message)
            };
        }
    }
}

/// Boxes the body and the frame of a call as one future.
pub(super) fn rewrite(
    method: &mut WrittenFn,
    component: &Path,
    ty: &Type,
    mistakes: &mut Mistakes,
) -> Option<Unlike> {
    MethodAttributes::refuse(&mut method.attrs, mistakes);
    MethodAttributes::refuse_on_arguments(&mut method.sig, mistakes);
    refuse_instrument(method, mistakes);
    // What is wrong with the signature is for the trait to say, or for rustc, which compares both.
    let mut said_by_the_trait = Mistakes::default();
    let signature =
        Signature::parse(method.sig.clone(), Side::Implementation, &mut said_by_the_trait);
    signature.check_form(&mut said_by_the_trait);
    let is_async = method.sig.asyncness.is_some();
    if !is_async {
        let name = signature.ident();
        let message = format_args!(
            "a component method is async, because a call may leave the process: write `async fn {name}`, or \
             move what the trait does not have to an `impl {}` of its own",
            spelling(ty)
        );
        mistakes.at(method.sig.fn_token, message);
    }
    method.body = match is_async && said_by_the_trait.is_empty() {
        true => framed(&signature, component, &method.body),
        false => signature.placeholder(),
    };
    let (begin, end) = (method.sig.fn_token.span, method.brace.span.close());
    method.sig = signature.boxed();
    // A method that the trait has not is an error at all of the method, from the first token to the last.
    method.sig.fn_token.span = names::blamed_on_span(begin);
    method.brace = syn::token::Brace(names::blamed_on_span(end));
    let is_said = !is_async || signature.is_refused_by_rustc();
    let mistake = said_by_the_trait.first().filter(|_| !is_said)?;
    Some(Unlike { name: names::text(signature.ident()), mistake })
}

/// Removes `#[tracing::instrument]`, which would see how the future of a call is made, and not how it runs.
fn refuse_instrument(method: &mut WrittenFn, mistakes: &mut Mistakes) {
    method.attrs.retain(|attribute| {
        let is_it = attribute.path().segments.last().is_some_and(|it| it.ident == "instrument");
        if is_it {
            let message = "each call of a component has a span already: remove this, and write \
                           `.instrument(…)` on a future inside";
            mistakes.at(attribute, message);
        }
        !is_it
    });
}

fn framed(signature: &Signature, component: &Path, body: &TokenStream) -> TokenStream {
    let span = names::blamed_on(signature.ident());
    let private = names::private(span);
    let name = names::text(signature.ident());
    let output = &signature.output;
    let component = as_dyn(component);
    let knows_its_type = knows_its_type(signature);
    let types = signature.arguments.iter().map(Argument::sent);
    let arguments = signature.arguments.iter().map(moved_in);
    quote_spanned! {span=>
        use #private::Unframed as _;
        #private::Framed::<#component, (#(#types,)*), #output>::new(
            // A block, for the author's body would see the name of an item.
            const { #private::MethodSpec::of(<#component as #private::Component>::SPEC, #name) },
            async move {
                #knows_its_type
                #(#arguments)*
                #body
            },
        )
    }
}

/// `dyn Trait`, all of it at the author's token.
pub(super) fn as_dyn(component: &Path) -> TokenStream {
    let token = syn::Token![dyn](component.span());
    quote!(#token #component)
}

/// An async block learns its type from its first `return`. Without one, `?`, closures and coercions
/// in the author's body would know less than they do in an `async fn`.
fn knows_its_type(signature: &Signature) -> TokenStream {
    let output = &signature.output;
    quote_spanned! {signature.output_span()=>
        if let ::core::option::Option::Some(never) = ::core::option::Option::None::<#output> {
            return never;
        }
    }
}

/// Moves an argument into the future, whether or not the author's body uses it: it is dropped when
/// the call ends, as in an `async fn`.
fn moved_in(argument: &Argument) -> TokenStream {
    let Argument { pattern, ident, .. } = argument;
    match pattern {
        Pat::Wild(_) => quote!(let #ident = #ident;),
        // A call, because clippy holds `let _unused = argument` to be without effect.
        Pat::Ident(it) if names::text(&it.ident).starts_with('_') => {
            quote!(let #pattern = ::core::convert::identity(#ident);)
        }
        Pat::Ident(PatIdent { by_ref: None, subpat: None, .. }) => quote!(let #pattern = #ident;),
        _ => quote!(let #ident = #ident; let #pattern = #ident;),
    }
}
