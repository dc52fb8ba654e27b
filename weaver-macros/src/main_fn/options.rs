//! [`MainOptions`]: what stands in the parentheses of `#[main(…)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{LitInt, LitStr, Path, meta::ParseNestedMeta};

use crate::{mistakes::Mistakes, options};

const ANY: &str =
    "write `flavor = \"current_thread\"`, `worker_threads = 4` or `init = a_function`";
const FLAVOR: &str = "write `\"current_thread\"` or `\"multi_thread\"`";

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
        if let Err(error) = options::parse(tokens, ANY, |option| options.set(option)) {
            mistakes.add(error);
        }
        if let (true, Some(threads)) = (options.current_thread, &options.worker_threads) {
            mistakes.at(threads, "a runtime with `flavor = \"current_thread\"` has no workers");
        }
        options
    }

    fn set(&mut self, option: &ParseNestedMeta<'_>) -> syn::Result<()> {
        if option.path.is_ident("flavor") {
            let flavor: LitStr = options::value(option, FLAVOR)?;
            self.current_thread = match flavor.value().as_str() {
                "current_thread" => true,
                "multi_thread" => false,
                _ => return Err(syn::Error::new(flavor.span(), FLAVOR)),
            };
        } else if option.path.is_ident("worker_threads") {
            let threads: LitInt = options::value(option, "write `worker_threads = 4`")?;
            if threads.base10_parse::<usize>().is_ok_and(|threads| threads == 0) {
                return Err(syn::Error::new(threads.span(), "write at least 1"));
            }
            self.worker_threads = Some(threads);
        } else if option.path.is_ident("init") {
            self.init = Some(options::value(option, "write a function: `init = a_function`")?);
        } else {
            return Err(option.error(format_args!("unknown option: {ANY}")));
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
