//! tshark's reading: a line of `truth/` becomes a [`Message`] of the kind that is to be read here.
//!
//! Only UDP with port 53 on one side counts, and not what an ICMP error quotes. Fields after damage are absent, so all
//! that a question says is optional. A frame holds at most one such message.

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
    /// The first question's name as it is on the wire, compression pointers kept. Empty if there is none.
    pub(crate) name_wire: Vec<u8>,
    /// The same name written out.
    pub(crate) name: String,
    pub(crate) qtype: Option<u16>,
    pub(crate) question_count: Option<u16>,
    pub(crate) outside: Outside,
}

/// What lies around a message, or is wrong with it.
#[derive(Debug)]
pub(crate) struct Outside {
    pub(crate) vlans: u32,
    pub(crate) ip_headers: u32,
    pub(crate) is_reassembled: bool,
    /// tshark stopped in the middle of the message, at damage or where the snaplen cut.
    pub(crate) is_damaged: bool,
    /// UDP states more bytes than tshark had.
    pub(crate) is_partial: bool,
}

/// The messages that are to be read here, by frame number.
pub(crate) fn messages(truth: &Table) -> BTreeMap<u64, Message> {
    truth.rows().filter(is_wanted).map(|row| (row.number("frame").expect("a frame"), message(&row))).collect()
}

fn is_wanted(row: &Row) -> bool {
    row.get("kind") == "dns53" && row.get("ip_proto") == "17" && !row.is_set("in_icmp")
}

fn message(row: &Row) -> Message {
    Message {
        time_ns: nanoseconds(row.get("time_epoch")),
        source: end(row, "ip_src", "srcport"),
        destination: end(row, "ip_dst", "dstport"),
        id: row.number("dns_id").expect("an ID"),
        is_response: row.is_set("qr"),
        rcode: row.number("rcode").expect("a response code"),
        name_wire: bytes(row.get("qname_wire")),
        name: row.get("qname").to_owned(),
        qtype: row.number("qtype"),
        question_count: row.number("qdcount"),
        outside: Outside {
            vlans: row.number("n_vlan").expect("a number of VLAN tags"),
            ip_headers: row.number("n_ip").expect("a number of IP headers"),
            is_reassembled: row.is_set("ip_reassembled"),
            is_damaged: row.is_set("malformed") || row.is_set("short"),
            is_partial: row.number::<u32>("dns_caplen") < row.number("dns_len"),
        },
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
