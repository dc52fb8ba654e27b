//! Metadata: it travels with a tree of calls, and with no other.

use serde::{Deserialize, Serialize};
use weaver::{CallErrorKind, Metadata, Ref, Refusal, Result, component, metadata, with_metadata};

use crate::Stage;

/// Calls with metadata of their own at once.
const CALLS: u64 = 50;

/// How often the calls yield before they look.
const TURNS: u32 = 5;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct User(u64);

impl Metadata for User {
    const NAME: &'static str = "user";
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Tariff {
    Day,
    Night { discount: f32 },
}

impl Metadata for Tariff {
    const NAME: &'static str = "tariff";
}

type Seen = (Option<User>, Option<Tariff>);

#[component]
trait Meter {
    /// The metadata of the call.
    async fn read(&self) -> Result<Seen>;
}

#[derive(Default)]
struct Dial;

#[component]
impl Meter for Dial {
    async fn read(&self) -> Result<Seen> {
        for _ in 0..TURNS {
            tokio::task::yield_now().await;
        }
        Ok((metadata(), metadata()))
    }
}

/// Reads a meter for others.
#[component]
trait Reader {
    /// What the reader sees, what the meter sees, and what it sees at another tariff.
    async fn read_below(&self) -> Result<[Seen; 3]>;
}

#[derive(weaver::Component)]
struct Walker {
    meter: Ref<dyn Meter>,
}

#[component]
impl Reader for Walker {
    async fn read_below(&self) -> Result<[Seen; 3]> {
        let own = (metadata(), metadata());
        let plain = self.meter.read().await?;
        let night = with_metadata(Tariff::Day, self.meter.read()).await?;
        assert_eq!((metadata(), metadata()), own, "it ended with its future");
        Ok([own, plain, night])
    }
}

pub(crate) async fn travels_with_all_that_a_call_makes(stage: &Stage) -> Result<()> {
    let reader = stage.app.get::<dyn Reader>().await?;
    assert_eq!(reader.read_below().await?, [(None, None), (None, None), (None, Some(Tariff::Day))]);
    let night = Tariff::Night { discount: 0.25 };
    let both = with_metadata(User(7), with_metadata(night.clone(), reader.read_below())).await?;
    let seen = (Some(User(7)), Some(night));
    assert_eq!(both, [seen.clone(), seen, (Some(User(7)), Some(Tariff::Day))]);
    assert_eq!(reader.read_below().await?[0], (None, None), "the next call has none of it");
    Ok(())
}

pub(crate) async fn never_leaks_into_another_call(stage: &Stage) -> Result<()> {
    let reader = stage.app.get::<dyn Reader>().await?;
    let mut calls = tokio::task::JoinSet::new();
    for user in 0..CALLS {
        let reader = reader.clone();
        calls.spawn(async move {
            // Every third has none.
            if user % 3 == 0 {
                return (None, reader.read_below().await);
            }
            (Some(User(user)), with_metadata(User(user), reader.read_below()).await)
        });
    }
    while let Some(call) = calls.join_next().await {
        let (user, seen) = call.expect("it does not panic");
        for (found, _) in seen? {
            assert_eq!(found, user);
        }
    }
    Ok(())
}

#[derive(Serialize, Deserialize)]
struct Baggage(Vec<u8>);

impl Metadata for Baggage {
    const NAME: &'static str = "baggage";
}

pub(crate) async fn is_bounded(stage: &Stage) -> Result<()> {
    let meter = stage.app.get::<dyn Meter>().await?;
    // Up to the limit it travels.
    with_metadata(Baggage(vec![1; 8000]), meter.read()).await?;
    let error = with_metadata(Baggage(vec![1; 9000]), meter.read()).await.unwrap_err();
    let call = error.call_error().expect("it is the call that failed");
    let CallErrorKind::Refused(Refusal::MetadataTooLarge { bytes, bytes_max }) = *call.kind()
    else {
        panic!("{error}");
    };
    assert!(bytes > 9000 && bytes_max == 8192, "{error}");
    let text = error.to_string();
    assert!(text.contains(&bytes.to_string()) && text.contains("8192"), "{text}");
    meter.read().await.map(drop)
}
