//! The resource records of a message (RFC 1035 section 4.1.3), one after the other.
//!
//! ```text
//!  +--------------+------+-------+-----------+----------+--------- ...
//!  | owner (name) | type | class | TTL       | RDLENGTH | RDATA
//!  +--------------+------+-------+-----------+----------+--------- ...
//!    any length     2      2       4           2
//! ```
//! The surprising part is what the walk does with damage: nothing. A message that was cut, or whose header announces more
//! records than it has, yields the records before the damage, and [`Records::is_complete`] tells that there were more. (What
//! exactly is wrong says [`Message::inspect`].) Each record takes at least eleven octets, so counts that lie cost nothing.

use super::{Malformed, Message, name};

/// Where a record stands in its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Section {
    /// The answer; the prerequisites of an update (RFC 2136).
    Answer,
    /// The authority section; the changes of an update.
    Authority,
    /// The additional section, where OPT and TSIG are.
    Additional,
}

/// The sections, in the order of a message.
const SECTIONS: [Section; 3] = [Section::Answer, Section::Authority, Section::Additional];

/// A resource record whose RDATA is complete, though it may be nonsense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// The section it stands in.
    pub section: Section,
    /// Where in the message it starts, with its owner's name.
    pub owner_at: usize,
    /// TYPE.
    pub rtype: u16,
    /// CLASS; the payload size of an OPT record (RFC 6891), and with the cache-flush bit in multicast (RFC 6762).
    pub class: u16,
    /// TTL, in seconds, as it is stated; the flags of an OPT record.
    pub ttl: u32,
    /// Where in the message the RDATA starts.
    pub rdata_at: usize,
    /// The RDATA. Names in it may be compressed: they can be read only together with the message.
    pub rdata: &'a [u8],
}

impl Record<'_> {
    /// The owner's name in wire form, uncompressed. `message` is the bytes of the message the record is from; `scratch` holds
    /// the name if it was compressed.
    ///
    /// # Errors
    /// [`Malformed`] if the name ends but cannot be read: too long, or with a pointer that leads nowhere.
    pub fn owner<'b>(&self, message: &'b [u8], scratch: &'b mut [u8; 255]) -> Result<&'b [u8], Malformed> {
        name::read(message, self.owner_at, scratch).map(|(name, _)| name)
    }
}

impl<'a> Message<'a> {
    /// The bytes of the message.
    #[inline]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The records of all sections, as far as they can be read. `at` is where the question section ends.
    ///
    /// ```
    /// use dpp::dns::{Message, Section};
    /// let bytes = b"\x12\x34\x80\0\0\x01\0\x01\0\0\0\x01\x01a\0\0\x01\0\x01\
    ///               \xC0\x0C\0\x01\0\x01\0\0\0\x09\0\x04\xC0\0\x02\x01";
    /// let message = Message::parse(bytes).unwrap();
    /// let mut records = message.records(19);
    /// let record = records.next().unwrap();
    /// assert_eq!((record.section, record.rtype, record.ttl), (Section::Answer, 1, 9));
    /// assert_eq!(record.owner(bytes, &mut [0; 255]), Ok(&b"\x01a\0"[..]));
    /// // The header announces another one.
    /// assert!(records.next().is_none() && !records.is_complete());
    /// ```
    pub fn records(&self, at: usize) -> Records<'a> {
        let [_, left @ ..] = self.counts();
        Records { message: *self, at, left, is_damaged: false }
    }

    /// The same, wherever the question section ends; `None` if it does not.
    pub fn records_behind_questions(&self) -> Option<Records<'a>> {
        let mut at = Message::QUESTIONS;
        for _ in 0..self.question_count() {
            at = self.skip_question(at).ok()?;
        }
        Some(self.records(at))
    }
}

/// The records of a message: an iterator that stops at the first record that cannot be read.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    message: Message<'a>,
    at: usize,
    /// How many records the header announces for each section, less those that were read.
    left: [u16; 3],
    is_damaged: bool,
}

