//! Databases written by `mmdb_writer`, whole and broken.

use super::super::mmdb_writer::Value::{Array, Boolean, Double, Map, Number};
use super::super::mmdb_writer::{Database, Value, text};
use super::*;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

fn country(code: &str) -> Value {
    let names = Map(vec![("en", text("A country")), ("de", text("Ein Land"))]);
    Map(vec![("geoname_id", Number(1)), ("iso_code", text(code)), ("names", names)])
}

fn asn(number: u32, org: &str) -> Value {
    Map(vec![("autonomous_system_number", Number(number)), ("autonomous_system_organization", text(org))])
}

/// A database of these prefixes, in every size of records.
fn databases(ip_version: u32, prefixes: &[(&str, Value)]) -> Vec<Database> {
    let prefix = |(prefix, value): &(&str, Value)| {
        let (address, length) = prefix.split_once('/').unwrap();
        (address.parse().unwrap(), length.parse().unwrap(), value.clone())
    };
    let prefixes: Vec<_> = prefixes.iter().map(prefix).collect();
    let database = |record_bits| Database {
        record_bits,
        ip_version,
        database_type: "Test".to_string(),
        prefixes: prefixes.clone(),
    };
    [24, 28, 32].map(database).to_vec()
}

/// What is known of an address: "country number organisation", with `-` for what is not.
fn told(origin: Origin) -> String {
    let number = origin.asn.map_or("-".to_string(), |number| number.to_string());
    format!("{} {number} {}", origin.country.unwrap_or("-"), origin.as_org.unwrap_or("-"))
}

fn check(ip_version: u32, prefixes: &[(&str, Value)], expected: &[(&str, &str)]) {
    for database in databases(ip_version, prefixes) {
        let opened = GeoDb::open(database.write()).unwrap();
        for (address, expected) in expected {
            let told = told(opened.of(address.parse().unwrap()));
            assert_eq!(told, *expected, "{address} in records of {} bits", database.record_bits);
        }
    }
}

/// What one value says.
fn check_value(value: Value, expected: &str) {
    let other = asn(1, "so that the database has something");
    check(4, &[("192.0.2.0/24", value), ("10.0.0.0/8", other)], &[("192.0.2.1", expected)]);
}

#[test]
fn the_longest_prefix_counts() {
    let prefixes = [
        ("1.0.0.0/8", country("AA").nested()),
        ("1.2.0.0/16", country("BB").nested()),
        ("1.2.3.4/32", country("CC").nested()),
        ("2001:db8::/32", country("DD").nested()),
        ("2001:db8::1/128", asn(64500, "One")),
    ];
    let v4 = [
        ("1.1.1.1", "AA - -"),
        ("1.2.255.255", "BB - -"),
        ("1.2.3.4", "CC - -"),
        ("1.2.3.5", "BB - -"),
        ("2.0.0.0", "- - -"),
        ("0.0.0.0", "- - -"),
    ];
    check(4, &prefixes[..3], &v4);
    check(4, &prefixes[..3], &[("::102:304", "- - -"), ("2001:db8::", "- - -")]);
    check(6, &prefixes, &v4);
    let v6 = [
        ("2001:db8::", "DD - -"),
        ("2001:db8::1", "- 64500 One"),
        ("2001:db9::", "- - -"),
        ("::102:304", "CC - -"),
    ];
    check(6, &prefixes, &v6);
}

#[test]
fn a_prefix_above_all_of_ipv4_is_for_ipv4_too() {
    check(
        6,
        &[("::/0", country("AA").nested()), ("2000::/3", country("BB").nested())],
        &[("192.0.2.1", "AA - -"), ("2001::", "BB - -")],
    );
    check(4, &[("0.0.0.0/0", country("AA").nested())], &[("192.0.2.1", "AA - -")]);
}

