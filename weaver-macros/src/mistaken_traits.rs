//! A trait with mistakes is emitted all the same, with its methods and its documentation: what uses it is no error
//! of its own, and an editor goes on completing and showing it.

use proc_macro2::TokenStream;
use syn::{Attribute, File, Item, ItemTrait, TraitItem, TraitItemFn};

use crate::component;

/// Each is a body of `trait Cart`, what stands before it, and how many mistakes there are.
const CASES: [(&str, &str, usize); 14] = [
    ("trait Cart", "/** A */ fn add(&self, item: u64) -> Result<()>;", 1),
    ("trait Cart", "/** A */ async fn add(&self, item: Vec<&str>) -> Result<&str>;", 2),
    ("trait Cart", "/** A */ async fn add(self, item: u64);", 2),
    ("trait Cart", "/** A */ async fn add<T>(&self, item: T) -> Result<()>;", 1),
    ("trait Cart", "/** A */ async fn add(&self) -> Result<()> { Ok(()) }", 1),
    ("trait Cart", "/** A */ pub async fn add(&self) -> Result<()>;", 1),
    ("trait Cart", "/** A */ #[timeout(2)] async fn add(&self) -> Result<()>;", 1),
    ("trait Cart", "/** A */ async fn add(&self) -> Result<()>; const MAX: u64;", 1),
    ("trait Cart", "/** A */ async fn add(&self) -> Result<()>; type Item;", 1),
    ("trait Cart<T>", "/** A */ async fn add(&self, item: T) -> Result<()>;", 1),
    ("trait Cart: Clone", "/** A */ async fn add(&self) -> Result<()>;", 1),
    ("trait Cart where Self: Sized", "/** A */ async fn add(&self) -> Result<()>;", 1),
    ("unsafe trait Cart", "/** A */ async fn add(&self) -> Result<()>;", 1),
    (
        "trait Cart",
        "/** A */ fn add<'async_trait>(&'async_trait self) -> BoxFuture<'async_trait, ()>;",
        1,
    ),
];

const DOCUMENTED: &str = "/** Carts. */ #[allow(dead_code)] pub";
const OTHER: &str = "/** Empties it. */ async fn clear(&self) -> Result<()>;";

#[test]
fn a_mistaken_trait_keeps_its_methods_and_documentation() {
    for (head, body, mistakes) in CASES {
        let written = format!("{DOCUMENTED} {head} {{ {body} {OTHER} }}");
        let expanded = expand(&written);
        assert_eq!(expanded.to_string().matches("compile_error").count(), mistakes, "{written}");
        let file: File = syn::parse2(expanded).expect("what is emitted is Rust");
        let emitted = file.items.iter().find_map(as_trait).expect("the trait");
        assert_eq!(documentation(&emitted.attrs), [" Carts. "], "{written}");
        assert_eq!(emitted.attrs.len(), 2, "{written}");
        let methods: Vec<_> = emitted.items.iter().filter_map(as_method).collect();
        let [add, clear] = methods.as_slice() else { panic!("two methods: {written}") };
        assert_eq!(documentation(&add.attrs), [" A "], "{written}");
        assert_eq!(documentation(&clear.attrs), [" Empties it. "], "{written}");
        assert!(add.sig.ident == "add" && clear.sig.ident == "clear", "{written}");
    }
}

#[test]
fn references_to_a_mistaken_trait_are_of_a_component() {
    for (head, body, _) in CASES {
        let written = format!("{DOCUMENTED} {head} {{ {body} {OTHER} }}");
        let expanded = expand(&written).to_string();
        assert!(expanded.contains("__weaver :: Component for dyn Cart"), "{written}: {expanded}");
    }
}

fn expand(written: &str) -> TokenStream {
    component::expand(TokenStream::new(), written.parse().expect("tokens"))
}

fn as_trait(item: &Item) -> Option<&ItemTrait> {
    match item {
        Item::Trait(item) => Some(item),
        _ => None,
    }
}

fn as_method(member: &TraitItem) -> Option<&TraitItemFn> {
    match member {
        TraitItem::Fn(method) => Some(method),
        _ => None,
    }
}

fn documentation(attributes: &[Attribute]) -> Vec<String> {
    let of = |attribute: &Attribute| {
        let syn::Meta::NameValue(it) = &attribute.meta else { return None };
        let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) = &it.value else {
            return None;
        };
        it.path.is_ident("doc").then(|| text.value())
    };
    attributes.iter().filter_map(of).collect()
}
