//! How a sample was refused.

use std::fmt;

use serde::{de, ser};

/// The error of the tracer's own serializers and deserializers. It never leaves `Shape::of`.
#[derive(Debug)]
pub(super) struct Error {
    message: String,
    wrong_form: bool,
}

impl Error {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), wrong_form: false }
    }

    /// Whether the kind of value was refused (a sequence, say), not this particular value.
    pub(super) fn is_wrong_form(&self) -> bool {
        self.wrong_form
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }

    fn invalid_type(unexpected: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        let message = format!("invalid type: {unexpected}, expected {expected}");
        Self { message, wrong_form: true }
    }
}

impl ser::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }
}
