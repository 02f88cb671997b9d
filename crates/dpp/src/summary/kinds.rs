//! What of a transaction comes from few values, as one number ([`Kind`]); and how many there were of each ([`Kinds`]).
//!
//! A query adds to some twenty counters: of its type, its flags, its response code, over time and so on. Most queries are like
//! one that came shortly before in all of that. So they are counted by kind first, which is one addition, and the counters get
//! them together. The surprising fact: nobody waits for it. Kinds live as long as a chunk is counted, and those of another span
//! of time go to the counters before.

use super::{ANSWERED, ASKED, Counted, Summary, Timed, bit};
use crate::tallies::fold;
use crate::transaction::{Brief, Fields, Lacks, Transport};
use std::ops::Range;

/// What a brief says but for lengths; what the query asks for, its transport, how it ended; and what is lacking.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Kind {
    says: u64,
    asks: u64,
    lacks: Lacks,
}

/// Where the numbers of `asks` stand: QTYPE, QCLASS, the response code, the transport, and behind them single bits.
const TYPE: u32 = 0;
const CLASS: u32 = 16;
const CODE: u32 = 32;
const TRANSPORT: u32 = 48;
const BITS: u32 = 56;

/// The two lowest say how the query ended.
const OUTCOME: u8 = 3;
const IS_IPV6: u8 = 4;
const HAS_QUESTION: u8 = 8;
const HAS_CODE: u8 = 16;
const IS_RETRIED: u8 = 32;

/// How a query may end.
const OUTCOMES: [(Counted, Option<Timed>); 3] = [
    (Counted::Answered, Some(Timed::Answered)),
    (Counted::Unanswered, Some(Timed::Unanswered)),
    (Counted::Unpaired, None),
];

/// Flags of a header, and the bits that stand for them.
const ASKED_FLAGS: [(u16, u16); 3] = [
    (0x0100, bit(&ASKED, Counted::Rd)),
    (0x0010, bit(&ASKED, Counted::Cd)),
    (0x0020, bit(&ASKED, Counted::Ad)),
];
const ANSWERED_FLAGS: [(u16, u16); 4] = [
    (0x0400, bit(&ANSWERED, Counted::Aa)),
    (0x0200, bit(&ANSWERED, Counted::Tc)),
    (0x0080, bit(&ANSWERED, Counted::Ra)),
    (0x0020, bit(&ANSWERED, Counted::AnsweredAd)),
];

/// The bits of what is set in the header of a message.
fn set_in(flags: u16, bits: &[(u16, u16)]) -> u16 {
    bits.iter().fold(0, |set, &(flag, bit)| set | if flags & flag != 0 { bit } else { 0 })
}

/// A bit that stands for something, if that is so.
#[inline(always)]
fn bit_if(is_so: bool, bit: u8) -> u8 {
    if is_so { bit } else { 0 }
}

impl Kind {
    /// The kind of a query that ended so.
    #[inline(always)]
    pub(super) fn of(key: &Fields, brief: &Brief, lacks: Lacks, outcome: Counted, code: Option<u16>) -> Kind {
        let outcome = match outcome {
            Counted::Answered => 0,
            Counted::Unanswered => 1,
            _ => 2,
        };
        let bits = outcome
            | bit_if(key.is_ipv6, IS_IPV6)
            | bit_if(!key.name.is_empty(), HAS_QUESTION)
            | bit_if(code.is_some(), HAS_CODE)
            | bit_if(brief.retries() > 0, IS_RETRIED);
        let asks = u64::from(key.qtype) << TYPE
            | u64::from(key.qclass) << CLASS
            | u64::from(code.unwrap_or_default()) << CODE
            | u64::from(key.transport) << TRANSPORT
            | u64::from(bits) << BITS;
        Kind { says: brief.word(), asks, lacks }
    }

    fn number(self, place: u32) -> u16 {
        (self.asks >> place) as u16
    }

    fn transport(self) -> u8 {
        (self.asks >> TRANSPORT) as u8
    }

    fn bits(self) -> u8 {
        (self.asks >> BITS) as u8
    }

    fn has(self, bit: u8) -> bool {
        self.bits() & bit != 0
    }

    fn code(self) -> Option<u16> {
        self.has(HAS_CODE).then_some(self.number(CODE))
    }

    fn outcome(self) -> (Counted, Option<Timed>) {
        OUTCOMES[usize::from(self.bits() & OUTCOME)]
    }

