//! Whether a table gives away what its plan hides: a second look at each row, by a way that shares nothing with the first.
//!
//! Of each row all addresses are gathered that protected fields hold, from the key, from the bytes of its messages (if they are
//! kept) and from the name that is asked for. Then all values of the row are computed, and none may be, or have in it, one of
//! these: as address, as text, as octets or their hexadecimal digits, or as the name that points back to it. Of a client subnet
//! the octets that are given count. The name asked for is looked for, too, if another one is written. An address that is its own
//! pseudonym is no secret, and is counted. What is looked for is only what the same row holds: whether two rows can be
//! connected, or a pseudonym be turned back, nobody can tell from a table.

use super::{Column, Context, Schema, Scratch, Value};
use crate::dns::edns::{self, ClientSubnet};
use crate::dns::name::{self, WIRE_MAX};
use crate::dns::{Message, rdata};
use crate::privacy::{self, Field, Pseudonym};
use crate::transaction::{Lacks, Side, Transaction};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Columns whose values are names that operators and users gave, of servers, files and networks; somebody may ask for such a name.
const NAMED_BY_OTHERS: [Column; 8] = [
    Column::Input,
    Column::Server,
    Column::Site,
    Column::AsOrg,
    Column::DstAsOrg,
    Column::Nsid,
    Column::DnstapIdentity,
    Column::DnstapVersion,
];

/// What was looked at and what was found. It merges in any order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeakCheck {
    /// Rows that were looked at.
    pub rows: u64,
    /// Values that were.
    pub values: u64,
    /// Addresses that no value of their row may have in it.
    pub hidden: u64,
    /// Names that none may have in it.
    pub names: u64,
    /// Addresses of protected fields that are their own pseudonyms.
    pub unchanged: u64,
    /// Values that have such an address in them, by the fields of the schema; empty if there are none.
    pub leaks: Vec<u64>,
}

impl LeakCheck {
    /// Looks at a row.
    pub fn look_at(&mut self, row: &Transaction, schema: &Schema, context: &Context, scratch: &mut Scratch) {
        let mut secrets = self.secrets(row, context);
        let mut names = std::mem::take(&mut secrets.names);
        for (number, field) in schema.fields().iter().enumerate() {
            let value = field.value(row, context, scratch);
            // Names are looked for where they may not stand; elsewhere they wait outside.
            let may_be = NAMED_BY_OTHERS.contains(&field.column);
            if !may_be {
                std::mem::swap(&mut secrets.names, &mut names);
            }
            if !secrets.is_empty() && secrets.are_in(value) {
                self.leaks.resize(schema.fields().len(), 0);
                self.leaks[number] += 1;
            }
            if !may_be {
                std::mem::swap(&mut secrets.names, &mut names);
            }
        }
        self.rows += 1;
        self.values += schema.fields().len() as u64;
    }

    /// Adds what another look found with the same schema.
    pub fn merge(&mut self, other: &LeakCheck) {
        self.rows += other.rows;
        self.values += other.values;
        self.hidden += other.hidden;
        self.names += other.names;
        self.unchanged += other.unchanged;
        self.leaks.resize(self.leaks.len().max(other.leaks.len()), 0);
        self.leaks.iter_mut().zip(&other.leaks).for_each(|(sum, more)| *sum += more);
    }

    /// What must not be seen of this row.
    fn secrets(&mut self, row: &Transaction, context: &Context) -> Secrets {
        let mut secrets = Secrets::default();
        for Held { field, address, prefix } in held(row) {
            if context.privacy.map_of(field).is_none() {
                continue;
            }
            let pseudonym = match prefix {
                Some(prefix) => context.subnet(row, address, prefix, 0).address,
                None => context.pseudonym(field, row, address, 0),
            };
            if pseudonym == Pseudonym::Address(address) {
                self.unchanged += 1;
            } else {
                self.hidden += 1;
                let address = address.to_canonical();
                secrets.addresses.push(address);
                secrets.subnets.extend(prefix.map(|prefix| (address, prefix)));
            }
        }
        let name = row.key().name();
        if context.name(name, &mut [0; WIRE_MAX]) != Some(name) {
            secrets.names = names_of(name);
            self.names += u64::from(!secrets.names.is_empty());
        }
        secrets
    }
}

