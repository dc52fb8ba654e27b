//! Asks a built program what it consists of.

use std::{
    io::{self, Read},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use weaver_runtime::{
    bootstrap::{ASK_GRAPH, ASK_VARIABLE, Answer, MARKER},
    codec,
    config::CONFIG_VARIABLE,
    control,
};

use crate::logs;

/// A program cannot be asked for its components.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProgramError {
    /// The file.
    #[error("cannot read {}", .path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// It has never heard of weaver, and was not run.
    #[error(
        "{} is not built with weaver: put `#[weaver::main]` on its `main`, or begin it with \
         `weaver::App::builder()`", .0.display()
    )]
    NotWeaver(PathBuf),
    /// It is built with another version.
    #[error(
        "{} is built with weaver {theirs}, this command is {}; use the two of one version",
        .path.display(), env!("CARGO_PKG_VERSION")
    )]
    Version { path: PathBuf, theirs: String },
    /// It cannot be run.
    #[error("cannot run {}", .path.display())]
    Run {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// It says why.
    #[error("{} refused to start:\n{}", .path.display(), .stderr.trim_end())]
    Refused { path: PathBuf, stderr: String },
    /// It runs something else first.
    #[error(
        "{} did not tell its components within {ANSWER_SECONDS_MAX} s; `weaver::App::builder()` \
         must be reached, and started, first in `main`", .0.display()
    )]
    Silent(PathBuf),
    /// It is built with the same version, and yet with another weaver: two states of one checkout, say.
    #[error(
        "{} is built from another source of weaver {} than this command; build the two from one",
        .0.display(), env!("CARGO_PKG_VERSION")
    )]
    Source(PathBuf),
}

/// A program answers in milliseconds; a large one without optimization, on a machine with much else to do, has taken
/// 20 s.
const ANSWER_SECONDS_MAX: u64 = 30;

/// After that it is said what is waited for.
const QUIET_SECONDS: u64 = 5;

/// A program of a thousand components needs a megabyte.
const ANSWER_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// What a program consists of, and what it says to this configuration file. Its `main` is not run.
pub(crate) fn answer(program: &Path, config: Option<&Path>) -> Result<Answer, ProgramError> {
    check_marker(program)?;
    let path = || program.to_owned();
    let run = |source| ProgramError::Run { path: path(), source };
    let mut asking = Command::new(std::env::current_exe().map_err(run)?);
    asking.arg("ask").arg(program).env_remove(CONFIG_VARIABLE);
    asking.envs(config.map(|path| (CONFIG_VARIABLE, path)));
    asking.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = asking.spawn().map_err(run)?;
    let printed = printed(&mut child, || {
        let path = program.display();
        logs::note(&format!("waiting for {path} to tell its components"));
    });
    // Ends the program, if it is running something else.
    drop(child.stdin.take());
    let status = child.wait().map_err(run)?;
    let Some((stdout, stderr)) = printed else { return Err(ProgramError::Silent(path())) };
    match stdout.strip_prefix(MARKER.as_bytes()) {
        Some(bytes) => understood(bytes).ok_or_else(|| ProgramError::Source(path())),
        None if status.success() => Err(ProgramError::Silent(path())),
        None => {
            let stderr = String::from_utf8_lossy(&stderr).into_owned();
            Err(ProgramError::Refused { path: path(), stderr })
        }
    }
}

/// The answer of a program that was built with the weaver of this command.
fn understood(bytes: &[u8]) -> Option<Answer> {
    let answer: Answer = codec::decode(bytes).ok()?;
    (answer.control == control::hello().fingerprint).then_some(answer)
}

/// `weaver ask PROGRAM`: runs the program until it ends, or until the standard input does: if the
/// command that wants the answer is killed, the program must not stay behind.
pub(crate) fn ask(program: &Path) -> Result<u8, ProgramError> {
    let run = |source| ProgramError::Run { path: program.to_owned(), source };
    let mut child = Command::new(program)
        .env(ASK_VARIABLE, ASK_GRAPH)
        .stdin(Stdio::null())
        .spawn()
        .map_err(run)?;
    let abandoned = Arc::new(AtomicBool::new(false));
    let lifeline = Arc::clone(&abandoned);
    // Not joined: it ends with this process at the latest.
    thread::spawn(move || {
        // An error means the same as the end.
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        lifeline.store(true, Ordering::Relaxed);
    });
    loop {
        if let Some(status) = child.try_wait().map_err(run)? {
            return Ok(u8::from(!status.success()));
        }
        if abandoned.load(Ordering::Relaxed) {
            // It has ended in this very moment if this fails.
            let _ = child.kill();
        }
        thread::sleep(Duration::from_millis(POLL_MILLISECONDS));
    }
}

