use std::collections::HashMap;

use super::*;
use crate::net::routes::ReplicaId;

const MS: Duration = Duration::from_millis(1);

fn replica(index: u32) -> ReplicaAddress {
    let port = 1000 + u16::try_from(index).unwrap();
    let replica = ReplicaId { group: "cart".to_owned(), index };
    ReplicaAddress { replica, address: ([127, 0, 0, 1], port).into() }
}

fn chosen(index: u32) -> Chosen {
    // Where it is, unless one before it is gone.
    Chosen { replica: Arc::new(replica(index)), standing: Standing::Full, place: index as usize }
}

struct Group {
    balance: Balance,
    /// The calls in flight of each that takes calls.
    load: HashMap<ReplicaAddress, usize>,
    now: Instant,
    rng: Rng,
}

impl Group {
    fn of(replicas: u32) -> Self {
        let now = Instant::now();
        let replicas: Vec<_> = (0..replicas).map(replica).collect();
        let mut balance = Balance::default();
        balance.set_replicas(&replicas, now);
        let load = replicas.into_iter().map(|replica| (replica, 0)).collect();
        Self { balance, load, now, rng: Rng::with_seed(7) }
    }

    fn choose(&mut self, key: Option<u64>, tried: &[u32]) -> Option<Chosen> {
        let tried: Vec<_> = tried.iter().map(|index| Arc::new(replica(*index))).collect();
        let load = |replica: &ReplicaAddress| self.load.get(replica).copied();
        self.balance.choose(key, &tried, load, self.now, &mut self.rng)
    }

    fn has_untried(&self, tried: &[u32]) -> bool {
        let tried: Vec<_> = tried.iter().map(|index| Arc::new(replica(*index))).collect();
        self.balance.has_untried(&tried, |replica| self.load.get(replica).copied(), self.now)
    }

    fn index(&mut self, key: Option<u64>, tried: &[u32]) -> Option<u32> {
        self.choose(key, tried).map(|chosen| chosen.replica.replica.index)
    }

    /// The indexes that many calls without a key reach.
    fn reached(&mut self) -> Vec<u32> {
        let mut reached: Vec<_> = (0..100).filter_map(|_| self.index(None, &[])).collect();
        reached.sort_unstable();
        reached.dedup();
        reached
    }

    fn fail(&mut self, index: u32, trouble: Trouble) {
        let chosen = chosen(index);
        self.balance.failed(&chosen, trouble, self.now, &mut self.rng);
    }

    fn answer(&mut self, index: u32, latency: Duration) {
        let chosen = chosen(index);
        self.balance.succeeded(&chosen, latency, self.now, &mut self.rng);
    }
}

#[test]
fn nobody_is_chosen_where_nobody_is() {
    assert_eq!(Group::of(0).index(None, &[]), None);
    assert_eq!(Group::of(0).index(Some(1), &[]), None);
}

#[test]
fn the_most_loaded_of_three_is_never_chosen() {
    let mut group = Group::of(3);
    group.load.insert(replica(1), 9);
    assert_eq!(group.reached(), [0, 2]);
}

#[test]
fn who_takes_no_calls_is_not_chosen() {
    let mut group = Group::of(3);
    group.load.remove(&replica(0));
    assert_eq!(group.reached(), [1, 2]);
    group.load.clear();
    assert_eq!(group.index(None, &[]), None);
    assert_eq!(group.index(Some(5), &[]), None);
}

#[test]
fn who_was_tried_is_not_chosen_again() {
    let mut group = Group::of(3);
    assert_eq!(group.index(None, &[0, 2]), Some(1));
    assert_eq!(group.index(None, &[0, 1, 2]), None);
    assert!(group.has_untried(&[0]));
    assert!(!group.has_untried(&[0, 1, 2]));
    group.load.remove(&replica(1));
    assert!(group.has_untried(&[0]));
    group.fail(2, Trouble::Lost);
    assert!(!group.has_untried(&[0]), "one is left out, one takes no calls");
}

#[test]
fn who_is_left_out_is_chosen_only_when_nobody_else_is_there() {
    let mut group = Group::of(2);
    group.fail(0, Trouble::Lost);
    assert_eq!(group.reached(), [1]);
    group.fail(1, Trouble::Unreachable);
    let chosen = group.choose(None, &[]).unwrap();
    let Standing::LeftOut { until } = chosen.standing else { panic!("{chosen:?}") };
    assert!(until > group.now);
}

#[test]
fn one_that_refuses_is_a_better_last_resort_than_one_that_cannot_be_reached() {
    let mut group = Group::of(2);
    for _ in 0..5 {
        group.fail(0, Trouble::Refused);
    }
    assert_eq!(group.reached(), [1]);
    // Its pause is over first.
    group.now += 40 * MS;
    group.fail(1, Trouble::Unreachable);
    assert_eq!(group.index(None, &[]), Some(0));
}

