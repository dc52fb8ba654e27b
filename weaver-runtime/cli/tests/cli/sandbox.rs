//! [`Sandbox`]: a place for one test, and [`Deployment`]: a `weaver deploy` that runs in it.

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    PATIENCE,
    fixtures::{program, workspace},
    processes, until, wait,
};

/// A directory for one test, with a state of its own for the command.
pub(crate) struct Sandbox {
    directory: TempDir,
    mark: String,
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // Whatever a failed test leaves behind.
        self.processes().into_iter().for_each(|pid| processes::signal(pid, "KILL"));
    }
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let mark = format!("{}-{number}", std::process::id());
        Self { directory: tempfile::tempdir().unwrap(), mark }
    }

    /// A directory in which `files` are.
    pub(crate) fn project(&self, name: &str, files: &[(&str, &str)]) -> PathBuf {
        let project = self.directory.path().join(name);
        for (path, text) in files {
            let path = project.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        project
    }

    /// A directory with a `weaver.toml` that runs a fixture with `args`.
    pub(crate) fn fixture(&self, name: &str, args: &[&str], config: &str) -> PathBuf {
        self.named_fixture(name, name, args, config)
    }

    /// Lets cargo, in this place, use what it has built for the workspace: most of what a new program needs.
    pub(crate) fn share_target(&self) {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
        // With other profiles than the workspace's everything would be built anew.
        let manifest = fs::read_to_string(workspace().join("Cargo.toml")).unwrap();
        let (_, profiles) = manifest.split_once("[profile.dev]").unwrap();
        let config = format!("[build]\ntarget-dir = {target:?}\n[profile.dev]{profiles}");
        let folder = self.directory.path().join(".cargo");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("config.toml"), config).unwrap();
    }

    /// The same, for an application called `app`.
    pub(crate) fn named_fixture(
        &self,
        app: &str,
        name: &str,
        args: &[&str],
        config: &str,
    ) -> PathBuf {
        let binary = program(name);
        let config =
            format!("[app]\nname = \"{app}\"\nbinary = {binary:?}\nargs = {args:?}\n{config}");
        self.project(app, &[("weaver.toml", &config)])
    }

    /// The command, with nothing of the environment of the test that it would look at.
    pub(crate) fn weaver(&self) -> Command {
        let mut command = Command::new("env");
        command
            // Under `nohup`, or in a shell's background, it would inherit that it ignores these.
            .arg("--default-signal=HUP,INT,QUIT")
            .arg(env!("CARGO_BIN_EXE_weaver"))
            .env("XDG_RUNTIME_DIR", self.directory.path().join("run"))
            .env(processes::MARK, &self.mark)
            .env_remove("WEAVER_CONFIG")
            .env_remove("RUST_BACKTRACE")
            .current_dir(self.directory.path())
            .stdin(Stdio::null());
        command
    }

    /// Where the command keeps what it knows of deployments.
    pub(crate) fn state(&self) -> PathBuf {
        self.directory.path().join("run/weaver")
    }

    /// Runs `weaver` with `arguments` to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        let mut command = self.weaver();
        command.args(arguments);
        Deployment::start(self, command).end()
    }

    /// `weaver deploy` of a directory, to its end.
    pub(crate) fn run_deploy(&self, project: &Path) -> Ended {
        self.run(&["deploy", project.to_str().unwrap()])
    }

    /// `weaver deploy` of a directory, in the background.
    pub(crate) fn deploy(&self, project: &Path) -> Deployment<'_> {
        let mut command = self.weaver();
        command.arg("deploy").arg(project);
        Deployment::start(self, command)
    }

    /// What `weaver status --json` prints.
    pub(crate) fn status(&self) -> Value {
        let ended = self.run(&["status", "--json"]);
        assert_eq!(ended.code, Some(0), "{ended:#?}");
        serde_json::from_str(&ended.stdout).unwrap()
    }

    /// Every living process that was started here.
    pub(crate) fn processes(&self) -> Vec<u32> {
        processes::marked(&self.mark)
    }

    /// Fails unless every process that was started here has ended, or ends within `limit`.
    pub(crate) fn assert_empty_within(&self, limit: Duration) {
        let what = || {
            let left = self.processes().into_iter();
            left.map(|pid| format!("{pid} {}", processes::command_line(pid))).collect::<Vec<_>>()
        };
        let poll = || self.processes().is_empty();
        let end = std::time::Instant::now() + limit;
        while !poll() {
            assert!(std::time::Instant::now() < end, "still there after {limit:?}: {:#?}", what());
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// Fails unless the command failed and printed all of `parts` as its error.
    #[track_caller]
    pub(crate) fn assert_error(&self, parts: &[&str]) {
        assert_eq!(self.code, Some(1), "{self:#?}");
        let missing: Vec<_> = parts.iter().filter(|part| !self.stderr.contains(**part)).collect();
        assert!(missing.is_empty(), "not said: {missing:?}\n{}", self.stderr);
        assert!(self.stderr.contains("error: "), "{}", self.stderr);
        assert!(!self.stderr.contains("panicked at"), "{}", self.stderr);
    }
}

/// A command that runs in the background, usually `weaver deploy`.
pub(crate) struct Deployment<'a> {
    sandbox: &'a Sandbox,
    child: Child,
    stdout: Output,
    stderr: Output,
}