/// How often it is looked whether a program has answered: a wait for either of two events would need
/// a runtime.
const POLL_MILLISECONDS: u64 = 5;

/// Both outputs, once they end; `None` when that takes too long. `wait` is called when it takes a while.
fn printed(child: &mut Child, wait: impl FnOnce()) -> Option<(Vec<u8>, Vec<u8>)> {
    let (stdout, stderr) = (child.stdout.take()?, child.stderr.take()?);
    let (done, read) = mpsc::channel();
    // Not joined: if the program does not end, our caller ends it, and they end with it.
    let stderr = thread::spawn(move || bounded(stderr));
    thread::spawn(move || {
        let stdout = bounded(stdout);
        // Nobody waits any more when the time is up.
        let _ = done.send((stdout, stderr.join().unwrap_or_default()));
    });
    let early = Duration::from_secs(QUIET_SECONDS);
    let late = Duration::from_secs(ANSWER_SECONDS_MAX) - early;
    read.recv_timeout(early)
        .or_else(|_| {
            wait();
            read.recv_timeout(late)
        })
        .ok()
}

fn bounded(output: impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    // What came before an error is what there is.
    let _ = output.take(ANSWER_BYTES_MAX).read_to_end(&mut bytes);
    bytes
}

/// Refuses a program that is not built with weaver, or with another version, before it is run: what
/// it would do is anyone's guess.
fn check_marker(program: &Path) -> Result<(), ProgramError> {
    let bytes = std::fs::read(program)
        .map_err(|source| ProgramError::Read { path: program.to_owned(), source })?;
    match markers(&bytes).as_slice() {
        [] => Err(ProgramError::NotWeaver(program.to_owned())),
        versions if versions.contains(&env!("CARGO_PKG_VERSION")) => Ok(()),
        [theirs, ..] => {
            Err(ProgramError::Version { path: program.to_owned(), theirs: (*theirs).to_owned() })
        }
    }
}

/// The versions in a program's markers.
fn markers(program: &[u8]) -> Vec<&str> {
    let (prefix, _) = MARKER.as_bytes().split_at(MARKER.find(' ').map_or(0, |space| space + 1));
    let versions = memchr::memmem::find_iter(program, prefix).filter_map(|start| {
        let rest = program.get(start + prefix.len()..)?;
        let end = rest.iter().take(VERSION_BYTES_MAX).position(|&byte| byte == b'\n')?;
        std::str::from_utf8(rest.get(..end)?).ok()
    });
    versions.filter(|version| version.starts_with(|c: char| c.is_ascii_digit())).collect()
}

/// Longer than any version number.
const VERSION_BYTES_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use weaver_runtime::{
        fingerprint::Fingerprint,
        graph::{Graph, Requests},
    };

    use super::*;

    #[test]
    fn finds_the_version_in_a_program() {
        assert_eq!(markers(b"\x7fELF..weaver-program 1.2.3\n..weaver-program x"), ["1.2.3"]);
        assert!(markers(b"\x7fELF weaver-program ").is_empty());
        assert!(markers(b"").is_empty());
    }

    #[test]
    fn a_program_of_another_kind_is_not_run() {
        let error = answer(Path::new("/bin/ls"), None).unwrap_err();
        assert!(matches!(error, ProgramError::NotWeaver(_)), "{error}");
    }

    #[test]
    fn a_program_of_another_source_is_not_understood() {
        let answer = |control| {
            let (package, components) = ("shop".to_owned(), BTreeMap::new());
            let graph = Graph { package, components, main: Some(Requests::default()) };
            let answer = Answer { control, graph, misfits: Vec::new(), panic_aborts: false };
            let mut bytes = Vec::new();
            codec::encode(&answer, &mut bytes).unwrap();
            bytes
        };
        let mut bytes = answer(control::hello().fingerprint);
        assert!(understood(&bytes).is_some());
        assert!(understood(&answer(Fingerprint::of(&[]))).is_none());
        bytes.pop();
        assert!(understood(&bytes).is_none());
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = answer(Path::new("/no/such/program"), None).unwrap_err();
        assert_eq!(error.to_string(), "cannot read /no/such/program");
    }
}
