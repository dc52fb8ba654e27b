//! [`Method`]: a method of a component, and the lines that are emitted for it.

use proc_macro2::{Literal, TokenStream};
use quote::quote;
use syn::{Ident, Pat, PatIdent, TraitItemFn, parse_quote};

use crate::{
    method_attributes::MethodAttributes,
    mistakes::Mistakes,
    names,
    signature::{Argument, Side, Signature},
};

/// A method of a component.
pub(super) struct Method {
    signature: Signature,
    attributes: MethodAttributes,
}

impl Method {
    /// Takes weaver's attributes out of the author's method and boxes its future.
    pub(super) fn parse(method: &mut TraitItemFn, mistakes: &mut Mistakes) -> Self {
        let mut own = Mistakes::default();
        let attributes = MethodAttributes::take(&mut method.attrs, &mut own);
        MethodAttributes::refuse_on_arguments(&mut method.sig, &mut own);
        let signature = Signature::parse(method.sig.clone(), Side::Trait, &mut own);
        signature.check_form(&mut own);
        signature.check_async(&mut own);
        if check_names(&signature.arguments, &mut own)
            && let Some(route) = &attributes.route
        {
            route.check(&signature.arguments, &mut own);
        }
        if let Some(body) = &method.default {
            own.add(syn::Error::new(
                body.brace_token.span.open(),
                "a component method has no default body: write `;` here, and the body in the \
                 implementation",
            ));
        }
        (method.default, method.semi_token) = if own.is_empty() {
            (None, Some(method.semi_token.unwrap_or_default()))
        } else {
            // An implementation without the method is no mistake of its own.
            let placeholder = signature.placeholder();
            (Some(parse_quote!({ #placeholder })), None)
        };
        mistakes.append(own);
        method.sig = signature.boxed();
        Self { signature, attributes }
    }

    /// The method of the client.
    pub(super) fn emit_client(&self, index: usize) -> TokenStream {
        let boxed = self.signature.boxed();
        let types = self.signature.arguments.iter().map(Argument::sent);
        let call = self.emit_method(types);
        let names = self.names();
        let index = Literal::usize_unsuffixed(index);
        let this = self.signature.receiver();
        match &self.attributes.route {
            None => quote!(#boxed { #call::call(#this, #index, (#(#names,)*)) }),
            Some(route) => {
                let key = route.emit(&self.signature.arguments);
                quote!(#boxed { #call::call_routed(#this, #index, #key, (#(#names,)*)) })
            }
        }
    }

    /// The arm of `dispatch`.
    pub(super) fn emit_arm(&self, component: &Ident, index: usize) -> TokenStream {
        let serve = self.emit_method(self.signature.arguments.iter().map(Argument::received));
        let names = self.names();
        let method = self.signature.ident();
        let arguments = self.signature.arguments.iter().map(|argument| {
            let ident = &argument.ident;
            match argument.borrowed() {
                Some(_) => quote!(__weaver::Borrow::borrow(&#ident)),
                None => quote!(#ident),
            }
        });
        let index = Literal::usize_unsuffixed(index);
        quote! {
            #index => #serve::serve(arguments, move |(#(#names,)*)| async move {
                #component::#method(self #(, #arguments)*).await
            }),
        }
    }

    /// The method's constant description. It is also the one place that demands of the types that
    /// they can travel; `Method` and `Framed` take them as they are, so that each error shows once.
    pub(super) fn emit_spec(&self) -> TokenStream {
        let name = names::text(self.signature.ident());
        let output = &self.signature.output;
        let attributes = self.attributes.emit_spec();
        let arguments = self.signature.arguments.iter().map(|argument| {
            let name = names::text(&argument.ident);
            match argument.borrowed() {
                Some(ty) => quote!(__weaver::borrowed::<#ty>(#name)),
                None => {
                    let ty = argument.received();
                    quote!(__weaver::argument::<#ty>(#name))
                }
            }
        });
        let types = self.emit_method(self.signature.arguments.iter().map(Argument::received));
        quote! {
            __weaver::MethodSpec::new(
                __weaver::method::<#output>(#name),
                &[#(#arguments),*],
                #types::shape,
            )
            #attributes
        }
    }

    fn emit_method(&self, arguments: impl Iterator<Item = TokenStream>) -> TokenStream {
        let output = &self.signature.output;
        quote!(__weaver::Method::<(#(#arguments,)*), #output>)
    }

    fn names(&self) -> impl Iterator<Item = &Ident> {
        self.signature.arguments.iter().map(|argument| &argument.ident)
    }
}

/// Records the arguments that have no plain name; says whether all have one.
fn check_names(arguments: &[Argument], mistakes: &mut Mistakes) -> bool {
    let is_plain = |argument: &&Argument| {
        let pattern = &argument.pattern;
        matches!(pattern, Pat::Ident(PatIdent { by_ref: None, mutability: None, subpat: None, .. }))
    };
    let mut all = true;
    for Argument { pattern, .. } in arguments.iter().filter(|argument| !is_plain(argument)) {
        all = false;
        let message = "write a plain name here: the trait names its arguments, the implementation \
                       may take them apart";
        mistakes.at(pattern, message);
    }
    all
}
