use super::*;

const MS: Duration = Duration::from_millis(1);
const PAUSE_MAX: Duration = Duration::from_millis(LONGEST_PAUSE_MILLISECONDS);
const PEERS: Peers = Peers { latency: Some(MS), may_spare_it: true };

struct Replica {
    health: Health,
    now: Instant,
    rng: Rng,
}

fn replica() -> Replica {
    let now = Instant::now();
    Replica { health: Health::new(now), now, rng: Rng::with_seed(1) }
}

impl Replica {
    fn fail(&mut self, standing: Standing, trouble: Trouble, peers: Peers) {
        self.health.failed(standing, trouble, || peers, self.now, &mut self.rng);
    }

    fn abandon(&mut self, standing: Standing, waited: Duration) {
        self.health.abandoned(standing, waited, || PEERS, self.now, &mut self.rng);
    }

    fn answer(&mut self, standing: Standing, latency: Duration) {
        self.health.succeeded(standing, latency, || PEERS, self.now, &mut self.rng);
    }

    /// How long it is left out.
    fn pause(&self) -> Duration {
        match self.health.standing(self.now) {
            Standing::LeftOut { until } => until - self.now,
            Standing::Full | Standing::Trial => Duration::ZERO,
        }
    }

    fn wait(&mut self) -> Standing {
        self.now += self.pause();
        self.health.begin(self.now)
    }
}

#[test]
fn who_cannot_be_reached_is_left_out_at_once() {
    for trouble in [Trouble::Unreachable, Trouble::Lost] {
        let mut replica = replica();
        replica.fail(Standing::Full, trouble, PEERS);
        assert!(!replica.health.is_usable(replica.now));
    }
}

#[test]
fn who_answers_now_and_then_is_left_out_after_failures_in_a_row() {
    for trouble in [Trouble::Refused, Trouble::TimedOut] {
        let mut replica = replica();
        for _ in 0..3 {
            for _ in 1..FAILURES_IN_A_ROW_MAX {
                replica.fail(Standing::Full, trouble, PEERS);
            }
            replica.answer(Standing::Full, MS);
        }
        assert!(replica.health.is_full());
        for _ in 0..FAILURES_IN_A_ROW_MAX {
            replica.fail(Standing::Full, trouble, PEERS);
        }
        assert!(!replica.health.is_full());
    }
}

#[test]
fn who_cannot_be_spared_stays_unless_it_cannot_be_reached() {
    let peers = Peers { may_spare_it: false, ..PEERS };
    let mut replica = replica();
    for _ in 0..100 {
        replica.fail(Standing::Full, Trouble::Refused, peers);
    }
    assert!(replica.health.is_full());
    replica.fail(Standing::Full, Trouble::Lost, peers);
    assert!(!replica.health.is_full());
}

#[test]
fn one_call_at_a_time_tries_it_and_brings_it_back() {
    let mut replica = replica();
    replica.fail(Standing::Full, Trouble::Lost, PEERS);
    assert_eq!(replica.wait(), Standing::Trial);
    assert!(!replica.health.is_usable(replica.now), "one at a time");
    replica.abandon(Standing::Trial, Duration::ZERO);
    assert_eq!(replica.wait(), Standing::Trial);
    replica.answer(Standing::Trial, MS);
    assert!(replica.health.is_full());
}

#[test]
fn a_trial_that_takes_long_does_not_keep_it_out() {
    let mut replica = replica();
    replica.fail(Standing::Full, Trouble::Lost, PEERS);
    assert_eq!(replica.wait(), Standing::Trial);
    replica.now += Duration::from_secs(TRIAL_SECONDS_MAX);
    assert_eq!(replica.wait(), Standing::Trial);
}

#[test]
fn the_pause_doubles_up_to_the_longest_and_begins_anew_after_a_stable_time() {
    let mut replica = replica();
    replica.fail(Standing::Full, Trouble::Unreachable, PEERS);
    let mut longest = Duration::from_millis(FIRST_PAUSE_MILLISECONDS);
    for _ in 0..20 {
        assert!(replica.pause() >= longest / 2 && replica.pause() <= longest);
        longest = (longest * 2).min(PAUSE_MAX);
        let trial = replica.wait();
        // A success in between does not help one that fails again at once.
        replica.answer(trial, MS);
        replica.fail(Standing::Full, Trouble::Unreachable, PEERS);
    }
    let trial = replica.wait();
    replica.answer(trial, MS);
    replica.now += Duration::from_secs(STABLE_SECONDS);
    replica.fail(Standing::Full, Trouble::Unreachable, PEERS);
    assert!(replica.pause() <= FIRST_PAUSE_MILLISECONDS as u32 * MS);
}

