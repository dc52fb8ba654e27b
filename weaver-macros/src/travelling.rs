//! Which types can travel, as far as their spelling tells: what serde cannot say well is refused
//! here, at the part of the type that is wrong.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{
    GenericArgument, Lifetime, PathArguments, Type, TypePath, TypeReference, TypeTraitObject,
    visit::Visit,
};

use crate::{mistakes::Mistakes, signature::Side};

/// Records what is wrong with the type of an argument. A reference may be the whole of it.
pub(crate) fn check_argument(ty: &Type, side: Side, mistakes: &mut Mistakes) {
    let Type::Reference(reference) = ty else {
        if let Some(owned) = owned_type(ty).filter(|_| is_unsized(ty)) {
            let message = format_args!(
                "write `{owned}`, or a reference as the whole argument: `&{}`",
                spelling(ty)
            );
            return mistakes.at(ty, message);
        }
        return Owned { place: Place::Argument, side, mistakes }.visit_type(ty);
    };
    if is_stream(&reference.elem) {
        let message = format_args!(
            "write `{}`: a stream moves to where it is read",
            spelling(&reference.elem)
        );
        return mistakes.at(ty, message);
    }
    if let Some(mutability) = reference.mutability {
        let message = "a component method cannot change what its caller holds, which may be in \
                       another process: take `&` or a value, and return the new value";
        return mistakes.at(quote!(#mutability), message);
    }
    if let Some(lifetime) = &reference.lifetime {
        check_lifetime(lifetime, mistakes);
    }
    Owned { place: Place::Argument, side, mistakes }.visit_type(&reference.elem);
}

/// Records what is wrong with the lifetime of a reference. One that is neither `'static` nor
/// inferred is declared somewhere, and a mistake there.
pub(crate) fn check_lifetime(lifetime: &Lifetime, mistakes: &mut Mistakes) {
    if lifetime.ident == "static" {
        let message = "write the reference without a lifetime: it lasts as long as the call";
        mistakes.at(lifetime, message);
    }
}

/// Records what is wrong with what a method returns.
pub(crate) fn check_result(ty: &Type, side: Side, mistakes: &mut Mistakes) {
    let value = first_argument(ty).filter(|value| is_unsized(value));
    if let Some((value, owned)) = value.and_then(|value| Some((value, owned_type(value)?))) {
        return mistakes.at(
            value,
            format_args!("write `{owned}`: what a component method returns is moved to its caller"),
        );
    }
    Owned { place: Place::Result, side, mistakes }.visit_type(ty);
}

const BORROWS: &str = "write a type that owns its data: a call may outlive what it borrows";

const ERROR: &str = "the error travels to the caller: write `weaver::Result<…>`, or a type of your own with serde's \
                     traits and `From<weaver::CallError>`";

#[derive(Clone, Copy)]
enum Place {
    Argument,
    Result,
}

/// Looks through a type that must own all that it has. It does not look into what it refuses: one
/// mistake, one message.
struct Owned<'a> {
    place: Place,
    side: Side,
    mistakes: &'a mut Mistakes,
}

impl<'ast> Visit<'ast> for Owned<'_> {
    fn visit_type(&mut self, ty: &'ast Type) {
        let (tokens, message) = match ty {
            Type::Reference(reference) => (ty.to_token_stream(), self.owned_instead(reference)),
            Type::ImplTrait(it) => (
                it.impl_token.to_token_stream(),
                "write the type itself: both sides of a call must know what is encoded".to_owned(),
            ),
            Type::Path(_) if is_box_of_error(ty) => (ty.to_token_stream(), ERROR.to_owned()),
            Type::TraitObject(it) if is_error(it) => (ty.to_token_stream(), ERROR.to_owned()),
            Type::TraitObject(it) => (
                it.to_token_stream(),
                "a trait object cannot be encoded: write a type that owns its data, such as an \
                 enum"
                    .to_owned(),
            ),
            Type::BareFn(_) => (
                ty.to_token_stream(),
                "a function cannot be encoded: write a type that says what to do, such as an enum"
                    .to_owned(),
            ),
            Type::Ptr(_) => (
                ty.to_token_stream(),
                "a pointer means nothing in another process: write the value itself".to_owned(),
            ),
            Type::Path(path)
                if self.side == Side::Trait
                    && path.qself.is_none()
                    && starts_with_self(&path.path) =>
            {
                (
                    ty.to_token_stream(),
                    "write the type itself: callers do not know the implementing type".to_owned(),
                )
            }
            Type::Path(path) if borrows_unseen(path) => (ty.to_token_stream(), BORROWS.to_owned()),
            Type::Path(path) if is_one_of(path, &["Box", "Option", "Vec"]) && first_argument(ty).is_some_and(is_stream) => (
                ty.to_token_stream(),
                "a stream is by itself, or in a tuple: write `weaver::Stream<…>`, which may be empty".to_owned(),
            ),
            _ => return syn::visit::visit_type(self, ty),
        };
        self.mistakes.at(tokens, message);
    }

    fn visit_lifetime(&mut self, lifetime: &'ast Lifetime) {
        if lifetime.ident == "_" {
            self.mistakes.at(lifetime, BORROWS);
        }
    }
}

