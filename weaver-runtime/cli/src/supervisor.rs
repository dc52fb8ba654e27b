//! [`Supervisor`]: decides when replicas are started, started again, and given up on. Pure: time and
//! chance are arguments, and what is to be done is returned.
//!
//! Call a `handle_*` method for what happened, or [`tick`](Supervisor::tick) when
//! [`next_tick`](Supervisor::next_tick) has come, and do what the returned actions say.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    time::{Duration, Instant},
};

use weaver_runtime::net::{ReplicaAddress, ReplicaId, Routes};

/// A replica that has not reported by then is killed and started again. It takes milliseconds, in a debug
/// build on a machine with many others starting some seconds.
const STARTING_SECONDS_MAX: u64 = 60;

/// A replica that is to be replaced, and has not ended by then, is killed.
const REPLACING_SECONDS_MAX: u64 = 10;

/// A replica whose last answer to a health call is older than this is killed and started again. A
/// handler that computes on every thread of the program for so long is a fault, too.
const SILENT_SECONDS_MAX: u64 = 15;

/// A replica that ran for this long before it ended is started again as if for the first time.
const STABLE_SECONDS: u64 = 10;

/// The pause before a replica is started again: it doubles from the first to the longest.
const FIRST_PAUSE_MILLISECONDS: u64 = 50;
const LONGEST_PAUSE_MILLISECONDS: u64 = 10_000;

/// After this many ends in a row a replica counts as crashing in a loop.
pub(crate) const CRASH_LOOP_ENDS: u32 = 5;

/// Which start of a replica something is about: a late event of an earlier process is nobody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Generation(u32);

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Start the process.
    Start(ReplicaId, Generation),
    /// End the process; its end is to be reported.
    Kill(ReplicaId, &'static str),
    /// Tell the process to finish what it has, and to end; its end is to be reported.
    Stop(ReplicaId),
    /// Tell everyone where the replicas are.
    Publish(Routes),
}

/// Where a replica is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Starting,
    Running {
        address: SocketAddr,
        last_answer: Instant,
    },
    Waiting {
        until: Instant,
    },
    /// It was told to stop, or the whole deployment ends. Until it has ended, it finishes what it has
    /// at its address, if it has reported one.
    Stopping {
        address: Option<SocketAddr>,
    },
    /// The same, and then it is started again.
    Replacing,
    Stopped,
}

/// One replica.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Replica {
    pub(crate) phase: Phase,
    /// Since when it has been in this phase.
    pub(crate) since: Instant,
    pub(crate) restarts: u32,
    generation: Generation,
    /// How often in a row it ended before it was stable.
    ends: u32,
}

/// The replicas of one deployment.
#[derive(Debug)]
pub(crate) struct Supervisor {
    replicas: BTreeMap<ReplicaId, Replica>,
    routes: Routes,
    stopping: bool,
    /// When time was last looked at.
    last_tick: Instant,
}

/// Whoever calls `tick` does so every second. A longer gap means that the deployer itself did not
/// run (a stopped process, a machine asleep), in which nobody could report or answer.
const GAP_SECONDS: u64 = 5;

impl Supervisor {
    /// All replicas of a plan, to be started.
    pub(crate) fn new(
        replicas: impl IntoIterator<Item = ReplicaId>,
        now: Instant,
    ) -> (Self, Vec<Action>) {
        let replicas: BTreeMap<_, _> =
            replicas.into_iter().map(|id| (id, Replica::new(now))).collect();
        let starts = replicas.keys().map(|id| Action::Start(id.clone(), Generation(0))).collect();
        (Self { replicas, routes: Routes::default(), stopping: false, last_tick: now }, starts)
    }

    pub(crate) fn replicas(&self) -> impl Iterator<Item = (&ReplicaId, &Replica)> {
        self.replicas.iter()
    }

    pub(crate) fn routes(&self) -> &Routes {
        &self.routes
    }

    /// A replica reported that it takes calls.
    pub(crate) fn handle_started(&mut self, at: &ReplicaAddress, now: Instant) -> Vec<Action> {
        let Some(replica) = self.replicas.get_mut(&at.replica) else { return Vec::new() };
        if replica.phase != Phase::Starting {
            return Vec::new();
        }
        replica.enter(Phase::Running { address: at.address, last_answer: now }, now);
        self.publish()
    }

