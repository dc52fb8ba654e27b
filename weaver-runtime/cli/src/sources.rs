//! [`Sources`]: what a program's own text tells and its graph cannot. Pure.
//!
//! The text is read as it stands, without types and macros, and tests are left out: what is not found here may still
//! be there.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::Span;
use quote::ToTokens;
use syn::{
    Attribute, Block, Expr, ExprForLoop, ExprMethodCall, ExprWhile, Field, Fields, FnArg,
    GenericArgument, Ident, ImplItemFn, Item, ItemEnum, ItemFn, ItemImpl, ItemStruct, ItemTrait,
    LitStr, Meta, Pat, Path, PathArguments, Type, TypeParamBound,
    ext::IdentExt,
    parse::Parser,
    punctuated::Punctuated,
    spanned::Spanned,
    visit::{self, Visit},
};

/// In a comment on the line of a finding, or on the one above, it says that it is meant.
const MEANT: &str = "weaver: meant";

/// A program's files, parsed.
pub(crate) struct Sources(Vec<Source>);

struct Source {
    /// As it is shown.
    name: String,
    /// The lines that are, or stand below, a [`MEANT`].
    meant: BTreeSet<usize>,
    file: syn::File,
}

/// A type of which a field stays behind where it is sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Skipped {
    /// The struct, or the enum.
    pub(crate) ty: String,
    pub(crate) field: String,
    /// What the struct's other fields are called; `None` where serde may call them otherwise.
    pub(crate) others: Option<Vec<String>>,
    /// `file:line`.
    pub(crate) at: String,
}

/// A call that is made again and again.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Repeated {
    /// The component in whose implementation it is, if that can be seen.
    pub(crate) caller: Option<String>,
    /// The component.
    pub(crate) callee: String,
    pub(crate) method: String,
    /// `file:line`.
    pub(crate) at: String,
}

impl Sources {
    /// Of `(name, text)`; what is no Rust is left out.
    pub(crate) fn parse(files: impl IntoIterator<Item = (String, String)>) -> Self {
        let parsed = files.into_iter().filter_map(|(name, text)| {
            let lines = text.lines().enumerate();
            let meant = lines.filter(|(_, line)| line.contains(MEANT));
            // They are counted from 1.
            let meant = meant.flat_map(|(at, _)| [at + 1, at + 2]).collect();
            Some(Source { name, meant, file: syn::parse_file(&text).ok()? })
        });
        Self(parsed.collect())
    }

    /// Fields with `#[serde(skip)]`, which do not arrive.
    pub(crate) fn skipped_fields(&self) -> Vec<Skipped> {
        let mut found = Vec::new();
        for source in &self.0 {
            SkippedFields { source, found: &mut found }.visit_file(&source.file);
        }
        found
    }

    /// Calls through a `Ref` that is a field of a struct, or an argument of `main`, in the body of a `for`, or of a
    /// `while` with a condition: other loops rather wait for something.
    pub(crate) fn calls_in_loops(&self) -> Vec<Repeated> {
        let mut components = Components::default();
        self.0.iter().for_each(|source| components.visit_file(&source.file));
        let mut found = Vec::new();
        for source in &self.0 {
            // What the names of this file stand for is in it most of the time.
            let mut here = Holders::default();
            here.visit_file(&source.file);
            let mut finder = CallsInLoops {
                source,
                components: &components,
                holders: &here,
                ty: None,
                arguments: BTreeMap::new(),
                loops: 0,
                found: &mut found,
            };
            finder.visit_file(&source.file);
        }
        found
    }
}

impl Source {
    /// `file:line`, unless it is meant.
    fn place(&self, span: Span) -> Option<String> {
        let line = span.start().line;
        (!self.meant.contains(&line)).then(|| format!("{}:{line}", self.name))
    }
}

/// Whether it is there for tests alone.
fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let condition = attribute.path().is_ident("cfg").then(|| attribute.meta.to_token_stream());
        is_named(attribute, "test")
            || condition.is_some_and(|it| it.to_string().replace(' ', "") == "cfg(test)")
    })
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        _ => &[],
    }
}

struct SkippedFields<'a> {
    source: &'a Source,
    found: &'a mut Vec<Skipped>,
}

