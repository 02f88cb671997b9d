//! Transactions that Knot DNS tells of, one in each datagram of its probe.
//!
//! The server has said what belongs together, so nothing is matched here: a datagram is an event with its verdict, as an item
//! of C-DNS is. It says when nothing happened, so the query is dated when the datagram came, and how long the reply took is
//! lacking. No message is in it either: those that columns and sinks ask for are put together, from a header, a question and
//! an OPT record of the options that are known to be there; what they would say of anything else is noted as lacking.

use super::counting::Logged;
use super::reading::{Events, Reader};
use crate::dns::Question;
use crate::dns::edns::EDE;
use crate::knot::{Carrier, Pair, Probe, QueryEdns, Reply};
use crate::packet::{Addresses, Flow, Origin, Skip};
use crate::stats::Totals;
use crate::transaction::{
    Arrival, Edns, Facts, Lacks, Needs, Part, Role, Side, Spot, State, Transport, Tuple,
};

/// Knot DNS is the server that answers.
const AUTH: Role = Role(1);

/// Reads the query of a datagram, and its reply.
pub(super) fn datagram(
    bytes: &[u8],
    arrival: Arrival,
    reader: &Reader,
    events: &mut impl Events,
    totals: &mut Totals,
) -> Result<(), Skip> {
    let probe = Probe::parse(bytes).ok_or(Skip::KnotMalformed)?;
    let has_question = word(&probe.header, 4) > 0;
    let flow = flow(&probe);
    if let Some(counting) = reader.counting {
        counting.logged(&counted(&probe, flow, arrival.time_ns, None), totals);
        if let Some(reply) = &probe.reply {
            counting.logged(&counted(&probe, flow.reversed(), arrival.time_ns, Some(reply)), totals);
        }
    }
    if !reader.plan.rows {
        totals.messages += 1 + u64::from(probe.reply.is_some());
        return Ok(());
    }
    if !has_question && !reader.plan.wants_malformed() {
        return Err(Skip::DnsQueryWithoutQuestion);
    }
    let id = word(&probe.header, 0);
    let tuple = Tuple::of(&flow, transport(probe.carrier), id, false).with_role(AUTH);
    let hash = tuple.hash(reader.seed);
    let part = events.part(hash, true);
    let state = if probe.reply.is_some() { State::Matched } else { State::TimedOut };
    let question = Question { name: probe.qname, qtype: probe.qtype, qclass: probe.qclass };
    let rcode = probe.reply.map_or(0, |reply| reply.rcode);
    part.push(&arrival, state, rcode, (&tuple, hash), has_question.then_some(&question));
    describe(&probe, has_question.then_some(&question), reader.needs, part);
    totals.messages += 1 + u64::from(probe.reply.is_some());
    Ok(())
}

/// The query as it is counted, or its reply.
fn counted<'a>(probe: &Probe<'a>, flow: Flow<'a>, time_ns: i64, reply: Option<&Reply>) -> Logged<'a> {
    Logged {
        flow,
        transport: transport(probe.carrier),
        role: AUTH,
        lacks: lacks(probe),
        is_response: reply.is_some(),
        time_ns,
        size: Some(reply.map_or(probe.size, |reply| reply.size).into()),
        rcode: reply.map(|reply| reply.rcode),
        name: reply.is_none().then_some(probe.qname),
    }
}

/// Says what else is known of it.
fn describe(probe: &Probe, question: Option<&Question>, needs: Needs, part: &mut Part) {
    let mut lacks = lacks(probe);
    lacks.set(Lacks::NAME.and(Lacks::TYPE).and(Lacks::CLASS), question.is_none());
    let mut own = side(&probe.header, probe.size, lacks);
    own.rcode = own.flags & 0x0F;
    own.edns = probe.edns.map(|edns| Edns {
        udp_size: edns.udp_size,
        version: edns.version,
        flags: u16::from(edns.dnssec_ok) << 15 | u16::from(edns.delegation_aware) << 13,
    });
    own.lacks.set(Lacks::OPTION_DATA, true);
    if needs.reads_queries() {
        let options = probe.edns.map(|edns| (edns, options_of(&edns)));
        keep(&mut own, part, question, options.as_ref().map(|(edns, options)| (opt(edns), &options[..])));
    }
    let answer = probe.reply.map(|reply| {
        let mut answer = side(&reply.header, reply.size, lacks);
        answer.rcode = reply.rcode;
        // Of its OPT record no more is known than one of its options.
        answer.lacks.set(Lacks::OPTIONS, true);
        if needs.reads_responses() {
            let options = reply.extended_error.map(extended_error);
            keep(
                &mut answer,
                part,
                question,
                options.as_ref().map(|options| (rcode_opt(&reply), &options[..])),
            );
        }
        if let Some(event) = part.events.last()
            && let Some(origin) = Origin::of(&part.origins, event.packet)
        {
            (answer.input, answer.frame) = (origin.input, origin.frame);
        }
        answer
    });
    let handshake_rtt_ns = probe.handshake_rtt_us.map(|rtt_us| i64::from(rtt_us) * 1000);
    let facts = Facts {
        answer_messages: answer.is_some().into(),
        answer_bytes: answer.map_or(0, |answer| answer.length.into()),
        ..Facts::of(own, handshake_rtt_ns)
    };
    part.describe(facts, answer);
}

