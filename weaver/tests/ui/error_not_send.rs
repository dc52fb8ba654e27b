use std::rc::Rc;

use weaver::{CallError, component};

#[derive(serde::Serialize, serde::Deserialize)]
pub enum CartError {
    Full(#[serde(skip)] Rc<u64>),
    Call(CallError),
}

impl From<CallError> for CartError {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

#[component]
pub trait Cart {
    async fn add(&self, item: u64) -> Result<(), CartError>;
}

fn main() {}