impl SkippedFields<'_> {
    fn look(&mut self, (ty, attributes): (&Ident, &[Attribute]), fields: &Fields, are_all: bool) {
        let is_skipped = |field: &Field| says_skip(&serde_options(&field.attrs));
        let others = fields.iter().filter(|field| !is_skipped(field));
        let renamed = |attributes: &[Attribute]| {
            serde_options(attributes).iter().any(|it| name_of(it.path()).starts_with("rename"))
        };
        let is_clear =
            are_all && !renamed(attributes) && !fields.iter().any(|it| renamed(&it.attrs));
        let others = is_clear.then(|| others.filter_map(name).collect::<Vec<_>>());
        let skipped =
            fields.iter().enumerate().filter(|(_, it)| is_skipped(it) && !is_marker(&it.ty));
        for (at, field) in skipped {
            let name = name(field).unwrap_or_else(|| at.to_string());
            if let Some(at) = self.source.place(field.span()) {
                let ty = ty.unraw().to_string();
                self.found.push(Skipped { ty, field: name, others: others.clone(), at });
            }
        }
    }
}

impl<'ast> Visit<'ast> for SkippedFields<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_test(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_struct(&mut self, item: &'ast ItemStruct) {
        self.look((&item.ident, &item.attrs), &item.fields, true);
    }

    fn visit_item_enum(&mut self, item: &'ast ItemEnum) {
        let variants = item.variants.iter();
        variants.for_each(|it| self.look((&item.ident, &item.attrs), &it.fields, false));
    }
}

fn name(field: &Field) -> Option<String> {
    field.ident.as_ref().map(|ident| ident.unraw().to_string())
}

fn name_of(path: &Path) -> String {
    path.get_ident().map(Ident::to_string).unwrap_or_default()
}

fn is_marker(ty: &Type) -> bool {
    last_of(ty).is_some_and(|segment| segment.0 == "PhantomData")
}

/// What is in `#[serde(…)]`; nothing, where it is not understood.
fn serde_options(attributes: &[Attribute]) -> Vec<Meta> {
    let ours = attributes.iter().filter(|attribute| attribute.path().is_ident("serde"));
    let lists = ours.filter_map(|attribute| attribute.meta.require_list().ok());
    let parse = Punctuated::<Meta, syn::Token![,]>::parse_terminated;
    lists.flat_map(|list| parse.parse2(list.tokens.clone()).unwrap_or_default()).collect()
}

fn says_skip(options: &[Meta]) -> bool {
    options.iter().any(|option| option.path().is_ident("skip"))
}

/// The last name of a type's path, and what stands behind it.
fn last_of(ty: &Type) -> Option<(String, &PathArguments)> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last()?;
    Some((last.ident.unraw().to_string(), &last.arguments))
}

fn last_name(path: &Path) -> Option<String> {
    path.segments.last().map(|segment| segment.ident.unraw().to_string())
}

/// The component's trait, of `Ref<dyn Trait>`.
fn referenced(ty: &Type) -> Option<String> {
    let (name, arguments) = last_of(ty)?;
    let PathArguments::AngleBracketed(arguments) = arguments else { return None };
    let GenericArgument::Type(Type::TraitObject(object)) = arguments.args.first()? else {
        return None;
    };
    let TypeParamBound::Trait(bound) = object.bounds.first()? else { return None };
    (name == "Ref").then(|| last_name(&bound.path))?
}

/// Whether an attribute has this name, with or without a path to it.
fn is_named(attribute: &Attribute, name: &str) -> bool {
    last_name(attribute.path()).is_some_and(|it| it == name)
}

fn component_attribute(attributes: &[Attribute]) -> Option<&Attribute> {
    attributes.iter().find(|attribute| is_named(attribute, "component"))
}

/// What a name stands for, unless it stands for several.
fn only(names: &BTreeSet<String>) -> Option<&String> {
    names.first().filter(|_| names.len() == 1)
}

/// By trait, what its component is called; several where a name stands for several.
#[derive(Default)]
struct Components(BTreeMap<String, BTreeSet<String>>);

impl Components {
    fn of(&self, name: &str) -> Option<&String> {
        only(self.0.get(name)?)
    }
}

