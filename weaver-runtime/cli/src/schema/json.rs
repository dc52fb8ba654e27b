//! Values of a schema's types as JSON, in the form that serde gives to Rust's types there: structs are objects,
//! newtypes what they hold, variants an object of one key, or a text where they hold nothing.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{DeserializeSeed, EnumAccess, Error as _, MapAccess, SeqAccess, VariantAccess, Visitor},
    ser::{SerializeMap, SerializeSeq, SerializeTuple, SerializeTupleVariant},
};
use serde_json::{Map, Number, Value};

use super::{Body, Fields, Form, Scalar, Schema, Type, Variant};
use crate::wrap::counted;

/// A value of a type that is only known at run time; it is encoded as one of the type is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Dynamic {
    Bool(bool),
    Signed { bits: u32, value: i128 },
    Unsigned { bits: u32, value: u128 },
    F32(f32),
    F64(f64),
    Char(char),
    String(String),
    Bytes(Vec<u8>),
    Unit,
    Option(Option<Box<Self>>),
    Seq(Vec<Self>),
    Map(Vec<(Self, Self)>),
    Tuple(Vec<Self>),
    Variant { index: u32, fields: Vec<Self> },
}

/// JSON that is no value of a type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum JsonError {
    /// It is something else.
    #[error("{path} is {expected}, not {found}")]
    Unexpected { path: String, expected: String, found: String },
    /// A field of a struct is not there.
    #[error("{path} has no `{field}`, which is {expected}")]
    Missing { path: String, field: String, expected: String },
    /// A field that the struct does not have.
    #[error("{path} has a `{field}`, which its type does not; {known}")]
    Surplus { path: String, field: String, known: String },
    /// Too many arguments, or too few.
    #[error("{found} given, and it takes {expected}")]
    Count { found: String, expected: String },
    /// Not everything can be written as JSON.
    #[error("{path} is {what}, which cannot be given as JSON")]
    Impossible { path: String, what: String },
}

type Read<T> = Result<T, JsonError>;

impl Schema {
    /// Reads the arguments of a method: an array in their order, or an object by their names. A single one may stand
    /// alone, where that cannot be meant.
    pub(crate) fn read_arguments(&self, names: &[String], json: Option<&Value>) -> Read<Dynamic> {
        let arguments = self.arguments(names);
        let listed = match json {
            None => Err(count(0, arguments.len())),
            // What is optional may be left out at the end.
            Some(Value::Array(items)) if fits(items.len(), &arguments) => {
                let items = items.iter().chain(std::iter::repeat(&Value::Null)).zip(&arguments);
                items.map(|(item, (name, form))| form.read(name, item)).collect()
            }
            Some(Value::Array(items)) => Err(count(items.len(), arguments.len())),
            Some(Value::Object(object)) => read_named(None, object, &arguments),
            Some(_) => Err(count(1, arguments.len())),
        };
        let listed = match (listed, json, &arguments[..]) {
            (Err(_), None, []) => Ok(Vec::new()),
            (Err(error), Some(json), [(name, form)]) => {
                let alone = form.read(name, json).map(|value| vec![value]);
                let is_named = matches!(json, Value::Object(object) if object.contains_key(*name));
                if is_named { alone.or(Err(error)) } else { alone }
            }
            (listed, ..) => listed,
        };
        listed.map(Dynamic::Tuple)
    }
}

