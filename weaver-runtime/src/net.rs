//! Calls between nodes: QUIC with mutual TLS, and frames multiplexed over it, or over a socket between nodes
//! of one host that it introduces (`local`; both are `halves`).
//!
//! `wire` decides (bytes to frames and back) and does no I/O; `reading` and `writing` move frames over halves.
//! `connection` is the caller's side of one connection, `serving` the callee's. `router` knows the groups, `group`
//! the replicas of one; `remote` brings a call to one of them, by an `attempt` or several. `balance` (which of them
//! takes a call) and `retry` (what happens when a call fails) decide, without I/O or a clock.

mod attempt;
mod balance;
mod connection;
mod endpoint;
mod first_poll;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod gate;
mod group;
mod halves;
mod handshake;
mod io;
mod lane;
#[cfg(target_os = "linux")]
mod local;
#[cfg(not(target_os = "linux"))]
#[path = "net/local_elsewhere.rs"]
mod local;
mod outbox;
mod overload;
mod reading;
mod remote;
mod retry;
mod router;
mod routes;
mod serving;
#[cfg(test)]
mod simulation;
#[cfg(unix)]
mod socket;
mod streaming;
mod tally;
mod tls;
mod writing;

pub(crate) use balance::Site;
pub(crate) use remote::Remote;

pub use connection::Connection;
pub use endpoint::{BindError, ConnectError, Endpoint};
pub use gate::ServingGauges;
pub use handshake::Hello;
pub use io::Io;
pub use router::Router;
pub use routes::{ReplicaAddress, ReplicaId, Routes};
pub use serving::{Callers, Service, Services, caller};
pub use tls::{Identity, IdentityError, TLS_NAME};

pub use crate::limits::{CALLS_IN_FLIGHT_MAX, HANDSHAKE_SECONDS_MAX};
