//! A DNS message as it lies in a datagram (RFC 1035 section 4.1).
//!
//! ```text
//!   0     2       4         6         8         10        12
//!  +-----+-------+---------+---------+---------+---------+-------------- ...
//!  | id  | flags | QDCOUNT | ANCOUNT | NSCOUNT | ARCOUNT | questions, records
//!  +-----+-------+---------+---------+---------+---------+-------------- ...
//!   flags: QR 1 | opcode 4 | AA TC RD RA Z AD CD | rcode 4
//! ```
//! The surprising part is the response code: its upper bits live in the TTL of an OPT record at the far end of the
//! message (RFC 6891 section 6.1.3), and a TSIG error replaces it (RFC 8945 section 5.2), so a response with additional
//! records must be walked through.

use super::edns::Opt;
use super::iana::TSIG_ERROR;
use super::name;
use thiserror::Error;

const HEADER: usize = 12;
pub(super) const TYPE_OPT: u16 = 41;
pub(super) const TYPE_TSIG: u16 = 250;

/// What is wrong with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Malformed {
    /// The bytes end before the field does.
    #[error("message ends inside a field")]
    Cut,
    /// A label type that does not exist.
    #[error("invalid label")]
    Label,
    /// A compression pointer to where the name has already been, or one too many ([`crate::limits::POINTERS_MAX`]).
    #[error("compression pointer that leads round in a loop")]
    Pointer,
    /// A name of more than 255 octets (RFC 1035 section 3.1).
    #[error("name longer than 255 octets")]
    NameTooLong,
}

/// One entry of the question section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question<'a> {
    /// The name in wire form, uncompressed, case kept, with its final zero octet.
    pub name: &'a [u8],
    /// QTYPE.
    pub qtype: u16,
    /// QCLASS.
    pub qclass: u16,
}

/// What can be read of a question that is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartialQuestion<'a> {
    /// The labels before the damage, in wire form, uncompressed, case kept, closed with a zero octet. Of a name that is too
    /// long, those that fit into 255 octets. Empty if not even one label could be read.
    pub name: &'a [u8],
    /// QTYPE, if the message says where the name ends and goes on so long.
    pub qtype: Option<u16>,
    /// QCLASS, likewise.
    pub qclass: Option<u16>,
}

/// A message of at least a header.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    pub(super) bytes: &'a [u8],
    header: &'a [u8; HEADER],
}

