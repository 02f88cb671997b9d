//! RSSAC002 figures, counted twice: by the engine, and by plain maps over tshark's reading of the same capture.
//!
//! Nothing of the slow count is the engine's: it knows the keys of entries, and adds one to a map for each message.

use crate::differences::Difference;
use crate::theirs::Message;
use dpp::plan::Plan;
use dpp::stats::Totals;
use dpp::tallies::entry::Entries;
use dpp::tallies::rssac::{Wanted, date};
use dpp::tallies::servers::Servers;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

/// Entries as lines without their numbers, and the numbers.
pub(crate) type Figures = BTreeMap<String, u64>;

/// The plan that counts the messages of these servers.
pub(crate) fn plan(servers: Servers) -> Plan {
    Plan { rows: false, rssac: Some(Wanted { servers, labels: false, sketch: false }), ..Plan::default() }
}

/// The engine's figures.
pub(crate) fn ours(totals: &Totals) -> Figures {
    let mut figures = Figures::new();
    if let Some(tally) = &totals.rssac {
        tally.tell("", &mut |_, key, number| {
            figures.insert(String::from_utf8(key.to_vec()).expect("keys are text"), number);
        });
    }
    figures
}

/// The plain count.
pub(crate) fn theirs<'a>(
    messages: impl Iterator<Item = &'a Message>,
    is_server: impl Fn(IpAddr) -> bool,
) -> Figures {
    let mut figures = Figures::new();
    for message in messages {
        let is_ours = |end: SocketAddr| end.port() == 53 && is_server(end.ip());
        let way = match message.is_response {
            false if is_ours(message.destination) => "q",
            true if is_ours(message.source) => "r",
            _ => {
                *figures.entry("others".to_owned()).or_default() += 1;
                continue;
            }
        };
        let day = date((message.time_ns / 86_400_000_000_000) as u16);
        let version = if message.source.is_ipv4() { "4" } else { "6" };
        let carrier = if message.is_tcp { "tcp" } else { "udp" };
        let mut add = |key: String| *figures.entry(format!("{day}/{key}")).or_default() += 1;
        add(format!("{way}/{carrier}/{version}"));
        if let Some(size) = message.size {
            add(format!("size/{way}/{carrier}/{}", size / 16 * 16));
        }
        if message.is_response {
            add(format!("rcode/{}", message.rcode | message.extended_rcode << 4));
        } else {
            let source: String = match message.source.ip() {
                IpAddr::V4(source) => source.octets().map(|octet| format!("{octet:02x}")).concat(),
                IpAddr::V6(source) => source.octets().map(|octet| format!("{octet:02x}")).concat(),
            };
            figures.insert(format!("{day}/{version}/{source}"), 1);
        }
    }
    figures
}

/// Where most queries go.
pub(crate) fn busiest<'a>(messages: impl Iterator<Item = &'a Message>) -> Option<IpAddr> {
    let mut queries: BTreeMap<IpAddr, u64> = BTreeMap::new();
    for message in messages.filter(|message| !message.is_response) {
        *queries.entry(message.destination.ip()).or_default() += 1;
    }
    queries.into_iter().max_by_key(|(_, count)| *count).map(|(server, _)| server)
}

/// The kinds of entries that differ, and how many keys of each do.
pub(crate) fn differences(theirs: &Figures, ours: &Figures) -> Vec<Difference> {
    let mut kinds: BTreeMap<String, u64> = BTreeMap::new();
    for key in theirs.keys().chain(ours.keys().filter(|key| !theirs.contains_key(*key))) {
        if theirs.get(key) != ours.get(key) {
            let kind = key.split('/').nth(1).unwrap_or(key);
            *kinds.entry(kind.to_owned()).or_default() += 1;
        }
    }
    kinds.into_iter().map(|(kind, keys)| Difference::many("figures", kind, keys)).collect()
}