/// What a DNS header and a length tell. Of records nobody knows more than how many there are.
fn side(header: &[u8; 12], length: u16, mut lacks: Lacks) -> Side {
    let counts = [4, 6, 8, 10].map(|at| word(header, at));
    for (count, section) in counts[1..].iter().zip([Lacks::ANSWERS, Lacks::AUTHORITY, Lacks::ADDITIONAL]) {
        lacks.set(section, *count > 0);
    }
    Side { length: length.into(), flags: word(header, 2), counts, lacks, ..Side::default() }
}

/// What the datagram does not tell of both messages.
fn lacks(probe: &Probe) -> Lacks {
    let mut lacks = Lacks::default();
    let (server_is_unknown, client_is_unknown) = match probe.addresses {
        None => (true, true),
        Some(Pair::V4 { server, client }) => (*server == [0; 4], *client == [0; 4]),
        Some(Pair::V6 { server, client }) => (*server == [0; 16], *client == [0; 16]),
    };
    lacks.set(Lacks::SERVER, server_is_unknown);
    lacks.set(Lacks::SERVER_PORT, server_is_unknown && probe.server_port == 0);
    lacks.set(Lacks::CLIENT, client_is_unknown);
    lacks.set(Lacks::CLIENT_PORT, client_is_unknown && probe.client_port == 0);
    lacks.set(Lacks::TRANSPORT, transport(probe.carrier) == Transport::Unknown);
    lacks.set(Lacks::DELAY, probe.reply.is_some());
    lacks
}

fn flow<'a>(probe: &Probe<'a>) -> Flow<'a> {
    let addresses = match probe.addresses {
        None => Addresses::V4 { source: &[0; 4], destination: &[0; 4] },
        Some(Pair::V4 { server, client }) => Addresses::V4 { source: client, destination: server },
        Some(Pair::V6 { server, client }) => Addresses::V6 { source: client, destination: server },
    };
    Flow { addresses, source_port: probe.client_port, destination_port: probe.server_port }
}

fn transport(carrier: Carrier) -> Transport {
    match carrier {
        Carrier::Udp => Transport::Udp,
        Carrier::Tcp => Transport::Tcp,
        Carrier::Quic => Transport::Doq,
        Carrier::Tls => Transport::Dot,
        Carrier::Https => Transport::Doh,
        Carrier::Other(_) => Transport::Unknown,
    }
}

/// Puts a message together, and keeps it with the part: header, question, and an OPT record if there is one.
fn keep(side: &mut Side, part: &mut Part, question: Option<&Question>, opt: Option<([u8; 6], &[u8])>) {
    let mut out = Vec::with_capacity(128);
    let id = part.events.last().map_or([0; 2], |event| part.key(event).id().to_be_bytes());
    out.extend(id);
    out.extend(side.flags.to_be_bytes());
    out.extend([0, question.is_some().into(), 0, 0, 0, 0, 0, opt.is_some().into()]);
    if let Some(Question { name, qtype, qclass }) = question {
        out.extend_from_slice(name);
        out.extend(qtype.to_be_bytes());
        out.extend(qclass.to_be_bytes());
    }
    if let Some((size_and_ttl, options)) = opt {
        out.extend([0, 0, 41]);
        out.extend(size_and_ttl);
        out.extend((options.len() as u16).to_be_bytes());
        side.options = Spot::with_length((out.len() as u32, options.len() as u16));
        out.extend_from_slice(options);
    }
    side.keep_whole(part.keep(&out));
}

/// Class and TTL of the query's OPT record.
fn opt(edns: &QueryEdns) -> [u8; 6] {
    let [high, low] = edns.udp_size.to_be_bytes();
    let flags = u8::from(edns.dnssec_ok) << 7 | u8::from(edns.delegation_aware) << 5;
    [high, low, 0, edns.version, flags, 0]
}

/// Those of the reply's, of which no more is known than the upper bits of the response code.
fn rcode_opt(reply: &Reply) -> [u8; 6] {
    [0, 0, (reply.rcode >> 4) as u8, 0, 0, 0]
}

/// The options that are there, without what is in them.
fn options_of(edns: &QueryEdns) -> Vec<u8> {
    (0..32).filter(|code| edns.options >> code & 1 != 0).flat_map(|code| [0, code, 0, 0]).collect()
}

/// The option of an extended error, without its text.
fn extended_error(code: u16) -> [u8; 6] {
    let ([kind_high, kind], [high, low]) = (EDE.to_be_bytes(), code.to_be_bytes());
    [kind_high, kind, 0, 2, high, low]
}

fn word(header: &[u8; 12], at: usize) -> u16 {
    u16::from_be_bytes([header[at], header[at + 1]])
}
