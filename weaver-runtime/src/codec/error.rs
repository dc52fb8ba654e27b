//! Why a value could not be encoded or decoded.

use bincode::error as format;
use thiserror::Error;

/// Why a value was not encoded.
#[derive(Clone, Debug, Error, Eq, PartialEq)]
#[non_exhaustive]
pub enum EncodeError {
    /// The encoded value does not fit in one message.
    #[error(
        "the value takes {bytes} bytes encoded, the limit is {bytes_max}: \
         send it in parts or as a stream"
    )]
    TooLarge {
        /// What it takes.
        bytes: usize,
        /// [`MESSAGE_BYTES_MAX`](super::MESSAGE_BYTES_MAX).
        bytes_max: usize,
    },

    /// The receiver would refuse the value, because it has too many elements.
    #[error(
        "the elements of the value would take more than {bytes_max} bytes of the receiver's \
         memory: send it in parts or as a stream"
    )]
    TooMuchMemory {
        /// [`DECODED_BYTES_MAX`](super::DECODED_BYTES_MAX).
        bytes_max: usize,
    },

    /// The value nests deeper than a receiver would follow.
    #[error("the value nests more than {depth_max} levels deep: send it as a list of its parts")]
    TooDeep {
        /// [`DEPTH_MAX`](super::DEPTH_MAX).
        depth_max: usize,
    },

    /// A field left itself out, and the receiver could not tell that it is missing.
    #[error(
        "field `{field}` of `{container}` left itself out, which this format cannot express: \
         remove `skip_serializing_if`"
    )]
    SkippedField {
        /// The struct, or the enum and its variant (`Enum::Variant`).
        container: String,
        /// The field.
        field: &'static str,
    },

    /// A sequence or map did not say how long it is before its first element.
    #[error(
        "a sequence or map did not give its length: remove `flatten`, or collect the elements \
         before serializing them"
    )]
    UnknownLength,

    /// A sequence or map gave a length and then had more or fewer elements.
    #[error(
        "a sequence or map gave its length as {announced}, then wrote another number of elements"
    )]
    WrongLength {
        /// The length it gave.
        announced: usize,
    },

    /// The type's own `Serialize` failed.
    #[error("the value could not be serialized: {0}")]
    Other(String),
}

/// Why bytes were not decoded.
#[derive(Clone, Debug, Error, Eq, PartialEq)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes ended before the value did.
    #[error("the bytes end before the value does")]
    UnexpectedEnd,

    /// The value ended before the bytes did.
    #[error("{count} bytes are left over after the value")]
    TrailingBytes {
        /// How many bytes are left over.
        count: usize,
    },

    /// There are more bytes than one message may have.
    #[error("the message has {bytes} bytes, the limit is {bytes_max}")]
    TooLarge {
        /// How many there are.
        bytes: usize,
        /// [`MESSAGE_BYTES_MAX`](super::MESSAGE_BYTES_MAX).
        bytes_max: usize,
    },

    /// The elements would take too much memory.
    #[error(
        "the elements of the value take more than {bytes_max} bytes of memory: send it in parts \
         or as a stream"
    )]
    TooMuchMemory {
        /// [`DECODED_BYTES_MAX`](super::DECODED_BYTES_MAX).
        bytes_max: usize,
    },

    /// The value nests too deep.
    #[error("the value nests more than {depth_max} levels deep")]
    TooDeep {
        /// [`DEPTH_MAX`](super::DEPTH_MAX).
        depth_max: usize,
    },

    /// The type asked the bytes what they hold, and this format does not say.
    #[error(
        "the type cannot be read from a format that does not describe itself (it expects \
         {expected}): remove serde's `flatten`, `untagged` and `tag`, and send dynamic values \
         such as JSON as text"
    )]
    NotSelfDescribing {
        /// What the type's visitor says that it expects.
        expected: String,
    },

    /// A `bool` is neither 0 nor 1.
    #[error("byte {byte} is not a bool")]
    InvalidBool {
        /// What it is.
        byte: u8,
    },

    /// The first byte of an `Option` is neither 0 nor 1.
    #[error("{tag} is neither the tag of `None` nor that of `Some`")]
    InvalidOption {
        /// What it is.
        tag: u32,
    },

    /// A `char` is not a Unicode scalar value in UTF-8.
    #[error("a char is not valid UTF-8")]
    InvalidChar,

    /// A string is not UTF-8.
    #[error("a string is not valid UTF-8")]
    InvalidUtf8,

    /// An enum has no variant of this index.
    #[error("enum `{name}` has no such variant")]
    UnknownVariant {
        /// The enum.
        name: &'static str,
    },

    /// The type's own `Deserialize` refused the value.
    #[error("the value could not be deserialized: {0}")]
    Other(String),
}

impl From<format::EncodeError> for EncodeError {
    fn from(error: format::EncodeError) -> Self {
        match error {
            format::EncodeError::OtherString(message) => Self::Other(message),
            other => Self::Other(other.to_string()),
        }
    }
}

impl From<format::DecodeError> for DecodeError {
    fn from(error: format::DecodeError) -> Self {
        match error {
            // A length that no address space holds is one that these bytes do not hold.
            format::DecodeError::UnexpectedEnd { .. }
            | format::DecodeError::OutsideUsizeRange(_) => Self::UnexpectedEnd,
            format::DecodeError::InvalidBooleanValue(byte) => Self::InvalidBool { byte },
            format::DecodeError::UnexpectedVariant { found: tag, .. } => {
                Self::InvalidOption { tag }
            }
            format::DecodeError::InvalidCharEncoding(_) => Self::InvalidChar,
            format::DecodeError::Utf8 { .. } => Self::InvalidUtf8,
            format::DecodeError::OtherString(message) => Self::Other(cut(message)),
            other => Self::Other(other.to_string()),
        }
    }
}

/// What a type says of a value often repeats the value, which can be a whole message; and it travels in
/// the answer.
fn cut(mut message: String) -> String {
    message.truncate(message.floor_char_boundary(OTHER_BYTES_MAX));
    message.shrink_to_fit();
    message
}

/// Long enough for any message meant to be read.
const OTHER_BYTES_MAX: usize = 4096;
