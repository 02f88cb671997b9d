//! tshark's messages against ours, frame by frame.
//!
//! A message that only tshark has is sorted by two witnesses: the reason *we* give for skipping the frame, and what
//! *tshark* says lies around it. Only where both say the same ([`CLASSES`]) are frames counted together; everything else
//! is a difference of its own frame.

use crate::differences::Difference;
use crate::ours::{self, Reading};
use crate::theirs;
use dpp::packet::Skip;
use std::collections::{BTreeMap, BTreeSet};

/// Frames that we skip for a reason that tshark's reading bears out.
struct Class {
    name: &'static str,
    skip: Skip,
    agrees: fn(&theirs::Message) -> bool,
}

const CLASSES: &[Class] = &[
    Class { name: "vlan", skip: Skip::Vlan, agrees: |message| message.outside.vlans > 0 },
    Class { name: "tunnel", skip: Skip::Tunnel, agrees: |message| message.outside.ip_headers > 1 },
    Class { name: "tunnel-over-udp", skip: Skip::Port, agrees: |message| message.outside.ip_headers > 1 },
    Class { name: "fragment", skip: Skip::Fragment, agrees: |message| message.outside.is_reassembled },
    Class {
        name: "fragment-alone",
        skip: Skip::Fragment,
        agrees: |message| !message.outside.is_reassembled && message.outside.is_partial,
    },
    Class { name: "header-cut", skip: Skip::DnsHeaderCut, agrees: has_no_question },
    Class { name: "question-cut", skip: Skip::DnsQuestionCut, agrees: has_no_question },
    Class {
        name: "question-malformed",
        skip: Skip::DnsQuestionMalformed,
        agrees: |message| has_no_question(message) || message.name == "<Unknown extended label>",
    },
    Class {
        name: "name-too-long",
        skip: Skip::DnsNameTooLong,
        agrees: |message| message.name == "<Name too long>",
    },
    Class {
        name: "query-without-question",
        skip: Skip::DnsQueryWithoutQuestion,
        agrees: |message| !message.is_response && message.question_count == Some(0),
    },
];

/// tshark, too, could not read the first question to its end.
fn has_no_question(message: &theirs::Message) -> bool {
    message.qtype.is_none() && message.outside.is_damaged
}

/// Where the two readings of an Ethernet capture differ. `skips` tells why frames gave us no message.
pub(crate) fn differences(
    theirs: &BTreeMap<u64, theirs::Message>,
    ours: &Reading,
    skips: impl Fn(&BTreeSet<u64>) -> BTreeMap<u64, Skip>,
) -> Vec<Difference> {
    let only_theirs = theirs.keys().filter(|frame| !ours.messages.contains_key(frame)).copied().collect();
    let skips = skips(&only_theirs);
    assert!(skips.keys().eq(&only_theirs), "a frame that tshark reads is no packet to us");
    let mut differences = missing(theirs, &skips);
    for (frame, ours) in &ours.messages {
        match theirs.get(frame) {
            None => differences.push(Difference::one("only-ours", frame)),
            Some(theirs) => differences.extend(
                fields_that_differ(theirs, ours).into_iter().map(|field| Difference::one(field, frame)),
            ),
        }
    }
    differences
}

fn missing(theirs: &BTreeMap<u64, theirs::Message>, skips: &BTreeMap<u64, Skip>) -> Vec<Difference> {
    let mut classes: BTreeMap<&str, u64> = BTreeMap::new();
    let mut differences = Vec::new();
    for (frame, skip) in skips {
        match CLASSES.iter().find(|class| class.skip == *skip && (class.agrees)(&theirs[frame])) {
            Some(class) => *classes.entry(class.name).or_default() += 1,
            None => differences.push(Difference::one("only-theirs", format!("{frame}:{}", skip.name()))),
        }
    }
    let classes = classes.into_iter().map(|(name, count)| Difference::many("only-theirs", name, count));
    classes.chain(differences).collect()
}

fn fields_that_differ(theirs: &theirs::Message, ours: &ours::Message) -> Vec<&'static str> {
    let fields = [
        ("time", theirs.time_ns == ours.time_ns),
        ("source", theirs.source == ours.source),
        ("destination", theirs.destination == ours.destination),
        ("id", theirs.id == ours.id),
        ("direction", theirs.is_response == ours.is_response),
        ("rcode", theirs.rcode == ours.rcode & 0x0F),
        ("name", is_same_name(theirs, &ours.name)),
        ("type", theirs.qtype.is_none_or(|qtype| qtype == ours.qtype)),
    ];
    fields.into_iter().filter(|(_, is_same)| !is_same).map(|(field, _)| field).collect()
}

/// Whether our name is that on the wire, octet by octet. Behind a compression pointer, where the wire form says no
/// more, tshark's text decides, if it is plain. Where tshark stopped at damage before the name, nothing can be said.
fn is_same_name(theirs: &theirs::Message, ours: &[u8]) -> bool {
    let written = labels_end(&theirs.name_wire);
    match theirs.name_wire.get(written) {
        None if theirs.name_wire.is_empty() => ours.is_empty() || theirs.outside.is_damaged,
        None | Some(0) => theirs.name_wire == ours,
        Some(_) => {
            ours.starts_with(&theirs.name_wire[..written])
                && plain(ours).is_none_or(|name| name == theirs.name)
        }
    }
}

/// Where the labels of a name end: at a zero, at a compression pointer, or with the bytes.
fn labels_end(wire: &[u8]) -> usize {
    let mut at = 0;
    while let Some(&length @ 1..=63) = wire.get(at) {
        at += 1 + usize::from(length);
    }
    at
}

/// A name of letters, digits, hyphens and underscores as text; `None` for others, which tshark and we escape differently.
fn plain(wire: &[u8]) -> Option<String> {
    let (mut labels, mut rest) = (Vec::new(), wire);
    while let Some((&length @ 1.., after)) = rest.split_first() {
        let (label, next) = after.split_at(usize::from(length));
        if !label.iter().all(|octet| octet.is_ascii_alphanumeric() || b"-_".contains(octet)) {
            return None;
        }
        labels.push(std::str::from_utf8(label).expect("ASCII"));
        rest = next;
    }
    Some(if labels.is_empty() { "<Root>".to_owned() } else { labels.join(".") })
}
