//! [`TraceContext`]: which trace a call belongs to, as W3C's Trace Context says it.

use std::{
    cell::RefCell,
    fmt,
    future::Future,
    hash::{BuildHasher, RandomState},
    num::{NonZeroU64, NonZeroU128},
    str::FromStr,
};

use fastrand::Rng;
use tracing::Instrument;

use super::{CALL_TARGET, CallContext, Scoped, TRACE};

/// Which trace a call belongs to, and which part of it made the call: a `traceparent` of
/// [W3C's Trace Context](https://www.w3.org/TR/trace-context/).
///
/// It travels with a call and with all that the call makes, in whichever process or sandbox. [`with_trace`]
/// says what it is, or `trace_requests` for an HTTP request; without one, a call begins a trace of its own where a
/// `tracing` subscriber wants spans of the target `weaver::call`. Its `Display` and `FromStr` are the header's value:
///
/// ```
/// use weaver_runtime::{TraceContext, with_trace};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
/// let trace = header.parse().unwrap_or_else(|_| TraceContext::new());
/// with_trace(trace, async {
///     // Here, and in every component that is called from here:
///     let trace_id = TraceContext::current().unwrap().trace_id();
///     assert_eq!(trace_id.to_string(), "0af7651916cd43dd8448eb211c80319c");
/// })
/// .await;
/// # }
/// ```
///
/// (`tracestate`, the header beside it, is not carried.)
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceContext {
    trace_id: TraceId,
    /// The part of the trace that makes calls here: they are its children.
    pub(super) span_id: SpanId,
    flags: u8,
}

/// The name of a trace: the same in every process that worked for it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TraceId(NonZeroU128);

/// The name of a part of one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct SpanId(NonZeroU64);

/// A trace as it travels: its id, the part's id, the flags; the ids in network order.
pub(crate) const TRACE_BYTES: usize = 16 + 8 + 1;

/// Whoever began the trace keeps what is recorded of it. The only flag of the standard's first version.
const SAMPLED: u8 = 1;

impl TraceContext {
    /// Begins a trace.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "each is another one")]
    pub fn new() -> Self {
        Self { trace_id: TraceId(random()), span_id: SpanId::new(), flags: SAMPLED }
    }

    /// The trace of the call that we are in, or of the [`with_trace`].
    #[must_use]
    pub fn current() -> Option<Self> {
        TRACE.get().map(|trace| trace.context)
    }

    /// The trace's name: by it, what was logged in several processes is found.
    #[must_use]
    pub fn trace_id(&self) -> TraceId {
        self.trace_id
    }

    /// The same trace below another part of it.
    pub(super) fn below(self, span_id: SpanId) -> Self {
        Self { span_id, ..self }
    }

    pub(crate) fn to_bytes(self) -> [u8; TRACE_BYTES] {
        let mut bytes = [self.flags; TRACE_BYTES];
        bytes[..16].copy_from_slice(&self.trace_id.0.get().to_be_bytes());
        bytes[16..24].copy_from_slice(&self.span_id.0.get().to_be_bytes());
        bytes
    }

    /// What a peer sent; `None` for ids that are zero, which the standard has as invalid.
    pub(crate) fn from_bytes(bytes: &[u8; TRACE_BYTES]) -> Option<Self> {
        let (trace_id, rest) = bytes.split_first_chunk()?;
        let (span_id, rest) = rest.split_first_chunk()?;
        Some(Self {
            trace_id: TraceId(NonZeroU128::new(u128::from_be_bytes(*trace_id))?),
            span_id: SpanId(NonZeroU64::new(u64::from_be_bytes(*span_id))?),
            flags: rest.first()? & SAMPLED,
        })
    }
}

impl SpanId {
    pub(super) fn new() -> Self {
        Self(random())
    }
}

/// What an id is made of; not zero.
trait Id: Sized {
    fn draw(rng: &mut Rng) -> Option<Self>;
}

impl Id for NonZeroU64 {
    fn draw(rng: &mut Rng) -> Option<Self> {
        Self::new(rng.u64(..))
    }
}

impl Id for NonZeroU128 {
    fn draw(rng: &mut Rng) -> Option<Self> {
        Self::new(rng.u128(..))
    }
}

/// An id that no other process draws: the generator begins with what the system says is random.
fn random<I: Id>() -> I {
    thread_local! {
        static RNG: RefCell<Rng> = RefCell::new(Rng::with_seed(RandomState::new().hash_one(())));
    }
    RNG.with_borrow_mut(|rng| {
        loop {
            if let Some(id) = I::draw(rng) {
                return id;
            }
        }
    })
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { trace_id, span_id, flags } = self;
        write!(f, "00-{trace_id}-{span_id}-{flags:02x}")
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TraceContext({self})")
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TraceId({self})")
    }
}

