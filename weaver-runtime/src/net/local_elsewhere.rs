//! Where there are no abstract Unix sockets, all calls between nodes go by QUIC. What `local` has is here as
//! types that nothing is of.

use std::{convert::Infallible, future::Future, io, sync::Arc};

use bytes::Bytes;
use tokio::runtime::Handle;

use super::io::Io;
use crate::wire::FrameDecoder;

#[derive(Debug)]
pub(super) struct LocalSocket(Infallible);

#[derive(Debug)]
pub(super) struct Door(Infallible);

#[derive(Debug)]
pub(super) struct Arrivals(Infallible);

#[derive(Debug)]
pub(super) struct Neighbour(Infallible);

pub(super) struct Large {
    pub(super) socket: Arc<LocalSocket>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    Shared,
    Request,
    Answer,
}

impl LocalSocket {
    pub(super) fn try_write(&self, _: &[u8]) -> io::Result<usize> {
        match self.0 {}
    }

    pub(super) fn written(&self) -> u64 {
        match self.0 {}
    }

    pub(super) async fn write_all(&self, _: &mut [Bytes]) -> io::Result<()> {
        match self.0 {}
    }

    pub(super) async fn read_into(&self, _: &mut FrameDecoder) -> io::Result<bool> {
        match self.0 {}
    }

    pub(super) fn finish(&self) {
        match self.0 {}
    }
}

impl Door {
    /// There is none.
    pub(super) fn open(_: &Io) -> io::Result<Option<Self>> {
        Ok(None)
    }

    pub(super) fn name(&self) -> &str {
        match self.0 {}
    }

    pub(super) fn expect(
        &self,
        _: &quinn::Connection,
        _: Purpose,
        _: &Handle,
    ) -> io::Result<Arrivals> {
        match self.0 {}
    }
}

impl Arrivals {
    pub(super) async fn next(&mut self) -> Option<LocalSocket> {
        match self.0 {}
    }

    pub(super) async fn each<F: Future<Output = ()> + Send + 'static>(
        self,
        _: quinn::Connection,
        _: impl Fn(Arc<LocalSocket>) -> F,
    ) {
        match self.0 {}
    }
}

impl Neighbour {
    /// Nobody has a door.
    pub(super) fn new(_: String, _: Purpose, _: Handle) -> Option<Arc<Self>> {
        None
    }

    pub(super) async fn dial(&self, _: &quinn::Connection) -> io::Result<Large> {
        match self.0 {}
    }
}

pub(super) async fn dial(
    _: &str,
    _: &quinn::Connection,
    _: Purpose,
    _: &Handle,
) -> io::Result<LocalSocket> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(super) async fn end_with(socket: Arc<LocalSocket>, _: quinn::Connection) {
    match socket.0 {}
}
