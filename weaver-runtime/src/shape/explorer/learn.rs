//! What follows from how a run ended.

use std::mem;

use super::run::{Blame, OpenSpan};
use super::{Choice, Chosen, Explorer, Lesson, Note, PlaceId, Verdict};

/// What is known of the places, by their number; of those beyond the end, nothing.
#[derive(Default)]
pub(super) struct Spans(Vec<Span>);

/// What is known of a place at which a whole value was accepted or refused.
#[derive(Default)]
pub(super) struct Span {
    accepted: bool,
    /// Tries one unknown alternative at a time, because several at once were refused.
    pub(super) cautious: bool,
    pub(super) trial: Option<Trial>,
}

/// How the next run goes about a span.
pub(super) struct Trial {
    /// The choices up to the one that is tried out.
    pub(super) script: Vec<Chosen>,
    /// How to make the other choices: the number of a fixed pattern, from 1.
    pub(super) recipe: usize,
}

/// Combinations tried for one validating type before it is given up: enough to go through each list of candidates
/// (at most 24) in step, and to mix them 40 times.
const RECIPES_MAX: usize = 64;

/// Combinations tried for one new alternative in a type that has been accepted otherwise. Fewer, because there may be
/// many such alternatives and less is lost: the alternative has been seen, only not compared.
const RECIPES_FOR_ALTERNATIVE_MAX: usize = 40;

impl Explorer {
    /// Learns from a run that made a value.
    pub(in crate::shape) fn accept(&mut self) -> Lesson {
        for (place, range) in mem::take(&mut self.run.closed) {
            let span = self.spans.at(place);
            span.accepted = true;
            let is_first = span.trial.take().is_some_and(|trial| trial.script.is_empty());
            if is_first {
                span.cautious = true;
                for chosen in &self.run.made[range] {
                    self.choices[chosen.choice].baseline = Some(chosen.alternative);
                }
            }
        }
        for chosen in &self.run.made {
            let choice = &mut self.choices[chosen.choice];
            let before = mem::replace(&mut choice.verdicts[chosen.alternative], Verdict::Good);
            // A trial goes by its script, whatever was learned since.
            if before == Verdict::Dead {
                self.graph.forget();
            }
            choice.baseline.get_or_insert(chosen.alternative);
        }
        for postponed in &self.postponed {
            let verdict = &mut self.choices[postponed.choice].verdicts[postponed.alternative];
            if *verdict == Verdict::Postponed {
                *verdict = Verdict::Unknown;
            }
        }
        match self.run.tries && self.choices.iter().any(Choice::is_open) {
            true => Lesson::Again,
            false => Lesson::Stop,
        }
    }

    /// Learns from a run that was refused.
    pub(in crate::shape) fn learn(&mut self) -> Lesson {
        // What was tried is new again, or dead. In an accepted run it is known, then and now.
        self.graph.forget();
        match self.run.blame.take() {
            Some(Blame::Refused(chosen)) => {
                self.refused[self.choices[chosen.choice].visitor].insert(chosen.alternative);
                self.kill(chosen)
            }
            Some(Blame::NoSuchVariant(chosen)) => self.kill(chosen),
            Some(Blame::DeadEnd(frame)) => self.kill_frame(frame),
            Some(Blame::TooDeep { frames, note }) => self.learn_depth(&frames, note),
            Some(Blame::Span { span, end, outer, why }) => self.learn_span(&span, end, outer, &why),
            Some(Blame::Budget) | None => Lesson::Stop,
        }
    }

    /// Another alternative of the innermost choice may end sooner, and once one has, the postponed one may too.
    fn learn_depth(&mut self, frames: &[Chosen], note: Note) -> Lesson {
        let mut open = frames.iter().rev().filter(|frame| self.verdict(**frame).is_open());
        let fresh = open.clone().find(|frame| {
            self.verdict(**frame) == Verdict::Unknown && !self.postponed.contains(*frame)
        });
        if let Some(fresh) = fresh.copied() {
            self.postponed.insert(fresh);
            self.choices[fresh.choice].verdicts[fresh.alternative] = Verdict::Postponed;
            return Lesson::Again;
        }
        let innermost = open.next().copied();
        self.notes.push(note);
        self.kill_frame(innermost)
    }

    fn learn_span(
        &mut self,
        blamed: &OpenSpan,
        end: usize,
        outer: Option<Chosen>,
        why: &str,
    ) -> Lesson {
        let made = self.run.made.get(blamed.start..end).unwrap_or_default();
        if let Some(only) = only_choice(made) {
            let choice = &mut self.choices[only.choice];
            // It is the type around the scalar that validates: the scalar's own name would say nothing.
            choice.type_name = blamed.type_name;
            why.clone_into(&mut choice.last_refusal);
            return self.kill_noted(only, why);
        }
        let new: Vec<usize> =
            (0..made.len()).filter(|at| self.verdict(made[*at]).is_open()).collect();
        let span = self.spans.at(blamed.place);
        if span.accepted && !mem::replace(&mut span.cautious, span.accepted) {
            return Lesson::Again;
        }
        if !span.accepted && !made.is_empty() && span.try_next(&[], RECIPES_MAX) {
            return Lesson::Again;
        }
        if span.accepted
            && let [first, others @ ..] = &new[..]
        {
            // What came new with the new alternative may be at fault as well.
            let recipes = if others.is_empty() { 0 } else { RECIPES_FOR_ALTERNATIVE_MAX };
            if span.try_next(&made[..=*first], recipes) {
                return Lesson::Again;
            }
            let first = made[*first];
            return self.kill_noted(first, why);
        }
        let why = format!("it refused every sample, the last one because of: {why}");
        self.note(blamed.path.clone(), blamed.type_name, why);
        self.untraced = Some((blamed.place, blamed.type_name));
        self.kill_frame(outer)
    }

    fn kill(&mut self, chosen: Chosen) -> Lesson {
        self.choices[chosen.choice].verdicts[chosen.alternative] = Verdict::Dead;
        Lesson::Again
    }

    /// A refused candidate is of no interest to anybody, but a refused variant has not been compared.
    fn kill_noted(&mut self, chosen: Chosen, why: &str) -> Lesson {
        let Choice { label, path, type_name, .. } = &self.choices[chosen.choice];
        if *label == "variant" {
            let why = format!("its variant {} was refused: {why}", chosen.alternative);
            self.notes.push(Note { path: path.clone(), type_name, why });
        }
        self.kill(chosen)
    }

    fn kill_frame(&mut self, frame: Option<Chosen>) -> Lesson {
        frame.map_or(Lesson::Stop, |frame| self.kill(frame))
    }
}

impl Spans {
    pub(super) fn get(&self, place: PlaceId) -> Option<&Span> {
        self.0.get(place.0)
    }

    fn at(&mut self, place: PlaceId) -> &mut Span {
        if self.0.len() <= place.0 {
            self.0.resize_with(place.0 + 1, Span::default);
        }
        &mut self.0[place.0]
    }
}

impl Span {
    /// Goes on to the next recipe for this script; `false` if there is none left.
    fn try_next(&mut self, script: &[Chosen], recipes: usize) -> bool {
        let current = self.trial.take().filter(|trial| trial.script == script);
        let recipe = current.map_or(0, |trial| trial.recipe) + 1;
        if recipe <= recipes {
            self.trial = Some(Trial { script: script.to_vec(), recipe });
        }
        recipe <= recipes
    }
}

/// The latest choice made, if all that were made are of the same place.
fn only_choice(made: &[Chosen]) -> Option<Chosen> {
    let last = made.last()?;
    made.iter().all(|one| one.choice == last.choice).then_some(*last)
}
