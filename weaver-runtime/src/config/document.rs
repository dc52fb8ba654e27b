//! The file as a whole: from text to what it says.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use toml::de::DeTable;

use super::app::App;
use super::error::MistakeKind;
use super::excerpt::excerpt;
use super::fields::Table;
use super::groups::{self, Group};
use super::known::{Mention, MentionKind};
use super::limits;
use super::listeners;
use super::mistakes::Mistakes;
use super::names::{hint, quoted};
use super::{CONFIG_BYTES_MAX, PlacementDefault};
use crate::limits::Limits;

/// What the file says, except for the sections: components read those with their own types.
#[derive(Debug, Clone, Default)]
pub(super) struct Document {
    pub(super) app: App,
    pub(super) listeners: BTreeMap<String, SocketAddr>,
    pub(super) placement: PlacementDefault,
    pub(super) groups: BTreeMap<String, Group>,
    pub(super) limits: Limits,
    /// The components that have a section.
    sections: BTreeSet<String>,
    /// The names that have to exist in the program.
    pub(super) mentions: Vec<Mention>,
}

/// Reads `text`. What is returned is of use only if no mistakes were added.
pub(super) fn read(text: &str, mistakes: &mut Mistakes) -> Document {
    let mut document = Document::default();
    if text.len() > CONFIG_BYTES_MAX {
        refuse_large(mistakes);
        return document;
    }
    match DeTable::parse(text) {
        Ok(rows) => document.fill(&Table::root(rows.get_ref()), mistakes),
        Err(error) => refuse_syntax(text, &error, mistakes),
    }
    document
}

pub(super) fn refuse_large(mistakes: &mut Mistakes) {
    let message = format!("larger than {CONFIG_BYTES_MAX} bytes, the most that is read");
    mistakes.add_to_file(MistakeKind::TooLarge, message);
}

impl Document {
    pub(super) fn has_section(&self, component: &str) -> bool {
        self.sections.contains(component)
    }

    fn fill(&mut self, root: &Table<'_>, mistakes: &mut Mistakes) {
        let known = ["app", "listeners", "placement", "groups", "limits", "config"];
        root.refuse_unknown(&known, mistakes);
        if let Some(app) = root.table("app", mistakes) {
            self.app = App::read(&app, mistakes);
        }
        if let Some(table) = root.table("listeners", mistakes) {
            self.listeners = listeners::read(&table, &mut self.mentions, mistakes);
        }
        if let Some(placement) = root.table("placement", mistakes) {
            self.placement = read_placement(&placement, mistakes);
        }
        if let Some(table) = root.table("groups", mistakes) {
            self.groups = groups::read(&table, &mut self.mentions, mistakes);
        }
        if let Some(table) = root.table("limits", mistakes) {
            self.limits = limits::read(&table, mistakes);
        }
        if let Some(sections) = root.table("config", mistakes) {
            self.read_sections(&sections, mistakes);
        }
    }

    fn read_sections(&mut self, sections: &Table<'_>, mistakes: &mut Mistakes) {
        for section in sections.entries() {
            if section.table(mistakes).is_some() {
                self.sections.insert(section.key.to_owned());
                self.mentions.push(Mention {
                    kind: MentionKind::Section,
                    name: section.key.to_owned(),
                    offset: section.key_offset,
                });
            }
        }
    }
}

fn read_placement(placement: &Table<'_>, mistakes: &mut Mistakes) -> PlacementDefault {
    placement.refuse_unknown(&["default"], mistakes);
    let Some(entry) = placement.get("default") else {
        return PlacementDefault::default();
    };
    match entry.string(mistakes).map(|string| string.text) {
        Some("together") => PlacementDefault::Together,
        Some("each") | None => PlacementDefault::Each,
        Some("auto") => {
            let what = "`default = \"auto\"` in [placement]";
            entry.not_available(what, "; use `each` or `together`", mistakes);
            PlacementDefault::default()
        }
        Some(other) => {
            let hint = hint(other, &["each", "together"]);
            entry.bad_value(&format!("unknown placement {}{hint}", quoted(other)), mistakes);
            PlacementDefault::default()
        }
    }
}

fn refuse_syntax(text: &str, error: &toml::de::Error, mistakes: &mut Mistakes) {
    // The parser says so where it has nothing better to expect.
    let what = error.message().trim_end_matches(", expected nothing");
    let what = what.trim_end_matches(", expected literal string");
    let message = format!("not valid TOML: {what}");
    let Some(span) = error.span() else {
        mistakes.add_to_file(MistakeKind::Syntax, message);
        return;
    };
    let line = excerpt(text, span.start).map(|line| format!("; the line is: {line}"));
    let message = format!("{message}{}", line.unwrap_or_default());
    mistakes.add(span.start, MistakeKind::Syntax, message);
}
