//! C-DNS (RFC 8618): DNS transactions as CBOR, in blocks that share tables.
//!
//! This room reads and writes the format and knows nothing of captures or rows. A file is the text "C-DNS", a
//! [`FilePreamble`] with one or more sets of [`BlockParameters`], and blocks. A block's items say little themselves: they
//! have numbers of addresses, names and *signatures* (what many items have in common) in the block's tables, and nothing
//! crosses blocks. [`Reader`] finds the blocks in bytes as they come, [`Block`] gives the items of one with everything looked
//! up, and [`Writer`] makes blocks of such items. **No field must be there**, not even the time: what a collector stored is
//! its own choice, and storage hints only say what it may have stored.
//!
//! A field that cannot be right (a number of nothing, a text for a number) is left out and counted as a [`Fault`]; what is
//! around it is kept.

mod block;
mod cbor;
mod intern;
mod keys;
mod preamble;
mod reader;
mod writer;

#[cfg(test)]
mod tests;

pub use block::{Block, Items};
pub use preamble::{Refused, begins};
pub use reader::{Reader, Step};
pub use writer::Writer;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// One query, one response, or both. Every field may be absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Item<'a> {
    /// When the query was seen, or the response where there is no query: nanoseconds since 1970 UTC, of the precision of
    /// the block's ticks.
    pub time_ns: Option<i64>,
    /// The client's address, 4 or 16 octets, or its leading octets (see [`Item::client_address`]).
    pub client: Option<&'a [u8]>,
    /// The client's port.
    pub client_port: Option<u16>,
    /// The DNS id.
    pub id: Option<u16>,
    /// TTL or hop limit of the query's packet.
    pub hop_limit: Option<u8>,
    /// Time of the response less that of the query (ns). Can be negative.
    pub delay_ns: Option<i64>,
    /// The first question's name, as on the wire without compression.
    pub qname: Option<&'a [u8]>,
    /// Octets of the query, as DNS message.
    pub query_size: Option<u32>,
    /// Octets of the response.
    pub response_size: Option<u32>,
    /// What many items have in common.
    pub signature: Signature<'a>,
    /// Whose names the answering server believed its upstream in (the bailiwick), as a name on the wire.
    pub bailiwick: Option<&'a [u8]>,
    /// How the response was made; see [`processing_flags`].
    pub processing_flags: Option<u64>,
    /// What else the query holds.
    pub query: Sections<'a>,
    /// What else the response holds.
    pub response: Sections<'a>,
    /// CZ.NIC's: the client's autonomous system, a text such as `AS1234`. Texts are bytes: some writers' are not UTF-8.
    pub asn: Option<&'a [u8]>,
    /// CZ.NIC's: the client's country.
    pub country: Option<&'a [u8]>,
    /// CZ.NIC's: round-trip time of the TCP handshake, in the writer's own unit (DNS Probe's is microseconds).
    pub rtt: Option<i64>,
    /// CZ.NIC's: who asked.
    pub user: Option<&'a [u8]>,
    /// CZ.NIC's: what a response policy did, as DNS Probe numbers it.
    pub policy_action: Option<u64>,
    /// CZ.NIC's: the rule of that policy; from DNS Probe, octets of a name on the wire.
    pub policy_rule: Option<&'a [u8]>,
}

impl Item<'_> {
    /// The client's address; zeros where only a prefix is stored. `None` too if it is not known of which family the
    /// prefix is.
    pub fn client_address(&self) -> Option<IpAddr> {
        address(self.client?, self.signature.transport_flags)
    }

    /// The server's address, likewise.
    pub fn server_address(&self) -> Option<IpAddr> {
        address(self.signature.server?, self.signature.transport_flags)
    }
}

