//! What a type writes, piece by piece, as the codec would put it on the wire.

use super::path::Path;

/// One piece. Names, and the borders of structs and tuples, leave no bytes and so no token.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Bool(bool),
    I8(i8),
    I16(i16),
    I32(i32),
    I64(i64),
    I128(i128),
    U8(u8),
    U16(u16),
    U32(u32),
    U64(u64),
    U128(u128),
    F32(f32),
    F64(f64),
    Char(char),
    /// Text and byte strings have the same bytes.
    Bytes(Vec<u8>),
    /// Whether an option is `Some`.
    Option(bool),
    /// How many elements or entries follow.
    Length(usize),
    Variant(u32, &'static str),
}

/// A token and where the type wrote it.
#[derive(Debug, Clone)]
pub(super) struct Written {
    pub(super) token: Token,
    pub(super) path: Path,
}

impl Token {
    /// In words, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Bool(_) => "bool",
            Self::I8(_) => "i8",
            Self::I16(_) => "i16",
            Self::I32(_) => "i32",
            Self::I64(_) => "i64",
            Self::I128(_) => "i128",
            Self::U8(_) => "u8",
            Self::U16(_) => "u16",
            Self::U32(_) => "u32",
            Self::U64(_) => "u64",
            Self::U128(_) => "u128",
            Self::F32(_) => "f32",
            Self::F64(_) => "f64",
            Self::Char(_) => "char",
            Self::Bytes(_) => "a string or bytes",
            Self::Option(_) => "an option",
            Self::Length(_) => "a sequence or map",
            Self::Variant(..) => "an enum",
        }
    }

    /// Whether both tokens have the same structure; what a scalar holds may differ, as in a type that is serialized
    /// relative to the time of day.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Variant(one, _), Self::Variant(other, _)) => one == other,
            (Self::Option(_) | Self::Length(_), _) => self == other,
            _ => self.kind() == other.kind(),
        }
    }

    /// In words, with what decides about the structure.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Option(is_some) => (if *is_some { "Some" } else { "None" }).to_owned(),
            Self::Length(length) => format!("a sequence or map of length {length}"),
            Self::Variant(index, name) => format!("the variant {name} with index {index}"),
            _ => self.kind().to_owned(),
        }
    }
}