#[test]
fn publishers_have_their_own_keys() {
    check_value(Map(vec![("country", country("NL")), ("registered_country", country("US"))]), "NL - -");
    check_value(Map(vec![("registered_country", country("US"))]), "US - -");
    check_value(Map(vec![("country", Map(vec![])), ("registered_country", country("US"))]), "US - -");
    check_value(asn(64500, "An Org"), "- 64500 An Org");
    check_value(Map(vec![("traits", asn(64500, "An Org"))]), "- 64500 An Org");
    let ipinfo = [
        ("country", text("Netherlands")),
        ("country_code", text("NL")),
        ("asn", text("AS64500")),
        ("as_name", text("An Org")),
    ];
    check_value(Map(ipinfo.to_vec()), "NL 64500 An Org");
    check_value(
        Map(vec![("country", text("NL")), ("asn", text("AS64500")), ("name", text("An Org"))]),
        "NL 64500 An Org",
    );
    check_value(Map(vec![("country_code", text("NL")), ("asn", Number(64500))]), "NL 64500 -");
    check_value(Map(vec![("asn", text("64500"))]), "- 64500 -");
}

#[test]
fn values_of_other_kinds_say_nothing() {
    check_value(text("NL"), "- - -");
    check_value(Array(vec![country("NL")]), "- - -");
    check_value(Map(vec![("country", Number(7)), ("asn", country("NL"))]), "- - -");
    check_value(Map(vec![("country_code", text("NLD")), ("country", text("Netherlands"))]), "- - -");
    check_value(Map(vec![("country_code", text("é")), ("name", text("A network"))]), "- - -");
    check_value(asn(0, ""), "- - -");
    check_value(Map(vec![("asn", text("AS")), ("as_name", Number(5))]), "- - -");
    check_value(Map(vec![("asn", text("AS99999999999"))]), "- - -");
    check_value(Map(vec![("asn", Double(64500.0))]), "- - -");
}

#[test]
fn what_is_not_asked_for_is_stepped_over() {
    let others = vec![
        (
            "connection",
            Map(vec![("names", Array(vec![text("a"), Map(vec![("b", Boolean(true))]), Double(1.5)]))]),
        ),
        ("is_anycast", Boolean(true)),
        ("long", text(&"x".repeat(70_000))),
        ("middling", text(&"y".repeat(300))),
        ("short", text(&"z".repeat(30))),
        ("country", country("NL")),
    ];
    check_value(Map(others), "NL - -");
}

#[test]
fn pointers_of_all_sizes_are_followed() {
    let mut prefixes = vec![("10.0.0.0/8", asn(1, "The first"))];
    for (size, prefix) in [(3000, "11.0.0.0/8"), (600_000, "12.0.0.0/8")] {
        prefixes.push((prefix, Map(vec![("filling", text(&"x".repeat(size)))])));
        let org: &'static str = ["The second", "The third"][usize::from(size > 3000)];
        prefixes.push((["13.0.0.0/8", "14.0.0.0/8"][usize::from(size > 3000)], asn(2, org)));
    }
    prefixes.push(("15.0.0.0/8", Map(vec![("asn", Number(7)), ("as_name", text("The first"))])));
    prefixes.push(("16.0.0.0/8", Map(vec![("asn", Number(8)), ("as_name", text("The second"))])));
    prefixes.push(("17.0.0.0/8", Map(vec![("asn", Number(9)), ("as_name", text("The third"))])));
    check(4, &prefixes, &[("10.0.0.0", "- 1 The first"), ("14.0.0.0", "- 2 The third")]);
    check(
        4,
        &prefixes,
        &[("15.0.0.0", "- 7 The first"), ("16.0.0.0", "- 8 The second"), ("17.0.0.0", "- 9 The third")],
    );
}

fn open(ip_version: u32, prefixes: &[(&str, Value)]) -> GeoDb {
    GeoDb::open(databases(ip_version, prefixes)[0].write()).unwrap()
}

