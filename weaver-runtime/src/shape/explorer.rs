//! Decides which samples to try next.
//!
//! A type is a tree of *choices*: which variant, `Some` or `None`, which string. Each run deserializes the whole type
//! once and answers every choice it meets; after the run, the explorer learns from how it ended. Runs go on until
//! every alternative has been part of an accepted value, was refused, or cannot be reached.
//!
//! Types that validate make this a search. A refusal by the visitor that was just given a candidate tells against that
//! candidate. A refusal further out (`try_from`) only tells against a *span* of choices: until one combination has
//! been accepted, the span goes through a fixed list of recipes; from then on it tries one new alternative at a time.

use std::any::TypeId;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::chart::PlaceId;
use super::path::Path;

mod graph;
mod pick;

use graph::Graph;

/// What is known about the choices of one type, and the run under way.
#[derive(Default)]
pub(super) struct Explorer {
    choices: Vec<Choice>,
    by_key: HashMap<(PlaceId, &'static str, usize), usize>,
    /// Candidates refused by a visitor type, wherever that visitor is met again.
    refused: HashSet<(TypeId, &'static str, usize)>,
    spans: HashMap<PlaceId, Span>,
    graph: Graph,
    run: Run,
    notes: Vec<Note>,
    untraced: Option<(PlaceId, &'static str)>,
}

/// What is asked of the explorer at a place.
pub(super) struct Question<'a> {
    pub(super) place: PlaceId,
    /// The kind of choice: a type may ask for different things at one place.
    pub(super) label: &'static str,
    pub(super) count: usize,
    /// How many of the alternatives, from the first, are all worth visiting; the others are fallbacks.
    pub(super) coverage: usize,
    pub(super) visitor: TypeId,
    pub(super) type_name: &'static str,
    pub(super) path: &'a Path,
}

/// An answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chosen {
    choice: usize,
    pub(super) alternative: usize,
}

/// A type that could not be examined, and why.
pub(super) struct Note {
    pub(super) path: Path,
    pub(super) type_name: &'static str,
    pub(super) why: String,
}

/// What follows from a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lesson {
    /// Run again.
    Again,
    /// Nothing more can be learned.
    Stop,
}

struct Choice {
    label: &'static str,
    visitor: TypeId,
    type_name: &'static str,
    path: Path,
    coverage: usize,
    verdicts: Vec<Verdict>,
    /// The alternative in the first accepted value: a safe one while a span tries something else.
    baseline: Option<usize>,
    last_refusal: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Unknown,
    Good,
    Dead,
}

/// What is known of a place at which a whole value was accepted or refused.
#[derive(Default)]
struct Span {
    accepted: bool,
    /// Tries one unknown alternative at a time, because several at once were refused.
    cautious: bool,
    /// The recipe in use; 0 is none.
    recipe: usize,
}

#[derive(Default)]
struct Run {
    made: Vec<Chosen>,
    /// The alternatives that enclose the current place.
    frames: Vec<Chosen>,
    open: Vec<OpenSpan>,
    closed: Vec<(PlaceId, Range<usize>)>,
    /// Unknown alternatives that are part of this run.
    tried: HashSet<(usize, usize)>,
    /// Whether a cautious span has had its one new alternative.
    experimented: bool,
    blame: Option<Blame>,
}

struct OpenSpan {
    place: PlaceId,
    type_name: &'static str,
    path: Path,
    start: usize,
    framed: bool,
}

enum Blame {
    Refused(Chosen),
    NoSuchVariant(Chosen),
    Span { span: OpenSpan, end: usize, outer: Option<Chosen>, why: String },
    DeadEnd(Option<Chosen>),
    Budget,
}

/// Combinations tried for one validating type before it is given up: enough to go through each list of candidates
/// (at most 24) in step, and to mix them 40 times.
const RECIPES_MAX: usize = 64;

impl Explorer {
    pub(super) fn begin(&mut self) {
        self.run = Run::default();
        self.graph.forget();
    }

