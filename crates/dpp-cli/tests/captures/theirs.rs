//! tshark's reading: a line of `truth/` becomes a [`Message`] of the kind that is to be read here.
//!
//! Only UDP and TCP count, and not what an ICMP error quotes. Fields after damage are absent, so all that a question says is
//! optional. A frame may complete several messages of a TCP stream.

use crate::collection::{Row, Table};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

/// A message as tshark reads it.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) time_ns: i64,
    pub(crate) source: SocketAddr,
    pub(crate) destination: SocketAddr,
    pub(crate) id: u16,
    pub(crate) is_response: bool,
    /// The four bits of the header.
    pub(crate) rcode: u16,
    /// The upper bits that an OPT record adds to it.
    pub(crate) extended_rcode: u16,
    /// Octets, as the headers around it state them.
    pub(crate) size: u64,
    /// The first question's name as it is on the wire, compression pointers kept. Empty if there is none.
    pub(crate) name_wire: Vec<u8>,
    /// The same name written out.
    pub(crate) name: String,
    pub(crate) qtype: Option<u16>,
    pub(crate) question_count: Option<u16>,
    pub(crate) is_tcp: bool,
    /// tshark stopped in the middle of the message, at damage or where the snaplen cut.
    pub(crate) is_damaged: bool,
    /// All four counts of the header were there.
    pub(crate) has_header: bool,
    /// It was put together from IP fragments.
    pub(crate) is_reassembled: bool,
}

impl Message {
    /// What tshark writes in place of a name that it cannot read; what it then takes for a type is noise.
    pub(crate) fn has_no_name(&self) -> bool {
        ["<Unknown extended label>", "<Name too long>"].contains(&&self.name[..])
    }
}

/// The messages with one of these ports on either side, by frame number.
pub(crate) fn messages(truth: &Table, ports: &[u16]) -> BTreeMap<u64, Vec<Message>> {
    let mut messages: BTreeMap<u64, Vec<Message>> = BTreeMap::new();
    for row in truth.rows().filter(is_traffic) {
        let message = message(&row);
        if [message.source, message.destination].iter().any(|end| ports.contains(&end.port())) {
            messages.entry(row.number("frame").expect("a frame")).or_default().push(message);
        }
    }
    messages
}

fn is_traffic(row: &Row) -> bool {
    ["6", "17"].contains(&row.get("ip_proto")) && !row.is_set("in_icmp")
}

fn message(row: &Row) -> Message {
    Message {
        time_ns: nanoseconds(row.get("time_epoch")),
        source: end(row, "ip_src", "srcport"),
        destination: end(row, "ip_dst", "dstport"),
        id: row.number("dns_id").expect("an ID"),
        is_response: row.is_set("qr"),
        rcode: row.number("rcode").expect("a response code"),
        extended_rcode: row.number("edns_ext_rcode_bits").unwrap_or_default(),
        size: row.number("dns_len").expect("a length"),
        name_wire: bytes(row.get("qname_wire")),
        name: row.get("qname").to_owned(),
        qtype: row.number("qtype"),
        question_count: row.number("qdcount"),
        is_tcp: row.get("ip_proto") == "6",
        is_damaged: row.is_set("malformed") || row.is_set("short"),
        has_header: !row.get("arcount").is_empty(),
        is_reassembled: row.is_set("ip_reassembled"),
    }
}

fn end(row: &Row, address: &str, port: &str) -> SocketAddr {
    let address: IpAddr = row.number(address).expect("an address");
    SocketAddr::new(address, row.number(port).expect("a port"))
}

/// `seconds.nnnnnnnnn` as nanoseconds.
fn nanoseconds(time: &str) -> i64 {
    let (seconds, fraction) = time.split_once('.').expect("seconds and a fraction");
    assert_eq!(fraction.len(), 9, "nine decimals");
    seconds.parse::<i64>().expect("seconds") * 1_000_000_000 + fraction.parse::<i64>().expect("a fraction")
}

fn bytes(hex: &str) -> Vec<u8> {
    hex.as_bytes().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

fn digit(hex: u8) -> u8 {
    (hex as char).to_digit(16).expect("a hexadecimal digit") as u8
}
