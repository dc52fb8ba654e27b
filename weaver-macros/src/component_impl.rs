//! [`ComponentImpl`]: what `#[component]` makes of `impl Trait for Type`.

mod borrow;
mod method;
mod registration;

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{GenericParam, ImplItem, ItemImpl, Path, PathSegment, Type, parse_quote_spanned};

use crate::{
    method_attributes::MethodAttributes,
    mistakes::Mistakes,
    names,
    options::ComponentOptions,
    signature::can_be_method,
    travelling::spelling,
    written::{WrittenImpl, WrittenMember},
};
use borrow::Borrow;
use method::Unlike;

const BORROWS: &str = "an implementation cannot borrow, because the program holds it for as long as it \
                       runs: write a type that owns its data";

/// An `impl Trait for Type` marked `#[component]`.
pub(crate) struct ComponentImpl {
    /// The author's impl with its methods in their boxed form.
    item: WrittenImpl,
    /// The trait; without it the item is no implementation of anything.
    component: Option<Path>,
    /// Whether the type is one that the program can hold.
    can_implement: bool,
    registered: bool,
    /// Methods that no component can have. If the trait has none like them, it is to be said here.
    unlike: Vec<Unlike>,
    /// What has no place here; bodies that name it are no errors of their own.
    misplaced: Vec<WrittenMember>,
    mistakes: Mistakes,
}

impl ComponentImpl {
    pub(crate) fn parse(
        mut item: WrittenImpl,
        options: &ComponentOptions,
        mut mistakes: Mistakes,
    ) -> Self {
        let WrittenImpl { head, members } = &mut item;
        if let Some(name) = &options.name {
            mistakes.at(name, "write the name on the trait: `#[component(name = \"…\")]`");
        }
        MethodAttributes::refuse_elsewhere(&mut head.attrs, &mut mistakes);
        let can_implement = check_head(head, &mut mistakes);
        let misplaced = remove_misplaced(members, &head.self_ty, &mut mistakes);
        let component = head.trait_.as_ref().map(|(_, path, _)| path.clone());
        let mut unlike = Vec::new();
        if let Some(component) = &component {
            for member in members {
                if let WrittenMember::Method(method) = member {
                    unlike.extend(method::rewrite(method, component, &head.self_ty, &mut mistakes));
                }
            }
            Self::demand_shareable(head);
        }
        let registered = options.unregistered.is_none();
        Self { item, component, can_implement, registered, unlike, misplaced, mistakes }
    }

    pub(crate) fn emit(&self) -> TokenStream {
        let Self { item, mistakes, .. } = self;
        if !self.can_implement {
            // It would lack bounds that the author should not have to think of.
            return quote!(#mistakes);
        }
        let registration = match &self.component {
            Some(component) if mistakes.is_empty() => self.emit_registration(component),
            _ => TokenStream::new(),
        };
        let mark = self.component.as_ref().map(demand_mark);
        let unlike = self
            .component
            .iter()
            .flat_map(|component| self.unlike.iter().map(move |unlike| unlike.emit(component)));
        let misplaced = match self.misplaced.as_slice() {
            [] => TokenStream::new(),
            misplaced => {
                let ty = self.ty();
                quote!(impl #ty { #(#misplaced)* })
            }
        };
        quote!(#mark #item #mistakes #(#unlike)* #misplaced #registration)
    }

    /// Demands of the type what the trait's supertraits do, in one error and before they do.
    fn demand_shareable(item: &mut ItemImpl) {
        let span = names::blamed_on(&item.self_ty);
        let private = names::private(span);
        let predicate = parse_quote_spanned!(span=> [(); #private::shareable::<Self>()]:);
        item.generics.make_where_clause().predicates.push(predicate);
    }

    fn ty(&self) -> &Type {
        &self.item.head.self_ty
    }
}

/// Traits that a type has beside a component, with the methods that they have.
const NO_COMPONENTS: [(&str, &[&str]); 8] = [
    ("Clone", &["clone", "clone_from"]),
    ("Debug", &["fmt"]),
    ("Default", &["default"]),
    ("Display", &["fmt"]),
    ("Drop", &["drop"]),
    ("From", &["from"]),
    ("Iterator", &["next"]),
    ("Lifecycle", &["init", "shutdown"]),
];

/// Records that the attribute is on an `impl` of another trait; says whether it is. A component may have its name.
pub(crate) fn refuse_other_traits(item: &WrittenImpl, mistakes: &mut Mistakes) -> bool {
    let last = item.head.trait_.as_ref().and_then(|(_, path, _)| path.segments.last());
    let is_other = |last: &&PathSegment| {
        let mut others = NO_COMPONENTS.iter().filter(|(name, _)| last.ident == name);
        others.any(|(_, methods)| {
            item.signatures().all(|it| methods.iter().any(|method| it.ident == method))
        })
    };
    let Some(last) = last.filter(is_other) else { return false };
    let name = names::text(&last.ident);
    mistakes
        .at(last, format_args!("`{name}` is no component: remove `#[component]` from this `impl`"));
    true
}

/// Removes what is no method of a component whatever the trait says: constants, and functions for the type's own use.
fn remove_misplaced(
    members: &mut Vec<WrittenMember>,
    ty: &Type,
    mistakes: &mut Mistakes,
) -> Vec<WrittenMember> {
    let is_misplaced = |member: &mut WrittenMember| match member {
        WrittenMember::Method(method) => !can_be_method(&method.sig),
        WrittenMember::Other(it) => matches!(it, ImplItem::Const(_)),
    };
    let misplaced: Vec<_> = members.extract_if(.., is_misplaced).collect();
    for member in &misplaced {
        let ty = spelling(ty);
        match member {
            WrittenMember::Method(method) => mistakes.at(
                &method.sig,
                format_args!(
                    "no method of a component, which is async and returns a `Result`: move this to an `impl {ty}` \
                     of its own"
                ),
            ),
            WrittenMember::Other(other) => mistakes.at(
                other,
                format_args!("a component has methods only: move this to an `impl {ty}` of its own"),
            ),
        }
    }
    misplaced
}

/// Demands of the trait that it is marked `#[component]`, in the first error that there is. Where it is not, and has
/// an `async fn`, rustc alone says that signatures differ in lifetimes, and of every `dyn Trait` that it is no type.
fn demand_mark(component: &Path) -> TokenStream {
    let span = names::blamed_on(component);
    let private = names::private(span);
    quote_spanned! {span=>
        const _: () = {
            fn _is_marked(_: #private::Marked<impl #component + ?::core::marker::Sized>) {}
        };
    }
}

/// Records what is wrong with the head of the `impl`; says whether the type is one that can implement a
/// component.
fn check_head(item: &ItemImpl, mistakes: &mut Mistakes) -> bool {
    if item.trait_.is_none() {
        mistakes
            .at(&item.self_ty, "write the component that this implements: `impl Trait for Type`");
    }
    if let Some(parameter) = item.generics.params.first() {
        let message = match parameter {
            GenericParam::Lifetime(_) => BORROWS,
            GenericParam::Type(_) | GenericParam::Const(_) => {
                "an implementation cannot be generic, because the program holds one of it: write \
                 the type itself"
            }
        };
        mistakes.at(parameter, message);
        return false;
    }
    let borrow = Borrow::first_in(&item.self_ty);
    if let Some(borrow) = &borrow {
        mistakes.at(borrow, BORROWS);
    }
    borrow.is_none()
}
