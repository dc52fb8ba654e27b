//! [`Error`]: a ready-made error that keeps its chain of causes as text across every boundary.

use std::{error::Error as StdError, fmt};

use serde::{Deserialize, Serialize};

use super::{CallError, CallErrorKind};

/// An error for methods and `main` that need no type of their own.
///
/// `?` makes it from a [`CallError`] or an [`std::io::Error`]; [`Context::context`] makes it from
/// any error and says what was being done. The whole chain of causes travels with it as text, and a
/// [`CallError`] in the chain stays one: see [`call_error`](Self::call_error).
///
/// ```
/// use weaver_runtime::{Context, Result};
///
/// fn port(text: &str) -> Result<u16> {
///     text.parse().context("cannot read the port")
/// }
///
/// let error = port("x").unwrap_err();
/// assert_eq!(error.to_string(), "cannot read the port");
/// assert_eq!(format!("{error:#}"), "cannot read the port: invalid digit found in string");
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Link>", into = "Vec<Link>")]
pub struct Error(Box<Node>);

#[derive(Clone, PartialEq, Eq)]
struct Node {
    link: Link,
    cause: Option<Error>,
}

/// One error of the chain. On the wire a chain is a flat list, outermost first, so that its length
/// does not count against the depth limit of decoding.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Link {
    Text(String),
    Call(CallError),
}

/// The innermost causes beyond this many are dropped when a chain arrives from elsewhere: a chain is
/// dropped recursively, so that a peer's endless one would overflow the stack. No chain that a
/// person reads is this long.
const CHAIN_LINKS_MAX: usize = 128;

impl Error {
    /// An error with a message and no cause.
    #[must_use]
    pub fn msg(message: impl fmt::Display) -> Self {
        Self::new(Link::Text(message.to_string()), None)
    }

    /// `error` and all its causes.
    #[must_use]
    pub fn from_std(error: &(dyn StdError + 'static)) -> Self {
        if let Some(ours) = error.downcast_ref::<Self>() {
            return ours.clone();
        }
        let link = match error.downcast_ref::<CallError>() {
            Some(call) => Link::Call(call.clone()),
            None => Link::Text(error.to_string()),
        };
        Self::new(link, error.source().map(Self::from_std))
    }

    /// The same error, with what was being done in front of it.
    #[must_use]
    pub fn context(self, doing: impl fmt::Display) -> Self {
        Self::new(Link::Text(doing.to_string()), Some(self))
    }

    /// The outermost [`CallError`] of the chain.
    #[must_use]
    pub fn call_error(&self) -> Option<&CallError> {
        self.chain().find_map(|link| match link {
            Link::Call(call) => Some(call),
            Link::Text(_) => None,
        })
    }

    fn new(link: Link, cause: Option<Self>) -> Self {
        Self(Box::new(Node { link, cause }))
    }

    fn chain(&self) -> impl Iterator<Item = &Link> {
        std::iter::successors(Some(self), |error| error.0.cause.as_ref()).map(|e| &e.0.link)
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Call(call) => call.fmt(f),
        }
    }
}

/// The outermost message; with `{:#}` the whole chain on one line.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut links = self.chain();
        links.next().map_or(Ok(()), |link| link.fmt(f))?;
        if f.alternate() {
            links.try_for_each(|link| write!(f, ": {link}"))?;
        }
        Ok(())
    }
}

/// The whole chain, a line for each cause: what `main` prints when it returns an error.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        self.chain().skip(1).try_for_each(|link| write!(f, "\n  caused by: {link}"))
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.cause.as_ref().map(|cause| cause as _)
    }
}

impl From<CallError> for Error {
    fn from(error: CallError) -> Self {
        Self::new(Link::Call(error), None)
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::from_std(&error)
    }
}

impl From<Error> for Vec<Link> {
    fn from(error: Error) -> Self {
        error.chain().cloned().collect()
    }
}

impl From<Vec<Link>> for Error {
    /// A peer may send an empty list; that is an error without a message, not a panic.
    fn from(mut links: Vec<Link>) -> Self {
        links.truncate(CHAIN_LINKS_MAX);
        links
            .into_iter()
            .rev()
            .fold(None, |cause, link| Some(Self::new(link, cause)))
            .unwrap_or_else(|| Self::msg("an error without a message"))
    }
}

/// Says what was being done when something failed.
pub trait Context<T> {
    /// Turns the error into an [`Error`] that begins with `doing` and keeps its causes.
    ///
    /// # Errors
    /// The error of `self`, if it has one.
    fn context(self, doing: impl fmt::Display) -> Result<T, Error>;
}

impl<T, E: StdError + 'static> Context<T> for Result<T, E> {
    fn context(self, doing: impl fmt::Display) -> Result<T, Error> {
        self.map_err(|error| Error::from_std(&error).context(doing))
    }
}

impl<T> Context<T> for Option<T> {
    fn context(self, doing: impl fmt::Display) -> Result<T, Error> {
        self.ok_or_else(|| Error::msg(doing))
    }
}

impl From<&Error> for CallErrorKind {
    /// What callers of a component see whose construction or `init` failed with this error.
    fn from(error: &Error) -> Self {
        Self::InitFailed { reason: format!("{error:#}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec;

    fn chain() -> Error {
        let call = CallError::new("Cart", "add", CallErrorKind::Draining);
        Err::<(), _>(call).context("cannot fill the cart").unwrap_err().context("cannot check out")
    }

    #[test]
    fn keeps_every_cause_in_order() {
        let error = chain();
        assert_eq!(error.to_string(), "cannot check out");
        assert_eq!(
            format!("{error:?}"),
            "cannot check out\n  caused by: cannot fill the cart\n  caused by: call to Cart.add \
             failed: the replica is draining"
        );
        assert_eq!(error.call_error().map(CallError::method), Some("add"));
        assert_eq!(StdError::source(&error).unwrap().to_string(), "cannot fill the cart");
    }

    #[test]
    fn travels_whole() {
        let mut bytes = Vec::new();
        codec::encode(&chain(), &mut bytes).unwrap();
        assert_eq!(codec::decode::<Error>(&bytes).unwrap(), chain());
    }

    #[test]
    fn an_endless_chain_from_a_peer_is_cut() {
        let mut bytes = Vec::new();
        codec::encode(&vec![Link::Text(String::new()); 1_000_000], &mut bytes).unwrap();
        assert_eq!(codec::decode::<Error>(&bytes).unwrap().chain().count(), CHAIN_LINKS_MAX);
    }

    #[test]
    fn an_empty_chain_from_a_peer_is_an_error_and_no_panic() {
        let error = codec::decode::<Error>(&0_u64.to_le_bytes()).unwrap();
        assert_eq!(error.to_string(), "an error without a message");
    }
}
