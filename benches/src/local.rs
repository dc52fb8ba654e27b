//! Direct calls: ours, and what people write where both ends are in one process.

mod calls;
mod idle;

use weaver::{Error, Result};

use crate::{
    figures::{median, two_digits},
    origin::Origin,
};
use calls::{Round, Run};

const ROUNDS: usize = 15;

/// A row of the table: its name, and its figure of a round.
type Row = (&'static str, fn(&Round) -> f64);

const ROWS: [Row; 3] = [
    ("`Ref<dyn Trait>`, ours", |round| round.ours),
    ("`Arc<dyn Trait>` with async-trait", |round| round.async_trait),
    ("an `async fn` of a struct", |round| round.plain),
];

/// `--idle` builds programs with other components, which takes minutes.
pub(crate) fn main(arguments: impl Iterator<Item = String>) -> Result<()> {
    let idle = match arguments.collect::<Vec<_>>().join(" ").as_str() {
        "" => false,
        "--idle" => true,
        _ => return Err(Error::msg("the one option is `--idle`")),
    };
    let Run { rounds, .. } = calls::run(ROUNDS)?;
    println!("{}", Origin::now().heading("Direct calls"));
    println!("| a call with two integers | ns | ours ÷ it |");
    println!("| --- | --: | --: |");
    for (name, value) in ROWS {
        let ratio = median(rounds.iter().map(|round| round.ours / value(round)));
        let each = median(rounds.iter().map(value));
        println!("| {name} | {each:.1} | {} |", two_digits(ratio));
    }
    if idle { idle::main() } else { Ok(()) }
}
