//! [`Fingerprint`]: whether two processes run the same interfaces, and how they differ if not.
//!
//! It is a hash of structure (names, order and encoded shapes of components, methods and types), not
//! of a binary, so that the native and the WebAssembly build of one source have the same.

use std::{collections::BTreeMap, fmt, hash::Hasher};

use serde::{Deserialize, Serialize};
use siphasher::sip128::{Hasher128, SipHasher24};

/// A hash of everything that two nodes must agree on to understand each other's calls.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fingerprint(u128);

/// One method: its name, and a hash of its place in the table and of its types.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// `Component.method`.
    pub name: String,
    hash: u128,
}

impl Signature {
    /// `text` says everything about the method that the wire depends on.
    #[must_use]
    pub fn new(name: String, text: &str) -> Self {
        Self { name, hash: hash([text]) }
    }
}

impl Fingerprint {
    /// The fingerprint of a table of methods; their order counts.
    #[must_use]
    pub fn of(signatures: &[Signature]) -> Self {
        let lines = signatures.iter().map(|s| format!("{} {:032x}", s.name, s.hash));
        Self(hash(lines))
    }

    /// In what two tables differ, for a person to read: at most a few names of each kind.
    #[must_use]
    pub fn difference(ours: &[Signature], theirs: &[Signature]) -> String {
        let (ours, theirs) = (by_name(ours), by_name(theirs));
        let changed = ours.iter().filter(|(n, h)| theirs.get(*n).is_some_and(|t| t != *h));
        let kinds = [
            ("changed", changed.map(|(n, _)| *n).collect::<Vec<_>>()),
            ("only here", ours.keys().filter(|n| !theirs.contains_key(*n)).copied().collect()),
            ("only there", theirs.keys().filter(|n| !ours.contains_key(*n)).copied().collect()),
        ];
        let parts: Vec<_> = kinds
            .iter()
            .filter(|(_, names)| !names.is_empty())
            .map(|(kind, names)| format!("{kind}: {}", list(names)))
            .collect();
        if parts.is_empty() { "no method differs".to_owned() } else { parts.join("; ") }
    }
}

fn by_name(signatures: &[Signature]) -> BTreeMap<&str, u128> {
    signatures.iter().map(|s| (s.name.as_str(), s.hash)).collect()
}

fn list(names: &[&str]) -> String {
    let shown = names.iter().take(DIFFERENCE_NAMES_MAX).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(DIFFERENCE_NAMES_MAX) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// A person needs a hint of what was rebuilt, not a list of the whole program.
const DIFFERENCE_NAMES_MAX: usize = 5;

fn hash<T: AsRef<str>>(lines: impl IntoIterator<Item = T>) -> u128 {
    let mut hasher = SipHasher24::new();
    for line in lines {
        hasher.write(line.as_ref().as_bytes());
        hasher.write_u8(b'\n');
    }
    hasher.finish128().as_u128()
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(methods: &[(&str, &str)]) -> Vec<Signature> {
        methods.iter().map(|(name, text)| Signature::new((*name).to_owned(), text)).collect()
    }

    #[test]
    fn is_pinned() {
        let fingerprint = Fingerprint::of(&table(&[("Cart.add", "0 add (u64) -> u32")]));
        assert_eq!(fingerprint.to_string(), PINNED);
    }

    /// The same on every target: a change here is a change of the wire.
    const PINNED: &str = "4b5bd0a5bf7f94ae0c0b26c69bae4da7";

    #[test]
    fn names_what_differs() {
        let ours = table(&[("A.x", "1"), ("A.y", "1"), ("B.z", "1")]);
        let theirs = table(&[("A.x", "1"), ("A.y", "2"), ("C.w", "1")]);
        assert_ne!(Fingerprint::of(&ours), Fingerprint::of(&theirs));
        assert_eq!(
            Fingerprint::difference(&ours, &theirs),
            "changed: A.y; only here: B.z; only there: C.w"
        );
    }

    #[test]
    fn long_differences_are_cut() {
        let names: Vec<_> = (0..9).map(|i| (format!("A.m{i}"), String::new())).collect();
        let ours: Vec<_> = names.iter().map(|(n, t)| Signature::new(n.clone(), t)).collect();
        assert_eq!(
            Fingerprint::difference(&ours, &[]),
            "only here: A.m0, A.m1, A.m2, A.m3, A.m4 and 4 more"
        );
    }

    #[test]
    fn order_counts() {
        let ab = table(&[("A.x", "1"), ("B.x", "1")]);
        let ba = table(&[("B.x", "1"), ("A.x", "1")]);
        assert_ne!(Fingerprint::of(&ab), Fingerprint::of(&ba));
    }
}
