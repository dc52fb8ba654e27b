//! [`Deployment`]: `weaver deploy` of this package's program, in a directory of its own.

use std::{
    fmt::Write,
    fs,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Condvar, LazyLock, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;
use weaver_runtime::control;
use weaver_tests::{config_text, errand::Errand};

use crate::BUILT;

/// All bodies with every component in a process of its own, in a debug build on two busy cores.
const FINISHED_SECONDS_MAX: u64 = 180;

/// Until a line is printed, or `weaver status` shows something: a start on a busy machine.
const SEEN_SECONDS_MAX: u64 = 60;

/// The pause between two looks.
const LOOK_AGAIN_MILLISECONDS: u64 = 20;

/// What `weaver status` shows of one deployment.
pub(crate) type Status = control::Status;

/// A running `weaver deploy`.
#[derive(Debug)]
pub(crate) struct Deployment {
    directory: TempDir,
    child: Child,
    /// Everything that was printed so far, for conditions and for failures.
    lines: Arc<Mutex<Vec<String>>>,
    readers: Vec<thread::JoinHandle<()>>,
    _place: Place,
}

/// However many tests run at once: each is up to forty processes, in a debug build, and most tests of one minute's
/// patience would otherwise wait for the processor.
const DEPLOYMENTS_AT_ONCE: usize = 2;

static PLACES: (Mutex<usize>, Condvar) = (Mutex::new(DEPLOYMENTS_AT_ONCE), Condvar::new());

/// A place among those that run at once. A test has one at a time.
#[derive(Debug)]
struct Place(());

impl Place {
    fn take() -> Self {
        let (free, freed) = &PLACES;
        let free = free.lock().unwrap_or_else(PoisonError::into_inner);
        let mut free =
            freed.wait_while(free, |free| *free == 0).unwrap_or_else(PoisonError::into_inner);
        *free -= 1;
        Self(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let (free, freed) = &PLACES;
        *free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        freed.notify_one();
    }
}

/// An empty directory that is removed at the end of the test.
pub(crate) fn fresh_directory() -> TempDir {
    tempfile::Builder::new().prefix("weaver-tests-").tempdir().expect("a directory")
}

/// The command, with a place of its own for what it remembers between two runs.
fn command(state: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_weaver-command"));
    command.env("XDG_RUNTIME_DIR", state).env_remove("WEAVER_CONFIG");
    // Components panic on purpose, and a backtrace takes a second of each.
    command.env("RUST_BACKTRACE", "0");
    command
}

impl Deployment {
    /// Deploys the program; `placement` is the part of `weaver.toml` that says where components run.
    pub(crate) fn start(errand: Errand, number: u32, placement: &str) -> Self {
        Self::start_in(errand, number, |_| placement.to_owned())
    }

    /// The same, where the placement names the directory that components write to.
    pub(crate) fn start_in(
        errand: Errand,
        number: u32,
        placement: impl FnOnce(&Path) -> String,
    ) -> Self {
        let directory = fresh_directory();
        let config = config(&directory, errand, number, &placement(directory.path()));
        fs::write(directory.path().join("weaver.toml"), config).expect("a weaver.toml");
        Self::in_directory(directory, &[])
    }

    /// Deploys what the `weaver.toml` of this directory names.
    pub(crate) fn in_directory(directory: TempDir, arguments: &[&str]) -> Self {
        let mut command = command(directory.path());
        command.arg("deploy").arg(directory.path()).args(arguments);
        Self::of(directory, command)
    }

    /// Runs a command, to which the directory belongs.
    pub(crate) fn of(directory: TempDir, mut command: Command) -> Self {
        LazyLock::force(&BUILT);
        let place = Place::take();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command starts");
        let lines = Arc::<Mutex<Vec<String>>>::default();
        let stdout = child.stdout.take().map(|out| follow(out, Arc::clone(&lines)));
        let stderr = child.stderr.take().map(|out| follow(out, Arc::clone(&lines)));
        let readers = stdout.into_iter().chain(stderr).collect();
        Self { directory, child, lines, readers, _place: place }
    }

    /// The directory that components and `main` write to.
    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.directory.path().join(file)
    }

    /// Everything that was printed.
    pub(crate) fn output(&self) -> String {
        self.lines.lock().expect("the lines").join("\n")
    }

    /// The first line that holds `text`, once it is printed.
    pub(crate) fn wait_for_line(&self, text: &str) -> String {
        self.wait_for_line_within(SEEN_SECONDS_MAX, text)
    }

    /// The same for one that takes longer.
    pub(crate) fn wait_for_line_within(&self, seconds_max: u64, text: &str) -> String {
        self.wait_for(seconds_max, text, || {
            let lines = self.lines.lock().expect("the lines");
            lines.iter().find(|line| line.contains(text)).cloned()
        })
    }

    /// The status, once it is as it should be.
    pub(crate) fn wait_for_status(&self, what: &str, wanted: impl Fn(&Status) -> bool) -> Status {
        self.wait_for(SEEN_SECONDS_MAX, what, || self.status().filter(&wanted))
    }

    fn status(&self) -> Option<Status> {
        let mut command = command(self.directory.path());
        let output = command.args(["status", "--json"]).output().expect("the command runs");
        let statuses: Vec<Status> = serde_json::from_slice(&output.stdout).ok()?;
        statuses.into_iter().next()
    }

    /// Waits until the deployment ends.
    pub(crate) fn finish(&mut self) -> ExitStatus {
        self.finish_within(FINISHED_SECONDS_MAX)
    }

    /// The same for one that takes longer.
    pub(crate) fn finish_within(&mut self, seconds_max: u64) -> ExitStatus {
        let until = Instant::now() + Duration::from_secs(seconds_max);
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("the command can be waited for") {
                break status;
            }
            assert!(Instant::now() < until, "it does not end:\n{}", self.output());
            look_again();
        };
        self.readers.drain(..).for_each(|reader| reader.join().expect("its output"));
        status
    }

    fn wait_for<T>(&self, seconds_max: u64, what: &str, look: impl Fn() -> Option<T>) -> T {
        let until = Instant::now() + Duration::from_secs(seconds_max);
        loop {
            // Looked at before, so that what it printed last is seen.
            let has_ended = self.readers.iter().all(thread::JoinHandle::is_finished);
            if let Some(found) = look() {
                return found;
            }
            let is_over = has_ended || Instant::now() >= until;
            assert!(!is_over, "waited for {what} in vain:\n{}", self.output());
            look_again();
        }
    }
}

impl Drop for Deployment {
    /// Its processes end with it.
    fn drop(&mut self) {
        // It has ended already, unless a test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn config(directory: &TempDir, errand: Errand, number: u32, placement: &str) -> String {
    let errand = format!("{errand:?}").to_lowercase();
    let directory = directory.path();
    let sandboxed = placement.contains("sandbox = ");
    let mut text = config_text(directory);
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "[config.main]\nerrand = {errand:?}\nnumber = {number}\ndirectory = {directory:?}\n\
         sandboxed = {sandboxed}\n[app]\nname = \"bodies\"\nbinary = {:?}\n{placement}\n",
        env!("CARGO_BIN_EXE_bodies")
    );
    text
}

fn follow(
    output: impl Read + Send + 'static,
    lines: Arc<Mutex<Vec<String>>>,
) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            lines.lock().expect("the lines").push(line);
        }
    })
}

/// `kill -9`.
pub(crate) fn kill(pid: u32) {
    let killed = Command::new("kill").args(["-9", &pid.to_string()]).status();
    assert!(killed.expect("kill runs").success(), "cannot kill {pid}");
}

fn look_again() {
    thread::sleep(Duration::from_millis(LOOK_AGAIN_MILLISECONDS));
}
