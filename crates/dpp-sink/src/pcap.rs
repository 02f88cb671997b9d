//! pcap files: the messages of the rows as packets, for whoever wants a slice of a capture.
//!
//! The packets are made up from what is known, each message whole in one: raw IP (link type 101) with the addresses, ports, hop
//! limit and time of the message, UDP or TCP as it was; of a message that the snaplen cut, as much as was captured. What lay
//! around (VLANs, tunnels), fragments and the cut of TCP streams into segments are gone; so are retries. In return dnstap and
//! C-DNS come out as packets too. Rows come in the order of their queries, packets go out in the order of their times: each
//! waits until all earlier ones must have come, which is the disorder the engine tolerates. By the clock of a capture that has
//! not ended, they wait no longer where nothing comes, and one that is dated in the far future lets none go early.

use crate::{Buffers, TableSink, messages};
use dpp::dnstap::Direction;
use dpp::pipeline::{Pool, Rows, Sink};
use dpp::transaction::{Needs, Side, Transaction, Transport};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::io::{self, Write};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

/// What the plan has to keep for this sink. Messages that cannot be read are messages too.
pub const NEEDS: Needs = Needs::QUERY.and(Needs::RESPONSE).and(Needs::UNREADABLE);

/// How long (ns) a packet waits for earlier ones: the disorder that is tolerated.
const DISORDER_NS: i64 = 1_000_000_000;
/// And no longer than so many bytes wait: a second of 500 Mbit/s.
const WAITING_BYTES_MAX: usize = 64 << 20;
/// TCP connections whose sequence numbers are remembered. After that all begin anew.
const CONNECTIONS_MAX: usize = 1 << 16;

/// A capture in the making.
#[derive(Debug)]
pub struct Pcap<W> {
    lane: Mutex<Lane<W>>,
    buffers: Buffers,
}

/// How long [`header`] is.
pub(crate) const HEADER_LENGTH: usize = 24;

/// What a file begins with.
pub(crate) fn header() -> [u8; HEADER_LENGTH] {
    const NANOSECONDS: u32 = 0xA1B2_3C4D;
    const SNAPLEN: u32 = 1 << 18;
    const RAW_IP: u32 = 101;
    let mut header = [0; HEADER_LENGTH];
    for (at, number) in [(0, NANOSECONDS), (4, 2 | 4 << 16), (16, SNAPLEN), (20, RAW_IP)] {
        header[at..at + 4].copy_from_slice(&number.to_le_bytes());
    }
    header
}

impl<W: Write> Pcap<W> {
    /// Writes the file header.
    ///
    /// # Errors
    /// The writer's.
    pub fn new(mut out: W) -> io::Result<Self> {
        out.write_all(&header())?;
        let lane = Lane {
            out,
            waiting: BinaryHeap::new(),
            waiting_bytes: 0,
            newest_ns: i64::MIN,
            count: 0,
            connections: HashMap::new(),
            packet: Vec::new(),
        };
        Ok(Pcap { lane: Mutex::new(lane), buffers: Buffers::default() })
    }
}

/// The messages of a chunk, in the order of their rows.
#[derive(Debug, Default)]
pub struct Messages {
    list: Vec<Message>,
    bytes: Vec<u8>,
    /// The capture's clock behind them, ns, if it has not ended.
    live_until_ns: Option<i64>,
}

/// A message; its bytes are `length` of those of its chunk.
#[derive(Clone, Copy, Debug)]
struct Message {
    time_ns: i64,
    /// The time of its row.
    row_ns: i64,
    from: (IpAddr, u16),
    to: (IpAddr, u16),
    is_stream: bool,
    hop_limit: u8,
    length: usize,
    /// How long it was before it was cut.
    stated: usize,
}

impl Messages {
    fn message(&mut self, row: &Transaction, side: &Side, direction: Direction) {
        let bytes = row.message(side);
        if bytes.is_empty() {
            return;
        }
        let (key, request_ns) = (row.key(), row.request_ns());
        let (client, server) = ((key.client(), key.client_port()), (key.server(), key.server_port()));
        let (time_ns, from, to) = match direction {
            Direction::Query => (request_ns, client, server),
            Direction::Response => (row.response_ns().unwrap_or(request_ns), server, client),
        };
        self.bytes.extend_from_slice(bytes);
        self.list.push(Message {
            time_ns,
            row_ns: request_ns,
            from,
            to,
            is_stream: matches!(
                key.transport(),
                Transport::Tcp | Transport::Dot | Transport::Doh | Transport::DnscryptTcp
            ),
            hop_limit: side.hop_limit,
            length: bytes.len(),
            stated: bytes.len().max(side.length as usize),
        });
    }
}

