//! What a run tells: a line for each system in each cell, without loss and with it.

use std::fmt;

use super::{Plan, link::Counts};
use crate::{
    figures::{median, two_digits},
    origin::Origin,
    rpc::{
        load::{Cell, Measured},
        part::Flavour,
        peers::System,
    },
};

/// A run.
#[derive(Debug)]
pub(crate) struct Report<'a> {
    pub(super) plan: &'a Plan,
    pub(crate) rows: Vec<Row>,
    /// Of both directions.
    pub(crate) counts: [Counts; 2],
    /// By the kernel, before the relay.
    pub(crate) dropped: [u64; 2],
}

/// One system in one cell.
#[derive(Debug)]
pub(crate) struct Row {
    flavour: Flavour,
    cell: Cell,
    system: System,
    without_loss: Vec<Measured>,
    with_loss: Vec<Measured>,
}

impl Row {
    /// The one among `rows`, which may be new.
    pub(crate) fn of(
        rows: &mut Vec<Self>,
        flavour: Flavour,
        cell: Cell,
        system: System,
    ) -> &mut Self {
        let wanted = (flavour, cell, system);
        let index = rows.iter().position(|row| (row.flavour, row.cell, row.system) == wanted);
        let index = index.unwrap_or_else(|| {
            let (without_loss, with_loss) = (Vec::new(), Vec::new());
            rows.push(Self { flavour, cell, system, without_loss, with_loss });
            rows.len() - 1
        });
        &mut rows[index]
    }

    pub(crate) fn push(&mut self, loss: u32, measured: Measured) {
        match loss {
            0 => self.without_loss.push(measured),
            _ => self.with_loss.push(measured),
        }
    }

    /// Of the rounds so far, if there are any.
    pub(crate) fn median_without_loss_us(&self) -> Option<f64> {
        let medians = self.without_loss.iter().map(|measured| measured.p50_us);
        (!self.without_loss.is_empty()).then(|| median(medians))
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { plan, rows, counts, dropped } = self;
        let Plan { rounds, tcp, seed, .. } = plan;
        write!(f, "{}", Origin::now().heading("Calls over a path of 1 ms each way"))?;
        writeln!(f, "Medians of {rounds} rounds, systems in turns; TCP with {tcp}; seed {seed}.")?;
        let sum = |value: fn(&Counts) -> u64| counts.iter().map(value).sum::<u64>();
        let (arrived, lost) = (sum(|counts| counts.arrived), sum(|counts| counts.lost));
        let (refused, dropped) = (sum(|counts| counts.refused), dropped.iter().sum::<u64>());
        write!(f, "{arrived} packets arrived, {lost} were lost by chance, {refused} because the ")?;
        writeln!(f, "relay's queue was full, {dropped} before it.\n")?;
        write!(f, "| | calls of | in flight | | calls/s | p50 ms | p99 | p99.9 | CPU µs ")?;
        writeln!(f, "| 1 % loss: calls/s | p50 ms | p99 | p99.9 | CPU µs | held up |")?;
        writeln!(f, "| --- | --: | --: | --- |{}", " --: |".repeat(11))?;
        for row in rows {
            let Row { flavour, cell, system, without_loss, with_loss } = row;
            write!(f, "| {flavour} | {} | {} | {system} |", cell.size(), cell.in_flight)?;
            write_rounds(f, without_loss)?;
            write_rounds(f, with_loss)?;
            let held_up = median(with_loss.iter().filter_map(|measured| measured.held_up));
            writeln!(f, " {} % |", two_digits(held_up * 100.0))?;
        }
        Ok(())
    }
}

fn write_rounds(f: &mut fmt::Formatter<'_>, rounds: &[Measured]) -> fmt::Result {
    let of = |value: fn(&Measured) -> f64| median(rounds.iter().map(value));
    write!(f, " {:.0} |", of(|measured| measured.calls_per_second))?;
    let latencies: [fn(&Measured) -> f64; 3] =
        [|measured| measured.p50_us, |measured| measured.p99_us, |measured| measured.p999_us];
    latencies.into_iter().try_for_each(|latency| write!(f, " {:.2} |", of(latency) / 1e3))?;
    write!(f, " {} |", two_digits(of(|measured| measured.cpu_us)))
}
