//! [`MainOptions`]: what stands in the parentheses of `#[main(…)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{LitInt, LitStr, Path, meta::ParseNestedMeta, parse::Parser};

use crate::mistakes::Mistakes;

/// The tokio runtime that `main` runs on, and what runs before.
#[derive(Default)]
pub(super) struct MainOptions {
    current_thread: bool,
    worker_threads: Option<LitInt>,
    init: Option<Path>,
}

impl MainOptions {
    pub(super) fn parse(tokens: TokenStream, mistakes: &mut Mistakes) -> Self {
        let mut options = Self::default();
        let parser = syn::meta::parser(|option| options.set(&option));
        if let Err(error) = parser.parse2(tokens) {
            mistakes.add(error);
        }
        if let (true, Some(threads)) = (options.current_thread, &options.worker_threads) {
            mistakes.at(threads, "a runtime with `flavor = \"current_thread\"` has no workers");
        }
        options
    }

    fn set(&mut self, option: &ParseNestedMeta<'_>) -> syn::Result<()> {
        if option.path.is_ident("flavor") {
            let flavor: LitStr = option.value()?.parse()?;
            self.current_thread = match flavor.value().as_str() {
                "current_thread" => true,
                "multi_thread" => false,
                _ => {
                    let message = "write `\"current_thread\"` or `\"multi_thread\"`";
                    return Err(syn::Error::new(flavor.span(), message));
                }
            };
        } else if option.path.is_ident("worker_threads") {
            let threads: LitInt = option.value()?.parse()?;
            if threads.base10_parse::<usize>().is_ok_and(|threads| threads == 0) {
                return Err(syn::Error::new(threads.span(), "write at least 1"));
            }
            self.worker_threads = Some(threads);
        } else if option.path.is_ident("init") {
            self.init = Some(option.value()?.parse()?);
        } else {
            let message = "unknown option: write `flavor = \"current_thread\"`, \
                           `worker_threads = 4` or `init = a_function`";
            return Err(option.error(message));
        }
        Ok(())
    }

    /// A variant of `RuntimeSpec`.
    pub(super) fn emit_runtime(&self) -> TokenStream {
        match (&self.worker_threads, self.current_thread) {
            (_, true) => quote!(CurrentThread),
            (None, false) => {
                quote!(MultiThread { worker_threads: ::core::option::Option::None })
            }
            (Some(threads), false) => {
                quote!(MultiThread { worker_threads: ::core::option::Option::Some(#threads) })
            }
        }
    }

    /// A `fn()`.
    pub(super) fn emit_init(&self) -> TokenStream {
        match &self.init {
            None => quote!(|| ()),
            Some(init) => quote!(#init),
        }
    }
}
