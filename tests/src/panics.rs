//! A panic in a method, or in the author's own encoding and decoding: an error at its caller, and the
//! process lives.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use weaver::{CallError, CallErrorKind, Context, Ran, Ref, Result, component};

use crate::Stage;

/// A number that panics at one value when it is encoded, at another when it is decoded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Fragile(u64);

impl Fragile {
    const SOUND: Self = Self(7);
    const BREAKS_ENCODING: Self = Self(0xdead_beef_0000_0001);
    const BREAKS_DECODING: Self = Self(0xdead_beef_0000_0002);
}

impl Serialize for Fragile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        assert_ne!(*self, Self::BREAKS_ENCODING, "broken while encoding");
        serializer.serialize_u64(self.0)
    }
}

impl<'de> Deserialize<'de> for Fragile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fragile = Self(u64::deserialize(deserializer)?);
        assert_ne!(fragile, Self::BREAKS_DECODING, "broken while decoding");
        Ok(fragile)
    }
}

#[component]
pub(crate) trait Bomb {
    async fn explode(&self, message: String) -> Result<u8, CallError>;

    async fn explode_later(&self, message: String) -> Result<u8, CallError>;

    async fn explode_without_words(&self) -> Result<u8, CallError>;

    async fn take(&self, fragile: Fragile) -> Result<(), CallError>;

    async fn give(&self, value: u64) -> Result<Fragile, CallError>;

    /// Its process.
    async fn pid(&self) -> Result<u32, CallError>;
}

#[derive(Default)]
struct Powder;

#[component]
impl Bomb for Powder {
    async fn explode(&self, message: String) -> Result<u8, CallError> {
        panic!("{message}")
    }

    async fn explode_later(&self, message: String) -> Result<u8, CallError> {
        tokio::task::yield_now().await;
        panic!("{message}")
    }

    async fn explode_without_words(&self) -> Result<u8, CallError> {
        std::panic::panic_any(7_u8)
    }

    async fn take(&self, fragile: Fragile) -> Result<(), CallError> {
        // It broke on the way here, unless there was no way.
        drop((fragile,));
        Ok(())
    }

    async fn give(&self, value: u64) -> Result<Fragile, CallError> {
        Ok(Fragile(value))
    }

    async fn pid(&self) -> Result<u32, CallError> {
        Ok(std::process::id())
    }
}

fn assert_panicked<T>(method: &str, message: &str, outcome: Result<T, CallError>) {
    let error = outcome.err().expect("it panicked");
    assert_eq!((error.component(), error.method()), ("Bomb", method));
    let CallErrorKind::Panicked { message: said } = error.kind() else { panic!("{error}") };
    assert!(said.contains(message), "{said}");
}

async fn pid(bomb: &Ref<dyn Bomb>) -> Result<u32> {
    bomb.pid().await.context("the process does not live")
}

pub(crate) async fn are_errors_at_the_caller(stage: &Stage) -> Result<()> {
    let bomb = stage.app.get::<dyn Bomb>().await?;
    let before = pid(&bomb).await?;
    for message in ["boom", "", "Grüezi\nagain"] {
        let error = bomb.explode(message.to_owned()).await.expect_err("it panicked");
        assert_eq!(error.kind(), &CallErrorKind::Panicked { message: message.to_owned() });
        assert_eq!(error.ran(), Ran::Yes);
        assert_panicked("explode_later", message, bomb.explode_later(message.to_owned()).await);
    }
    assert_panicked("explode_without_words", "", bomb.explode_without_words().await);
    assert_eq!(pid(&bomb).await?, before, "the process lives");
    Ok(())
}

pub(crate) async fn while_an_argument_is_decoded(stage: &Stage) -> Result<()> {
    let bomb = stage.app.get::<dyn Bomb>().await?;
    let before = pid(&bomb).await?;
    let taken = bomb.take(Fragile::BREAKS_DECODING).await;
    if stage.encoded {
        assert_panicked("take", "broken while decoding", taken);
    } else {
        taken.context("nothing is decoded")?;
    }
    bomb.take(Fragile::SOUND).await.context("the next call is none the worse")?;
    assert_eq!(pid(&bomb).await?, before, "the process lives");
    Ok(())
}

pub(crate) async fn while_a_result_is_encoded(stage: &Stage) -> Result<()> {
    let bomb = stage.app.get::<dyn Bomb>().await?;
    let before = pid(&bomb).await?;
    let given = bomb.give(Fragile::BREAKS_ENCODING.0).await;
    if stage.encoded {
        assert_panicked("give", "broken while encoding", given);
    } else {
        assert_eq!(given.context("nothing is encoded")?, Fragile::BREAKS_ENCODING);
    }
    assert_eq!(bomb.give(7).await.context("the next call")?, Fragile::SOUND);
    assert_eq!(pid(&bomb).await?, before, "the process lives");
    Ok(())
}

/// Here the author's code panics in the caller's own task, which may end; nothing else may.
pub(crate) async fn while_a_result_is_decoded(stage: &Stage) -> Result<()> {
    let bomb = stage.app.get::<dyn Bomb>().await?;
    let before = pid(&bomb).await?;
    let caller = bomb.clone();
    let give = async move { caller.give(Fragile::BREAKS_DECODING.0).await };
    let given = tokio::spawn(give).await;
    if stage.encoded {
        assert!(!matches!(given, Ok(Ok(_))), "it cannot have been decoded: {given:?}");
    } else {
        assert_eq!(given.ok(), Some(Ok(Fragile::BREAKS_DECODING)));
    }
    assert_eq!(bomb.give(7).await.context("the next call")?, Fragile::SOUND);
    assert_eq!(pid(&bomb).await?, before, "the process lives");
    Ok(())
}