impl<'ast> Visit<'ast> for Components {
    fn visit_item_trait(&mut self, item: &'ast ItemTrait) {
        let Some(attribute) = component_attribute(&item.attrs) else { return };
        let ident = item.ident.unraw().to_string();
        let mut name = ident.clone();
        if let Meta::List(_) = attribute.meta {
            // What is not understood the macro complains of.
            let _ = attribute.parse_nested_meta(|meta| {
                let value: LitStr = meta.value()?.parse()?;
                name = value.value();
                Ok(())
            });
        }
        self.0.entry(ident).or_default().insert(name);
    }
}

/// What the structs of a file hold, and what they implement: by traits.
#[derive(Default)]
struct Holders {
    fields: BTreeMap<String, BTreeMap<String, String>>,
    implementations: BTreeMap<String, BTreeSet<String>>,
}

impl Holders {
    /// The trait of the references that a field of this name holds, if it is one.
    fn only(&self, field: &str) -> Option<&String> {
        let mut traits = self.fields.values().filter_map(|it| it.get(field));
        let first = traits.next()?;
        traits.all(|it| it == first).then_some(first)
    }

    fn implemented_by(&self, ty: &str) -> Option<&String> {
        only(self.implementations.get(ty)?)
    }
}

impl<'ast> Visit<'ast> for Holders {
    fn visit_item_struct(&mut self, item: &'ast ItemStruct) {
        let fields = item.fields.iter().filter_map(|it| Some((name(it)?, referenced(&it.ty)?)));
        self.fields.entry(item.ident.unraw().to_string()).or_default().extend(fields);
    }

    fn visit_item_impl(&mut self, item: &'ast ItemImpl) {
        if let (Some(_), Some((_, path, _)), Some((ty, _))) =
            (component_attribute(&item.attrs), &item.trait_, last_of(&item.self_ty))
        {
            self.implementations.entry(ty).or_default().extend(last_name(path));
        }
    }
}

struct CallsInLoops<'a> {
    source: &'a Source,
    components: &'a Components,
    holders: &'a Holders,
    /// The type in whose `impl` this is.
    ty: Option<String>,
    /// Those of `main`.
    arguments: BTreeMap<String, String>,
    loops: usize,
    found: &'a mut Vec<Repeated>,
}

impl CallsInLoops<'_> {
    /// The component that a call is made to.
    fn callee(&self, receiver: &Expr) -> Option<&String> {
        let name = match receiver {
            Expr::Field(field) => {
                let name = match &field.member {
                    syn::Member::Named(name) => name.unraw().to_string(),
                    syn::Member::Unnamed(_) => return None,
                };
                match &self.ty {
                    Some(ty) if is_self(&field.base) => self.holders.fields.get(ty)?.get(&name),
                    // Of which type that is, only the compiler knows.
                    _ => self.holders.only(&name),
                }
            }
            Expr::Path(path) => self.arguments.get(&path.path.get_ident()?.unraw().to_string()),
            _ => None,
        };
        self.components.of(name?)
    }

    fn caller(&self) -> Option<String> {
        let implemented = self.holders.implemented_by(self.ty.as_ref()?)?;
        self.components.of(implemented).cloned()
    }

    fn repeat(&mut self, look: impl FnOnce(&mut Self)) {
        self.loops += 1;
        look(self);
        self.loops -= 1;
    }

    fn visit_body(&mut self, body: &Block) {
        self.repeat(|it| it.visit_block(body));
    }
}

fn is_self(expression: &Expr) -> bool {
    matches!(expression, Expr::Path(path) if path.path.is_ident("self"))
}

fn is_main(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| is_named(attribute, "main"))
}

