//! [`Tally`]: how many of something there are.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::Notify;

/// How many of something there are, for somebody who waits until there is none.
#[derive(Debug, Default)]
pub(super) struct Tally {
    count: AtomicUsize,
    changed: Notify,
}

/// Some of them, until it is dropped.
#[derive(Debug)]
pub(super) struct Counted {
    tally: Arc<Tally>,
    count: usize,
}

impl Tally {
    pub(super) fn add(tally: &Arc<Self>, count: usize) -> Counted {
        tally.count.fetch_add(count, Ordering::AcqRel);
        Counted { tally: Arc::clone(tally), count }
    }

    /// The same if there are at most `max` then; else how many there would be.
    pub(super) fn add_up_to(tally: &Arc<Self>, count: usize, max: usize) -> Result<Counted, usize> {
        let more = |there: usize| Some(there + count).filter(|there| *there <= max);
        let before = tally.count.fetch_update(Ordering::AcqRel, Ordering::Acquire, more);
        match before {
            Ok(_) => Ok(Counted { tally: Arc::clone(tally), count }),
            Err(there) => Err(there + count),
        }
    }

    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    pub(super) async fn idle(&self) {
        loop {
            let changed = self.changed.notified();
            if self.count() == 0 {
                return;
            }
            changed.await;
        }
    }
}

impl Counted {
    /// Each of them by itself. At no moment are they counted twice, which would refuse others.
    pub(super) fn into_single(mut self) -> impl Iterator<Item = Self> {
        let count = std::mem::take(&mut self.count);
        let tally = Arc::clone(&self.tally);
        let singles: Vec<_> =
            (0..count).map(|_| Self { tally: Arc::clone(&tally), count: 1 }).collect();
        singles.into_iter()
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let before = self.tally.count.fetch_sub(self.count, Ordering::AcqRel);
        if before == self.count {
            self.tally.changed.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_split_is_still_counted_once() {
        let tally = Arc::default();
        let mut singles = Tally::add_up_to(&tally, 3, 3).unwrap().into_single();
        assert_eq!(tally.count(), 3);
        drop(singles.next());
        assert_eq!(tally.count(), 2);
        drop(singles);
        assert_eq!(tally.count(), 0);
    }
}
