//! Any type that serializes as it deserializes is seen in full: types are made up as data.

use std::cell::RefCell;

use proptest::prelude::*;
use serde::de::{DeserializeSeed, EnumAccess, Error as _, SeqAccess, VariantAccess, Visitor};
use serde::ser::{SerializeSeq, SerializeStruct};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Shape;

/// A type. Enums hold one value for each variant.
#[derive(Debug, Clone)]
enum Schema {
    Number,
    Text,
    Option(Box<Self>),
    Seq(Box<Self>),
    Struct(usize, Vec<Self>),
    Enum(usize, Vec<Self>),
    /// Refuses a value that holds no number but 0.
    Checked(Box<Self>),
}

/// A value of a type that is known elsewhere.
#[derive(Debug, Clone)]
enum Value {
    Number(u8),
    Text(String),
    Option(Option<Box<Self>>),
    Seq(Vec<Self>),
    Struct(&'static str, Vec<Self>),
    Variant(&'static str, u32, Box<Self>),
}

const NAMES: &[&str] = &[
    "a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8", "a9", "b0", "b1", "b2", "b3", "b4", "b5",
    "b6", "b7", "b8", "b9", "c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8", "c9", "d0", "d1",
    "d2", "d3", "d4", "d5", "d6", "d7", "d8", "d9", "e0", "e1", "e2", "e3", "e4", "e5", "e6", "e7",
];

thread_local! {
    static SCHEMA: RefCell<Schema> = const { RefCell::new(Schema::Number) };
}

/// A value of whatever type the thread speaks of at present.
struct Dynamic(Value);

impl<'de> Deserialize<'de> for Dynamic {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let schema = SCHEMA.with_borrow(Schema::clone);
        schema.deserialize(from).map(Self)
    }
}

impl Serialize for Dynamic {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => number.serialize(to),
            Self::Text(text) => text.serialize(to),
            Self::Option(option) => option.serialize(to),
            Self::Seq(elements) => {
                let mut seq = to.serialize_seq(Some(elements.len()))?;
                elements.iter().try_for_each(|element| seq.serialize_element(element))?;
                seq.end()
            }
            Self::Struct(name, fields) => {
                let mut out = to.serialize_struct(name, fields.len())?;
                let mut named = fields.iter().zip(NAMES);
                named.try_for_each(|(field, name)| out.serialize_field(name, field))?;
                out.end()
            }
            Self::Variant(name, index, value) => {
                to.serialize_newtype_variant(name, *index, NAMES[*index as usize], value)
            }
        }
    }
}

impl<'de> DeserializeSeed<'de> for &Schema {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        match self {
            Schema::Number => u8::deserialize(from).map(Value::Number),
            Schema::Text => String::deserialize(from).map(Value::Text),
            Schema::Option(_) => from.deserialize_option(Reader(self)),
            Schema::Seq(_) => from.deserialize_seq(Reader(self)),
            Schema::Struct(name, fields) => {
                from.deserialize_struct(NAMES[*name], &NAMES[..fields.len()], Reader(self))
            }
            Schema::Enum(name, variants) => {
                from.deserialize_enum(NAMES[*name], &NAMES[..variants.len()], Reader(self))
            }
            Schema::Checked(inner) => {
                let value = inner.deserialize(from)?;
                let is_refused = value.numbers() == 0;
                if is_refused { Err(D::Error::custom("nothing in it")) } else { Ok(value) }
            }
        }
    }
}

impl Value {
    fn numbers(&self) -> u64 {
        match self {
            Self::Number(number) => u64::from(*number),
            Self::Text(_) | Self::Option(None) => 0,
            Self::Option(Some(value)) | Self::Variant(_, _, value) => value.numbers(),
            Self::Seq(values) | Self::Struct(_, values) => values.iter().map(Self::numbers).sum(),
        }
    }
}

struct Reader<'a>(&'a Schema);

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.0)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Option(None))
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        let Schema::Option(inner) = self.0 else {
            return Err(D::Error::custom("not an option"));
        };
        inner.deserialize(from).map(|value| Value::Option(Some(Box::new(value))))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        match self.0 {
            Schema::Seq(element) => {
                while let Some(value) = seq.next_element_seed(&**element)? {
                    values.push(value);
                }
                Ok(Value::Seq(values))
            }
            Schema::Struct(name, fields) => {
                for field in fields {
                    values.extend(seq.next_element_seed(field)?);
                }
                Ok(Value::Struct(NAMES[*name], values))
            }
            _ => Err(A::Error::custom("not a sequence")),
        }
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<Value, A::Error> {
        let Schema::Enum(name, variants) = self.0 else {
            return Err(A::Error::custom("not an enum"));
        };
        let (Index(index), access) = data.variant()?;
        let value = access.newtype_variant_seed(&variants[index as usize])?;
        Ok(Value::Variant(NAMES[*name], index, Box::new(value)))
    }
}

