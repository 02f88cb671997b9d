//! Our own reading: the messages, the rows and the counts that the engine gives for a capture.
//!
//! Called by each comparison; everything goes through the engine's doors. To learn why *one* frame gave no message, the
//! frame is made a capture of its own and read alone: its one skip is the reason.

use crate::collection::{Capture, Collection};
use dpp::capture::{Chunk, Cutter, Settings, single};
use dpp::packet::SKIPS;
use dpp::pipeline::{self, Fate, Machine, Watch};
use dpp::plan::Plan;
use dpp::stats::Totals;
use dpp::transaction::Transport;
use dpp_sink::csv::Csv;
use dpp_source::{Source, SourceError};
use std::collections::{BTreeMap, BTreeSet};
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

/// Whether a file is a capture to us.
#[derive(Debug, PartialEq)]
pub(crate) enum Opened {
    Capture,
    Refused,
}

pub(crate) fn open(capture: &Capture) -> Opened {
    match Source::open(&capture.path) {
        Ok(_) => Opened::Capture,
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

/// The messages of a capture.
pub(crate) fn read(capture: &Capture) -> Reading {
    let mut messages: BTreeMap<u64, Vec<Message>> = BTreeMap::new();
    let totals = pipeline::messages(single(source(capture)), &Plan::default(), &machine(), |message| {
        messages.entry(message.position + 1).or_default().push(question(&message));
    });
    let totals = totals.unwrap_or_else(|error| panic!("{}: {error}", capture.name));
    Reading { messages, totals }
}

/// What became of each packet of a capture.
pub(crate) fn fates(capture: &Capture) -> Vec<Fate> {
    let all = (0..read(capture).totals.read.packets).collect();
    let fates = pipeline::fates(single(source(capture)), &Plan::default(), &machine(), &all);
    fates.unwrap_or_else(|error| panic!("{}: {error}", capture.name))
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
    "request_timestamp,response_timestamp,source_ip,source_port,id,name,query_type,response_code\n";

/// The rows of a capture as CSV, in capture order, without the header.
pub(crate) fn rows(capture: &Capture) -> String {
    let table = run(capture).0;
    table.strip_prefix(HEADER).expect("a table has a header").to_owned()
}

/// The counts of a whole run.
pub(crate) fn totals(capture: &Capture) -> Totals {
    run(capture).1
}

fn run(capture: &Capture) -> (String, Totals) {
    let plan = Plan::default();
    let sink = Csv::new(Vec::new(), &plan).expect("memory takes everything");
    let outcome = pipeline::run(single(source(capture)), &plan, &machine(), &sink, &Watch::default());
    let outcome = outcome.unwrap_or_else(|error| panic!("{}: {error}", capture.name));
    let lines = sink.finish().expect("memory takes everything");
    (String::from_utf8(lines).expect("CSV is UTF-8"), outcome.totals)
}

/// Why each of these frames gives no message, as far as a frame alone can tell.
pub(crate) fn skips(capture: &Capture, frames: &BTreeSet<u64>) -> BTreeMap<u64, &'static str> {
    let mut skips = BTreeMap::new();
    let settings =
        Settings { bytes: 1 << 20, packets: usize::MAX, jump_ns: i64::MAX, monotonic: false, merge: false };
    let mut cutter = Cutter::new(single(source(capture)), settings).expect("opened before");
    while let Some(chunk) = cutter.next(Chunk::default()).expect("read before") {
        for (frame, record) in (chunk.first_position + 1..).zip(&chunk.records) {
            if frames.contains(&frame) {
                skips.insert(frame, skip_alone(record.linktype, chunk.packet(record)));
            }
        }
    }
    skips
}

fn skip_alone(linktype: u16, packet: &[u8]) -> &'static str {
    let capture = alone(linktype, packet);
    let totals = pipeline::messages(single(&capture[..]), &Plan::default(), &machine(), |_| {});
    let skips = totals.expect("a capture of one packet").skips;
    SKIPS.iter().find(|row| skips.of(row.0).packets == 1).map_or("used", |row| row.1)
}

/// A classic capture of one packet.
fn alone(linktype: u16, packet: &[u8]) -> Vec<u8> {
    let length = (packet.len() as u32).to_be_bytes();
    let mut capture = b"\xA1\xB2\xC3\xD4\0\x02\0\x04\0\0\0\0\0\0\0\0\0\x04\0\0\0\0".to_vec();
    capture.extend_from_slice(&linktype.to_be_bytes());
    capture.extend_from_slice(&[0; 8]);
    capture.extend_from_slice(&length);
    capture.extend_from_slice(&length);
    capture.extend_from_slice(packet);
    capture
}
