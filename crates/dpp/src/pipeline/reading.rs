//! Reading a message: what it asks or answers, and the events that makes.
//!
//! The same for a datagram, for one put together from fragments and for a message from a TCP stream; they differ in where
//! their events go ([`Events`]).

use super::counting::Counting;
use crate::dns::edns::Opt;
use crate::dns::{self, Malformed, ParseError, PartialQuestion, Question, Survey};
use crate::filter::Early;
use crate::limits;
use crate::packet::{Datagram, Flow, Outer, Skip, Walk};
use crate::plan::{Plan, Ports};
use crate::stats::Totals;
use crate::tallies::rssac::Counted;
use crate::transaction::{
    Arrival, Brief, Edns, Facts, Kept, Lacks, Needs, Noted, Part, Role, Seldom, Side, Spot, State, Transport,
    Tuple,
};
use std::hash::{DefaultHasher, Hasher};

/// A message and how it came.
#[derive(Clone)]
pub(super) struct Arrived<'a, A> {
    pub(super) arrival: Arrival,
    /// What carried it, or would have if it had come in one.
    pub(super) datagram: Datagram<'a>,
    pub(super) transport: Transport,
    /// What else is known of it; asked only if somebody wants to know.
    pub(super) around: A,
}

/// What lay around a message.
pub(super) trait Around: Clone {
    /// VLANs and tunnels.
    fn outer(&self) -> Outer;

    /// What tells its packet from one that was sent again.
    fn identification(&self) -> u32 {
        0
    }

    /// How long the handshake of its connection took, ns.
    fn handshake_rtt_ns(&self) -> Option<i64> {
        None
    }

    /// The length of its IP packet and the checksum of its UDP header, if it came in one of each.
    fn envelope(&self, _payload: &[u8]) -> Option<(u32, u16)> {
        None
    }

    /// Whether it is a query that the frame of its response tells of.
    fn is_echo(&self) -> bool {
        false
    }

    /// As what the one who logged it took part in it.
    fn role(&self) -> Role {
        Role::default()
    }

    /// What the one who logged it left out.
    fn lacks(&self) -> Lacks {
        Lacks::default()
    }

    /// The frame it came in, if one who logs such wrote it.
    fn record(&self) -> &[u8] {
        &[]
    }
}

impl Around for Walk<'_> {
    fn outer(&self) -> Outer {
        Walk::outer(self)
    }

    fn identification(&self) -> u32 {
        Walk::identification(self).into()
    }

    fn envelope(&self, payload: &[u8]) -> Option<(u32, u16)> {
        Walk::envelope(self, payload)
    }
}

/// Where events go.
pub(super) trait Events {
    /// The part for the events of this tuple, whose hash is `hash`. What is appended to it next may become a row.
    fn part(&mut self, hash: u32, may_be_row: bool) -> &mut Part;
}

/// Where compressed names are written out. Cleared once a chunk, as clearing it for every message would show.
pub(super) type Scratch = [u8; dns::name::WIRE_MAX];