fn fits(given: usize, arguments: &[(&str, Type<'_>)]) -> bool {
    let left_out = arguments.get(given..);
    left_out.is_some_and(|it| it.iter().all(|(_, of)| matches!(of.form, Form::Option(_))))
}

fn count(found: usize, expected: usize) -> JsonError {
    let counted = |number| counted(number, "argument");
    JsonError::Count {
        found: format!("{} {}", counted(found), if found == 1 { "is" } else { "are" }),
        expected: counted(expected),
    }
}

impl Type<'_> {
    /// Reads a value; `path` is how errors name it.
    pub(crate) fn read(self, path: &str, json: &Value) -> Read<Dynamic> {
        let unexpected = || Err(self.unexpected(path, json));
        match self.form {
            Form::Scalar(scalar) => scalar.read(json).map_or_else(unexpected, Ok),
            Form::Option(form) => Ok(Dynamic::Option(match json {
                Value::Null => None,
                json => Some(Box::new(self.of(form).read(path, json)?)),
            })),
            Form::Seq(form) => {
                if let (Form::Scalar(Scalar::Unsigned { bits: 8 }), Value::String(text)) =
                    (&**form, json)
                {
                    return Ok(Dynamic::Bytes(text.as_bytes().to_vec()));
                }
                let Value::Array(items) = json else { return unexpected() };
                let items = items.iter().enumerate();
                let items = items.map(|(at, it)| self.of(form).read(&format!("{path}[{at}]"), it));
                Ok(Dynamic::Seq(items.collect::<Read<_>>()?))
            }
            Form::Map(key, value) => self.read_map(path, json, self.of(key), self.of(value)),
            Form::Tuple(forms) => Ok(Dynamic::Tuple(self.read_positions(path, json, forms)?)),
            Form::Named(number) => match self.schema.definition(*number).map(|it| &it.body) {
                Some(Body::Struct(Fields::Unit)) if !json.is_null() => unexpected(),
                Some(Body::Unclear(text)) => {
                    Err(JsonError::Impossible { path: path.to_owned(), what: text.clone() })
                }
                Some(Body::Struct(fields)) => {
                    Ok(Dynamic::Tuple(self.read_fields(path, json, fields)?))
                }
                Some(Body::Enum(variants)) => self.read_enum(path, json, variants),
                None => unexpected(),
            },
            Form::Stream(_) | Form::Unknown(_) => {
                Err(JsonError::Impossible { path: path.to_owned(), what: self.to_string() })
            }
        }
    }

    fn unexpected(self, path: &str, json: &Value) -> JsonError {
        let expected = self.to_string();
        JsonError::Unexpected { path: path.to_owned(), expected, found: excerpt(json) }
    }

    fn read_map(self, path: &str, json: &Value, key: Self, value: Self) -> Read<Dynamic> {
        let mut entries = Vec::new();
        match json {
            Value::Object(object) => {
                for (name, json) in object {
                    let path = format!("{path}.{name}");
                    // A number, say, is a text where it is a key.
                    let text = Value::String(name.clone());
                    let name = key.read(&path, &text).or_else(|error| {
                        let other: Value = serde_json::from_str(name).map_err(|_| error.clone())?;
                        key.read(&path, &other).map_err(|_| error)
                    });
                    entries.push((name?, value.read(&path, json)?));
                }
            }
            Value::Array(pairs) => {
                for (at, pair) in pairs.iter().enumerate() {
                    let path = format!("{path}[{at}]");
                    let Some([name, json]) = pair.as_array().map(Vec::as_slice) else {
                        return Err(self.unexpected(&path, pair));
                    };
                    entries.push((key.read(&path, name)?, value.read(&path, json)?));
                }
            }
            _ => return Err(self.unexpected(path, json)),
        }
        Ok(Dynamic::Map(entries))
    }

    fn read_positions(self, path: &str, json: &Value, forms: &[Form]) -> Read<Vec<Dynamic>> {
        match json {
            Value::Array(items) if items.len() == forms.len() => {
                let items = items.iter().zip(forms).enumerate();
                let items = items
                    .map(|(at, (item, form))| self.of(form).read(&format!("{path}[{at}]"), item));
                items.collect()
            }
            _ => Err(self.unexpected(path, json)),
        }
    }

    /// What a struct or a variant holds.
    fn read_fields(self, path: &str, json: &Value, fields: &Fields) -> Read<Vec<Dynamic>> {
        match fields {
            Fields::Unit if json.is_null() => Ok(Vec::new()),
            Fields::Unit => Err(JsonError::Unexpected {
                path: path.to_owned(),
                expected: "null".to_owned(),
                found: excerpt(json),
            }),
            Fields::Positional(forms) => match &forms[..] {
                [only] => Ok(vec![self.of(only).read(path, json)?]),
                forms => self.read_positions(path, json, forms),
            },
            Fields::Named(fields) => {
                let Value::Object(object) = json else { return Err(self.unexpected(path, json)) };
                let fields = fields.iter().map(|(name, form)| (name.as_str(), self.of(form)));
                read_named(Some(path), object, &fields.collect::<Vec<_>>())
            }
        }
    }

    fn read_enum(self, path: &str, json: &Value, variants: &[Variant]) -> Read<Dynamic> {
        let (name, held) = match json {
            Value::String(name) => (name, &Value::Null),
            Value::Object(object) if object.len() == 1 => match object.iter().next() {
                Some(entry) => entry,
                None => return Err(self.unexpected(path, json)),
            },
            _ => return Err(self.unexpected(path, json)),
        };
        let Some(variant) = variants.iter().find(|variant| variant.name == *name) else {
            let known: Vec<_> = variants.iter().map(|it| format!("`{}`", it.name)).collect();
            let known = format!("its variants are {}", known.join(", "));
            return Err(JsonError::Surplus { path: path.to_owned(), field: name.clone(), known });
        };
        let path = format!("{path}.{name}");
        if json.is_string() && variant.fields != Fields::Unit {
            let expected =
                format!("{{\"{name}\": …}} with {}", self.fields(&variant.fields).trim());
            return Err(JsonError::Unexpected { path, expected, found: excerpt(json) });
        }
        let fields = self.read_fields(&path, held, &variant.fields)?;
        Ok(Dynamic::Variant { index: variant.index, fields })
    }
}

/// The fields of a struct, or the arguments of a method, from an object. What is optional may be left out.
fn read_named(
    path: Option<&str>,
    object: &Map<String, Value>,
    fields: &[(&str, Type<'_>)],
) -> Read<Vec<Dynamic>> {
    let whole = || path.unwrap_or("the call").to_owned();
    if let Some(field) = object.keys().find(|key| fields.iter().all(|(name, _)| name != key)) {
        let known: Vec<_> = fields.iter().map(|(name, _)| format!("`{name}`")).collect();
        let known = match known.is_empty() {
            true => "it has nothing".to_owned(),
            false => format!("it has {}", known.join(", ")),
        };
        return Err(JsonError::Surplus { path: whole(), field: field.clone(), known });
    }
    let read = fields.iter().map(|(name, form)| match (object.get(*name), form.form) {
        (Some(json), _) => {
            let path = path.map_or_else(|| (*name).to_owned(), |path| format!("{path}.{name}"));
            form.read(&path, json)
        }
        (None, Form::Option(_)) => Ok(Dynamic::Option(None)),
        (None, _) => Err(JsonError::Missing {
            path: whole(),
            field: (*name).to_owned(),
            expected: form.to_string(),
        }),
    });
    read.collect()
}

impl Scalar {
    /// `None` for what is no value of it.
    fn read(self, json: &Value) -> Option<Dynamic> {
        Some(match (self, json) {
            (Self::Bool, Value::Bool(value)) => Dynamic::Bool(*value),
            (Self::Signed { bits }, json) => {
                let value: i128 = whole(json)?;
                let range = i128::MIN >> (128 - bits)..=i128::MAX >> (128 - bits);
                range.contains(&value).then_some(Dynamic::Signed { bits, value })?
            }
            (Self::Unsigned { bits }, json) => {
                let value: u128 = whole(json)?;
                (value <= u128::MAX >> (128 - bits)).then_some(Dynamic::Unsigned { bits, value })?
            }
            #[expect(clippy::cast_possible_truncation, reason = "as Rust rounds the same text")]
            (Self::Float { bits: 32 }, json) => Dynamic::F32(float(json)? as f32),
            (Self::Float { .. }, json) => Dynamic::F64(float(json)?),
            (Self::Char, Value::String(text)) => {
                let mut chars = text.chars();
                let (value, None) = (chars.next()?, chars.next()) else { return None };
                Dynamic::Char(value)
            }
            (Self::String, Value::String(text)) => Dynamic::String(text.clone()),
            (Self::Bytes, Value::String(text)) => Dynamic::Bytes(text.as_bytes().to_vec()),
            (Self::Bytes, Value::Array(items)) => {
                let bytes = items.iter().map(|item| u8::try_from(item.as_u64()?).ok());
                Dynamic::Bytes(bytes.collect::<Option<_>>()?)
            }
            (Self::Unit, Value::Null) => Dynamic::Unit,
            _ => return None,
        })
    }
}

/// A whole number; one that is too large for JSON's may be a text.
fn whole<T: std::str::FromStr>(json: &Value) -> Option<T> {
    match json {
        Value::Number(number) => number.to_string().parse().ok(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// A number; JSON has none for infinity, which may be a text.
fn float(json: &Value) -> Option<f64> {
    match json {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// As much of JSON as an error shows.
fn excerpt(json: &Value) -> String {
    let text = json.to_string();
    match text.char_indices().nth(EXCERPT_CHARS_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

const EXCERPT_CHARS_MAX: usize = 60;

impl Serialize for Dynamic {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let outside = || serde::ser::Error::custom("a number outside of its type");
        macro_rules! number {
            ($value:expr, $type:ty, $method:ident) => {
                to.$method(<$type>::try_from(*$value).map_err(|_| outside())?)
            };
        }
        match self {
            Self::Bool(value) => to.serialize_bool(*value),
            Self::Signed { bits: 8, value } => number!(value, i8, serialize_i8),
            Self::Signed { bits: 16, value } => number!(value, i16, serialize_i16),
            Self::Signed { bits: 32, value } => number!(value, i32, serialize_i32),
            Self::Signed { bits: 64, value } => number!(value, i64, serialize_i64),
            Self::Signed { value, .. } => to.serialize_i128(*value),
            Self::Unsigned { bits: 8, value } => number!(value, u8, serialize_u8),
            Self::Unsigned { bits: 16, value } => number!(value, u16, serialize_u16),
            Self::Unsigned { bits: 32, value } => number!(value, u32, serialize_u32),
            Self::Unsigned { bits: 64, value } => number!(value, u64, serialize_u64),
            Self::Unsigned { value, .. } => to.serialize_u128(*value),
            Self::F32(value) => to.serialize_f32(*value),
            Self::F64(value) => to.serialize_f64(*value),
            Self::Char(value) => to.serialize_char(*value),
            Self::String(value) => to.serialize_str(value),
            Self::Bytes(value) => to.serialize_bytes(value),
            Self::Unit => to.serialize_unit(),
            Self::Option(None) => to.serialize_none(),
            Self::Option(Some(value)) => to.serialize_some(value),
            Self::Seq(items) => {
                let mut seq = to.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| seq.serialize_element(item))?;
                seq.end()
            }
            Self::Map(entries) => {
                let mut map = to.serialize_map(Some(entries.len()))?;
                entries.iter().try_for_each(|(key, value)| map.serialize_entry(key, value))?;
                map.end()
            }
            Self::Tuple(items) => {
                let mut tuple = to.serialize_tuple(items.len())?;
                items.iter().try_for_each(|item| tuple.serialize_element(item))?;
                tuple.end()
            }
            // Names do not travel.
            Self::Variant { index, fields } if fields.is_empty() => {
                to.serialize_unit_variant("", *index, "")
            }
            Self::Variant { index, fields } => {
                let mut variant = to.serialize_tuple_variant("", *index, "", fields.len())?;
                fields.iter().try_for_each(|field| variant.serialize_field(field))?;
                variant.end()
            }
        }
    }
}

/// Decodes a value of a type as JSON.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ValueSeed<'a>(pub(crate) Type<'a>);

impl<'de> DeserializeSeed<'de> for ValueSeed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        let Self(of) = self;
        match of.form {
            Form::Scalar(scalar) => scalar.decode(from),
            Form::Option(form) => from.deserialize_option(Optional(Self(of.of(form)))),
            Form::Seq(form) => from.deserialize_seq(Items(Self(of.of(form)))),
            Form::Map(key, value) => {
                from.deserialize_map(Entries(Self(of.of(key)), Self(of.of(value))))
            }
            Form::Tuple(forms) => from.deserialize_tuple(forms.len(), Positions(of, forms)),
            Form::Named(number) => match of.schema.definition(*number).map(|it| &it.body) {
                Some(Body::Struct(Fields::Unit)) => <()>::deserialize(from).map(Value::from),
                Some(Body::Struct(Fields::Positional(forms))) => match &forms[..] {
                    [only] => Self(of.of(only)).deserialize(from),
                    forms => from.deserialize_tuple(forms.len(), Positions(of, forms)),
                },
                Some(Body::Struct(Fields::Named(fields))) => {
                    from.deserialize_tuple(fields.len(), Named(of, fields))
                }
                Some(Body::Enum(variants)) => from.deserialize_enum("", &[], OneOf(of, variants)),
                Some(Body::Unclear(_)) => {
                    Err(D::Error::custom(format_args!("{of} cannot be shown as JSON")))
                }
                None => Err(D::Error::custom("a type without a definition")),
            },
            // Its number in the message, which is all of it that is there.
            Form::Stream(_) => u32::deserialize(from).map(Value::from),
            Form::Unknown(_) => Err(D::Error::custom(format_args!("{of} cannot be shown as JSON"))),
        }
    }
}

/// Decodes a `Result` of two types, each as JSON.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ResultSeed<'a>(pub(crate) Type<'a>, pub(crate) Type<'a>);

impl<'de> DeserializeSeed<'de> for ResultSeed<'_> {
    type Value = Result<Value, Value>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_enum("Result", &["Ok", "Err"], self)
    }
}

impl<'de> Visitor<'de> for ResultSeed<'_> {
    type Value = Result<Value, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a result")
    }

    fn visit_enum<A: EnumAccess<'de>>(self, from: A) -> Result<Self::Value, A::Error> {
        let Self(value, error) = self;
        match from.variant_seed(Index)? {
            (0, held) => held.newtype_variant_seed(ValueSeed(value)).map(Ok),
            (1, held) => held.newtype_variant_seed(ValueSeed(error)).map(Err),
            (index, _) => Err(A::Error::custom(format_args!("a result has no variant {index}"))),
        }
    }
}

impl Scalar {
    fn decode<'de, D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        Ok(match self {
            Self::Bool => bool::deserialize(from)?.into(),
            Self::Signed { bits: 8 } => i8::deserialize(from)?.into(),
            Self::Signed { bits: 16 } => i16::deserialize(from)?.into(),
            Self::Signed { bits: 32 } => i32::deserialize(from)?.into(),
            Self::Signed { bits: 64 } => i64::deserialize(from)?.into(),
            Self::Signed { .. } => {
                let value = i128::deserialize(from)?;
                i64::try_from(value).map_or_else(|_| value.to_string().into(), Value::from)
            }
            Self::Unsigned { bits: 8 } => u8::deserialize(from)?.into(),
            Self::Unsigned { bits: 16 } => u16::deserialize(from)?.into(),
            Self::Unsigned { bits: 32 } => u32::deserialize(from)?.into(),
            Self::Unsigned { bits: 64 } => u64::deserialize(from)?.into(),
            Self::Unsigned { .. } => {
                let value = u128::deserialize(from)?;
                u64::try_from(value).map_or_else(|_| value.to_string().into(), Value::from)
            }
            // By its text, which is shorter than that of the same number with 64 bits.
            Self::Float { bits: 32 } => number(&f32::deserialize(from)?.to_string()),
            Self::Float { .. } => number(&f64::deserialize(from)?.to_string()),
            Self::Char => char::deserialize(from)?.to_string().into(),
            Self::String => String::deserialize(from)?.into(),
            Self::Bytes => from.deserialize_byte_buf(ByteString)?,
            Self::Unit => <()>::deserialize(from).map(Value::from)?,
        })
    }
}

