//! What of a transaction comes from few values, as one number ([`Kind`]); and how many there were of each ([`Kinds`]).
//!
//! A query adds to some twenty counters: of its type, its flags, its response code, over time and so on. Most queries are like
//! one that came shortly before in all of that. So they are counted by kind first, which is one addition, and the counters get
//! them together. The surprising fact: nobody waits for it. Kinds live as long as a chunk is counted, and those of another span
//! of time go to the counters before.

use super::{ANSWERED, ASKED, Counted, Summary, Timed, bit};
use crate::tallies::fold;
use crate::transaction::{Brief, Edns, Key, Lacks, Transport};
use std::ops::Range;

/// Type, class, response code and size of datagrams; and all else in single bits and bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Kind {
    numbers: u64,
    bits: u64,
}

/// Where the numbers stand.
const TYPE: u32 = 0;
const CLASS: u32 = 16;
const CODE: u32 = 32;
const EDNS_SIZE: u32 = 48;

/// Where what has several bits stands: what was set in the query and in its answer, the outcome, the opcode, the transport, the
/// version of EDNS.
const ASKED_WITH: u32 = 0;
const ANSWERED_WITH: u32 = 8;
const OUTCOME: u32 = 13;
const OPCODE: u32 = 16;
const TRANSPORT: u32 = 24;
const VERSION: u32 = 32;

/// What is known.
const HAS_TYPE: u64 = 1 << 40;
const HAS_CLASS: u64 = 1 << 41;
const HAS_CODE: u64 = 1 << 42;
const HAS_OPCODE: u64 = 1 << 43;
const HAS_TRANSPORT: u64 = 1 << 44;
const HAS_TIME: u64 = 1 << 45;
const HAS_ANSWER: u64 = 1 << 46;

const _: () = assert!(ASKED.len() <= 8 && ANSWERED.len() <= 5 && OUTCOMES.len() <= 4);

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
#[inline(always)]
fn set_in(flags: u16, bits: &[(u16, u16)]) -> u16 {
    bits.iter().fold(0, |set, &(flag, bit)| set | if flags & flag != 0 { bit } else { 0 })
}

/// A bit that stands for something, if that is so.
#[inline(always)]
fn bit_if(is_so: bool, bit: u64) -> u64 {
    if is_so { bit } else { 0 }
}

impl Kind {
    /// The kind of a query that ended so.
    #[inline(always)]
    pub(super) fn of(key: &Key, brief: &Brief, lacks: Lacks, outcome: Counted, code: Option<u16>) -> Kind {
        let (qtype, qclass, edns) = (key.qtype(), key.qclass(), brief.edns());
        let has_question = !key.name().is_empty();
        let edns_size = edns.map_or(0, |edns| edns.udp_size);
        let numbers = u64::from(qtype) << TYPE
            | u64::from(qclass) << CLASS
            | u64::from(code.unwrap_or_default()) << CODE
            | u64::from(edns_size) << EDNS_SIZE;
        let opcode = brief.flags() >> 11 & 15;
        let version = edns.map_or(0, |edns| edns.version);
        let outcome = match outcome {
            Counted::Answered => 0,
            Counted::Unanswered => 1,
            _ => 2,
        };
        let bits = u64::from(asked_with(key, brief, edns, lacks)) << ASKED_WITH
            | u64::from(answered_with(brief)) << ANSWERED_WITH
            | outcome << OUTCOME
            | u64::from(opcode) << OPCODE
            | (key.transport() as u64) << TRANSPORT
            | u64::from(version) << VERSION
            | bit_if(has_question && !lacks.has(Lacks::TYPE), HAS_TYPE)
            | bit_if(has_question && !lacks.has(Lacks::CLASS), HAS_CLASS)
            | bit_if(code.is_some(), HAS_CODE)
            | bit_if(brief.is_there() && !lacks.has(Lacks::OPCODE), HAS_OPCODE)
            | bit_if(!lacks.has(Lacks::TRANSPORT), HAS_TRANSPORT)
            | bit_if(!lacks.has(Lacks::TIME), HAS_TIME)
            | bit_if(brief.is_answered(), HAS_ANSWER);
        Kind { numbers, bits }
    }

