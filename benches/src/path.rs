//! Calls over a path that takes a millisecond each way, and loses packets or does not. Both processes
//! of a system are in network namespaces of their own, which only a relay in this process connects: the
//! kernel's own means for that, netem, is not everywhere.

mod ends;
mod link;
mod relay;
mod report;

use std::{net::Ipv4Addr, path::Path, time::Duration};

use weaver::{Context, Error, Result};

use crate::rpc::{
    load::Cell,
    part::{Contestant, Flavour, Place},
    peers::{Identity, System},
};
use ends::End;
use link::MILLION;
use relay::Relay;
use report::{Report, Row};

/// Each way.
const DELAY: Duration = Duration::from_millis(1);

/// In parts of a million. The first is what the others are compared with.
const LOSSES: [u32; 2] = [0, MILLION / 100];

/// Calls that take longer than so many times the median without loss were held up.
const HELD_UP_FACTOR: f64 = 2.0;

/// Addresses that belong to nobody (RFC 5737).
const CLIENT: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const SERVER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);

/// Ours, what it could be, and what others use. `Ours` without `serde_bytes` would measure serde.
const SYSTEMS: [System; 3] = [System::OursMarked, System::Floor, System::TonicTls];

/// What is called, and for how long in each round: thousands of calls wherever they are quick.
const CELLS: [(Cell, Duration); 6] = [
    (Cell { payload_bytes: 64, in_flight: 1 }, Duration::from_secs(4)),
    (Cell { payload_bytes: 64, in_flight: 8 }, Duration::from_secs(2)),
    (Cell { payload_bytes: 64, in_flight: 64 }, Duration::from_secs(2)),
    (Cell { payload_bytes: 64, in_flight: 512 }, Duration::from_secs(2)),
    (Cell { payload_bytes: 1 << 10, in_flight: 64 }, Duration::from_secs(2)),
    (Cell { payload_bytes: 64 << 10, in_flight: 8 }, Duration::from_secs(3)),
];

/// How it is measured.
#[derive(Debug)]
struct Plan {
    systems: Vec<System>,
    rounds: usize,
    /// The times of the cells are divided by this.
    haste: u32,
    /// How TCP controls congestion, by the kernel's name for it.
    tcp: String,
    /// Decides what is lost, in the order of the packets, which is never quite the same.
    seed: u64,
}

impl Plan {
    /// `--smoke` tells whether everything works; `--seed N` takes a seed again; `--tcp NAME` takes another
    /// congestion control than QUIC's. Words choose the systems that have one of them in their names.
    fn of(arguments: impl Iterator<Item = String>) -> Result<Self> {
        let mut arguments = arguments;
        let (seed, tcp) = (fastrand::u64(..), "cubic".to_owned());
        let mut plan = Self { systems: SYSTEMS.to_vec(), rounds: 3, haste: 1, tcp, seed };
        let mut named = Vec::new();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().context(format!("`{argument}` needs a value"));
            match argument.as_str() {
                "--smoke" => (plan.rounds, plan.haste) = (1, 20),
                "--seed" => plan.seed = value()?.parse().context("a seed is a number")?,
                "--tcp" => plan.tcp = value()?,
                word if word.starts_with('-') => {
                    let options = "the options are `--smoke`, `--seed N` and `--tcp NAME`";
                    return Err(Error::msg(options));
                }
                word => named.extend(System::ALL.iter().filter(|s| s.to_string().contains(word))),
            }
        }
        if !named.is_empty() {
            plan.systems = named;
        }
        Ok(plan)
    }
}

/// The harness.
pub(crate) fn main(arguments: impl Iterator<Item = String>) -> Result<()> {
    let plan = Plan::of(arguments)?;
    ends::check()?;
    Flavour::CurrentThread.runtime()?.block_on(measure(&plan))
}

async fn measure(plan: &Plan) -> Result<()> {
    let (client, of_client) = End::new(CLIENT, &plan.tcp).await?;
    let (server, of_server) = End::new(SERVER, &plan.tcp).await?;
    eprintln!("seed {}", plan.seed);
    let relay = Relay::start([of_client, of_server], DELAY, plan.seed)?;
    let place = Place::Apart { server: server.pid, at: server.address, client: client.pid };
    let mut rows = Vec::new();
    for flavour in [Flavour::CurrentThread, Flavour::MultiThread] {
        // No handshake is lost: what comes after it is measured.
        relay.set_loss(0);
        let directories = tempfile::tempdir()?;
        let mut contestants =
            contestants(&plan.systems, flavour, place, directories.path()).await?;
        for loss in LOSSES {
            relay.set_loss(loss);
            for round in 1..=plan.rounds {
                eprintln!("{flavour}, loss {loss} in a million: round {round} of {}", plan.rounds);
                for (cell, time) in CELLS {
                    for contestant in &mut contestants {
                        let row = Row::of(&mut rows, flavour, cell, contestant.system);
                        let threshold = row.median_without_loss_us().map(|us| us * HELD_UP_FACTOR);
                        let measured =
                            contestant.measure(cell, time / plan.haste, threshold).await?;
                        row.push(loss, measured);
                    }
                }
            }
        }
        for contestant in contestants {
            contestant.end().await?;
        }
    }
    let (counts, dropped) = (relay.counts(), [client.dropped()?, server.dropped()?]);
    // A namespace takes its device along.
    drop(relay);
    client.end().await?;
    server.end().await?;
    let report = Report { plan, rows, counts, dropped };
    println!("{report}");
    Ok(())
}

/// All systems, ready to be measured.
async fn contestants(
    systems: &[System],
    flavour: Flavour,
    place: Place,
    directories: &Path,
) -> Result<Vec<Contestant>> {
    let identity = Identity::new()?;
    let mut contestants = Vec::new();
    for &system in systems {
        let directory = directories.join(format!("{system:?}"));
        std::fs::create_dir(&directory)?;
        let contestant = Contestant::start(system, flavour, &identity, place, &directory).await;
        contestants.push(contestant.map_err(|error| error.context(format!("{system}")))?);
    }
    Ok(contestants)
}