/// A number as JSON; infinity, which JSON has not, as a text.
fn number(text: &str) -> Value {
    let number = text.parse().ok().and_then(Number::from_f64);
    number.map_or_else(|| text.into(), Value::Number)
}

struct ByteString;

impl Visitor<'_> for ByteString {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Value, E> {
        Ok(bytes.iter().copied().map(Value::from).collect())
    }
}

struct Optional<'a>(ValueSeed<'a>);

impl<'de> Visitor<'de> for Optional<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an option")
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        self.0.deserialize(from)
    }
}

struct Items<'a>(ValueSeed<'a>);

impl<'de> Visitor<'de> for Items<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sequence")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = from.next_element_seed(self.0)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }
}

struct Entries<'a>(ValueSeed<'a>, ValueSeed<'a>);

impl<'de> Visitor<'de> for Entries<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = from.next_entry_seed(self.0, self.1)? {
            entries.push(entry);
        }
        // JSON's keys are texts; other than scalars have none.
        let key = |key: &Value| match key {
            Value::String(text) => Some(text.clone()),
            Value::Number(_) | Value::Bool(_) => Some(key.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        };
        let object = entries.iter().map(|(name, value)| Some((key(name)?, value.clone())));
        Ok(object.collect::<Option<Map<_, _>>>().map_or_else(
            || entries.into_iter().map(|(key, value)| Value::Array(vec![key, value])).collect(),
            Value::Object,
        ))
    }
}

