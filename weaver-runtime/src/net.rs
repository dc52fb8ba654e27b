//! Calls between nodes: QUIC with mutual TLS, and frames multiplexed over it.
//!
//! `wire` decides (bytes to frames and back) and does no I/O; `connection` is the caller's side of
//! one connection, `serving` the callee's, `router` knows the replicas. `balance` (which of them takes
//! a call) and `retry` (what happens when a call fails) decide, without I/O or a clock.

#[cfg_attr(not(test), expect(dead_code, reason = "the router does not use it yet"))]
mod balance;
mod connection;
mod endpoint;
mod gate;
mod handshake;
mod io;
mod outbox;
mod overload;
#[cfg_attr(not(test), expect(dead_code, reason = "the router does not use it yet"))]
mod retry;
mod router;
mod serving;
#[cfg(test)]
mod simulation;
mod streaming;
mod tally;
mod tls;
mod wire;

pub(crate) use connection::CallingGauges;
pub(crate) use router::Remote;

pub use connection::Connection;
pub use endpoint::{BindError, ConnectError, Endpoint};
pub use gate::ServingGauges;
pub use handshake::Hello;
pub use io::Io;
pub use router::{ReplicaAddress, ReplicaId, Router, Routes};
pub use serving::{Callers, Service, Services, caller};
pub use tls::{Identity, IdentityError, TLS_NAME};

pub use crate::limits::{CALLS_IN_FLIGHT_MAX, HANDSHAKE_SECONDS_MAX};
