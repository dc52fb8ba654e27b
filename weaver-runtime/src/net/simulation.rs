//! Balancing and retries against made-up replicas, in virtual time. The seed is in each failure's
//! message; `WEAVER_SEED=n` runs that one again.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

use fastrand::Rng;

use super::{
    balance::{Balance, Chosen, Trouble},
    retry::{self, Decision, Fate, Progress, RetryBudget},
    routes::{ReplicaAddress, ReplicaId},
};

const MS: Duration = Duration::from_millis(1);

/// How a replica behaves at a time of the run.
#[derive(Clone, Copy)]
enum Behaviour {
    /// It answers in this time on average; the times are spread exponentially.
    Answers(Duration),
    Unreachable,
    /// It takes the call and is lost with it after this time.
    Dies(Duration),
    Overloaded,
}

type Behaviours = fn(replica: u32, since_start: Duration) -> Behaviour;

struct Simulation {
    behaviours: Behaviours,
    balance: Balance,
    budget: RetryBudget,
    idempotent: bool,
    start: Instant,
    now: Instant,
    rng: Rng,
    events: BinaryHeap<Reverse<Event>>,
    calls: HashMap<u64, Call>,
    events_made: u64,
    in_flight: HashMap<ReplicaAddress, usize>,
    sent: Vec<Sent>,
    calls_failed: u32,
}

/// By time, then in the order in which they were made.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Event {
    at: Instant,
    number: u64,
    what: What,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum What {
    /// A call's attempt ended, as it began at this time.
    Ended { call: u64, began: Instant },
    /// A call's pause is over.
    Again { call: u64 },
}

struct Call {
    key: Option<u64>,
    sent: u32,
    tried: Vec<Arc<ReplicaAddress>>,
    attempt: Option<(Chosen, Behaviour)>,
}

/// An attempt that reached for a replica.
struct Sent {
    replica: u32,
    key: Option<u64>,
    at: Duration,
}

impl Simulation {
    fn new(replicas: u32, behaviours: Behaviours, seed: u64) -> Self {
        let start = Instant::now();
        let replicas: Vec<_> = (0..replicas).map(replica).collect();
        let mut balance = Balance::default();
        balance.set_replicas(&replicas, start);
        Self {
            behaviours,
            balance,
            budget: RetryBudget::new(start),
            idempotent: true,
            start,
            now: start,
            rng: Rng::with_seed(seed),
            events: BinaryHeap::new(),
            calls: HashMap::new(),
            events_made: 0,
            in_flight: HashMap::new(),
            sent: Vec::new(),
            calls_failed: 0,
        }
    }

    /// Makes calls at even intervals, and lets all of them end.
    fn run(&mut self, calls: u64, interval: Duration, key: impl Fn(u64) -> Option<u64>) {
        for number in 0..calls {
            self.run_until(self.now + interval);
            self.budget.deposit();
            let call = Call { key: key(number), sent: 0, tried: Vec::new(), attempt: None };
            let id = self.events_made;
            self.calls.insert(id, call);
            self.send(id);
        }
        while let Some(Reverse(last)) = self.events.peek() {
            self.run_until(last.at);
        }
    }

    fn run_until(&mut self, until: Instant) {
        while self.events.peek().is_some_and(|Reverse(event)| event.at <= until) {
            let Reverse(event) = self.events.pop().unwrap();
            self.now = event.at;
            match event.what {
                What::Ended { call, began } => self.end(call, began),
                What::Again { call } => self.send(call),
            }
        }
        self.now = until;
    }

    fn send(&mut self, id: u64) {
        let call = self.calls.get_mut(&id).unwrap();
        let load = |replica: &ReplicaAddress| Some(*self.in_flight.get(replica).unwrap_or(&0));
        let (now, rng) = (self.now, &mut self.rng);
        let chosen = self
            .balance
            .choose(call.key, &call.tried, load, now, rng)
            // What may have run and has no untried replica left goes to any.
            .or_else(|| self.balance.choose(call.key, &[], load, now, rng))
            .unwrap();
        let replica = chosen.replica.replica.index;
        let behaviour = (self.behaviours)(replica, now - self.start);
        let takes = behaviour.takes(rng);
        call.sent += 1;
        call.tried.push(Arc::clone(&chosen.replica));
        self.sent.push(Sent { replica, key: call.key, at: now - self.start });
        *self.in_flight.entry((*chosen.replica).clone()).or_default() += 1;
        call.attempt = Some((chosen, behaviour));
        self.schedule(takes, What::Ended { call: id, began: now });
    }

