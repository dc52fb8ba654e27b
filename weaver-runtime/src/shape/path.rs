//! Where in a value the tracer is, as a person would write it: `.items[].price`.

use std::fmt;
use std::rc::Rc;

/// A path from the root; cloning and extending it are cheap, because every written token keeps one.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Path(Option<Rc<Node>>);

#[derive(PartialEq, Eq)]
struct Node {
    parent: Path,
    segment: Segment,
}

/// One step of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Segment {
    Field(&'static str),
    Index(usize),
    Element,
    Key,
    Variant(&'static str),
}

impl Path {
    pub(super) fn join(&self, segment: Segment) -> Self {
        Self(Some(Rc::new(Node { parent: self.clone(), segment })))
    }

    /// From the root down.
    pub(super) fn segments(&self) -> Vec<Segment> {
        let node = self.0.as_deref();
        let mut segments = node.map(|node| node.parent.segments()).unwrap_or_default();
        segments.extend(node.map(|node| node.segment));
        segments
    }

    /// The path of what encloses a field or a key; itself otherwise.
    pub(super) fn enclosing(&self) -> Self {
        match self.0.as_deref() {
            Some(Node { parent, segment: Segment::Field(_) | Segment::Key }) => parent.clone(),
            _ => self.clone(),
        }
    }
}

impl Segment {
    /// A field by its position among the names.
    pub(super) fn name(names: &[&'static str], index: usize) -> Self {
        names.get(index).map_or(Self::Index(index), |name| Self::Field(name))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(node) = self.0.as_deref() else {
            return Ok(());
        };
        write!(f, "{}", node.parent)?;
        match node.segment {
            Segment::Field(name) => write!(f, ".{name}"),
            Segment::Index(index) => write!(f, ".{index}"),
            Segment::Element => write!(f, "[]"),
            Segment::Key => write!(f, "[key]"),
            Segment::Variant(name) => write!(f, "::{name}"),
        }
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{self}`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_as_a_person_would_write_it() {
        let item = Path::default().join(Segment::Field("items")).join(Segment::Element);
        let path = item.join(Segment::Variant("Card")).join(Segment::Index(0));
        assert_eq!(path.to_string(), ".items[]::Card.0");
        assert_eq!(path.join(Segment::Key).to_string(), ".items[]::Card.0[key]");
    }

    #[test]
    fn only_fields_and_keys_have_an_enclosing_path() {
        let field = Path::default().join(Segment::Field("a"));
        assert_eq!(field.enclosing(), Path::default());
        assert_eq!(field.join(Segment::Key).enclosing(), field);
        assert_eq!(field.join(Segment::Element).enclosing(), field.join(Segment::Element));
    }
}
