//! `[listeners.NAME]`: where the program accepts connections from outside.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::error::MistakeKind;
use super::fields::{Entry, Table};
use super::known::{Mention, MentionKind};
use super::mistakes::Mistakes;
use super::names::{NAME_RULE, is_name, quoted};

pub(super) fn read(
    table: &Table<'_>,
    mentions: &mut Vec<Mention>,
    mistakes: &mut Mistakes,
) -> BTreeMap<String, SocketAddr> {
    let mut listeners = BTreeMap::new();
    for entry in table.entries() {
        refuse_bad_name(&entry, mistakes);
        mentions.push(Mention {
            kind: MentionKind::Listener,
            name: entry.key.to_owned(),
            offset: entry.key_offset,
        });
        let listener = entry.table(mistakes);
        if let Some(address) = listener.and_then(|table| read_listener(&table, mistakes)) {
            listeners.insert(entry.key.to_owned(), address);
        }
    }
    listeners
}

fn refuse_bad_name(entry: &Entry<'_>, mistakes: &mut Mistakes) {
    if !is_name(entry.key) {
        let message = format!("{} cannot name a listener; {NAME_RULE}", quoted(entry.key));
        mistakes.add(entry.key_offset, MistakeKind::BadValue, message);
    }
}

fn read_listener(table: &Table<'_>, mistakes: &mut Mistakes) -> Option<SocketAddr> {
    table.refuse_unknown(&["address"], mistakes);
    let Some(entry) = table.get("address") else {
        table.refuse_missing("address", mistakes);
        return None;
    };
    let text = entry.string(mistakes)?.text;
    let address = text.parse();
    if address.is_err() {
        let what = format!("{} is not a socket address; {}", quoted(text), advice(text));
        entry.bad_value(&what, mistakes);
    }
    address.ok()
}

/// Keeps the port that the user wrote: the usual slip is a host name, or no host.
fn advice(text: &str) -> String {
    let port = text.rsplit(':').next().and_then(|port| port.parse::<u16>().ok());
    let port = port.unwrap_or(8080);
    format!("write an IP address and a port, such as `127.0.0.1:{port}`")
}