    fn schedule(&mut self, pause: Duration, what: What) {
        self.events_made += 1;
        let (at, number) = (self.now + pause, self.events_made);
        self.events.push(Reverse(Event { at, number, what }));
    }

    fn end(&mut self, id: u64, began: Instant) {
        let call = self.calls.get_mut(&id).unwrap();
        let (chosen, behaviour) = call.attempt.take().unwrap();
        *self.in_flight.get_mut(&*chosen.replica).unwrap() -= 1;
        let (now, rng) = (self.now, &mut self.rng);
        let (trouble, fate) = match behaviour {
            Behaviour::Answers(_) => {
                self.balance.succeeded(&chosen, now - began, now, rng);
                self.calls.remove(&id);
                return;
            }
            Behaviour::Unreachable => (Trouble::Unreachable, Fate::Unsent),
            Behaviour::Dies(_) => (Trouble::Lost, Fate::Unknown),
            Behaviour::Overloaded => (Trouble::Refused, Fate::Refused),
        };
        self.balance.failed(&chosen, trouble, now, rng);
        self.decide(id, fate);
    }

    fn decide(&mut self, id: u64, fate: Fate) {
        let call = &self.calls[&id];
        let has_untried = self.balance.has_untried(&call.tried, |_| Some(0), self.now);
        let progress = Progress {
            idempotent: self.idempotent,
            is_spent: false,
            sent: call.sent,
            has_untried,
            left: None,
        };
        match retry::after(fate, &progress, &mut self.budget, self.now, &mut self.rng) {
            Decision::RetryAfter(pause) => self.schedule(pause, What::Again { call: id }),
            // The router would wait for a replica; here the call counts as failed.
            Decision::Elsewhere if has_untried => self.schedule(MS, What::Again { call: id }),
            Decision::Elsewhere | Decision::Return => {
                self.calls_failed += 1;
                self.calls.remove(&id);
            }
        }
    }

    fn sent_to(&self, replica: u32) -> usize {
        self.sent.iter().filter(|sent| sent.replica == replica).count()
    }

    /// The part of what was sent in a time that went to a replica.
    fn share(&self, replica: u32, from_seconds: u64, to_seconds: u64) -> f64 {
        let seconds = from_seconds..to_seconds;
        let sent = || self.sent.iter().filter(|sent| seconds.contains(&sent.at.as_secs()));
        sent().filter(|sent| sent.replica == replica).count() as f64 / sent().count() as f64
    }
}

impl Behaviour {
    fn takes(self, rng: &mut Rng) -> Duration {
        match self {
            Self::Answers(average) => average.mul_f64(-(1.0 - rng.f64()).ln()),
            Self::Dies(after) => after,
            Self::Unreachable | Self::Overloaded => MS / 10,
        }
    }
}

fn replica(index: u32) -> ReplicaAddress {
    let port = 1000 + u16::try_from(index).unwrap();
    let replica = ReplicaId { group: "cart".to_owned(), index };
    ReplicaAddress { replica, address: ([127, 0, 0, 1], port).into() }
}

fn seeds() -> Vec<u64> {
    match std::env::var("WEAVER_SEED") {
        Ok(seed) => vec![seed.parse().expect("WEAVER_SEED is a number")],
        Err(_) => (0..3).collect(),
    }
}

#[test]
fn load_spreads_evenly_over_equal_replicas() {
    for seed in seeds() {
        let mut simulation = Simulation::new(4, |_, _| Behaviour::Answers(5 * MS), seed);
        simulation.run(50_000, MS, |_| None);
        for index in 0..4 {
            let share = simulation.share(index, 0, 50);
            assert!((0.24..0.26).contains(&share), "seed {seed}: {index} has {share}");
        }
        assert_eq!(simulation.calls_failed, 0, "seed {seed}");
    }
}

#[test]
fn a_dead_replica_is_tried_a_few_times_and_costs_nobody_an_error() {
    for seed in seeds() {
        let dead = |index, _| match index {
            0 => Behaviour::Unreachable,
            _ => Behaviour::Answers(5 * MS),
        };
        let mut simulation = Simulation::new(3, dead, seed);
        simulation.run(100_000, MS, |_| None);
        let tries = simulation.sent_to(0);
        // Seven pauses that grow, then one every 5 to 10 s of the 100.
        assert!((10..=40).contains(&tries), "seed {seed}: {tries} tries");
        assert_eq!(simulation.calls_failed, 0, "seed {seed}");
    }
}

