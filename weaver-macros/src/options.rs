//! [`ComponentOptions`]: what stands in the parentheses of `#[component(…)]`.

use proc_macro2::TokenStream;
use syn::{Ident, LitStr, meta::ParseNestedMeta, parse::Parser};

use crate::mistakes::Mistakes;

/// What stands in the parentheses of `#[component(…)]`.
#[derive(Default)]
pub(crate) struct ComponentOptions {
    /// `name = "…"`: the name of the component, when it is not the trait's identifier.
    pub(crate) name: Option<LitStr>,
    /// `unregistered`: the implementation is no part of the program. For weaver's own use.
    pub(crate) unregistered: Option<Ident>,
}

impl ComponentOptions {
    pub(crate) fn parse(tokens: TokenStream, mistakes: &mut Mistakes) -> Self {
        let mut options = Self::default();
        let parser = syn::meta::parser(|option| options.set(&option));
        if let Err(error) = parser.parse2(tokens) {
            mistakes.add(error);
        }
        options
    }

    fn set(&mut self, option: &ParseNestedMeta<'_>) -> syn::Result<()> {
        if option.path.is_ident("name") {
            self.name = Some(option.value()?.parse()?);
        } else if option.path.is_ident("unregistered") {
            self.unregistered = option.path.get_ident().cloned();
        } else {
            return Err(option.error("unknown option: write `#[component(name = \"…\")]`"));
        }
        Ok(())
    }
}
