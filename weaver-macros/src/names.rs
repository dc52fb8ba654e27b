//! The names that emitted code uses.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::ext::IdentExt;

/// The only path into the library. `weaver-runtime` itself answers to it, too.
pub(crate) fn private() -> TokenStream {
    quote!(::weaver::__private)
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