    /// What was set in the query.
    fn asked_with(self, brief: &Brief) -> u16 {
        let version = match self.has(IS_IPV6) {
            _ if self.lacks.has(Lacks::CLIENT.and(Lacks::SERVER)) => 0,
            true => bit(&ASKED, Counted::Ipv6),
            false => bit(&ASKED, Counted::Ipv4),
        };
        let retried = if self.has(IS_RETRIED) { bit(&ASKED, Counted::Retried) } else { 0 };
        let flags = if self.lacks.has(Lacks::FLAGS) { 0 } else { set_in(brief.flags(), &ASKED_FLAGS) };
        let edns = brief.edns().map_or(0, |edns| match edns.flags {
            0 => bit(&ASKED, Counted::Edns),
            _ => bit(&ASKED, Counted::Edns) | bit(&ASKED, Counted::Do),
        });
        version | retried | flags | edns
    }

    /// What it counts as over time.
    fn timed(self) -> impl Iterator<Item = Timed> {
        let code = self.code().map(|code| match code {
            super::NOERROR => Timed::NoError,
            super::NXDOMAIN => Timed::NxDomain,
            super::SERVFAIL => Timed::ServFail,
            super::REFUSED => Timed::Refused,
            _ => Timed::OtherCode,
        });
        let qtype = match self.number(TYPE) {
            1 => Timed::TypeA,
            2 => Timed::TypeNs,
            12 => Timed::TypePtr,
            15 => Timed::TypeMx,
            16 => Timed::TypeTxt,
            28 => Timed::TypeAaaa,
            43 => Timed::TypeDs,
            48 => Timed::TypeDnskey,
            65 => Timed::TypeHttps,
            _ => Timed::OtherType,
        };
        let transport = match self.transport() {
            UDP => Timed::Udp,
            TCP => Timed::Tcp,
            _ => Timed::OtherTransport,
        };
        let always = [Timed::Queries, qtype, transport].into_iter();
        always.chain(self.outcome().1).chain(code)
    }

    #[inline]
    fn place(self) -> usize {
        // What lacks anything is rare, and may crowd.
        let hash = fold(self.says ^ 0x243F_6A88_85A3_08D3, self.asks ^ 0x1319_8A2E_0370_7344);
        hash as usize % PLACES
    }
}

const UDP: u8 = Transport::Udp as u8;
const TCP: u8 = Transport::Tcp as u8;

/// What was set in the answer.
fn answered_with(brief: &Brief) -> u16 {
    let edns = if brief.answer_has_edns() { bit(&ANSWERED, Counted::AnsweredEdns) } else { 0 };
    brief.answer_flags().map_or(0, |flags| set_in(flags, &ANSWERED_FLAGS)) | edns
}

/// More kinds than most chunks have.
const PLACES: usize = 512;

/// How many there were of each kind. Each kind has two places, by its hash; if others are in both, one of these goes to the
/// counters.
#[derive(Debug)]
pub(super) struct Kinds {
    places: [(Kind, u64); PLACES],
    /// Which of them are not empty: a bit for each.
    used: [u64; PLACES / 64],
    /// The span of time in which all of them are, if they have one.
    span_ns: Range<i64>,
}

impl Default for Kinds {
    fn default() -> Self {
        Kinds { places: [(Kind::default(), 0); PLACES], used: [0; PLACES / 64], span_ns: 0..0 }
    }
}

impl Kinds {
    /// Counts one more of this kind. Gives what has to leave its place for it.
    #[inline(always)]
    fn add(&mut self, kind: Kind) -> Option<(Kind, u64)> {
        let place = kind.place();
        for place in [place, place ^ 1] {
            let (mine, count) = &mut self.places[place];
            if *mine == kind {
                *count += 1;
                self.used[place / 64] |= 1 << (place % 64);
                return None;
            }
        }
        self.add_new(place, kind)
    }

    #[cold]
    fn add_new(&mut self, place: usize, kind: Kind) -> Option<(Kind, u64)> {
        let place = if self.places[place].1 > 0 { place ^ 1 } else { place };
        let before = std::mem::replace(&mut self.places[place], (kind, 1));
        self.used[place / 64] |= 1 << (place % 64);
        Some(before).filter(|before| before.1 > 0)
    }

    /// All of them, of which there are none then.
    fn take(&mut self) -> impl Iterator<Item = (Kind, u64)> {
        let Kinds { places, used, .. } = self;
        used.iter_mut().zip(places.as_chunks_mut::<64>().0).flat_map(|(used, places)| {
            let mut left = std::mem::take(used);
            std::iter::from_fn(move || {
                let place = left.trailing_zeros() as usize;
                left &= left.wrapping_sub(1);
                let (kind, count) = places.get_mut(place)?;
                Some((*kind, std::mem::take(count)))
            })
        })
    }
}