#[test]
fn calls_that_fail_together_count_once() {
    let mut replica = replica();
    for _ in 0..1000 {
        replica.fail(Standing::Full, Trouble::Lost, PEERS);
    }
    assert!(replica.pause() <= FIRST_PAUSE_MILLISECONDS as u32 * MS);
}

#[test]
fn a_late_answer_does_not_bring_it_back_but_one_of_the_last_resort_does() {
    let mut replica = replica();
    replica.fail(Standing::Full, Trouble::Lost, PEERS);
    replica.answer(Standing::Full, MS);
    assert!(!replica.health.is_full());
    let last_resort = replica.health.begin(replica.now);
    replica.answer(last_resort, MS);
    assert!(replica.health.is_full());
}

#[test]
fn a_slow_one_is_left_out_and_tried_until_it_is_quick() {
    let slow = (SLOW_MILLISECONDS_MIN as u32 + 1) * MS;
    let mut replica = replica();
    for _ in 0..3 {
        for _ in 1..SLOW_ANSWERS_IN_A_ROW_MAX {
            replica.answer(Standing::Full, slow);
        }
        replica.answer(Standing::Full, SLOW_MILLISECONDS_MIN as u32 * MS);
    }
    assert!(replica.health.is_full(), "a quick answer among them, or one within the floor");
    for _ in 0..SLOW_ANSWERS_IN_A_ROW_MAX {
        replica.answer(Standing::Full, slow);
    }
    let trial = replica.wait();
    replica.answer(trial, slow);
    assert!(!replica.health.is_full());
    let trial = replica.wait();
    replica.answer(trial, MS);
    assert!(replica.health.is_full());
}

#[test]
fn one_whose_callers_do_not_wait_for_it_is_left_out_as_if_its_answers_were_slow() {
    let slow = (SLOW_MILLISECONDS_MIN as u32 + 1) * MS;
    let mut replica = replica();
    for _ in 0..3 {
        for _ in 1..SLOW_ANSWERS_IN_A_ROW_MAX {
            replica.abandon(Standing::Full, slow);
            // Says nothing, so that it does not interrupt the row either.
            replica.abandon(Standing::Full, MS);
        }
        replica.answer(Standing::Full, MS);
    }
    assert!(replica.health.is_full());
    (0..SLOW_ANSWERS_IN_A_ROW_MAX).for_each(|_| replica.abandon(Standing::Full, slow));
    assert!(!replica.health.is_full());
    let trial = replica.wait();
    replica.abandon(trial, slow);
    assert!(!replica.health.is_usable(replica.now), "the trial has failed");
}

#[test]
fn where_all_are_slow_nobody_is() {
    let peers = Peers { latency: Some(1000 * MS), ..PEERS };
    assert!(!is_slow(4000 * MS, || peers));
    assert!(is_slow(4001 * MS, || peers));
    assert!(!is_slow(4001 * MS, || Peers { latency: None, ..PEERS }));
}

#[test]
fn peers_are_asked_only_where_their_word_counts() {
    let mut replica = replica();
    let Replica { health, now, rng } = &mut replica;
    let nobody = || -> Peers { panic!("they are asked") };
    let quick = SLOW_MILLISECONDS_MIN as u32 * MS;
    for _ in 0..100 {
        for _ in 1..FAILURES_IN_A_ROW_MAX {
            health.failed(Standing::Full, Trouble::TimedOut, nobody, *now, rng);
        }
        health.abandoned(Standing::Full, quick, nobody, *now, rng);
        health.succeeded(Standing::Full, quick, nobody, *now, rng);
    }
    health.failed(Standing::Full, Trouble::Lost, nobody, *now, rng);
    assert!(!health.is_full());
}
