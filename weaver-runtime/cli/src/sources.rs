//! [`Sources`]: what a program's own text tells and its graph cannot. Pure.
//!
//! The text is read as it stands, without types and macros: what is not found here may still be there.

use std::collections::HashMap;

use proc_macro2::Span;
use quote::ToTokens;
use syn::{
    Attribute, Block, Expr, ExprForLoop, ExprLoop, ExprMethodCall, ExprWhile, Field, Fields, FnArg,
    GenericArgument, Ident, ImplItemFn, ItemEnum, ItemFn, ItemImpl, ItemStruct, Pat, PathArguments,
    Type, TypeParamBound,
    spanned::Spanned,
    visit::{self, Visit},
};

/// A program's files, parsed.
pub(crate) struct Sources(Vec<Source>);

struct Source {
    /// As it is shown.
    name: String,
    file: syn::File,
}

/// A field that stays behind where its type is sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Skipped {
    /// The struct, or the enum.
    pub(crate) ty: String,
    pub(crate) field: String,
    /// `file:line`.
    pub(crate) at: String,
}

/// A call that is made again and again.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Repeated {
    /// The type in whose `impl` it is; `None` in a function, which `main` calls, for all that can be seen.
    pub(crate) caller: Option<String>,
    /// The trait.
    pub(crate) callee: String,
    pub(crate) method: String,
    /// `file:line`.
    pub(crate) at: String,
}

impl Sources {
    /// Of `(name, text)`; what is no Rust is left out.
    pub(crate) fn parse(files: impl IntoIterator<Item = (String, String)>) -> Self {
        let parsed = files
            .into_iter()
            .filter_map(|(name, text)| Some(Source { name, file: syn::parse_file(&text).ok()? }));
        Self(parsed.collect())
    }

    /// Fields with `#[serde(skip)]`, which arrive as their `Default`.
    pub(crate) fn skipped_fields(&self) -> Vec<Skipped> {
        let mut skipped = Vec::new();
        for Source { name, file } in &self.0 {
            let mut finder = SkippedFields { file: name, found: &mut skipped };
            finder.visit_file(file);
        }
        skipped
    }

    /// Calls through a `Ref` that is a field of a struct, or an argument of `main`, in the body of a loop.
    pub(crate) fn calls_in_loops(&self) -> Vec<Repeated> {
        let mut references = FieldReferences::default();
        self.0.iter().for_each(|source| references.visit_file(&source.file));
        let mut repeated = Vec::new();
        for Source { name, file } in &self.0 {
            let mut finder = CallsInLoops {
                file: name,
                fields: &references.0,
                caller: None,
                arguments: HashMap::new(),
                loops: 0,
                found: &mut repeated,
            };
            finder.visit_file(file);
        }
        repeated
    }
}

fn place(file: &str, span: Span) -> String {
    format!("{file}:{}", span.start().line)
}

/// The type that an `impl` is of, without the path to it.
fn type_name(ty: &Type) -> Option<String> {
    let Type::Path(path) = ty else { return None };
    path.path.segments.last().map(|segment| segment.ident.to_string())
}

struct SkippedFields<'a> {
    file: &'a str,
    found: &'a mut Vec<Skipped>,
}

impl SkippedFields<'_> {
    fn look(&mut self, ty: &Ident, fields: &Fields) {
        for (at, field) in fields.iter().enumerate().filter(|(_, field)| is_skipped(field)) {
            let name = field.ident.as_ref().map_or_else(|| at.to_string(), Ident::to_string);
            let at = place(self.file, field.span());
            self.found.push(Skipped { ty: ty.to_string(), field: name, at });
        }
    }
}

impl<'ast> Visit<'ast> for SkippedFields<'_> {
    fn visit_item_struct(&mut self, item: &'ast ItemStruct) {
        self.look(&item.ident, &item.fields);
    }

    fn visit_item_enum(&mut self, item: &'ast ItemEnum) {
        item.variants.iter().for_each(|variant| self.look(&item.ident, &variant.fields));
    }
}

