//! [`Table`]: a row for each deployment, and what grew faster than the deployment did.

use std::fmt;

use super::{
    Calls, Shape,
    census::{Holding, Holdings},
    growth::Growth,
};
use crate::figures::two_digits;

/// What one deployment did and held.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) shape: Shape,
    pub(crate) calls: Calls,
    /// Those of callers that have one in flight.
    pub(crate) alone: Calls,
    /// Shares of a core while nobody calls.
    pub(crate) idle_of_nodes: f64,
    pub(crate) idle_of_deployer: f64,
    pub(crate) holdings: Holdings,
}

impl Row {
    fn nodes(&self) -> f64 {
        self.holdings.nodes.processes as f64
    }

    /// From callers to callees, from `main` to callers, and from the deployer to every node.
    fn connections(&self) -> f64 {
        (self.shape.pairs() + self.shape.callers) as f64 + self.nodes()
    }
}

/// Something that is measured, and how many it is for.
struct Column {
    name: &'static str,
    /// What it may grow with.
    unit: &'static str,
    digits: usize,
    figure: fn(&Row) -> f64,
    units: fn(&Row) -> f64,
}

const COLUMNS: [Column; 10] = [
    Column {
        name: "CPU µs",
        unit: "call",
        digits: 1,
        figure: |row| row.calls.cpu_us,
        units: |_| 1.0,
    },
    Column {
        name: "waits",
        unit: "call",
        digits: 2,
        figure: |row| row.calls.waits,
        units: |_| 1.0,
    },
    Column {
        name: "a caller, MiB",
        unit: "callee",
        digits: 1,
        figure: |row| mebibytes(&row.holdings.callers),
        units: |row| row.shape.callees as f64,
    },
    Column {
        name: "a callee, MiB",
        unit: "caller",
        digits: 1,
        figure: |row| mebibytes(&row.holdings.callees),
        units: |row| row.shape.callers as f64,
    },
    Column {
        name: "deployer, MiB",
        unit: "node",
        digits: 1,
        figure: |row| mebibytes(&row.holdings.deployer),
        units: Row::nodes,
    },
    Column {
        name: "threads",
        unit: "node",
        digits: 0,
        figure: |row| row.holdings.nodes.threads as f64,
        units: Row::nodes,
    },
    Column {
        name: "files",
        unit: "connection",
        digits: 0,
        figure: |row| row.holdings.nodes.files as f64,
        units: Row::connections,
    },
    Column {
        name: "deployer, files",
        unit: "node",
        digits: 0,
        figure: |row| row.holdings.deployer.files as f64,
        units: Row::nodes,
    },
    Column {
        name: "idle, % of a core",
        unit: "connection",
        digits: 2,
        figure: |row| row.idle_of_nodes * 100.0,
        units: Row::connections,
    },
    Column {
        name: "deployer idle, %",
        unit: "node",
        digits: 2,
        figure: |row| row.idle_of_deployer * 100.0,
        units: Row::nodes,
    },
];

/// Of one process, if there are several.
fn mebibytes(holding: &Holding) -> f64 {
    holding.resident_kibibytes as f64 / 1024.0 / holding.processes as f64
}

impl Column {
    /// The figure of each row for each unit.
    fn each(&self, rows: &[Row]) -> Vec<f64> {
        rows.iter().map(|row| (self.figure)(row) / (self.units)(row)).collect()
    }
}

/// Deployments that grow in one way.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) title: &'static str,
    pub(crate) shapes: &'static [Shape],
}

impl Table {
    /// In Markdown.
    pub(crate) fn of<'a>(&'a self, rows: &'a [Row]) -> impl fmt::Display + 'a {
        fmt::from_fn(move |f| {
            write!(f, "| {} | nodes | calls/s |", self.title)?;
            for Column { name, unit, .. } in &COLUMNS {
                write!(f, " {name} (÷ {unit}) |")?;
            }
            writeln!(f, "\n|{}", " --: |".repeat(3 + COLUMNS.len()))?;
            for (index, row) in rows.iter().enumerate() {
                let Row { shape, calls, .. } = row;
                write!(f, "| {} | {} | {:.0} |", shape.pairs(), row.nodes(), calls.per_second)?;
                for column in &COLUMNS {
                    let (figure, digits) = ((column.figure)(row), column.digits);
                    let ratio = two_digits(Growth(&column.each(rows)).ratio(index));
                    write!(f, " {figure:.digits$} ({ratio}) |")?;
                }
                writeln!(f)?;
            }
            if let Some(Row { alone: Calls { cpu_us, waits, .. }, .. }) = rows.first() {
                write!(
                    f,
                    "\nOne call at a time, which shares no write and no wake-up with others, "
                )?;
                writeln!(f, "takes {cpu_us:.1} CPU µs and {waits:.2} waits in the first row.")?;
            }
            let is_faster = |column: &&Column| Growth(&column.each(rows)).is_faster_than_linear();
            let faster: Vec<_> =
                COLUMNS.iter().filter(is_faster).map(|column| column.name).collect();
            match &faster[..] {
                [] => writeln!(f, "\nNothing grew faster than linear."),
                _ => writeln!(f, "\nFaster than linear: {}.", faster.join("; ")),
            }
        })
    }
}
