//! [`Record`]: what a guest did that it may not. It is counted, and said.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{
    control::{Noted, Offences},
    report,
};

/// Refusals of a group that are said, each once: a guest makes as many different ones as it likes.
const REFUSALS_SAID_MAX: usize = 100;

/// What the instances of a group did that they may not.
pub(crate) struct Record {
    group: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    offences: Offences,
    /// The refusals that were said.
    said: BTreeSet<String>,
}

impl Record {
    pub(super) fn of(group: &str) -> Self {
        Self { group: group.to_owned(), state: Mutex::default() }
    }

    /// An instance has ended for what it did.
    pub(super) fn ended(&self, reason: &str) {
        report::warn(&format!("an instance of group {} has ended: {reason}", self.group));
        note(&mut self.lock().offences.ended, reason);
    }

    /// Something was refused to an instance, which goes on.
    pub(super) fn refused(&self, what: &str) {
        let is_news = {
            let mut state = self.lock();
            note(&mut state.offences.refused, what);
            state.said.len() < REFUSALS_SAID_MAX && state.said.insert(what.to_owned())
        };
        if is_news {
            report::warn(&format!("group {} was refused something: {what}", self.group));
        }
    }

    pub(super) fn offences(&self) -> Offences {
        self.lock().offences.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn note(noted: &mut Option<Noted>, what: &str) {
    let count = noted.as_ref().map_or(0, |noted| noted.count).saturating_add(1);
    *noted = Some(Noted { count, last: what.to_owned() });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_all_and_keeps_the_last() {
        let record = Record::of("images");
        for number in 0..1000 {
            record.refused(&format!("a file, {number}"));
        }
        record.ended("it panicked");
        let Offences { ended, refused } = record.offences();
        assert_eq!(refused, Some(Noted { count: 1000, last: "a file, 999".to_owned() }));
        assert_eq!(ended, Some(Noted { count: 1, last: "it panicked".to_owned() }));
        assert_eq!(record.lock().said.len(), REFUSALS_SAID_MAX);
    }
}