#[test]
fn of_several_databases_the_first_that_knows_is_believed() {
    let geo = Geo::new(vec![
        open(4, &[("10.0.0.0/8", country("AA").nested()), ("11.0.0.0/8", asn(1, ""))]),
        open(4, &[("10.0.0.0/7", asn(2, "Two"))]),
        open(
            6,
            &[(
                "::/0",
                Map(vec![("country_code", text("CC")), ("asn", Number(3)), ("as_name", text("Three"))]),
            )],
        ),
    ]);
    for (address, expected) in [
        ("10.0.0.1", "AA 2 Two"),
        ("11.0.0.1", "CC 1 -"),
        ("12.0.0.1", "CC 3 Three"),
        ("2001:db8::", "CC 3 Three"),
    ] {
        let address = address.parse().unwrap();
        let origin = geo.of(address);
        assert_eq!(told(origin), expected);
        let alone =
            Origin { country: geo.country(address), asn: geo.asn(address), as_org: geo.as_org(address) };
        assert_eq!(alone, origin, "facts asked for one by one");
    }
}

#[test]
fn a_database_tells_its_kind() {
    let kind = open(6, &[("10.0.0.0/8", asn(1, "One"))]).kind().clone();
    let expected = GeoKind {
        database_type: "Test".to_string(),
        built: 1_700_000_000,
        has_v6: true,
        countries: false,
        asns: true,
        as_orgs: true,
    };
    assert_eq!(kind, expected);
    let kind = open(4, &[("10.0.0.0/8", country("NL").nested())]).kind().clone();
    assert_eq!((kind.has_v6, kind.countries, kind.asns, kind.as_orgs), (false, true, false, false));
}

impl Value {
    /// A map in which this is the country.
    fn nested(self) -> Value {
        Map(vec![("country", self)])
    }
}

fn refused(file: Vec<u8>, expected: &str) {
    let told = GeoDb::open(file).err().expect("a file that is refused").to_string();
    assert!(told.contains(expected), "{told}, but not {expected}");
}

/// A database of one prefix whose data section is this. Values start at its first octet.
fn with_data(data: &[u8]) -> Vec<u8> {
    let file = databases(4, &[("0.0.0.0/1", text("0123456789"))])[0].write();
    let (body, rest) = file.split_at(6 + GAP_AND_VALUE);
    [&body[..6 + 16], data, rest].concat()
}

/// 16 zeros, and a text of ten octets with its head.
const GAP_AND_VALUE: usize = 16 + 11;

#[test]
fn broken_files_are_refused_in_words() {
    refused(Vec::new(), "is not a database in MaxMind's format");
    refused(b"\x1F\x8B\x08 something compressed".to_vec(), "unpack it");
    refused(b"\xAB\xCD\xEFMaxMind.com".to_vec(), "a value is cut");
    refused(b"\xAB\xCD\xEFMaxMind.com\xE0".to_vec(), "lacks a number");
    refused(
        databases(4, &[("0.0.0.0/1", Map(vec![("is_tor", Boolean(true))]))])[0].write(),
        "its type is 'Test'",
    );
    let replaced = |from: &[u8], to: &[u8]| {
        let file = databases(4, &[("1.2.3.4/32", country("NL").nested())])[0].write();
        let at = file.windows(from.len()).rposition(|window| window == from).unwrap();
        [&file[..at], to, &file[at + from.len()..]].concat()
    };
    refused(replaced(b"major_version\xC1\x02", b"major_version\xC1\x03"), "has version 3");
    refused(replaced(b"record_size\xC1\x18", b"record_size\xC1\x14"), "a size that does not exist");
    refused(replaced(b"record_size\xC1\x18", b"record_size\xC1\x20"), "leads out of its data");
    refused(replaced(b"ip_version\xC1\x04", b"ip_version\xC1\x05"), "version of IP");
    refused(replaced(b"node_count\xC1\x20", b"node_count\xC1\xFF"), "its tree is cut");
    refused(replaced(b"node_count\xC1\x20", b"node_count\xC4\xFF\xFF\xFF\xFF"), "its tree is cut");
    refused(
        replaced(b"node_count\xC1\x20", b"node_count\x08\x02\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"),
        "its tree is cut",
    );
    refused(replaced(b"node_count\xC1\x20", b"node_count\xC0"), "neither countries");
    refused(replaced(b"node_count\xC1\x20", b"nude_count\xC1\x20"), "lacks a number");
    let long = asn(1, &"x".repeat(1025));
    refused(databases(4, &[("0.0.0.0/1", long)])[0].write(), "longer than names are");
}

