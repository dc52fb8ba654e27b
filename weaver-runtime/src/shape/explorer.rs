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
use std::collections::{BTreeSet, HashMap, HashSet};

use super::chart::PlaceId;
use super::path::Path;

mod graph;
mod learn;
mod pick;
mod run;

use graph::Graph;
use learn::Spans;
use run::{Blame, OpenSpan, Run};

/// What is known about the choices of one type, and the run under way.
#[derive(Default)]
pub(super) struct Explorer {
    choices: Vec<Choice>,
    by_key: HashMap<(PlaceId, &'static str, usize), usize>,
    /// Each visitor type that makes a kind of choice, by number.
    visitors: HashMap<(TypeId, &'static str), usize>,
    /// For each of the visitors, the candidates that it refused, wherever it is met again.
    refused: Vec<BTreeSet<usize>>,
    spans: Spans,
    /// All that was ever postponed; the second time is the last.
    postponed: HashSet<Chosen>,
    graph: Graph,
    /// How many were begun, the present one included.
    runs: usize,
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
    /// The alternative without anything below it, known beforehand: `None`, an empty sequence.
    pub(super) way_out: Option<usize>,
    pub(super) visitor: TypeId,
    pub(super) type_name: &'static str,
    pub(super) path: &'a Path,
}

/// An answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
    visitor: usize,
    type_name: &'static str,
    path: Path,
    coverage: usize,
    way_out: Option<usize>,
    verdicts: Vec<Verdict>,
    /// For each alternative, the last run in which it was tried while it was unknown, from 1.
    tried_in: Vec<usize>,
    /// The alternative in the first accepted value: a safe one while a span tries something else.
    baseline: Option<usize>,
    last_refusal: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Unknown,
    /// As unknown, but it led too deep while no way out of a recursion was known. To be tried last.
    Postponed,
    Good,
    Dead,
}

impl Explorer {
    pub(super) fn begin(&mut self) {
        self.runs += 1;
        self.run = Run::default();
    }

    pub(super) fn runs(&self) -> usize {
        self.runs
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
        if self.verdict(chosen).is_open() && !self.is_tried(chosen) {
            self.choices[choice].tried_in[alternative] = self.runs;
            self.run.tries = true;
            self.graph.forget_heights();
            if !self.has_news(choice) {
                self.graph.forget_distances();
            }
        }
        self.run.made.push(chosen);
        Ok(chosen)
    }

    fn intern(&mut self, question: &Question<'_>) -> usize {
        let key = (question.place, question.label, question.count);
        *self.by_key.entry(key).or_insert_with(|| {
            self.graph.add(question.count);
            let visitor =
                *self.visitors.entry((question.visitor, question.label)).or_insert_with(|| {
                    self.refused.push(BTreeSet::new());
                    self.refused.len() - 1
                });
            self.choices.push(Choice {
                label: question.label,
                visitor,
                type_name: question.type_name,
                path: question.path.clone(),
                coverage: question.coverage,
                way_out: question.way_out,
                verdicts: vec![Verdict::Unknown; question.count],
                tried_in: vec![0; question.count],
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
        let Some(span) = self.run.open.pop() else {
            return;
        };
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

    /// The sample is too deep to go on. The path and type are for the note, if there is no other way.
    pub(super) fn too_deep(&mut self, path: Path, type_name: &'static str, why: String) {
        let frames = self.run.frames.clone();
        self.blame(Blame::TooDeep { frames, note: Note { path, type_name, why } });
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

    /// Whether something was left out that no note explains.
    pub(super) fn is_unfinished(&self) -> bool {
        self.notes.is_empty() && self.choices.iter().any(Choice::is_open)
    }

    pub(super) fn into_notes(self) -> Vec<Note> {
        self.notes
    }

    fn verdict(&self, chosen: Chosen) -> Verdict {
        self.choices[chosen.choice].verdicts[chosen.alternative]
    }

    /// Whether the alternative is part of this run, though unknown.
    fn is_tried(&self, chosen: Chosen) -> bool {
        self.choices[chosen.choice].tried_in[chosen.alternative] == self.runs
    }
}

impl Choice {
    /// Whether an alternative worth visiting is still unknown.
    fn is_open(&self) -> bool {
        self.verdicts[..self.coverage].iter().any(|verdict| verdict.is_open())
    }
}

impl Verdict {
    fn is_open(self) -> bool {
        matches!(self, Self::Unknown | Self::Postponed)
    }
}
