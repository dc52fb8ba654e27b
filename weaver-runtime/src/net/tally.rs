//! [`Tally`]: how many of something there are.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use tokio::sync::Notify;

/// How many of something there are, for somebody who waits until there is none. Sequentially consistent, for
/// who counts itself and then looks whether it may, beside one who forbids it and then looks who is there.
#[derive(Debug, Default)]
pub(super) struct Tally {
    count: AtomicUsize,
    /// Whether somebody has waited; else nobody need be told.
    is_awaited: AtomicBool,
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
        tally.increase(count);
        Counted { tally: Arc::clone(tally), count }
    }

    /// The same if there are at most `max` then; else how many there would be.
    pub(super) fn add_up_to(tally: &Arc<Self>, count: usize, max: usize) -> Result<Counted, usize> {
        tally.increase_up_to(count, max)?;
        Ok(Counted { tally: Arc::clone(tally), count })
    }

    /// For who sees to it that they are subtracted again.
    pub(super) fn increase(&self, count: usize) {
        self.count.fetch_add(count, Ordering::SeqCst);
    }

    /// The same if there are at most `max` then; else how many there would be.
    pub(super) fn increase_up_to(&self, count: usize, max: usize) -> Result<(), usize> {
        let more = |there: usize| Some(there + count).filter(|there| *there <= max);
        let before = self.count.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more);
        before.map(|_| ()).map_err(|there| there + count)
    }

    pub(super) fn decrease(&self, count: usize) {
        let before = self.count.fetch_sub(count, Ordering::SeqCst);
        if before == count && self.is_awaited.load(Ordering::SeqCst) {
            self.changed.notify_waiters();
        }
    }

    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }

    pub(super) async fn idle(&self) {
        loop {
            let changed = self.changed.notified();
            self.is_awaited.store(true, Ordering::SeqCst);
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
        self.tally.decrease(self.count);
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