#[test]
fn broken_values_are_refused_in_words() {
    refused(with_data(b"\xE1\x41a\x5F\xFF\xFF\xFF"), "a value is cut");
    refused(with_data(b"\xE1\x20\x03\x20\x00"), "a pointer leads to a pointer");
    refused(with_data(b"\xE1\x3F\xFF\xFF\xFF\xFF\xA0"), "a value is cut");
    refused(with_data(b"\xE1\xA1\x01\xA0"), "a key is no text");
    refused(with_data(b"\xE1\x41a\x00\x30"), "a kind that does not exist");
    refused(with_data(b"\xE1\x41a\x00\xFF"), "a kind that does not exist");
    refused(with_data(b"\xE1\x41a\x00\x05"), "a kind that does not exist");
    refused(with_data(b"\xE2\x43asn\xA0\x47as_name\x42\xFF\xFF"), "not UTF-8");
    // A map that says it has sixteen million pairs.
    refused(with_data(b"\xFF\xFF\xFF\xFF\x41a\xA0"), "a value is cut");
    refused(with_data(&[&b"\xFF\xFF\xFF\xFF"[..], &b"\x41a\xA0".repeat(99)].concat()), "a value is cut");
}

/// A database whose tree leads to these places in its data section: a list rather than a tree, in which one record of each
/// node leads on and the other to a place.
fn with_entries(places: &[usize], data: &[u8]) -> Vec<u8> {
    let count = places.len() as u32;
    let nodes = (1..).zip(places).flat_map(|(next, &place)| [next, count + 16 + place as u32]);
    let tree: Vec<u8> = nodes.flat_map(u32::to_be_bytes).collect();
    let metadata = [
        &b"\xAB\xCD\xEFMaxMind.com\xE4\x5Bbinary_format_major_version\xC1\x02"[..],
        b"\x4Anode_count\xC4",
        &count.to_be_bytes(),
        b"\x4Brecord_size\xC1\x20\x4Aip_version\xC1\x04",
    ];
    [&tree, &[0; 16][..], data, &metadata.concat()].concat()
}

/// A pointer of two octets.
fn pointer(place: usize) -> [u8; 2] {
    [0x20 | (place >> 8) as u8, place as u8]
}

#[test]
fn values_that_lead_to_the_same_again_and_again_are_refused() {
    // So many pointers to one map of a hundred pairs.
    let map = [&b"\xFD\x47"[..], &b"\x41a\xA0".repeat(99), b"\x43asn\xC1\x07"].concat();
    let file = |count: usize| {
        let places: Vec<usize> = (0..count).map(|number| 2 * number).collect();
        with_entries(&places, &[&pointer(2 * count).repeat(count)[..], &map].concat())
    };
    let opened = GeoDb::open(file(16)).unwrap();
    assert_eq!(told(opened.of("192.0.2.1".parse().unwrap())), "- 7 -");
    refused(file(288), "its values are entangled");
}

#[test]
fn names_that_overlap_are_refused() {
    // Maps of eleven octets, each with a pointer to a text of 28 octets in a row of the octet that begins such a text.
    let file = |count: usize, step: usize| {
        let map = |number| [&b"\xE1\x47as_name"[..], &pointer(11 * count + step * number)].concat();
        let places: Vec<usize> = (0..count).map(|number| 11 * number).collect();
        with_entries(&places, &[(0..count).flat_map(map).collect(), vec![0x5C; step * count + 28]].concat())
    };
    let opened = GeoDb::open(file(10, 29)).unwrap();
    assert_eq!(told(opened.of("192.0.2.1".parse().unwrap())), format!("- - {}", "\\".repeat(28)));
    refused(file(10, 1), "its values are entangled");
}

