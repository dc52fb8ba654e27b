//! [`Mistakes`]: what the author should change, each at the token that is wrong.

use proc_macro2::TokenStream;
use quote::ToTokens;

/// The mistakes found so far. All are shown at once, each as one error.
#[derive(Default)]
pub(crate) struct Mistakes(Vec<syn::Error>);

impl Mistakes {
    /// Records a mistake at `tokens`.
    pub(crate) fn at(&mut self, tokens: impl ToTokens, message: impl std::fmt::Display) {
        self.0.push(syn::Error::new_spanned(tokens, message));
    }

    /// Records a mistake that a parser found.
    pub(crate) fn add(&mut self, error: syn::Error) {
        self.0.push(error);
    }

    /// Records all of `others`.
    pub(crate) fn append(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// Records that the library runs nothing as it is built; says whether it is so.
    pub(crate) fn without_node(&mut self, tokens: impl ToTokens, what: &str) -> bool {
        let is_without = !cfg!(any(feature = "node", test));
        if is_without {
            let message = format_args!(
                "{what} needs weaver's feature `node`: remove `default-features = false` where this crate depends \
                 on weaver"
            );
            self.at(tokens, message);
        }
        is_without
    }

    /// The one that was found first.
    pub(crate) fn first(self) -> Option<syn::Error> {
        self.0.into_iter().next()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl ToTokens for Mistakes {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        tokens.extend(self.0.iter().map(syn::Error::to_compile_error));
    }
}