impl<'a> Deployment<'a> {
    pub(crate) fn start(sandbox: &'a Sandbox, mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = Output::collect(child.stdout.take().unwrap());
        let stderr = Output::collect(child.stderr.take().unwrap());
        Self { sandbox, child, stdout, stderr }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn stdout(&self) -> String {
        self.stdout.text()
    }

    pub(crate) fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// Waits until standard output or standard error contains `text`.
    pub(crate) fn until_it_says(&self, text: &str) {
        let says = || {
            // Its end is noticed here, so that a failed deployment does not cost the whole wait.
            self.stdout().contains(text) || self.stderr().contains(text)
        };
        let end = std::time::Instant::now() + PATIENCE;
        while !says() {
            let late = std::time::Instant::now() >= end;
            assert!(!late, "it does not say {text:?}:\n{}\n{}", self.stdout(), self.stderr());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// This deployment as `weaver status` shows it; `None` while it does not answer.
    pub(crate) fn status(&self) -> Option<Value> {
        let ended = self.sandbox.run(&["status", "--json"]);
        let all: Value = serde_json::from_str(&ended.stdout).ok()?;
        let ours = |status: &&Value| status["pid"] == self.pid();
        all.as_array().unwrap().iter().find(ours).cloned()
    }

    /// A replica as `weaver status` shows it.
    pub(crate) fn replica(&self, group: &str) -> Option<Value> {
        let status = self.status()?;
        let groups = status["groups"].as_array()?;
        let group = groups.iter().find(|found| found["name"] == group)?;
        group["replicas"].get(0).cloned()
    }

    /// Waits until every replica runs.
    pub(crate) fn until_all_run(&self) {
        until("all replicas run", PATIENCE, || {
            let Some(status) = self.status() else { return false };
            let groups = status["groups"].as_array().unwrap().iter();
            let mut replicas = groups.flat_map(|group| group["replicas"].as_array().unwrap());
            replicas.all(|replica| replica["state"] == "running")
        });
    }

    pub(crate) fn signal(&self, name: &str) {
        processes::signal(self.pid(), name);
    }

    /// Ends it by a signal: with code 0, and nothing is left of it.
    #[track_caller]
    pub(crate) fn end_by(self, signal: &str, limit: Duration) {
        let sandbox = self.sandbox;
        self.signal(signal);
        let ended = self.end_within(limit);
        assert_eq!(ended.code, Some(0), "{ended:#?}");
        sandbox.assert_empty_within(Duration::from_secs(1));
    }

    /// Its exit status, if it has ended.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Waits for its end.
    pub(crate) fn end(self) -> Ended {
        self.end_within(PATIENCE + PATIENCE)
    }

    /// The same, with another limit.
    #[track_caller]
    pub(crate) fn end_within(mut self, limit: Duration) -> Ended {
        let end = std::time::Instant::now() + limit;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if std::time::Instant::now() >= end {
                processes::signal(self.pid(), "KILL");
                let (stdout, stderr) = (self.stdout(), self.stderr());
                panic!("no end within {limit:?}:\n{stdout}\n{stderr}");
            }
            thread::sleep(Duration::from_millis(10));
        };
        // What it left behind may keep the pipes open.
        let whole = || self.stdout.is_whole() && self.stderr.is_whole();
        let patience = std::time::Instant::now() + Duration::from_secs(2);
        while !whole() && std::time::Instant::now() < patience {
            thread::sleep(Duration::from_millis(5));
        }
        Ended { code: status.code(), stdout: self.stdout(), stderr: self.stderr() }
    }
}

impl Drop for Deployment<'_> {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            processes::signal(self.pid(), "KILL");
        }
        // It ends by itself, or by the signal.
        let _ = self.child.wait();
    }
}

/// What a process has written so far, of which the last is kept.
struct Output {
    text: Arc<Mutex<Vec<u8>>>,
    reader: thread::JoinHandle<()>,
}

/// Far above what a test looks for, below what a loud program writes.
const OUTPUT_BYTES_MAX: usize = 4 << 20;

impl Output {
    fn collect(mut from: impl Read + Send + 'static) -> Self {
        let text: Arc<Mutex<Vec<u8>>> = Arc::default();
        let into = Arc::clone(&text);
        let reader = thread::spawn(move || {
            let mut chunk = [0; 64 * 1024];
            while let Ok(read @ 1..) = from.read(&mut chunk) {
                let mut into = into.lock().unwrap_or_else(PoisonError::into_inner);
                into.extend_from_slice(&chunk[..read]);
                let excess = into.len().saturating_sub(OUTPUT_BYTES_MAX);
                into.drain(..excess);
            }
        });
        Self { text, reader }
    }

    fn text(&self) -> String {
        let text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&text).into_owned()
    }

    fn is_whole(&self) -> bool {
        self.reader.is_finished()
    }
}

/// The address of a listener, once the deployment has announced it.
pub(crate) fn listener_address(deployment: &Deployment<'_>, name: &str) -> std::net::SocketAddr {
    let start = format!("{name}  http://");
    wait("the listener's address", PATIENCE, || {
        let stdout = deployment.stdout();
        let line = stdout.lines().find_map(|line| line.strip_prefix(&start).map(str::to_owned))?;
        line.trim().parse().ok()
    })
}
