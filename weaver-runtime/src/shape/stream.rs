//! Where a stream may be.

use super::{
    Part,
    path::{Path, Segment},
    problem::ProblemKind,
};
use crate::stream::STREAM;

/// What is wrong with a value that serde was told to be a `name`, if it is a stream.
pub(super) fn problem(name: &str, part: Part, path: &Path) -> Option<ProblemKind> {
    let items = name.strip_prefix(STREAM)?;
    if let Some(why) = items.strip_prefix('!') {
        return Some(ProblemKind::StreamItem { why: why.to_owned() });
    }
    (!is_place_for_one(part, &path.segments())).then_some(ProblemKind::MisplacedStream)
}

/// An argument, the value of a result, or an element of a tuple that is one of these.
fn is_place_for_one(part: Part, segments: &[Segment]) -> bool {
    let depths = match part {
        Part::Arguments => 1..=2,
        Part::Value => 0..=1,
        Part::Other => return false,
    };
    depths.contains(&segments.len()) && segments.iter().all(|it| matches!(it, Segment::Index(_)))
}
