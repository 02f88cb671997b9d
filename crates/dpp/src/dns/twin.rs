//! Names and messages held against plain twins, on drawn bytes.
//!
//! The twin of a name is a list of labels and a set of the places where it has been. Messages are written from a
//! description, so they are known to be sound; then they are cut and damaged. Everything is drawn with a fixed seed.

use super::edns::Opt;
use super::name::{self, WIRE_MAX};
use super::rdata::{rdata_address, rdata_name};
use super::{Malformed, Message, Section};
use crate::limits::POINTERS_MAX;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use std::cell::Cell;
use std::collections::HashSet;
use std::fmt::Debug;
use std::num::NonZeroU32;

/// Checks a property on what the strategy draws.
pub(super) fn law<S: Strategy<Value: Debug>>(
    cases: u32,
    strategy: S,
    property: impl Fn(S::Value) -> Result<(), TestCaseError>,
) {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let held = TestRunner::new_with_rng(config, rng).run(&strategy, property);
    held.unwrap_or_else(|failure| panic!("{failure}"));
}

/// A name as it is followed without regard to its length.
struct Twin {
    labels: Vec<Vec<u8>>,
    /// Where the field after the name starts, or what ended it.
    end: Result<usize, Malformed>,
    pointers: usize,
    forwards: bool,
}

impl Twin {
    fn of(message: &[u8], start: usize) -> Twin {
        let mut twin = Twin { labels: Vec::new(), end: Ok(0), pointers: 0, forwards: false };
        twin.end = twin.follow(message, start);
        twin
    }

    fn follow(&mut self, message: &[u8], start: usize) -> Result<usize, Malformed> {
        let byte = |at: usize| message.get(at).copied().ok_or(Malformed::Cut);
        let (mut at, mut first_pointer) = (start, None);
        let mut visited = HashSet::from([start]);
        loop {
            let head = byte(at)?;
            match head >> 6 {
                0 if head == 0 => return Ok(first_pointer.map_or(at + 1, |pointer| pointer + 2)),
                0 => {
                    let octets = (1..=usize::from(head)).map(|n| byte(at + n));
                    self.labels.push(octets.collect::<Result<_, _>>()?);
                    at += 1 + usize::from(head);
                }
                3 => {
                    let target = usize::from(head & 0x3F) * 256 + usize::from(byte(at + 1)?);
                    if !visited.insert(target) || self.pointers == POINTERS_MAX {
                        return Err(Malformed::Pointer);
                    }
                    self.pointers += 1;
                    self.forwards |= target > at;
                    first_pointer = first_pointer.or(Some(at));
                    at = target;
                }
                _ => return Err(Malformed::Label),
            }
        }
    }

    /// The labels that fit into a name.
    fn fitting(&self) -> &[Vec<u8>] {
        let mut octets = 1;
        let fit = self.labels.iter().take_while(|label| {
            octets += 1 + label.len();
            octets <= WIRE_MAX
        });
        &self.labels[..fit.count()]
    }

    fn is_too_long(&self) -> bool {
        self.fitting().len() < self.labels.len()
    }

    /// What [`name::read`] should say.
    fn expected(&self) -> Result<(Vec<u8>, usize), Malformed> {
        match self.end {
            // A name without pointers is not measured before its end is found.
            Err(Malformed::Cut) if self.pointers == 0 => Err(Malformed::Cut),
            _ if self.is_too_long() => Err(Malformed::NameTooLong),
            end => end.map(|end| (wire(&self.labels), end)),
        }
    }
}

fn wire(labels: &[Vec<u8>]) -> Vec<u8> {
    let mut wire: Vec<u8> =
        labels.iter().flat_map(|label| [&[label.len() as u8][..], label].concat()).collect();
    wire.push(0);
    wire
}

/// Bytes in which names are likely, short and long, with pointers all over the place.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let octet = prop_oneof![
        4 => select(vec![0, 1, 1, 2, 3, 60, 63]),
        3 => Just(0xC0),
        3 => 0..120_u8,
        1 => any::<u8>(),
    ];
    prop_oneof![vec(octet.clone(), 0..24), vec(octet, 0..700)]
}

