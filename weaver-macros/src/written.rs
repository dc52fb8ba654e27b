//! [`WrittenFn`] and [`WrittenImpl`]: functions whose bodies are kept as they were written. What is no Rust in one,
//! the compiler alone is to tell; the rest of the item is what it is all the same.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use quote::{ToTokens, TokenStreamExt as _, quote};
use syn::{
    AttrStyle, Attribute, Generics, ImplItem, ItemImpl, Signature, Visibility, braced,
    parse::{Parse, ParseStream, Parser as _},
    token::Brace,
};

/// A function with a body.
pub(crate) struct WrittenFn {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) sig: Signature,
    pub(crate) brace: Brace,
    /// What stands in the braces.
    pub(crate) body: TokenStream,
}

impl Parse for WrittenFn {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut attrs = input.call(Attribute::parse_outer)?;
        let (vis, sig) = (input.parse()?, input.parse()?);
        let content;
        let brace = braced!(content in input);
        attrs.extend(content.call(inner_attributes)?);
        Ok(Self { attrs, vis, sig, brace, body: content.parse()? })
    }
}

impl ToTokens for WrittenFn {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Self { attrs, vis, sig, brace, body } = self;
        tokens.append_all(attrs);
        vis.to_tokens(tokens);
        sig.to_tokens(tokens);
        brace.surround(tokens, |tokens| body.to_tokens(tokens));
    }
}

/// An `impl`.
pub(crate) struct WrittenImpl {
    /// All of it but its members.
    pub(crate) head: ItemImpl,
    pub(crate) members: Vec<WrittenMember>,
}

pub(crate) enum WrittenMember {
    Method(WrittenFn),
    Other(ImplItem),
}

impl WrittenImpl {
    /// `None` if the item is no `impl`.
    pub(crate) fn parse(item: &TokenStream) -> Option<syn::Result<Self>> {
        let mut tokens: Vec<_> = item.clone().into_iter().collect();
        let Some(TokenTree::Group(block)) = tokens.pop() else { return None };
        if block.delimiter() != Delimiter::Brace {
            return None;
        }
        let mut emptied = Group::new(Delimiter::Brace, TokenStream::new());
        emptied.set_span(block.span());
        tokens.push(emptied.into());
        let mut head: ItemImpl = syn::parse2(tokens.into_iter().collect()).ok()?;
        let members = |input: ParseStream<'_>| {
            head.attrs.extend(input.call(inner_attributes)?);
            let mut members = Vec::new();
            while !input.is_empty() {
                members.push(input.parse()?);
            }
            Ok(members)
        };
        Some(members.parse2(block.stream()).map(|members| Self { head, members }))
    }

    /// The signatures of its methods.
    pub(crate) fn signatures(&self) -> impl Iterator<Item = &Signature> {
        self.members.iter().filter_map(|member| match member {
            WrittenMember::Method(method) => Some(&method.sig),
            WrittenMember::Other(_) => None,
        })
    }
}

impl ToTokens for WrittenImpl {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Self { head, members } = self;
        let ItemImpl {
            attrs, defaultness, unsafety, impl_token, generics, trait_, self_ty, ..
        } = head;
        let implemented = trait_.as_ref().map(|(not, path, of)| quote!(#not #path #of));
        let (parameters, clause) = (in_brackets(generics), &generics.where_clause);
        tokens.append_all(attrs);
        tokens.extend(quote! {
            #defaultness #unsafety #impl_token #parameters #implemented #self_ty #clause
        });
        head.brace_token.surround(tokens, |tokens| tokens.append_all(members));
    }
}

/// Parameters in their brackets, also where there are none. For a type that it does not know rustc proposes to add one
/// where the brackets begin, unless they were emitted: then it says the same wherever it meets the type, and that once.
pub(crate) fn in_brackets(generics: &Generics) -> TokenStream {
    match generics.params.is_empty() {
        true => quote!(<>),
        false => generics.to_token_stream(),
    }
}

impl ToTokens for WrittenMember {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match self {
            Self::Method(method) => method.to_tokens(tokens),
            Self::Other(other) => other.to_tokens(tokens),
        }
    }
}

impl Parse for WrittenMember {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        match input.fork().parse::<WrittenFn>() {
            Ok(_) => input.parse().map(Self::Method),
            Err(_) => input.parse().map(Self::Other),
        }
    }
}

/// What stands in the braces, as it would stand before the item.
fn inner_attributes(input: ParseStream<'_>) -> syn::Result<Vec<Attribute>> {
    let attributes = input.call(Attribute::parse_inner)?.into_iter();
    Ok(attributes.map(|attribute| Attribute { style: AttrStyle::Outer, ..attribute }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(item: &str) -> Option<syn::Result<WrittenImpl>> {
        WrittenImpl::parse(&item.parse().expect("tokens"))
    }

    #[test]
    fn a_body_that_is_no_rust_is_kept() {
        let item = "impl Cart for Mem { const A: u8 = 1; #[cfg(a)] async fn add(&self) { #![allow(b)] let = ; 1 1 } }";
        let written = parse(item).unwrap().unwrap();
        let [WrittenMember::Other(_), WrittenMember::Method(add)] = &written.members[..] else {
            panic!("a constant, and a method");
        };
        assert_eq!(add.body.to_string(), "let = ; 1 1");
        assert_eq!(add.attrs.len(), 2);
        assert_eq!(written.signatures().count(), 1);
    }

    #[test]
    fn what_is_no_impl_is_not_one() {
        for item in ["trait Cart { fn add(&self); }", "struct Mem;", "struct Mem { a: u8 }", ""] {
            assert!(parse(item).is_none(), "{item}");
        }
    }

    #[test]
    fn a_head_that_is_no_rust_is_an_error() {
        assert!(parse("impl Cart for Mem { async fn add(self) -> { 1 } }").unwrap().is_err());
    }
}