impl<'ast> Visit<'ast> for CallsInLoops<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_test(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_impl(&mut self, item: &'ast ItemImpl) {
        let ty = last_of(&item.self_ty).map(|(name, _)| name);
        let outer = std::mem::replace(&mut self.ty, ty);
        visit::visit_item_impl(self, item);
        self.ty = outer;
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
                Pat::Ident(name) => {
                    Some((name.ident.unraw().to_string(), referenced(&argument.ty)?))
                }
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
        self.visit_body(&item.body);
    }

    fn visit_expr_while(&mut self, item: &'ast ExprWhile) {
        if let Expr::Let(_) = &*item.cond {
            return visit::visit_expr_while(self, item);
        }
        self.repeat(|it| it.visit_expr(&item.cond));
        self.visit_body(&item.body);
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        if self.loops > 0
            && let Some(callee) = self.callee(&call.receiver)
            && let Some(at) = self.source.place(call.method.span())
        {
            let (callee, method) = (callee.clone(), call.method.unraw().to_string());
            self.found.push(Repeated { caller: self.caller(), callee, method, at });
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
                pub struct Item<T> {
                    r#name: String,
                    #[serde(bound(serialize = \"\"), default = \"now\", skip)]
                    cache: Option<u64>,
                    #[serde(skip)]
                    marker: PhantomData<T>,
                    #[serde(skip_serializing_if = \"Option::is_none\", default)]
                    note: Option<String>,
                }
            }
            #[serde(rename_all = \"UPPERCASE\")]
            struct Loud { size: u8, #[serde(skip)] hash: u8 }
            enum Tag { Plain, Weight(u8, #[serde(skip)] u16) }
            struct Meant {
                // It is made anew by who gets it. weaver: meant
                #[serde(skip)] hash: u8,
            }
            #[cfg(test)]
            mod tests { struct Sample { #[serde(skip)] hash: u8 } }",
        );
        let of = |ty: &str, field: &str, others: Option<&[&str]>, line: usize| Skipped {
            ty: ty.to_owned(),
            field: field.to_owned(),
            others: others.map(|others| others.iter().map(|&it| it.to_owned()).collect()),
            at: format!("src/main.rs:{line}"),
        };
        let expected = [
            of("Item", "cache", Some(&["name", "note"]), 5),
            of("Loud", "hash", None, 14),
            of("Tag", "1", None, 15),
        ];
        assert_eq!(sources.skipped_fields(), expected);
    }

    fn repeated(caller: &str, callee: &str, method: &str, line: usize) -> Repeated {
        Repeated {
            caller: Some(caller.to_owned()).filter(|it| !it.is_empty()),
            callee: callee.to_owned(),
            method: method.to_owned(),
            at: format!("src/main.rs:{line}"),
        }
    }

    #[test]
    fn calls_in_loops_are_found_where_they_are_through_a_reference() {
        let sources = sources(
            "#[component(name = \"price-list\")] trait Prices {}
            #[weaver::component] trait Even {}
            #[component] trait Shop {}
            struct Till { prices: weaver::Ref<dyn shop::Prices>, names: Vec<String> }
            #[component]
            impl Shop for Till {
                async fn total(&self, items: Vec<String>) -> Result<u64> {
                    let first = self.prices.price(&items[0]).await?;
                    for item in self.prices.all().await? {
                        let name = self.names.get(0);
                        total += self
                            .prices.r#price(item).await?;
                    }
                    Ok(total)
                }
            }
            impl Till { fn help(&self) { while self.prices.is_open() {} } }
            #[weaver::main]
            async fn main(web: Listener, even: Ref<dyn Even>) -> Result<()> {
                while n > 1 { for _ in all { spawn(async { even.next(x).await }) } }
                even.next(1).await
            }
            async fn handle(State(till): State<Till>) { for x in y { till.prices.price(1); till.names.get(1) } }",
        );
        let expected = [
            repeated("Shop", "price-list", "price", 12),
            repeated("Shop", "price-list", "is_open", 17),
            repeated("", "Even", "next", 20),
            repeated("", "price-list", "price", 23),
        ];
        assert_eq!(sources.calls_in_loops(), expected);
    }

    #[test]
    fn loops_that_wait_tests_and_what_is_meant_or_unclear_is_left_out() {
        let sources = sources(
            "#[component] trait Prices {}
            #[component] trait Stock {}
            mod other { #[component(name = \"other.Stock\")] trait Stock {} }
            struct Till { prices: Ref<dyn Prices>, stock: Ref<dyn Stock> }
            struct Web { store: Ref<dyn Prices> }
            struct Job { store: Ref<dyn Stock> }
            impl Till {
                async fn wait(&self) {
                    loop { self.prices.refresh().await }
                    while let Some(job) = self.prices.next().await { self.prices.done(job).await }
                    for item in all {
                        self.prices.one(item).await; // weaver: meant
                        self.stock.one(item).await;
                    }
                }
            }
            async fn other(even: Ref<dyn Prices>, web: Web) { for x in y { even.next(1); web.store.put(x) } }
            #[cfg(test)] mod tests { fn all() { for x in y { till.prices.price(x) } } }
            #[tokio::test] async fn each() { for x in y { till.prices.price(x) } }",
        );
        assert_eq!(sources.calls_in_loops(), []);
    }
}
