//! [`eventually`]: waits for something that happens elsewhere, within a limit.

use std::{fmt, future::Future, time::Duration};

/// The pause between two looks: short beside what is waited for, long enough not to take the
/// processor from it.
const LOOK_AGAIN_MILLISECONDS: u64 = 10;

/// What was waited for did not happen in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatienceEnded {
    what: String,
    seconds_max: u64,
}

impl fmt::Display for PatienceEnded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not within {} s: {}", self.seconds_max, self.what)
    }
}

impl std::error::Error for PatienceEnded {}

/// Looks until `look` has found something.
///
/// # Errors
/// It has not found it for `seconds_max`, or one look took that long.
pub async fn eventually<T, Fut>(
    what: &str,
    seconds_max: u64,
    mut look: impl FnMut() -> Fut + Send,
) -> Result<T, PatienceEnded>
where
    Fut: Future<Output = Option<T>> + Send,
{
    let looking = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(LOOK_AGAIN_MILLISECONDS)).await;
        }
    };
    let found = tokio::time::timeout(Duration::from_secs(seconds_max), looking).await;
    found.map_err(|_| PatienceEnded { what: what.to_owned(), seconds_max })
}
