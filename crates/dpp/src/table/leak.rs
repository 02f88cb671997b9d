//! Whether a table gives away what its plan hides: a second look at each row, by a way that shares nothing with the first.
//!
//! Of each row all addresses are gathered that protected fields hold, from the key, from the bytes of its messages (if they are
//! kept) and from the name that is asked for. Then all values of the row are computed, and none may be, or have in it, one of
//! these: as address, as text, as octets, or as the name that points back to it. An address that is its own pseudonym is no
//! secret, and is counted. What is looked for is only what the same row holds: whether two rows can be connected, or a
//! pseudonym be turned back, nobody can tell from a table.

use super::{Context, Schema, Scratch, Value};
use crate::dns::edns::{self, ClientSubnet};
use crate::dns::{Message, rdata};
use crate::privacy::{self, Field, Pseudonym};
use crate::transaction::{Lacks, Side, Transaction};
use std::net::IpAddr;

/// What was looked at and what was found. It merges in any order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeakCheck {
    /// Rows that were looked at.
    pub rows: u64,
    /// Values that were.
    pub values: u64,
    /// Addresses that no value of their row may have in it.
    pub hidden: u64,
    /// Addresses of protected fields that are their own pseudonyms.
    pub unchanged: u64,
    /// Values that have such an address in them, by the fields of the schema; empty if there are none.
    pub leaks: Vec<u64>,
}

impl LeakCheck {
    /// Looks at a row.
    pub fn look_at(&mut self, row: &Transaction, schema: &Schema, context: &Context, scratch: &mut Scratch) {
        let secrets = self.secrets(row, context);
        for (number, field) in schema.fields().iter().enumerate() {
            let value = field.value(row, context, scratch);
            if secrets.iter().any(|secret| secret.is_in(value)) {
                self.leaks.resize(schema.fields().len(), 0);
                self.leaks[number] += 1;
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
        self.unchanged += other.unchanged;
        self.leaks.resize(self.leaks.len().max(other.leaks.len()), 0);
        self.leaks.iter_mut().zip(&other.leaks).for_each(|(sum, more)| *sum += more);
    }

    /// What must not be seen of this row.
    fn secrets(&mut self, row: &Transaction, context: &Context) -> Vec<Secret> {
        let mut secrets = Vec::new();
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
                secrets.push(Secret::of(address));
            }
        }
        secrets
    }
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
    let Some(message) = Message::parse(row.kept(side.message)) else { return };
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

/// An address in all the ways in which it is looked for.
struct Secret {
    address: IpAddr,
    octets: Vec<u8>,
    text: String,
    /// The name that points back to it.
    reverse: String,
}

impl Secret {
    fn of(address: IpAddr) -> Secret {
        // An IPv4-mapped address is the IPv4 address in it.
        let address = address.to_canonical();
        let (octets, reverse) = match address {
            IpAddr::V4(address) => {
                let [a, b, c, d] = address.octets();
                (address.octets().to_vec(), format!("{d}.{c}.{b}.{a}.in-addr.arpa"))
            }
            IpAddr::V6(address) => {
                let octets = address.octets();
                let nibbles: String =
                    octets.iter().rev().map(|octet| format!("{:x}.{:x}.", octet & 15, octet >> 4)).collect();
                (octets.to_vec(), format!("{nibbles}ip6.arpa"))
            }
        };
        Secret { address, octets, text: address.to_string(), reverse }
    }

    /// Whether a value is it, or has it in it.
    fn is_in(&self, value: Value) -> bool {
        match value {
            Value::Address(address) => address.to_canonical() == self.address,
            Value::Word(text) | Value::Text(text) => self.is_in_text(text.as_bytes()),
            Value::Name(wire) => self.is_in_text(&spelled(wire)),
            Value::Bytes(bytes) => bytes.windows(self.octets.len()).any(|octets| octets == self.octets),
            Value::Texts(texts) => texts.iter().any(|text| self.is_in_text(text.as_bytes())),
            Value::Records(records) => records.iter().any(|record| {
                let texts = [record.name, record.rtype, record.class, record.data];
                texts.iter().any(|text| self.is_in_text(text.as_bytes()))
            }),
            Value::Null | Value::Bool(_) | Value::U16(_) | Value::U64(_) | Value::I64(_) | Value::F64(_) => {
                false
            }
            Value::TimestampMicros(_) | Value::TimestampNanos(_) | Value::Seconds(_) => false,
            Value::Numbers(_) => false,
        }
    }

    fn is_in_text(&self, text: &[u8]) -> bool {
        let text = text.to_ascii_lowercase();
        // A longer number is another one.
        let goes_on: fn(u8) -> bool = match self.address {
            IpAddr::V4(_) => |octet| octet.is_ascii_digit(),
            IpAddr::V6(_) => |octet| octet.is_ascii_hexdigit() || octet == b':',
        };
        has(&text, self.text.as_bytes(), goes_on)
            || has(&text, self.reverse.as_bytes(), |octet| octet.is_ascii_alphanumeric())
    }
}

/// Whether `wanted` is in `text`, and not with such an octet before or behind it.
fn has(text: &[u8], wanted: &[u8], goes_on: fn(u8) -> bool) -> bool {
    text.windows(wanted.len()).enumerate().any(|(at, window)| {
        let before = at.checked_sub(1).is_some_and(|at| goes_on(text[at]));
        let behind = text.get(at + wanted.len()).is_some_and(|&octet| goes_on(octet));
        window == wanted && !before && !behind
    })
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
        let secret = Secret::of(address.parse().unwrap());
        assert_eq!(secret.is_in(Value::Text(text)), is_in, "{address} in {text}");
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
        let secret = Secret::of("192.0.2.1".parse().unwrap());
        assert!(secret.is_in(Value::Bytes(&[9, 192, 0, 2, 1, 9])));
        assert!(!secret.is_in(Value::Bytes(&[9, 192, 0, 2])));
        assert!(secret.is_in(Value::Name(b"\x03192\x010\x012\x011\0")));
        assert!(secret.is_in(Value::Name(b"\x0bx-192.0.2.1\0")));
        assert!(!secret.is_in(Value::Name(b"\x03192\x010\x012\0")));
        assert!(secret.is_in(Value::Address("::ffff:192.0.2.1".parse().unwrap())));
        assert!(!secret.is_in(Value::Address("192.0.2.2".parse().unwrap())));
    }

    #[test]
    fn what_was_found_adds_up_in_any_order() {
        let one = LeakCheck { rows: 1, values: 2, hidden: 3, unchanged: 4, leaks: vec![0, 1] };
        let (mut a, mut b) = (one.clone(), LeakCheck::default());
        a.merge(&LeakCheck::default());
        b.merge(&one);
        assert_eq!((&a, &b), (&one, &one));
        a.merge(&b);
        assert_eq!((a.rows, a.leaks), (2, vec![0, 2]));
    }
}
