//! A method of an implementation: the author's body, in one box with the frame of a call.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{AttrStyle, ImplItemFn, Pat, PatIdent, Path, parse_quote, spanned::Spanned};

use crate::{
    method_attributes::MethodAttributes,
    mistakes::Mistakes,
    names,
    signature::{Argument, Signature},
};

/// Boxes the body and the frame of a call as one future.
pub(super) fn rewrite(method: &mut ImplItemFn, component: &Path, mistakes: &mut Mistakes) {
    MethodAttributes::refuse(&mut method.attrs, mistakes);
    MethodAttributes::refuse_on_arguments(&mut method.sig, mistakes);
    for attribute in &mut method.attrs {
        attribute.style = AttrStyle::Outer;
    }
    // What is wrong with the signature is for the trait to say, or for rustc, which compares both.
    let mut said_by_the_trait = Mistakes::default();
    let signature = Signature::parse(method.sig.clone(), &mut said_by_the_trait);
    let mut said_here = Mistakes::default();
    signature.check_async(&mut said_here);
    let body = if said_by_the_trait.is_empty() && said_here.is_empty() {
        let body = framed(&signature, component, &method.block);
        parse_quote!({ #body })
    } else {
        signature.placeholder()
    };
    mistakes.append(said_here);
    let (begin, end) = (method.sig.fn_token.span, method.block.brace_token.span.close());
    method.sig = signature.boxed();
    method.block = body;
    // A method that the trait has not is an error at all of the method, from the first token to the last.
    method.sig.fn_token.span = names::blamed_on_span(begin);
    method.block.brace_token = syn::token::Brace(names::blamed_on_span(end));
}

fn framed(signature: &Signature, component: &Path, block: &syn::Block) -> TokenStream {
    let span = names::blamed_on(signature.ident());
    let private = names::private(span);
    let name = names::text(signature.ident());
    let output = &signature.output;
    let component = as_dyn(component);
    let knows_its_type = knows_its_type(signature);
    let types = signature.arguments.iter().map(Argument::sent);
    let arguments = signature.arguments.iter().map(moved_in);
    let statements = &block.stmts;
    quote_spanned! {span=>
        use #private::Unframed as _;
        #private::Framed::<#component, (#(#types,)*), #output>::new(
            // A block, for the author's body would see the name of an item.
            const { #private::MethodSpec::of(<#component as #private::Component>::SPEC, #name) },
            async move {
                #knows_its_type
                #(#arguments)*
                #(#statements)*
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