/// The part of an item that is the same in many. Every field may be absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signature<'a> {
    /// The server's address, or its leading octets.
    pub server: Option<&'a [u8]>,
    /// The server's port.
    pub server_port: Option<u16>,
    /// See [`transport_flags`].
    pub transport_flags: Option<u8>,
    /// Between whom: see [`QR_TYPES`].
    pub qr_type: Option<u8>,
    /// See [`sig_flags`].
    pub sig_flags: Option<u8>,
    /// OPCODE of the query, or of the response where there is no query.
    pub opcode: Option<u8>,
    /// See [`dns_flags`].
    pub dns_flags: Option<u32>,
    /// RCODE of the query, with the extended bits.
    pub query_rcode: Option<u16>,
    /// Type and class of the first question.
    pub class_type: Option<ClassType>,
    /// QDCOUNT in the header of the query, or of the response where there is no query. So are the other counts.
    pub qdcount: Option<u16>,
    /// ANCOUNT.
    pub ancount: Option<u16>,
    /// NSCOUNT.
    pub nscount: Option<u16>,
    /// ARCOUNT.
    pub arcount: Option<u16>,
    /// EDNS version of the query.
    pub edns_version: Option<u8>,
    /// EDNS payload size of the query.
    pub udp_size: Option<u16>,
    /// RDATA of the query's OPT record: all its options.
    pub opt_rdata: Option<&'a [u8]>,
    /// RCODE of the response, with the extended bits.
    pub response_rcode: Option<u16>,
}

/// A type and a class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClassType {
    /// Type, as in TYPE or QTYPE.
    pub rtype: u16,
    /// Class; of an OPT record, the EDNS payload size.
    pub class: u16,
}

/// The sections of a message as far as they are stored. Empty: nothing there, or not stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sections<'a> {
    /// The questions after the first.
    pub questions: &'a [Question<'a>],
    /// The answer section.
    pub answers: &'a [Record<'a>],
    /// The authority section.
    pub authority: &'a [Record<'a>],
    /// The additional section; some writers keep the OPT record here.
    pub additional: &'a [Record<'a>],
}

/// A question. Every field may be absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Question<'a> {
    /// Its name, as on the wire without compression.
    pub name: Option<&'a [u8]>,
    /// Its type and class.
    pub class_type: Option<ClassType>,
}

/// A resource record. Every field may be absent: RFC 8618 demands name and type, and compactor can leave them out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Record<'a> {
    /// Its owner's name, as on the wire without compression.
    pub name: Option<&'a [u8]>,
    /// Its type and class.
    pub class_type: Option<ClassType>,
    /// Time to live (s).
    pub ttl: Option<u32>,
    /// Its data, names in it without compression.
    pub rdata: Option<&'a [u8]>,
}

/// A message that could not be read, as it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MalformedMessage<'a> {
    /// When it was seen (ns since 1970 UTC).
    pub time_ns: Option<i64>,
    /// The client's address, or its leading octets.
    pub client: Option<&'a [u8]>,
    /// The client's port.
    pub client_port: Option<u16>,
    /// The server's address, or its leading octets.
    pub server: Option<&'a [u8]>,
    /// The server's port.
    pub server_port: Option<u16>,
    /// See [`transport_flags`].
    pub transport_flags: Option<u8>,
    /// The message.
    pub payload: Option<&'a [u8]>,
}

/// How often something other than DNS concerned a client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AddressEvent<'a> {
    /// What: see [`EVENT_KINDS`].
    pub kind: u64,
    /// The ICMP code.
    pub code: Option<u64>,
    /// The client's address, or its leading octets.
    pub address: &'a [u8],
    /// See [`transport_flags`].
    pub transport_flags: Option<u8>,
    /// How often in the time of the block.
    pub count: u64,
}

/// When a block was (ns since 1970 UTC).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BlockTimes {
    /// From when its times count: as a rule, no item is earlier.
    pub earliest_ns: Option<i64>,
    /// compactor's: when it was begun.
    pub start_ns: Option<i64>,
    /// compactor's: when it was ended.
    pub end_ns: Option<i64>,
}

