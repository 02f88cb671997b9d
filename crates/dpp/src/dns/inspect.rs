//! What is wrong with a message: one row a thing, and the walk that finds the first.
//!
//! Damage is told apart from odd. Opcodes, types, classes and EDNS versions that nobody knows, no question at all or
//! several, are odd and nothing is wrong with them; here is what contradicts the wire format, or what a receiver must refuse.
//! And it is told apart from what the capture did: a message of which only the first bytes were captured may be perfect, so
//! the walk needs to know how long it was, and where the captured bytes end it knows nothing more. What it says of such a
//! message it would say of the whole one, too.

use super::message::{Malformed, Message, TYPE_OPT, TYPE_TSIG};
use super::{Record, Section, name};
use crate::limits::{NAME_STEPS_PER_OCTET, POINTERS_MAX};

/// DNS stateful operations: no sections, and other things in their place (RFC 8490 section 5.4).
const OPCODE_DSO: u8 = 6;

/// The type, class, TTL and RDLENGTH of a resource record.
const RECORD_FIXED: usize = 10;

macro_rules! parse_errors {
    ($($variant:ident, $name:literal, $sentence:literal;)*) => {
        /// What is wrong with a message. [`PARSE_ERRORS`] lists everything.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum ParseError { $(#[doc = $sentence] $variant,)* }

        /// Everything that can be wrong: the value, its name in reports and columns, and a sentence for people.
        pub const PARSE_ERRORS: &[(ParseError, &str, &str)] = &[$((ParseError::$variant, $name, $sentence),)*];
    };
}

parse_errors! {
    QuestionsMissing, "questions_missing", "message that ends before all the questions it announces";
    QuestionCut, "question_cut", "message that ends inside a question";
    QuestionLabel, "question_label", "question with a label type that does not exist";
    QuestionPointer, "question_pointer", "question with a compression pointer that leads round in a loop or out of the message";
    QuestionNameTooLong, "question_name_too_long", "question with a name of more than 255 octets";
    RecordsMissing, "records_missing", "message that ends before all the records it announces";
    RecordCut, "record_cut", "message that ends inside a record's name or its fixed fields";
    RecordLabel, "record_label", "record whose name has a label type that does not exist";
    RecordPointer, "record_pointer", "record whose name has a compression pointer that leads round in a loop or out of the message";
    RecordNameTooLong, "record_name_too_long", "record with a name of more than 255 octets";
    RdataOverrun, "rdata_overrun", "record whose data is longer than what is left of the message";
    ForwardPointer, "forward_pointer", "name that can be read, but with a compression pointer that leads forwards";
    NamesTooCostly, "names_too_costly", "compression that makes names far longer than the message; it was not read to its end";
    OptOutsideAdditional, "opt_outside_additional", "OPT record in another section than the additional one";
    OptOwner, "opt_owner", "OPT record whose name is not the root";
    SeveralOpt, "several_opt", "more than one OPT record";
    OptOptions, "opt_options", "OPT record with an option that is longer than what is left of the record";
    TsigNotLast, "tsig_not_last", "TSIG record that is not the last of the message";
    TrailingBytes, "trailing_bytes", "bytes behind the last record that the message announces";
}

impl ParseError {
    /// The name under which reports and columns have it.
    pub fn name(self) -> &'static str {
        PARSE_ERRORS[self as usize].1
    }

    /// The sentence that says it.
    pub fn sentence(self) -> &'static str {
        PARSE_ERRORS[self as usize].2
    }
}

impl<'a> Message<'a> {
    /// Walks over all four sections and gives the first thing that is wrong; `None` if the message is sound, as far as it was
    /// captured. `stated_length` is how many bytes it has by the headers around it; it is cut if that is more than there are
    /// bytes, and the bytes count if that is less. The time is linear in the length.
    ///
    /// ```
    /// use dpp::dns::{Message, ParseError};
    /// let bytes = b"\x12\x34\x01\x00\x00\x01\0\0\0\0\0\0\x07example\x03com\0\0\x01\0\x01";
    /// assert_eq!(Message::parse(bytes).unwrap().inspect(bytes.len()), None);
    /// let cut = Message::parse(&bytes[..20]).unwrap();
    /// assert_eq!(cut.inspect(bytes.len()), None);
    /// assert_eq!(cut.inspect(20), Some(ParseError::QuestionCut));
    /// ```
    pub fn inspect(&self, stated_length: usize) -> Option<ParseError> {
        self.inspect_records(stated_length, |_| {}).0
    }