/// A name in lower case, in the ways in which it is looked for; none of a name with a single label, for that is a word like others.
fn names_of(wire: &[u8]) -> Vec<Vec<u8>> {
    let plain = spelled(wire).to_ascii_lowercase();
    if !plain.contains(&b'.') {
        return Vec::new();
    }
    let (mut escaped, mut absolute) = (Vec::new(), Vec::new());
    name::write_text(wire, &mut escaped);
    name::write_absolute(wire, &mut absolute);
    if absolute.last() == Some(&b'.') {
        absolute.pop();
    }
    let mut names = vec![plain, escaped.to_ascii_lowercase(), absolute.to_ascii_lowercase()];
    names.dedup();
    names
}

/// An address that a row holds, and the field it is in.
struct Held {
    field: Field,
    address: IpAddr,
    /// Of a subnet, how many bits count.
    prefix: Option<u8>,
}

impl Held {
    fn of(field: Field, address: IpAddr) -> Held {
        Held { field, address, prefix: None }
    }
}

/// The addresses that a row holds.
fn held(row: &Transaction) -> Vec<Held> {
    let mut found = Vec::new();
    if !row.lacks(Lacks::CLIENT) {
        found.push(Held::of(Field::Client, row.key().client()));
    }
    if !row.lacks(Lacks::SERVER) {
        found.push(Held::of(Field::Server, row.key().server()));
    }
    found.extend(privacy::address_of(row.key().name()).map(|address| Held::of(Field::Ptr, address)));
    for side in [row.query(), row.response()].into_iter().flatten() {
        in_message(row, side, &mut found);
    }
    found
}

/// Those in the bytes of a message, if they are kept.
fn in_message(row: &Transaction, side: &Side, found: &mut Vec<Held>) {
    let Some(message) = Message::parse(row.message(side)) else { return };
    let Some(at) = end_of_questions(&message) else { return };
    let options = message.opt(at).into_iter().flat_map(|opt| opt.options());
    let subnets =
        options.filter(|option| option.0 == edns::ECS).filter_map(|option| ClientSubnet::parse(option.1));
    for ClientSubnet { address, source_prefix, .. } in subnets {
        // A prefix of no bits names nobody.
        if source_prefix > 0 {
            found.push(Held { field: Field::Ecs, address, prefix: Some(source_prefix) });
        }
    }
    for record in message.records(at) {
        found.extend(rdata::rdata_address(&record).map(|address| Held::of(Field::Rdata, address)));
    }
}

fn end_of_questions(message: &Message) -> Option<usize> {
    let mut at = Message::QUESTIONS;
    for _ in 0..message.question_count() {
        at = message.skip_question(at).ok()?;
    }
    Some(at)
}

/// What no value of a row may show.
#[derive(Debug, Default)]
struct Secrets {
    /// IPv4-mapped ones are the IPv4 addresses in them.
    addresses: Vec<IpAddr>,
    /// Client subnets, and how many bits count.
    subnets: Vec<(IpAddr, u8)>,
    /// The name asked for, in lower case: its labels with dots between them, and, if that is something else, as names are
    /// escaped in text.
    names: Vec<Vec<u8>>,
    /// Room for a text in lower case, and for what it spells in hexadecimal digits.
    lower: Vec<u8>,
    octets: Vec<u8>,
}

impl Secrets {
    fn is_empty(&self) -> bool {
        self.addresses.is_empty() && self.names.is_empty()
    }