/// What a collector counted in the time of a block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlockStatistics {
    /// Well-formed messages.
    pub processed_messages: Option<u64>,
    /// Items, stored or not.
    pub items: Option<u64>,
    /// Queries without a response.
    pub unmatched_queries: Option<u64>,
    /// Responses without a query.
    pub unmatched_responses: Option<u64>,
    /// Messages with an OPCODE that is not recorded.
    pub discarded_opcode: Option<u64>,
    /// Malformed messages.
    pub malformed: Option<u64>,
    /// compactor's counters: keys -1 (packets that are not DNS), -2 (out of order), -3 to -5 and -7 to -9 (lost or discarded
    /// somewhere in it), -6 (packets), -10 to -12 (libpcap's).
    pub private: [Option<u64>; 12],
}

/// What stands before the blocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilePreamble {
    /// Major version: 1.
    pub major: u64,
    /// Minor version: 0.
    pub minor: u64,
    /// The writer's own version.
    pub private: Option<u64>,
    /// Blocks choose one of these.
    pub parameters: Vec<BlockParameters>,
}

impl Default for FilePreamble {
    fn default() -> Self {
        FilePreamble { major: 1, minor: 0, private: None, parameters: vec![BlockParameters::default()] }
    }
}

/// How blocks are stored, and how their data was collected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlockParameters {
    /// How they are stored.
    pub storage: StorageParameters,
    /// How their data was collected, if that is told.
    pub collection: Option<CollectionParameters>,
}

/// How blocks are stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorageParameters {
    /// The unit of all times: so many in a second.
    pub ticks_per_second: u64,
    /// A block has at most so many items, malformed messages and address events, each.
    pub max_block_items: u64,
    /// Which fields may be there.
    pub hints: Hints,
    /// The OPCODEs that are recorded.
    pub opcodes: Vec<u8>,
    /// The types of resource records that are.
    pub rr_types: Vec<u16>,
    /// Bit 0: addresses are anonymised; 1: items are a sample; 2: names are in one case.
    pub flags: Option<u64>,
    /// Bits that are kept of clients' IPv4 addresses; `None`: all.
    pub client_prefix_v4: Option<u8>,
    /// And of their IPv6 addresses.
    pub client_prefix_v6: Option<u8>,
    /// Bits that are kept of servers' IPv4 addresses.
    pub server_prefix_v4: Option<u8>,
    /// And of their IPv6 addresses.
    pub server_prefix_v6: Option<u8>,
    /// How items were sampled.
    pub sampling_method: Option<String>,
    /// How addresses were anonymised.
    pub anonymization_method: Option<String>,
}

/// Microseconds, blocks of 5000 items, every field, every OPCODE, and the types that have been assigned.
impl Default for StorageParameters {
    fn default() -> Self {
        StorageParameters {
            ticks_per_second: 1_000_000,
            max_block_items: 5000,
            hints: Hints::ALL,
            opcodes: (0..16).collect(),
            rr_types: (1..=68).chain(99..=109).chain([128]).chain(249..=263).chain(32768..=32770).collect(),
            flags: None,
            client_prefix_v4: None,
            client_prefix_v6: None,
            server_prefix_v4: None,
            server_prefix_v6: None,
            sampling_method: None,
            anonymization_method: None,
        }
    }
}

/// How data was collected. For people; nothing else depends on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CollectionParameters {
    /// How long a query waited for its response (ms).
    pub query_timeout_ms: Option<u64>,
    /// How much later than its response a query may have been captured (us).
    pub skew_timeout_us: Option<u64>,
    /// Octets captured of a packet.
    pub snaplen: Option<u64>,
    /// Whether the interface was in promiscuous mode.
    pub promiscuous: Option<bool>,
    /// Names of the interfaces.
    pub interfaces: Vec<String>,
    /// Addresses of the servers.
    pub servers: Vec<Vec<u8>>,
    /// VLANs that were captured.
    pub vlan_ids: Vec<u64>,
    /// The packet filter, as libpcap has it.
    pub filter: Option<String>,
    /// The program.
    pub generator: Option<String>,
    /// The host; empty if another capture was converted.
    pub host: Option<String>,
    /// compactor's: the DNS port.
    pub dns_port: Option<u64>,
}