    /// The same, and gives each record on the way to `see`. Says also whether these are all of a message that was captured
    /// to its end; else there may be more that can be read.
    #[inline]
    pub(super) fn inspect_records(
        &self,
        stated_length: usize,
        see: impl FnMut(&Record<'a>),
    ) -> (Option<ParseError>, bool) {
        let length = stated_length.max(self.bytes.len());
        let walk = Walk {
            bytes: self.bytes,
            length,
            at: Message::QUESTIONS,
            places: [0; POINTERS_MAX],
            name_steps: length.saturating_mul(NAME_STEPS_PER_OCTET),
            opt_seen: false,
            asked: None,
            see,
        };
        match walk.over(self) {
            Err(Stop::Damage(error)) => (Some(error), false),
            Err(Stop::CaptureEnds) => (None, false),
            Ok(()) => (None, length == self.bytes.len()),
        }
    }
}

/// Why a walk goes no further.
enum Stop {
    /// Something is wrong.
    Damage(ParseError),
    /// The message goes on, but its captured bytes do not.
    CaptureEnds,
}

struct Walk<'a, S> {
    bytes: &'a [u8],
    /// How long the message is, captured or not; never less than the bytes.
    length: usize,
    at: usize,
    /// For [`name::follow`].
    places: [u16; POINTERS_MAX],
    /// Labels and pointers that may still be followed.
    name_steps: usize,
    opt_seen: bool,
    /// How many octets and labels the name has that the message begins with, if it is not compressed.
    asked: Option<(usize, usize)>,
    /// Who gets each record that was captured to its end.
    see: S,
}

/// A pointer to the name that the message begins with, which most records have for their own.
const TO_ASKED: [u8; 2] = [0xC0, Message::QUESTIONS as u8];

