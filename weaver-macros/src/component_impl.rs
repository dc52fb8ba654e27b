//! [`ComponentImpl`]: what `#[component]` makes of `impl Trait for Type`.

mod borrow;
mod method;
mod registration;

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{GenericParam, ImplItem, ItemImpl, Path, Type, parse_quote_spanned};

use crate::{
    method_attributes::MethodAttributes, mistakes::Mistakes, names, options::ComponentOptions,
    travelling::spelling,
};
use borrow::Borrow;

const BORROWS: &str = "an implementation cannot borrow, because the program holds it for as long as it \
                       runs: write a type that owns its data";

/// An `impl Trait for Type` marked `#[component]`.
pub(crate) struct ComponentImpl {
    /// The author's impl with its methods in their boxed form.
    item: ItemImpl,
    /// The trait; without it the item is no implementation of anything.
    component: Option<Path>,
    /// Whether the type is one that the program can hold.
    can_implement: bool,
    registered: bool,
    /// Constants, which have no place here; bodies that name them are no errors of their own.
    constants: Vec<ImplItem>,
    mistakes: Mistakes,
}

impl ComponentImpl {
    pub(crate) fn parse(
        mut item: ItemImpl,
        options: &ComponentOptions,
        mut mistakes: Mistakes,
    ) -> Self {
        if let Some(name) = &options.name {
            mistakes.at(name, "write the name on the trait: `#[component(name = \"…\")]`");
        }
        MethodAttributes::refuse_elsewhere(&mut item.attrs, &mut mistakes);
        let can_implement = check_head(&item, &mut mistakes);
        let component = item.trait_.as_ref().map(|(_, path, _)| path.clone());
        if let Some(component) = &component {
            for member in &mut item.items {
                if let ImplItem::Fn(method) = member {
                    method::rewrite(method, component, &mut mistakes);
                }
            }
            Self::demand_shareable(&mut item);
        }
        let is_constant = |member: &mut ImplItem| matches!(member, ImplItem::Const(_));
        let constants: Vec<_> = item.items.extract_if(.., is_constant).collect();
        for constant in &constants {
            let message = format_args!(
                "a component has methods only: move this to an `impl {}` of its own",
                spelling(&item.self_ty)
            );
            mistakes.at(constant, message);
        }
        let registered = options.unregistered.is_none();
        Self { item, component, can_implement, registered, constants, mistakes }
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
        let constants = match self.constants.as_slice() {
            [] => TokenStream::new(),
            constants => {
                let ty = self.ty();
                quote!(impl #ty { #(#constants)* })
            }
        };
        quote!(#mark #item #mistakes #constants #registration)
    }

    /// Demands of the type what the trait's supertraits do, in one error and before they do.
    fn demand_shareable(item: &mut ItemImpl) {
        let span = names::blamed_on(&item.self_ty);
        let private = names::private(span);
        let predicate = parse_quote_spanned!(span=> [(); #private::shareable::<Self>()]:);
        item.generics.make_where_clause().predicates.push(predicate);
    }

    fn ty(&self) -> &Type {
        &self.item.self_ty
    }
}

/// Demands of the trait that it is marked `#[component]`. Where it is not, and has an `async fn`, rustc alone says
/// of every `dyn Trait` only that this is no type.
fn demand_mark(component: &Path) -> TokenStream {
    let span = names::blamed_on(component);
    let private = names::private(span);
    let check = quote_spanned!(span=> #private::Mark::<__Marked>::check());
    quote! {
        const _: () = {
            use #private::Unmarked as _;
            fn _is_marked<__Marked: #component + ?::core::marker::Sized>() {
                #check
            }
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
