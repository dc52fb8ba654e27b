//! [`Tally`]: how often each replica knew the answer.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, PoisonError},
};

use crate::factors::Answer;

/// How often each process remembered what it was asked for, and how often it had to compute. Kept by
/// `main`, because a call could ask one replica only.
#[derive(Default)]
pub(crate) struct Tally(Mutex<BTreeMap<u32, Counts>>);

#[derive(Default)]
struct Counts {
    remembered: u64,
    computed: u64,
}

impl Tally {
    pub(crate) fn count(&self, answer: &Answer) {
        let mut tally = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = tally.entry(answer.pid).or_default();
        if answer.remembered {
            counts.remembered += 1;
        } else {
            counts.computed += 1;
        }
    }
}

/// A line for each process.
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tally = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (pid, Counts { remembered, computed }) in &*tally {
            writeln!(f, "process {pid}: {remembered} remembered, {computed} computed")?;
        }
        Ok(())
    }
}
