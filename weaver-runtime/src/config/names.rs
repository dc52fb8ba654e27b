//! Names in messages: how they are shown, which are allowed, and which one was probably meant.

/// Longer names are cut in messages, so that a mistake stays a line.
const NAME_CHARS_SHOWN_MAX: usize = 64;

/// More known names than these do not help anyone who reads a message.
const NAMES_SHOWN_MAX: usize = 12;

/// The longest name of an app, a listener or a group: short enough for file names, certificates
/// and columns of output that are made of it.
const NAME_BYTES_MAX: usize = 64;

/// What [`is_name`] allows, in words.
pub(super) const NAME_RULE: &str =
    "use at most 64 of `A-Z a-z 0-9 _ . -`, and begin with a letter or `_`";

/// Whether `name` may name an app, a listener or a group.
pub(super) fn is_name(name: &str) -> bool {
    let begins = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    begins && name.len() <= NAME_BYTES_MAX && name.chars().all(allowed)
}

/// `name` as it is shown: short, and without characters that would steer a terminal.
pub(super) fn shown(name: &str) -> String {
    let mut shown = String::new();
    for (index, c) in name.chars().enumerate() {
        if index == NAME_CHARS_SHOWN_MAX {
            shown.push('…');
            break;
        }
        match c {
            '"' | '\'' => shown.push(c),
            _ => shown.extend(c.escape_debug()),
        }
    }
    shown
}

/// `name` as it is shown, in backticks.
pub(super) fn quoted(name: &str) -> String {
    format!("`{}`", shown(name))
}

/// All `names` in backticks, as far as they help.
pub(super) fn quoted_list(names: &[&str]) -> String {
    let listed = names.iter().take(NAMES_SHOWN_MAX).map(|name| quoted(name));
    let list = listed.collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMES_SHOWN_MAX) {
        0 => list,
        more => format!("{list} and {more} more"),
    }
}

/// The end of a message about an unknown `name`: the nearest known one, else all of them. `known` are
/// distinct, in the order in which they are listed.
#[must_use]
pub fn hint(name: &str, known: &[&str]) -> String {
    match (nearest(name, known), known) {
        (Some(near), _) => format!("; did you mean {}?", quoted(near)),
        (None, []) => String::new(),
        (None, [only]) => format!("; only {} is known", quoted(only)),
        (None, _) => format!("; known are {}", quoted_list(known)),
    }
}

/// The known name that `name` is probably a slip of.
pub(super) fn nearest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    known
        .iter()
        .filter_map(|candidate| Some((distance(name, candidate)?, *candidate)))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The number of slips between two names; none if they are too many to be slips: more than a third
/// of the characters, or so many that nothing of a short name is left.
fn distance(name: &str, candidate: &str) -> Option<usize> {
    let (length, other) = (name.chars().count(), candidate.chars().count());
    let cutoff = (length.max(other) / 3).max(1);
    // The comparison takes time and memory for each pair of characters.
    if length.abs_diff(other) > cutoff {
        return None;
    }
    let distance = strsim::osa_distance(&name.to_lowercase(), &candidate.to_lowercase());
    (distance <= cutoff && distance < length.min(other)).then_some(distance)
}
