//! [`Schema`]: a type as its shape's text describes it, for a command that has no other knowledge of it. Pure.
//!
//! The text is what [`Shape::text`](weaver_runtime::Shape::text) writes. A type that it does not describe in full
//! is kept as [`Form::Unknown`], and refused when a value of it is wanted.

mod json;
mod key;
mod parser;
#[cfg(test)]
mod tests;

use std::{borrow::Cow, fmt};

pub(crate) use self::json::{Dynamic, JsonError, ResultSeed};
use self::parser::Parser;

/// What the name of a stream's type begins with; what its items are follows.
const STREAM: &str = "weaver::Stream";

/// A type, and the types that it is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Schema {
    root: Form,
    /// Of structs and enums, by the number that the text gives them.
    definitions: Vec<Definition>,
}

/// A place for a value.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Form {
    Scalar(Scalar),
    Option(Box<Self>),
    Seq(Box<Self>),
    Map(Box<Self>, Box<Self>),
    Tuple(Vec<Self>),
    /// The number of a definition.
    Named(usize),
    /// A stream, with what the text says of its items.
    Stream(String),
    /// What the text does not describe, as it says that.
    Unknown(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scalar {
    Bool,
    Signed { bits: u32 },
    Unsigned { bits: u32 },
    Float { bits: u32 },
    Char,
    String,
    Bytes,
    Unit,
}

/// A struct or an enum.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Definition {
    name: String,
    body: Body,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Body {
    Struct(Fields),
    Enum(Vec<Variant>),
    /// What the text does not tell apart, as it says that.
    Unclear(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Variant {
    name: String,
    /// Its number on the wire.
    index: u32,
    fields: Fields,
}

/// What a struct, or a variant of an enum, holds.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fields {
    Unit,
    /// One of them is a newtype, which is as what it holds.
    Positional(Vec<Form>),
    Named(Vec<(String, Form)>),
}

/// The shape of a type is not as this command knows shapes.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a shape that is not understood, from its byte {at} on: {text}")]
pub(crate) struct SchemaError {
    at: usize,
    text: String,
}

impl Schema {
    /// Reads a shape's text.
    pub(crate) fn parse(text: &str) -> Result<Self, SchemaError> {
        Parser::new(text).schema()
    }

    /// The elements of a tuple: the arguments of a method, with their names.
    pub(crate) fn arguments<'a>(&'a self, names: &'a [String]) -> Vec<(&'a str, Type<'a>)> {
        let Form::Tuple(forms) = &self.root else { return Vec::new() };
        let names = names.iter().map(String::as_str);
        names.zip(forms.iter().map(|form| Type { schema: self, form })).collect()
    }

    /// The types of the two variants, if this is a `Result`.
    pub(crate) fn result(&self) -> Option<(Type<'_>, Type<'_>)> {
        let Form::Named(number) = self.root else { return None };
        let Body::Enum(variants) = &self.definitions.get(number)?.body else { return None };
        let [ok, err] = &variants[..] else { return None };
        let of = |form| Type { schema: self, form };
        (ok.name == "Ok" && err.name == "Err")
            .then_some((of(ok.fields.first()?), of(err.fields.first()?)))
    }

    /// The type itself.
    pub(crate) fn root(&self) -> Type<'_> {
        Type { schema: self, form: &self.root }
    }

    /// If it is a stream: the shape of its items, where these are plain, and results.
    pub(crate) fn items(&self) -> Option<Self> {
        let Form::Stream(items) = &self.root else { return None };
        Self::parse(items).ok().filter(|items| items.is_plain() && items.result().is_some())
    }

    /// Whether it is known in full, and no stream.
    pub(crate) fn is_plain(&self) -> bool {
        let is_plain = |fields: &Fields| fields.forms().all(Form::is_plain);
        let mut bodies = self.definitions.iter().map(|definition| &definition.body);
        self.root.is_plain()
            && bodies.all(|body| match body {
                Body::Struct(fields) => is_plain(fields),
                Body::Enum(variants) => variants.iter().all(|variant| is_plain(&variant.fields)),
                Body::Unclear(_) => false,
            })
    }

    /// Of all structs and enums that values of it are made of, the names, and those of a struct's fields.
    pub(crate) fn outlines(self) -> Vec<(String, Option<Vec<String>>)> {
        let items = self.definitions.iter().filter_map(|it| it.name.strip_prefix(STREAM));
        let items = items.filter_map(|name| Self::parse(items_of(name)).ok());
        let mut outlines: Vec<_> = items.flat_map(Self::outlines).collect();
        let own = self.definitions.into_iter().filter(|definition| !definition.is_stream());
        outlines.extend(own.map(|Definition { name, body }| match body {
            Body::Struct(Fields::Named(fields)) => {
                (name, Some(fields.into_iter().map(|(name, _)| name).collect()))
            }
            Body::Struct(_) | Body::Enum(_) | Body::Unclear(_) => (name, None),
        }));
        outlines
    }

    fn definition(&self, number: usize) -> Option<&Definition> {
        self.definitions.get(number)
    }
}

/// A part of a schema. Its `Display` is the type as one would write it in Rust, structs and enums by their name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Type<'a> {
    schema: &'a Schema,
    form: &'a Form,
}

impl<'a> Type<'a> {
    fn of(self, form: &'a Form) -> Self {
        Self { form, ..self }
    }

    /// What structs and enums in it are made of, a line each, in the order in which one meets them.
    pub(crate) fn definitions(self) -> Vec<String> {
        let mut met = Vec::new();
        self.meet(&mut met);
        let lines = met.iter().filter_map(|number| self.schema.definition(*number));
        lines.map(|definition| self.define(definition)).collect()
    }