    /// Whether a value is one of them, or has one in it.
    fn are_in(&mut self, value: Value) -> bool {
        match value {
            Value::Address(address) => self.addresses.contains(&address.to_canonical()),
            Value::Word(text) | Value::Text(text) => self.are_in_text(text.as_bytes()),
            Value::Name(wire) => self.are_in_text(&spelled(wire)),
            Value::Bytes(bytes) => self.are_in_octets(bytes) || self.is_name_in_wire(bytes),
            Value::Texts(texts) => texts.iter().any(|text| self.are_in_text(text.as_bytes())),
            Value::Records(records) => records.iter().any(|record| {
                let texts = [record.name, record.rtype, record.class, record.data];
                texts.iter().any(|text| self.are_in_text(text.as_bytes()))
            }),
            Value::Null | Value::Bool(_) | Value::U16(_) | Value::U64(_) | Value::I64(_) | Value::F64(_) => {
                false
            }
            Value::TimestampMicros(_) | Value::TimestampNanos(_) | Value::Seconds(_) => false,
            Value::Numbers(_) => false,
        }
    }

    /// One walk over a text for each way of writing addresses, however many secrets there are.
    fn are_in_text(&mut self, text: &[u8]) -> bool {
        let mut lower = std::mem::take(&mut self.lower);
        lower.clear();
        lower.extend(text.iter().map(u8::to_ascii_lowercase));
        let found = self.names.iter().any(|name| has_name(&lower, name))
            || !self.addresses.is_empty()
                && (self.are_in_numbers(&lower) || self.are_in_groups(&lower) || self.are_in_digits(&lower));
        self.lower = lower;
        found
    }

    fn has(&self, address: impl Into<IpAddr>) -> bool {
        self.addresses.contains(&address.into())
    }

    /// Whether the first octets or groups of an address are a hidden subnet, and no more than that.
    fn has_subnet<const N: usize>(&self, address: IpAddr, count: usize, bits_each: usize) -> bool {
        let is_it = |&(subnet, bits): &(IpAddr, u8)| {
            subnet == address && usize::from(bits).div_ceil(bits_each) == count
        };
        count >= N && self.subnets.iter().any(is_it)
    }

    /// Numbers with dots between them, `192.0.2.1`, or hyphens, as in names of hosts; and before `in-addr.arpa` the other way
    /// round. A longer number is another one. Three octets and no more are a subnet of 17 to 24 bits; two are no more than a
    /// version of something.
    fn are_in_numbers(&self, text: &[u8]) -> bool {
        let mut at = 0;
        while at < text.len() {
            if !text[at].is_ascii_digit() {
                at += 1;
                continue;
            }
            // The last four, and how many there are in a row.
            let (mut last, mut count) = ([u32::MAX; 4], 0);
            loop {
                let start = at;
                let digits = text[at..].iter().take_while(|octet| octet.is_ascii_digit()).count();
                at += digits;
                let number = text[start..at].iter().take(4);
                let number = number.fold(0, |number, digit| number * 10 + u32::from(digit - b'0'));
                last = [last[1], last[2], last[3], if digits > 3 { u32::MAX } else { number }];
                count += 1;
                if count >= 4 && address(last).is_some_and(|address| self.has(address)) {
                    return true;
                }
                let goes_on = matches!(text.get(at), Some(b'.' | b'-'));
                if !goes_on || !text.get(at + 1).is_some_and(u8::is_ascii_digit) {
                    break;
                }
                at += 1;
            }
            let [a, b, c, d] = last;
            let is_reverse = text[at..].starts_with(b".in-addr.arpa");
            if is_reverse && count >= 4 && address([d, c, b, a]).is_some_and(|address| self.has(address)) {
                return true;
            }
            if count == 3 {
                let first = if is_reverse { [d, c, b, 0] } else { [b, c, d, 0] };
                if address(first).is_some_and(|first| self.has_subnet::<3>(first.into(), 3, 8)) {
                    return true;
                }
            }
        }
        false
    }

