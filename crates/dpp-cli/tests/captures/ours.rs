//! Our own reading: the messages, the rows and the counts that the engine gives for a capture.
//!
//! Called by each comparison; everything goes through the engine's doors.

use crate::collection::{Capture, Collection};
use dpp::capture::single;
use dpp::cdns;
use dpp::dnstap::frames;
use dpp::packet::Skip;
use dpp::pipeline::{self, Fate, Machine, Watch};
use dpp::plan::{Plan, Ports};
use dpp::stats::Totals;
use dpp::table::Column;
use dpp::transaction::Transport;
use dpp_sink::TableSink;
use dpp_sink::csv::Csv;
use dpp_source::{Source, SourceError};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::net::SocketAddr;
use std::num::NonZeroUsize;

/// A message as we read it, or one question of it.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) time_ns: i64,
    pub(crate) source: SocketAddr,
    pub(crate) destination: SocketAddr,
    pub(crate) id: u16,
    pub(crate) is_response: bool,
    pub(crate) rcode: u16,
    /// In wire form, written out. Empty if there was no question.
    pub(crate) name: Vec<u8>,
    pub(crate) qtype: u16,
    pub(crate) is_tcp: bool,
}

/// All messages of a capture by frame number, from 1 as tshark counts; one for each question.
pub(crate) struct Reading {
    pub(crate) messages: BTreeMap<u64, Vec<Message>>,
    /// Counts of packets; nothing was matched.
    pub(crate) totals: Totals,
}

impl Reading {
    /// The messages of a frame.
    pub(crate) fn of(&self, frame: u64) -> &[Message] {
        self.messages.get(&frame).map_or(&[], |messages| messages)
    }
}

/// Whether a file is a capture to us.
#[derive(Debug, PartialEq)]
pub(crate) enum Opened {
    Capture,
    /// No packets, but what somebody logged: dnstap, C-DNS.
    Logged,
    Refused,
}

pub(crate) fn open(capture: &Capture) -> Opened {
    match Source::open(&capture.path) {
        Ok(mut source) => {
            let mut first = Vec::new();
            source.by_ref().take(256).read_to_end(&mut first).expect("a capture");
            match frames::begins(&first) {
                true if frames::check_opening(&first).is_err() => Opened::Refused,
                true => Opened::Logged,
                false if cdns::begins(&first) => Opened::Logged,
                false => Opened::Capture,
            }
        }
        Err(SourceError::NotACapture { .. }) => Opened::Refused,
        Err(error) => panic!("{}: {error}", capture.name),
    }
}

/// The files that are captures to us.
pub(crate) fn opened(collection: &Collection) -> Vec<Capture> {
    collection.captures.iter().filter(|capture| open(capture) == Opened::Capture).cloned().collect()
}

fn source(capture: &Capture) -> Source {
    Source::open(&capture.path).unwrap_or_else(|error| panic!("{}: {error}", capture.name))
}

fn machine() -> Machine {
    Machine::new(NonZeroUsize::new(2).expect("two"), 0)
}

/// The plan of rows that say what is wrong with them: queries that cannot be read are messages then.
pub(crate) fn with_malformed() -> Plan {
    with_columns(&[Column::ParseError])
}

/// The ports of multicast DNS and LLMNR.
pub(crate) const MULTICAST: [u16; 2] = [Ports::MDNS, Ports::LLMNR];

/// The plan that reads those and nothing else.
pub(crate) fn with_multicast() -> Plan {
    let ports = Ports::new(MULTICAST.map(|port| port..=port).to_vec());
    Plan { ports, ..Plan::default() }
}

/// The default plan with columns behind its own.
fn with_columns(columns: &[Column]) -> Plan {
    let mut plan = Plan::default();
    columns.iter().for_each(|&column| plan.schema.push(column));
    plan
}

/// The messages of a capture.
pub(crate) fn read(capture: &Capture, plan: &Plan) -> Reading {
    let mut messages: BTreeMap<u64, Vec<Message>> = BTreeMap::new();
    let totals = pipeline::messages(single(source(capture)), plan, &machine(), |message| {
        messages.entry(message.position + 1).or_default().push(question(&message));
    });
    let totals = totals.unwrap_or_else(|error| panic!("{}: {error}", capture.name));
    Reading { messages, totals }
}

/// What became of these packets of a capture.
pub(crate) fn fates(capture: &Capture, plan: &Plan, positions: &BTreeSet<u64>) -> Vec<Fate> {
    let fates = pipeline::fates(single(source(capture)), plan, &machine(), positions);
    fates.unwrap_or_else(|error| panic!("{}: {error}", capture.name))
}

/// Why each of these frames gave no message; `used` if it took part in one, perhaps of a later frame.
pub(crate) fn skips(capture: &Capture, plan: &Plan, frames: &BTreeSet<u64>) -> BTreeMap<u64, &'static str> {
    let positions = frames.iter().map(|frame| frame - 1).collect();
    let fates = fates(capture, plan, &positions).into_iter();
    fates.map(|fate| (fate.position + 1, fate.skip.map_or("used", Skip::name))).collect()
}

fn question(message: &pipeline::Message) -> Message {
    let key = message.key;
    let client = SocketAddr::new(key.client(), key.client_port());
    let server = SocketAddr::new(key.server(), key.server_port());
    let (source, destination) = if message.is_response { (server, client) } else { (client, server) };
    Message {
        time_ns: message.time_ns,
        source,
        destination,
        id: key.id(),
        is_response: message.is_response,
        rcode: message.rcode,
        name: key.name().to_owned(),
        qtype: key.qtype(),
        is_tcp: key.transport() == Transport::Tcp,
    }
}

/// The header of the default schema, which is that of DPP 0.3.1.
const HEADER: &str =
    "request_timestamp,response_timestamp,source_ip,source_port,id,name,query_type,response_code";

/// The rows of a capture as CSV, in capture order, without the header. Behind the columns of DPP 0.3.1 they have `transport`,
/// `vlan` and `tunnel`.
pub(crate) fn rows(capture: &Capture) -> String {
    let table = run(capture, &with_columns(&[Column::Transport, Column::Vlan, Column::Tunnel])).0;
    let (header, rows) = table.split_once('\n').expect("a table has a header");
    assert_eq!(header, format!("{HEADER},transport,vlan,tunnel"));
    rows.to_owned()
}

/// The counts of a whole run.
pub(crate) fn totals(capture: &Capture, plan: &Plan) -> Totals {
    run(capture, plan).1
}

fn run(capture: &Capture, plan: &Plan) -> (String, Totals) {
    let sink = Csv::new(Vec::new(), plan);
    let outcome = pipeline::run(single(source(capture)), plan, &machine(), &sink, &Watch::default());
    let outcome = outcome.unwrap_or_else(|error| panic!("{}: {error}", capture.name));
    let lines = sink.finish(Vec::new()).expect("memory takes everything");
    (String::from_utf8(lines).expect("CSV is UTF-8"), outcome.totals)
}
