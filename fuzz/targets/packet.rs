//! A packet to its DNS message: what is read lies inside the packet, and names are what a plain reader makes of them.
//!
//! The input is a link type (two bytes, big-endian), then the packet. The plain readers below follow RFC 1035 and know
//! nothing of the engine's short cuts. Started by `fuzz/run`.

#![no_main]

use dpp::dns::iana::TSIG_ERROR;
use dpp::dns::{Malformed, Message, name};
use dpp::limits::POINTERS_MAX;
use dpp::packet::{self, Packet};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((linktype, bytes)) = input.split_first_chunk() else { return };
    let linktype = u16::from_be_bytes(*linktype);
    if let Ok(Packet::Datagram(datagram)) = packet::decode(linktype, bytes) {
        check_message(datagram.payload);
    }
    // Bytes that no header leads to are messages too, which saves the mutations a long way.
    check_message(bytes);
});

/// Reads a message in both ways, question by question, and its response code where they end.
fn check_message(bytes: &[u8]) {
    let message = Message::parse(bytes);
    assert_eq!(message.is_some(), bytes.len() >= Message::QUESTIONS);
    let Some(message) = message else { return };
    let mut at = Message::QUESTIONS;
    for _ in 0..message.question_count() {
        let mut scratch = [0; name::WIRE_MAX];
        let plain = Plain::name(bytes, at);
        check_name(bytes, at, name::read(bytes, at, &mut scratch), &plain);
        match message.question(at, &mut scratch) {
            Ok((question, end)) => {
                let fixed = &bytes[end - 4..end];
                assert_eq!((question.name, end - 4), (&plain.octets[..], plain.end));
                assert_eq!(question.qtype.to_be_bytes(), fixed[..2]);
                assert_eq!(question.qclass.to_be_bytes(), fixed[2..]);
                at = end;
            }
            Err(_) if plain.is_name() => {
                assert!(
                    plain.end + 4 > bytes.len(),
                    "a question with a good name fails where its fields are cut"
                );
                break;
            }
            Err(_) => break,
        }
    }
    assert_eq!(message.response_code(at).ok(), plain_response_code(bytes, at));
    check_inspection(bytes, at);
}

/// Nothing that is said of a part of the message is taken back when there is more of it.
fn check_inspection(bytes: &[u8], cut: usize) {
    let told = |part: &[u8]| Message::parse(part).and_then(|message| message.inspect(bytes.len()));
    let (whole, part) = (told(bytes), told(&bytes[..cut]));
    assert!(part.is_none() || part == whole, "{part:?} of {cut} bytes, {whole:?} of all");
}

fn check_name(bytes: &[u8], at: usize, read: Result<(&[u8], usize), Malformed>, plain: &Plain) {
    match read {
        Ok((wire, end)) => {
            assert!(plain.is_name());
            assert_eq!((wire, end), (&plain.octets[..], plain.end));
            assert_eq!(name::skip(bytes, at), Ok(end));
            check_wire(wire);
        }
        // The root was not come to where there is trouble.
        Err(Malformed::NameTooLong) => {
            assert!(plain.octets.len() + usize::from(plain.trouble.is_some()) > name::WIRE_MAX)
        }
        Err(trouble) => assert_eq!(Some(trouble), plain.trouble),
    }
}

/// Labels of 1 to 63 octets, and the root.
fn check_wire(wire: &[u8]) {
    assert!(wire.len() <= name::WIRE_MAX);
    let mut rest = wire;
    while let Some((&length @ 1..=63, after)) = rest.split_first() {
        rest = &after[length.into()..];
    }
    assert_eq!(rest, [0]);
}

/// A name as plainly as RFC 1035 section 4.1.4 has it, of any length. A pointer may lead anywhere, but to nowhere twice.
struct Plain {
    octets: Vec<u8>,
    /// Where the field after it starts; only if the name could be read.
    end: usize,
    /// Where pointers have led.
    places: Vec<usize>,
    trouble: Option<Malformed>,
}

impl Plain {
    fn name(bytes: &[u8], start: usize) -> Plain {
        let mut plain = Plain { octets: Vec::new(), end: 0, places: vec![start], trouble: None };
        plain.trouble = plain.labels(bytes, start).err();
        plain
    }

    fn is_name(&self) -> bool {
        self.trouble.is_none() && self.octets.len() <= name::WIRE_MAX
    }

    /// The labels from `start` up to the root or a pointer, and whatever that points to.
    fn labels(&mut self, bytes: &[u8], start: usize) -> Result<(), Malformed> {
        let mut at = start;
        loop {
            let first = *bytes.get(at).ok_or(Malformed::Cut)?;
            match first >> 6 {
                0 => {
                    let next = at + 1 + usize::from(first);
                    self.octets.extend(bytes.get(at..next).ok_or(Malformed::Cut)?);
                    at = next;
                    if first == 0 {
                        self.end = at;
                        return Ok(());
                    }
                }
                3 => {
                    let low = *bytes.get(at + 1).ok_or(Malformed::Cut)?;
                    let target = usize::from(first & 0x3F) << 8 | usize::from(low);
                    if self.places.contains(&target) || self.places.len() > POINTERS_MAX {
                        return Err(Malformed::Pointer);
                    }
                    self.places.push(target);
                    self.labels(bytes, target)?;
                    self.end = at + 2;
                    return Ok(());
                }
                _ => return Err(Malformed::Label),
            }
        }
    }
}

/// The response code with what OPT (RFC 6891) and TSIG (RFC 8945) records say; `None` if the records cannot be walked.
fn plain_response_code(bytes: &[u8], questions_end: usize) -> Option<u16> {
    let number = |at: usize| Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?));
    let (low, [answers, authorities, additionals]) =
        (u16::from(bytes[3] & 15), [number(6)?, number(8)?, number(10)?]);
    if additionals == 0 {
        return Some(low);
    }
    let (mut at, mut extension, mut error) = (questions_end, None, 0);
    for index in 0..u32::from(answers) + u32::from(authorities) + u32::from(additionals) {
        let fields = plain_skip(bytes, at)?;
        let data = fields + 10;
        let end = data + usize::from(number(fields + 8)?);
        let rdata = bytes.get(data..end)?;
        let is_additional = index >= u32::from(answers) + u32::from(authorities);
        match number(fields)? {
            41 if is_additional => extension = extension.or(Some(u16::from(bytes[fields + 4]))),
            250 if is_additional => error = plain_tsig_error(rdata)?,
            _ => {}
        }
        at = end;
    }
    match error {
        0 => Some(extension.unwrap_or(0) << 4 | low),
        error => Some(error.min(0x7FFF) | TSIG_ERROR),
    }
}

/// Algorithm name, time 6, fudge 2, MAC size 2, MAC, original ID 2, error 2.
fn plain_tsig_error(rdata: &[u8]) -> Option<u16> {
    let number = |at: usize| Some(u16::from_be_bytes(*rdata.get(at..)?.first_chunk()?));
    let mac_size = plain_skip(rdata, 0)? + 8;
    number(mac_size + 2 + usize::from(number(mac_size)?) + 2)
}

/// Where the name at `at` ends, whatever its pointer leads to.
fn plain_skip(bytes: &[u8], at: usize) -> Option<usize> {
    match *bytes.get(at)? {
        0 => Some(at + 1),
        length @ 1..=63 => plain_skip(bytes, at + 1 + usize::from(length)),
        192.. => bytes.get(at + 1).map(|_| at + 2),
        _ => None,
    }
}