#[test]
fn names_are_those_of_the_twin() {
    let seen = [const { Cell::new(0) }; 6];
    law(2000, bytes(), |bytes| {
        for at in 0..bytes.len().min(120) + 1 {
            let twin = Twin::of(&bytes, at);
            let mut scratch = [0; WIRE_MAX];
            let read = name::read(&bytes, at, &mut scratch).map(|(name, end)| (name.to_vec(), end));
            let kind = match (&read, twin.pointers, twin.forwards) {
                (Ok(_), 0, _) => 0,
                (Ok(_), _, false) => 1,
                (Ok(_), _, true) => 2,
                (Err(Malformed::Pointer), ..) => 3,
                (Err(Malformed::NameTooLong), ..) => 4,
                (Err(_), ..) => 5,
            };
            seen[kind].set(seen[kind].get() + 1);
            prop_assert_eq!(read, twin.expected(), "at {}", at);
            if let Ok(followed) = name::follow(&bytes, at, &mut [0; POINTERS_MAX], |_| Ok(())) {
                let told = (Ok(followed.end), followed.pointers, followed.forwards);
                prop_assert_eq!(told, (twin.end, twin.pointers, twin.forwards), "at {}", at);
            }
            let partly = name::read_partly(&bytes, at, &mut scratch);
            match twin.end.is_err() && twin.labels.is_empty() {
                true => prop_assert!(partly.is_empty(), "at {}", at),
                false => prop_assert_eq!(partly, wire(twin.fitting()), "at {}", at),
            }
        }
        Ok(())
    });
    let seen = seen.map(Cell::into_inner);
    assert!(seen.iter().all(|&count| count > 100), "what the names were: {seen:?}");
}

#[test]
fn nothing_panics_and_what_is_said_of_a_part_is_true_of_the_whole() {
    let header = (any::<u16>(), vec(0..4_u8, 4));
    law(1000, (header, bytes(), 0..20_usize), |((flags, counts), bytes, more)| {
        let bytes = [&header_of(flags, &counts)[..], &bytes].concat();
        let whole = Message::parse(&bytes).unwrap();
        let _ = whole.response_code(more);
        check_cuts(&bytes, bytes.len())?;
        check_cuts(&bytes, bytes.len() + more)
    });
}

/// Checks that wherever the message is cut, what is said of it is what is said of as much as there is, or nothing.
fn check_cuts(bytes: &[u8], length: usize) -> Result<(), TestCaseError> {
    let told = Message::parse(bytes).unwrap().inspect(length);
    for cut in 12..bytes.len() {
        let told_of_part = Message::parse(&bytes[..cut]).unwrap().inspect(length);
        prop_assert!(told_of_part.is_none() || told_of_part == told, "{cut}: {told_of_part:?}, {told:?}");
    }
    Ok(())
}

fn header_of(flags: u16, counts: &[u8]) -> Vec<u8> {
    let [high, low] = flags.to_be_bytes();
    [&[1, 2, high, low][..], &counts.iter().flat_map(|&count| [0, count]).collect::<Vec<_>>()].concat()
}

/// A sound message to be written.
#[derive(Clone, Debug)]
struct Draft {
    questions: Vec<DraftName>,
    sections: [Vec<DraftRecord>; 3],
    has_opt: bool,
    has_tsig: bool,
}

/// Labels, and then the root or a pointer to a name written before, if there is one and it is short enough.
#[derive(Clone, Debug)]
struct DraftName {
    labels: Vec<Vec<u8>>,
    pointer: Option<Index>,
}

#[derive(Clone, Debug)]
struct DraftRecord {
    name: DraftName,
    kind: u16,
    rdata: Vec<u8>,
}

fn drafts() -> impl Strategy<Value = Draft> {
    let label = prop_oneof![vec(any::<u8>(), 1..8), vec(any::<u8>(), 63)];
    let name = (vec(label, 0..4), any::<Option<Index>>())
        .prop_map(|(labels, pointer)| DraftName { labels, pointer });
    let kind = any::<u16>().prop_filter("has a place of its own", |kind| ![41, 250].contains(kind));
    let record = (name.clone(), kind, vec(any::<u8>(), 0..30)).prop_map(|(name, kind, rdata)| DraftRecord {
        name,
        kind,
        rdata,
    });
    let sections = [vec(record.clone(), 0..4), vec(record.clone(), 0..4), vec(record, 0..4)];
    (vec(name, 0..3), sections, any::<bool>(), any::<bool>())
        .prop_map(|(questions, sections, has_opt, has_tsig)| Draft { questions, sections, has_opt, has_tsig })
}