#[test]
fn no_cut_and_no_wrong_octet_makes_trouble() {
    let prefixes = [("1.2.0.0/16", country("NL").nested()), ("2001:db8::/32", asn(64500, "An Org"))];
    for database in databases(6, &prefixes) {
        let file = database.write();
        for at in 0..file.len() {
            let _ = GeoDb::open(file[..at].to_vec());
            for octet in [0x00, 0x20, 0x3F, 0x7F, 0xE1, 0xFF, file[at] ^ 1, file[at] ^ 0x80] {
                let mut broken = file.clone();
                broken[at] = octet;
                let Ok(opened) = GeoDb::open(broken) else { continue };
                for address in ["1.2.3.4", "2001:db8::1", "::", "255.255.255.255"] {
                    opened.of(address.parse().unwrap());
                }
            }
        }
    }
}

#[test]
fn databases_say_what_a_plain_list_says() {
    let prefixes = vec((any::<bool>(), any::<u32>(), 0..=32u32, 1..5u32), 1..30);
    let shapes = (proptest::sample::select(vec![24usize, 28, 32]), any::<bool>());
    let config = Config { cases: 300, failure_persistence: None, ..Config::default() };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let held =
        TestRunner::new_with_rng(config, rng).run(&(prefixes, shapes), |(drawn, (record_bits, has_v6))| {
            // Few bits are set, so that prefixes meet.
            let sparse = |bits: u32| bits & bits.rotate_left(7) & bits.rotate_left(13) & bits.rotate_left(19);
            let mut prefixes = Vec::new();
            for (is_v6, bits, length, number) in drawn {
                let bits = sparse(bits) & u32::MAX.checked_shl(32 - length).unwrap_or(0);
                let v6 = IpAddr::from((u128::from(bits) << 96 | 1 << 127).to_be_bytes());
                let is_v6 = is_v6 && has_v6 && length > 0;
                let address = if is_v6 { v6 } else { IpAddr::from(bits.to_be_bytes()) };
                let prefix = (address, length, asn(number, "An Org"));
                if prefixes.iter().all(|other: &(IpAddr, u32, Value)| (other.0, other.1) != (address, length))
                {
                    prefixes.push(prefix);
                }
            }
            let ip_version = if has_v6 { 6 } else { 4 };
            let database = Database { record_bits, ip_version, database_type: String::new(), prefixes };
            let opened = GeoDb::open(database.write()).unwrap();
            for (address, length, _) in &database.prefixes {
                for address in edges(*address, *length) {
                    let expected = plain(&database.prefixes, address);
                    prop_assert_eq!(told(opened.of(address)), expected, "{}", address);
                }
            }
            Ok(())
        });
    held.unwrap();
}

/// The first and last address of a prefix, and those beside them.
fn edges(address: IpAddr, length: u32) -> [IpAddr; 4] {
    match address {
        IpAddr::V4(address) => {
            let (first, host) = (address.to_bits(), u32::MAX.checked_shr(length).unwrap_or(0));
            let last = first | host;
            [first, last, first.wrapping_sub(1), last.wrapping_add(1)]
                .map(|bits| IpAddr::from(bits.to_be_bytes()))
        }
        IpAddr::V6(address) => {
            let (first, host) = (address.to_bits(), u128::MAX.checked_shr(length).unwrap_or(0));
            let last = first | host;
            [first, last, first - 1, last.saturating_add(1)].map(|bits| IpAddr::from(bits.to_be_bytes()))
        }
    }
}

/// What the longest prefix of a list says.
fn plain(prefixes: &[(IpAddr, u32, Value)], address: IpAddr) -> String {
    let contains = |prefix: IpAddr, length: u32| match (prefix, address) {
        (IpAddr::V4(a), IpAddr::V4(b)) => {
            (a.to_bits() ^ b.to_bits()).checked_shr(32 - length).unwrap_or(0) == 0
        }
        (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits() ^ b.to_bits()) >> (128 - length) == 0,
        _ => false,
    };
    let within = prefixes.iter().filter(|(prefix, length, _)| contains(*prefix, *length));
    match within.max_by_key(|(_, length, _)| *length) {
        Some((_, _, Map(fields))) => {
            let Number(number) = fields[0].1 else { unreachable!("the number is first") };
            format!("- {number} An Org")
        }
        _ => "- - -".to_string(),
    }
}