impl Owned<'_> {
    fn owned_instead(&self, reference: &TypeReference) -> String {
        let owned = owned_type(&reference.elem)
            .map_or_else(|| "a type that owns its data".to_owned(), |owned| format!("`{owned}`"));
        match self.place {
            Place::Argument => format!("write {owned}: a reference must be the whole argument"),
            Place::Result => {
                format!("write {owned}: what a component method returns is moved to its caller")
            }
        }
    }
}

/// What to write instead of a reference to `ty`.
fn owned_type(ty: &Type) -> Option<String> {
    match ty {
        Type::Path(path) if path.path.is_ident("str") => Some("String".to_owned()),
        Type::Path(path) if path.path.is_ident("Path") => Some("PathBuf".to_owned()),
        Type::Path(_) => Some(spelling(ty)),
        Type::Slice(slice) => Some(format!("Vec<{}>", spelling(&slice.elem))),
        _ => None,
    }
}

/// A type as an author would write it: tokens print with a space between each two.
pub(crate) fn spelling(ty: &Type) -> String {
    spaceless(&ty.to_token_stream())
}

fn spaceless(tokens: &TokenStream) -> String {
    tokens
        .to_string()
        .replace(" :: ", "::")
        .replace(" <", "<")
        .replace("< ", "<")
        .replace(" >", ">")
        .replace(" ,", ",")
        .replace("& ", "&")
}

/// The first type among the arguments of a generic type.
fn first_argument(ty: &Type) -> Option<&Type> {
    let Type::Path(path) = ty else { return None };
    let PathArguments::AngleBracketed(arguments) = &path.path.segments.last()?.arguments else {
        return None;
    };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

fn is_one_of(path: &TypePath, names: &[&str]) -> bool {
    path.path.segments.last().is_some_and(|last| names.iter().any(|name| last.ident == name))
}

pub(crate) fn is_stream(ty: &Type) -> bool {
    let Type::Path(path) = ty else { return false };
    // Others have types of that name, too.
    let mut segments = path.path.segments.iter().rev().skip(1);
    let is_ours =
        segments.next().is_none_or(|it| it.ident == "weaver" || it.ident == "weaver_runtime");
    is_ours && is_one_of(path, &["Stream"]) && first_argument(ty).is_some()
}

/// What stands for the type of an argument that is no whole type, while the author mends it.
pub(crate) fn sized(ty: &Type) -> Option<Type> {
    syn::parse_str(&owned_type(ty).filter(|_| is_unsized(ty))?).ok()
}

/// Whether a `Result` is one of what there is behind a pointer only.
pub(crate) fn result_is_unsized(ty: &Type) -> bool {
    first_argument(ty).is_some_and(is_unsized)
}

/// Whether there are values of the type behind a pointer only.
fn is_unsized(ty: &Type) -> bool {
    match ty {
        Type::Slice(_) => true,
        Type::Path(path) => path.path.is_ident("str"),
        _ => false,
    }
}

/// Whether the type has a lifetime that its spelling leaves out.
fn borrows_unseen(path: &TypePath) -> bool {
    let Some(last) = path.path.segments.last() else { return false };
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return false };
    let has_lifetime = arguments.args.iter().any(|it| matches!(it, GenericArgument::Lifetime(_)));
    last.ident == "Cow" && !has_lifetime
}

fn is_box_of_error(ty: &Type) -> bool {
    let is_box = matches!(ty, Type::Path(path) if is_one_of(path, &["Box"]));
    is_box && matches!(first_argument(ty), Some(Type::TraitObject(it)) if is_error(it))
}

fn is_error(object: &TypeTraitObject) -> bool {
    object.bounds.iter().any(|bound| match bound {
        syn::TypeParamBound::Trait(bound) => {
            bound.path.segments.last().is_some_and(|last| last.ident == "Error")
        }
        _ => false,
    })
}

fn starts_with_self(path: &syn::Path) -> bool {
    path.segments.first().is_some_and(|segment| segment.ident == "Self")
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    fn argument(ty: &Type) -> String {
        let mut mistakes = Mistakes::default();
        check_argument(ty, Side::Trait, &mut mistakes);
        mistakes.to_token_stream().to_string()
    }

    #[test]
    fn owned_types_and_whole_references_travel() {
        let types: [Type; 6] = [
            parse_quote!(Vec<Page<u8>>),
            parse_quote!(&str),
            parse_quote!(&[(u8, String)]),
            parse_quote!(std::borrow::Cow<'static, str>),
            parse_quote!([u8; 4]),
            parse_quote!(<Page<u8> as Paged>::Item),
        ];
        for ty in types {
            assert_eq!(argument(&ty), "", "{}", spelling(&ty));
        }
    }

    #[test]
    fn a_nested_reference_names_its_owned_form() {
        let cases: [(Type, &str); 4] = [
            (parse_quote!(Option<&str>), "write `String`"),
            (parse_quote!(Vec<&[Page<u8>]>), "write `Vec<Page<u8>>`"),
            (parse_quote!(&&shop::Item), "write `shop::Item`"),
            (parse_quote!((u8, &(u8, u8))), "write a type that owns its data"),
        ];
        for (ty, message) in cases {
            let found = argument(&ty);
            assert!(found.contains(message), "{}: {found}", spelling(&ty));
        }
    }

    #[test]
    fn what_was_refused_is_not_looked_into() {
        let found = argument(&parse_quote!(Box<dyn Fn(&str) -> Self>));
        assert_eq!(found.matches("compile_error").count(), 1, "{found}");
    }
}