    /// Answers a question. When every alternative has been refused, that ends the run and is noted, and the type to
    /// be called untraced is returned, if any.
    pub(super) fn choose(
        &mut self,
        question: &Question<'_>,
    ) -> Result<Chosen, Option<&'static str>> {
        let choice = self.intern(question);
        if let Some(frame) = self.run.frames.last() {
            self.graph.lead(frame.choice, frame.alternative, choice);
        }
        let Some(alternative) = self.pick(choice) else {
            return Err(self.exhausted(choice));
        };
        let chosen = Chosen { choice, alternative };
        if self.choices[choice].verdicts[alternative] == Verdict::Unknown {
            self.run.tried.insert((choice, alternative));
            self.graph.forget();
        }
        self.run.made.push(chosen);
        Ok(chosen)
    }

    fn intern(&mut self, question: &Question<'_>) -> usize {
        let key = (question.place, question.label, question.count);
        *self.by_key.entry(key).or_insert_with(|| {
            self.graph.add(question.count);
            self.choices.push(Choice {
                label: question.label,
                visitor: question.visitor,
                type_name: question.type_name,
                path: question.path.clone(),
                coverage: question.coverage,
                verdicts: vec![Verdict::Unknown; question.count],
                baseline: None,
                last_refusal: String::new(),
            });
            self.choices.len() - 1
        })
    }

    fn exhausted(&mut self, choice: usize) -> Option<&'static str> {
        self.dead_end();
        let Choice { type_name, path, last_refusal, verdicts, label, .. } = &self.choices[choice];
        // An enum without variants has no values, and `any` has been reported as an error already.
        if verdicts.is_empty() || *label == "any" {
            return None;
        }
        let why = format!("it refused every sample, the last one because of: {last_refusal}");
        self.notes.push(Note { path: path.clone(), type_name, why });
        Some(type_name)
    }

    /// Enters a value that may be refused as a whole. `frame` is the alternative that holds it, if any.
    pub(super) fn open(
        &mut self,
        place: PlaceId,
        type_name: &'static str,
        path: &Path,
        frame: Option<Chosen>,
    ) {
        let start = self.run.made.len();
        let (path, framed) = (path.clone(), frame.is_some());
        self.run.open.push(OpenSpan { place, type_name, path, start, framed });
        self.run.frames.extend(frame);
    }

    /// Leaves the value entered last, with the reason if it was refused.
    pub(super) fn close(&mut self, refusal: Option<String>) {
        let Some(span) = self.run.open.pop() else { return };
        let end = self.run.made.len();
        let outer = self.run.frames.last().copied();
        if span.framed {
            self.run.frames.pop();
        }
        match refusal {
            None => self.run.closed.push((span.place, span.start..end)),
            Some(why) => self.blame(Blame::Span { span, end, outer, why }),
        }
    }

    /// The visitor that was given this alternative refused it.
    pub(super) fn refused(&mut self, chosen: Chosen, why: &str) {
        why.clone_into(&mut self.choices[chosen.choice].last_refusal);
        self.blame(Blame::Refused(chosen));
    }

    /// The index names no variant.
    pub(super) fn no_such_variant(&mut self, chosen: Chosen, why: &str) {
        why.clone_into(&mut self.choices[chosen.choice].last_refusal);
        self.blame(Blame::NoSuchVariant(chosen));
    }

    /// No value is possible here, whatever else is chosen below the enclosing alternative.
    pub(super) fn dead_end(&mut self) {
        let frame = self.run.frames.last().copied();
        self.blame(Blame::DeadEnd(frame));
    }

    /// The type is too large to go on.
    pub(super) fn over_budget(&mut self) {
        self.blame(Blame::Budget);
    }

    /// The first refusal of a run is its cause; what follows are consequences.
    fn blame(&mut self, blame: Blame) {
        self.run.blame.get_or_insert(blame);
    }

    /// Whether something was refused, even if the type swallowed the refusal.
    pub(super) fn is_blamed(&self) -> bool {
        self.run.blame.is_some()
    }

    /// The place and type that the last run gave up.
    pub(super) fn take_untraced(&mut self) -> Option<(PlaceId, &'static str)> {
        self.untraced.take()
    }

    pub(super) fn note(&mut self, path: Path, type_name: &'static str, why: String) {
        self.notes.push(Note { path, type_name, why });
    }

    pub(super) fn into_notes(self) -> Vec<Note> {
        self.notes
    }

    /// Learns from a run that made a value.
    pub(super) fn accept(&mut self) -> Lesson {
        for (place, range) in std::mem::take(&mut self.run.closed) {
            let span = self.spans.entry(place).or_default();
            span.accepted = true;
            if std::mem::take(&mut span.recipe) > 0 {
                span.cautious = true;
                for chosen in &self.run.made[range] {
                    self.choices[chosen.choice].baseline = Some(chosen.alternative);
                }
            }
        }
        for chosen in &self.run.made {
            let choice = &mut self.choices[chosen.choice];
            choice.verdicts[chosen.alternative] = Verdict::Good;
            choice.baseline.get_or_insert(chosen.alternative);
        }
        let progress = !self.run.tried.is_empty();
        match progress && self.choices.iter().any(Choice::is_open) {
            true => Lesson::Again,
            false => Lesson::Stop,
        }
    }

    /// Learns from a run that was refused.
    pub(super) fn learn(&mut self) -> Lesson {
        match self.run.blame.take() {
            Some(Blame::Refused(chosen)) => {
                let Choice { visitor, label, .. } = self.choices[chosen.choice];
                self.refused.insert((visitor, label, chosen.alternative));
                self.kill(chosen)
            }
            Some(Blame::NoSuchVariant(chosen)) => self.kill(chosen),
            Some(Blame::DeadEnd(frame)) => self.kill_frame(frame),
            Some(Blame::Span { span, end, outer, why }) => self.learn_span(&span, end, outer, &why),
            Some(Blame::Budget) | None => Lesson::Stop,
        }
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
        let unknown = made.iter().find(|made| self.verdict(**made) == Verdict::Unknown).copied();
        let span = self.spans.entry(blamed.place).or_default();
        if span.accepted && !std::mem::replace(&mut span.cautious, span.accepted) {
            return Lesson::Again;
        }
        if span.accepted
            && let Some(unknown) = unknown
        {
            return self.kill_noted(unknown, why);
        }
        span.recipe += 1;
        if span.recipe <= RECIPES_MAX && !made.is_empty() {
            return Lesson::Again;
        }
        let why = format!("it refused every sample, the last one because of: {why}");
        self.note(blamed.path.clone(), blamed.type_name, why);
        self.untraced = Some((blamed.place, blamed.type_name));
        self.kill_frame(outer)
    }

    fn verdict(&self, chosen: Chosen) -> Verdict {
        self.choices[chosen.choice].verdicts[chosen.alternative]
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

impl Choice {
    /// Whether an alternative worth visiting is still unknown.
    fn is_open(&self) -> bool {
        self.verdicts[..self.coverage].contains(&Verdict::Unknown)
    }
}

/// The latest choice made, if all that were made are of the same place.
fn only_choice(made: &[Chosen]) -> Option<Chosen> {
    let last = made.last()?;
    made.iter().all(|one| one.choice == last.choice).then_some(*last)
}