impl<'a, S: FnMut(&Record<'a>)> Walk<'a, S> {
    #[inline]
    fn over(mut self, message: &Message) -> Result<(), Stop> {
        for _ in 0..message.question_count() {
            self.question()?;
        }
        for (section, count) in [(Section::Answer, 6), (Section::Authority, 8), (Section::Additional, 10)] {
            let count = message.field(count);
            for number in 1..=count {
                self.record(section, number == count)?;
            }
        }
        match self.at < self.length && message.opcode() != OPCODE_DSO {
            true => Err(Stop::Damage(ParseError::TrailingBytes)),
            false => Ok(()),
        }
    }

    fn question(&mut self) -> Result<(), Stop> {
        self.goes_on(ParseError::QuestionsMissing)?;
        self.name(true)?;
        self.fixed::<4>(ParseError::QuestionCut)?;
        Ok(())
    }

    /// Steps over a record. `is_last` says whether it is the last of its section.
    fn record(&mut self, section: Section, is_last: bool) -> Result<(), Stop> {
        self.goes_on(ParseError::RecordsMissing)?;
        let owner_at = self.at;
        let name_octets = self.name(false)?;
        let fixed = self.fixed::<RECORD_FIXED>(ParseError::RecordCut)?;
        let end = self.at + usize::from(u16::from_be_bytes([fixed[8], fixed[9]]));
        if end > self.length {
            return Err(Stop::Damage(ParseError::RdataOverrun));
        }
        let rtype = u16::from_be_bytes([fixed[0], fixed[1]]);
        if let Some(rdata) = self.bytes.get(self.at..end) {
            let class = u16::from_be_bytes([fixed[2], fixed[3]]);
            let ttl = u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]);
            (self.see)(&Record { section, owner_at, rtype, class, ttl, rdata_at: self.at, rdata });
        }
        match rtype {
            TYPE_OPT => {
                self.opt(section, name_octets)?;
                // Behind another version's header there may be something else than options.
                if fixed[5] == 0 {
                    self.options(end)?;
                }
            }
            TYPE_TSIG if section != Section::Additional || !is_last => {
                return Err(Stop::Damage(ParseError::TsigNotLast));
            }
            _ => {}
        }
        self.at = end;
        Ok(())
    }

    /// Where an OPT record may be, and how many there may be (RFC 6891 section 6.1.1).
    fn opt(&mut self, section: Section, name_octets: usize) -> Result<(), Stop> {
        let error = match section {
            Section::Additional if name_octets != 1 => ParseError::OptOwner,
            Section::Additional if self.opt_seen => ParseError::SeveralOpt,
            Section::Additional => {
                self.opt_seen = true;
                return Ok(());
            }
            _ => ParseError::OptOutsideAdditional,
        };
        Err(Stop::Damage(error))
    }

    /// Steps over the options from here to `end`: code, length, data (RFC 6891 section 6.1.2).
    fn options(&mut self, end: usize) -> Result<(), Stop> {
        while self.at < end {
            if self.at + 4 > end {
                return Err(Stop::Damage(ParseError::OptOptions));
            }
            let option = self.fixed::<4>(ParseError::OptOptions)?;
            self.at += usize::from(u16::from_be_bytes([option[2], option[3]]));
        }
        match self.at > end {
            true => Err(Stop::Damage(ParseError::OptOptions)),
            false => Ok(()),
        }
    }

    /// Stops if the message ends here, where it should not.
    fn goes_on(&self, missing: ParseError) -> Result<(), Stop> {
        match self.at == self.length {
            true => Err(Stop::Damage(missing)),
            false => Ok(()),
        }
    }

    /// Takes the next `N` bytes.
    fn fixed<const N: usize>(&mut self, cut: ParseError) -> Result<[u8; N], Stop> {
        match self.bytes.get(self.at..).and_then(|rest| rest.first_chunk()) {
            Some(fixed) => {
                self.at += N;
                Ok(*fixed)
            }
            None if self.at + N > self.length => Err(Stop::Damage(cut)),
            None => Err(Stop::CaptureEnds),
        }
    }

    /// Steps over the name of a question or of a record, reading it: how many octets it has, uncompressed.
    #[inline]
    fn name(&mut self, is_question: bool) -> Result<usize, Stop> {
        if let Some((octets, labels)) = self.asked
            && self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(&TO_ASKED))
        {
            self.count_steps(labels + 1)?;
            self.at += TO_ASKED.len();
            return Ok(octets);
        }
        let (mut octets, mut labels) = (1, 0);
        let followed = name::follow(self.bytes, self.at, &mut self.places, |label| {
            octets += label.len();
            labels += 1;
            if octets <= name::WIRE_MAX { Ok(()) } else { Err(Malformed::NameTooLong) }
        });
        let followed = followed.map_err(|malformed| self.stop_at_name(malformed, is_question))?;
        self.count_steps(labels + followed.pointers)?;
        if followed.forwards {
            return Err(Stop::Damage(ParseError::ForwardPointer));
        }
        if self.at == Message::QUESTIONS && followed.pointers == 0 {
            self.asked = Some((octets, labels));
        }
        self.at = followed.end;
        Ok(octets)
    }

    fn count_steps(&mut self, steps: usize) -> Result<(), Stop> {
        self.name_steps =
            self.name_steps.checked_sub(steps).ok_or(Stop::Damage(ParseError::NamesTooCostly))?;
        Ok(())
    }

    /// What it means that the name here cannot be read.
    #[cold]
    fn stop_at_name(&self, malformed: Malformed, is_question: bool) -> Stop {
        let error = match (malformed, is_question) {
            (Malformed::Cut, _) if self.bytes.len() < self.length => return Stop::CaptureEnds,
            // The name ends inside the message, with a pointer, and that leads out of it.
            (Malformed::Cut, _) if name::skip(self.bytes, self.at).is_ok() => {
                return self.stop_at_name(Malformed::Pointer, is_question);
            }
            (Malformed::Cut, true) => ParseError::QuestionCut,
            (Malformed::Cut, false) => ParseError::RecordCut,
            (Malformed::Label, true) => ParseError::QuestionLabel,
            (Malformed::Label, false) => ParseError::RecordLabel,
            (Malformed::Pointer, true) => ParseError::QuestionPointer,
            (Malformed::Pointer, false) => ParseError::RecordPointer,
            (Malformed::NameTooLong, true) => ParseError::QuestionNameTooLong,
            (Malformed::NameTooLong, false) => ParseError::RecordNameTooLong,
        };
        Stop::Damage(error)
    }
}

#[cfg(test)]
mod tests {
    use super::ParseError::*;
    use super::*;

    /// What is wrong with a message of these flags, counts and bytes.
    fn check(flags: u16, counts: [u16; 4], bytes: &[u8], expected: Option<ParseError>) {
        let bytes = message(flags, counts, bytes);
        let told = Message::parse(&bytes).unwrap().inspect(bytes.len());
        assert_eq!(told, expected, "{}", bytes.escape_ascii());
    }

    fn message(flags: u16, counts: [u16; 4], bytes: &[u8]) -> Vec<u8> {
        let header = [1, flags, counts[0], counts[1], counts[2], counts[3]];
        [&header.map(u16::to_be_bytes).concat()[..], bytes].concat()
    }