impl Records<'_> {
    /// Whether all records were read that the header announces.
    pub fn is_complete(&self) -> bool {
        self.left == [0; 3]
    }

    /// Where the next record starts, or would: once all are read, the end of the message if nothing is behind them.
    pub fn at(&self) -> usize {
        self.at
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        let section = self.left.iter().position(|&left| left > 0)?;
        if self.is_damaged {
            return None;
        }
        let Ok(fields) = self.message.record(self.at) else {
            self.is_damaged = true;
            return None;
        };
        let owner_at = std::mem::replace(&mut self.at, fields.end);
        self.left[section] -= 1;
        let rdata_at = fields.end - fields.rdata.len();
        Some(Record {
            section: SECTIONS[section],
            owner_at,
            rtype: fields.kind,
            class: fields.class,
            ttl: u32::from_be_bytes(fields.ttl),
            rdata_at,
            rdata: fields.rdata,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &[u8] = b"\xC0\x0C\0\x01\0\x02\x01\x02\x03\x04\0\x04\xC0\0\x02\x01";
    const EMPTY: &[u8] = b"\0\0\x0A\0\xFF\0\0\0\0\0\0";

    fn message(counts: [u16; 3], records: &[&[u8]]) -> Vec<u8> {
        let header = [1, 0x8000, 1, counts[0], counts[1], counts[2]].map(u16::to_be_bytes).concat();
        [&header[..], b"\x01a\0\0\x01\0\x01", &records.concat()].concat()
    }

    /// The sections and types of the records that are read, and whether these are all.
    fn check(counts: [u16; 3], records: &[&[u8]], expected: &[(Section, u16)], is_complete: bool) {
        let bytes = message(counts, records);
        let mut walk = Message::parse(&bytes).unwrap().records(19);
        let told: Vec<_> = walk.by_ref().map(|record| (record.section, record.rtype)).collect();
        assert_eq!((&told[..], walk.is_complete()), (expected, is_complete));
        assert_eq!(walk.next(), None, "once stopped, stopped");
    }

    #[test]
    fn a_record_has_all_its_fields() {
        let bytes = message([1, 1, 0], &[EMPTY, A]);
        let mut records = Message::parse(&bytes).unwrap().records(19);
        let (first, second) = (records.next().unwrap(), records.next().unwrap());
        assert_eq!((first.owner_at, first.rdata_at, first.rdata), (19, 30, &b""[..]));
        let (ttl, rdata) = (0x0102_0304, &b"\xC0\0\x02\x01"[..]);
        let section = Section::Authority;
        let expected = Record { section, owner_at: 30, rtype: 1, class: 2, ttl, rdata_at: 42, rdata };
        assert_eq!(second, expected);
        assert_eq!(second.owner(&bytes, &mut [0; 255]), Ok(&b"\x01a\0"[..]));
        assert_eq!((records.next(), records.is_complete(), records.at()), (None, true, bytes.len()));
    }

    #[test]
    fn records_are_in_their_sections() {
        use Section::{Additional, Answer, Authority};
        check([0; 3], &[], &[], true);
        check([0, 0, 1], &[A], &[(Additional, 1)], true);
        check([2, 0, 1], &[A, EMPTY, A], &[(Answer, 1), (Answer, 10), (Additional, 1)], true);
        check([1, 1, 1], &[A, EMPTY, A], &[(Answer, 1), (Authority, 10), (Additional, 1)], true);
        check([1, 0, 0], &[A, A], &[(Answer, 1)], true);
    }

    #[test]
    fn a_walk_ends_quietly_before_the_damage() {
        use Section::Answer;
        check([1, 0, 0], &[], &[], false);
        check([65535, 65535, 65535], &[A], &[(Answer, 1)], false);
        check([2, 0, 0], &[A, &A[..15]], &[(Answer, 1)], false);
        check([2, 0, 0], &[A, b"\x40", A], &[(Answer, 1)], false);
        check([2, 0, 0], &[A, b"\0\0\x01\0\x01\0\0\0\0\xFF\xFF", A], &[(Answer, 1)], false);
    }

    #[test]
    fn a_walk_may_start_anywhere() {
        let bytes = message([1, 1, 1], &[A, EMPTY, A]);
        for at in [0, 5, bytes.len() - 1, bytes.len(), bytes.len() + 1, usize::MAX / 2] {
            Message::parse(&bytes).unwrap().records(at).for_each(|record| assert!(record.rdata_at > at));
        }
    }

    #[test]
    fn an_owner_that_cannot_be_read_is_the_owners_trouble_only() {
        let bytes = message([2, 0, 0], &[b"\xC0\x13", &A[2..], A]);
        let mut records = Message::parse(&bytes).unwrap().records(19);
        assert_eq!(records.next().unwrap().owner(&bytes, &mut [0; 255]), Err(Malformed::Pointer));
        assert!(records.next().unwrap().owner(&bytes, &mut [0; 255]).is_ok());
    }
}