/// A text that is no `traceparent`. By the standard, whoever receives one goes on as without any.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a traceparent: {reason} (one looks like \
     00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01)"
)]
pub struct TraceParentError {
    reason: &'static str,
}

impl FromStr for TraceContext {
    type Err = TraceParentError;

    fn from_str(text: &str) -> Result<Self, TraceParentError> {
        let wrong = |reason| TraceParentError { reason };
        let mut parts = text.splitn(5, '-');
        let mut part = || parts.next().ok_or_else(|| wrong("it has four parts, between hyphens"));
        let (version, trace_id, span_id, flags) = (part()?, part()?, part()?, part()?);
        let version = hexadecimal(version, 2).ok_or_else(|| wrong("its version is no number"))?;
        // What comes after version 0 may have more parts, and begins with these four.
        if version == 0xff || (version == 0 && parts.next().is_some()) {
            return Err(wrong("there is no such version"));
        }
        let trace_id = hexadecimal(trace_id, 32).and_then(NonZeroU128::new);
        let span_id =
            hexadecimal(span_id, 16).and_then(|id| NonZeroU64::new(u64::try_from(id).ok()?));
        let flags = hexadecimal(flags, 2).ok_or_else(|| wrong("its flags are no number"))?;
        Ok(Self {
            trace_id: TraceId(trace_id.ok_or_else(|| wrong("its trace id is none"))?),
            span_id: SpanId(span_id.ok_or_else(|| wrong("its parent id is none"))?),
            flags: u8::try_from(flags & u128::from(SAMPLED)).unwrap_or(0),
        })
    }
}

/// A number of so many lower-case digits, as the standard wants them.
fn hexadecimal(text: &str, digits: usize) -> Option<u128> {
    let is_number =
        text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    is_number.then(|| u128::from_str_radix(text, 16).ok()).flatten()
}

/// The trace that we are in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trace {
    pub(super) context: TraceContext,
    /// Whether a span of this process says its id.
    pub(super) has_span: bool,
}

impl Trace {
    /// One that another process told of, or the author.
    pub(super) fn from_elsewhere(context: TraceContext) -> Self {
        Self { context, has_span: false }
    }
}

/// Runs `future` as a part of `trace`: so are all calls that it makes, in whichever process or sandbox, and
/// what these log. A trace that we were in before is hidden meanwhile.
///
/// Where a `tracing` subscriber wants it, `future` runs in a span `trace` with the fields `trace_id` and `parent_id`,
/// which is the part of the trace that `trace` names.
///
/// Dropping it drops `future`, whose destructors are then outside of the trace: it is only set while `future` is
/// polled.
pub async fn with_trace<F: Future>(trace: TraceContext, future: F) -> F::Output {
    let (trace_id, parent_id) = (trace.trace_id(), trace.span_id);
    let span = tracing::info_span!(target: CALL_TARGET, "trace", %trace_id, %parent_id);
    let trace = Trace { context: trace, has_span: !span.is_disabled() };
    Scoped::new(CallContext::current().with_trace(trace), future).instrument(span).await
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_header_is_read_and_written() {
        let trace: TraceContext = HEADER.parse().unwrap();
        assert_eq!(trace.to_string(), HEADER);
        assert_eq!(trace.trace_id().to_string(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(TraceContext::from_bytes(&trace.to_bytes()), Some(trace));
        let new = TraceContext::new();
        assert_eq!(new.to_string().parse(), Ok(new));
        assert_ne!(new.trace_id(), TraceContext::new().trace_id());
    }

    #[test]
    fn what_follows_the_first_version_is_understood_as_far_as_it_goes() {
        let later = format!("cc{}-what-the-future-will-be-like", &HEADER[2..]);
        assert_eq!(later.parse::<TraceContext>(), HEADER.parse());
        let unknown_flags = HEADER.replace("-01", "-ff").parse::<TraceContext>().unwrap();
        assert_eq!(unknown_flags.to_string(), HEADER);
    }

    #[test]
    fn what_is_no_header_is_refused_with_the_reason() {
        for (text, reason) in [
            ("", "four parts"),
            ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331", "four parts"),
            ("ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "no such version"),
            ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x", "no such version"),
            ("0-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "its version"),
            ("00-00000000000000000000000000000000-b7ad6b7169203331-01", "its trace id"),
            ("00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", "its trace id"),
            ("00-+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "its trace id"),
            ("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", "its parent id"),
            ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1", "its flags"),
        ] {
            let error = text.parse::<TraceContext>().unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[tokio::test]
    async fn it_ends_with_its_future() {
        let (outer, inner) = (TraceContext::new(), TraceContext::new());
        let seen = with_trace(outer, async {
            (with_trace(inner, async { TraceContext::current() }).await, TraceContext::current())
        });
        assert_eq!(seen.await, (Some(inner), Some(outer)));
        assert_eq!(TraceContext::current(), None);
    }
}