    /// The same for a response with one question, "a.", and these records.
    fn check_records(counts: [u16; 3], records: &[&[u8]], expected: Option<ParseError>) {
        let [answers, authorities, additionals] = counts;
        let bytes = [QUESTION, &records.concat()].concat();
        check(0x8400, [1, answers, authorities, additionals], &bytes, expected);
    }

    const QUESTION: &[u8] = b"\x01a\0\0\x01\0\x01";
    const A: &[u8] = b"\xC0\x0C\0\x01\0\x01\0\0\0\0\0\x04\xC0\0\x02\x01";
    const OPT: &[u8] = b"\0\0\x29\x10\0\0\0\0\0\0\0";
    const TSIG: &[u8] = b"\0\0\xFA\0\xFF\0\0\0\0\0\0";

    #[test]
    fn each_error_stands_at_its_own_number_and_has_its_own_name() {
        for (number, (error, name, sentence)) in PARSE_ERRORS.iter().enumerate() {
            assert_eq!(*error as usize, number);
            assert_eq!((error.name(), error.sentence()), (*name, *sentence));
            assert_eq!(PARSE_ERRORS.iter().filter(|row| row.1 == *name).count(), 1, "{name} twice");
        }
    }

    #[test]
    fn what_is_odd_is_not_wrong() {
        check(0, [0; 4], b"", None);
        check(0x0100, [2, 0, 0, 0], &[QUESTION, QUESTION].concat(), None);
        for opcode in 0..16 {
            check(opcode << 11, [1, 0, 0, 0], b"\0\xFF\xF0\xEE\xEE", None);
        }
        check_records([2, 1, 1], &[A, A, A, A], None);
        let version_9 = b"\0\0\x29\x10\0\0\x09\0\0\0\x02zz";
        check_records([0, 0, 2], &[version_9, TSIG], None);
        // A name that is compressed to nothing but the root.
        check_records([0, 0, 1], &[b"\xC0\x0E", &OPT[1..]], None);
    }

    #[test]
    fn counts_that_claim_more_than_there_is() {
        check(0, [1, 0, 0, 0], b"", Some(QuestionsMissing));
        check(0, [2, 0, 0, 0], QUESTION, Some(QuestionsMissing));
        check_records([1, 0, 0], &[], Some(RecordsMissing));
        check_records([65535, 0, 0], &[A, A], Some(RecordsMissing));
        check_records([0, 0, 2], &[OPT], Some(RecordsMissing));
    }

    #[test]
    fn messages_that_end_too_early() {
        for length in 1..QUESTION.len() {
            check(0, [1, 0, 0, 0], &QUESTION[..length], Some(QuestionCut));
        }
        for length in 1..A.len() {
            let error = if length < 12 { RecordCut } else { RdataOverrun };
            check_records([1, 0, 0], &[&A[..length]], Some(error));
        }
        check_records([0, 0, 1], &[b"\0\0\x01\0\x01\0\0\0\0\xFF\xFF", A], Some(RdataOverrun));
    }

    #[test]
    fn names_that_cannot_be_read() {
        let question = |name: &[u8], expected| {
            check(0, [1, 0, 0, 0], &[name, b"\0\x01\0\x01"].concat(), Some(expected));
        };
        let record = |name: &[u8], expected| check_records([1, 0, 0], &[name, &A[2..]], Some(expected));
        let long = [&b"\x01a".repeat(128)[..], b"\0"].concat();
        question(b"\x01a\x40\0", QuestionLabel);
        question(b"\x01a\xC0\x0C", QuestionPointer);
        question(b"\xFF\xFF", QuestionPointer);
        question(&long, QuestionNameTooLong);
        record(b"\x01b\xBF\0", RecordLabel);
        record(b"\x01b\xC0\x13", RecordPointer);
        record(b"\xFF\xFF", RecordPointer);
        record(&long, RecordNameTooLong);
    }

    #[test]
    fn pointers_that_lead_forwards_can_be_read_and_are_told() {
        check(0, [1, 0, 0, 0], b"\xC0\x0E\0\x01\0\x01", Some(ForwardPointer));
        check_records([1, 0, 0], &[b"\xC0\x1F", &A[2..], b"\0"], Some(ForwardPointer));
        // Back to the type of the question, which leads forwards, but not so far as to the name itself.
        check(
            0x8000,
            [1, 1, 0, 0],
            &[b"\x01a\0\xC0\x11\0\x01\xC0\x0F", &A[2..]].concat(),
            Some(ForwardPointer),
        );
    }