    /// A replica answered its health call.
    pub(crate) fn handle_healthy(&mut self, id: &ReplicaId, at: SocketAddr, now: Instant) {
        let Some(replica) = self.replicas.get_mut(id) else { return };
        if let Phase::Running { address, last_answer } = &mut replica.phase
            && *address == at
        {
            *last_answer = now;
        }
    }

    /// A replica's process ended, or could not be started. `random` is in 0..1.
    pub(crate) fn handle_ended(
        &mut self,
        id: &ReplicaId,
        generation: Generation,
        now: Instant,
        random: f64,
    ) -> Vec<Action> {
        let Some(replica) = self.replicas.get_mut(id) else { return Vec::new() };
        if replica.generation != generation {
            return Vec::new();
        }
        if self.stopping || matches!(replica.phase, Phase::Stopping { .. }) {
            replica.enter(Phase::Stopped, now);
        } else if replica.phase == Phase::Replacing {
            replica.ends = 0;
            replica.enter(Phase::Waiting { until: now }, now);
        } else {
            let stable = matches!(replica.phase, Phase::Running { .. })
                && now.duration_since(replica.since) >= Duration::from_secs(STABLE_SECONDS);
            replica.ends = if stable { 1 } else { replica.ends.saturating_add(1) };
            let until = now + pause(replica.ends, random);
            replica.enter(Phase::Waiting { until }, now);
        }
        self.publish()
    }

    /// A replica has done what it was there for: it is not started again, unless it is replaced.
    pub(crate) fn handle_finished(&mut self, id: &ReplicaId, now: Instant) {
        if let Some(replica) = self.replicas.get_mut(id) {
            replica.enter(Phase::Stopping { address: None }, now);
        }
    }

    /// From now on these replicas are wanted; those that are there already are started anew where `changed` says so.
    pub(crate) fn handle_replace(
        &mut self,
        wanted: &BTreeSet<ReplicaId>,
        changed: impl Fn(&ReplicaId) -> bool,
        now: Instant,
    ) -> Vec<Action> {
        let mut actions = Vec::new();
        self.replicas.retain(|id, replica| replica.phase != Phase::Stopped || wanted.contains(id));
        for (id, replica) in &mut self.replicas {
            let is_wanted = wanted.contains(id);
            let has_ended = matches!(replica.phase, Phase::Stopping { .. } | Phase::Stopped);
            if is_wanted && !changed(id) && !has_ended {
                continue;
            }
            let (next, is_there) = match (replica.phase, is_wanted) {
                (Phase::Starting | Phase::Running { .. }, true) => (Phase::Replacing, true),
                (Phase::Stopping { .. }, true) => (Phase::Replacing, false),
                (Phase::Waiting { .. } | Phase::Stopped, true) => {
                    replica.ends = 0;
                    (Phase::Waiting { until: now }, false)
                }
                (Phase::Starting | Phase::Running { .. }, false) => {
                    (Phase::Stopping { address: None }, true)
                }
                (Phase::Replacing, false) => (Phase::Stopping { address: None }, false),
                (Phase::Waiting { .. }, false) => (Phase::Stopped, false),
                (Phase::Replacing, true) | (Phase::Stopping { .. } | Phase::Stopped, false) => {
                    continue;
                }
            };
            replica.enter(next, now);
            if is_there {
                actions.push(Action::Stop(id.clone()));
            }
        }
        for id in wanted {
            if !self.replicas.contains_key(id) {
                self.replicas.insert(id.clone(), Replica::new(now));
                actions.push(Action::Start(id.clone(), Generation(0)));
            }
        }
        actions.extend(self.publish());
        actions
    }

    /// The deployment ends: nothing is started any more.
    pub(crate) fn handle_stop(&mut self, now: Instant) {
        self.stopping = true;
        for replica in self.replicas.values_mut() {
            let next = match replica.phase {
                Phase::Starting => Phase::Stopping { address: None },
                Phase::Running { address, .. } => Phase::Stopping { address: Some(address) },
                Phase::Replacing => Phase::Stopping { address: None },
                Phase::Waiting { .. } => Phase::Stopped,
                Phase::Stopping { .. } | Phase::Stopped => continue,
            };
            replica.enter(next, now);
        }
    }