impl Summary {
    /// Counts one of this kind, and when that was.
    #[inline(always)]
    pub(super) fn count_kind(&mut self, kinds: &mut Kinds, kind: Kind, ns: i64) {
        if !kind.lacks.has(Lacks::TIME) && !kinds.span_ns.contains(&ns) {
            self.begin_span(kinds, ns);
        }
        if let Some(others) = kinds.add(kind) {
            self.add_kind(others, kinds.span_ns.start);
        }
    }

    /// The next are of the span that has this time.
    #[cold]
    fn begin_span(&mut self, kinds: &mut Kinds, ns: i64) {
        self.add_kinds(kinds);
        kinds.span_ns = self.times.span(ns);
    }

    /// Adds all kinds to the counters.
    pub(super) fn add_kinds(&mut self, kinds: &mut Kinds) {
        let start_ns = kinds.span_ns.start;
        kinds.take().for_each(|kind| self.add_kind(kind, start_ns));
    }

    /// Adds so many of a kind to the counters, in the span of time that begins there.
    fn add_kind(&mut self, (kind, n): (Kind, u64), start_ns: i64) {
        self.count(Counted::Queries, n);
        self.count(kind.outcome().0, n);
        let brief = Brief::of_word(kind.says, kind.lacks);
        let knows = |what| !kind.lacks.has(what);
        let asks = |what| kind.has(HAS_QUESTION) && knows(what);
        let (edns, code) = (brief.edns(), kind.code());
        let version = edns.map_or(0, |edns| edns.version.into());
        let size = edns.map_or(0, |edns| edns.udp_size);
        let opcode = brief.flags() >> 11 & 15;
        let numbers = [
            (true, &mut self.asked, kind.asked_with(&brief)),
            (brief.is_answered(), &mut self.answered, answered_with(&brief)),
            (asks(Lacks::TYPE), &mut self.types, kind.number(TYPE)),
            (asks(Lacks::CLASS), &mut self.classes, kind.number(CLASS)),
            (code.is_some(), &mut self.rcodes, kind.number(CODE)),
            (knows(Lacks::TRANSPORT), &mut self.transports, kind.transport().into()),
            (brief.is_there() && knows(Lacks::OPCODE), &mut self.opcodes, opcode),
            (edns.is_some(), &mut self.edns_versions, version),
            (edns.is_some(), &mut self.edns_sizes, size),
        ];
        numbers.into_iter().filter(|row| row.0).for_each(|(_, counts, number)| counts.add_many(number, n));
        if knows(Lacks::TIME) {
            self.times.add(start_ns, |counters| {
                for what in kind.timed() {
                    counters[what as usize] = counters[what as usize].saturating_add(n);
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many of so many kinds, in so many seconds, with and without a time.
    fn check(count: u64, kinds: u64, seconds: u64) {
        let (mut together, mut singly) = (Summary::new(0), Summary::new(0));
        let mut gathered = Kinds::default();
        for number in 0..count {
            let drawn = crate::tallies::finished(number);
            let (says, asks) = (crate::tallies::finished(drawn % kinds), drawn % kinds * 0x0001_0001_0001);
            let bits = (drawn % kinds % 3) | u64::from(HAS_QUESTION) | u64::from(HAS_CODE);
            let lacks = if drawn % kinds % 5 == 4 { Lacks::TIME } else { Lacks::default() };
            let kind = Kind { says, asks: asks & 0xFFFF_FFFF_FFFF | bits << BITS, lacks };
            let ns = (drawn >> 40) as i64 % (seconds as i64 * 1_000_000_000);
            together.count_kind(&mut gathered, kind, ns);
            singly.add_kind((kind, 1), ns);
        }
        together.add_kinds(&mut gathered);
        assert_eq!(together, singly, "{count} of {kinds} kinds in {seconds} s");
        assert_eq!(together.counted(Counted::Queries), count);
        let before = together.clone();
        together.add_kinds(&mut gathered);
        assert_eq!(together, before, "none are left behind");
    }

    #[test]
    fn together_they_count_as_one_by_one() {
        for (count, kinds, seconds) in
            [(0, 1, 1), (1, 1, 1), (1000, 1, 1), (1000, 7, 1), (5000, 400, 1), (5000, 3000, 1), (3000, 40, 3)]
        {
            check(count, kinds, seconds);
        }
    }
}
