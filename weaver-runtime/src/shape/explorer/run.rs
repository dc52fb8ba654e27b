//! What happens in one run.

use std::ops::Range;

use super::{Chosen, Note};
use crate::shape::chart::PlaceId;
use crate::shape::path::Path;

/// The run under way.
#[derive(Default)]
pub(super) struct Run {
    pub(super) made: Vec<Chosen>,
    /// The alternatives that enclose the current place.
    pub(super) frames: Vec<Chosen>,
    pub(super) open: Vec<OpenSpan>,
    pub(super) closed: Vec<(PlaceId, Range<usize>)>,
    /// Whether an unknown alternative is part of this run.
    pub(super) tries: bool,
    /// Whether a cautious span has had its one new alternative.
    pub(super) experimented: bool,
    pub(super) blame: Option<Blame>,
}

pub(super) struct OpenSpan {
    pub(super) place: PlaceId,
    pub(super) type_name: &'static str,
    pub(super) path: Path,
    pub(super) start: usize,
    pub(super) framed: bool,
}

pub(super) enum Blame {
    Refused(Chosen),
    NoSuchVariant(Chosen),
    Span { span: OpenSpan, end: usize, outer: Option<Chosen>, why: String },
    DeadEnd(Option<Chosen>),
    TooDeep { frames: Vec<Chosen>, note: Note },
    Budget,
}
