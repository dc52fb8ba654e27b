//! Which choices lie below which alternatives: the map for finding the way to what is new, and the way out of a
//! recursion.

use std::collections::{BTreeSet, VecDeque};

/// Choices and alternatives by number.
#[derive(Default)]
pub(super) struct Graph {
    /// For each choice and alternative, the choices met directly below.
    below: Vec<Vec<BTreeSet<usize>>>,
    /// For each choice, the choices and alternatives that it was met directly below.
    above: Vec<Vec<(usize, usize)>>,
    distances: Option<Vec<usize>>,
    heights: Option<Vec<usize>>,
}

/// A distance or height without end.
pub(super) const ENDLESS: usize = usize::MAX;

impl Graph {
    pub(super) fn add(&mut self, alternatives: usize) {
        self.below.push(vec![BTreeSet::new(); alternatives]);
        self.above.push(Vec::new());
        self.forget();
    }

    pub(super) fn lead(&mut self, from: usize, alternative: usize, to: usize) {
        if self.below[from][alternative].insert(to) {
            self.above[to].push((from, alternative));
            self.forget();
        }
    }

    /// To be called when it changes what is new, live or known.
    pub(super) fn forget(&mut self) {
        self.forget_distances();
        self.forget_heights();
    }

    /// To be called when other choices are goals, or other alternatives live.
    pub(super) fn forget_distances(&mut self) {
        self.distances = None;
    }

    /// To be called when other alternatives are known.
    pub(super) fn forget_heights(&mut self) {
        self.heights = None;
    }

    pub(super) fn is_leaf(&self, choice: usize, alternative: usize) -> bool {
        self.below[choice][alternative].is_empty()
    }

    /// How many choices below the alternative the nearest of the goals is, by alternatives that are alive.
    pub(super) fn distance(
        &mut self,
        choice: usize,
        alternative: usize,
        goals: impl FnOnce() -> Vec<usize>,
        is_live: impl Fn(usize, usize) -> bool,
    ) -> usize {
        let above = &self.above;
        let distances = self.distances.get_or_insert_with(|| distances(above, goals(), is_live));
        let below = &self.below[choice][alternative];
        below.iter().map(|child| distances[*child]).min().unwrap_or(ENDLESS)
    }

    /// How deep the alternative goes at least, when only known alternatives are taken.
    pub(super) fn height(
        &mut self,
        choice: usize,
        alternative: usize,
        is_known: impl Fn(usize, usize) -> bool,
    ) -> usize {
        let below = &self.below;
        let heights = self.heights.get_or_insert_with(|| heights(below, is_known));
        height(&below[choice][alternative], heights)
    }
}

/// Breadth first, from the goals up.
fn distances(
    above: &[Vec<(usize, usize)>],
    goals: Vec<usize>,
    is_live: impl Fn(usize, usize) -> bool,
) -> Vec<usize> {
    let mut distances = vec![ENDLESS; above.len()];
    for goal in &goals {
        distances[*goal] = 0;
    }
    let mut queue = VecDeque::from(goals);
    while let Some(choice) = queue.pop_front() {
        for (parent, alternative) in &above[choice] {
            if distances[*parent] == ENDLESS && is_live(*parent, *alternative) {
                distances[*parent] = distances[choice] + 1;
                queue.push_back(*parent);
            }
        }
    }
    distances
}

/// The least fixed point: heights only fall until nothing changes.
fn heights(below: &[Vec<BTreeSet<usize>>], is_known: impl Fn(usize, usize) -> bool) -> Vec<usize> {
    let mut heights = vec![ENDLESS; below.len()];
    loop {
        let mut changed = false;
        // Backwards, because what is below was mostly met later: few rounds are needed.
        for choice in (0..below.len()).rev() {
            let known = (0..below[choice].len()).filter(|at| is_known(choice, *at));
            let least = known.map(|at| height(&below[choice][at], &heights)).min();
            let least = least.unwrap_or(ENDLESS);
            changed |= least < heights[choice];
            heights[choice] = least.min(heights[choice]);
        }
        if !changed {
            return heights;
        }
    }
}

fn height(children: &BTreeSet<usize>, heights: &[usize]) -> usize {
    children.iter().map(|child| heights[*child].saturating_add(1)).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `0: a → 1, b → 2`, `1: a → 0 (recursion), b → nothing`, `2: a → 1`.
    fn graph() -> Graph {
        let mut graph = Graph::default();
        for alternatives in [2, 2, 1] {
            graph.add(alternatives);
        }
        for (from, alternative, to) in [(0, 0, 1), (0, 1, 2), (1, 0, 0), (2, 0, 1)] {
            graph.lead(from, alternative, to);
        }
        graph
    }

    #[test]
    fn the_distance_is_that_to_the_nearest_goal() {
        let mut graph = graph();
        assert_eq!(graph.distance(0, 0, || vec![2], |_, _| true), 2);
        assert_eq!(graph.distance(0, 1, || unreachable!("measured already"), |_, _| true), 0);
        graph.forget_distances();
        assert_eq!(graph.distance(0, 0, Vec::new, |_, _| true), ENDLESS);
    }

    #[test]
    fn the_distance_does_not_count_dead_ways() {
        let mut graph = graph();
        let is_live = |choice, alternative| (choice, alternative) != (0, 1);
        assert_eq!(graph.distance(1, 0, || vec![2], is_live), ENDLESS);
    }

    #[test]
    fn the_height_takes_known_ways_out_of_a_recursion() {
        let mut graph = graph();
        assert_eq!(graph.height(0, 0, |_, _| true), 1);
        assert_eq!(graph.height(0, 1, |_, _| true), 2);
        graph.forget_heights();
        let without_exit = |choice, alternative| (choice, alternative) != (1, 1);
        assert_eq!(graph.height(0, 0, without_exit), ENDLESS);
    }
}