/// Reads messages as the plan wants them.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) plan: &'a Plan,
    pub(super) seed: u64,
    /// What is wanted beside events and keys.
    pub(super) needs: Needs,
    /// Whether that is a brief of each message.
    briefs: bool,
    /// Whether queries whose question cannot be read become rows.
    malformed: bool,
    /// The ports of multicast that are asked for: mDNS's and LLMNR's.
    multicast: [Option<u16>; 2],
    /// What decides at once which messages are left out.
    early: Option<Early<'a>>,
    /// Whether messages become events: there are rows, or copies to be found.
    rows: bool,
    /// What counts each message.
    pub(super) counting: Option<Counting<'a>>,
    /// Whether nothing is wanted but what every plan wants, and briefs, and to be counted at once.
    plain: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(plan: &'a Plan, seed: u64) -> Self {
        let asked = |port| plan.ports.ranges().iter().any(|range| range.contains(&port)).then_some(port);
        let counting = Counting::of(plan, seed);
        let rows = plan.rows || plan.duplicates_ns.is_some();
        // What is counted later must have an event that bears it.
        let malformed = plan.wants_malformed() || (counting.is_some() && plan.duplicates_ns.is_some());
        let needs = plan.needs();
        let multicast = [asked(Ports::MDNS), asked(Ports::LLMNR)];
        let is_common = multicast == [None; 2] && plan.duplicates_ns.is_none() && !plan.unasked;
        let early = plan.early();
        let briefs = needs.keeps_briefs();
        let is_plain = briefs || needs == Needs::NOTHING;
        let plain = is_plain && is_common && early.is_none() && rows;
        Reader { plan, seed, needs, briefs, malformed, multicast, early, rows, counting, plain }
    }

    /// A message becomes an event for each of its questions.
    #[inline(always)]
    pub(super) fn read<A: Around>(
        &self,
        arrived: &Arrived<A>,
        events: &mut impl Events,
        totals: &mut Totals,
        scratch: &mut Scratch,
    ) -> Result<(), Skip> {
        let Datagram { flow, payload, payload_length } = &arrived.datagram;
        let message = dns::Message::parse(payload).ok_or(Skip::DnsHeaderCut)?;
        let is_response = message.is_response();
        let tuple = Tuple::of(flow, arrived.transport, message.id(), is_response);
        // Nearly all messages have one question, which is all that nearly all plans want to know.
        if self.plain
            && message.question_count() == 1
            && let Ok((question, end)) = message.question(dns::Message::QUESTIONS, scratch)
        {
            let state = if is_response { State::Response } else { State::Query };
            let hash = tuple.hash(self.seed);
            let part = events.part(hash, !is_response);
            let rcode = match self.briefs {
                true => {
                    let (rcode, opt) = rcode_and_opt(&message, end, totals);
                    part.push(&arrived.arrival, state, rcode, (&tuple, hash), Some(&question));
                    part.describe_briefly(brief(&message, *payload_length as u32, opt, Lacks::default()));
                    rcode
                }
                false => {
                    let rcode = rcode(&message, end, totals);
                    part.push(&arrived.arrival, state, rcode, (&tuple, hash), Some(&question));
                    rcode
                }
            };
            if let Some(counting) = &self.counting {
                counting.known(arrived, (is_response, rcode, question.name), totals);
            }
            totals.message(payload.len(), *payload_length);
            return Ok(());
        }
        if !self.rows {
            self.count(arrived, message, totals, scratch);
            return Ok(());
        }
        // A copy for those that are looked at more closely: so the others need not lie in memory, only in registers.
        self.read_closely(&arrived.clone(), message, tuple, events, totals, scratch)
    }

    /// Reads a message that a server logged: nothing of it can be taken for granted.
    pub(super) fn read_logged<A: Around>(
        &self,
        arrived: &Arrived<A>,
        events: &mut impl Events,
        totals: &mut Totals,
        scratch: &mut Scratch,
    ) -> Result<(), Skip> {
        let Datagram { flow, payload, .. } = &arrived.datagram;
        let message = dns::Message::parse(payload).ok_or(Skip::DnsHeaderCut)?;
        if !self.rows {
            self.count(arrived, message, totals, scratch);
            return Ok(());
        }
        let tuple = Tuple::of(flow, arrived.transport, message.id(), message.is_response());
        self.read_closely(arrived, message, tuple, events, totals, scratch)
    }

    /// Counts a message of which nobody wants to know more. A query that the frame of its response tells of has, or should have,
    /// a frame of its own.
    #[inline(never)]
    fn count<A: Around>(
        &self,
        arrived: &Arrived<A>,
        message: dns::Message,
        totals: &mut Totals,
        scratch: &mut Scratch,
    ) {
        if arrived.around.is_echo() {
            return;
        }
        if let Some(counting) = self.counting {
            counting.message(arrived, message, totals, scratch);
        }
        totals.message(arrived.datagram.payload.len(), arrived.datagram.payload_length);
    }

    #[inline(never)]
    fn read_closely<A: Around>(
        &self,
        arrived: &Arrived<A>,
        message: dns::Message,
        tuple: Tuple,
        events: &mut impl Events,
        totals: &mut Totals,
        scratch: &mut Scratch,
    ) -> Result<(), Skip> {
        let counting = self.counting.filter(|_| !arrived.around.is_echo());
        let counted = match (counting, self.plan.duplicates_ns) {
            (Some(counting), Some(_)) => counting.later(arrived, message, totals, scratch),
            (Some(counting), None) => {
                counting.message(arrived, message, totals, scratch);
                None
            }
            (None, _) => None,
        };
        let tuple = tuple.with_role(arrived.around.role());
        let mut reading = Reading::new(self, arrived, message, tuple, events, totals);
        reading.counted = counted;
        match self.early {
            Some(early) if !early.passes(&reading.tuple, reading.lacks) => totals.messages_filtered += 1,
            _ => reading.read(scratch)?,
        }
        totals.message(arrived.datagram.payload.len(), arrived.datagram.payload_length);
        Ok(())
    }
}