/// The index of a variant, read as derived code reads it.
struct Index(u32);

impl<'de> Deserialize<'de> for Index {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        u32::deserialize(from).map(Self)
    }
}

impl Schema {
    /// Gives every nominal type a name of its own.
    fn number(&mut self, next: &mut usize) {
        let parts = match self {
            Self::Number | Self::Text => return,
            Self::Option(part) | Self::Seq(part) | Self::Checked(part) => return part.number(next),
            Self::Struct(name, parts) | Self::Enum(name, parts) => {
                *name = *next % NAMES.len();
                *next += 1;
                parts
            }
        };
        parts.iter_mut().for_each(|part| part.number(next));
    }

    /// Whether some value of it holds a number other than 0; otherwise `Checked` refuses all.
    fn has_number(&self) -> bool {
        match self {
            Self::Number => true,
            Self::Text => false,
            Self::Option(part) | Self::Seq(part) | Self::Checked(part) => part.has_number(),
            Self::Struct(_, parts) | Self::Enum(_, parts) => parts.iter().any(Self::has_number),
        }
    }

    fn is_checked(&self) -> bool {
        match self {
            Self::Number | Self::Text => false,
            Self::Option(part) | Self::Seq(part) => part.is_checked(),
            Self::Checked(_) => true,
            Self::Struct(_, parts) | Self::Enum(_, parts) => parts.iter().any(Self::is_checked),
        }
    }

    fn is_possible(&self) -> bool {
        match self {
            Self::Number | Self::Text => true,
            Self::Option(part) | Self::Seq(part) => part.is_possible(),
            Self::Checked(part) => part.has_number() && part.is_possible(),
            Self::Struct(_, parts) | Self::Enum(_, parts) => parts.iter().all(Self::is_possible),
        }
    }

    /// The text, written down independently.
    fn text(&self) -> String {
        let join = |parts: Vec<String>| parts.join(",");
        match self {
            Self::Number => "u8".to_owned(),
            Self::Text => "string".to_owned(),
            Self::Option(part) => format!("option<{}>", part.text()),
            Self::Seq(part) => format!("seq<{}>", part.text()),
            Self::Checked(part) => part.text(),
            Self::Struct(name, parts) => {
                let fields =
                    parts.iter().zip(NAMES).map(|(part, name)| format!("{name}:{}", part.text()));
                format!("struct {}{{{}}}", NAMES[*name], join(fields.collect()))
            }
            Self::Enum(name, parts) => {
                let variants =
                    parts.iter().zip(NAMES).map(|(part, name)| format!("{name}({})", part.text()));
                format!("enum {}{{{}}}", NAMES[*name], join(variants.collect()))
            }
        }
    }
}

fn schema() -> impl Strategy<Value = Schema> {
    let leaf = prop_oneof![Just(Schema::Number), Just(Schema::Text)];
    let schema = leaf.prop_recursive(5, 40, 5, |part| {
        let parts = prop::collection::vec(part.clone(), 1..5);
        prop_oneof![
            part.clone().prop_map(|part| Schema::Option(Box::new(part))),
            part.clone().prop_map(|part| Schema::Seq(Box::new(part))),
            parts.clone().prop_map(|parts| Schema::Struct(0, parts)),
            parts.prop_map(|parts| Schema::Enum(0, parts)),
            part.prop_map(|part| Schema::Checked(Box::new(part))),
        ]
    });
    schema.prop_map(|mut schema| {
        schema.number(&mut 0);
        schema
    })
}

proptest! {
    #[test]
    fn any_type_is_seen_in_full(schema in schema().prop_filter("no value", Schema::is_possible)) {
        let (expected, is_checked) = (schema.text(), schema.is_checked());
        SCHEMA.set(schema);
        let shape = Shape::of::<Dynamic>();
        prop_assert_eq!(shape.text(), expected);
        prop_assert_eq!(Shape::of::<Dynamic>(), shape.clone());
        let errors: Vec<_> = shape.problems().iter().filter(|problem| problem.is_error()).collect();
        prop_assert!(errors.is_empty(), "{:?}", errors);
        prop_assert!(is_checked || shape.problems().is_empty(), "{:?}", shape);
    }

    #[test]
    fn impossible_types_are_never_errors(schema in schema()) {
        SCHEMA.set(schema);
        let shape = Shape::of::<Dynamic>();
        prop_assert!(!shape.problems().iter().any(super::Problem::is_error), "{:?}", shape);
    }
}
