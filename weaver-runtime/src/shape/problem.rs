//! Why a type cannot travel, or could not be looked at in full.

use std::fmt;

/// One thing found in a type, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The place, relative to the value: `.items[].price`, empty for the value itself.
    ///
    /// `[]` is an element of a sequence or a value of a map, `[key]` a key of a map, `.0` a position
    /// in a tuple, `::Card` a variant of an enum.
    pub path: String,
    /// What was found there.
    pub kind: ProblemKind,
}

/// What can be found in a type.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProblemKind {
    /// Reading it needs a format whose bytes say what comes next, and these do not.
    NotSelfDescribing {
        /// What the type asked of the format, in words.
        asked: &'static str,
    },
    /// A field is left out of the message for some values.
    SkippedField {
        /// The field's name as it is serialized.
        field: &'static str,
    },
    /// A sequence or map is serialized without saying its length first.
    UnknownLength,
    /// What is serialized is not what is deserialized.
    Asymmetric {
        /// What the type serializes at the place.
        written: String,
        /// What the type deserializes there.
        read: String,
    },
    /// A stream is elsewhere than among the arguments, as the result, or in a tuple that is one of these.
    MisplacedStream,
    /// The items of a stream cannot travel.
    StreamItem {
        /// Why, in words.
        why: String,
    },
    /// The type refused every sample that was tried, so what is below it stays unknown. A note, not an error.
    NotTraced {
        /// The Rust type that was not examined further.
        type_name: &'static str,
        /// What stopped it, in words.
        why: String,
    },
}

impl Problem {
    /// Whether the type cannot be carried; `false` for a mere note.
    pub fn is_error(&self) -> bool {
        self.kind.is_error()
    }
}

impl ProblemKind {
    /// Whether the type cannot be carried; `false` for a mere note.
    pub fn is_error(&self) -> bool {
        !matches!(self, Self::NotTraced { .. })
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => write!(f, "the value {}", self.kind),
            path => write!(f, "`{path}` {}", self.kind),
        }
    }
}

impl fmt::Display for ProblemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSelfDescribing { asked } => write!(
                f,
                "asks the encoding for {asked}, which its bytes do not hold. Remove `#[serde(flatten)]`, \
                 `#[serde(untagged)]` or `#[serde(tag = …)]` there, or send it as JSON in a `String`."
            ),
            Self::SkippedField { field } => write!(
                f,
                "is left out when `skip_serializing_if` says so, but the reader expects every field. \
                 Remove `skip_serializing_if` from `{field}`."
            ),
            Self::UnknownLength => write!(
                f,
                "is serialized without its length, which must come first. Collect it into a `Vec` or \
                 a map before serializing, and remove `#[serde(flatten)]` there."
            ),
            Self::Asymmetric { written, read } => write!(
                f,
                "is serialized as {written} but deserialized as {read}. Make both directions agree: \
                 use `skip` for `skip_serializing` or `skip_deserializing` (a skipped variant last), \
                 and `with` for `serialize_with` or `deserialize_with`."
            ),
            Self::MisplacedStream => f.write_str(
                "is a stream, which cannot be there. Make it an argument of its own, or the result, or \
                 an element of a tuple that is one of these.",
            ),
            Self::StreamItem { why } => write!(f, "is a stream whose items cannot travel: {why}"),
            Self::NotTraced { type_name, why } => write!(
                f,
                "(`{type_name}`) could not be examined: {why}. Send one value of it in a test of \
                 your own to be sure that it travels."
            ),
        }
    }
}
