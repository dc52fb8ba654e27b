//! What is echoed: the same fields for every system.

use serde::{Deserialize, Serialize};

/// As people write it. The attributes of prost cost the others nothing.
#[derive(Clone, PartialEq, Serialize, Deserialize, prost::Message)]
pub(crate) struct Plain {
    #[prost(uint64, tag = "1")]
    pub(crate) id: u64,
    #[prost(string, tag = "2")]
    pub(crate) name: String,
    #[prost(string, repeated, tag = "3")]
    pub(crate) tags: Vec<String>,
    #[prost(bytes = "vec", tag = "4")]
    pub(crate) blob: Vec<u8>,
}

/// The same by an author who knows that serde takes a `Vec<u8>` apart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Marked {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) tags: Vec<String>,
    #[serde(with = "serde_bytes")]
    pub(crate) blob: Vec<u8>,
}

/// What the load loop needs of a message.
pub(crate) trait Message: Clone + PartialEq + Send + Sync + 'static {
    /// `payload_bytes` counts the content of all fields.
    fn new(payload_bytes: usize) -> Self;

    fn set_id(&mut self, id: u64);
}

impl Message for Plain {
    fn new(payload_bytes: usize) -> Self {
        const OTHERS_BYTES: usize = 24;
        let blob = (0..payload_bytes.saturating_sub(OTHERS_BYTES)).map(|i| (i * 31) as u8);
        Self {
            id: 0,
            name: "item-001".to_owned(),
            tags: vec!["red1".to_owned(), "blue".to_owned()],
            blob: blob.collect(),
        }
    }

    fn set_id(&mut self, id: u64) {
        self.id = id;
    }
}

impl Message for Marked {
    fn new(payload_bytes: usize) -> Self {
        let Plain { id, name, tags, blob } = Plain::new(payload_bytes);
        Self { id, name, tags, blob }
    }

    fn set_id(&mut self, id: u64) {
        self.id = id;
    }
}
