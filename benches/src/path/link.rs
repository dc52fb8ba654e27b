//! [`Link`]: one direction of a path, as decisions: which packets are lost, and when the others are
//! there. It has no clock; time is what has passed since some beginning.

use std::{collections::VecDeque, time::Duration};

use fastrand::Rng;

/// What is on the way at once; more is lost, as in a router whose queue is full. Within a millisecond,
/// that is 1.4 GB a second.
pub(crate) const PACKETS_MAX: usize = 1_000;

/// Parts of a probability, so that it is an integer.
pub(crate) const MILLION: u32 = 1_000_000;

/// One direction.
#[derive(Debug)]
pub(crate) struct Link {
    delay: Duration,
    random: Rng,
    /// In the order in which they came, with the time at which they are there. That is the same order,
    /// because the delay is.
    on_the_way: VecDeque<(Duration, Vec<u8>)>,
    pub(crate) counts: Counts,
}

/// What became of the packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) arrived: u64,
    /// By chance.
    pub(crate) lost: u64,
    /// Because the queue was full.
    pub(crate) refused: u64,
}

impl Link {
    /// `seed` decides what is lost, packet by packet.
    pub(crate) fn new(delay: Duration, seed: u64) -> Self {
        let (random, on_the_way) = (Rng::with_seed(seed), VecDeque::new());
        Self { delay, random, on_the_way, counts: Counts::default() }
    }

    /// A packet sets out; `loss` is the probability that it gets lost, in parts of a [`MILLION`].
    pub(crate) fn send(&mut self, packet: &[u8], now: Duration, loss: u32) {
        if self.random.u32(..MILLION) < loss {
            self.counts.lost += 1;
        } else if self.on_the_way.len() >= PACKETS_MAX {
            self.counts.refused += 1;
        } else {
            self.on_the_way.push_back((now + self.delay, packet.to_vec()));
        }
    }

    /// When the next packet is there.
    pub(crate) fn next(&self) -> Option<Duration> {
        self.on_the_way.front().map(|(at, _)| *at)
    }

    /// The next packet, if it is there.
    pub(crate) fn receive(&mut self, now: Duration) -> Option<Vec<u8>> {
        let (_, packet) = self.on_the_way.pop_front_if(|(at, _)| *at <= now)?;
        self.counts.arrived += 1;
        Some(packet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DELAY: Duration = Duration::from_millis(1);
    const SEED: u64 = 7;

    fn at(microseconds: u64) -> Duration {
        Duration::from_micros(microseconds)
    }

    #[test]
    fn a_packet_is_there_after_the_delay() {
        let mut link = Link::new(DELAY, SEED);
        assert_eq!(link.next(), None);
        link.send(b"a", at(300), 0);
        assert_eq!(link.next(), Some(at(1300)));
        assert_eq!(link.receive(at(1299)), None);
        assert_eq!(link.receive(at(1300)), Some(b"a".to_vec()));
        assert_eq!(link.next(), None);
        assert_eq!(link.counts, Counts { arrived: 1, lost: 0, refused: 0 });
    }

    #[test]
    fn packets_keep_their_order() {
        let mut link = Link::new(DELAY, SEED);
        (0..10).for_each(|packet| link.send(&[packet], at(u64::from(packet)), 0));
        let received: Vec<_> = std::iter::from_fn(|| link.receive(at(2000))).flatten().collect();
        assert_eq!(received, (0..10).collect::<Vec<_>>());
    }

    #[test]
    fn a_full_queue_takes_no_more() {
        let mut link = Link::new(DELAY, SEED);
        (0..PACKETS_MAX + 3).for_each(|_| link.send(b"a", at(0), 0));
        assert_eq!(link.counts.refused, 3);
        assert_eq!(std::iter::from_fn(|| link.receive(DELAY)).count(), PACKETS_MAX);
        link.send(b"a", at(1), 0);
        assert_eq!(link.counts.refused, 3);
    }

    /// Which of a thousand packets are lost.
    fn lost(seed: u64, loss: u32) -> Vec<bool> {
        let mut link = Link::new(DELAY, seed);
        let send = |packet: u64| {
            let before = link.counts.lost;
            link.send(b"a", at(2000 * packet), loss);
            while link.receive(at(2000 * packet + 1000)).is_some() {}
            link.counts.lost > before
        };
        (0..1000).map(send).collect()
    }

    #[test]
    fn a_seed_loses_the_same_packets() {
        assert_eq!(lost(SEED, MILLION / 10), lost(SEED, MILLION / 10));
        assert_ne!(lost(SEED, MILLION / 10), lost(SEED + 1, MILLION / 10));
    }

    #[test]
    fn as_many_are_lost_as_it_says() {
        let count = |loss| lost(SEED, loss).into_iter().filter(|is_lost| *is_lost).count();
        assert_eq!(count(0), 0);
        assert!((60..140).contains(&count(MILLION / 10)), "{}", count(MILLION / 10));
        assert_eq!(count(MILLION), 1000);
    }
}