    fn number(self, place: u32) -> u16 {
        (self.numbers >> place) as u16
    }

    fn byte(self, place: u32) -> u8 {
        (self.bits >> place) as u8
    }

    fn has(self, bit: u64) -> bool {
        self.bits & bit != 0
    }

    /// What it counts as over time.
    fn timed(self) -> impl Iterator<Item = Timed> {
        let code = self.has(HAS_CODE).then(|| match self.number(CODE) {
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
        let transport = match self.byte(TRANSPORT) {
            UDP => Timed::Udp,
            TCP => Timed::Tcp,
            _ => Timed::OtherTransport,
        };
        let always = [Timed::Queries, qtype, transport].into_iter();
        always.chain(self.outcome().1).chain(code)
    }

    fn outcome(self) -> (Counted, Option<Timed>) {
        OUTCOMES[usize::from(self.byte(OUTCOME) & 3)]
    }

    #[inline]
    fn place(self) -> usize {
        let hash = fold(self.numbers ^ 0x243F_6A88_85A3_08D3, self.bits ^ 0x1319_8A2E_0370_7344);
        hash as usize % PLACES
    }
}

const UDP: u8 = Transport::Udp as u8;
const TCP: u8 = Transport::Tcp as u8;

#[inline(always)]
fn asked_with(key: &Key, brief: &Brief, edns: Option<Edns>, lacks: Lacks) -> u16 {
    let version = match key.client().is_ipv6() {
        _ if lacks.has(Lacks::CLIENT.and(Lacks::SERVER)) => 0,
        true => const { bit(&ASKED, Counted::Ipv6) },
        false => const { bit(&ASKED, Counted::Ipv4) },
    };
    let retried = if brief.retries() > 0 { const { bit(&ASKED, Counted::Retried) } } else { 0 };
    let flags = if lacks.has(Lacks::FLAGS) { 0 } else { set_in(brief.flags(), &ASKED_FLAGS) };
    let edns = edns.map_or(0, |edns| match edns.flags {
        0 => const { bit(&ASKED, Counted::Edns) },
        _ => const { bit(&ASKED, Counted::Edns) | bit(&ASKED, Counted::Do) },
    });
    version | retried | flags | edns
}

#[inline(always)]
fn answered_with(brief: &Brief) -> u16 {
    let edns = if brief.answer_has_edns() { const { bit(&ANSWERED, Counted::AnsweredEdns) } } else { 0 };
    brief.answer_flags().map_or(0, |flags| set_in(flags, &ANSWERED_FLAGS)) | edns
}

/// More kinds than most chunks have.
const PLACES: usize = 256;

/// How many there were of each kind. Each kind has two places, by its hash; if others are in both, one of these goes to the
/// counters.
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
        if kind.has(HAS_TIME) && !kinds.span_ns.contains(&ns) {
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
        let brief = kind.has(HAS_OPCODE);
        let with_edns = kind.byte(ASKED_WITH) & const { bit(&ASKED, Counted::Edns) as u8 } != 0;
        let numbers = [
            (true, &mut self.asked, kind.byte(ASKED_WITH).into()),
            (kind.has(HAS_ANSWER), &mut self.answered, u16::from(kind.byte(ANSWERED_WITH) & 31)),
            (kind.has(HAS_TYPE), &mut self.types, kind.number(TYPE)),
            (kind.has(HAS_CLASS), &mut self.classes, kind.number(CLASS)),
            (kind.has(HAS_CODE), &mut self.rcodes, kind.number(CODE)),
            (kind.has(HAS_TRANSPORT), &mut self.transports, kind.byte(TRANSPORT).into()),
            (brief, &mut self.opcodes, u16::from(kind.byte(OPCODE) & 15)),
            (with_edns, &mut self.edns_versions, kind.byte(VERSION).into()),
            (with_edns, &mut self.edns_sizes, kind.number(EDNS_SIZE)),
        ];
        numbers.into_iter().filter(|row| row.0).for_each(|(_, counts, number)| counts.add_many(number, n));
        if kind.has(HAS_TIME) {
            self.times.add(start_ns, |counters| {
                kind.timed().for_each(|what| counters[what as usize] = counters[what as usize].saturating_add(n));
            });
        }
    }
}