impl<'a> Message<'a> {
    /// Takes the bytes of a datagram as a message; `None` if they are fewer than a header's.
    ///
    /// ```
    /// use dpp::dns::Message;
    /// let bytes = b"\x12\x34\x01\x00\x00\x01\0\0\0\0\0\0\x07example\x03com\0\0\x01\0\x01";
    /// let message = Message::parse(bytes).unwrap();
    /// assert_eq!((message.id(), message.is_response()), (0x1234, false));
    /// let mut scratch = [0; 255];
    /// let (question, _) = message.question(Message::QUESTIONS, &mut scratch).unwrap();
    /// assert_eq!((question.name, question.qtype), (&b"\x07example\x03com\0"[..], 1));
    /// ```
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        bytes.first_chunk().map(|header| Message { bytes, header })
    }

    /// Where the question section starts.
    pub const QUESTIONS: usize = HEADER;

    #[inline]
    pub(super) fn field(&self, at: usize) -> u16 {
        u16::from_be_bytes([self.header[at], self.header[at + 1]])
    }

    /// The ID that ties a response to its query.
    #[inline]
    pub fn id(&self) -> u16 {
        self.field(0)
    }

    /// The second word of the header: QR, opcode, the flags, and the low bits of the response code.
    #[inline]
    pub fn flags(&self) -> u16 {
        self.field(2)
    }

    /// The four bits that say what is asked for: 0 is a query (RFC 1035), 5 an update (RFC 2136).
    #[inline]
    pub fn opcode(&self) -> u8 {
        self.header[2] >> 3 & 0x0F
    }

    /// The QR bit.
    #[inline]
    pub fn is_response(&self) -> bool {
        self.header[2] & 0x80 != 0
    }

    /// The low four bits of the response code, as the header has them.
    #[inline]
    pub fn header_rcode(&self) -> u16 {
        u16::from(self.header[3] & 0x0F)
    }

    /// QDCOUNT as the header states it.
    #[inline]
    pub fn question_count(&self) -> u16 {
        self.field(4)
    }

    /// The question at byte `at`, and where the next field starts. `scratch` holds the name if it was compressed.
    ///
    /// # Errors
    /// [`Malformed`] if the question cannot be read.
    #[inline]
    pub fn question<'b>(
        &self,
        at: usize,
        scratch: &'b mut [u8; 255],
    ) -> Result<(Question<'b>, usize), Malformed>
    where
        'a: 'b,
    {
        let (name, at) = name::read(self.bytes, at, scratch)?;
        let Some(fixed) = self.bytes.get(at..).and_then(|rest| rest.first_chunk::<4>()) else {
            return Err(Malformed::Cut);
        };
        let qtype = u16::from_be_bytes([fixed[0], fixed[1]]);
        let qclass = u16::from_be_bytes([fixed[2], fixed[3]]);
        Ok((Question { name, qtype, qclass }, at + 4))
    }

    /// Steps over the question at byte `at` without reading its name: where the next field starts.
    ///
    /// # Errors
    /// [`Malformed`] if it does not end.
    pub fn skip_question(&self, at: usize) -> Result<usize, Malformed> {
        let end = name::skip(self.bytes, at)? + 4;
        if end <= self.bytes.len() { Ok(end) } else { Err(Malformed::Cut) }
    }

    /// What can be read of the question at byte `at` if [`Message::question`] cannot read it. A name that does not end in the
    /// message leaves the rest unknown; behind a name that is too long, or that leads into damage, type and class are read.
    ///
    /// ```
    /// use dpp::dns::Message;
    /// let message = Message::parse(b"\x12\x34\x01\x00\x00\x01\0\0\0\0\0\0\x03www\x07exam").unwrap();
    /// let mut scratch = [0; 255];
    /// assert!(message.question(Message::QUESTIONS, &mut scratch).is_err());
    /// let question = message.partial_question(Message::QUESTIONS, &mut scratch);
    /// assert_eq!((question.name, question.qtype), (&b"\x03www\0"[..], None));
    /// ```
    #[cold]
    pub fn partial_question<'b>(&self, at: usize, scratch: &'b mut [u8; 255]) -> PartialQuestion<'b> {
        let number = |at: usize| {
            self.bytes.get(at..).and_then(|rest| rest.first_chunk()).map(|two| u16::from_be_bytes(*two))
        };
        let end = name::skip(self.bytes, at).ok();
        PartialQuestion {
            name: name::read_partly(self.bytes, at, scratch),
            qtype: end.and_then(number),
            qclass: end.and_then(|end| number(end + 2)),
        }
    }

    /// The complete response code: a TSIG error if there is one, else the header's bits extended by the first OPT
    /// record. `at` is where the question section ends.
    ///
    /// # Errors
    /// [`Malformed`] if the records cannot be walked; the header's bits are all there is to know then.
    #[inline]
    pub fn response_code(&self, at: usize) -> Result<u16, Malformed> {
        match self.field(10) {
            0 => Ok(self.header_rcode()),
            _ => self.response_code_and_opt(at).0,
        }
    }

    /// Whether the header announces additional records.
    #[inline]
    pub fn has_additional(&self) -> bool {
        self.field(10) > 0
    }

    /// The complete response code, and what the first OPT record says, as far as it was come by. `at` is where the question
    /// section ends.
    pub fn response_code_and_opt(&self, at: usize) -> (Result<u16, Malformed>, Option<Opt<'a>>) {
        let (mut at, mut opt, mut tsig_error) = (at, None, Ok(0));
        for _ in 0..u32::from(self.field(6)) + u32::from(self.field(8)) {
            at = match self.record(at) {
                Ok(record) => record.end,
                Err(malformed) => return (Err(malformed), None),
            };
        }
        for _ in 0..self.field(10) {
            let record = match self.record(at) {
                Ok(record) => record,
                Err(malformed) => return (Err(malformed), opt),
            };
            match record.kind {
                TYPE_OPT if opt.is_none() => {
                    opt = Some(Opt::of_parts(record.class, record.ttl, record.rdata))
                }
                TYPE_TSIG => tsig_error = tsig_error.and_then(|_| tsig_error_of(record.rdata)),
                _ => {}
            }
            at = record.end;
        }
        let extension = opt.map_or(0, |opt| opt.extended_rcode);
        (tsig_error.map(|error| self.extended_by(extension, error)), opt)
    }

    /// The response code, extended by these bits of OPT, or replaced by this error of TSIG.
    #[inline]
    pub(super) fn extended_by(&self, extension: u8, tsig_error: u16) -> u16 {
        match tsig_error {
            0 => u16::from(extension) << 4 | self.header_rcode(),
            error => error.min(!TSIG_ERROR) | TSIG_ERROR,
        }
    }

    /// QDCOUNT, ANCOUNT, NSCOUNT and ARCOUNT as the header states them.
    #[inline]
    pub fn counts(&self) -> [u16; 4] {
        [self.field(4), self.field(6), self.field(8), self.field(10)]
    }

    /// Steps over the resource record at `at` (RFC 1035 section 4.1.3).
    #[inline]
    pub(super) fn record(&self, at: usize) -> Result<Fields<'a>, Malformed> {
        let at = name::skip(self.bytes, at)?;
        let Some(fixed) = self.bytes.get(at..).and_then(|rest| rest.first_chunk::<10>()) else {
            return Err(Malformed::Cut);
        };
        let end = at + 10 + usize::from(u16::from_be_bytes([fixed[8], fixed[9]]));
        let Some(rdata) = self.bytes.get(at + 10..end) else { return Err(Malformed::Cut) };
        let [kind, class] = [[fixed[0], fixed[1]], [fixed[2], fixed[3]]].map(u16::from_be_bytes);
        Ok(Fields { kind, class, ttl: [fixed[4], fixed[5], fixed[6], fixed[7]], rdata, end })
    }
}