struct Positions<'a>(Type<'a>, &'a [Form]);

impl<'de> Visitor<'de> for Positions<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a tuple")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let items = self.1.iter().map(|form| next(&mut from, self.0.of(form)));
        Ok(Value::Array(items.collect::<Result<_, _>>()?))
    }
}

struct Named<'a>(Type<'a>, &'a [(String, Form)]);

impl<'de> Visitor<'de> for Named<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a struct")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let fields = self.1.iter();
        let fields =
            fields.map(|(name, form)| Ok((name.clone(), next(&mut from, self.0.of(form))?)));
        Ok(Value::Object(fields.collect::<Result<_, _>>()?))
    }
}

fn next<'de, A: SeqAccess<'de>>(from: &mut A, of: Type<'_>) -> Result<Value, A::Error> {
    let next = from.next_element_seed(ValueSeed(of))?;
    next.ok_or_else(|| A::Error::custom("it ends early"))
}

struct OneOf<'a>(Type<'a>, &'a [Variant]);

impl<'de> Visitor<'de> for OneOf<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an enum")
    }

    fn visit_enum<A: EnumAccess<'de>>(self, from: A) -> Result<Value, A::Error> {
        let Self(of, variants) = self;
        let (index, held) = from.variant_seed(Index)?;
        let Some(Variant { name, fields, .. }) = variants.iter().find(|it| it.index == index)
        else {
            return Err(A::Error::custom(format_args!("{of} has no variant {index}")));
        };
        let value = match fields {
            Fields::Unit => {
                held.unit_variant()?;
                return Ok(Value::String(name.clone()));
            }
            Fields::Positional(forms) => match &forms[..] {
                [only] => held.newtype_variant_seed(ValueSeed(of.of(only)))?,
                forms => held.tuple_variant(forms.len(), Positions(of, forms))?,
            },
            Fields::Named(fields) => held.tuple_variant(fields.len(), Named(of, fields))?,
        };
        Ok(Value::Object([(name.clone(), value)].into_iter().collect()))
    }
}

/// The number of a variant.
struct Index;

impl<'de> DeserializeSeed<'de> for Index {
    type Value = u32;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<u32, D::Error> {
        u32::deserialize(from)
    }
}
