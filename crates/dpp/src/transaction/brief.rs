//! What a summary wants of the two messages of a transaction: 24 bytes beside the event ([`Brief`]), where a [`Facts`] and its
//! [`Side`]s are more than ten times that.
//!
//! The decoder writes what the message itself says; when a response answers a query, its half is copied into the query's. Who
//! needs sides as well has no briefs: what one would say is told from the facts then.

use super::{Edns, Facts, Lacks, Side};

/// What is known of a query and its answer; of a response that nobody asked for, only its own half.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Brief {
    length: u32,
    answer_length: u32,
    retries: u32,
    lacks: Lacks,
    flags: u16,
    answer_flags: u16,
    udp_size: u16,
    version: u8,
    has: u8,
}

/// It is known at all.
const IS_THERE: u8 = 1;
/// The message has an OPT record.
const EDNS: u8 = 2;
/// In which DO is set.
const DO: u8 = 4;
/// There is an answer.
const ANSWERED: u8 = 8;
/// The answer has an OPT record.
const ANSWER_EDNS: u8 = 16;
/// What is not known of the answer.
const ANSWER_LACKS_LENGTH: u8 = 32;
const ANSWER_LACKS_FLAGS: u8 = 64;
const ANSWER_LACKS_RCODE: u8 = 128;

/// DO among the flags of an OPT record (RFC 3225).
const FLAG_DO: u16 = 0x8000;

impl Brief {
    /// What a message says.
    #[inline]
    pub(crate) fn new(length: u32, flags: u16, edns: Option<Edns>, lacks: Lacks) -> Brief {
        let edns_bits = match edns {
            Some(edns) if edns.flags & FLAG_DO != 0 => EDNS | DO,
            Some(_) => EDNS,
            None => 0,
        };
        let Edns { udp_size, version, .. } = edns.unwrap_or_default();
        Brief { length, flags, udp_size, version, lacks, has: IS_THERE | edns_bits, ..Brief::default() }
    }

    /// The same of facts.
    pub(super) fn of(facts: &Facts, answer: Option<&Side>) -> Brief {
        let side = |side: &Side| Brief::new(side.length, side.flags, side.edns, side.lacks);
        let mut brief = side(&facts.own);
        brief.retries = facts.retries;
        if let Some(answer) = answer {
            brief.answer(&side(answer));
        }
        brief
    }

    /// All of it but lengths, repetitions and what is lacking, as one number.
    #[inline]
    pub fn word(&self) -> u64 {
        u64::from(self.flags)
            | u64::from(self.answer_flags) << 16
            | u64::from(self.udp_size) << 32
            | u64::from(self.version) << 48
            | u64::from(self.has) << 56
    }

    /// What such a number says, where this is lacking.
    pub fn of_word(word: u64, lacks: Lacks) -> Brief {
        let [flags, answer_flags, udp_size] = [0, 16, 32].map(|place| (word >> place) as u16);
        let [version, has] = [48, 56].map(|place| (word >> place) as u8);
        Brief { flags, answer_flags, udp_size, version, has, lacks, ..Brief::default() }
    }

    /// Whether anything is known.
    #[inline]
    pub fn is_there(&self) -> bool {
        self.has & IS_THERE != 0
    }

    /// The query was repeated once more.
    pub(super) fn repeated(&mut self) {
        self.retries += 1;
    }

    /// The first response has come that answers the query.
    #[inline]
    pub(super) fn answer(&mut self, response: &Brief) {
        let lacks = [
            (Lacks::LENGTH, ANSWER_LACKS_LENGTH),
            (Lacks::FLAGS, ANSWER_LACKS_FLAGS),
            (Lacks::RCODE, ANSWER_LACKS_RCODE),
        ];
        self.has |= ANSWERED | if response.has & EDNS != 0 { ANSWER_EDNS } else { 0 };
        if response.lacks != Lacks::default() {
            self.has |=
                lacks.iter().filter(|row| response.lacks.has(row.0)).fold(0, |bits, row| bits | row.1);
        }
        (self.answer_length, self.answer_flags) = (response.length, response.flags);
    }

    /// Whether all is known that a packet tells.
    #[inline]
    pub fn is_whole(&self) -> bool {
        let lacking = ANSWER_LACKS_LENGTH | ANSWER_LACKS_FLAGS | ANSWER_LACKS_RCODE;
        self.lacks == Lacks::default() && self.has & (IS_THERE | lacking) == IS_THERE
    }

    /// What is not known of the query, and of the code of its answer.
    #[inline]
    pub fn lacks(&self) -> Lacks {
        let mut lacks = self.lacks;
        lacks.set(Lacks::RCODE, self.has & ANSWER_LACKS_RCODE != 0);
        lacks
    }

    /// How often the query was repeated.
    #[inline]
    pub fn retries(&self) -> u32 {
        self.retries
    }

    /// The length of the query, bytes.
    #[inline]
    pub fn length(&self) -> Option<u32> {
        (self.is_there() && !self.lacks.has(Lacks::LENGTH)).then_some(self.length)
    }

    /// The second word of the query's header, with zeros for what is not known.
    #[inline]
    pub fn flags(&self) -> u16 {
        self.flags
    }

    /// What the OPT record of the query says; of its flags only DO.
    #[inline]
    pub fn edns(&self) -> Option<Edns> {
        let flags = if self.has & DO != 0 { FLAG_DO } else { 0 };
        let edns = Edns { udp_size: self.udp_size, version: self.version, flags };
        (self.has & EDNS != 0).then_some(edns)
    }

    /// Whether there is an answer of which anything is known.
    #[inline]
    pub fn is_answered(&self) -> bool {
        self.has & ANSWERED != 0
    }

    /// The length of the answer, bytes.
    #[inline]
    pub fn answer_length(&self) -> Option<u32> {
        (self.has & (ANSWERED | ANSWER_LACKS_LENGTH) == ANSWERED).then_some(self.answer_length)
    }

    /// The second word of the answer's header, if it is known.
    #[inline]
    pub fn answer_flags(&self) -> Option<u16> {
        (self.has & (ANSWERED | ANSWER_LACKS_FLAGS) == ANSWERED).then_some(self.answer_flags)
    }

    /// Whether the answer has an OPT record.
    #[inline]
    pub fn answer_has_edns(&self) -> bool {
        self.has & ANSWER_EDNS != 0
    }
}
