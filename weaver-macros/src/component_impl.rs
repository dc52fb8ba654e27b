//! [`ComponentImpl`]: what `#[component]` makes of `impl Trait for Type`.

mod method;
mod registration;

use proc_macro2::TokenStream;
use quote::quote;
use syn::{ImplItem, ItemImpl, Path, Type, parse_quote_spanned};

use crate::{
    method_attributes::MethodAttributes, mistakes::Mistakes, names, options::ComponentOptions,
};

/// An `impl Trait for Type` marked `#[component]`.
pub(crate) struct ComponentImpl {
    /// The author's impl with its methods in their boxed form.
    item: ItemImpl,
    /// The trait; without it the item is no implementation of anything.
    component: Option<Path>,
    registered: bool,
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
        check_head(&item, &mut mistakes);
        let component = item.trait_.as_ref().map(|(_, path, _)| path.clone());
        if let Some(component) = &component {
            for member in &mut item.items {
                if let ImplItem::Fn(method) = member {
                    method::rewrite(method, component, &mut mistakes);
                }
            }
            Self::demand_shareable(&mut item);
        }
        Self { item, component, registered: options.unregistered.is_none(), mistakes }
    }

    pub(crate) fn emit(&self) -> TokenStream {
        let Self { item, mistakes, .. } = self;
        if !item.generics.params.is_empty() {
            // Its parameters lack bounds that the author should not have to think of.
            return quote!(#mistakes);
        }
        let registration = match &self.component {
            Some(component) if mistakes.is_empty() => self.emit_registration(component),
            _ => TokenStream::new(),
        };
        quote!(#item #mistakes #registration)
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

fn check_head(item: &ItemImpl, mistakes: &mut Mistakes) {
    if item.trait_.is_none() {
        mistakes
            .at(&item.self_ty, "write the component that this implements: `impl Trait for Type`");
    }
    if let Some(parameter) = item.generics.params.first() {
        let message = "an implementation cannot be generic, because the program holds one of it: \
                       write the type itself";
        mistakes.at(parameter, message);
    }
}
