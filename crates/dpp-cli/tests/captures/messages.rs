//! tshark's messages against ours, frame by frame.
//!
//! A frame may complete several messages; both readings have them in the order of the stream. A message that only tshark
//! has is sorted by two witnesses: the reason *we* give for skipping the frame, and what *tshark* says of it. Only where
//! both say the same ([`CLASSES`]) are frames counted together; everything else is a difference of its own frame.

use crate::differences::Difference;
use crate::ours::{self, Reading};
use crate::theirs;
use std::collections::{BTreeMap, BTreeSet};

/// Messages that we skip for a reason that tshark's reading bears out.
struct Class {
    name: &'static str,
    /// Our reason for the frame.
    skip: &'static str,
    agrees: fn(&theirs::Message) -> bool,
}

const CLASSES: &[Class] = &[
    Class { name: "header-cut", skip: "dns_header_cut", agrees: has_no_question },
    Class { name: "question-cut", skip: "dns_question_cut", agrees: has_no_question },
    Class {
        name: "question-malformed",
        skip: "dns_question_malformed",
        agrees: |message| has_no_question(message) || message.has_no_name(),
    },
    Class { name: "name-too-long", skip: "dns_name_too_long", agrees: theirs::Message::has_no_name },
    Class {
        name: "query-without-question",
        skip: "dns_query_without_question",
        agrees: |message| !message.is_response && message.question_count == Some(0),
    },
    Class { name: "fragment-alone", skip: "fragment_incomplete", agrees: is_alone },
    Class { name: "fragment-alone", skip: "fragment_timeout", agrees: is_alone },
];

/// tshark, too, could not read the first question to its end.
fn has_no_question(message: &theirs::Message) -> bool {
    message.qtype.is_none() && message.is_damaged
}

/// tshark, too, did not find the other fragments.
fn is_alone(message: &theirs::Message) -> bool {
    !message.is_reassembled
}

/// Where the two readings of a capture differ. `skips` tells why frames gave us no message.
pub(crate) fn differences(
    theirs: &BTreeMap<u64, Vec<theirs::Message>>,
    ours: &Reading,
    skips: impl Fn(&BTreeSet<u64>) -> BTreeMap<u64, &'static str>,
) -> Vec<Difference> {
    let (mut differences, mut missing) = (Vec::new(), Vec::new());
    for (&frame, theirs) in theirs {
        let mut ours = ours.of(frame);
        for theirs in theirs {
            match take(&mut ours, theirs) {
                None => missing.push((frame, theirs)),
                Some(ours) => differences.extend(
                    fields_that_differ(theirs, ours).into_iter().map(|field| Difference::one(field, frame)),
                ),
            }
        }
        differences.extend(only_ours(frame, ours));
    }
    for (&frame, ours) in ours.messages.iter().filter(|(frame, _)| !theirs.contains_key(frame)) {
        differences.extend(only_ours(frame, ours));
    }
    let skips = skips(&missing.iter().map(|&(frame, _)| frame).collect());
    differences.extend(only_theirs(&missing, &skips));
    differences
}

/// Messages of theirs whose header could be read and that ours lack.
pub(crate) fn missing(
    theirs: &BTreeMap<u64, Vec<theirs::Message>>,
    ours: &Reading,
    skips: impl Fn(&BTreeSet<u64>) -> BTreeMap<u64, &'static str>,
) -> Vec<Difference> {
    let mut missing = Vec::new();
    for (&frame, theirs) in theirs {
        let mut ours = ours.of(frame);
        let lacking = theirs.iter().filter(|theirs| take(&mut ours, theirs).is_none() && theirs.has_header);
        missing.extend(lacking.map(|theirs| (frame, theirs)));
    }
    let skips = skips(&missing.iter().map(|&(frame, _)| frame).collect());
    only_theirs(&missing, &skips).collect()
}

/// The message that ours begin with, if it is theirs. All its questions are taken.
fn take<'a>(ours: &mut &'a [ours::Message], theirs: &theirs::Message) -> Option<&'a ours::Message> {
    let is_theirs = |ours: &ours::Message| {
        (ours.id, ours.is_response, ours.is_tcp) == (theirs.id, theirs.is_response, theirs.is_tcp)
    };
    let first = ours.first().filter(|ours| is_theirs(ours))?;
    let questions = usize::from(theirs.question_count.unwrap_or(1).max(1));
    let taken = ours.iter().take(questions).take_while(|ours| is_theirs(ours)).count();
    *ours = &ours[taken..];
    Some(first)
}

fn only_ours(frame: u64, ours: &[ours::Message]) -> Option<Difference> {
    (!ours.is_empty()).then(|| Difference::many("only-ours", frame, ours.len() as u64))
}

fn only_theirs(
    missing: &[(u64, &theirs::Message)],
    skips: &BTreeMap<u64, &'static str>,
) -> impl Iterator<Item = Difference> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for (frame, message) in missing {
        let skip = skips[frame];
        let class = CLASSES.iter().find(|class| class.skip == skip && (class.agrees)(message));
        let place = class.map_or_else(|| format!("{frame}:{skip}"), |class| class.name.to_owned());
        *counts.entry(place).or_default() += 1;
    }
    counts.into_iter().map(|(place, count)| Difference::many("only-theirs", place, count))
}

fn fields_that_differ(theirs: &theirs::Message, ours: &ours::Message) -> Vec<&'static str> {
    let fields = [
        ("time", theirs.time_ns == ours.time_ns),
        ("source", theirs.source == ours.source),
        ("destination", theirs.destination == ours.destination),
        ("rcode", theirs.rcode == ours.rcode & 0x0F),
        ("name", is_same_name(theirs, &ours.name)),
        ("type", is_same_type(theirs, ours)),
    ];
    fields.into_iter().filter(|(_, is_same)| !is_same).map(|(field, _)| field).collect()
}

/// Whether the types are equal. Behind a name that neither could read there is none.
fn is_same_type(theirs: &theirs::Message, ours: &ours::Message) -> bool {
    match theirs.has_no_name() {
        true => ours.qtype == 0,
        false => theirs.qtype.is_none_or(|qtype| qtype == ours.qtype),
    }
}

/// Whether our name is that on the wire, octet by octet. Behind a compression pointer, where the wire form says no
/// more, tshark's text decides, if it is plain. Where tshark stopped at damage before the name, nothing can be said.
fn is_same_name(theirs: &theirs::Message, ours: &[u8]) -> bool {
    if theirs.has_no_name() {
        return ours.is_empty();
    }
    let written = labels_end(&theirs.name_wire);
    match theirs.name_wire.get(written) {
        None if theirs.name_wire.is_empty() => ours.is_empty() || theirs.is_damaged,
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