    #[test]
    fn opt_and_tsig_have_their_place() {
        check_records([0, 0, 2], &[OPT, OPT], Some(SeveralOpt));
        check_records([1, 0, 0], &[OPT], Some(OptOutsideAdditional));
        check_records([0, 1, 1], &[OPT, OPT], Some(OptOutsideAdditional));
        check_records([0, 0, 1], &[b"\xC0\x0C", &OPT[1..]], Some(OptOwner));
        check_records([0, 0, 2], &[OPT, TSIG], None);
        check_records([0, 0, 2], &[TSIG, OPT], Some(TsigNotLast));
        check_records([1, 0, 0], &[TSIG], Some(TsigNotLast));
    }

    #[test]
    fn options_end_where_their_record_does() {
        let opt = |rdata: &[u8], behind: &[u8], expected| {
            let header = [&OPT[..10], &[rdata.len() as u8]].concat();
            check_records([0, 0, 1], &[&header, rdata, behind], expected);
        };
        opt(b"\0\x0A\0\x02cc\0\x0C\0\0", b"", None);
        opt(b"\0\x0A\0\x03cc", b"c", Some(OptOptions));
        opt(b"\0\x0A\0\x02cc\0\x0C\0", b"\0", Some(OptOptions));
    }

    #[test]
    fn bytes_behind_the_last_record() {
        check(0, [0; 4], b"\0", Some(TrailingBytes));
        check_records([1, 0, 0], &[A, b"\0"], Some(TrailingBytes));
        check(6 << 11, [0; 4], b"\0\x01\0\x08keepaliv", None);
    }

    #[test]
    fn the_first_error_is_told() {
        check_records([3, 0, 0], &[A, b"\xC0\x80", OPT], Some(RecordPointer));
        check_records([1, 0, 2], &[A, OPT, OPT, b"\0"], Some(SeveralOpt));
    }

    #[test]
    fn what_was_not_captured_is_not_wrong() {
        let bytes = message(0x8000, [1, 1, 0, 1], &[QUESTION, A, OPT].concat());
        for length in 12..=bytes.len() {
            assert_eq!(Message::parse(&bytes[..length]).unwrap().inspect(bytes.len()), None, "{length}");
        }
        // What is behind the last record is wrong, seen or not; and so is a record that is longer than the message.
        let message = Message::parse(&bytes).unwrap();
        assert_eq!(message.inspect(bytes.len() + 1), Some(TrailingBytes));
        let cut = Message::parse(&bytes[..31]).unwrap();
        assert_eq!((cut.inspect(34), cut.inspect(35)), (Some(RdataOverrun), Some(RecordsMissing)));
        assert_eq!(cut.inspect(0), Some(RdataOverrun));
    }

    #[test]
    fn the_walk_is_linear_however_the_names_are_compressed() {
        // A question of 127 labels, then as many records as possible that all have its name.
        let question = [&b"\x01a".repeat(127)[..], b"\0\0\x01\0\x01"].concat();
        let records = b"\xC0\x0C\0\x01\0\x01\0\0\0\0\0\0".repeat(5400);
        check(0x8000, [1, 5400, 0, 0], &[&question[..], &records].concat(), Some(NamesTooCostly));
        // A record whose data are 128 pointers, each to the one before it and the first to the root; then such records.
        let pointers = (0..127_u16).flat_map(|n| (0xC017 + 2 * n).to_be_bytes());
        let data: Vec<u8> = [0xC0, 0x0C].into_iter().chain(pointers).collect();
        let first = [&b"\0\0\x01\0\x01\0\0\0\0\x01\0"[..], &data].concat();
        let records = b"\xC1\x13\0\x01\0\x01\0\0\0\0\0\0";
        let message = |count: u16| [&first[..], &records.repeat(count.into())].concat();
        check(0x8000, [0, 2, 0, 0], &message(1), None);
        check(0x8000, [0, 5401, 0, 0], &message(5400), Some(NamesTooCostly));
        // Names of 34 labels in short records are fine.
        let question = [&b"\x01a".repeat(34)[..], b"\0\0\x01\0\x01"].concat();
        let records = b"\xC0\x0C\0\x01\0\x01\0\0\0\0\0\x04\xC0\0\x02\x01".repeat(4000);
        check(0x8000, [1, 4000, 0, 0], &[&question[..], &records].concat(), None);
    }
}
