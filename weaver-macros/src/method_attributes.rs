//! [`MethodAttributes`]: weaver's own attributes of a method, taken out of the author's.

mod milliseconds;
mod route;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{
    Attribute, FnArg, LitStr, Meta, PatType, Receiver, Token,
    parse::{Parse, ParseStream, Parser},
};

use crate::mistakes::Mistakes;
use milliseconds::Milliseconds;
use route::Route;

syn::custom_keyword!(hedge);

/// Attributes that only `#[component]` understands.
const OURS: [&str; 3] = ["idempotent", "route", "timeout"];

/// Weaver's own attributes of a method of a component.
#[derive(Default)]
pub(crate) struct MethodAttributes {
    idempotent: Option<Idempotent>,
    timeout: Option<Milliseconds>,
    pub(crate) route: Option<Route>,
}

/// `#[idempotent]`.
struct Idempotent {
    hedge: Option<Milliseconds>,
}

impl MethodAttributes {
    /// Takes them out of the attributes of a trait's method.
    pub(crate) fn take(attributes: &mut Vec<Attribute>, mistakes: &mut Mistakes) -> Self {
        let mut taken = Self::default();
        for attribute in take_ours(attributes) {
            if let Err(mistake) = taken.set(&attribute) {
                mistakes.add(mistake);
            }
        }
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")) {
            mistakes.at(
                attribute,
                "a component has the same methods in every build: write `#[cfg(…)]` on the trait",
            );
        }
        taken
    }

    /// Takes them out of the attributes of an implementation's method, where they are mistakes.
    pub(crate) fn refuse(attributes: &mut Vec<Attribute>, mistakes: &mut Mistakes) {
        for attribute in take_ours(attributes) {
            let name = spelled(&attribute);
            mistakes.at(
                &attribute,
                format_args!("write `#[{name}]` on the trait's method: callers rely on it"),
            );
        }
    }

    /// Takes them out of the attributes of what is no method, where they are mistakes.
    pub(crate) fn refuse_elsewhere(attributes: &mut Vec<Attribute>, mistakes: &mut Mistakes) {
        for attribute in take_ours(attributes) {
            let name = spelled(&attribute);
            mistakes.at(&attribute, format_args!("write `#[{name}]` on a method of the trait"));
        }
    }

    /// The same for the arguments of a method.
    pub(crate) fn refuse_on_arguments(method: &mut syn::Signature, mistakes: &mut Mistakes) {
        for input in &mut method.inputs {
            let (FnArg::Receiver(Receiver { attrs, .. }) | FnArg::Typed(PatType { attrs, .. })) =
                input;
            Self::refuse_elsewhere(attrs, mistakes);
        }
    }

    /// What they add to the method's constant description.
    pub(crate) fn emit_spec(&self) -> TokenStream {
        let idempotent = self.idempotent.as_ref().map(|Idempotent { hedge }| match hedge {
            None => quote!(.idempotent()),
            Some(hedge) => quote!(.hedged_after_milliseconds(#hedge)),
        });
        let timeout = self.timeout.map(|timeout| quote!(.timeout_milliseconds(#timeout)));
        let route = self.route.as_ref().map(|route| {
            let parts = route.texts();
            quote!(.routed_by(&[#(#parts),*]))
        });
        quote!(#idempotent #timeout #route)
    }

    fn set(&mut self, attribute: &Attribute) -> syn::Result<()> {
        match name(attribute) {
            Some("idempotent") => once(&mut self.idempotent, attribute, Idempotent::parse),
            Some("timeout") => once(&mut self.timeout, attribute, parse_timeout),
            _ => once(&mut self.route, attribute, Route::parse),
        }
    }
}

impl Idempotent {
    fn parse(meta: &Meta) -> syn::Result<Self> {
        if let Meta::Path(_) = meta {
            return Ok(Self { hedge: None });
        }
        let instead = "write `#[idempotent]` or `#[idempotent(hedge = \"50ms\")]`";
        let literal = inside(meta, parse_hedge, instead)?;
        Ok(Self { hedge: Some(Milliseconds::parse(&literal)?) })
    }
}

fn parse_hedge(input: ParseStream<'_>) -> syn::Result<LitStr> {
    input.parse::<hedge>()?;
    input.parse::<Token![=]>()?;
    input.parse()
}

fn parse_timeout(meta: &Meta) -> syn::Result<Milliseconds> {
    let literal =
        inside(meta, <LitStr as Parse>::parse, "write one duration: `#[timeout(\"2s\")]`")?;
    Milliseconds::parse(&literal)
}

/// What stands in the parentheses of an attribute; `instead` says what should.
fn inside<P: Parser>(meta: &Meta, parser: P, instead: &str) -> syn::Result<P::Output> {
    let Meta::List(list) = meta else {
        return Err(syn::Error::new_spanned(meta, instead));
    };
    list.parse_args_with(parser).map_err(|error| syn::Error::new(error.span(), instead))
}

/// Fills `slot` from an attribute, unless one before it has.
fn once<T>(
    slot: &mut Option<T>,
    attribute: &Attribute,
    parse: fn(&Meta) -> syn::Result<T>,
) -> syn::Result<()> {
    if slot.is_some() {
        let message = format_args!("`#[{}]` is here twice: remove one", spelled(attribute));
        return Err(syn::Error::new_spanned(attribute, message));
    }
    *slot = Some(parse(&attribute.meta)?);
    Ok(())
}

fn take_ours(attributes: &mut Vec<Attribute>) -> Vec<Attribute> {
    attributes.extract_if(.., |attribute| name(attribute).is_some()).collect()
}

/// Which one of ours it is, with or without `weaver::`.
fn name(attribute: &Attribute) -> Option<&'static str> {
    let mut segments = attribute.path().segments.iter();
    let last = segments.next_back()?;
    let is_ours = match segments.next_back() {
        None => true,
        Some(before) => before.ident == "weaver" && segments.next().is_none(),
    };
    OURS.into_iter().find(|name| is_ours && last.ident == name)
}

/// As its author has to write it.
fn spelled(attribute: &Attribute) -> String {
    attribute.path().to_token_stream().to_string().replace(' ', "")
}
