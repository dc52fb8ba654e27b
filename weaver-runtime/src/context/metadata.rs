//! Metadata: small values that travel with a tree of calls.

use std::{collections::BTreeMap, future::Future};

use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};

use super::{BAGGAGE, CallContext, Scoped};
use crate::{
    codec,
    error::{CallError, CallErrorKind, Failure, Ran, Refusal},
    limits::METADATA_BYTES_MAX,
    report,
};

/// A value that travels with a call and all that it calls: the user on whose behalf, a tenant, a
/// locale. The type is the key.
///
/// ```
/// # use weaver_runtime::{Metadata, Result, metadata, with_metadata};
/// # use serde::{Deserialize, Serialize};
/// #[derive(Serialize, Deserialize)]
/// struct Tenant(u64);
///
/// impl Metadata for Tenant {
///     const NAME: &'static str = "tenant";
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<()> {
/// with_metadata(Tenant(7), async {
///     // Here, and in every component that is called from here, wherever it runs:
///     assert_eq!(metadata::<Tenant>().map(|tenant| tenant.0), Some(7));
///     Ok::<_, weaver_runtime::Error>(())
/// })
/// .await?;
/// assert!(metadata::<Tenant>().is_none());
/// # Ok(())
/// # }
/// ```
pub trait Metadata: Serialize + DeserializeOwned {
    /// The name by which it travels: another one for each type of the program.
    const NAME: &'static str;
}

/// Runs `future` with `value` in the metadata of every call that it makes, and of all that these
/// make. A value of the same type that was there before is hidden meanwhile.
///
/// # Errors
/// Those of `future`; `Refused` when the metadata of a call would exceed its limit of
/// [`METADATA_BYTES_MAX`] bytes, or `Malformed` when the value cannot be encoded: then `future` has not
/// begun.
///
/// Dropping it drops `future`.
pub async fn with_metadata<M, F, T, E>(value: M, future: F) -> Result<T, E>
where
    M: Metadata,
    F: Future<Output = Result<T, E>>,
    E: From<CallError>,
{
    let context = CallContext::current();
    let before = context.baggage.as_ref().map(|baggage| baggage.metadata.clone());
    match before.unwrap_or_default().with(&value) {
        Ok(metadata) => Scoped::new(context.with_metadata(metadata), future).await,
        Err(failure) => Err(CallError::new("weaver", "with_metadata", failure).into()),
    }
}

/// The value of type `M` in the metadata of the call that we are in.
#[must_use]
pub fn metadata<M: Metadata>() -> Option<M> {
    let bytes =
        BAGGAGE.with_borrow(|baggage| baggage.as_ref()?.metadata.entries.get(M::NAME).cloned())?;
    codec::decode(&bytes)
        .inspect_err(|error| {
            let (name, ty) = (M::NAME, std::any::type_name::<M>());
            report::warn(&format!("metadata `{name}` is of another type than {ty}: {error}"));
        })
        .ok()
}

/// The metadata of a call, encoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct MetadataMap {
    entries: BTreeMap<String, Bytes>,
    /// All of it, as it travels; empty when there is none.
    encoded: Bytes,
}

/// How it travels.
type Entries = Vec<(String, Vec<u8>)>;

impl MetadataMap {
    fn with<M: Metadata>(self, value: &M) -> Result<Self, Failure> {
        let mut bytes = Vec::new();
        codec::encode(value, &mut bytes).map_err(|error| malformed(&error))?;
        let mut entries = self.entries;
        entries.insert(M::NAME.to_owned(), bytes.into());
        let pairs: Entries = entries.iter().map(|(name, it)| (name.clone(), it.to_vec())).collect();
        let mut encoded = Vec::new();
        codec::encode(&pairs, &mut encoded).map_err(|error| malformed(&error))?;
        check_size(encoded.len())?;
        Ok(Self { entries, encoded: encoded.into() })
    }

    pub(crate) fn encoded(&self) -> Bytes {
        self.encoded.clone()
    }

    /// What another node sent.
    pub(crate) fn decode(encoded: &[u8]) -> Result<Self, Failure> {
        if encoded.is_empty() {
            return Ok(Self::default());
        }
        check_size(encoded.len())?;
        let entries: Entries = codec::decode(encoded).map_err(|error| malformed(&error))?;
        // What lives as long as the call must not keep the buffer of its whole frame.
        let encoded = Bytes::copy_from_slice(encoded);
        let entries = entries.into_iter().map(|(name, bytes)| (name, bytes.into())).collect();
        Ok(Self { entries, encoded })
    }
}

fn check_size(bytes: usize) -> Result<(), Failure> {
    if bytes > METADATA_BYTES_MAX {
        let refusal = Refusal::MetadataTooLarge { bytes, bytes_max: METADATA_BYTES_MAX };
        return Err(CallErrorKind::Refused(refusal).into());
    }
    Ok(())
}

fn malformed(error: &dyn std::error::Error) -> Failure {
    let reason = format!("the call's metadata: {error}");
    Failure::new(CallErrorKind::Malformed { reason }, Ran::No)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::Error;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct User(String);

    impl Metadata for User {
        const NAME: &'static str = "user";
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Locale(u8);

    impl Metadata for Locale {
        const NAME: &'static str = "locale";
    }

    async fn seen() -> Result<(Option<User>, Option<Locale>), Error> {
        Ok((metadata(), metadata()))
    }

    #[tokio::test]
    async fn values_nest_and_end_with_their_future() {
        let user = |name: &str| User(name.to_owned());
        let inner = with_metadata(user("b"), with_metadata(Locale(1), seen()));
        let both = async { Ok::<_, Error>((inner.await?, seen().await?)) };
        let (inner, outer) = with_metadata(user("a"), both).await.unwrap();
        assert_eq!(inner, (Some(user("b")), Some(Locale(1))));
        assert_eq!(outer, (Some(user("a")), None));
        assert_eq!(seen().await.unwrap(), (None, None));
    }

    #[tokio::test]
    async fn too_much_is_refused_with_both_numbers() {
        let error = with_metadata(User("x".repeat(METADATA_BYTES_MAX)), seen()).await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains(&format!("the limit is {METADATA_BYTES_MAX} bytes")), "{text}");
        assert_eq!(error.call_error().unwrap().ran(), Ran::No);
    }

    #[test]
    fn what_arrives_is_what_was_sent() {
        let sent =
            MetadataMap::default().with(&Locale(3)).unwrap().with(&User("a".into())).unwrap();
        assert_eq!(MetadataMap::decode(&sent.encoded()).unwrap(), sent);
        assert!(MetadataMap::decode(b"garbage").is_err());
        assert!(MetadataMap::decode(&[0; METADATA_BYTES_MAX + 1]).is_err());
    }
}