    /// Groups of hexadecimal digits with colons between them, and nibbles before `ip6.arpa`.
    fn are_in_groups(&self, text: &[u8]) -> bool {
        if !self.addresses.iter().any(IpAddr::is_ipv6) {
            return false;
        }
        let is_group = |octet: &u8| octet.is_ascii_hexdigit() || *octet == b':';
        let runs = text.split(|octet| !is_group(octet)).filter(|run| run.contains(&b':'));
        let mut words = runs.filter_map(|run| std::str::from_utf8(run).ok());
        let is_known = words.any(|word| match word.parse::<Ipv6Addr>() {
            Ok(address) => self.has(address),
            Err(_) => {
                let groups = word.split(':').filter(|group| !group.is_empty()).count();
                let first = format!("{}::", word.trim_matches(':')).parse::<Ipv6Addr>();
                first.is_ok_and(|first| self.has_subnet::<3>(first.into(), groups, 16))
            }
        });
        let mut trees = text.windows(9).enumerate().filter(|(_, window)| window == b".ip6.arpa");
        is_known || trees.any(|(end, _)| self.is_in_nibbles(&text[..end]))
    }

    /// The nibbles that a text ends with, the last first.
    fn is_in_nibbles(&self, text: &[u8]) -> bool {
        let (mut bits, mut count) = (0u128, 0);
        for label in text.rsplit(|octet| *octet == b'.') {
            let nibble = match label {
                [nibble] => char::from(*nibble).to_digit(16),
                _ => None,
            };
            let Some(nibble) = nibble.filter(|_| count < 32) else { break };
            bits |= u128::from(nibble) << (124 - 4 * count);
            count += 1;
        }
        let address = Ipv6Addr::from_bits(bits);
        match count {
            32 => self.has(address),
            _ => self.has_subnet::<12>(address.into(), count, 4),
        }
    }

    /// Hexadecimal digits, as data is written that nobody can read.
    fn are_in_digits(&mut self, text: &[u8]) -> bool {
        let runs = text.split(|octet| !octet.is_ascii_hexdigit());
        let mut octets = std::mem::take(&mut self.octets);
        let found = runs.filter(|run| run.len() >= 8).any(|run| {
            let digit = |octet: u8| char::from(octet).to_digit(16).unwrap_or(0) as u8;
            octets.clear();
            octets.extend(run.chunks_exact(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])));
            match (run.len(), octets.first_chunk::<4>()) {
                // Four octets of a long digest are an address by chance.
                (8, Some(four)) => self.has(*four),
                _ => self.are_in_long_octets(&octets),
            }
        });
        self.octets = octets;
        found
    }

    fn are_in_octets(&self, octets: &[u8]) -> bool {
        octets.array_windows::<4>().any(|four| self.has(*four)) || self.are_in_long_octets(octets)
    }

    /// The sixteen octets of an address, or a client subnet as its option has it.
    fn are_in_long_octets(&self, octets: &[u8]) -> bool {
        let is_v6 = self.addresses.iter().any(IpAddr::is_ipv6);
        is_v6 && octets.array_windows::<16>().any(|sixteen| self.has(*sixteen))
            || self.subnets.iter().any(|&(address, bits)| is_option_in(octets, address, bits))
    }

    fn is_name_in_wire(&self, octets: &[u8]) -> bool {
        self.names.iter().any(|name| {
            let labels = name.split(|octet| *octet == b'.');
            let wire: Vec<u8> = labels.flat_map(|label| [&[label.len() as u8], label].concat()).collect();
            octets.windows(wire.len()).any(|window| window.eq_ignore_ascii_case(&wire))
        })
    }
}

fn address(numbers: [u32; 4]) -> Option<Ipv4Addr> {
    let [a, b, c, d] = numbers.map(|number| u8::try_from(number).ok());
    Some(Ipv4Addr::new(a?, b?, c?, d?))
}

