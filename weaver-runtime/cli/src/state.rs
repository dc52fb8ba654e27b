//! What is running on this machine: a file for each deployment, which its deployer holds locked.
//!
//! A lock ends with its process, however that ends, so that a file without one is left over and is
//! removed by whoever finds it.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};
use tokio::time::timeout;
use weaver_runtime::{
    Context, Error, Ref, codec,
    control::{self, Deployer},
    limits::Limits,
    net::{Endpoint, Identity, Io, Router},
    placement::DEPLOYER,
};

/// One deployment: what a command needs to talk to its deployer.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) app: String,
    pub(crate) pid: u32,
    /// Where the deployer takes calls.
    pub(crate) address: SocketAddr,
    /// A certificate for commands.
    pub(crate) identity: Identity,
}

/// A deployer that is busy answers within milliseconds.
const ANSWER_SECONDS_MAX: u64 = 5;

/// The state directory could not be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} {}", .path.display())]
pub(crate) struct StateError {
    doing: &'static str,
    path: PathBuf,
    #[source]
    source: io::Error,
}

/// The file of a running deployment; it is removed with this.
#[derive(Debug)]
pub(crate) struct Held {
    path: PathBuf,
    _locked: File,
}

impl Drop for Held {
    fn drop(&mut self) {
        // What cannot be removed is found without a lock, and removed then.
        let _ = fs::remove_file(&self.path);
    }
}

impl Record {
    /// Writes the record for others of this user to find.
    pub(crate) fn publish(&self) -> Result<Held, StateError> {
        let directory = directory();
        let failed = |doing, path: &Path| {
            let path = path.to_owned();
            move |source| StateError { doing, path, source }
        };
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder.create(&directory).map_err(failed("make the directory", &directory))?;
        let path = directory.join(format!("{}-{}.{EXTENSION}", self.app, self.pid));
        // Under its name only once it is locked and whole: without a lock it would be removed.
        let draft = path.with_extension("draft");
        // The key in it makes whoever reads it a command.
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&draft)
            .map_err(failed("create", &draft))?;
        file.lock().map_err(failed("lock", &draft))?;
        let mut bytes = Vec::new();
        codec::encode(self, &mut bytes)
            .map_err(io::Error::other)
            .and_then(|()| file.write_all(&bytes))
            .and_then(|()| fs::rename(&draft, &path))
            .map_err(failed("write", &path))?;
        Ok(Held { path, _locked: file })
    }

    /// Asks the deployer, inside a runtime, waits [`ANSWER_SECONDS_MAX`] for its answer, and hangs up. All commands
    /// share one certificate, which may have a few connections only: one that ended without a word would count until
    /// it is missed.
    pub(crate) async fn ask<T, Answer: Future<Output = Result<T, Error>>>(
        &self,
        question: impl FnOnce(Ref<dyn Deployer>) -> Answer,
    ) -> Result<T, Error> {
        let endpoint = self.endpoint(&Limits::default())?;
        let router = Router::new(endpoint.clone(), control::hello(), control::signatures());
        router.set_routes(&control::route_to(DEPLOYER, self.address));
        let limit = Duration::from_secs(ANSWER_SECONDS_MAX);
        let answer = timeout(limit, question(control::reference(&router, DEPLOYER))).await;
        endpoint.close().await;
        answer.context("it does not answer")?
    }

    /// What runs, as its deployer says.
    pub(crate) async fn status(&self) -> Result<control::Status, Error> {
        self.ask(|deployer| async move { deployer.status().await }).await
    }

    /// An endpoint for a command, to be closed by it.
    pub(crate) fn endpoint(&self, limits: &Limits) -> Result<Endpoint, Error> {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let io = Io::new().map_err(|error| Error::from_std(&error))?;
        Endpoint::bind(any, &self.identity, limits, io).map_err(|error| Error::from_std(&error))
    }
}

/// The deployments that are running; what others left behind is removed.
pub(crate) fn running() -> Result<Vec<Record>, StateError> {
    let directory = directory();
    let entries = match fs::read_dir(&directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => {
            return Err(StateError { doing: "read the directory", path: directory, source });
        }
    };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut records: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == EXTENSION))
        .filter_map(|path| running_record(&path))
        .collect();
    records.sort_by(|a, b| (&a.app, a.pid).cmp(&(&b.app, b.pid)));
    Ok(records)
}

/// The record in a file whose deployer runs. One that ends at this very moment counts as ended.
fn running_record(path: &Path) -> Option<Record> {
    let mut file = File::open(path).ok()?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => {}
        Ok(()) => {
            // As in `Held`.
            let _ = fs::remove_file(path);
            return None;
        }
        Err(TryLockError::Error(_)) => return None,
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).ok()?;
    // A deployer of another version writes another record; it has its own command.
    codec::decode(&bytes).ok()
}

const EXTENSION: &str = "deployment";

/// Where deployments of this user are recorded: for the time the machine is up, where the system has
/// such a place.
fn directory() -> PathBuf {
    let variable =
        |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    variable("XDG_RUNTIME_DIR")
        .or_else(|| Some(variable("XDG_STATE_HOME")?.join("run")))
        .or_else(|| Some(variable("HOME")?.join(".local/state")))
        .unwrap_or_else(std::env::temp_dir)
        .join("weaver")
}

/// The time of day for people.
pub(crate) fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
