//! dnstap: streams fall into the frames that a plain reader finds, and frames say what it reads in them.
//!
//! The input is a stream of frames, and once more, behind a START, the rest of one, and a frame itself; that saves the
//! mutations a long way. The plain readers follow Frame Streams and Protocol Buffers 2: they make lists of fields, and
//! look up the last of each. What is read is also written, and read again. Started by `fuzz/run`.

#![no_main]

use dpp::dnstap::frames::{self, Frames, Step};
use dpp::dnstap::{Dnstap, Extra, Message, MessageType, Policy, Time, time_of};
use dpp::limits::{DNSTAP_FRAME_MAX, DNSTAP_GROUPS_MAX};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    check_stream(input);
    let mut stream = Vec::new();
    frames::write_start(&mut stream);
    stream.extend_from_slice(input);
    check_stream(&stream);
    check_frame(input);
});

/// Hops over a stream, and compares with the plain reader.
fn check_stream(stream: &[u8]) {
    let (mut frames, mut at, mut payloads) = (Frames::new(), 0, Vec::new());
    let end = loop {
        let rest = &stream[at..];
        let before = frames;
        let total = match frames.step(rest) {
            Step::Data { start, length, total } => {
                assert_eq!(start + length, total);
                payloads.push(&rest[start..total]);
                total
            }
            Step::Control { total, .. } => total,
            Step::TooLong { total } => total.min(rest.len() as u64) as usize,
            Step::More => break End::More,
            Step::Damaged(_) => break End::Damaged,
        };
        // Before the last byte is there nothing is said, and nothing is noted. Only a length tells that a frame is too long.
        let mut early = before;
        let step = early.step(&rest[..total - 1]);
        assert!(step == Step::More && early == before || matches!(step, Step::TooLong { .. }), "{step:?}");
        at += total;
    };
    if at == 0 && end == End::Damaged && frames::begins(stream) {
        assert!(frames::check_opening(stream).is_err());
    }
    let plain = plain_stream(stream);
    assert_eq!((&payloads, end, frames.is_open()), (&plain.payloads, plain.end, plain.open));
    payloads.iter().for_each(|payload| check_frame(payload));
    check_written(&payloads);
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    More,
    Damaged,
}

/// What a plain reader finds in a stream.
struct Plain<'a> {
    payloads: Vec<&'a [u8]>,
    end: End,
    open: bool,
}

fn plain_stream(stream: &[u8]) -> Plain<'_> {
    let mut plain = Plain { payloads: Vec::new(), end: End::More, open: false };
    let mut rest = stream;
    while let Some(length) = word(&mut rest) {
        if length > 0 {
            if !plain.open {
                plain.end = End::Damaged;
                break;
            }
            match rest.split_at_checked(length as usize) {
                Some((payload, behind)) => {
                    plain.payloads.extend((length <= DNSTAP_FRAME_MAX).then_some(payload));
                    rest = behind;
                }
                None => break,
            }
            continue;
        }
        let Some(length) = word(&mut rest) else { break };
        let Some((control, behind)) = rest.split_at_checked(length as usize).filter(|_| length <= 512) else {
            plain.end = if length > 512 { End::Damaged } else { End::More };
            break;
        };
        match plain_control(control, plain.open) {
            Some(open) => plain.open = open,
            None => {
                plain.end = End::Damaged;
                break;
            }
        }
        rest = behind;
    }
    plain
}

/// Whether the stream is open behind a control frame; `None` if that cannot be.
fn plain_control(mut rest: &[u8], open: bool) -> Option<bool> {
    let kind = word(&mut rest)?;
    let mut contents = Vec::new();
    while !rest.is_empty() {
        let (field, length) = (word(&mut rest)?, word(&mut rest)?);
        let (content, behind) = rest.split_at_checked(length as usize)?;
        rest = behind;
        if field == 1 {
            contents.push(content);
        }
    }
    if contents.iter().any(|content| content.len() > 256) {
        return None;
    }
    match (kind, &contents[..]) {
        (2, [] | [b"protobuf:dnstap.Dnstap"]) => Some(true),
        (3, _) => Some(false),
        (1 | 2 | 4 | 5, _) => None,
        _ => Some(open),
    }
}

/// Takes four bytes, big-endian.
fn word(rest: &mut &[u8]) -> Option<u32> {
    let (bytes, behind) = rest.split_first_chunk()?;
    *rest = behind;
    Some(u32::from_be_bytes(*bytes))
}

/// A stream of these frames is read as them.
fn check_written(payloads: &[&[u8]]) {
    let mut stream = Vec::new();
    frames::write_start(&mut stream);
    payloads.iter().for_each(|payload| frames::write_frame(&mut stream, payload));
    frames::write_stop(&mut stream);
    let plain = plain_stream(&stream);
    assert_eq!((&plain.payloads[..], plain.end, plain.open), (payloads, End::More, false));
}

/// Reads a frame in both ways, dates it, and writes it again.
fn check_frame(bytes: &[u8]) {
    let (read, plain) = (Dnstap::parse(bytes).ok(), plain_frame(bytes));
    assert_eq!(read, plain);
    let time_ns = time_of(bytes);
    let Some(dnstap) = read else { return };
    assert_eq!(time_ns, dnstap.time_ns());
    Extra::read(dnstap.extra.unwrap_or_default());
    let (mut written, mut again) = (Vec::new(), Vec::new());
    dnstap.write(&mut written);
    assert_eq!(plain_frame(&written), Some(dnstap));
    // At most nanoseconds are added to seconds, which takes five bytes each, and makes a length longer by one.
    assert!(written.len() == dnstap.written_len() && written.len() <= bytes.len() + 11);
    Dnstap::parse(&written).expect("what was written can be read").write(&mut again);
    assert_eq!(written, again);
}

