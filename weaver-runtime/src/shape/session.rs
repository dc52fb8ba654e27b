//! One examination of one type: what has been seen, what is tried next, and where the present run is.

use std::any::{TypeId, type_name};

use super::Part;
use super::chart::{Chart, PlaceId, Step};
use super::error::Error;
use super::explorer::{Chosen, Explorer, Lesson, Question};
use super::path::{Path, Segment};
use super::problem::ProblemKind;

/// All that the runs of one type share.
pub(super) struct Session {
    pub(super) part: Part,
    pub(super) chart: Chart,
    pub(super) explorer: Explorer,
    pub(super) findings: Vec<Finding>,
    pub(super) cursor: Cursor,
    /// How often anything was asked of a sequence, map or enum.
    pub(super) asked: usize,
    depth: usize,
    stack_start: usize,
    values: usize,
}

/// Where the present run is.
#[derive(Clone)]
pub(super) struct Cursor {
    pub(super) place: PlaceId,
    pub(super) path: Path,
}

/// A problem, before its path is settled.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Finding {
    pub(super) path: Path,
    pub(super) kind: ProblemKind,
}

/// The way from a place to one value below it.
pub(super) struct Way {
    pub(super) place: PlaceId,
    pub(super) segment: Option<Segment>,
    pub(super) type_name: &'static str,
    /// The alternative that holds the value.
    pub(super) frame: Option<Chosen>,
}

/// Nested values in one sample. It is the depth that the codec refuses to decode beyond; a type that needs more could
/// not travel.
const DEPTH_MAX: usize = 128;

/// Stack that one sample may take. Without optimization, large enums need tens of kilobytes for each level; threads
/// have 2 MiB by default, a guest has 1 MiB.
const STACK_BYTES_MAX: usize = 512 << 10;

/// Values visited over all runs of one type: some hundred times what a large message type needs, a second of work at
/// worst.
const VALUES_MAX: usize = 1 << 18;

/// Samples made of one type. One is needed for each variant of each enum and for each value that a type refuses, some
/// hundreds for a large protocol.
const RUNS_MAX: usize = 4096;

impl Session {
    pub(super) fn new(part: Part) -> Self {
        Self {
            part,
            chart: Chart::new(),
            explorer: Explorer::default(),
            findings: Vec::new(),
            cursor: Cursor::root(),
            asked: 0,
            depth: 0,
            stack_start: 0,
            values: 0,
        }
    }

    pub(super) fn begin_run(&mut self) {
        self.stack_start = stack_address();
        self.explorer.begin();
        self.cursor = Cursor::root();
        self.depth = 0;
    }

    /// Learns from the run; returns whether another is worth while.
    pub(super) fn end_run(&mut self, accepted: bool) -> bool {
        let lesson = match accepted && !self.explorer.is_blamed() {
            true => self.explorer.accept(),
            false => self.explorer.learn(),
        };
        if let Some((place, type_name)) = self.explorer.take_untraced() {
            self.chart.place_mut(place).untraced = Some(type_name);
        }
        lesson == Lesson::Again && !self.is_spent()
    }

    /// Whether a limit has ended the examination.
    pub(super) fn is_spent(&self) -> bool {
        self.explorer.runs() >= RUNS_MAX || self.values > VALUES_MAX
    }

    /// Whether something was left out that no problem explains.
    pub(super) fn is_unfinished(&self) -> bool {
        self.findings.is_empty() && self.explorer.is_unfinished()
    }

    /// Reports a problem at the cursor.
    pub(super) fn find(&mut self, kind: ProblemKind) {
        let path = self.cursor.path.clone();
        self.findings.push(Finding { path, kind });
    }

    /// Asks which alternative to take for the visitor `V`, which makes a `T`.
    pub(super) fn choose<V, T>(
        &mut self,
        place: PlaceId,
        label: &'static str,
        count: usize,
        coverage: usize,
        way_out: Option<usize>,
    ) -> Result<Chosen, Error> {
        let (visitor, type_name): (TypeId, _) = (typeid::of::<V>(), type_name::<T>());
        let path = &self.cursor.path;
        let question =
            Question { place, label, count, coverage, way_out, visitor, type_name, path };
        self.explorer.choose(&question).map_err(|untraced| {
            self.chart.place_mut(self.cursor.place).untraced = untraced;
            Error::new("every sample was refused")
        })
    }

    /// Goes down to a value and comes back.
    pub(super) fn within<R>(
        &mut self,
        way: &Way,
        visit: impl FnOnce(&mut Self) -> Result<R, Error>,
    ) -> Result<R, Error> {
        let here = self.cursor.clone();
        self.cursor.place = way.place;
        if let Some(segment) = way.segment {
            self.cursor.path = here.path.join(segment);
        }
        self.explorer.open(way.place, way.type_name, &self.cursor.path, way.frame);
        self.depth += 1;
        let result = self.spend(way.type_name).and_then(|()| visit(self));
        self.depth -= 1;
        self.explorer.close(result.as_ref().err().map(Error::to_string));
        self.cursor = here;
        result
    }

    fn spend(&mut self, type_name: &'static str) -> Result<(), Error> {
        self.values += 1;
        if self.values > VALUES_MAX {
            self.explorer.over_budget();
            return Err(Error::new("the type is too large to examine"));
        }
        if self.depth > DEPTH_MAX || stack_address().abs_diff(self.stack_start) > STACK_BYTES_MAX {
            let Cursor { path, .. } = self.cursor.clone();
            let why = "its samples nest too deep".to_owned();
            self.explorer.too_deep(path, type_name, why);
            return Err(Error::new("the type nests without end"));
        }
        Ok(())
    }

    /// The place one step below another.
    pub(super) fn below(&mut self, place: PlaceId, step: Step) -> PlaceId {
        self.chart.below(place, step)
    }
}

/// Roughly where the stack ends at present.
#[inline(never)]
fn stack_address() -> usize {
    let here = 0_u8;
    std::ptr::from_ref(std::hint::black_box(&here)).addr()
}

impl Cursor {
    fn root() -> Self {
        Self { place: Chart::ROOT, path: Path::default() }
    }
}
