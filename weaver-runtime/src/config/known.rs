//! The names that a program has, against those that the file mentions.

use super::error::MistakeKind;
use super::mistakes::Mistakes;
use super::names::{hint, quoted};

/// What a program has, for [`ConfigFile::check`](super::ConfigFile::check).
#[derive(Debug, Clone, Copy, Default)]
pub struct Known<'a> {
    /// All components.
    pub components: &'a [&'a str],
    /// All listeners.
    pub listeners: &'a [&'a str],
    /// The components that have a field of type `weaver::Config`.
    pub sections: &'a [&'a str],
}

/// A name in the file that has to exist in the program.
#[derive(Debug, Clone)]
pub(super) struct Mention {
    pub(super) kind: MentionKind,
    pub(super) name: String,
    /// In bytes from the start of the text.
    pub(super) offset: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MentionKind {
    Component,
    Listener,
    Section,
}

impl Known<'_> {
    pub(super) fn check(&self, mention: &Mention, mistakes: &mut Mistakes) {
        let name = mention.name.as_str();
        let message = match mention.kind {
            MentionKind::Component => unknown("component", name, self.components),
            MentionKind::Listener => unknown("listener", name, self.listeners),
            MentionKind::Section => self.unknown_section(name),
        };
        if let Some(message) = message {
            mistakes.add(mention.offset, MistakeKind::UnknownName, message);
        }
    }

    /// A component that exists and takes no configuration is another mistake than a misspelt one.
    fn unknown_section(&self, name: &str) -> Option<String> {
        if self.components.contains(&name) && !self.sections.contains(&name) {
            let name = quoted(name);
            return Some(format!(
                "component {name} takes no configuration; remove its section, or give its \
                 implementation a field of type `weaver::Config`"
            ));
        }
        unknown("section", name, self.sections)
    }
}

fn unknown(noun: &str, name: &str, known: &[&str]) -> Option<String> {
    if known.contains(&name) {
        return None;
    }
    let (name, hint) = (quoted(name), hint(name, known));
    let none = if known.is_empty() { "; the program has none" } else { "" };
    Some(format!("unknown {noun} {name}{hint}{none}"))
}