/// Packets on their way into the file, earliest first.
#[derive(Debug)]
struct Lane<W> {
    out: W,
    waiting: BinaryHeap<Reverse<Waiting>>,
    waiting_bytes: usize,
    /// The latest time of a row so far, or where the clock of a capture is that has not ended.
    newest_ns: i64,
    /// How many messages have come.
    count: u64,
    /// The next sequence number of each direction of a connection.
    connections: HashMap<[(IpAddr, u16); 2], u32>,
    packet: Vec<u8>,
}

/// A message that waits. Of two of the same time the one that came first goes first.
#[derive(Debug)]
struct Waiting {
    time_ns: i64,
    number: u64,
    message: Message,
    bytes: Box<[u8]>,
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        (self.time_ns, self.number) == (other.time_ns, other.number)
    }
}

impl Eq for Waiting {}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.time_ns, self.number).cmp(&(other.time_ns, other.number))
    }
}

impl<W: Write> Lane<W> {
    fn take(&mut self, messages: &Messages) -> io::Result<()> {
        let mut rest = &messages.bytes[..];
        let until_ns = messages.live_until_ns;
        self.newest_ns = until_ns.unwrap_or(self.newest_ns);
        for message in &messages.list {
            let (bytes, behind) = rest.split_at(message.length);
            rest = behind;
            if until_ns.is_none() {
                self.newest_ns = self.newest_ns.max(message.row_ns);
            }
            self.waiting_bytes += bytes.len() + size_of::<Waiting>();
            let (time_ns, number) = (message.time_ns, self.count);
            self.count += 1;
            self.waiting.push(Reverse(Waiting { time_ns, number, message: *message, bytes: bytes.into() }));
            self.write_due(self.newest_ns.saturating_sub(DISORDER_NS))?;
        }
        self.write_due(self.newest_ns.saturating_sub(DISORDER_NS))
    }

    /// Writes what is earlier than this, or too much.
    fn write_due(&mut self, before_ns: i64) -> io::Result<()> {
        while let Some(Reverse(next)) = self.waiting.peek()
            && (next.time_ns <= before_ns || self.waiting_bytes > WAITING_BYTES_MAX)
        {
            let Some(Reverse(next)) = self.waiting.pop() else { break };
            self.waiting_bytes -= next.bytes.len() + size_of::<Waiting>();
            self.write(&next.message, &next.bytes)?;
        }
        Ok(())
    }

    fn write(&mut self, message: &Message, bytes: &[u8]) -> io::Result<()> {
        let missing = message.stated - bytes.len();
        if !message.is_stream && message.stated <= UDP_MAX {
            self.packet.clear();
            udp(message, bytes, &mut self.packet);
            return self.record(message.time_ns, missing);
        }
        // As in a stream: its length, then the message; the longest take two segments.
        let mut stream = (message.stated.min(usize::from(u16::MAX)) as u16).to_be_bytes().to_vec();
        stream.extend_from_slice(bytes);
        for segment in stream.chunks(SEGMENT_MAX) {
            let numbers = self.sequence(message, segment.len() as u32);
            self.packet.clear();
            tcp(message, segment, numbers, &mut self.packet);
            self.record(message.time_ns, 0)?;
        }
        Ok(())
    }

    /// The sequence number of the next octets of a connection, and what the other side has sent.
    fn sequence(&mut self, message: &Message, length: u32) -> (u32, u32) {
        if self.connections.len() >= CONNECTIONS_MAX {
            self.connections.clear();
        }
        let acknowledged = self.connections.get(&[message.to, message.from]).copied().unwrap_or(1);
        let next = self.connections.entry([message.from, message.to]).or_insert(1);
        let sequence = *next;
        *next = next.wrapping_add(length);
        (sequence, acknowledged)
    }

    /// Writes the packet at hand, of which so many bytes are missing at the end.
    fn record(&mut self, time_ns: i64, missing: usize) -> io::Result<()> {
        let (seconds, fraction) = (time_ns.div_euclid(1_000_000_000), time_ns.rem_euclid(1_000_000_000));
        let (captured, original) = (self.packet.len() as u32, (self.packet.len() + missing) as u32);
        let header = [seconds as u32, fraction as u32, captured, original].map(u32::to_le_bytes);
        self.out.write_all(header.as_flattened())?;
        self.out.write_all(&self.packet)
    }
}

const UDP_HEADER: usize = 8;
const TCP_HEADER: usize = 20;
/// The longest message in a datagram over IPv4.
const UDP_MAX: usize = 65_507;
/// The longest segment over IPv4.
const SEGMENT_MAX: usize = 65_495;

