//! The component that panics. Its panics are expected, and not printed: see `hush`.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use weaver::{CallError, component};

/// A number that panics at one value when it is encoded, at another when it is decoded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Fragile(pub(super) u64);

impl Fragile {
    pub(super) const SOUND: Self = Self(7);
    pub(super) const BREAKS_ENCODING: Self = Self(0xdead_beef_0000_0001);
    pub(super) const BREAKS_DECODING: Self = Self(0xdead_beef_0000_0002);
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

    async fn take(&self, fragile: Fragile) -> Result<u64, CallError>;

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

    async fn take(&self, fragile: Fragile) -> Result<u64, CallError> {
        Ok(fragile.0)
    }

    async fn give(&self, value: u64) -> Result<Fragile, CallError> {
        Ok(Fragile(value))
    }

    async fn pid(&self) -> Result<u32, CallError> {
        Ok(weaver::process_id())
    }
}
