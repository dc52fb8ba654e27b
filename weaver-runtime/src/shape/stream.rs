//! Where a stream may be.

use super::{
    Role,
    path::{Path, Segment},
    problem::ProblemKind,
};
use crate::stream::STREAM;

/// What is wrong with a value that serde was told to be a `name`, if it is a stream.
pub(super) fn problem(name: &str, role: Role, path: &Path) -> Option<ProblemKind> {
    let items = name.strip_prefix(STREAM)?;
    if let Some(why) = items.strip_prefix('!') {
        return Some(ProblemKind::StreamItem { why: why.to_owned() });
    }
    (!is_place_for_one(role, &path.segments())).then_some(ProblemKind::MisplacedStream)
}

/// An argument, the value of a result, or an element of a tuple that is one of these.
fn is_place_for_one(role: Role, segments: &[Segment]) -> bool {
    let depths = match role {
        Role::Arguments => 1..=2,
        Role::Value => 0..=1,
        Role::Part => return false,
    };
    depths.contains(&segments.len()) && segments.iter().all(|it| matches!(it, Segment::Index(_)))
}