/// The fields of a message of Protocol Buffers, as they come.
struct Fields<'a>(Vec<(u64, Value<'a>)>);

enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Four(u32),
    Other,
}

impl<'a> Fields<'a> {
    /// All fields, of as many parts as there are.
    fn read(parts: impl IntoIterator<Item = &'a [u8]>) -> Option<Fields<'a>> {
        let mut fields = Fields(Vec::new());
        for mut rest in parts {
            while !rest.is_empty() {
                let (number, value) = field(&mut rest, 0)??;
                fields.0.push((number, value));
            }
        }
        Some(fields)
    }

    fn number(&self, number: u64) -> Option<u64> {
        let value = |field: &(u64, Value)| matches!(field, (n, Value::Number(_)) if *n == number);
        self.0.iter().rfind(|field| value(field)).map(|field| match field.1 {
            Value::Number(value) => value,
            _ => unreachable!("a number was looked for"),
        })
    }

    fn code(&self, number: u64) -> Option<u32> {
        self.number(number).map(|value| value as u32)
    }

    fn parts(&self, number: u64) -> impl DoubleEndedIterator<Item = &'a [u8]> {
        self.0.iter().filter_map(move |field| match field {
            (n, Value::Bytes(bytes)) if *n == number => Some(*bytes),
            _ => None,
        })
    }

    fn bytes(&self, number: u64) -> Option<&'a [u8]> {
        self.parts(number).next_back()
    }

    fn time(&self, number: u64) -> Option<Time> {
        let fours = self.0.iter().filter_map(|field| match field {
            (n, Value::Four(four)) if *n == number + 1 => Some(*four),
            _ => None,
        });
        Time::new(self.number(number)?, fours.last().unwrap_or(0))
    }
}

/// Takes a field. `None` if it cannot be; `Some(None)` if it is the end of a group.
fn field<'a>(rest: &mut &'a [u8], depth: usize) -> Option<Option<(u64, Value<'a>)>> {
    let tag = varint(rest)?;
    let number = tag >> 3;
    if tag > u64::from(u32::MAX) || number == 0 {
        return None;
    }
    let value = match tag & 7 {
        0 => Value::Number(varint(rest)?),
        1 => take(rest, 8).map(|_| Value::Other)?,
        2 => {
            let length = varint(rest)?;
            Value::Bytes(take(rest, usize::try_from(length).ok()?)?)
        }
        3 if depth == DNSTAP_GROUPS_MAX => return None,
        3 => loop {
            let mut behind = *rest;
            if let Some(end) = varint(&mut behind).filter(|tag| tag & 7 == 4) {
                *rest = behind;
                break (end >> 3 == number).then_some(Value::Other)?;
            }
            field(rest, depth + 1)??;
        },
        5 => Value::Four(u32::from_le_bytes(take(rest, 4)?.try_into().expect("four"))),
        _ => return None,
    };
    Some(Some((number, value)))
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (bytes, behind) = rest.split_at_checked(length)?;
    *rest = behind;
    Some(bytes)
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value: u128 = 0;
    for place in 0..10 {
        let byte = take(rest, 1)?[0];
        value |= u128::from(byte & 0x7F) << (7 * place);
        if byte < 0x80 {
            return value.try_into().ok();
        }
    }
    None
}

fn plain_frame(bytes: &[u8]) -> Option<Dnstap<'_>> {
    let fields = Fields::read([bytes])?;
    let message = match fields.bytes(14) {
        None => None,
        Some(_) => Some(plain_message(Fields::read(fields.parts(14))?)?),
    };
    Some(Dnstap {
        identity: fields.bytes(1),
        version: fields.bytes(2),
        extra: fields.bytes(3),
        kind: fields.code(15)?,
        message,
    })
}

fn plain_message(fields: Fields<'_>) -> Option<Message<'_>> {
    let family = fields.code(2);
    let address = |number| {
        fields.bytes(number).filter(|address| match address.len() {
            4 => family != Some(2),
            16 => family != Some(1),
            _ => false,
        })
    };
    let port = |number| fields.code(number).and_then(|port| u16::try_from(port).ok());
    let policy = match fields.bytes(15) {
        None => None,
        Some(_) => Some(plain_policy(Fields::read(fields.parts(15))?)),
    };
    Some(Message {
        kind: MessageType(fields.code(1)?),
        socket_family: family,
        socket_protocol: fields.code(3),
        query_address: address(4),
        response_address: address(5),
        query_port: port(6),
        response_port: port(7),
        query_time: fields.time(8),
        query_message: fields.bytes(10),
        query_zone: fields.bytes(11),
        response_time: fields.time(12),
        response_message: fields.bytes(14),
        policy,
        http_protocol: fields.code(16),
    })
}

fn plain_policy(fields: Fields<'_>) -> Policy<'_> {
    Policy {
        kind: fields.bytes(1),
        rule: fields.bytes(2),
        action: fields.code(3),
        matched: fields.code(4),
        value: fields.bytes(5),
    }
}
