//! Messages that a server logged: dnstap frames.
//!
//! A frame tells more than a packet, and less: who the server is and as what it took part, but perhaps no address or port.
//! What is lacking is noted, so that no column makes it up. The frame of a response tells when its query came, and often
//! repeats it; if the query had no frame of its own, that makes the row.

use super::reading::{Around, Arrived, Events, Reader, Scratch};
use crate::dns;
use crate::dnstap::{self, Direction, Dnstap};
use crate::packet::{Addresses, Datagram, Flow, Outer, Skip};
use crate::stats::Totals;
use crate::transaction::{Arrival, Lacks, Role, Transport};

/// Reads the messages of a dnstap frame.
pub(super) fn dnstap(
    frame: &[u8],
    arrival: Arrival,
    reader: &Reader,
    events: &mut impl Events,
    totals: &mut Totals,
    scratch: &mut Scratch,
) -> Result<(), Skip> {
    let parsed = Dnstap::parse(frame).map_err(|_| Skip::DnstapMalformed)?;
    let message = parsed.message.as_ref().ok_or(Skip::DnstapWithoutMessage)?;
    let payload = message.dns().ok_or(Skip::DnstapWithoutMessage)?;
    let mut frame =
        Frame { record: frame, message, parsed: &parsed, is_echo: false, lacks: Lacks::default() };
    if message.kind.direction() == Direction::Response
        && let Some(time_ns) = message.query_time.and_then(dnstap::Time::ns)
    {
        frame.is_echo = true;
        let arrival = Arrival { time_ns, ..arrival };
        match message.query_message.filter(|query| is_query(query)) {
            // What is wrong with the echo is told of the response, or of the query's own frame.
            Some(query) => {
                let _ = reader.read_logged(&frame.arrived(query, arrival), events, totals, scratch);
            }
            None => {
                if let Some(query) = query_of(payload) {
                    frame.lacks = Lacks::FLAGS.and(Lacks::COUNTS).and(Lacks::LENGTH);
                    let _ = reader.read_logged(&frame.arrived(&query, arrival), events, totals, scratch);
                }
            }
        }
    }
    let frame = Frame { is_echo: false, lacks: Lacks::default(), ..frame };
    reader.read_logged(&frame.arrived(payload, arrival), events, totals, scratch)
}

fn is_query(bytes: &[u8]) -> bool {
    dns::Message::parse(bytes).is_some_and(|message| !message.is_response())
}

/// A query that this response could answer: its id, opcode and first question.
fn query_of(response: &[u8]) -> Option<Vec<u8>> {
    let message = dns::Message::parse(response).filter(|message| message.is_response())?;
    let mut scratch = [0; dns::name::WIRE_MAX];
    if message.question_count() == 0 {
        return None;
    }
    let (question, _) = message.question(dns::Message::QUESTIONS, &mut scratch).ok()?;
    let mut query = Vec::with_capacity(dns::Message::QUESTIONS + question.name.len() + 4);
    query.extend(message.id().to_be_bytes());
    query.extend((u16::from(message.opcode()) << 11).to_be_bytes());
    query.extend([0, 1, 0, 0, 0, 0, 0, 0]);
    query.extend_from_slice(question.name);
    query.extend(question.qtype.to_be_bytes());
    query.extend(question.qclass.to_be_bytes());
    Some(query)
}

/// A frame, as what lies around its messages.
#[derive(Clone)]
struct Frame<'a> {
    record: &'a [u8],
    parsed: &'a Dnstap<'a>,
    message: &'a dnstap::Message<'a>,
    /// Whether it is read for the query of its response.
    is_echo: bool,
    /// What is not known of that query.
    lacks: Lacks,
}

/// The addresses of client and server; of one that is missing, or does not fit to the other, zeros.
fn addresses<'a>(client: Option<&'a [u8]>, server: Option<&'a [u8]>) -> (Addresses<'a>, Lacks) {
    let mut lacks = Lacks::default();
    let is_v6 = client.or(server).is_some_and(|address| address.len() == 16);
    let addresses = if is_v6 {
        let fits = |address: Option<&'a [u8]>| address.and_then(|address| address.try_into().ok());
        let (source, destination): (Option<&[u8; 16]>, Option<&[u8; 16]>) = (fits(client), fits(server));
        lacks.set(Lacks::CLIENT, source.is_none());
        lacks.set(Lacks::SERVER, destination.is_none());
        Addresses::V6 { source: source.unwrap_or(&[0; 16]), destination: destination.unwrap_or(&[0; 16]) }
    } else {
        let fits = |address: Option<&'a [u8]>| address.and_then(|address| address.try_into().ok());
        let (source, destination): (Option<&[u8; 4]>, Option<&[u8; 4]>) = (fits(client), fits(server));
        lacks.set(Lacks::CLIENT, source.is_none());
        lacks.set(Lacks::SERVER, destination.is_none());
        Addresses::V4 { source: source.unwrap_or(&[0; 4]), destination: destination.unwrap_or(&[0; 4]) }
    };
    (addresses, lacks)
}

/// What carried it, by the socket protocol of dnstap.
fn transport(protocol: Option<u32>) -> Transport {
    match protocol {
        Some(1) => Transport::Udp,
        Some(2) => Transport::Tcp,
        Some(3) => Transport::Dot,
        Some(4) => Transport::Doh,
        Some(5) => Transport::DnscryptUdp,
        Some(6) => Transport::DnscryptTcp,
        Some(7) => Transport::Doq,
        _ => Transport::Unknown,
    }
}

impl<'a> Frame<'a> {
    /// One of its messages. Which way it went the message itself says, as everywhere.
    fn arrived<'b>(&'b self, payload: &'b [u8], arrival: Arrival) -> Arrived<'b, Frame<'a>> {
        let message = self.message;
        let flow = Flow {
            addresses: addresses(message.query_address, message.response_address).0,
            source_port: message.query_port.unwrap_or_default(),
            destination_port: message.response_port.unwrap_or_default(),
        };
        let flow = if is_query(payload) { flow } else { flow.reversed() };
        Arrived {
            arrival,
            datagram: Datagram { flow, payload, payload_length: payload.len() },
            transport: transport(message.socket_protocol),
            around: self.clone(),
        }
    }
}

impl Around for Frame<'_> {
    fn outer(&self) -> Outer {
        Outer::default()
    }

    fn handshake_rtt_ns(&self) -> Option<i64> {
        let rtt_us = dnstap::Extra::read(self.parsed.extra?).rtt_us?;
        i64::try_from(rtt_us).ok()?.checked_mul(1000)
    }

    fn is_echo(&self) -> bool {
        self.is_echo
    }

    fn role(&self) -> Role {
        Role::of_message_type(self.message.kind.0)
    }

    fn lacks(&self) -> Lacks {
        let message = self.message;
        let mut lacks = addresses(message.query_address, message.response_address).1;
        lacks.set(Lacks::CLIENT_PORT, message.query_port.is_none());
        lacks.set(Lacks::SERVER_PORT, message.response_port.is_none());
        // It is dated like the frame before.
        lacks.set(Lacks::TIME, !self.is_echo && message.time_ns().is_none());
        lacks.set(Lacks::TRANSPORT, transport(message.socket_protocol) == Transport::Unknown);
        lacks.and(self.lacks)
    }

    fn record(&self) -> &[u8] {
        self.record
    }
}