/// Appends an IP header (RFC 791, RFC 8200) for a payload of this length.
fn ip(message: &Message, protocol: u8, length: usize, out: &mut Vec<u8>) {
    const HOP_LIMIT: u8 = 64;
    let hop_limit = if message.hop_limit > 0 { message.hop_limit } else { HOP_LIMIT };
    match (message.from.0, message.to.0) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let start = out.len();
            out.extend([0x45, 0]);
            out.extend(((20 + length) as u16).to_be_bytes());
            // Not to be fragmented, and so without an identification.
            out.extend([0, 0, 0x40, 0, hop_limit, protocol, 0, 0]);
            out.extend(from.octets());
            out.extend(to.octets());
            let sum = !folded(sum(&out[start..]));
            out[start + 10..start + 12].copy_from_slice(&sum.to_be_bytes());
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            out.extend([0x60, 0, 0, 0]);
            out.extend((length as u16).to_be_bytes());
            out.extend([protocol, hop_limit]);
            out.extend(from.octets());
            out.extend(to.octets());
        }
        _ => unreachable!("a key has two addresses of one version"),
    }
}

fn udp(message: &Message, bytes: &[u8], out: &mut Vec<u8>) {
    const PROTOCOL: u8 = 17;
    let length = UDP_HEADER + message.stated;
    ip(message, PROTOCOL, length, out);
    let start = out.len();
    out.extend(message.from.1.to_be_bytes());
    out.extend(message.to.1.to_be_bytes());
    out.extend((length as u16).to_be_bytes());
    out.extend([0, 0]);
    out.extend_from_slice(bytes);
    // Of what was cut off there is no sum.
    if message.stated == bytes.len() {
        let sum = checksum(message, PROTOCOL, &out[start..]);
        out[start + 6..start + 8].copy_from_slice(&if sum == 0 { [0xFF; 2] } else { sum.to_be_bytes() });
    }
}

fn tcp(message: &Message, bytes: &[u8], (sequence, acknowledged): (u32, u32), out: &mut Vec<u8>) {
    const PROTOCOL: u8 = 6;
    const PUSH_AND_ACK: u8 = 0x18;
    ip(message, PROTOCOL, TCP_HEADER + bytes.len(), out);
    let start = out.len();
    out.extend(message.from.1.to_be_bytes());
    out.extend(message.to.1.to_be_bytes());
    out.extend(sequence.to_be_bytes());
    out.extend(acknowledged.to_be_bytes());
    out.extend([0x50, PUSH_AND_ACK, 0xFF, 0xFF, 0, 0, 0, 0]);
    out.extend_from_slice(bytes);
    let sum = checksum(message, PROTOCOL, &out[start..]);
    out[start + 16..start + 18].copy_from_slice(&sum.to_be_bytes());
}

/// The checksum of a UDP or TCP header and what follows, with the addresses (RFC 768, RFC 8200 section 8.1).
fn checksum(message: &Message, protocol: u8, bytes: &[u8]) -> u16 {
    let addresses = match (message.from.0, message.to.0) {
        (IpAddr::V4(from), IpAddr::V4(to)) => sum(&from.octets()) + sum(&to.octets()),
        (IpAddr::V6(from), IpAddr::V6(to)) => sum(&from.octets()) + sum(&to.octets()),
        _ => 0,
    };
    !folded(addresses + u64::from(protocol) + bytes.len() as u64 + sum(bytes))
}

/// The sum of all 16-bit words; an odd octet at the end counts as if a zero followed.
fn sum(bytes: &[u8]) -> u64 {
    let word = |word: &[u8]| u64::from(word[0]) << 8 | word.get(1).map_or(0, |&low| u64::from(low));
    bytes.chunks(2).map(word).sum()
}

/// With the carries added again until there are none.
fn folded(mut sum: u64) -> u16 {
    while sum > 0xFFFF {
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    sum as u16
}

impl<W: Write + Send> Sink for Pcap<W> {
    type Piece = Messages;
    type Error = io::Error;

    fn lanes(&self) -> usize {
        1
    }

    fn encode(&self, rows: Rows, pool: &Pool) -> Messages {
        let live_until_ns = rows.live_until_ns();
        let mut messages = Messages { list: Vec::new(), bytes: self.buffers.take(), live_until_ns };
        messages::each(&rows, |row, side, direction| messages.message(row, side, direction));
        pool.recycle(rows);
        messages
    }

    fn size(&self, messages: &Messages) -> usize {
        messages.bytes.len() + messages.list.len() * size_of::<Message>()
    }

    fn accept(&self, _lane: usize, messages: &Messages) -> io::Result<()> {
        self.lane.lock().unwrap_or_else(PoisonError::into_inner).take(messages)
    }

    fn flush(&self, _lane: usize) -> io::Result<()> {
        self.lane.lock().unwrap_or_else(PoisonError::into_inner).out.flush()
    }

    fn recycle(&self, messages: Messages, _: &Pool) {
        self.buffers.give_back(messages.bytes);
    }
}

impl<W: Write + Send> TableSink<W> for Pcap<W> {
    fn finish(self, _: Vec<(String, String)>) -> io::Result<W> {
        let mut lane = self.lane.into_inner().unwrap_or_else(PoisonError::into_inner);
        lane.write_due(i64::MAX)?;
        Ok(lane.out)
    }
}
