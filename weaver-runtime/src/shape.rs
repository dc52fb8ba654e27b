//! What a type looks like on the wire, found by asking the type itself.
//!
//! The encoding does not describe itself: caller and callee must agree on every field beforehand, and some types cannot
//! be carried at all. Both are found by deserializing samples of the type from a deserializer that makes them up,
//! serializing these, and reading the result back.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::Serialize;
use serde::de::DeserializeOwned;

mod chart;
mod error;
mod explorer;
mod path;
mod problem;
mod recorder;
mod replay;
mod sampler;
mod session;
mod stream;
mod text;
mod token;

#[cfg(test)]
mod tests;

pub use problem::{Problem, ProblemKind};

use chart::Chart;
use error::Error;
use path::Path;
use recorder::Record;
use replay::Replay;
use sampler::Sampler;
use session::{Finding, Session, Way};
use text::Text;

use crate::stream as streams;

/// Which part of a call a type is: it says where in the type a stream may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    /// All arguments of a method, as one tuple.
    Arguments,
    /// What a method returns when it succeeds.
    Value,
    /// An error, or an item of a stream.
    Other,
}

/// The wire form of a type, and what stands in its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    text: String,
    problems: Vec<Problem>,
}

impl Shape {
    /// Examines a type.
    ///
    /// Runs the type's own `Deserialize` and `Serialize` on made-up values, a bounded number of times. If these
    /// panic, the panic is caught (where panics unwind) and the value counts as refused.
    pub fn of<T: Serialize + DeserializeOwned>() -> Self {
        Self::of_part::<T>(Part::Other)
    }

    /// The same for a type that is this part of a call.
    pub(crate) fn of_part<T: Serialize + DeserializeOwned>(part: Part) -> Self {
        let mut session = Session::new(part);
        while streams::examine(|| run::<T>(&mut session)) {}
        if session.is_spent() || session.is_unfinished() {
            let why = "it was not seen in full within the limits".to_owned();
            session.explorer.note(Path::default(), std::any::type_name::<T>(), why);
        }
        Self { text: Text::of(&session.chart), problems: problems(session) }
    }

    /// The wire form, from which a fingerprint can be made.
    ///
    /// It is equal for two builds of one source, whatever their targets, and differs when a field, a variant, a name,
    /// an order or a type differs: `struct Item{name:string,price:u64,next:option<#0>}`. `#0` is the nominal type that
    /// the text mentions first. `?` is something unknown, with the Rust type that hides it: `?!"app::Opaque"`.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// All that was found, errors first, then notes.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

/// Makes and checks one sample; returns whether another is worth while.
fn run<T: Serialize + DeserializeOwned>(session: &mut Session) -> bool {
    session.begin_run();
    let errors_before = session.findings.len();
    let sample = guarded(|| sample::<T>(session));
    if let Err(why) = &sample {
        // After a panic, the value under way is still open: it is the one to blame.
        session.explorer.close(Some(why.to_string()));
    }
    if let Ok(sample) = &sample {
        let is_readable = session.findings.len() == errors_before;
        let unwritable = |why: Error| vec![unwritable(Path::default(), &why.to_string())];
        let findings = guarded(|| Ok(check(sample, is_readable))).unwrap_or_else(unwritable);
        session.findings.extend(findings);
    }
    let accepted = sample.is_ok();
    // A destructor that panics has no say either.
    let _ = guarded(|| {
        drop(sample);
        Ok(())
    });
    session.end_run(accepted)
}

fn sample<T: DeserializeOwned>(session: &mut Session) -> Result<T, Error> {
    let type_name = std::any::type_name::<T>();
    let way = Way { place: Chart::ROOT, segment: None, type_name, frame: None };
    session.within(&way, |session| T::deserialize(Sampler(session)))
}

/// Serializes a sample, reads it back, and serializes it again: what the codec will do.
fn check<T: Serialize + DeserializeOwned>(sample: &T, is_readable: bool) -> Vec<Finding> {
    let Record { tokens, findings, failure } = Record::of(sample);
    if !findings.is_empty() || !is_readable {
        return findings;
    }
    if let Some((path, why)) = failure {
        return vec![unwritable(path, &why)];
    }
    let again = match Replay::read::<T>(tokens.clone()) {
        Ok(again) => Record::of(&again),
        Err(finding) => return vec![finding],
    };
    replay::compare(&tokens, &again.tokens).into_iter().collect()
}

/// A value that can be read but not written.
fn unwritable(path: Path, why: &str) -> Finding {
    let (written, read) = (format!("an error ({why})"), "a value".to_owned());
    Finding { path, kind: ProblemKind::Asymmetric { written, read } }
}

fn guarded<R>(act: impl FnOnce() -> Result<R, Error>) -> Result<R, Error> {
    // Nothing broken is looked at afterwards: each run begins by resetting where it is.
    catch_unwind(AssertUnwindSafe(act)).unwrap_or_else(|_| Err(Error::new("it panicked")))
}

/// Without repetitions, errors first.
fn problems(session: Session) -> Vec<Problem> {
    let Session { chart, explorer, findings, .. } = session;
    let notes = explorer.into_notes().into_iter().map(|note| {
        let kind = ProblemKind::NotTraced { type_name: note.type_name, why: note.why };
        Finding { path: note.path, kind }
    });
    let mut found: Vec<_> = findings.into_iter().chain(notes).collect();
    found.sort_by_key(|finding| !finding.kind.is_error());
    let mut problems: Vec<Problem> = Vec::new();
    for Finding { path, kind } in found {
        let problem = Problem { path: chart.shorten(&path).to_string(), kind };
        if !problems.iter().any(|known| covers(known, &problem)) {
            problems.push(problem);
        }
    }
    problems
}

/// Whether the second problem says nothing that the first has not said.
fn covers(known: &Problem, other: &Problem) -> bool {
    let below = other.path.strip_prefix(&known.path);
    if matches!(known.kind, ProblemKind::NotSelfDescribing { .. }) {
        // What cannot be read is made of things that cannot be read.
        return below.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[', ':']));
    }
    let same_kind = std::mem::discriminant(&known.kind) == std::mem::discriminant(&other.kind);
    same_kind && below == Some("")
}
