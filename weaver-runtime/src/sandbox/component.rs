//! [`GuestComponent`]: a component in a guest, as others call it.

use std::sync::Arc;

use super::group::GuestGroup;
use crate::{
    component::{BoxFuture, Dispatch},
    error::Failure,
    message::Message,
};

/// A component in a guest.
#[derive(Debug)]
pub(super) struct GuestComponent {
    pub(super) group: Arc<GuestGroup>,
    /// Its index on the wire.
    pub(super) index: u16,
}

impl Dispatch for GuestComponent {
    fn dispatch(&self, method: u16, arguments: Message) -> BoxFuture<'_, Result<Message, Failure>> {
        Box::pin(self.group.call(self.index, method, arguments))
    }
}