    fn meet(self, met: &mut Vec<usize>) {
        match self.form {
            Form::Option(form) | Form::Seq(form) => self.of(form).meet(met),
            Form::Map(key, value) => [key, value].into_iter().for_each(|it| self.of(it).meet(met)),
            Form::Tuple(forms) => forms.iter().for_each(|form| self.of(form).meet(met)),
            Form::Named(number) if !met.contains(number) => {
                met.push(*number);
                let Some(definition) = self.schema.definition(*number) else { return };
                let fields: Vec<_> = match &definition.body {
                    Body::Struct(fields) => vec![fields],
                    Body::Enum(variants) => variants.iter().map(|it| &it.fields).collect(),
                    Body::Unclear(_) => Vec::new(),
                };
                fields.iter().for_each(|fields| {
                    fields.forms().for_each(|form| self.of(form).meet(met));
                });
            }
            Form::Scalar(_) | Form::Named(_) | Form::Stream(_) | Form::Unknown(_) => {}
        }
    }

    fn define(self, Definition { name, body }: &'a Definition) -> String {
        match body {
            Body::Struct(fields) => format!("struct {name}{}", self.fields(fields)),
            Body::Unclear(text) => format!("enum {name}{text}"),
            Body::Enum(variants) => {
                let variants = variants
                    .iter()
                    .map(|Variant { name, fields, .. }| format!("{name}{}", self.fields(fields)));
                format!("enum {name} {{ {} }}", variants.collect::<Vec<_>>().join(", "))
            }
        }
    }

    fn fields(self, fields: &'a Fields) -> String {
        match fields {
            Fields::Unit => String::new(),
            Fields::Positional(forms) => format!("({})", self.list(forms)),
            Fields::Named(fields) => {
                let fields = fields.iter().map(|(name, form)| format!("{name}: {}", self.of(form)));
                format!(" {{ {} }}", fields.collect::<Vec<_>>().join(", "))
            }
        }
    }

    fn list(self, forms: &'a [Form]) -> String {
        forms.iter().map(|form| self.of(form).to_string()).collect::<Vec<_>>().join(", ")
    }
}

impl Form {
    /// How many forms it is made of, definitions apart.
    fn size(&self) -> usize {
        match self {
            Self::Scalar(_) | Self::Named(_) | Self::Stream(_) | Self::Unknown(_) => 1,
            Self::Option(form) | Self::Seq(form) => 1 + form.size(),
            Self::Map(key, value) => 1 + key.size() + value.size(),
            Self::Tuple(forms) => 1 + forms.iter().map(Self::size).sum::<usize>(),
        }
    }

    fn is_plain(&self) -> bool {
        match self {
            Self::Scalar(_) | Self::Named(_) => true,
            Self::Option(form) | Self::Seq(form) => form.is_plain(),
            Self::Map(key, value) => key.is_plain() && value.is_plain(),
            Self::Tuple(forms) => forms.iter().all(Self::is_plain),
            Self::Stream(_) | Self::Unknown(_) => false,
        }
    }
}

impl Definition {
    fn is_stream(&self) -> bool {
        self.name.starts_with(STREAM)
    }
}

impl Fields {
    fn first(&self) -> Option<&Form> {
        self.forms().next()
    }

    fn forms(&self) -> Box<dyn Iterator<Item = &Form> + '_> {
        match self {
            Self::Unit => Box::new(std::iter::empty()),
            Self::Positional(forms) => Box::new(forms.iter()),
            Self::Named(fields) => Box::new(fields.iter().map(|(_, form)| form)),
        }
    }
}

impl fmt::Display for Type<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.form {
            Form::Scalar(scalar) => scalar.fmt(f),
            Form::Option(form) => write!(f, "Option<{}>", self.of(form)),
            Form::Seq(form) => write!(f, "Vec<{}>", self.of(form)),
            Form::Map(key, value) => write!(f, "Map<{}, {}>", self.of(key), self.of(value)),
            Form::Tuple(forms) => match &forms[..] {
                [first, _, ..] if forms.iter().all(|form| form == first) => {
                    write!(f, "[{}; {}]", self.of(first), forms.len())
                }
                [only] => write!(f, "({},)", self.of(only)),
                _ => write!(f, "({})", self.list(forms)),
            },
            Form::Named(number) => {
                f.write_str(self.schema.definition(*number).map_or("?", |it| it.name.as_str()))
            }
            Form::Stream(items) => write!(f, "Stream<{}>", item(items)),
            Form::Unknown(text) => f.write_str(text),
        }
    }
}

/// The shape of a stream's items, of what follows in its name; what is wrong with them, where they have none.
fn items_of(name: &str) -> &str {
    name.strip_prefix('<').and_then(|items| items.strip_suffix('>')).unwrap_or(name)
}

/// What a stream yields, of the shape of its items, which are results.
fn item(text: &str) -> Cow<'_, str> {
    let Ok(schema) = Schema::parse(text) else { return text.into() };
    let item =
        schema.result().map_or_else(|| schema.root().to_string(), |(value, _)| value.to_string());
    item.into()
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool => f.write_str("bool"),
            Self::Signed { bits } => write!(f, "i{bits}"),
            Self::Unsigned { bits } => write!(f, "u{bits}"),
            Self::Float { bits } => write!(f, "f{bits}"),
            Self::Char => f.write_str("char"),
            Self::String => f.write_str("String"),
            Self::Bytes => f.write_str("bytes"),
            Self::Unit => f.write_str("()"),
        }
    }
}
