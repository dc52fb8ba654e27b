//! What one more method adds to what is emitted. It is compiled for each method of each program, so that more of it
//! belongs into a function of the library, which is compiled once.

use proc_macro2::TokenStream;
use quote::ToTokens as _;
use syn::{Expr, File, ImplItem, ImplItemFn, ItemImpl, Stmt, visit::Visit};

use crate::component;

/// Lines for a method of a trait, as prettyplease breaks them: 4 of the declaration in its boxed form, 6 of the client
/// (the same signature, a statement, a brace), 5 of the constant description, and 9 of the arm of `dispatch`.
const LINES_OF_TRAIT: usize = 24;

/// Lines for a method of an implementation whose body is one line: 5 of the boxed signature and its brace, 1 import,
/// 6 of the call of the frame with its types, 6 of the constant description, 7 of the future and of the statement by which it
/// knows its type, 1 that moves the argument in, and the body.
const LINES_OF_IMPL: usize = 27;

/// The cost is the same for each method, up to here.
const METHODS_MAX: usize = 4;

#[test]
fn a_method_of_a_trait_costs_the_same_few_lines() {
    for methods in 1..METHODS_MAX {
        let (fewer, more) = (expand_trait(methods), expand_trait(methods + 1));
        assert_eq!(lines(&more) - lines(&fewer), LINES_OF_TRAIT, "{}", text(&more));
    }
}

#[test]
fn a_method_of_an_implementation_costs_the_same_few_lines() {
    for methods in 1..METHODS_MAX {
        let (fewer, more) = (expand_impl(methods), expand_impl(methods + 1));
        assert_eq!(lines(&more) - lines(&fewer), LINES_OF_IMPL, "{}", text(&more));
    }
}

#[test]
fn a_method_is_one_statement_of_the_client_and_one_arm_of_dispatch() {
    for methods in 1..=METHODS_MAX {
        let file = expand_trait(methods);
        let mut block = Block::default();
        block.visit_file(&file);
        // The declaration, and the block beside it.
        assert_eq!(file.items.len(), 2, "{}", text(&file));
        assert_eq!(block.client_statements, vec![1; methods], "{}", text(&file));
        // And one for what is no method.
        assert_eq!(block.arms, methods + 1, "{}", text(&file));
        assert_eq!(block.impls, 2, "{}", text(&file));
    }
}

/// What is counted of a trait's expansion.
#[derive(Default)]
struct Block {
    impls: usize,
    /// Of each method.
    client_statements: Vec<usize>,
    arms: usize,
}

impl<'ast> Visit<'ast> for Block {
    fn visit_item_impl(&mut self, item: &'ast ItemImpl) {
        self.impls += 1;
        let is_client = item.self_ty.to_token_stream().to_string().contains("Client");
        let methods = item.items.iter().filter_map(as_method);
        if is_client {
            self.client_statements.extend(methods.map(|method| method.block.stmts.len()));
        } else {
            let dispatch = methods.into_iter().find(|method| method.sig.ident == "dispatch");
            self.arms += dispatch.map_or(0, arms);
        }
    }
}

fn as_method(member: &ImplItem) -> Option<&ImplItemFn> {
    match member {
        ImplItem::Fn(method) => Some(method),
        _ => None,
    }
}

/// The arms of a function that is one `match`.
fn arms(function: &ImplItemFn) -> usize {
    match function.block.stmts.as_slice() {
        [Stmt::Expr(Expr::Match(it), None)] => it.arms.len(),
        other => panic!("`dispatch` is one match, not {} statements", other.len()),
    }
}

fn expand_trait(methods: usize) -> File {
    let methods = (0..methods).map(|i| format!("async fn m{i}(&self, item: u64) -> Result<()>;"));
    expand(&format!("pub trait Cart {{ {} }}", methods.collect::<String>()))
}

fn expand_impl(methods: usize) -> File {
    let methods = (0..methods)
        .map(|i| format!("async fn m{i}(&self, item: u64) -> Result<()> {{ self.put(item) }}"));
    expand(&format!("impl Cart for MemCart {{ {} }}", methods.collect::<String>()))
}

fn expand(written: &str) -> File {
    let written = written.parse().expect("tokens");
    syn::parse2(component::expand(TokenStream::new(), written)).expect("what is emitted is Rust")
}

fn lines(file: &File) -> usize {
    text(file).lines().count()
}

fn text(file: &File) -> String {
    prettyplease::unparse(file)
}
