//! Databases in MaxMind's format: of a script, written whole, that a plain list says the same; of any bytes, and of what was
//! written and then damaged, that they are refused or answer, in memory that the file is in proportion to.
//!
//! The input's first octet says which. A script is six octets a prefix. Started by `fuzz/run`.

#![no_main]

#[path = "../../crates/dpp/src/enrich/mmdb_writer.rs"]
mod mmdb_writer;

use dpp::enrich::{GeoDb, Origin};
use mmdb_writer::{Database, Value, text};
use std::net::IpAddr;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((&how, rest)) = input.split_first() else { return };
    match how & 3 {
        0 => ask(GeoDb::open(rest.to_vec()).ok()),
        1 => compare(&database(how, rest)),
        _ => damage(how, rest),
    }
});

/// Asks for a few addresses. What they say must be the same the second time.
fn ask(opened: Option<GeoDb>) {
    let Some(opened) = opened else { return };
    for first in (0..=255u8).step_by(5) {
        let bits = u128::from_be_bytes([first; 16]);
        for address in [IpAddr::from((bits as u32).to_be_bytes()), IpAddr::from(bits.to_be_bytes())] {
            let origin = opened.of(address);
            assert_eq!(origin, opened.of(address));
            assert!(origin.country.is_none_or(|country| country.len() == 2));
            assert!(origin.asn != Some(0) && origin.as_org != Some(""));
        }
    }
}

/// Octets of a prefix: what it is of, three of the address, its length, what stands there.
fn database(how: u8, script: &[u8]) -> Database {
    let ip_version = if how & 4 == 0 { 4 } else { 6 };
    let record_bits = [24, 28, 32][usize::from(how >> 3) % 3];
    let mut prefixes: Vec<(IpAddr, u32, Value)> = Vec::new();
    for &[kind, a, b, c, length, value] in script.as_chunks().0.iter().take(100) {
        let length = u32::from(length % 33);
        let bits = u32::from_be_bytes([a, b, c, 0]) & u32::MAX.checked_shl(32 - length).unwrap_or(0);
        // IPv6 in one half of the tree, IPv4 in the other, so that neither contains the other.
        let address = match kind & 1 {
            1 if ip_version == 6 && length > 0 => {
                IpAddr::from((u128::from(bits) << 96 | 1 << 127).to_be_bytes())
            }
            _ => IpAddr::from(bits.to_be_bytes()),
        };
        if prefixes.iter().all(|other| (other.0, other.1) != (address, length)) {
            prefixes.push((address, length, meaning(value)));
        }
    }
    Database { record_bits, ip_version, database_type: "Fuzzed".to_string(), prefixes }
}

/// The values that prefixes have: few, so that they are shared.
fn meaning(value: u8) -> Value {
    let country = || Value::Map(vec![("names", Value::Map(vec![])), ("iso_code", text("NL"))]);
    match value % 4 {
        0 => Value::Map(vec![("country", country())]),
        1 => Value::Map(vec![
            ("asn", text(&format!("AS{}", u32::from(value) + 1))),
            ("as_name", text("Some name")),
        ]),
        2 => Value::Map(vec![(
            "list",
            Value::Array(vec![Value::Boolean(true), Value::Double(0.5), country()]),
        )]),
        _ => Value::Map(vec![("autonomous_system_number", Value::Number(u32::from(value) << 16))]),
    }
}

/// What a value says.
fn plain(value: u8) -> Origin<'static> {
    match value % 4 {
        0 => Origin { country: Some("NL"), ..Origin::default() },
        1 => Origin { asn: Some(u32::from(value) + 1), as_org: Some("Some name"), ..Origin::default() },
        2 => Origin::default(),
        _ => Origin { asn: Some(u32::from(value) << 16), ..Origin::default() },
    }
}

/// The longest prefix of the list that an address has is what the database says.
fn compare(database: &Database) {
    let Ok(opened) = GeoDb::open(database.write()) else {
        let is_told =
            |value: &Value| (0..=255).any(|n| meaning(n) == *value && plain(n) != Origin::default());
        assert!(!database.prefixes.iter().any(|prefix| is_told(&prefix.2) && !is_hidden(database, prefix)));
        return;
    };
    for (address, length, _) in &database.prefixes {
        for address in [*address, last(*address, *length)] {
            let within =
                database.prefixes.iter().filter(|(first, length, _)| first_of(address, *length) == *first);
            let (_, _, value) = within.max_by_key(|(_, length, _)| *length).expect("its own prefix");
            let number = (0..=255).find(|&number| meaning(number) == *value).expect("one of these values");
            assert_eq!(opened.of(address), plain(number), "{address}");
        }
    }
}

/// Whether longer prefixes may leave nothing of this one.
fn is_hidden(database: &Database, (address, length, _): &(IpAddr, u32, Value)) -> bool {
    database.prefixes.iter().any(|other| other.1 > *length && first_of(other.0, *length) == *address)
}

fn mask(address: IpAddr, length: u32) -> (u128, u128) {
    let (bits, size) = match address {
        IpAddr::V4(address) => (u128::from(address.to_bits()), 32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    };
    (bits, 1u128.checked_shl(size - length).unwrap_or(0).wrapping_sub(1))
}

fn like(address: IpAddr, bits: u128) -> IpAddr {
    match address {
        IpAddr::V4(_) => IpAddr::from((bits as u32).to_be_bytes()),
        IpAddr::V6(_) => IpAddr::from(bits.to_be_bytes()),
    }
}

fn first_of(address: IpAddr, length: u32) -> IpAddr {
    let (bits, host) = mask(address, length.min(if address.is_ipv4() { 32 } else { 128 }));
    like(address, bits & !host)
}

fn last(address: IpAddr, length: u32) -> IpAddr {
    let (bits, host) = mask(address, length);
    like(address, bits | host)
}

/// Writes a small database and puts octets of the input into it.
fn damage(how: u8, input: &[u8]) {
    let Some((script, wrong)) = input.split_first_chunk::<24>() else { return };
    let mut file = database(how, script).write();
    for &[high, low, octet] in wrong.as_chunks().0 {
        let at = usize::from(u16::from_be_bytes([high, low])) % file.len();
        file[at] = octet;
    }
    ask(GeoDb::open(file).ok());
}
