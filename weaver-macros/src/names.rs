//! The names that emitted code uses.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{ext::IdentExt, spanned::Spanned};

/// The only path into the library. `weaver-runtime` itself answers to it, too.
pub(crate) fn private(span: Span) -> TokenStream {
    quote_spanned!(span=> ::weaver::__private)
}

/// The span of emitted code that is to blame on an author's token: errors are shown there, and lints
/// know that the author did not write it.
pub(crate) fn blamed_on(tokens: &impl Spanned) -> Span {
    blamed_on_span(tokens.span())
}

/// The same for the span of an author's token.
pub(crate) fn blamed_on_span(span: Span) -> Span {
    Span::call_site().located_at(span)
}

/// The import at the top of every emitted block. The underscores keep clear of the author's names,
/// which are visible in the block, too.
pub(crate) fn import() -> TokenStream {
    quote!(
        use ::weaver::__private as __weaver;
    )
}

/// An identifier as text, without the `r#` of a raw one.
pub(crate) fn text(ident: &Ident) -> String {
    ident.unraw().to_string()
}

/// `file:line` of the author's item.
pub(crate) fn location() -> TokenStream {
    quote!(::core::concat!(::core::file!(), ":", ::core::line!()))
}
