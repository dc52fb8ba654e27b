//! Each file in `tests/expand/` beside its expansion, as plain Rust to be read in review.
//!
//! `WEAVER_BLESS=1 cargo test -p weaver-macros` writes what the macros emit now.

use std::{
    fs,
    path::{Path, PathBuf},
};

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{Attribute, Item, Meta};

use crate::{component, derive, main_fn};

const BLESS: &str = "WEAVER_BLESS";

#[test]
fn expansions_are_as_reviewed() {
    let changed: Vec<_> = cases().into_iter().filter(|case| !is_as_reviewed(case)).collect();
    assert!(
        changed.is_empty(),
        "the expansions of {changed:?} changed; if that is intended, run\n    \
         {BLESS}=1 cargo test -p weaver-macros\nand review the difference"
    );
}

#[test]
fn a_method_costs_one_client_line_and_one_arm() {
    let expanded = expand_file(&folder().join("cart.rs"));
    let lines = |text: &str| expanded.lines().filter(|line| line.contains(text)).count();
    let methods = lines("__weaver::MethodSpec::new(");
    assert_eq!(methods, 3);
    assert_eq!(lines(">::call(self, "), methods, "{expanded}");
    assert_eq!(lines(">::serve("), methods, "{expanded}");
}

#[test]
fn emitted_code_names_the_library_by_one_path() {
    for case in cases() {
        let expanded = expand_file(&case);
        let elsewhere: Vec<_> = expanded
            .split("::weaver::")
            .skip(1)
            .filter(|after| !after.starts_with("__private"))
            .collect();
        assert!(elsewhere.is_empty(), "{}: {elsewhere:?}", case.display());
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/expand")
}

fn cases() -> Vec<PathBuf> {
    let files = fs::read_dir(folder()).expect("the folder of cases");
    let paths = files.map(|file| file.expect("a file").path());
    let mut cases: Vec<_> = paths.filter(|path| !is_expansion(path)).collect();
    cases.sort();
    assert!(!cases.is_empty());
    cases
}

fn is_expansion(path: &Path) -> bool {
    path.to_string_lossy().ends_with(".expanded.rs")
}

fn is_as_reviewed(case: &Path) -> bool {
    let expanded = expand_file(case);
    let path = case.with_extension("expanded.rs");
    if std::env::var_os(BLESS).is_some() {
        fs::write(&path, &expanded).expect("the expansion is written");
    }
    fs::read_to_string(&path).is_ok_and(|reviewed| reviewed == expanded)
}

fn expand_file(path: &Path) -> String {
    let source = fs::read_to_string(path).expect("a case");
    let file = syn::parse_file(&source).expect("a case is Rust");
    let tokens: TokenStream = file.items.into_iter().map(expand_item).collect();
    prettyplease::unparse(&syn::parse2(tokens).expect("what is emitted is Rust"))
}

/// What rustc does with the attributes of an item.
fn expand_item(mut item: Item) -> TokenStream {
    let Some(attribute) = attributes(&mut item).and_then(|attributes| attributes.pop()) else {
        return item.into_token_stream();
    };
    let options = match &attribute.meta {
        Meta::List(list) => list.tokens.clone(),
        Meta::Path(_) | Meta::NameValue(_) => TokenStream::new(),
    };
    let item = item.into_token_stream();
    match attribute.path().segments.last().expect("a path").ident.to_string().as_str() {
        "component" => component::expand(options, item),
        "main" => main_fn::expand(options, item),
        "derive" => [item.clone(), derive::expand(item)].into_iter().collect(),
        other => panic!("no macro of weaver: {other}"),
    }
}

fn attributes(item: &mut Item) -> Option<&mut Vec<Attribute>> {
    match item {
        Item::Fn(item) => Some(&mut item.attrs),
        Item::Impl(item) => Some(&mut item.attrs),
        Item::Struct(item) => Some(&mut item.attrs),
        Item::Trait(item) => Some(&mut item.attrs),
        _ => None,
    }
}
