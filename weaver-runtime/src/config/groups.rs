//! `[groups.NAME]`: components that are always placed together, and how often they run.

use std::collections::BTreeMap;

use toml::de::DeValue;

use super::error::MistakeKind;
use super::fields::{Entry, Table, Text};
use super::known::{Mention, MentionKind};
use super::mistakes::Mistakes;
use super::names::{NAME_RULE, is_name, quoted};
use super::sandbox;
use crate::sandbox::Grants;

/// The most replicas of one group. Each is a process with a port and a connection to every other,
/// so a deployment ends up far below it; a larger number is a slip of the hand.
pub const REPLICAS_MAX: u32 = 1000;

/// The group that runs the author's `main`.
const MAIN: &str = "main";

/// Names that begin with it are kept for the parts of weaver itself.
const RESERVED_PREFIX: &str = "weaver.";

/// One `[groups.NAME]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Group {
    /// The components' names, in the order of the file. Empty only for `main`.
    pub components: Vec<String>,
    /// How many replicas run; none where the file does not say. At least 1, at most
    /// [`REPLICAS_MAX`].
    pub replicas: Option<u32>,
    /// What the group is granted, if it runs as WebAssembly in a sandbox.
    pub sandbox: Option<Grants>,
}

/// A component in the list of a group.
struct Member<'a> {
    component: Text<'a>,
    group: &'a str,
}

pub(super) fn read(
    table: &Table<'_>,
    mentions: &mut Vec<Mention>,
    mistakes: &mut Mistakes,
) -> BTreeMap<String, Group> {
    let mut groups = BTreeMap::new();
    let mut members = Vec::new();
    for entry in table.entries() {
        refuse_bad_name(&entry, mistakes);
        let Some(table) = entry.table(mistakes) else {
            continue;
        };
        let own = read_components(entry.key, &table, mistakes);
        let group = Group {
            components: own.iter().map(|component| component.text.to_owned()).collect(),
            replicas: read_replicas(entry.key, &table, mistakes),
            sandbox: table.get("sandbox").and_then(|entry| sandbox::read(&entry, mistakes)),
        };
        table.refuse_unknown(&["components", "replicas", "sandbox"], mistakes);
        groups.insert(entry.key.to_owned(), group);
        members.extend(own.into_iter().map(|component| Member { component, group: entry.key }));
    }
    refuse_twice(&mut members, mistakes);
    mentions.extend(members.iter().map(Member::mention));
    groups
}

impl Member<'_> {
    fn mention(&self) -> Mention {
        Mention {
            kind: MentionKind::Component,
            name: self.component.text.to_owned(),
            offset: self.component.offset,
        }
    }
}

fn refuse_bad_name(entry: &Entry<'_>, mistakes: &mut Mistakes) {
    let name = quoted(entry.key);
    let message = if !is_name(entry.key) {
        format!("{name} cannot name a group; {NAME_RULE}")
    } else if entry.key.starts_with(RESERVED_PREFIX) {
        format!("{name} cannot name a group; names that begin with `weaver.` are reserved")
    } else {
        return;
    };
    mistakes.add(entry.key_offset, MistakeKind::BadValue, message);
}

fn read_components<'a>(group: &str, table: &Table<'a>, mistakes: &mut Mistakes) -> Vec<Text<'a>> {
    match (group, table.get("components")) {
        (MAIN, None) => Vec::new(),
        (MAIN, Some(entry)) => {
            let instead = ": the group `main` runs the program's `main` alone; list the components \
                           in a group of another name";
            entry.not_available(&entry.to_string(), instead, mistakes);
            Vec::new()
        }
        (_, None) => {
            table.refuse_missing("components", mistakes);
            Vec::new()
        }
        (_, Some(entry)) => read_component_list(&entry, mistakes),
    }
}

fn read_component_list<'a>(entry: &Entry<'a>, mistakes: &mut Mistakes) -> Vec<Text<'a>> {
    if matches!(entry.value(), DeValue::Array(list) if list.is_empty()) {
        entry.bad_value("must name at least one component", mistakes);
    }
    let components = entry.strings(mistakes);
    for component in components.iter().filter(|component| component.text == MAIN) {
        let message =
            format!("`main` among {entry} is not available yet: it always runs by itself");
        mistakes.add(component.offset, MistakeKind::NotAvailable, message);
    }
    components
}

fn read_replicas(group: &str, table: &Table<'_>, mistakes: &mut Mistakes) -> Option<u32> {
    let entry = table.get("replicas")?;
    match entry.value() {
        DeValue::Table(_) => {
            let what = format!("a range for {entry}");
            entry.not_available(&what, "; write a number", mistakes);
            None
        }
        _ => {
            let replicas = entry.count(&(1..=REPLICAS_MAX), mistakes);
            if group == MAIN && replicas > Some(1) {
                refuse_several_of_main(&entry, mistakes);
            }
            replicas
        }
    }
}

fn refuse_several_of_main(entry: &Entry<'_>, mistakes: &mut Mistakes) {
    let what = format!("a number above 1 for {entry}");
    let instead = "; leave it out or write 1, and put what should run more often into components";
    entry.not_available(&what, instead, mistakes);
}

/// Reports components that are listed more than once, each at the later place.
fn refuse_twice(members: &mut [Member<'_>], mistakes: &mut Mistakes) {
    members.sort_by_key(|member| member.component.offset);
    let mut first = BTreeMap::new();
    for member in members.iter() {
        let earlier = *first.entry(member.component.text).or_insert(member);
        if std::ptr::eq(earlier, member) {
            continue;
        }
        let name = quoted(member.component.text);
        let here = member.group;
        let offset = member.component.offset;
        let message = if earlier.group == here {
            format!("component {name} is already in [groups.{here}]")
        } else {
            format!("component {name} is in [groups.{here}] and in [groups.{}]", earlier.group)
        };
        mistakes.add_conflict(offset, earlier.component.offset, message);
    }
}