fn is_skipped(field: &Field) -> bool {
    let mut skipped = false;
    for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("serde")) {
        // What is not understood is serde's to complain of.
        let _ = attribute.parse_nested_meta(|meta| {
            skipped |= meta.path.is_ident("skip");
            if meta.input.peek(syn::Token![=]) {
                meta.value()?.parse::<Expr>()?;
            } else if meta.input.peek(syn::token::Paren) {
                let inside;
                syn::parenthesized!(inside in meta.input);
                inside.parse::<proc_macro2::TokenStream>()?;
            }
            Ok(())
        });
    }
    skipped
}

/// By struct, the fields that are references, each with the trait of its component.
#[derive(Default)]
struct FieldReferences(HashMap<String, HashMap<String, String>>);

impl<'ast> Visit<'ast> for FieldReferences {
    fn visit_item_struct(&mut self, item: &'ast ItemStruct) {
        let fields = item
            .fields
            .iter()
            .filter_map(|field| Some((field.ident.as_ref()?.to_string(), referenced(&field.ty)?)));
        self.0.entry(item.ident.to_string()).or_default().extend(fields);
    }
}

/// The trait of `Ref<dyn Trait>`.
fn referenced(ty: &Type) -> Option<String> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last().filter(|segment| segment.ident == "Ref")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    let GenericArgument::Type(Type::TraitObject(object)) = arguments.args.first()? else {
        return None;
    };
    let TypeParamBound::Trait(bound) = object.bounds.first()? else { return None };
    bound.path.segments.last().map(|segment| segment.ident.to_string())
}

struct CallsInLoops<'a> {
    file: &'a str,
    fields: &'a HashMap<String, HashMap<String, String>>,
    /// The type whose method this is.
    caller: Option<String>,
    /// Those of `main`.
    arguments: HashMap<String, String>,
    loops: usize,
    found: &'a mut Vec<Repeated>,
}

impl CallsInLoops<'_> {
    /// The trait that a call is made through.
    fn callee(&self, receiver: &Expr) -> Option<&String> {
        match receiver {
            Expr::Field(field) => {
                let name = field.member.to_token_stream().to_string();
                if is_self(&field.base) {
                    return self.fields.get(self.caller.as_ref()?)?.get(&name);
                }
                // Of which type that is, only the compiler knows.
                self.fields.values().find_map(|fields| fields.get(&name))
            }
            Expr::Path(path) => self.arguments.get(&path.path.get_ident()?.to_string()),
            _ => None,
        }
    }

    fn in_loop(&mut self, body: &Block) {
        self.loops += 1;
        self.visit_block(body);
        self.loops -= 1;
    }
}

fn is_self(expression: &Expr) -> bool {
    matches!(expression, Expr::Path(path) if path.path.is_ident("self"))
}

fn is_main(attributes: &[Attribute]) -> bool {
    let is_ours = |attribute: &Attribute| {
        let path = attribute.path().to_token_stream().to_string();
        matches!(path.as_str(), "weaver :: main" | "main")
    };
    attributes.iter().any(is_ours)
}

