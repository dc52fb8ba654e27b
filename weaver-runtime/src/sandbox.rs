//! Guests: a group's components as WebAssembly. What a guest and its host agree on is here; the host's half
//! is in the modules below, except for WebAssembly itself, which is an [`Instance`]'s business.

#[cfg(not(target_family = "wasm"))]
mod building;
#[cfg(not(target_family = "wasm"))]
mod component;
#[cfg(not(target_family = "wasm"))]
mod group;
#[cfg(not(target_family = "wasm"))]
mod guests;
#[cfg(not(target_family = "wasm"))]
mod in_process;
#[cfg(not(target_family = "wasm"))]
mod linked;
#[cfg(not(target_family = "wasm"))]
mod listeners;
#[cfg(not(target_family = "wasm"))]
mod outward;
#[cfg(not(target_family = "wasm"))]
mod record;
#[cfg(not(target_family = "wasm"))]
mod replica;
#[cfg(not(target_family = "wasm"))]
mod whole;

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    config::{ConfigError, ConfigFile},
    error::Result,
    placement::Placement,
};
#[cfg(not(target_family = "wasm"))]
use crate::{fingerprint::Fingerprint, graph::Graph};

#[cfg(not(target_family = "wasm"))]
pub use self::{
    building::{chosen_c_compiler, guest_build_variables},
    group::{Callbacks, Ended, Exchange, Exchanged, Instance, Instances, Listen, Turn},
    in_process::InSandbox,
    linked::{LinkedHost, Load, Loaded},
    replica::{SandboxBootstrap, run_sandboxed_replica},
    whole::run_sandboxed_program,
};
#[cfg(not(target_family = "wasm"))]
pub(crate) use self::{in_process::start, linked::configured};

/// What a guest may have and do: nothing that is not here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grants {
    /// Bytes of memory of one instance.
    pub memory_bytes: u64,
    /// Time of a processor for one call, where it is limited. Exact if one call runs at once.
    pub cpu: Option<Duration>,
    /// Calls that one instance works on at once.
    pub concurrency: usize,
    /// Variables of its environment, by name.
    pub env: Vec<String>,
    /// Folders, at the same path inside.
    pub dirs: BTreeMap<PathBuf, DirGrant>,
    /// Hosts, by name or address, and their ports, to which it may connect.
    pub connect: Vec<(String, u16)>,
}

/// What a guest may do in a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DirGrant {
    /// Read.
    Read,
    /// Read and write.
    Write,
}

/// Memory of one instance (256 MiB), unless it is granted more or less.
const MEMORY_BYTES: u64 = 256 << 20;

/// Calls that one instance works on at once, unless the processor's time for one is limited.
const CONCURRENCY: usize = 64;

impl Default for Grants {
    fn default() -> Self {
        Self {
            memory_bytes: MEMORY_BYTES,
            cpu: None,
            concurrency: CONCURRENCY,
            env: Vec::new(),
            dirs: BTreeMap::new(),
            connect: Vec::new(),
        }
    }
}

/// What a guest needs to know to take its place.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GuestBootstrap {
    /// The group that it is a replica of.
    pub group: String,
    /// Where every component is.
    pub placement: Placement,
    /// The process of its host.
    pub process_id: u32,
    /// The components of the program that it must be, in the order of their indices.
    pub components: Vec<String>,
    /// The configuration file, as the deployer read it.
    pub config: Option<(PathBuf, String)>,
}

impl GuestBootstrap {
    /// What a guest of this process is told.
    #[cfg(not(target_family = "wasm"))]
    pub(crate) fn new(
        group: &str,
        graph: &Graph,
        placement: &Placement,
        config: &ConfigFile,
    ) -> Self {
        Self {
            group: group.to_owned(),
            placement: placement.clone(),
            process_id: std::process::id(),
            components: graph.components.keys().cloned().collect(),
            config: config.path().map(|path| (path.to_owned(), config.text().to_owned())),
        }
    }

    /// The configuration, parsed.
    ///
    /// # Errors
    /// It does not parse: the deployer has refused it before.
    #[cfg_attr(
        not(target_family = "wasm"),
        expect(dead_code, reason = "it is the guest's to read")
    )]
    pub(crate) fn config(&self) -> Result<ConfigFile, ConfigError> {
        ConfigFile::parse_handed(self.config.as_ref())
    }
}

/// What guests are built for.
pub const GUEST_TARGET: &str = "wasm32-wasip2";

/// The two builds of a program differ.
#[cfg(not(target_family = "wasm"))]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the WebAssembly build of the program is not the same as the native one:\n{0}\nis it of an earlier \
     day, or something left out for one of the targets, or an integer `usize` in a type with another shape there?"
)]
pub struct Differs(String);

/// Whether a program's two builds fit together.
///
/// # Errors
/// The methods that differ.
#[cfg(not(target_family = "wasm"))]
pub fn same(native: &Graph, guest: &Graph) -> Result<(), Differs> {
    match native.fingerprint() == guest.fingerprint() {
        true => Ok(()),
        false => {
            let (ours, its) = (native.signatures(), guest.signatures());
            Err(Differs(Fingerprint::difference(&ours, &its)))
        }
    }
}

/// Where compiled code is kept: the user's cache, as the XDG base directory specification has it.
#[cfg(not(target_family = "wasm"))]
#[must_use]
pub fn cache() -> PathBuf {
    let home = || std::env::home_dir().unwrap_or_else(std::env::temp_dir).join(".cache");
    let cache = std::env::var_os("XDG_CACHE_HOME").filter(|it| !it.is_empty());
    cache.map_or_else(home, PathBuf::from).join("weaver")
}

/// The index of [`Guest`] on a link: no component of a program has it.
pub(crate) const GUEST_COMPONENT: u16 = u16::MAX;

/// What a host asks of its guest.
#[weaver_macros::component(name = "weaver.Guest")]
pub trait Guest {
    /// Runs the author's `main`; the exit code, or none if its arguments could not be filled.
    async fn run_main(&self) -> Result<Option<u8>>;

    /// The components that could not be built yet, with the reason of the last attempt.
    async fn failed(&self) -> Result<Vec<(String, String)>>;

    /// Shuts the components down.
    async fn shutdown(&self) -> Result<()>;
}
