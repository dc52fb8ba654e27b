//! [`Origin`]: when, from which commit and on which machine figures were measured.

use std::{fmt, fs, process::Command};

use serde::Serialize;

/// The directory of this package, in the checkout that the program was built from.
pub(crate) const PACKAGE: &str = env!("CARGO_MANIFEST_DIR");

#[derive(Debug, Serialize)]
pub(crate) struct Origin {
    pub(crate) date: String,
    pub(crate) commit: String,
    machine: Machine,
}

#[derive(Debug, Serialize)]
struct Machine {
    processor: String,
    processors: usize,
    kernel: String,
    rustc: String,
}

impl Origin {
    pub(crate) fn now() -> Self {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let processor = cpuinfo.lines().find_map(|line| line.strip_prefix("model name"));
        let processor = processor.and_then(|line| line.split_once(": ")).map(|(_, name)| name);
        Self {
            date: output_of("date", &["-u", "+%F"]),
            commit: output_of("git", &["-C", PACKAGE, "describe", "--always", "--dirty"]),
            machine: Machine {
                processor: processor.unwrap_or("unknown").to_owned(),
                processors: std::thread::available_parallelism().map_or(0, usize::from),
                kernel: output_of("uname", &["-sr"]),
                rustc: output_of("rustc", &["--version"]),
            },
        }
    }

    /// A heading, and the machine below it.
    pub(crate) fn heading<'a>(&'a self, title: &'a str) -> impl fmt::Display + 'a {
        fmt::from_fn(move |f| {
            let Self { date, commit, machine } = self;
            let Machine { processor, processors, kernel, rustc } = machine;
            writeln!(f, "# {title}, {date}, {commit}\n")?;
            writeln!(f, "{processors} × {processor}, {kernel}, {rustc}.")
        })
    }
}

fn output_of(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let output = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    output.ok().filter(|output| !output.is_empty()).unwrap_or_else(|| "unknown".to_owned())
}