impl Draft {
    /// The message, and its questions.
    fn written(&self) -> (Vec<u8>, Vec<Vec<u8>>) {
        let mut counts = vec![self.questions.len() as u8];
        counts.extend(self.sections.iter().map(|records| records.len() as u8));
        counts[3] += u8::from(self.has_opt) + u8::from(self.has_tsig);
        let mut bytes = header_of(0x8000, &counts);
        let mut names = Vec::new();
        for question in &self.questions {
            question.write(&mut bytes, &mut names);
            bytes.extend(b"\0\x01\0\x01");
        }
        let questions = names.iter().map(|(_, labels): &(usize, Vec<Vec<u8>>)| wire(labels)).collect();
        for record in self.sections[..2].iter().flatten() {
            record.write(&mut bytes, &mut names);
        }
        if self.has_opt {
            bytes.extend(b"\0\0\x29\x10\0\0\0\0\0\0\x06\0\x0A\0\x02cc");
        }
        for record in &self.sections[2] {
            record.write(&mut bytes, &mut names);
        }
        if self.has_tsig {
            bytes.extend(b"\x03key\0\0\xFA\0\xFF\0\0\0\0\0\0");
        }
        (bytes, questions)
    }
}

impl DraftName {
    /// Writes the name, and notes where it is and what it means.
    fn write(&self, bytes: &mut Vec<u8>, names: &mut Vec<(usize, Vec<Vec<u8>>)>) {
        let at = bytes.len();
        bytes.extend(wire(&self.labels));
        let target = self.pointer.filter(|_| !names.is_empty()).map(|pointer| pointer.get(names).clone());
        let mut labels = self.labels.clone();
        if let Some((place, tail)) = target
            && wire(&[&labels[..], &tail].concat()).len() <= WIRE_MAX
        {
            bytes.pop();
            bytes.extend((0xC000 | place as u16).to_be_bytes());
            labels.extend(tail);
        }
        names.push((at, labels));
    }
}

impl DraftRecord {
    fn write(&self, bytes: &mut Vec<u8>, names: &mut Vec<(usize, Vec<Vec<u8>>)>) {
        self.name.write(bytes, names);
        bytes.extend(self.kind.to_be_bytes());
        bytes.extend([0, 1, 0, 0, 0, 9, 0, self.rdata.len() as u8]);
        bytes.extend(&self.rdata);
    }
}

#[test]
fn nothing_is_wrong_with_a_sound_message_wherever_it_is_cut() {
    law(800, drafts(), |draft| {
        let (bytes, questions) = draft.written();
        prop_assert_eq!(Message::parse(&bytes).unwrap().inspect(bytes.len()), None);
        check_cuts(&bytes, bytes.len())?;
        let (mut at, mut scratch) = (Message::QUESTIONS, [0; WIRE_MAX]);
        for expected in questions {
            let (question, end) = Message::parse(&bytes).unwrap().question(at, &mut scratch).unwrap();
            prop_assert_eq!(question.name, expected);
            at = end;
        }
        Ok(())
    });
}

#[test]
fn a_message_that_ends_early_or_late_is_always_wrong() {
    law(800, (drafts(), any::<Index>()), |(draft, place)| {
        let (mut bytes, _) = draft.written();
        let length = 12 + place.index(bytes.len() - 11);
        let is_short = length < bytes.len();
        let told = Message::parse(&bytes[..length]).unwrap().inspect(length);
        prop_assert_eq!(told.is_some(), is_short, "{:?}", told);
        bytes.push(0);
        prop_assert!(Message::parse(&bytes).unwrap().inspect(0).is_some());
        Ok(())
    });
}

