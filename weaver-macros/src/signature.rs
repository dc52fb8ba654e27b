//! [`Signature`]: a component method's, as its author wrote it and in the boxed form in which trait,
//! client and implementation agree.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote};
use syn::{
    FnArg, GenericArgument, Lifetime, Pat, PatIdent, PathArguments, PathSegment, ReturnType, Token,
    Type, TypeReference, parse_quote, parse_quote_spanned, visit::Visit,
};

use crate::{
    mistakes::Mistakes,
    names,
    travelling::{
        check_argument, check_lifetime, check_result, is_stream, result_is_unsized, sized, spelling,
    },
};

/// Arguments travel as one tuple, and serde implements its traits for tuples up to this length.
pub(crate) const TUPLE_LENGTH_MAX: usize = 16;

/// Where a signature is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Trait,
    /// `Self` is a type there.
    Implementation,
}

/// A component method's signature.
pub(crate) struct Signature {
    written: syn::Signature,
    pub(crate) arguments: Vec<Argument>,
    /// What the method returns when its future is awaited.
    pub(crate) output: Type,
}

impl Signature {
    /// Takes the signature apart, and records what is wrong with its types.
    ///
    /// Trait and implementation both do so, and only the trait reports: what is wrong in both is one
    /// mistake.
    pub(crate) fn parse(written: syn::Signature, side: Side, mistakes: &mut Mistakes) -> Self {
        let mut arguments: Vec<_> =
            written.inputs.iter().filter_map(typed).enumerate().map(Argument::new).collect();
        for argument in &mut arguments {
            check_argument(&argument.ty, side, mistakes);
            argument.ty = sized(&argument.ty).unwrap_or_else(|| argument.ty.clone());
        }
        if let Some(beyond) = arguments.get(TUPLE_LENGTH_MAX) {
            let message = format_args!(
                "a component method takes at most {TUPLE_LENGTH_MAX} arguments: put them into a struct \
                 that derives `Serialize` and `Deserialize`"
            );
            mistakes.at(&beyond.pattern, message);
        }
        let mut output = output(&written);
        check_output(&written, &output, side, mistakes);
        if let Some(awaited) = awaited(&output).filter(|_| written.asyncness.is_none()) {
            output = awaited.clone();
        } else if mentions(output.to_token_stream(), "impl") || result_is_unsized(&output) {
            // The mistake would have an echo where its type is to be inferred.
            output = parse_quote!(::core::convert::Infallible);
        }
        Self { written, arguments, output }
    }

    /// Records what is wrong with the signature but for its types.
    pub(crate) fn check_form(&self, mistakes: &mut Mistakes) {
        check_qualifiers(&self.written, mistakes);
        check_generics(&self.written, mistakes);
        check_receiver(&self.written, mistakes);
    }

    /// Whether rustc does not take it for an implementation of a component's method.
    pub(crate) fn is_refused_by_rustc(&self) -> bool {
        let syn::Signature { constness, unsafety, abi, generics, .. } = &self.written;
        let is_shared = |it: &syn::Receiver| {
            it.colon_token.is_some() || (it.reference.is_some() && it.mutability.is_none())
        };
        let has_types =
            generics.type_params().next().is_some() || generics.const_params().next().is_some();
        let is_qualified = constness.is_some() || unsafety.is_some() || abi.is_some();
        is_qualified || has_types || !self.written.receiver().is_some_and(is_shared)
    }

    pub(crate) fn ident(&self) -> &Ident {
        &self.written.ident
    }

    /// Records that the method is not async.
    pub(crate) fn check_async(&self, mistakes: &mut Mistakes) {
        if self.written.asyncness.is_none() {
            let message = format_args!(
                "a component method is async, because a call may leave the process: write \
                 `async fn {}`",
                self.ident()
            );
            mistakes.at(self.written.fn_token, message);
        }
    }