/// Storage hints: a field whose bit is not set is never stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hints {
    /// Of items: see [`item_hints`].
    pub item: u64,
    /// Of signatures: a bit for each field, in the order of [`Signature`]'s.
    pub signature: u64,
    /// Of resource records: bit 0 TTL, bit 1 RDATA.
    pub record: u64,
    /// Bit 0: malformed messages, bit 1: address events.
    pub other: u64,
}

impl Hints {
    /// Everything.
    pub const ALL: Hints = Hints { item: 0x3_FFFF, signature: 0x1_FFFF, record: 3, other: 3 };
}

macro_rules! bits {
    ($(#[$doc:meta])* $module:ident: $type:ty; $($name:ident = $bit:literal, $sentence:literal;)*) => {
        $(#[$doc])*
        pub mod $module {
            $(#[doc = $sentence] pub const $name: $type = 1 << $bit;)*
        }
    };
}

bits! {
    /// Bits of [`Hints::item`].
    item_hints: u64;
    TIME = 0, "The time.";
    CLIENT = 1, "The client's address.";
    CLIENT_PORT = 2, "The client's port.";
    ID = 3, "The DNS id.";
    SIGNATURE = 4, "Everything in the signature.";
    HOP_LIMIT = 5, "The hop limit.";
    DELAY = 6, "The response's delay.";
    QNAME = 7, "The first question's name.";
    QUERY_SIZE = 8, "The query's size.";
    RESPONSE_SIZE = 9, "The response's size.";
    PROCESSING = 10, "Bailiwick and processing flags.";
    QUERY_QUESTIONS = 11, "Further questions; of responses too, which have no bit of their own.";
    QUERY_ANSWERS = 12, "The query's answer section.";
    QUERY_AUTHORITY = 13, "The query's authority section.";
    QUERY_ADDITIONAL = 14, "The query's additional section.";
    RESPONSE_ANSWERS = 15, "The response's answer section.";
    RESPONSE_AUTHORITY = 16, "The response's authority section.";
    RESPONSE_ADDITIONAL = 17, "The response's additional section.";
}

bits! {
    /// Bits of [`Signature::sig_flags`].
    sig_flags: u8;
    QUERY = 0, "There is a query.";
    RESPONSE = 1, "There is a response.";
    QUERY_OPT = 2, "The query has an OPT record.";
    RESPONSE_OPT = 3, "The response has an OPT record.";
    QUERY_NO_QUESTION = 4, "The query has no question.";
    RESPONSE_NO_QUESTION = 5, "The response has no question.";
}

bits! {
    /// Bits of [`Signature::dns_flags`]. Those from bit 15 on are compactor's.
    dns_flags: u32;
    QUERY_CD = 0, "CD of the query.";
    QUERY_AD = 1, "AD of the query.";
    QUERY_Z = 2, "Z of the query.";
    QUERY_RA = 3, "RA of the query.";
    QUERY_RD = 4, "RD of the query.";
    QUERY_TC = 5, "TC of the query.";
    QUERY_AA = 6, "AA of the query.";
    QUERY_DO = 7, "DO of the query's OPT record.";
    RESPONSE_CD = 8, "CD of the response.";
    RESPONSE_AD = 9, "AD of the response.";
    RESPONSE_Z = 10, "Z of the response.";
    RESPONSE_RA = 11, "RA of the response.";
    RESPONSE_RD = 12, "RD of the response.";
    RESPONSE_TC = 13, "TC of the response.";
    RESPONSE_AA = 14, "AA of the response.";
    QUERY_CO = 15, "CO of the query's OPT record (compactor's).";
    QUERY_DE = 16, "DE of the query's OPT record (compactor's).";
    RESPONSE_DO = 17, "DO of the response's OPT record (compactor's).";
    RESPONSE_CO = 18, "CO of the response's OPT record (compactor's).";
    RESPONSE_DE = 19, "DE of the response's OPT record (compactor's).";
}

bits! {
    /// Bits of transport flags. Bits 1 to 4 are the transport: see [`TRANSPORTS`].
    transport_flags: u8;
    IPV6 = 0, "IPv6.";
    TRAILING = 5, "Octets followed the query's message in its datagram.";
}

bits! {
    /// Bits of [`Item::processing_flags`].
    processing_flags: u64;
    FROM_CACHE = 0, "The response came from a cache.";
}

/// Transports, by bits 1 to 4 of transport flags; 15 is one that has no number, such as QUIC.
pub const TRANSPORTS: [&str; 5] = ["UDP", "TCP", "TLS", "DTLS", "HTTPS"];

/// Who speaks to whom, by [`Signature::qr_type`]; the last is compactor's.
pub const QR_TYPES: [&str; 7] =
    ["stub", "client", "resolver", "authoritative", "forwarder", "tool", "update"];

/// Kinds of address events, by [`AddressEvent::kind`].
pub const EVENT_KINDS: [&str; 6] = [
    "tcp-reset",
    "icmp-time-exceeded",
    "icmp-dest-unreachable",
    "icmpv6-time-exceeded",
    "icmpv6-dest-unreachable",
    "icmpv6-packet-too-big",
];

/// Whether an address, or a prefix of one, is IPv6. Its length tells only while it is stored whole.
pub fn is_ipv6(address: &[u8], transport_flags: Option<u8>) -> Option<bool> {
    match (address.len(), transport_flags) {
        (5.., _) => Some(true),
        (_, Some(flags)) => Some(flags & transport_flags::IPV6 != 0),
        (4, None) => Some(false),
        _ => None,
    }
}

/// An address from its octets; those that are missing are zero.
pub fn address(octets: &[u8], transport_flags: Option<u8>) -> Option<IpAddr> {
    let mut whole = [0; 16];
    whole.get_mut(..octets.len())?.copy_from_slice(octets);
    let [a, b, c, d, ..] = whole;
    Some(match is_ipv6(octets, transport_flags)? {
        true => IpAddr::V6(Ipv6Addr::from(whole)),
        false => IpAddr::V4(Ipv4Addr::new(a, b, c, d)),
    })
}

macro_rules! faults {
    ($($variant:ident, $name:literal, $sentence:literal;)*) => {
        /// What is wrong with a place in a file. [`FAULTS`] lists them all.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Fault { $(#[doc = $sentence] $variant,)* }

        /// All faults: the value, its name in reports, and a sentence for people.
        pub const FAULTS: &[(Fault, &str, &str)] = &[$((Fault::$variant, $name, $sentence),)*];
    };
}

faults! {
    Cut, "cut", "ends before its end";
    NotCbor, "not_cbor", "is not CBOR";
    TooDeep, "too_deep", "is nested deeper than C-DNS is";
    TooManyEntries, "too_many_entries", "has more entries in its tables than any program writes";
    WrongType, "wrong_type", "a field of the wrong type";
    OutOfRange, "out_of_range", "a number that is larger than it can be";
    NoSuchEntry, "no_such_entry", "the number of an entry that its table does not have";
    NotName, "not_a_name", "a name that is none";
    Incomplete, "incomplete", "an entry without a field that it must have";
    TooManyRecords, "too_many_records", "records named so often that they would be far more than the file";
}

impl Fault {
    /// Whether the bytes that follow cannot be understood because of it.
    fn is_structural(self) -> bool {
        matches!(self, Fault::Cut | Fault::NotCbor | Fault::TooDeep | Fault::TooManyEntries)
    }

    /// What is wrong, in words.
    pub fn sentence(self) -> &'static str {
        FAULTS[self as usize].2
    }
}

/// How often what was wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults([u64; FAULTS.len()]);

impl Faults {
    /// How often this was.
    pub fn of(&self, fault: Fault) -> u64 {
        self.0[fault as usize]
    }

    /// All of them together.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Adds another's counts.
    pub fn merge(&mut self, other: &Faults) {
        self.0.iter_mut().zip(other.0).for_each(|(sum, count)| *sum += count);
    }

    fn count(&mut self, fault: Fault) {
        self.0[fault as usize] += 1;
    }
}