#[test]
fn a_damaged_question_has_only_labels_of_its_message() {
    law(1000, (drafts(), any::<Index>(), any::<u8>(), any::<Index>()), |(draft, place, byte, cut)| {
        let (mut bytes, _) = draft.written();
        let place = place.index(bytes.len());
        bytes[place] = byte;
        bytes.truncate(12 + cut.index(bytes.len() - 11));
        let message = Message::parse(&bytes).unwrap();
        let _ = (message.inspect(bytes.len()), message.response_code(Message::QUESTIONS));
        for at in Message::QUESTIONS..bytes.len() + 2 {
            let (mut scratch, mut other) = ([0; WIRE_MAX], [0; WIRE_MAX]);
            let partial = message.partial_question(at, &mut scratch);
            let mut rest = partial.name;
            while let Some((&length @ 1.., _)) = rest.split_first() {
                let (label, after) = rest.split_at(1 + usize::from(length));
                prop_assert!(bytes.windows(label.len()).any(|window| window == label), "at {}", at);
                rest = after;
            }
            prop_assert!(rest == [0] || partial.name.is_empty(), "at {}", at);
            if let Ok((question, _)) = message.question(at, &mut other) {
                let told = (partial.name, partial.qtype, partial.qclass);
                prop_assert_eq!(told, (question.name, Some(question.qtype), Some(question.qclass)));
            }
        }
        Ok(())
    });
}

/// Draws of which records of answers are often addresses or aliases.
fn answered(mut draft: Draft) -> Draft {
    for record in &mut draft.sections[0] {
        match record.rdata.len() {
            0..8 => {
                record.kind = 1;
                record.rdata.resize(4, 7);
            }
            8..16 => {
                record.kind = 5;
                record.rdata = wire(&record.name.labels);
            }
            16..20 => {
                record.kind = 28;
                record.rdata.truncate(16);
            }
            _ => {}
        }
    }
    draft
}

#[test]
fn a_survey_says_what_each_question_to_the_records_would() {
    let damage = (any::<Option<Index>>(), any::<u8>(), any::<Option<Index>>());
    law(2000, (drafts().prop_map(answered), damage), |(draft, (place, byte, cut))| {
        let (mut bytes, _) = draft.written();
        place.into_iter().for_each(|place| *place.get_mut(&mut bytes) = byte);
        let length = bytes.len();
        cut.into_iter().for_each(|cut| bytes.truncate(12 + cut.index(length - 11)));
        let message = Message::parse(&bytes).unwrap();
        let (error, on_the_way) = message.inspect_and_survey(length);
        prop_assert_eq!(error, message.inspect(length));
        let Some(records) = message.records_behind_questions() else {
            prop_assert_eq!(on_the_way, None);
            return Ok(());
        };
        let at = records.at();
        let survey = message.survey(at);
        prop_assert!(on_the_way.is_none_or(|other| other == survey), "{:?} {:?}", on_the_way, survey);
        prop_assert_eq!(survey.response_code(&message), message.response_code(at).ok());
        let opt = message.opt_record(at);
        let told = survey.opt.map(|found| (found.rdata_at(), found.rdata(&bytes), found.opt()));
        let expected = opt
            .map(|record| (record.rdata_at, record.rdata, Opt { options: &[], ..Opt::of(&record).unwrap() }));
        prop_assert_eq!(told, expected);
        let answers = || message.records(at).take_while(|record| record.section == Section::Answer);
        let address = |rtype| {
            let mut of_type = answers().filter(|record| record.rtype == rtype);
            of_type.find(|record| rdata_address(record).is_some()).map(|record| record.rdata_at)
        };
        let place = |found: Option<NonZeroU32>| found.map(|at| at.get() as usize);
        prop_assert_eq!([place(survey.a), place(survey.aaaa)], [address(1), address(28)]);
        prop_assert_eq!(survey.ttl_min, answers().map(|record| record.ttl).min());
        let (mut scratch, mut other) = ([0; WIRE_MAX], [0; WIRE_MAX]);
        let alias = answers().find(|record| record.rtype == 5);
        let expected = alias.as_ref().and_then(|record| rdata_name(&bytes, record, &mut scratch));
        prop_assert_eq!(survey.cname.is_some(), alias.is_some());
        prop_assert_eq!(survey.cname.and_then(|found| found.target(&bytes, &mut other)), expected);
        Ok(())
    });
}
