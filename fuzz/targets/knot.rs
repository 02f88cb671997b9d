//! Datagrams of Knot DNS: each is read as a plain reader reads it, or by neither; and all columns of its row can be asked.
//!
//! The first octet says how many come at once, the rest is pieces, each behind its length, two octets. What comes at once
//! must not matter. Started by `fuzz/run`.

#![no_main]

#[path = "../../crates/dpp/tests/columns/asked.rs"]
#[allow(dead_code)]
mod asked;

use asked::rows_live;
use dpp::capture::Record;
use dpp::knot::{Carrier, Pair, Probe};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((&at_once, rest)) = input.split_first() else { return };
    let told = pieces(rest);
    let read: Vec<Probe> = told.iter().filter_map(|datagram| check(datagram)).collect();
    let (rows, totals) = rows_live(Record::KNOT, &told, 1 + usize::from(at_once));
    let replies = read.iter().filter(|probe| probe.reply.is_some()).count();
    assert_eq!((rows.len(), totals.messages), (read.len(), (read.len() + replies) as u64));
    for (row, probe) in rows.iter().zip(&read) {
        assert_eq!(row["match"] == "matched", probe.reply.is_some());
        assert_eq!(row["query_size"], probe.size.to_string());
    }
    assert_eq!(rows_live(Record::KNOT, &told, 1).0, rows);
});

/// Lengths and as much of the octets behind each as there is.
fn pieces(mut rest: &[u8]) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    while let Some((length, behind)) = rest.split_first_chunk() {
        let length = usize::from(u16::from_le_bytes(*length)).min(behind.len());
        let (piece, behind) = behind.split_at(length);
        pieces.push(piece);
        rest = behind;
    }
    pieces
}

/// Takes fields from a structure, one after the other.
struct Taken<'a>(&'a [u8]);

impl<'a> Taken<'a> {
    fn bytes(&mut self, count: usize) -> &'a [u8] {
        let (bytes, rest) = self.0.split_at(count);
        self.0 = rest;
        bytes
    }

    fn number(&mut self, count: usize) -> u64 {
        self.bytes(count).iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
    }
}

/// Reads a datagram in both ways.
fn check(datagram: &[u8]) -> Option<Probe<'_>> {
    let probe = Probe::parse(datagram);
    let family = datagram.first().copied().unwrap_or(99);
    let name_length = datagram.get(86).copied().unwrap_or(0);
    let is_one = datagram.len() >= 87 + usize::from(name_length)
        && [0, 4, 6].contains(&family)
        && is_name(&datagram[87..][..usize::from(name_length)]);
    assert_eq!(probe.is_some(), is_one);
    let probe = probe?;
    let mut fields = Taken(datagram);
    fields.bytes(1);
    let carrier = fields.number(1);
    let (local, local_port) = (fields.bytes(16), fields.number(2));
    let (remote, remote_port) = (fields.bytes(16), fields.number(2));
    match probe.addresses {
        None => assert_eq!(family, 0),
        Some(Pair::V4 { server, client }) => {
            assert_eq!((family, &server[..], &client[..]), (4, &local[..4], &remote[..4]))
        }
        Some(Pair::V6 { server, client }) => {
            assert_eq!((family, &server[..], &client[..]), (6, local, remote))
        }
    }
    assert_eq!((u64::from(probe.server_port), u64::from(probe.client_port)), (local_port, remote_port));
    let names = [Carrier::Udp, Carrier::Tcp, Carrier::Quic, Carrier::Tls, Carrier::Https];
    let expected = names.get(carrier as usize).copied().unwrap_or(Carrier::Other(carrier as u8));
    assert_eq!(probe.carrier, expected);
    let header = fields.bytes(12);
    let [size, rcode, error] = [2, 2, 2].map(|count| fields.number(count));
    match probe.reply {
        None => assert_eq!(size, 0),
        Some(reply) => {
            assert_eq!(
                (u64::from(reply.size), u64::from(reply.rcode), &reply.header[..]),
                (size, rcode, header)
            );
            assert_eq!(u64::from(reply.extended_error.unwrap_or(0xFFFF)), error);
        }
    }
    assert_eq!(u64::from(probe.handshake_rtt_us.unwrap_or(0)), fields.number(4));
    let [options, udp_size, version, flags] = [4, 2, 1, 1].map(|count| fields.number(count));
    match probe.edns {
        None => assert_eq!(flags & 1, 0),
        Some(edns) => {
            let numbers = [u64::from(edns.options), edns.udp_size.into(), edns.version.into()];
            assert_eq!(numbers, [options, udp_size, version]);
            let bits = [edns.dnssec_ok, edns.delegation_aware];
            assert_eq!((flags & 1, bits), (1, [flags >> 1 & 1 == 1, flags >> 2 & 1 == 1]));
        }
    }
    assert_eq!(probe.header, fields.bytes(12));
    let question = [2, 2, 2].map(|count| fields.number(count));
    assert_eq!(question, [probe.size, probe.qclass, probe.qtype].map(u64::from));
    let length = fields.number(1) as usize;
    assert_eq!(probe.qname, fields.bytes(length));
    Some(probe)
}

/// Whether these octets are labels up to the root.
fn is_name(octets: &[u8]) -> bool {
    let mut at = 0;
    loop {
        match octets.get(at) {
            Some(0) => return at + 1 == octets.len(),
            Some(&length) if length < 64 => at += 1 + usize::from(length),
            _ => return false,
        }
    }
}