/// How a query and its response find each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pairing {
    /// By the whole tuple.
    Tuple,
    /// By all of the tuple but the server's address: the query goes to a group, one of the group answers.
    AnyServer,
    /// Not at all: a group asks, and a group is told (RFC 6762 section 6).
    Nobody,
}

impl Pairing {
    /// What is on a port that nobody asked for is not read as multicast, though its other port may be one asked for.
    fn of<A>(arrived: &Arrived<A>, [mdns, llmnr]: [Option<u16>; 2]) -> Pairing {
        let Flow { source_port, destination_port, .. } = arrived.datagram.flow;
        let is = |port| (Some(source_port) == port, Some(destination_port) == port);
        match (arrived.transport, is(mdns), is(llmnr)) {
            (Transport::Udp, (true, true), _) => Pairing::Nobody,
            (Transport::Udp, (true, _) | (_, true), _) => Pairing::AnyServer,
            (Transport::Udp, _, (true, _) | (_, true)) => Pairing::AnyServer,
            _ => Pairing::Tuple,
        }
    }
}

/// Which bits of QCLASS are the class: of multicast DNS not the first, which says that an answer to the asker alone is welcome
/// (RFC 6762 section 5.4); of a record it says that what was told before is to be forgotten (section 10.2).
fn class_bits<A>(arrived: &Arrived<A>, [mdns, _]: [Option<u16>; 2]) -> u16 {
    let Flow { source_port, destination_port, .. } = arrived.datagram.flow;
    let is_mdns = [source_port, destination_port].map(Some).contains(&mdns);
    if is_mdns && arrived.transport == Transport::Udp { 0x7FFF } else { 0xFFFF }
}

/// What is kept of a message, for its [`Side`].
#[derive(Clone, Copy, Default)]
struct Preserved {
    kept: Kept,
    is_whole: bool,
    captured: u32,
    options: Option<(Spot, u16)>,
    noted: Noted,
    record: Kept,
}

/// A message that is being read.
struct Reading<'a, 'b, A, E> {
    reader: &'a Reader<'a>,
    arrived: &'a Arrived<'a, A>,
    message: dns::Message<'a>,
    tuple: Tuple<'a>,
    hash: u32,
    pairing: Pairing,
    /// Which bits of QCLASS are the class.
    class_bits: u16,
    /// What is wrong with the message, if a column wants to know.
    error: Option<ParseError>,
    /// What its records say, if that is known already.
    survey: Option<Survey>,
    /// What is not known of the message.
    lacks: Lacks,
    /// What is kept of its bytes and of those of its frame, once it is.
    kept: Option<Preserved>,
    /// What it counts as once its shard has seen that it was not captured before.
    counted: Option<Counted>,
    events: &'b mut E,
    totals: &'b mut Totals,
}

impl<'a, 'b, A: Around, E: Events> Reading<'a, 'b, A, E> {
    fn new(
        reader: &'a Reader<'a>,
        arrived: &'a Arrived<'a, A>,
        message: dns::Message<'a>,
        tuple: Tuple<'a>,
        events: &'b mut E,
        totals: &'b mut Totals,
    ) -> Self {
        let pairing = Pairing::of(arrived, reader.multicast);
        let class_bits = class_bits(arrived, reader.multicast);
        let tuple = if pairing == Pairing::AnyServer { tuple.of_any_server() } else { tuple };
        let stated_length = arrived.datagram.payload_length;
        let inspects = reader.needs.has(Needs::DAMAGE);
        let (error, survey) = if inspects { message.inspect_and_survey(stated_length) } else { (None, None) };
        let hash = tuple.hash(reader.seed);
        let mut lacks = arrived.around.lacks();
        lacks.set(Lacks::SERVER, pairing == Pairing::AnyServer);
        let kept = None;
        Reading {
            reader,
            arrived,
            message,
            tuple,
            hash,
            pairing,
            class_bits,
            error,
            survey,
            lacks,
            kept,
            counted: None,
            events,
            totals,
        }
    }