    /// What time alone brings: starts that are due, and replicas that took too long.
    pub(crate) fn tick(&mut self, now: Instant) -> Vec<Action> {
        let gap = now.saturating_duration_since(self.last_tick);
        self.last_tick = now;
        if gap > Duration::from_secs(GAP_SECONDS) {
            self.replicas.values_mut().for_each(|replica| replica.forgive(gap));
        }
        let mut actions = Vec::new();
        for (id, replica) in &mut self.replicas {
            if replica.due().is_none_or(|due| now < due) {
                continue;
            }
            match replica.phase {
                Phase::Waiting { .. } => {
                    replica.restart(now);
                    actions.push(Action::Start(id.clone(), replica.generation));
                }
                Phase::Starting => {
                    replica.enter(Phase::Starting, now);
                    actions.push(Action::Kill(id.clone(), "it did not report in time"));
                }
                Phase::Running { address, .. } => {
                    // So that it is killed once, not at every tick until its end is reported.
                    replica.phase = Phase::Running { address, last_answer: now };
                    actions.push(Action::Kill(id.clone(), "it does not answer its health call"));
                }
                Phase::Replacing => {
                    replica.enter(Phase::Replacing, now);
                    actions.push(Action::Kill(id.clone(), "it does not end"));
                }
                Phase::Stopping { .. } | Phase::Stopped => {}
            }
        }
        actions
    }

    /// When [`tick`](Self::tick) has something to do, if nothing else happens.
    pub(crate) fn next_tick(&self) -> Option<Instant> {
        self.replicas.values().filter_map(Replica::due).min()
    }

    /// Whether the end of a replica is what was asked for.
    pub(crate) fn is_to_end(&self, id: &ReplicaId) -> bool {
        let phase = self.replicas.get(id).map(|replica| replica.phase);
        matches!(phase, Some(Phase::Stopping { .. } | Phase::Replacing))
    }

    /// How often in a row a replica ended before it was stable.
    pub(crate) fn ends(&self, id: &ReplicaId) -> u32 {
        self.replicas.get(id).map_or(0, |replica| replica.ends)
    }

    /// Whether every process of these groups has ended.
    pub(crate) fn all_stopped(&self, wanted: impl Fn(&ReplicaId) -> bool) -> bool {
        let mut wanted = self.replicas.iter().filter(|(id, _)| wanted(id));
        wanted.all(|(_, replica)| replica.phase == Phase::Stopped)
    }

    /// The new routes, if they are new: every replica that lives. Who is not in them is given up at once,
    /// so that one that stops stays until its process has ended.
    fn publish(&mut self) -> Vec<Action> {
        let mut groups: BTreeMap<String, Vec<ReplicaAddress>> = BTreeMap::new();
        for (id, replica) in &self.replicas {
            if let Some(address) = replica.address() {
                let at = ReplicaAddress { replica: id.clone(), address };
                groups.entry(id.group.clone()).or_default().push(at);
            }
        }
        if groups == self.routes.groups {
            return Vec::new();
        }
        self.routes = Routes { revision: self.routes.revision + 1, groups };
        vec![Action::Publish(self.routes.clone())]
    }
}

impl Replica {
    /// One that is to be started for the first time.
    fn new(now: Instant) -> Self {
        let (phase, generation) = (Phase::Starting, Generation(0));
        Self { phase, since: now, restarts: 0, generation, ends: 0 }
    }

    fn enter(&mut self, phase: Phase, now: Instant) {
        self.phase = phase;
        self.since = now;
    }

    fn restart(&mut self, now: Instant) {
        self.generation = Generation(self.generation.0.wrapping_add(1));
        self.restarts = self.restarts.saturating_add(1);
        self.enter(Phase::Starting, now);
    }

    /// Where it takes calls, or finishes those that it has.
    fn address(&self) -> Option<SocketAddr> {
        match self.phase {
            Phase::Running { address, .. } => Some(address),
            Phase::Stopping { address } => address,
            Phase::Starting | Phase::Waiting { .. } | Phase::Replacing | Phase::Stopped => None,
        }
    }

