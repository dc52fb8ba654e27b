//! Where a stream may be.

use super::{
    path::{Path, Segment},
    problem::ProblemKind,
};
use crate::stream::STREAM;

/// What is wrong with a value that serde was told to be a `name`, if it is a stream.
pub(super) fn problem(name: &str, path: &Path) -> Option<ProblemKind> {
    let items = name.strip_prefix(STREAM)?;
    if let Some(why) = items.strip_prefix('!') {
        return Some(ProblemKind::StreamItem { why: why.to_owned() });
    }
    (!is_place_for_one(&path.segments())).then_some(ProblemKind::MisplacedStream)
}

/// An argument, the result, or an element of a tuple that is one of these.
fn is_place_for_one(segments: &[Segment]) -> bool {
    matches!(
        segments,
        [Segment::Index(_)]
            | [Segment::Index(_), Segment::Index(_)]
            | [Segment::Variant("Ok")]
            | [Segment::Variant("Ok"), Segment::Index(_)]
    )
}