    fn read(&mut self, scratch: &mut Scratch) -> Result<(), Skip> {
        if let Some(error) = self.error {
            self.totals.parse_errors[error as usize] += 1;
        }
        match self.message.question_count() {
            1 => self.question(scratch),
            0 => self.without_question(),
            count => self.questions(count),
        }
    }

    fn question(&mut self, scratch: &mut Scratch) -> Result<(), Skip> {
        let message = self.message;
        match message.question(dns::Message::QUESTIONS, scratch) {
            Ok((question, end)) => {
                let survey = self.survey(end);
                let rcode = self.rcode(&survey);
                self.event(Some(&question), (rcode, Some(&survey)), 0);
                Ok(())
            }
            Err(malformed) => self.unreadable(malformed),
        }
    }

    /// What the records say behind the questions, which end there.
    #[inline]
    fn survey(&self, end: usize) -> Survey {
        match self.survey {
            Some(survey) => survey,
            // Nobody asks for anything but the response code, which needs additional records.
            None if self.message.counts()[3] == 0 && !self.reader.needs.has(Needs::NOTED) => {
                Survey::default()
            }
            None => self.message.survey(end),
        }
    }

    /// The complete response code, or that of the header if the records cannot be walked. Queries have the header's.
    #[inline]
    fn rcode(&mut self, survey: &Survey) -> u16 {
        if !self.message.is_response() {
            return self.message.header_rcode();
        }
        survey.response_code(&self.message).unwrap_or_else(|| {
            self.totals.records_unread += 1;
            self.message.header_rcode()
        })
    }

    /// A response without a question, or a query that asks nothing.
    #[cold]
    fn without_question(&mut self) -> Result<(), Skip> {
        if !self.message.is_response() && !self.reader.malformed {
            return Err(Skip::DnsQueryWithoutQuestion);
        }
        let survey = self.survey(dns::Message::QUESTIONS);
        let rcode = self.rcode(&survey);
        self.event(None, (rcode, Some(&survey)), 0);
        Ok(())
    }

    /// A message with several questions. Those that can be read count; a bad first one spoils the message.
    #[cold]
    fn questions(&mut self, count: u16) -> Result<(), Skip> {
        let most = match self.pairing {
            Pairing::Nobody => limits::MULTICAST_QUESTIONS_MAX,
            _ => limits::QUESTIONS_MAX,
        };
        let (readable, end) = match readable_questions(&self.message, count, most) {
            Ok(readable) => readable,
            Err(malformed) => return self.unreadable(malformed),
        };
        let survey = (readable == count).then(|| self.survey(end));
        let rcode = match &survey {
            Some(survey) => self.rcode(survey),
            None => self.message.header_rcode(),
        };
        let taken = readable.min(most);
        self.totals.questions_unread += u64::from(count - taken);
        let mut at = dns::Message::QUESTIONS;
        for ordinal in 0..taken {
            let mut scratch = [0; dns::name::WIRE_MAX];
            let message = self.message;
            let (question, next) = message.question(at, &mut scratch).expect("it was read before");
            self.event(Some(&question), (rcode, survey.as_ref()), ordinal);
            at = next;
        }
        Ok(())
    }

    /// A message whose first question cannot be read. A response answers the oldest query of its tuple, as if it had no
    /// question; a query is a row of what can be read, if such rows are wanted.
    #[cold]
    fn unreadable(&mut self, malformed: Malformed) -> Result<(), Skip> {
        let rcode = self.message.header_rcode();
        if self.message.is_response() {
            self.totals.questions_unread += 1;
            self.event(None, (rcode, None), 0);
            return Ok(());
        }
        if !self.reader.malformed {
            return Err(match malformed {
                Malformed::Cut => Skip::DnsQuestionCut,
                Malformed::Label | Malformed::Pointer => Skip::DnsQuestionMalformed,
                Malformed::NameTooLong => Skip::DnsNameTooLong,
            });
        }
        let (message, mut scratch) = (self.message, [0; dns::name::WIRE_MAX]);
        let PartialQuestion { name, qtype, qclass } =
            message.partial_question(dns::Message::QUESTIONS, &mut scratch);
        self.lacks.set(Lacks::TYPE, qtype.is_none());
        self.lacks.set(Lacks::CLASS, qclass.is_none());
        let (qtype, qclass) = (qtype.unwrap_or_default(), qclass.unwrap_or_default());
        self.event(Some(&Question { name, qtype, qclass }), (rcode, None), 0);
        Ok(())
    }