    /// Does not hold a time against it in which nobody listened.
    fn forgive(&mut self, gap: Duration) {
        match &mut self.phase {
            Phase::Running { last_answer, .. } => *last_answer += gap,
            Phase::Starting | Phase::Replacing => self.since += gap,
            Phase::Waiting { .. } | Phase::Stopping { .. } | Phase::Stopped => {}
        }
    }

    /// When something is to be done about this replica.
    fn due(&self) -> Option<Instant> {
        match self.phase {
            Phase::Waiting { until } => Some(until),
            Phase::Starting => Some(self.since + Duration::from_secs(STARTING_SECONDS_MAX)),
            Phase::Replacing => Some(self.since + Duration::from_secs(REPLACING_SECONDS_MAX)),
            Phase::Running { last_answer, .. } => {
                Some(last_answer + Duration::from_secs(SILENT_SECONDS_MAX))
            }
            Phase::Stopping { .. } | Phase::Stopped => None,
        }
    }
}

/// Half of it is chance, so that replicas that died together do not start together.
fn pause(ends: u32, random: f64) -> Duration {
    let doublings = ends.saturating_sub(1).min(20);
    let longest = FIRST_PAUSE_MILLISECONDS << doublings;
    let longest = Duration::from_millis(longest.min(LONGEST_PAUSE_MILLISECONDS));
    longest.mul_f64(0.5 + random.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Generation = Generation(0);

    fn id(group: &str, index: u32) -> ReplicaId {
        ReplicaId { group: group.to_owned(), index }
    }

    fn at(group: &str, index: u32, port: u16) -> ReplicaAddress {
        ReplicaAddress { replica: id(group, index), address: ([127, 0, 0, 1], port).into() }
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn ports(routes: &Routes, group: &str) -> Vec<u16> {
        let replicas = routes.groups.get(group).into_iter().flatten();
        replicas.map(|replica| replica.address.port()).collect()
    }

    /// Time passes, and nothing is to be done.
    fn tick_until(supervisor: &mut Supervisor, mut now: Instant, end: Instant) {
        while now <= end {
            assert_eq!(supervisor.tick(now), []);
            now += seconds(1);
        }
    }

    #[test]
    fn what_changed_is_stopped_and_started_anew_at_once() {
        let now = Instant::now();
        let (mut supervisor, _) = Supervisor::new([id("a", 0), id("b", 0), id("c", 0)], now);
        for (group, port) in [("a", 1), ("b", 2), ("c", 3)] {
            supervisor.handle_started(&at(group, 0, port), now);
        }
        let wanted = BTreeSet::from([id("a", 0), id("b", 0), id("d", 0)]);
        let actions = supervisor.handle_replace(&wanted, |it| it.group == "a", now);
        let [Action::Stop(a), Action::Stop(c), Action::Start(d, START), Action::Publish(routes)] =
            &actions[..]
        else {
            panic!("{actions:?}")
        };
        assert_eq!((a, c, d), (&id("a", 0), &id("c", 0), &id("d", 0)));
        assert_eq!(ports(routes, "b"), [2], "what did not change stays");
        assert!(ports(routes, "a").is_empty() && ports(routes, "c").is_empty());
        // Its end is no crash: there is no pause, and nothing is counted.
        supervisor.handle_ended(&id("a", 0), START, now, 1.0);
        supervisor.handle_ended(&id("c", 0), START, now, 1.0);
        assert_eq!(supervisor.ends(&id("a", 0)), 0);
        assert_eq!(supervisor.tick(now), [Action::Start(id("a", 0), Generation(1))]);
        assert!(supervisor.all_stopped(|it| it.group == "c"));
        // It is forgotten with the next change.
        supervisor.handle_replace(&wanted, |_| false, now);
        assert_eq!(supervisor.replicas().count(), 3);
    }

    #[test]
    fn what_does_not_end_is_killed_and_what_waits_is_started() {
        let now = Instant::now();
        let (mut supervisor, _) = Supervisor::new([id("a", 0), id("b", 0)], now);
        supervisor.handle_started(&at("a", 0, 1), now);
        supervisor.handle_ended(&id("b", 0), START, now, 1.0);
        let wanted = BTreeSet::from([id("a", 0), id("b", 0)]);
        supervisor.handle_replace(&wanted, |_| true, now);
        assert_eq!(supervisor.tick(now), [Action::Start(id("b", 0), Generation(1))]);
        let late = now + seconds(REPLACING_SECONDS_MAX);
        supervisor.handle_started(&at("b", 0, 2), now);
        tick_until(&mut supervisor, now + seconds(1), late - seconds(1));
        let expected = Action::Kill(id("a", 0), "it does not end");
        assert_eq!(supervisor.tick(late), [expected]);
    }

    #[test]
    fn what_has_finished_is_started_by_a_change_alone() {
        let now = Instant::now();
        let (mut supervisor, _) = Supervisor::new([id("main", 0)], now);
        supervisor.handle_started(&at("main", 0, 1), now);
        supervisor.handle_finished(&id("main", 0), now);
        supervisor.handle_ended(&id("main", 0), START, now, 1.0);
        assert_eq!(supervisor.tick(now + seconds(4)), []);
        let wanted = BTreeSet::from([id("main", 0)]);
        // Also by one of something else, on which it may depend.
        supervisor.handle_replace(&wanted, |_| false, now);
        assert_eq!(
            supervisor.tick(now + seconds(4)),
            [Action::Start(id("main", 0), Generation(1))]
        );
        // Before its process has ended, too.
        supervisor.handle_started(&at("main", 0, 1), now);
        supervisor.handle_finished(&id("main", 0), now);
        supervisor.handle_replace(&wanted, |_| false, now);
        supervisor.handle_ended(&id("main", 0), Generation(1), now, 1.0);
        assert_eq!(supervisor.tick(now), [Action::Start(id("main", 0), Generation(2))]);
    }

    #[test]
    fn a_deployer_that_did_not_run_for_a_while_kills_nobody() {
        let now = Instant::now();
        let (mut supervisor, _) = Supervisor::new([id("a", 0), id("b", 0)], now);
        supervisor.handle_started(&at("a", 0, 80), now);
        assert_eq!(supervisor.tick(now + seconds(1)), []);
        assert_eq!(supervisor.tick(now + seconds(3600)), []);
        let late = now + seconds(3600 + SILENT_SECONDS_MAX);
        tick_until(&mut supervisor, now + seconds(3601), late - seconds(2));
        let expected = Action::Kill(id("a", 0), "it does not answer its health call");
        assert_eq!(supervisor.tick(late), [expected]);
    }

    #[test]
    fn starts_all_and_publishes_who_reports() {
        let now = Instant::now();
        let (mut supervisor, actions) = Supervisor::new([id("a", 0), id("a", 1)], now);
        assert_eq!(actions, [Action::Start(id("a", 0), START), Action::Start(id("a", 1), START)]);
        let actions = supervisor.handle_started(&at("a", 1, 81), now);
        let [Action::Publish(routes)] = actions.as_slice() else { panic!("{actions:?}") };
        assert_eq!((routes.revision, ports(routes, "a")), (1, vec![81]));
        assert!(supervisor.handle_started(&at("b", 0, 1), now).is_empty(), "nobody we know");
    }

    #[test]
    fn a_replica_that_dies_leaves_the_routes_and_comes_back() {
        let now = Instant::now();
        let (mut supervisor, _) = Supervisor::new([id("a", 0)], now);
        supervisor.handle_started(&at("a", 0, 80), now);
        let actions = supervisor.handle_ended(&id("a", 0), START, now, 0.5);
        let [Action::Publish(routes)] = actions.as_slice() else { panic!("{actions:?}") };
        assert_eq!(ports(routes, "a"), Vec::<u16>::new());
        let due = supervisor.next_tick().unwrap();
        assert!(due > now && due < now + seconds(1));
        assert!(supervisor.tick(now).is_empty(), "too early");
        assert_eq!(supervisor.tick(due), [Action::Start(id("a", 0), Generation(1))]);
        let actions = supervisor.handle_started(&at("a", 0, 81), due);
        let [Action::Publish(routes)] = actions.as_slice() else { panic!("{actions:?}") };
        assert_eq!((routes.revision, ports(routes, "a")), (3, vec![81]));
    }

    #[test]
    fn a_late_end_of_an_earlier_process_is_ignored() {
        let now = Instant::now();
        let (mut supervisor, _) = Supervisor::new([id("a", 0)], now);
        supervisor.handle_ended(&id("a", 0), START, now, 0.0);
        supervisor.tick(now + seconds(1));
        assert!(supervisor.handle_ended(&id("a", 0), START, now + seconds(1), 0.0).is_empty());
        let (_, replica) = supervisor.replicas().next().unwrap();
        assert_eq!(replica.phase, Phase::Starting);
    }

    #[test]
    fn pauses_double_to_a_limit_and_begin_anew_after_a_stable_run() {
        let mut now = Instant::now();
        let (mut supervisor, _) = Supervisor::new([id("a", 0)], now);
        let mut pauses = Vec::new();
        for generation in 0..12 {
            supervisor.handle_ended(&id("a", 0), Generation(generation), now, 1.0);
            let due = supervisor.next_tick().unwrap();
            pauses.push(due.duration_since(now).as_millis());
            now = due;
            supervisor.tick(now);
        }
        let expected = [50, 100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000, 10_000, 10_000];
        assert_eq!(pauses, expected);
        assert!(supervisor.ends(&id("a", 0)) >= CRASH_LOOP_ENDS);
        supervisor.handle_started(&at("a", 0, 80), now);
        now += seconds(STABLE_SECONDS);
        supervisor.handle_ended(&id("a", 0), Generation(12), now, 1.0);
        assert_eq!(supervisor.next_tick(), Some(now + Duration::from_millis(50)));
    }

    #[test]
    fn one_that_never_reports_is_killed_once_for_each_limit() {
        let now = Instant::now();
        let (mut supervisor, _) = Supervisor::new([id("a", 0)], now);
        let late = now + seconds(STARTING_SECONDS_MAX);
        tick_until(&mut supervisor, now, late - seconds(1));
        assert_eq!(supervisor.tick(late), [Action::Kill(id("a", 0), "it did not report in time")]);
        assert!(supervisor.tick(late + seconds(1)).is_empty());
    }

    #[test]
    fn one_that_falls_silent_is_killed() {
        let now = Instant::now();
        let (mut supervisor, _) = Supervisor::new([id("a", 0)], now);
        let at = at("a", 0, 80);
        supervisor.handle_started(&at, now);
        supervisor.handle_healthy(&at.replica, at.address, now + seconds(10));
        let late = now + seconds(10 + SILENT_SECONDS_MAX);
        tick_until(&mut supervisor, now, late - seconds(1));
        let expected = Action::Kill(id("a", 0), "it does not answer its health call");
        assert_eq!(supervisor.tick(late), [expected]);
    }

    #[test]
    fn one_that_stops_stays_in_the_routes_until_it_has_ended() {
        let now = Instant::now();
        let (mut supervisor, _) = Supervisor::new([id("a", 0), id("b", 0), id("c", 0)], now);
        supervisor.handle_started(&at("a", 0, 80), now);
        supervisor.handle_started(&at("b", 0, 81), now);
        supervisor.handle_stop(now);
        let actions = supervisor.handle_ended(&id("a", 0), START, now, 0.5);
        let [Action::Publish(routes)] = actions.as_slice() else { panic!("{actions:?}") };
        assert_eq!((ports(routes, "a"), ports(routes, "b")), (vec![], vec![81]));
        let actions = supervisor.handle_ended(&id("b", 0), START, now, 0.5);
        let [Action::Publish(routes)] = actions.as_slice() else { panic!("{actions:?}") };
        assert!(routes.groups.is_empty());
    }

    #[test]
    fn nothing_is_started_while_stopping() {
        let now = Instant::now();
        let (mut supervisor, _) = Supervisor::new([id("a", 0), id("b", 0)], now);
        supervisor.handle_ended(&id("b", 0), START, now, 0.0);
        supervisor.handle_stop(now);
        assert!(!supervisor.all_stopped(|_| true));
        supervisor.handle_ended(&id("a", 0), START, now, 0.0);
        assert!(supervisor.all_stopped(|_| true));
        assert_eq!(supervisor.next_tick(), None);
        assert!(supervisor.tick(now + seconds(1000)).is_empty());
    }
}
