//! [`Bootstrap`]: what a deployer hands to a replica at its start, through an inherited pipe.
//!
//! The pipe is the secret channel (an environment can be read by others) and the lifeline: the
//! deployer keeps it open, and a replica that reads its end knows that the deployer is gone, however
//! it ended. It is the replica's standard input, which a process without a terminal has no other use
//! for; any other descriptor could only be passed on with `unsafe`.

use std::{
    io::{self, Read, Write},
    net::SocketAddr,
    path::PathBuf,
    thread,
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    codec,
    config::{ConfigError, ConfigFile},
    fingerprint::Fingerprint,
    graph::Graph,
    net::{Identity, ReplicaId},
    placement::Placement,
};

/// The environment variable that makes a program a replica: it says where the pipe is.
pub const REPLICA_VARIABLE: &str = "WEAVER_REPLICA";

/// The value of such a variable: the pipe is the standard input.
pub const PIPE: &str = "stdin";

/// The environment variable that makes a program answer a question instead of running.
pub const ASK_VARIABLE: &str = "WEAVER_ASK";

/// The question for an [`Answer`]. Of which configuration, [`CONFIG_VARIABLE`](crate::config::CONFIG_VARIABLE) says.
pub const ASK_GRAPH: &str = "graph";

/// What a program says of itself, without running its `main`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Answer {
    /// Of the control plane's interfaces: without the same, the program and the command cannot work together, whatever
    /// their versions say.
    pub control: Fingerprint,
    /// What it consists of.
    pub graph: Graph,
    /// The sections of the configuration that do not fit what their components read of them, in words.
    pub misfits: Vec<String>,
    /// It is built so that a panic ends the process.
    pub panic_aborts: bool,
}

/// A replica that exits with one of these has crashed, and is started again: a panic of the main
/// thread, a replica that could not take its place (`EX_TEMPFAIL`), one that was sent SIGTERM by
/// somebody else than its deployer.
pub const CRASH_EXIT_CODES: [u8; 3] =
    [PANIC_EXIT_CODE, NOT_STARTED_EXIT_CODE, TERMINATED_EXIT_CODE];

/// The main thread has panicked.
pub const PANIC_EXIT_CODE: u8 = 101;

/// The replica could not take its place.
pub const NOT_STARTED_EXIT_CODE: u8 = 75;

/// The replica was told by a signal to stop.
pub(crate) const TERMINATED_EXIT_CODE: u8 = 128 + 15;

/// In every program that is built with weaver, so that a tool can tell before it runs one; the crate
/// version follows, up to the line's end.
pub const MARKER: &str = concat!("weaver-program ", env!("CARGO_PKG_VERSION"), "\n");

/// What a replica needs to know to take its place.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Bootstrap {
    /// Which replica it is.
    pub replica: ReplicaId,
    /// Its certificate.
    pub identity: Identity,
    /// Where its deployer takes calls.
    pub deployer: SocketAddr,
    /// Where every component is.
    pub placement: Placement,
    /// The configuration file, as the deployer read it.
    pub config: Option<(PathBuf, String)>,
}

/// A process was not started by a deployer as it should have been.
#[derive(Debug, thiserror::Error)]
pub enum BootstrapError {
    /// The pipe ended early, or there is none: the variable was set by hand, or inherited.
    #[error(
        "no deployer is at the other end of the standard input; unset {REPLICA_VARIABLE} to run \
         the program on its own"
    )]
    Read(#[from] io::Error),
    /// The other side is of another version.
    #[error(
        "the deployer was built with weaver {theirs}, this program with {}; build both from one \
         version", env!("CARGO_PKG_VERSION")
    )]
    Version {
        /// The deployer's.
        theirs: String,
    },
    /// The bytes are no bootstrap.
    #[error("the deployer handed over something else")]
    Decode(#[from] codec::DecodeError),
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

impl Bootstrap {
    /// The bootstrap for this process; `None` when no deployer started it. Starts a thread that ends
    /// the process when the deployer is gone.
    ///
    /// # Errors
    /// A deployer started it, and something is wrong with what it handed over.
    pub fn from_deployer() -> Result<Option<Self>, BootstrapError> {
        std::env::var_os(REPLICA_VARIABLE).map(|_| receive()).transpose()
    }

    /// The configuration, parsed.
    ///
    /// # Errors
    /// It does not parse: the deployer has refused it before.
    pub fn config(&self) -> Result<ConfigFile, ConfigError> {
        ConfigFile::parse_handed(self.config.as_ref())
    }
}

/// Reads what a deployer wrote for this process and starts the thread that watches the pipe.
///
/// # Errors
/// There is no pipe, or something else is in it.
pub fn receive<T: DeserializeOwned>() -> Result<T, BootstrapError> {
    let value = read(&mut io::stdin().lock())?;
    thread::Builder::new().name("weaver-lifeline".to_owned()).spawn(end_with_the_deployer)?;
    Ok(value)
}

/// Writes what [`receive`] reads. The pipe is to be kept open as long as the process should live.
///
/// # Errors
/// The process is gone already, or the value is too large.
pub fn send<T: Serialize>(pipe: &mut impl Write, value: &T) -> io::Result<()> {
    let mut bytes = Vec::new();
    codec::encode(value, &mut bytes).map_err(io::Error::other)?;
    let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    pipe.write_all(MARKER.as_bytes())?;
    pipe.write_all(&length.to_le_bytes())?;
    pipe.write_all(&bytes)
}

fn read<T: DeserializeOwned>(pipe: &mut impl Read) -> Result<T, BootstrapError> {
    let mut marker = [0; MARKER.len()];
    pipe.read_exact(&mut marker)?;
    if marker != MARKER.as_bytes() {
        let theirs = String::from_utf8_lossy(&marker).trim().replace("weaver-program ", "");
        return Err(BootstrapError::Version { theirs });
    }
    let mut length = [0; 4];
    pipe.read_exact(&mut length)?;
    let length = u64::from(u32::from_le_bytes(length));
    let mut bytes = Vec::new();
    pipe.take(length).read_to_end(&mut bytes)?;
    Ok(codec::decode(&bytes)?)
}

/// Ends this process with the pipe. A thread of its own does that because the program's runtime may
/// be busy, and a signal at the parent's death is tied to the thread that spawned us.
fn end_with_the_deployer() {
    // Nothing is written after the bootstrap: this returns at the end, or with an error that means
    // the same.
    let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
    std::process::exit(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_is_read() {
        let mut pipe = Vec::new();
        send(&mut pipe, &"hello".to_owned()).unwrap();
        assert_eq!(read::<String>(&mut pipe.as_slice()).unwrap(), "hello");
    }

    #[test]
    fn another_version_is_named() {
        let error = read::<String>(&mut "weaver-program 9.9.9\n....".as_bytes()).unwrap_err();
        assert!(error.to_string().starts_with("the deployer was built with weaver 9.9.9"));
    }

    #[test]
    fn an_early_end_is_an_error() {
        let mut pipe = Vec::new();
        send(&mut pipe, &"hello".to_owned()).unwrap();
        for length in 0..pipe.len() {
            assert!(read::<String>(&mut &pipe[..length]).is_err(), "{length}");
        }
    }
}