    /// Appends the event of a question, the `ordinal`-th of its message. The survey is what its records say, if it is known where
    /// they start.
    fn event(&mut self, question: Option<&Question>, (rcode, survey): (u16, Option<&Survey>), ordinal: u16) {
        let is_response = self.message.is_response();
        let state = match (is_response, question) {
            (false, _) if self.pairing == Pairing::Nobody => State::Unpaired,
            (true, _) if self.pairing == Pairing::Nobody => State::Announcement,
            (false, _) if self.arrived.around.is_echo() => State::Echo,
            (false, _) => State::Query,
            (true, Some(_)) => State::Response,
            (true, None) => State::BareResponse,
        };
        let asked = question.map(|asked| Question { qclass: asked.qclass & self.class_bits, ..*asked });
        let part = self.events.part(self.hash, !is_response || self.reader.plan.unasked);
        part.push(&self.arrived.arrival, state, rcode, (&self.tuple, self.hash), asked.as_ref());
        let mut lacks = self.lacks;
        lacks.set(Lacks::TYPE.and(Lacks::CLASS).and(Lacks::NAME), question.is_none());
        let opt = survey.and_then(|survey| survey.opt).map(|found| found.opt());
        if self.reader.briefs {
            let length = self.arrived.datagram.payload_length as u32;
            part.describe_briefly(brief(&self.message, length, opt, lacks));
        }
        if self.reader.needs.has(Needs::SIDES) || self.arrived.around.lacks() != Lacks::default() {
            let preserved = *self
                .kept
                .get_or_insert_with(|| self.arrived.keep(&self.message, self.reader.needs, survey, part));
            let handshake_rtt_ns = self.arrived.around.handshake_rtt_ns();
            let (mut own, outer) = self.arrived.side(&self.message);
            (own.question, own.rcode, own.lacks, own.error) = (ordinal, rcode, lacks, self.error);
            match preserved.is_whole {
                true => own.keep_whole(preserved.kept),
                false => own.keep(preserved.kept),
            }
            (own.captured, own.options) = (preserved.captured, preserved.options);
            own.note(preserved.noted);
            own.edns = opt.map(Edns::from);
            let truncated_at = self.arrived.truncated_at();
            if truncated_at.is_some() || preserved.record.length > 0 || !outer.is_plain() {
                part.add_seldom(&mut own, &Seldom { outer, truncated_at, record: preserved.record });
            }
            part.describe(Facts::of(own, handshake_rtt_ns), None);
        }
        if self.reader.plan.duplicates_ns.is_some() {
            part.digest(self.arrived.digest(self.reader.seed, ordinal), self.counted.take());
        }
    }
}

