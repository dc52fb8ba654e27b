//! Which alternative of a choice this run takes.

use super::graph::ENDLESS;
use super::{Chosen, Explorer, Verdict};

impl Explorer {
    /// In order of preference: what a trial says, what is new, what leads to something new, what is known to be
    /// accepted, what ends soonest. In a recursion, whatever is known to end comes first.
    pub(super) fn pick(&mut self, choice: usize) -> Option<usize> {
        let live: Vec<usize> = self.live(choice).collect();
        let nested = self.run.frames.iter().any(|frame| frame.choice == choice);
        if let Some(alternative) = self.by_trial(choice, &live, nested) {
            return Some(alternative);
        }
        let recursing = nested || self.is_recursing();
        if recursing && let Some(alternative) = self.way_out(choice, &live) {
            return Some(alternative);
        }
        if let Some(alternative) = self.something_new(choice, &live) {
            return Some(alternative);
        }
        if live.first().is_none_or(|first| *first >= self.choices[choice].coverage) {
            return live.first().copied();
        }
        if !recursing && let Some(alternative) = self.toward_something_new(choice, &live) {
            return Some(alternative);
        }
        let baseline = self.choices[choice].baseline.filter(|baseline| live.contains(baseline));
        if let Some(baseline) = baseline
            && !nested
            && self.is_cautious()
        {
            return Some(baseline);
        }
        let soonest = self.soonest_to_end(choice, &live);
        let untried = || live.iter().find(|alternative| !self.is_known(choice, **alternative));
        soonest.or_else(|| untried().or_else(|| live.first()).copied())
    }

    /// Whether some choice lies inside itself.
    fn is_recursing(&self) -> bool {
        let frames = &self.run.frames;
        frames
            .iter()
            .enumerate()
            .any(|(at, frame)| frames[..at].iter().any(|outer| outer.choice == frame.choice))
    }

    fn way_out(&mut self, choice: usize, live: &[usize]) -> Option<usize> {
        let this = &self.choices[choice];
        let beforehand = this.way_out.filter(|alternative| live.contains(alternative));
        let is_scalar = this.way_out.is_none() && this.coverage < this.verdicts.len();
        match is_scalar {
            true => None,
            false => beforehand.or_else(|| self.soonest_to_end(choice, live)),
        }
    }

    fn live(&self, choice: usize) -> impl Iterator<Item = usize> {
        let all = 0..self.choices[choice].verdicts.len();
        all.filter(move |alternative| self.is_live(choice, *alternative))
    }

    fn is_live(&self, choice: usize, alternative: usize) -> bool {
        let this = &self.choices[choice];
        this.verdicts[alternative] != Verdict::Dead
            && !self.refused[this.visitor].contains(&alternative)
    }

    /// What the trial under way says, if there is one. The first recipes move every choice of the span one alternative
    /// on, later ones mix.
    fn by_trial(&mut self, choice: usize, live: &[usize], nested: bool) -> Option<usize> {
        let trial_of = |place| self.spans.get(place).and_then(|span| span.trial.as_ref());
        let mut open = self.run.open.iter().rev();
        let (trial, start) =
            open.find_map(|open| trial_of(open.place).map(|trial| (trial, open.start)))?;
        let nth = self.run.made.len() - start;
        let scripted = trial.script.get(nth).filter(|scripted| scripted.choice == choice);
        let scripted = scripted.map(|scripted| scripted.alternative);
        let baseline = self.choices[choice].baseline.filter(|_| !trial.script.is_empty());
        let turn = if trial.recipe < MIXED_FROM { trial.recipe } else { mix(trial.recipe, nth) };
        let by_recipe = live.get(turn % live.len().max(1)).copied();
        self.run.experimented = true;
        if nested {
            return scripted;
        }
        scripted.or(baseline).filter(|known| live.contains(known)).or(by_recipe)
    }

    fn is_cautious(&self) -> bool {
        self.run
            .open
            .iter()
            .any(|open| self.spans.get(open.place).is_some_and(|span| span.cautious))
    }

    fn may_experiment(&self) -> bool {
        !self.run.experimented || !self.is_cautious()
    }

    fn something_new(&mut self, choice: usize, live: &[usize]) -> Option<usize> {
        if !self.may_experiment() {
            return None;
        }
        let verdicts = &self.choices[choice].verdicts;
        let new = live.iter().copied().filter(|alternative| self.is_new(choice, *alternative));
        let alternative = new.min_by_key(|at| verdicts[*at] == Verdict::Postponed)?;
        self.run.experimented |= self.is_cautious();
        Some(alternative)
    }

    fn is_new(&self, choice: usize, alternative: usize) -> bool {
        let this = &self.choices[choice];
        alternative < this.coverage
            && this.verdicts[alternative].is_open()
            && !self.is_tried(Chosen { choice, alternative })
    }

    fn toward_something_new(&mut self, choice: usize, live: &[usize]) -> Option<usize> {
        if !self.may_experiment() {
            return None;
        }
        let mut graph = std::mem::take(&mut self.graph);
        let goals = || (0..self.choices.len()).filter(|choice| self.has_news(*choice)).collect();
        let is_live = |choice, alternative| self.is_live(choice, alternative);
        let distance = |at: &usize| (graph.distance(choice, *at, goals, is_live), *at);
        let nearest = live.iter().map(distance).min();
        self.graph = graph;
        nearest.filter(|(distance, _)| *distance < ENDLESS).map(|(_, alternative)| alternative)
    }

    pub(super) fn has_news(&self, choice: usize) -> bool {
        let worthwhile = 0..self.choices[choice].coverage;
        let mut new = worthwhile.filter(|alternative| self.is_new(choice, *alternative));
        new.any(|alternative| self.is_live(choice, alternative))
    }

    fn soonest_to_end(&mut self, choice: usize, live: &[usize]) -> Option<usize> {
        let known = live.iter().copied().filter(|at| self.is_known(choice, *at));
        let known: Vec<usize> = known.collect();
        if let Some(leaf) = known.iter().find(|at| self.graph.is_leaf(choice, **at)) {
            return Some(*leaf);
        }
        let mut graph = std::mem::take(&mut self.graph);
        let is_known = |choice, alternative| self.is_known(choice, alternative);
        let lowest = known.iter().map(|at| (graph.height(choice, *at, is_known), *at)).min();
        self.graph = graph;
        lowest.filter(|(height, _)| *height < ENDLESS).map(|(_, alternative)| alternative)
    }

    fn is_known(&self, choice: usize, alternative: usize) -> bool {
        match self.choices[choice].verdicts[alternative] {
            Verdict::Good => true,
            Verdict::Unknown | Verdict::Postponed => self.is_tried(Chosen { choice, alternative }),
            Verdict::Dead => false,
        }
    }
}

/// The recipe from which on choices are mixed: longer than any list of candidates.
const MIXED_FROM: usize = 24;

/// A fixed sequence without pattern; the same in every build, so that the text is.
fn mix(recipe: usize, nth: usize) -> usize {
    let mut x = (recipe as u32).wrapping_mul(0x9E37_79B9) ^ (nth as u32).wrapping_mul(0x85EB_CA6B);
    x = (x ^ (x >> 16)).wrapping_mul(0x7FEB_352D);
    ((x ^ (x >> 15)) >> 8) as usize
}
