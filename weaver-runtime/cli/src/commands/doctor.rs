//! `weaver doctor`.

use std::{
    error::Error,
    fs, io,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use clap::Args;
use serde::Serialize;
use weaver_runtime::{
    limits::SOCKET_BUFFER_BYTES,
    sandbox::{GUEST_TARGET, chosen_c_compiler},
};

use super::runtime;
use crate::{
    listening::{self, CannotListen},
    logs,
    project::{cargo, config_in, has_target},
    state,
};

/// Look at this machine: is there what building and deploying need, and if not, what to do?
///
/// Exit code 0 if nothing that is needed is missing, else 1.
#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// The package's directory: the addresses in its `weaver.toml` are looked at, too.
    #[arg(default_value = ".")]
    directory: PathBuf,

    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// One thing that was looked at.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Finding {
    /// What it is, as it was found.
    found: String,
    state: State,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    mend: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ok,
    /// It works, and could be better.
    Note,
    /// Something does not work without it.
    Missing,
}

impl Doctor {
    pub(super) fn run(self) -> Result<u8, Box<dyn Error>> {
        let config = config_in(&self.directory)?;
        let mut findings = vec![rustc(), tool("cargo", cargo()), linker(), target(), wasi()];
        findings.extend([loopback(), buffers(Path::new("/proc/sys/net/core")), records()]);
        let taken = runtime()?.block_on(listening::taken(config.listeners()));
        findings.extend(config.listeners().map(|(name, address)| {
            listener(name, address, taken.iter().find(|it| it.listener == name))
        }));
        if self.json {
            logs::say(&serde_json::to_string_pretty(&findings)?);
        } else {
            logs::say(findings.iter().map(render).collect::<String>().trim_end());
        }
        Ok(u8::from(findings.iter().any(|finding| finding.state == State::Missing)))
    }
}

impl Finding {
    fn ok(found: impl Into<String>) -> Self {
        Self { found: found.into(), state: State::Ok, mend: None }
    }

    fn note(found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { found: found.into(), state: State::Note, mend: Some(mend.into()) }
    }

    fn missing(found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { found: found.into(), state: State::Missing, mend: Some(mend.into()) }
    }
}

fn render(finding: &Finding) -> String {
    let state = match finding.state {
        State::Ok => "ok",
        State::Note => "note",
        State::Missing => "missing",
    };
    let mend = finding.mend.as_ref().map(|mend| format!("\n         → {mend}"));
    format!("{state:7}  {}{}\n", finding.found, mend.unwrap_or_default())
}

/// The oldest compiler that builds weaver.
const RUST_VERSION: &str = env!("CARGO_PKG_RUST_VERSION");

fn rustc() -> Finding {
    let finding = tool("rustc", Command::new("rustc"));
    match finding.state {
        State::Ok if !is_new_enough(&finding.found, RUST_VERSION) => Finding::missing(
            format!("{}, which is older than {RUST_VERSION}", finding.found),
            "rustup update stable",
        ),
        State::Ok | State::Note | State::Missing => finding,
    }
}

/// Whether a compiler that says it is `rustc 1.95.0 (…)` is of this version or a later one.
fn is_new_enough(says: &str, wanted: &str) -> bool {
    let numbers = |version: &str| {
        let parts = version.split(['.', '-']).map_while(|part| part.parse::<u32>().ok());
        parts.take(3).collect::<Vec<_>>()
    };
    says.split(' ').nth(1).is_some_and(|version| numbers(version) >= numbers(wanted))
}

fn tool(name: &str, command: Command) -> Finding {
    let mend = "install Rust: https://rustup.rs";
    match version(command) {
        Some(version) => Finding::ok(version),
        None => Finding::missing(format!("{name} cannot be run"), mend),
    }
}

fn linker() -> Finding {
    match version(Command::new("cc")) {
        Some(version) => Finding::ok(format!("linker: {version}")),
        None => Finding::missing(
            "cc, with which rustc links, cannot be run",
            "install a C compiler: `apt-get install gcc libc6-dev`, or `xcode-select --install`",
        ),
    }
}

/// The first line that a tool says of its version.
fn version(mut command: Command) -> Option<String> {
    let output =
        command.arg("--version").stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let first = text.lines().next().filter(|line| !line.trim().is_empty())?;
    output.status.success().then(|| first.to_owned())
}

fn target() -> Finding {
    if has_target(Path::new(".")) {
        Finding::ok(format!("target {GUEST_TARGET}, for sandboxes"))
    } else {
        Finding::note(
            format!("no target {GUEST_TARGET}: the first sandbox installs it"),
            format!("rustup target add {GUEST_TARGET}"),
        )
    }
}