/// Family, length of the prefix, whatever the other length is, and so many octets (RFC 7871 section 6).
fn is_option_in(octets: &[u8], address: IpAddr, bits: u8) -> bool {
    let (family, address) = match address {
        IpAddr::V4(address) => (1, address.octets().to_vec()),
        IpAddr::V6(address) => (2, address.octets().to_vec()),
    };
    let given = &address[..usize::from(bits).div_ceil(8)];
    octets.windows(4 + given.len()).any(|window| window[..3] == [0, family, bits] && window[4..] == *given)
}

/// Whether a name is in a text, and not as part of longer labels.
fn has_name(text: &[u8], name: &[u8]) -> bool {
    let goes_on = |octet: &u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_');
    let Some((&first, _)) = name.split_first() else { return false };
    let mut at = 0;
    while let Some(found) = text[at..].iter().position(|octet| *octet == first) {
        let start = at + found;
        let Some(window) = text.get(start..start + name.len()) else { return false };
        let before = start.checked_sub(1).is_some_and(|before| goes_on(&text[before]));
        if window == name && !before && !text.get(start + name.len()).is_some_and(goes_on) {
            return true;
        }
        at = start + 1;
    }
    false
}

/// The labels of a name in wire form with dots between them.
fn spelled(wire: &[u8]) -> Vec<u8> {
    let (mut text, mut rest) = (Vec::new(), wire);
    while let Some((&length @ 1.., behind)) = rest.split_first() {
        let Some((label, behind)) = behind.split_at_checked(length.into()) else { break };
        if !text.is_empty() {
            text.push(b'.');
        }
        text.extend_from_slice(label);
        rest = behind;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(address: &str, text: &str, is_in: bool) {
        assert_eq!(secret(address, None).are_in(Value::Text(text)), is_in, "{address} in {text}");
    }

    fn secret(address: &str, bits: Option<u8>) -> Secrets {
        let address = address.parse::<IpAddr>().unwrap().to_canonical();
        let subnets = bits.map(|bits| (address, bits)).into_iter().collect();
        Secrets { addresses: vec![address], subnets, ..Secrets::default() }
    }

    #[test]
    fn an_address_is_found_in_text_but_not_in_a_longer_one() {
        check("192.0.2.1", "192.0.2.1", true);
        check("192.0.2.1", "host-192.0.2.1.example", true);
        check("192.0.2.1", "192.0.2.10", false);
        check("92.0.2.1", "192.0.2.1", false);
        check("192.0.2.1", "1.2.0.192.IN-ADDR.arpa", true);
        check("192.0.2.1", "11.2.0.192.in-addr.arpa", false);
        check("::ffff:192.0.2.1", "192.0.2.1", true);
        check("2001:db8::1", "ip=2001:DB8::1", true);
        check("2001:db8::1", "2001:db8::1:2", false);
        check("2001:db8::1", "2001:db8::12", false);
        check("::1", "2001:db8::1", false);
        let nibbles = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa";
        check("2001:db8::1", nibbles, true);
        check("2001:db8::2", nibbles, false);
    }

    #[test]
    fn an_address_is_found_in_octets_names_and_addresses() {
        let mut secret = secret("192.0.2.1", None);
        assert!(secret.are_in(Value::Bytes(&[9, 192, 0, 2, 1, 9])));
        assert!(!secret.are_in(Value::Bytes(&[9, 192, 0, 2])));
        assert!(secret.are_in(Value::Name(b"\x03192\x010\x012\x011\0")));
        assert!(secret.are_in(Value::Name(b"\x0bx-192.0.2.1\0")));
        assert!(!secret.are_in(Value::Name(b"\x03192\x010\x012\0")));
        assert!(secret.are_in(Value::Address("::ffff:192.0.2.1".parse().unwrap())));
        assert!(!secret.are_in(Value::Address("192.0.2.2".parse().unwrap())));
    }

    #[test]
    fn an_address_is_found_however_it_is_spelled() {
        check("192.0.2.1", "ip-192-0-2-1.example", true);
        check("192.0.2.1", r"\# 4 C0000201", true);
        check("192.0.2.1", r"\# 5 C000020100", false);
        check("192.0.2.1", "9.192.0.2.1.9", true);
        check("192.0.2.1", "1192.0.2.1", false);
        check("192.0.2.1", "192.0.2.1000000000000000000000", false);
        check("2001:db8::1", "2001:0db8:0::0001", true);
        check("2001:db8::1", "x=00020010DB8000000000000000000000001", false);
        check("2001:db8::1", "20010DB8000000000000000000000001FF", true);
    }

    #[test]
    fn a_subnet_is_found_by_the_octets_that_are_given() {
        let check = |address: &str, bits: u8, text: &str, is_in: bool| {
            let found = secret(address, Some(bits)).are_in(Value::Text(text));
            assert_eq!(found, is_in, "{address}/{bits} in {text}");
        };
        check("192.0.2.0", 24, "192.0.2/24", true);
        check("192.0.2.0", 24, "net 192.0.2.", true);
        check("192.0.2.0", 24, "192.0.2.0/24", true);
        check("192.0.2.0", 24, "192.0.2.77", false);
        check("192.0.2.0", 24, "2.0.192.in-addr.arpa", true);
        check("192.0.2.0", 24, "7.2.0.192.in-addr.arpa", false);
        check("192.0.0.0", 16, "192.0", false);
        check("192.0.2.0", 24, "OPT8=00011800C00002", true);
        check("192.0.2.0", 24, "OPT8=00011900C00002", false);
        check("2001:db8:0:100::", 56, "2001:db8:0:100::/56", true);
        check("2001:db8:0:100::", 56, "2001:db8:0:100", true);
        check("2001:db8:0:100::", 56, "2001:db8:0:101", false);
        check("2001:db8:0:100::", 56, "1.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", true);
        check("2001:db8:0:100::", 56, "1.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", false);
        let bytes = |bytes: &[u8]| secret("192.0.2.0", Some(24)).are_in(Value::Bytes(bytes));
        assert!(bytes(b"\0\x08\0\x07\0\x01\x18\x10\xC0\0\x02"));
        assert!(!bytes(b"\0\x08\0\x07\0\x01\x18\x10\xC0\0\x03"));
    }

    #[test]
    fn a_name_is_found_but_not_in_longer_labels() {
        let mut secrets = Secrets { names: names_of(b"\x03wWw\x09a.b\x20\xFFexam\0"), ..Secrets::default() };
        assert_eq!(secrets.names.len(), 3, "plain, and escaped in two ways");
        assert!(secrets.are_in(Value::Name(b"\x01x\x03www\x09a.b\x20\xFFexam\0")));
        let mut secrets = Secrets { names: names_of(b"\x03www\x07Example\0"), ..Secrets::default() };
        assert!(secrets.are_in(Value::Text("for WWW.example A")));
        assert!(secrets.are_in(Value::Text("a.www.example.net")));
        assert!(!secrets.are_in(Value::Text("wwww.example")));
        assert!(!secrets.are_in(Value::Text("www.examples www.exampl")));
        assert!(secrets.are_in(Value::Bytes(b"\x12\x03WWW\x07example\0")));
        assert!(names_of(b"\x01a\0").is_empty() && names_of(b"\0").is_empty() && names_of(b"").is_empty());
    }

    #[test]
    fn what_was_found_adds_up_in_any_order() {
        let one = LeakCheck { rows: 1, values: 2, hidden: 3, names: 5, unchanged: 4, leaks: vec![0, 1] };
        let (mut a, mut b) = (one.clone(), LeakCheck::default());
        a.merge(&LeakCheck::default());
        b.merge(&one);
        assert_eq!((&a, &b), (&one, &one));
        a.merge(&b);
        assert_eq!((a.rows, a.leaks), (2, vec![0, 2]));
    }
}