    /// The signature in its boxed form.
    pub(crate) fn boxed(&self) -> syn::Signature {
        let mut boxed = self.written.clone();
        let output = &self.output;
        let span = self.output_span();
        let private = names::private(span);
        boxed.asyncness = None;
        // Of a reference it is that of the call, whatever it is called.
        let params = std::mem::take(&mut boxed.generics.params).into_iter();
        boxed.generics.params =
            params.filter(|it| !matches!(it, syn::GenericParam::Lifetime(_))).collect();
        boxed.generics.params.insert(0, parse_quote!('call));
        boxed.inputs = self.boxed_inputs();
        boxed.output = parse_quote_spanned!(span=> -> #private::BoxFuture<'call, #output>);
        if !self.fits_a_vtable() {
            let clause = boxed.generics.make_where_clause();
            clause.where_token.span = span;
            clause.predicates.push(parse_quote_spanned!(span=> Self: Sized));
        }
        boxed
    }

    /// What stands in the body while the author mends the signature.
    pub(crate) fn placeholder(&self) -> TokenStream {
        let arguments = self.arguments.iter().map(|argument| &argument.ident);
        quote! {
            let _ = (#(#arguments,)*);
            ::core::unreachable!()
        }
    }

    /// The author's `self`, or one like it.
    pub(crate) fn receiver(&self) -> Token![self] {
        self.written.receiver().map_or_else(Default::default, |receiver| receiver.self_token)
    }

    /// Where errors about what the method returns belong.
    pub(crate) fn output_span(&self) -> Span {
        match &self.written.output {
            ReturnType::Default => names::blamed_on(self.ident()),
            ReturnType::Type(_, ty) => names::blamed_on(ty),
        }
    }

    fn boxed_inputs(&self) -> syn::punctuated::Punctuated<FnArg, Token![,]> {
        let mut inputs = self.written.inputs.clone();
        let mut arguments = self.arguments.iter();
        for input in &mut inputs {
            match input {
                FnArg::Receiver(receiver) => call_lifetime_of_receiver(receiver),
                FnArg::Typed(input) => {
                    let Some(argument) = arguments.next() else {
                        continue;
                    };
                    let (ident, ty) = (&argument.ident, argument.sent());
                    input.pat = parse_quote!(#ident);
                    input.ty = parse_quote!(#ty);
                }
            }
        }
        inputs
    }

    /// Whether `dyn Trait` can have the method. One that it cannot have is a mistake, and the trait
    /// is emitted such that the mistake has no echo where `dyn Trait` is named.
    fn fits_a_vtable(&self) -> bool {
        let arguments = self.arguments.iter().all(|argument| {
            !mentions(argument.ty.to_token_stream(), "impl")
                && !mentions(argument.ty.to_token_stream(), "Self")
        });
        arguments
            && !mentions(self.output.to_token_stream(), "Self")
            && self.written.generics.params.is_empty()
            && self.written.receiver().is_some_and(|receiver| receiver.reference.is_some())
    }
}

/// One argument of a component method.
pub(crate) struct Argument {
    /// What the author wrote left of the colon.
    pub(crate) pattern: Pat,
    /// The argument's name in the boxed signature. It is not the author's token: clippy would take
    /// its uses in emitted code for the author's.
    pub(crate) ident: Ident,
    ty: Type,
}

impl Argument {
    fn new((index, input): (usize, &syn::PatType)) -> Self {
        let ident = match &*input.pat {
            Pat::Ident(PatIdent { by_ref: None, ident, subpat: None, .. }) => {
                let mut name = ident.clone();
                name.set_span(names::blamed_on(ident));
                name
            }
            other => format_ident!("__argument{index}", span = names::blamed_on(other)),
        };
        Self { pattern: (*input.pat).clone(), ident, ty: ungrouped(&input.ty).clone() }
    }

    /// The type behind `&`, when the argument is borrowed.
    pub(crate) fn borrowed(&self) -> Option<&Type> {
        match &self.ty {
            Type::Reference(reference) => Some(ungrouped(&reference.elem)),
            _ => None,
        }
    }

    /// Whether the type is a stream, as far as its name says.
    pub(crate) fn is_stream(&self) -> bool {
        is_stream(&self.ty)
    }

    /// The type as the boxed signature has it.
    pub(crate) fn sent(&self) -> TokenStream {
        let mut ty = self.ty.clone();
        if let Type::Reference(TypeReference { lifetime, and_token, .. }) = &mut ty {
            for_the_call(lifetime, *and_token);
        }
        ty.to_token_stream()
    }

    /// The type as the callee decodes it.
    pub(crate) fn received(&self) -> TokenStream {
        match self.borrowed() {
            Some(ty) => quote!(<#ty as __weaver::Borrowed>::Owned),
            None => self.ty.to_token_stream(),
        }
    }
}

fn check_qualifiers(written: &syn::Signature, mistakes: &mut Mistakes) {
    let qualifiers = [
        written.constness.map(|token| token.to_token_stream()),
        written.unsafety.map(|token| token.to_token_stream()),
        written.abi.as_ref().map(ToTokens::to_token_stream),
    ];
    for qualifier in qualifiers.into_iter().flatten() {
        let message = format_args!("a component method cannot be `{qualifier}`: remove it");
        mistakes.at(&qualifier, message);
    }
}

fn check_generics(written: &syn::Signature, mistakes: &mut Mistakes) {
    if let Some(parameter) = written.generics.params.first() {
        let message = match parameter {
            syn::GenericParam::Lifetime(_) => {
                "a component method has no lifetime parameters: write references without a \
                 lifetime, and other types so that they own their data"
            }
            syn::GenericParam::Type(_) | syn::GenericParam::Const(_) => {
                "a component method cannot be generic, because both sides of a call must know what \
                 is encoded: write the type itself"
            }
        };
        mistakes.at(parameter, message);
    } else if let Some(clause) = &written.generics.where_clause {
        mistakes.at(clause.where_token, "a component method has no where clause: remove it");
    }
}

fn check_receiver(written: &syn::Signature, mistakes: &mut Mistakes) {
    let name = &written.ident;
    match written.receiver() {
        None => mistakes.at(
            name,
            format_args!("a component method has a receiver: write `async fn {name}(&self, …)`"),
        ),
        Some(it) if it.colon_token.is_some() || it.reference.is_none() => mistakes.at(
            it,
            "write `&self`: a component serves many callers at once, so that none can take it",
        ),
        Some(it) if it.mutability.is_some() => mistakes.at(
            it,
            "write `&self`: a component serves many callers at once; keep what changes in a \
             `Mutex` or an atomic",
        ),
        Some(syn::Receiver { reference: Some((_, Some(lifetime))), .. }) => {
            check_lifetime(lifetime, mistakes);
        }
        Some(_) => {}
    }
}

fn check_output(written: &syn::Signature, output: &Type, side: Side, mistakes: &mut Mistakes) {
    if written.asyncness.is_none() && awaited(output).is_some() {
        // That is said of it: that it is not async.
        return;
    }
    match output {
        Type::Tuple(unit) if unit.elems.is_empty() => {
            let message = "a component method returns a `Result`, because any call can fail: write \
                           `-> weaver::Result<()>`";
            match &written.output {
                ReturnType::Default => mistakes.at(&written.ident, message),
                ReturnType::Type(..) => mistakes.at(output, message),
            }
        }
        Type::Path(path) if is_no_result(path) => {
            let message = format_args!(
                "a component method returns a `Result`, because any call can fail: write \
                 `weaver::Result<{}>`",
                spelling(output)
            );
            mistakes.at(output, message);
        }
        Type::Path(_) => check_result(output, side, mistakes),
        _ => mistakes.at(
            output,
            "a component method returns a `Result`, because any call can fail: write \
             `weaver::Result<…>` of a type that owns its data",
        ),
    }
}

/// Whether it can be meant for a component: it is async, or may be made so by that word alone.
pub(crate) fn can_be_method(written: &syn::Signature) -> bool {
    let output = output(written);
    let can_be_result = matches!(&output, Type::Path(path) if !is_no_result(path));
    let could_be_async = can_be_result || awaited(&output).is_some();
    written.asyncness.is_some() || (written.receiver().is_some() && could_be_async)
}

/// What comes of the future that a method returns which is not async.
fn awaited(ty: &Type) -> Option<&Type> {
    let mut found = Awaited(None);
    found.visit_type(ty);
    found.0
}

struct Awaited<'a>(Option<&'a Type>);

impl<'a> Visit<'a> for Awaited<'a> {
    fn visit_path_segment(&mut self, segment: &'a PathSegment) {
        let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return };
        let outputs = arguments.args.iter().filter_map(|argument| match argument {
            GenericArgument::AssocType(it) if segment.ident == "Future" && it.ident == "Output" => {
                Some(&it.ty)
            }
            GenericArgument::Type(ty) if segment.ident == "BoxFuture" => Some(ty),
            _ => None,
        });
        self.0 = self.0.or_else(|| outputs.last());
        syn::visit::visit_path_segment(self, segment);
    }
}

/// Types that everybody knows, none of which is a `Result`. Any other may be an alias of one.
const NO_RESULTS: [&str; 29] = [
    "Arc", "BTreeMap", "BTreeSet", "Box", "Duration", "HashMap", "HashSet", "Option", "PathBuf",
    "Self", "Stream", "String", "Vec", "bool", "char", "f32", "f64", "i128", "i16", "i32", "i64",
    "i8", "isize", "u128", "u16", "u32", "u64", "u8", "usize",
];

/// Whether the type can be no `Result`, and no alias of one, by its name.
fn is_no_result(path: &syn::TypePath) -> bool {
    path.path.segments.last().is_some_and(|last| NO_RESULTS.iter().any(|name| last.ident == name))
}

fn output(written: &syn::Signature) -> Type {
    match &written.output {
        ReturnType::Default => parse_quote!(()),
        ReturnType::Type(_, ty) => ungrouped(ty).clone(),
    }
}

fn typed(input: &FnArg) -> Option<&syn::PatType> {
    match input {
        FnArg::Typed(input) => Some(input),
        FnArg::Receiver(_) => None,
    }
}

/// `&self` becomes `&'call self`. The author's own token stays, which the body's `self` belongs to.
fn call_lifetime_of_receiver(receiver: &mut syn::Receiver) {
    if let Some((and_token, lifetime)) = &mut receiver.reference {
        for_the_call(lifetime, *and_token);
    }
    if let (Type::Reference(ty), None) = (&mut *receiver.ty, receiver.colon_token) {
        ty.lifetime = receiver.reference.as_ref().and_then(|(_, lifetime)| lifetime.clone());
    }
}

/// The lifetime of a reference, whatever the author calls it: a mistake is said elsewhere.
fn for_the_call(lifetime: &mut Option<Lifetime>, reference: Token![&]) {
    if lifetime.as_ref().is_none_or(|it| it.ident != "static") {
        *lifetime = Some(Lifetime::new("'call", reference.span));
    }
}

/// The type without the invisible parentheses that a `$ty:ty` of `macro_rules!` leaves, and without
/// visible ones.
fn ungrouped(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => ungrouped(&group.elem),
        Type::Paren(paren) => ungrouped(&paren.elem),
        other => other,
    }
}

/// Whether `word` is among the tokens.
pub(crate) fn mentions(tokens: TokenStream, word: &str) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == word,
        TokenTree::Group(group) => mentions(group.stream(), word),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}