/// What compiles the C code of crates for a sandbox: few have some.
fn wasi() -> Finding {
    let clang = || version(Command::new("clang"));
    let found = match chosen_c_compiler() {
        Some(chosen) if chosen == "clang" => clang(),
        chosen => chosen,
    };
    match found {
        Some(found) => Finding::ok(format!("C code in sandboxes: {found}")),
        None => Finding::note(
            "no C compiler for sandboxes, for programs with crates that have C code (SQLite, say)",
            "apt-get install clang wasi-libc, or set WASI_SDK_PATH to a WASI SDK",
        ),
    }
}

/// Processes of a deployment talk over it.
fn loopback() -> Finding {
    match UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)) {
        Ok(_) => Finding::ok("UDP on 127.0.0.1"),
        Err(error) => Finding::missing(
            format!("UDP on 127.0.0.1: {error}"),
            "let this user open sockets on the loopback interface (`ip link set lo up`)",
        ),
    }
}

/// What the kernel lets a socket keep; `folder` is where Linux says so.
fn buffers(folder: &Path) -> Finding {
    let allowed = |file: &str| -> io::Result<usize> {
        let text = fs::read_to_string(folder.join(file))?;
        text.trim().parse().map_err(io::Error::other)
    };
    let (Ok(receive), Ok(send)) = (allowed("rmem_max"), allowed("wmem_max")) else {
        return Finding::ok("UDP buffers: this system does not say how large they may be");
    };
    let (wanted, least) = (SOCKET_BUFFER_BYTES, receive.min(send));
    if least >= wanted {
        return Finding::ok(format!("UDP buffers: {} KiB", least >> 10));
    }
    Finding::note(
        format!(
            "UDP buffers: {} KiB, of {} wanted; what does not fit in a burst is sent again",
            least >> 10,
            wanted >> 10
        ),
        format!("sudo sysctl -w net.core.rmem_max={wanted} net.core.wmem_max={wanted}"),
    )
}

/// Where deployments are noted.
fn records() -> Finding {
    match state::running() {
        Ok(running) => {
            let apps: Vec<_> = running.iter().map(|record| record.app.as_str()).collect();
            let apps = if apps.is_empty() { "none".to_owned() } else { apps.join(", ") };
            Finding::ok(format!("deployments: {apps}"))
        }
        Err(error) => Finding::missing(
            error.to_string(),
            "give this user the folder, or another by the variable XDG_RUNTIME_DIR",
        ),
    }
}

fn listener(name: &str, address: SocketAddr, taken: Option<&CannotListen>) -> Finding {
    match taken {
        None => Finding::ok(format!("listener {name}: {address} is free")),
        Some(taken) => Finding::missing(
            format!("listener {name}: {address} cannot be bound: {}", taken.reason),
            taken.advice(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listening::Reason;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(is_new_enough("rustc 1.95.0 (abc 2026-04-01)", "1.95"));
        assert!(is_new_enough("rustc 1.100.0-nightly", "1.95"));
        assert!(is_new_enough("rustc 2.0.0", "1.95"));
        assert!(!is_new_enough("rustc 1.94.1", "1.95"));
        assert!(!is_new_enough("something else", "1.95"));
    }

    #[test]
    fn what_cannot_be_run_is_missing_and_the_cure_is_said() {
        let finding = tool("cargo", Command::new("/nowhere/cargo"));
        assert_eq!(finding.state, State::Missing);
        let text = render(&finding);
        let expected = "missing  cargo cannot be run\n         → install Rust: https://rustup.rs\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn small_buffers_are_a_note_with_the_command() {
        let folder = tempfile::tempdir().unwrap();
        let allow = |bytes: usize| {
            for file in ["rmem_max", "wmem_max"] {
                fs::write(folder.path().join(file), format!("{bytes}\n")).unwrap();
            }
            buffers(folder.path())
        };
        let small = allow(212_992);
        assert_eq!(small.state, State::Note);
        assert!(small.found.starts_with("UDP buffers: 208 KiB, of 4096 wanted"), "{small:?}");
        let mend = "sudo sysctl -w net.core.rmem_max=4194304 net.core.wmem_max=4194304";
        assert_eq!(small.mend.as_deref(), Some(mend));
        assert_eq!(allow(SOCKET_BUFFER_BYTES), Finding::ok("UDP buffers: 4096 KiB"));
        assert_eq!(buffers(Path::new("/nowhere")).state, State::Ok);
    }

    #[test]
    fn an_address_that_is_taken_is_missing() {
        let address = ([127, 0, 0, 1], 80).into();
        let reason = Reason::System(io::ErrorKind::AddrInUse.into());
        let taken = CannotListen { listener: "shop".to_owned(), address, reason };
        let finding = listener("shop", address, Some(&taken));
        assert_eq!(finding.state, State::Missing);
        assert!(finding.mend.unwrap().contains("[listeners.shop]"));
        assert_eq!(listener("shop", address, None).state, State::Ok);
    }
}