#[test]
fn a_slow_replica_has_a_small_share_and_gets_its_own_back() {
    for seed in seeds() {
        let slow = |index, since_start: Duration| match (index, since_start.as_secs()) {
            (0, 10..40) => Behaviour::Answers(50 * MS),
            _ => Behaviour::Answers(5 * MS),
        };
        let mut simulation = Simulation::new(3, slow, seed);
        simulation.run(80_000, MS, |_| None);
        let [before, slow, after] =
            [(0, 10), (10, 40), (50, 80)].map(|(from, to)| simulation.share(0, from, to));
        assert!((0.32..0.35).contains(&before), "seed {seed}: {before} before");
        assert!(slow < 0.01, "seed {seed}: {slow} while it was slow");
        assert!((0.32..0.35).contains(&after), "seed {seed}: {after} after");
    }
}

#[test]
fn when_the_whole_group_becomes_slower_nobody_is_left_out_for_long() {
    for seed in seeds() {
        let slower = |_, since_start: Duration| match since_start.as_secs() {
            0..10 => Behaviour::Answers(5 * MS),
            _ => Behaviour::Answers(100 * MS),
        };
        let mut simulation = Simulation::new(4, slower, seed);
        simulation.run(30_000, MS, |_| None);
        for index in 0..4 {
            let share = simulation.share(index, 12, 30);
            assert!((0.22..0.28).contains(&share), "seed {seed}: {index} has {share}");
        }
    }
}

/// What everything that fails may add to the traffic of so many calls within so much time.
fn traffic_max(calls: u64, elapsed: Duration) -> f64 {
    let (reserve, saved) = (10.0 * (elapsed.as_secs_f64() + 1.0), 1_000.0);
    calls as f64 * 1.2 + reserve + saved
}

#[test]
fn a_dead_backend_meets_little_more_traffic_than_a_live_one() {
    const CALLS: u64 = 100_000;
    let deaths: [Behaviours; 2] = [|_, _| Behaviour::Dies(MS), |_, _| Behaviour::Overloaded];
    for (death, seed) in deaths.into_iter().flat_map(|d| seeds().into_iter().map(move |s| (d, s))) {
        let mut simulation = Simulation::new(3, death, seed);
        simulation.run(CALLS, MS, |_| None);
        let (sent, max) = (simulation.sent.len() as f64, traffic_max(CALLS, 100_000 * MS));
        assert!(sent > CALLS as f64 * 1.19, "seed {seed}: {sent}: the budget is not used");
        assert!(sent <= max, "seed {seed}: {sent} attempts, {max} allowed");
    }
}

#[test]
fn calls_that_may_not_run_twice_never_do() {
    for seed in seeds() {
        let mut simulation = Simulation::new(3, |_, _| Behaviour::Dies(MS), seed);
        simulation.idempotent = false;
        simulation.run(1_000, MS, |_| None);
        assert_eq!(simulation.sent.len(), 1_000, "seed {seed}");
    }
}

#[test]
fn one_overloaded_replica_costs_nobody_an_error() {
    for seed in seeds() {
        let overloaded = |index, _| match index {
            0 => Behaviour::Overloaded,
            _ => Behaviour::Answers(5 * MS),
        };
        let mut simulation = Simulation::new(3, overloaded, seed);
        simulation.idempotent = false;
        simulation.run(10_000, MS, |_| None);
        assert_eq!(simulation.calls_failed, 0, "seed {seed}");
        assert!(simulation.sent_to(0) < 30, "seed {seed}: {}", simulation.sent_to(0));
    }
}

#[test]
fn keys_stay_with_their_replica_but_while_it_is_dead() {
    for seed in seeds() {
        let dead = |index, since_start: Duration| match (index, since_start.as_secs()) {
            (2, 5..10) => Behaviour::Unreachable,
            _ => Behaviour::Answers(5 * MS),
        };
        let mut simulation = Simulation::new(4, dead, seed);
        simulation.run(40_000, MS, |number| Some(number % 500));
        let homes: HashMap<_, _> =
            simulation.sent.iter().take(500).map(|sent| (sent.key, sent.replica)).collect();
        for sent in &simulation.sent {
            let home = homes[&sent.key];
            // It may stand outside for as long as the longest pause after it has recovered.
            let moved = home == 2 && (5..21).contains(&sent.at.as_secs());
            assert!(sent.replica == home || moved, "seed {seed}: {:?} at {:?}", sent.key, sent.at);
        }
    }
}