#[test]
fn at_most_half_are_left_out_for_what_load_alone_can_cause() {
    for (replicas, left) in [(1, 1), (2, 1), (3, 2), (4, 2)] {
        let mut group = Group::of(replicas);
        for index in (0..replicas).cycle().take(100) {
            group.fail(index, Trouble::TimedOut);
        }
        assert_eq!(group.reached().len(), left, "{replicas} replicas");
    }
}

#[test]
fn one_is_slow_when_it_is_slower_than_its_quickest_peer() {
    let mut group = Group::of(3);
    group.answer(1, 10 * MS);
    group.answer(2, 500 * MS);
    (0..100).for_each(|_| group.answer(0, 40 * MS));
    assert_eq!(group.reached(), [0, 1, 2]);
    (0..5).for_each(|_| group.answer(0, 41 * MS));
    assert_eq!(group.reached(), [1, 2]);
}

#[test]
fn keys_stay_with_one_that_is_slow_until_it_fails() {
    let mut group = Group::of(3);
    let keys = 0..100;
    let homes: Vec<_> = keys.clone().map(|key| group.index(Some(key), &[])).collect();
    group.answer(1, MS);
    (0..5).for_each(|_| group.answer(0, 500 * MS));
    assert_eq!(group.reached(), [1, 2]);
    assert_eq!(homes, keys.clone().map(|key| group.index(Some(key), &[])).collect::<Vec<_>>());
    group.fail(0, Trouble::Lost);
    assert!(keys.clone().all(|key| group.index(Some(key), &[]) != Some(0)));
}

#[test]
fn a_trial_that_its_caller_gave_up_is_anothers() {
    let mut group = Group::of(1);
    group.fail(0, Trouble::Lost);
    group.now += 100 * MS;
    let trial = group.choose(None, &[]).unwrap();
    assert_eq!(trial.standing, Standing::Trial);
    assert_ne!(group.choose(None, &[]).unwrap().standing, Standing::Trial);
    group.balance.abandoned(&trial, Duration::ZERO, group.now, &mut group.rng);
    assert_eq!(group.choose(None, &[]).unwrap().standing, Standing::Trial);
}

#[test]
fn a_restarted_replica_has_a_clean_record_and_its_old_keys() {
    let mut group = Group::of(3);
    let homes: Vec<_> = (0..50).map(|key| group.index(Some(key), &[])).collect();
    group.fail(1, Trouble::Lost);
    let mut restarted = replica(1);
    restarted.address.set_port(9);
    group.load.insert(restarted.clone(), 0);
    group.balance.set_replicas(&[restarted, replica(0), replica(2)], group.now);
    assert_eq!(group.reached(), [0, 1, 2]);
    assert_eq!(homes, (0..50).map(|key| group.index(Some(key), &[])).collect::<Vec<_>>());
}

#[test]
fn one_that_stays_keeps_its_record() {
    let mut group = Group::of(3);
    group.fail(1, Trouble::Lost);
    group.balance.set_replicas(&[replica(1), replica(2)], group.now);
    assert_eq!(group.reached(), [2]);
}

#[test]
fn a_report_is_about_who_was_chosen_wherever_it_is_kept_now() {
    let mut group = Group::of(3);
    let first = group.choose(None, &[1, 2]).unwrap();
    group.balance.set_replicas(&[replica(2), replica(1), replica(0)], group.now);
    group.balance.failed(&first, Trouble::Lost, group.now, &mut group.rng);
    assert_eq!(group.reached(), [1, 2]);
}

#[test]
fn the_report_about_one_that_is_gone_is_nobodys() {
    let mut group = Group::of(1);
    group.fail(7, Trouble::Lost);
    assert_eq!(group.reached(), [0]);
}

#[test]
fn keys_stay_whatever_the_load_and_only_those_of_one_in_trouble_move() {
    let mut group = Group::of(4);
    let keys = 0..1000;
    let homes: Vec<_> = keys.clone().map(|key| group.index(Some(key), &[]).unwrap()).collect();
    group.load.insert(replica(2), 1000);
    assert!(keys.clone().all(|key| group.index(Some(key), &[]) == Some(homes[key as usize])));
    group.fail(2, Trouble::Lost);
    for key in keys {
        let (before, after) = (homes[key as usize], group.index(Some(key), &[]).unwrap());
        assert!(before == after || before == 2);
        // The next is the same as if it had been tried.
        assert_eq!(group.index(Some(key), &[2]), Some(after));
    }
}
