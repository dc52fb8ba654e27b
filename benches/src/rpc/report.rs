//! What a run tells: a table to read, and JSON with every round.

use std::{fmt::Write, fs, path::Path, time::Duration};

use serde::Serialize;
use weaver::{Context, Result};

use super::{
    load::{Cell, Measured},
    part::Flavour,
    peers::System,
};
use crate::{
    figures::{median, two_digits},
    origin::{Origin, PACKAGE},
};

/// A run.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    #[serde(flatten)]
    origin: Origin,
    versions: Vec<(&'static str, String)>,
    rounds: usize,
    milliseconds: u128,
    rows: Vec<Row>,
}

/// One system in one cell.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    flavour: Flavour,
    cell: Cell,
    system: System,
    pub(crate) rounds: Vec<Measured>,
}

impl Row {
    /// The one among `rows`, which may be new.
    pub(crate) fn of(
        rows: &mut Vec<Self>,
        flavour: Flavour,
        cell: Cell,
        system: System,
    ) -> &mut Self {
        let index = rows.iter().position(|row| row.is(flavour, cell, system));
        let index = index.unwrap_or_else(|| {
            rows.push(Self { flavour, cell, system, rounds: Vec::new() });
            rows.len() - 1
        });
        &mut rows[index]
    }

    fn is(&self, flavour: Flavour, cell: Cell, system: System) -> bool {
        (self.flavour, self.cell, self.system) == (flavour, cell, system)
    }

    fn median(&self, value: fn(&Measured) -> f64) -> f64 {
        median(self.rounds.iter().map(value))
    }
}

const RATE: fn(&Measured) -> f64 = |measured| measured.calls_per_second;
const CPU: fn(&Measured) -> f64 = |measured| measured.cpu_us;

impl Report {
    pub(crate) fn new(rows: Vec<Row>, rounds: usize, time: Duration) -> Self {
        Self {
            origin: Origin::now(),
            versions: PACKAGES.iter().map(|name| (*name, locked(name))).collect(),
            rounds,
            milliseconds: time.as_millis(),
            rows,
        }
    }

    /// Beside the reports of other runs.
    pub(crate) fn keep(&self) -> Result<()> {
        let directory = Path::new(PACKAGE).join("reports");
        fs::create_dir_all(&directory)?;
        let Origin { date, commit, .. } = &self.origin;
        let file = directory.join(format!("{date}-{commit}"));
        let json = serde_json::to_string(self).context("cannot write JSON")?;
        // A line for each row can be compared with another run's.
        let json = json.replace(r#"{"flavour""#, "\n{\"flavour\"");
        fs::write(file.with_added_extension("json"), json + "\n")?;
        let file = file.with_added_extension("md");
        fs::write(&file, self.to_markdown())?;
        eprintln!("written: {}", file.display());
        Ok(())
    }

    pub(crate) fn to_markdown(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        let Self { origin, rounds, milliseconds, .. } = self;
        write!(out, "{}", origin.heading("Calls beside other systems"))?;
        let versions = self.versions.iter().map(|(name, version)| format!("{name} {version}"));
        writeln!(out, "{}.", versions.collect::<Vec<_>>().join(", "))?;
        writeln!(out, "Medians of {rounds} rounds of {milliseconds} ms, systems in turns.")?;
        writeln!(out, "ct: current-thread runtimes, mt: two workers each.\n")?;
        writeln!(out, "## Calls a second, ours ÷ theirs (above 1 ours does more)\n")?;
        self.write_ratios(out, RATE)?;
        writeln!(out, "\n## Processor time of a call, ours ÷ theirs (below 1 ours takes less)\n")?;
        self.write_ratios(out, CPU)?;
        writeln!(out, "\n## Each\n")?;
        self.write_rows(out)
    }

    /// A line for each peer, a column for each cell.
    fn write_ratios(&self, out: &mut String, value: fn(&Measured) -> f64) -> std::fmt::Result {
        let mut cells: Vec<Cell> = Vec::new();
        for row in &self.rows {
            if !cells.contains(&row.cell) {
                cells.push(row.cell);
            }
        }
        let names = cells.iter().map(|cell| format!(" {} × {} |", cell.in_flight, cell.size()));
        writeln!(out, "| against | |{}", names.collect::<String>())?;
        writeln!(out, "| --- | --- |{}", " --: |".repeat(cells.len()))?;
        let measured = |system: &System| self.rows.iter().any(|row| row.system == *system);
        for system in System::ALL.into_iter().filter(|system| !system.is_ours() && measured(system))
        {
            for flavour in [Flavour::CurrentThread, Flavour::MultiThread] {
                write!(out, "| {system} | {flavour} |")?;
                for &cell in &cells {
                    let row = self.rows.iter().find(|row| row.is(flavour, cell, system));
                    let ratio = row.and_then(|row| self.ratio(row, value));
                    write!(out, " {} |", ratio.map_or("–".to_owned(), two_digits))?;
                }
                writeln!(out)?;
            }
        }
        Ok(())
    }

    fn write_rows(&self, out: &mut String) -> std::fmt::Result {
        writeln!(
            out,
            "| calls of | in flight | | | calls/s | p50 µs | p99 µs | CPU µs | calls/s, ours ÷ theirs | CPU, ours ÷ theirs |"
        )?;
        writeln!(out, "| --: | --: | --- | --- | --: | --: | --: | --: | --: | --: |")?;
        for row in &self.rows {
            let Row { flavour, cell, system, .. } = row;
            write!(out, "| {} | {} | {flavour} | {system} |", cell.size(), cell.in_flight)?;
            write!(out, " {:.0} |", row.median(RATE))?;
            write!(out, " {:.0} |", row.median(|measured| measured.p50_us))?;
            write!(out, " {:.0} |", row.median(|measured| measured.p99_us))?;
            write!(out, " {:.1} |", row.median(CPU))?;
            for value in [RATE, CPU] {
                let ratio = self.ratio(row, value).filter(|_| !system.is_ours());
                write!(out, " {} |", ratio.map_or(String::new(), two_digits))?;
            }
            writeln!(out)?;
        }
        Ok(())
    }

    /// Ours ÷ theirs, the median of each round's.
    fn ratio(&self, row: &Row, value: fn(&Measured) -> f64) -> Option<f64> {
        let ours =
            self.rows.iter().find(|ours| ours.is(row.flavour, row.cell, row.system.ours()))?;
        let rounds = ours.rounds.iter().zip(&row.rounds);
        Some(median(rounds.map(|(ours, theirs)| value(ours) / value(theirs))))
    }
}

const PACKAGES: [&str; 8] = [
    "tokio",
    "quinn",
    "rustls",
    "tonic",
    "tarpc",
    "capnp-rpc",
    "wrpc-transport",
    "wrpc-transport-quic",
];

/// The version of a package that this program is built with.
fn locked(package: &str) -> String {
    let lock = include_str!("../../../Cargo.lock");
    let version = lock.split_once(&format!("\nname = \"{package}\"\nversion = \""));
    let version = version.and_then(|(_, rest)| rest.split_once('"'));
    version.map_or("unknown", |(version, _)| version).to_owned()
}