impl<'ast> Visit<'ast> for CallsInLoops<'_> {
    fn visit_item_impl(&mut self, item: &'ast ItemImpl) {
        let outer = std::mem::replace(&mut self.caller, type_name(&item.self_ty));
        visit::visit_item_impl(self, item);
        self.caller = outer;
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        let loops = std::mem::take(&mut self.loops);
        visit::visit_impl_item_fn(self, item);
        self.loops = loops;
    }

    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        if !is_main(&item.attrs) {
            return visit::visit_item_fn(self, item);
        }
        let arguments = item.sig.inputs.iter().filter_map(|input| match input {
            FnArg::Typed(argument) => match &*argument.pat {
                Pat::Ident(name) => Some((name.ident.to_string(), referenced(&argument.ty)?)),
                _ => None,
            },
            FnArg::Receiver(_) => None,
        });
        self.arguments = arguments.collect();
        visit::visit_item_fn(self, item);
        self.arguments.clear();
    }

    fn visit_expr_for_loop(&mut self, item: &'ast ExprForLoop) {
        self.visit_expr(&item.expr);
        self.in_loop(&item.body);
    }

    fn visit_expr_while(&mut self, item: &'ast ExprWhile) {
        self.loops += 1;
        self.visit_expr(&item.cond);
        self.loops -= 1;
        self.in_loop(&item.body);
    }

    fn visit_expr_loop(&mut self, item: &'ast ExprLoop) {
        self.in_loop(&item.body);
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        if self.loops > 0
            && let Some(callee) = self.callee(&call.receiver)
        {
            self.found.push(Repeated {
                caller: self.caller.clone(),
                callee: callee.clone(),
                method: call.method.to_string(),
                at: place(self.file, call.method.span()),
            });
        }
        visit::visit_expr_method_call(self, call);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(text: &str) -> Sources {
        let sources = Sources::parse([("src/main.rs".to_owned(), text.to_owned())]);
        assert_eq!(sources.0.len(), 1, "it parses");
        sources
    }

    #[test]
    fn what_is_no_rust_is_left_out() {
        let files = [("a.rs", "fn"), ("page.html", "<html>"), ("b.rs", "fn b() {}")];
        let files = files.map(|(name, text)| (name.to_owned(), text.to_owned()));
        assert_eq!(Sources::parse(files).0.len(), 1);
    }

    #[test]
    fn skipped_fields_are_found() {
        let sources = sources(
            "mod shop {
                #[derive(Serialize, Deserialize)]
                pub struct Item {
                    name: String,
                    #[serde(rename = \"x\", bound(serialize = \"\"), skip)]
                    cache: Option<u64>,
                    #[serde(skip_serializing_if = \"Option::is_none\", default)]
                    note: Option<String>,
                }
            }
            enum Tag { Plain, Weight(u8, #[serde(skip)] u16) }",
        );
        let of = |ty: &str, field: &str, line: usize| Skipped {
            ty: ty.to_owned(),
            field: field.to_owned(),
            at: format!("src/main.rs:{line}"),
        };
        assert_eq!(sources.skipped_fields(), [of("Item", "cache", 5), of("Tag", "1", 11)]);
    }

    #[test]
    fn calls_in_loops_are_found_where_they_are_through_a_reference() {
        let sources = sources(
            "struct Till { prices: weaver::Ref<dyn shop::Prices>, names: Vec<String> }
            impl Shop for Till {
                async fn total(&self, items: Vec<String>) -> Result<u64> {
                    let first = self.prices.price(&items[0]).await?;
                    for item in self.prices.all().await? {
                        let name = self.names.get(0);
                        total += self
                            .prices.price(item).await?;
                    }
                    Ok(total)
                }
            }
            #[weaver::main]
            async fn main(web: Listener, even: Ref<dyn Even>) -> Result<()> {
                while even.is_done().await? { loop { spawn(async { even.next(x).await }) } }
                even.next(1).await
            }
            async fn other(even: Ref<dyn Even>) { loop { even.next(1).await } }
            async fn handle(State(till): State<Till>) { loop { till.prices.price(1); till.names.get(1) } }",
        );
        let of = |caller: &str, callee: &str, method: &str, line: usize| Repeated {
            caller: (caller != "main").then(|| caller.to_owned()),
            callee: callee.to_owned(),
            method: method.to_owned(),
            at: format!("src/main.rs:{line}"),
        };
        let expected = [
            of("Till", "Prices", "price", 8),
            of("main", "Even", "is_done", 15),
            of("main", "Even", "next", 15),
            of("main", "Prices", "price", 19),
        ];
        assert_eq!(sources.calls_in_loops(), expected);
    }
}
