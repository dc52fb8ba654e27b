//! [`Route`]: what `#[route(…)]` says of which replica takes a call.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Expr, Ident, Member, Meta, Token, punctuated::Punctuated};

use super::inside;
use crate::{
    mistakes::Mistakes,
    names,
    signature::{Argument, TUPLE_LENGTH_MAX},
};

const EMPTY: &str = "write the arguments whose values are the key: `#[route(user)]`";
const NOT_A_PART: &str = "write the name of an argument, or a field of one: `#[route(order.id)]`";

/// The parts of a call's key, one or more.
pub(crate) struct Route(Vec<Part>);

/// An argument, or a field somewhere in it.
struct Part {
    argument: Ident,
    fields: Vec<Member>,
}

impl Route {
    pub(crate) fn parse(meta: &Meta) -> syn::Result<Self> {
        let parts = inside(meta, Punctuated::<Expr, Token![,]>::parse_terminated, EMPTY)?;
        if parts.is_empty() {
            return Err(syn::Error::new_spanned(meta, EMPTY));
        }
        if let Some(beyond) = parts.get(TUPLE_LENGTH_MAX) {
            let message = format_args!(
                "a key has at most {TUPLE_LENGTH_MAX} parts: write the argument that has them"
            );
            return Err(syn::Error::new_spanned(beyond, message));
        }
        parts.iter().map(Part::parse).collect::<syn::Result<_>>().map(Self)
    }

    /// Records the parts that are no values among the method's arguments.
    pub(crate) fn check(&self, arguments: &[Argument], mistakes: &mut Mistakes) {
        for Part { argument: name, .. } in &self.0 {
            match arguments.iter().find(|argument| argument.ident == *name) {
                None => {
                    let cure = cure(arguments);
                    mistakes.at(name, format_args!("no argument is named `{name}`: {cure}"));
                }
                Some(argument) if argument.is_stream() => mistakes.at(
                    name,
                    "a stream is no key, because its items come after the call: write an argument \
                     that is a value",
                ),
                Some(_) => {}
            }
        }
    }

    /// Each part as the author wrote it: `order.id`.
    pub(crate) fn texts(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|Part { argument, fields }| {
            let fields = fields.iter().map(|field| match field {
                Member::Named(name) => names::text(name),
                Member::Unnamed(index) => index.index.to_string(),
            });
            std::iter::once(names::text(argument)).chain(fields).collect::<Vec<_>>().join(".")
        })
    }

    /// The hash of the key, as an expression that borrows the arguments.
    pub(crate) fn emit(&self, arguments: &[Argument]) -> TokenStream {
        let parts: Vec<_> = self.0.iter().map(|part| part.emit(arguments)).collect();
        match &parts[..] {
            [part] => quote!(__weaver::RouteKey(#part).hash()),
            parts => quote!(__weaver::RouteKey(&(#(#parts),*)).hash()),
        }
    }
}

impl Part {
    fn parse(expression: &Expr) -> syn::Result<Self> {
        Self::read(expression).ok_or_else(|| syn::Error::new_spanned(expression, NOT_A_PART))
    }

    fn read(expression: &Expr) -> Option<Self> {
        match expression {
            Expr::Path(it) if it.attrs.is_empty() && it.qself.is_none() => {
                let argument = it.path.get_ident()?.clone();
                Some(Self { argument, fields: Vec::new() })
            }
            Expr::Field(it) if it.attrs.is_empty() => {
                let mut part = Self::read(&it.base)?;
                part.fields.push(it.member.clone());
                Some(part)
            }
            // The invisible parentheses that a `$key:expr` of `macro_rules!` leaves.
            Expr::Group(it) => Self::read(&it.expr),
            _ => None,
        }
    }

    /// A reference to the part. That a whole argument can be encoded is demanded where it is
    /// declared, once; that a field can be, here.
    fn emit(&self, arguments: &[Argument]) -> TokenStream {
        let mut name = self.argument.clone();
        name.set_span(names::blamed_on(&name));
        if let Some(last) = self.fields.last() {
            let fields = &self.fields;
            let span = names::blamed_on(last);
            return quote_spanned!(span=> __weaver::key_field(&#name #(.#fields)*));
        }
        let argument = arguments.iter().find(|argument| argument.ident == name);
        match argument.and_then(Argument::borrowed) {
            Some(_) => quote!(#name),
            None => quote!(&#name),
        }
    }
}

/// What to write instead of a name that no argument has.
fn cure(arguments: &[Argument]) -> String {
    let names: Vec<_> = arguments.iter().map(|argument| format!("`{}`", argument.ident)).collect();
    match names.split_last() {
        None => "remove the attribute, for the method has no arguments".to_owned(),
        Some((only, [])) => format!("write {only}"),
        Some((last, names)) => format!("write {} or {last}", names.join(", ")),
    }
}
