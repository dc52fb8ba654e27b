//! What stands in the parentheses of an attribute; [`ComponentOptions`] are those of `#[component(…)]`.

use proc_macro2::TokenStream;
use syn::{
    Ident, LitStr,
    meta::ParseNestedMeta,
    parse::{Parse, Parser},
};

use crate::mistakes::Mistakes;

const NAME: &str = "write `#[component(name = \"…\")]`";

const UNREGISTERED: &str =
    "write `#[component]`, or `#[component(unregistered)]` for what is no part of the program";

/// What stands in the parentheses of `#[component(…)]`.
#[derive(Default)]
pub(crate) struct ComponentOptions {
    /// `name = "…"`: the name of the component, when it is not the trait's identifier.
    pub(crate) name: Option<LitStr>,
    /// `unregistered`: the implementation is no part of the program.
    pub(crate) unregistered: Option<Ident>,
}

impl ComponentOptions {
    pub(crate) fn of_trait(tokens: TokenStream, mistakes: &mut Mistakes) -> Self {
        Self::parse(tokens, NAME, mistakes)
    }

    pub(crate) fn of_impl(tokens: TokenStream, mistakes: &mut Mistakes) -> Self {
        Self::parse(tokens, UNREGISTERED, mistakes)
    }

    fn parse(tokens: TokenStream, instead: &str, mistakes: &mut Mistakes) -> Self {
        let mut options = Self::default();
        if let Err(error) = parse(tokens, instead, |option| options.set(option, instead)) {
            mistakes.add(error);
        }
        options
    }

    fn set(&mut self, option: &ParseNestedMeta<'_>, instead: &str) -> syn::Result<()> {
        if option.path.is_ident("name") {
            self.name = Some(value(option, NAME)?);
        } else if option.path.is_ident("unregistered") {
            self.unregistered = option.path.get_ident().cloned();
        } else {
            return Err(option.error(format_args!("unknown option: {instead}")));
        }
        Ok(())
    }
}

/// Gives each option to `set`; what is no option is told what to write `instead`.
pub(crate) fn parse(
    tokens: TokenStream,
    instead: &str,
    mut set: impl FnMut(&ParseNestedMeta<'_>) -> syn::Result<()>,
) -> syn::Result<()> {
    let mut said = None;
    let parser =
        syn::meta::parser(|option| set(&option).inspect_err(|error| said = Some(error.clone())));
    let parsed = parser.parse2(tokens);
    parsed.map_err(|error| said.unwrap_or_else(|| syn::Error::new(error.span(), instead)))
}

/// The value of an option; anything else is told what to write `instead`.
pub(crate) fn value<T: Parse>(option: &ParseNestedMeta<'_>, instead: &str) -> syn::Result<T> {
    match option.value() {
        Ok(input) if !input.is_empty() => {
            input.parse().map_err(|error| syn::Error::new(error.span(), instead))
        }
        Ok(_) | Err(_) => Err(option.error(instead)),
    }
}
