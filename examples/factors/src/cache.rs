//! [`Cache`]: the numbers whose factors are known.

use std::collections::{HashMap, VecDeque};

/// No number up to 10¹² has more than 6,720 factors: 54 MB if all were such.
const NUMBERS_MAX: usize = 1000;

/// The factors of the numbers that were asked for last.
#[derive(Default)]
pub(crate) struct Cache {
    factors: HashMap<u64, Vec<u64>>,
    /// Oldest first.
    numbers: VecDeque<u64>,
}

impl Cache {
    pub(crate) fn get(&self, x: u64) -> Option<Vec<u64>> {
        self.factors.get(&x).cloned()
    }

    /// Remembers the factors of `x`, and forgets those of the oldest number when there are too many.
    pub(crate) fn put(&mut self, x: u64, factors: Vec<u64>) {
        if self.factors.insert(x, factors).is_some() {
            return;
        }
        self.numbers.push_back(x);
        if self.numbers.len() > NUMBERS_MAX
            && let Some(oldest) = self.numbers.pop_front()
        {
            self.factors.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forgets_the_oldest_when_it_is_full() {
        let mut cache = Cache::default();
        for x in 0..=NUMBERS_MAX as u64 {
            cache.put(x, vec![x]);
            cache.put(x, vec![x]);
        }
        assert_eq!(cache.get(0), None);
        assert_eq!(cache.get(1), Some(vec![1]));
        assert_eq!((cache.factors.len(), cache.numbers.len()), (NUMBERS_MAX, NUMBERS_MAX));
    }
}
