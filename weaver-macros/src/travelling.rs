//! Which types can travel, as far as their spelling tells: what serde cannot say well is refused
//! here, at the part of the type that is wrong.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Lifetime, Type, TypeReference, visit::Visit};

use crate::mistakes::Mistakes;

/// Records what is wrong with the type of an argument. A reference may be the whole of it.
pub(crate) fn check_argument(ty: &Type, mistakes: &mut Mistakes) {
    let Type::Reference(reference) = ty else {
        return Owned { place: Place::Argument, mistakes }.visit_type(ty);
    };
    if let Some(mutability) = reference.mutability {
        let message = "a component method cannot change what its caller holds, which may be in \
                       another process: take `&` or a value, and return the new value";
        return mistakes.at(quote!(#mutability), message);
    }
    if let Some(lifetime) = &reference.lifetime {
        check_lifetime(lifetime, mistakes);
    }
    Owned { place: Place::Argument, mistakes }.visit_type(&reference.elem);
}

/// Records what is wrong with the lifetime of a reference. One that is neither `'static` nor
/// inferred is declared somewhere, and a mistake there.
pub(crate) fn check_lifetime(lifetime: &Lifetime, mistakes: &mut Mistakes) {
    if matches!(lifetime.ident.to_string().as_str(), "static" | "_") {
        let message = "write the reference without a lifetime: it lasts as long as the call";
        mistakes.at(lifetime, message);
    }
}

/// Records what is wrong with what a method returns.
pub(crate) fn check_result(ty: &Type, mistakes: &mut Mistakes) {
    Owned { place: Place::Result, mistakes }.visit_type(ty);
}

#[derive(Clone, Copy)]
enum Place {
    Argument,
    Result,
}

/// Looks through a type that must own all that it has. It does not look into what it refuses: one
/// mistake, one message.
struct Owned<'a> {
    place: Place,
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
            Type::Path(path) if path.qself.is_none() && starts_with_self(&path.path) => (
                ty.to_token_stream(),
                "write the type itself: callers do not know the implementing type".to_owned(),
            ),
            _ => return syn::visit::visit_type(self, ty),
        };
        self.mistakes.at(tokens, message);
    }

    fn visit_lifetime(&mut self, lifetime: &'ast Lifetime) {
        if lifetime.ident == "_" {
            let message = "write a type that owns its data: a call may outlive what it borrows";
            self.mistakes.at(lifetime, message);
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

fn starts_with_self(path: &syn::Path) -> bool {
    path.segments.first().is_some_and(|segment| segment.ident == "Self")
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    fn argument(ty: &Type) -> String {
        let mut mistakes = Mistakes::default();
        check_argument(ty, &mut mistakes);
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