/// What the walk needs of a resource record.
pub(super) struct Fields<'a> {
    pub(super) kind: u16,
    pub(super) class: u16,
    pub(super) ttl: [u8; 4],
    pub(super) rdata: &'a [u8],
    pub(super) end: usize,
}

/// The error field of a TSIG record: after the algorithm name, 6 bytes of time, 2 of fudge, the MAC behind its length,
/// and 2 bytes of original ID (RFC 8945 section 4.2).
#[cold]
pub(super) fn tsig_error_of(rdata: &[u8]) -> Result<u16, Malformed> {
    let number = |at: usize| match rdata.get(at..at + 2) {
        Some(bytes) => Ok(u16::from_be_bytes([bytes[0], bytes[1]])),
        None => Err(Malformed::Cut),
    };
    let algorithm_end = name::skip(rdata, 0)?;
    let mac_size = usize::from(number(algorithm_end + 8)?);
    number(algorithm_end + 10 + mac_size + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A response to "." with these records: their counts (answer, authority, additional) and bytes.
    fn response(rcode: u8, counts: [u8; 3], records: &[u8]) -> Vec<u8> {
        let [answers, authorities, additionals] = counts;
        let header = [0, 1, 0x80, rcode, 0, 1, 0, answers, 0, authorities, 0, additionals];
        [&header[..], b"\0\0\x01\0\x01", records].concat()
    }

    /// The response code of such a response.
    fn check(rcode: u8, counts: [u8; 3], records: &[u8], expected: Result<u16, Malformed>) {
        let bytes = response(rcode, counts, records);
        let message = Message::parse(&bytes).unwrap();
        let mut scratch = [0; 255];
        let (_, end) = message.question(Message::QUESTIONS, &mut scratch).unwrap();
        assert_eq!(message.response_code(end), expected);
    }

    const A: &[u8] = b"\xC0\x0C\0\x01\0\x01\0\0\0\0\0\x04\xC0\0\x02\x01";
    const OPT_1: &[u8] = b"\0\0\x29\x10\0\x01\0\0\0\0\0";
    const OPT_2: &[u8] = b"\0\0\x29\x10\0\x02\0\0\0\0\0";

    #[test]
    fn the_header_is_read() {
        let bytes = [0, 1, 0xAF, 0x93, 0, 2, 0, 0, 0, 0, 0, 0];
        let message = Message::parse(&bytes).unwrap();
        assert_eq!((message.flags(), message.opcode(), message.header_rcode()), (0xAF93, 5, 3));
        assert_eq!((message.is_response(), message.question_count()), (true, 2));
    }

    #[test]
    fn of_a_damaged_question_is_read_what_can_be() {
        let check = |question: &[u8], expected: (&[u8], Option<u16>, Option<u16>)| {
            let bytes = [&[0; HEADER][..], question].concat();
            let mut scratch = [0; 255];
            let partial = Message::parse(&bytes).unwrap().partial_question(Message::QUESTIONS, &mut scratch);
            assert_eq!((partial.name, partial.qtype, partial.qclass), expected, "{question:?}");
        };
        check(b"", (b"", None, None));
        check(b"\0", (b"\0", None, None));
        check(b"\x01a\0\0", (b"\x01a\0", None, None));
        check(b"\x01a\0\0\x1C\0", (b"\x01a\0", Some(28), None));
        check(b"\x01a\0\0\x1C\0\x03", (b"\x01a\0", Some(28), Some(3)));
        check(b"\x01a\xC0\x0C\0\x1C\0\x01", (b"\x01a\0", Some(28), Some(1)));
        check(b"\xC1\0\0\x1C\0\x01", (b"", Some(28), Some(1)));
        check(b"\x01a\x7F\0\0\x1C\0\x01", (b"\x01a\0", None, None));
        let long = [&b"\x01a".repeat(127)[..], b"\x01b\0\0\x1C\0\x01"].concat();
        check(&long, (&[&b"\x01a".repeat(127)[..], b"\0"].concat(), Some(28), Some(1)));
    }

    #[test]
    fn the_first_opt_extends_the_response_code() {
        check(0, [0, 0, 1], OPT_1, Ok(16));
        check(7, [1, 0, 1], &[A, OPT_1].concat(), Ok(23));
        check(3, [0, 1, 2], &[A, OPT_1, OPT_2].concat(), Ok(19));
        check(3, [0, 0, 1], A, Ok(3));
    }

    #[test]
    fn without_additional_records_the_others_are_not_looked_at() {
        check(2, [9, 9, 0], b"", Ok(2));
    }

    #[test]
    fn records_that_cannot_be_walked_leave_the_header_alone() {
        check(2, [1, 0, 1], OPT_1, Err(Malformed::Cut));
        check(2, [0, 0, 1], &OPT_1[..10], Err(Malformed::Cut));
        check(2, [0, 0, 1], b"\x40", Err(Malformed::Label));
    }

    #[test]
    fn a_tsig_error_replaces_the_response_code() {
        let tsig = |error: u8| {
            let rdata = [&b"\0"[..], &[0; 6], &[0; 2], b"\0\x02mm", b"\0\x01", &[0, error], b"\0\0"].concat();
            [&b"\0\0\xFA\0\xFF\0\0\0\0\0"[..], &[rdata.len() as u8], &rdata].concat()
        };
        check(9, [0, 0, 1], &tsig(16), Ok(TSIG_ERROR | 16));
        check(9, [0, 0, 2], &[OPT_1, &tsig(0)].concat(), Ok(25));
    }
}