impl<A: Around> Arrived<'_, A> {
    /// Keeps what is needed of the message's bytes, and of its frame's, and notes what is in them.
    fn keep(
        &self,
        message: &dns::Message,
        needs: Needs,
        survey: Option<&Survey>,
        part: &mut Part,
    ) -> Preserved {
        let payload = self.datagram.payload;
        let record = if needs.has(Needs::FRAME) { part.keep(self.around.record()) } else { Kept::default() };
        let mut preserved = Preserved { record, ..Preserved::default() };
        let opt = survey.and_then(|survey| survey.opt);
        let (whole, options, reads) = match message.is_response() {
            true => (Needs::RESPONSE, Needs::RESPONSE_OPTIONS, needs.reads_responses()),
            false => (Needs::QUERY, Needs::QUERY_OPTIONS, needs.reads_queries()),
        };
        // A message of no length was made up, of what the one that answers it says.
        let is_there = !self.around.lacks().has(Lacks::LENGTH);
        let notes = needs.has(Needs::NOTED) && message.is_response() && is_there;
        // Of questions that cannot be read it may still be known where they end.
        let behind = || message.survey_behind_questions();
        let noted = if notes { survey.copied().or_else(behind) } else { None };
        preserved.captured = if reads && is_there { payload.len() as u32 } else { 0 };
        if needs.has(whole) && is_there {
            (preserved.kept, preserved.is_whole) = (part.keep(payload), true);
            preserved.options = opt
                .and_then(|opt| Spot::with_length((opt.rdata_at() as u32, opt.rdata(payload).len() as u16)));
            preserved.noted = noted.map_or_else(Noted::default, |survey| Noted::of_whole(message, &survey));
            return preserved;
        }
        let start = part.kept.len();
        if needs.has(options)
            && is_there
            && let Some(opt) = opt
        {
            let options = opt.rdata(payload);
            preserved.options = Spot::with_length((0, options.len() as u16));
            part.kept.extend_from_slice(options);
        }
        if let Some(survey) = noted {
            preserved.noted = Noted::keep(message, &survey, start, &mut part.kept);
        }
        preserved.kept = Kept { start, length: (part.kept.len() - start) as u32 };
        preserved
    }

    /// What columns may want to know of the message, but for what takes reading it; and what lay around it.
    #[inline]
    fn side(&self, message: &dns::Message) -> (Side, Outer) {
        let Datagram { payload, payload_length, .. } = self.datagram;
        let outer = self.around.outer();
        let mut side = Side {
            hop_limit: outer.hop_limit,
            length: payload_length as u32,
            flags: message.flags(),
            counts: message.counts(),
            ..Side::default()
        };
        if let Some((ip_length, checksum)) = self.around.envelope(payload) {
            side.ip_length = ip_length;
            side.set_udp_checksum(checksum);
        }
        (side, outer)
    }

    /// Where in the message the captured bytes end, if that is before its end.
    fn truncated_at(&self) -> Option<u32> {
        let Datagram { payload, payload_length, .. } = self.datagram;
        (payload.len() < payload_length).then_some(payload.len() as u32)
    }

    /// A digest of all that two copies of a message have in common. TCP tells copies by sequence numbers; 0 is for them.
    #[cold]
    fn digest(&self, seed: u64, ordinal: u16) -> u128 {
        if self.transport == Transport::Tcp {
            return 0;
        }
        let half = |number: u64| {
            let mut hasher = DefaultHasher::new();
            hasher.write_u64(seed ^ number);
            hasher.write_u16(ordinal);
            hasher.write_u32(self.around.identification());
            std::hash::Hash::hash(&self.datagram.flow, &mut hasher);
            hasher.write(self.datagram.payload);
            u128::from(hasher.finish())
        };
        (half(0) << 64 | half(1)).max(1)
    }
}

/// The complete response code, or that of the header if the records cannot be walked. Queries have the header's.
#[inline(always)]
fn rcode(message: &dns::Message, questions_end: usize, totals: &mut Totals) -> u16 {
    if !message.is_response() {
        return message.header_rcode();
    }
    message.response_code(questions_end).unwrap_or_else(|_| {
        totals.records_unread += 1;
        message.header_rcode()
    })
}

/// The same, and the OPT record, which the walk comes by.
#[inline(always)]
fn rcode_and_opt<'a>(
    message: &dns::Message<'a>,
    questions_end: usize,
    totals: &mut Totals,
) -> (u16, Option<Opt<'a>>) {
    if !message.has_additional() {
        return (message.header_rcode(), None);
    }
    let (rcode, opt) = message.response_code_and_opt(questions_end);
    let header_rcode = message.header_rcode();
    if !message.is_response() {
        return (header_rcode, opt);
    }
    totals.records_unread += u64::from(rcode.is_err());
    (rcode.unwrap_or(header_rcode), opt)
}

/// What a summary wants to know of a message.
#[inline(always)]
fn brief(message: &dns::Message, length: u32, opt: Option<Opt>, lacks: Lacks) -> Brief {
    Brief::new(length, message.flags(), opt.map(Edns::from), lacks)
}

/// How many of `count` questions can be read, and where they end. The first must be readable. Those that will not be used
/// are stepped over, not read: there may be thousands, each with a name that is dear to follow.
fn readable_questions(message: &dns::Message, count: u16, most: u16) -> Result<(u16, usize), Malformed> {
    let mut scratch = [0; dns::name::WIRE_MAX];
    let (_, mut at) = message.question(dns::Message::QUESTIONS, &mut scratch)?;
    let mut readable = 1;
    while readable < count {
        let next = match readable < most {
            true => message.question(at, &mut scratch).map(|(_, next)| next),
            false => message.skip_question(at),
        };
        let Ok(next) = next else { break };
        (at, readable) = (next, readable + 1);
    }
    Ok((readable, at))
}
