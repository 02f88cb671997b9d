//! Vectors of the schemes' owners, and what each mapping promises.

use super::addresses::{masked, width};
use super::cryptopan::CryptoPan;
use super::ipcrypt::{self, Pfx};
use super::prefixes::{Prefixes, Rule};
use super::*;
use crate::limits::V6_PREFIXES_REMEMBERED;
use aes::cipher::{BlockCipherDecrypt, KeyInit};
use aes::{Aes128, hazmat};
use std::collections::{HashMap, HashSet};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

const A: &str =
    "15 22 17 8d 33 a4 cf 80 13 0a 5b 16 49 90 7d 10 d8 98 8f 83 79 79 65 27 62 57 4c 2d 2a 84 22 02";
const COUNTED: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const K1: &str = "0123456789abcdeffedcba9876543210";
const K2: &str = "1032547698badcfeefcdab8967452301";
const K3: &str = "2b7e151628aed2a6abf7158809cf4f3c";
const K3R: &str = "2b7e151628aed2a6abf7158809cf4f3c3c4fcf098815f7aba6d2ae2816157e2b";
const KP: &str = "2b7e151628aed2a6abf7158809cf4f3ca9f5ba40db214c3798f2e1c23456789a";

fn key(text: &str) -> KeyFile {
    KeyFile::read(text.as_bytes()).unwrap()
}

fn map(scheme: &str, text: &str) -> AddressMap {
    AddressMap::new(scheme.parse().unwrap(), Some(&key(text))).unwrap()
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn bytes<const N: usize>(hex: &str) -> [u8; N] {
    let digits: Vec<u8> = hex.chars().filter_map(|c| c.to_digit(16)).map(|digit| digit as u8).collect();
    let bytes: Vec<u8> = digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect();
    bytes.try_into().unwrap()
}

/// All schemes with a raw key that has the length of theirs. Made once, for passphrases take their time.
fn maps() -> &'static [AddressMap] {
    static MAPS: LazyLock<Vec<AddressMap>> = LazyLock::new(|| {
        let key_of = |word: &str| if matches!(word, "ipcrypt-det" | "ipcrypt-nd") { K1 } else { COUNTED };
        ADDRESS_SCHEMES.iter().map(|entry| map(entry.word, key_of(entry.word))).collect()
    });
    &MAPS
}

/// Addresses near to each other and far from each other, of both families, always the same.
fn sample() -> Vec<IpAddr> {
    let mut addresses: Vec<IpAddr> = Vec::new();
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        u128::from(state >> 32)
    };
    for _ in 0..40 {
        let wide = next() << 96 | next() << 64 | next() << 32 | next();
        let (v4, v6) = (wide as u32, wide | 1 << 125);
        addresses.push(Ipv4Addr::from_bits(v4).into());
        addresses.push(Ipv6Addr::from_bits(v6).into());
        for bit in [0, 1, 7, 15, 16, 17, 31] {
            addresses.push(Ipv4Addr::from_bits(v4 ^ 1 << bit).into());
            addresses.push(Ipv6Addr::from_bits(v6 ^ 1 << (bit * 4)).into());
        }
    }
    addresses.sort();
    addresses.dedup();
    addresses
}

/// The first bits that two addresses of one family have in common.
fn common(one: IpAddr, other: IpAddr) -> u32 {
    match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => (one.to_bits() ^ other.to_bits()).leading_zeros(),
        (IpAddr::V6(one), IpAddr::V6(other)) => (one.to_bits() ^ other.to_bits()).leading_zeros(),
        _ => panic!("{one} and {other} are of two families"),
    }
}

#[test]
fn addresses_become_what_other_programs_make_of_them() {
    let boojahyoo: String = b"boojahyoo3vaeToong0Eijee7Ahz3yee".iter().map(|b| format!("{b:02x}")).collect();
    let kk = [K1, K2].concat();
    let mut made = HashMap::new();
    for (scheme, key, given, expected) in [
        ("cryptopan", A, "128.11.68.132", "135.242.180.132"),
        ("cryptopan", A, "129.118.74.4", "134.136.186.123"),
        ("cryptopan", A, "130.132.252.244", "133.68.164.234"),
        ("cryptopan", A, "141.223.7.43", "141.167.8.160"),
        ("cryptopan", A, "141.233.145.108", "141.129.237.235"),
        ("cryptopan", A, "152.163.225.39", "151.140.114.167"),
        ("cryptopan", A, "156.29.3.236", "147.225.12.42"),
        ("cryptopan", A, "165.247.96.84", "162.9.99.234"),
        ("cryptopan", A, "166.107.77.190", "160.132.178.185"),
        ("cryptopan", A, "192.102.249.13", "252.138.62.131"),
        ("cryptopan", A, "192.215.32.125", "252.43.47.189"),
        ("cryptopan", A, "192.233.80.103", "252.25.108.8"),
        ("cryptopan", A, "192.41.57.43", "252.222.221.184"),
        ("cryptopan", A, "193.150.244.223", "253.169.52.216"),
        ("cryptopan", A, "0.0.0.0", "120.255.240.1"),
        ("cryptopan", A, "255.255.255.255", "206.120.97.255"),
        ("cryptopan", A, "10.0.0.1", "117.15.0.1"),
        ("cryptopan", A, "10.0.0.2", "117.15.0.2"),
        ("cryptopan", A, "2001:db8::1", "4401:2bc:603f:d91d:27f:ff8e:e6f1:dc1e"),
        ("cryptopan", A, "2001:db8::2", "4401:2bc:603f:d91d:27f:ff8e:e6f1:dc1c"),
        ("cryptopan", A, "::1", "78ff:f001:9fc0:20df:8380:b1f1:704:ed"),
        ("cryptopan", A, "::2", "78ff:f001:9fc0:20df:8380:b1f1:704:ef"),
        ("cryptopan", A, "fe80::1", "cf7f:c0e:1fc3:da1c:70:b18e:f7f3:2101"),
        ("cryptopan", &boojahyoo, "192.0.2.1", "206.2.124.120"),
        ("cryptopan", COUNTED, "192.0.2.1", "2.90.93.17"),
        ("cryptopan", COUNTED, "10.0.0.1", "246.35.191.210"),
        ("cryptopan", COUNTED, "2001:db8::1", "dd92:2c44:3fc0:ff1e:7ff9:c7f0:8180:7e00"),
        ("ipcrypt-det", K1, "0.0.0.0", "bde9:6789:d353:824c:d7c6:f58a:6bd2:26eb"),
        ("ipcrypt-det", K2, "255.255.255.255", "aed2:92f6:ea23:58c3:48fd:8b8:74e8:45d8"),
        ("ipcrypt-det", K3, "192.0.2.1", "1dbd:c1b9:fff1:7586:7d0b:67b4:e76e:4777"),
        ("ipcrypt-det", K1, "2001:db8:85a3::8a2e:370:7334", "1eef:2352:64c8:18e6:6456:1373:f615:5032"),
        ("ipcrypt-det", K2, "192.0.2.1", "7fde:a680:9546:ef2:d3c:7abb:1b38:2659"),
        ("ipcrypt-pfx", &kk, "0.0.0.0", "151.82.155.134"),
        ("ipcrypt-pfx", &kk, "255.255.255.255", "94.185.169.89"),
        ("ipcrypt-pfx", &kk, "192.0.2.1", "100.115.72.131"),
        ("ipcrypt-pfx", &kk, "2001:db8::1", "c180:5dd4:2587:3524:30ab:fa65:6ab6:f88"),
        ("ipcrypt-pfx", KP, "10.0.0.47", "19.214.210.244"),
        ("ipcrypt-pfx", KP, "10.0.0.129", "19.214.210.80"),
        ("ipcrypt-pfx", KP, "10.0.0.234", "19.214.210.30"),
        ("ipcrypt-pfx", KP, "172.16.5.193", "210.78.229.136"),
        ("ipcrypt-pfx", KP, "172.16.97.42", "210.78.179.241"),
        ("ipcrypt-pfx", KP, "172.16.248.177", "210.78.121.215"),
        ("ipcrypt-pfx", KP, "2001:db8::a5c9:4e2f:bb91:5a7d", "7cec:702c:1243:f70:1956:125:b9bd:1aba"),
        ("ipcrypt-pfx", KP, "2001:db8::7234:d8f1:3c6e:9a52", "7cec:702c:1243:f70:a3ef:c8e:95c1:cd0d"),
        ("ipcrypt-pfx", KP, "2001:db8::f1e0:937b:26d4:8c1a", "7cec:702c:1243:f70:443c:c8e:6a62:b64d"),
        ("ipcrypt-pfx", KP, "2001:db8:3a5c:0:e7d1:4b9f:2c8a:f673", "7cec:702c:3503:bef:e616:96bd:be33:a9b9"),
        ("ipcrypt-pfx", KP, "2001:db8:9f27:0:b4e2:7a3d:5f91:c8e6", "7cec:702c:a504:b74e:194a:3d90:b047:2d1a"),
        ("ipcrypt-pfx", KP, "2001:db8:d8b4:0:193c:a5e7:8b2f:46d1", "7cec:702c:f840:aa67:1b8:e84f:ac9d:77fb"),
        ("hmac", COUNTED, "192.0.2.1", "248.218.64.164"),
        ("hmac", COUNTED, "2001:db8::1", "6872:d76c:6cc6:4c1:f104:1704:8cec:6eb3"),
        ("dpp", "secret", "10.0.0.1", "163.54.195.6"),
        ("dpp", "secret", "2001:db8::1", "f60:662:4467:7fa0:cbf0:ed2e:ef9a:bb15"),
        ("truncate:24,48", "", "192.0.2.255", "192.0.2.0"),
        ("truncate:24,48", "", "2001:db8:1:2::3", "2001:db8:1::"),
        ("truncate:0,0", "", "192.0.2.255", "0.0.0.0"),
        ("truncate:32,128", "", "2001:db8::1", "2001:db8::1"),
    ] {
        let map = made.entry((scheme, key)).or_insert_with(|| {
            let key = (!key.is_empty()).then(|| self::key(key));
            AddressMap::new(scheme.parse().unwrap(), key.as_ref()).unwrap()
        });
        // Twice, because the second time part of it is remembered.
        for _ in 0..2 {
            assert_eq!(map.of(address(given), 0).to_string(), expected, "{scheme} {given}");
        }
    }
}

#[test]
fn ipcrypt_nd_and_ndx_are_those_of_the_draft() {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    for (key, given, expected) in [
        (K1, "0.0.0.0", "08e0c289bff23b7cb349aadfe3bcef56221c384c7c217b16"),
        (K2, "255.255.255.255", "08e0c289bff23b7cf602ae8dcfeb47c1fbcb9597b8951b89"),
        (K3, "192.0.2.1", "08e0c289bff23b7cca25fe3b7f2ca5e50a0deb24ef0469f8"),
        (K1, "2001:db8:85a3::8a2e:370:7334", "08e0c289bff23b7cdd344485c55026d8b4cfa33b81032aff"),
        (K2, "192.0.2.1", "08e0c289bff23b7c18e29f7c1fc75164251238ed9f0bd02a"),
    ] {
        let of = ipcrypt::Nd::new(bytes(key)).of(address(given), bytes("08e0c289bff23b7c"));
        assert_eq!(hex(&of), expected, "{given}");
    }
    let (k12, k21) = ([K1, K2].concat(), [K2, K1].concat());
    for (key, given, expected) in [
        (k12.as_str(), "0.0.0.0", "82db0d4125fdace61db35b8339f20ee5"),
        (&k21, "255.255.255.255", "76c7dbd1ae4802a2dd95ad4f88273535"),
        (K3R, "192.0.2.1", "259e85ebaa000667d2437ac7e2208d71"),
        (&k12, "2001:db8:85a3::8a2e:370:7334", "fe8d52464555ef3458e4a6eefe14eb28"),
        (&k21, "192.0.2.1", "c9487dffa9292855845d234bd1d72395"),
    ] {
        let tweak = "21bd1834bc088cd2b4ecbe30b70898d7";
        let of = ipcrypt::Ndx::new(bytes(key)).unwrap().of(address(given), bytes(tweak));
        assert_eq!(hex(&of), [tweak, expected].concat(), "{given}");
    }
}

#[test]
fn a_mapping_is_a_function_and_keeps_what_it_promises() {
    let sample = sample();
    for map in maps() {
        let word = map.scheme().word();
        let again = map.clone();
        let pseudonyms: Vec<Pseudonym> = sample.iter().map(|&address| map.of(address, 9)).collect();
        for (&given, &pseudonym) in sample.iter().zip(&pseudonyms).rev() {
            assert_eq!(again.of(given, 9), pseudonym, "{word} of {given}, another time");
            assert_eq!(pseudonym.address().is_some(), map.is_address(), "{word} of {given} is an address");
            let same_family = pseudonym.address().is_some_and(|address| address.is_ipv4() == given.is_ipv4());
            assert_eq!(
                same_family,
                map.keeps_family() || word == "ipcrypt-det" && given.is_ipv6(),
                "{word} {given}"
            );
        }
        let distinct: HashSet<_> = pseudonyms.iter().collect();
        match word {
            "truncate" => assert!(distinct.len() < sample.len(), "truncation merges"),
            _ => assert_eq!(
                distinct.len(),
                sample.len(),
                "{word} gives no two addresses of this sample one pseudonym"
            ),
        }
    }
}

#[test]
fn common_prefixes_stay_exactly_as_long() {
    let sample = sample();
    for scheme in ["cryptopan", "ipcrypt-pfx"] {
        let map = map(scheme, COUNTED);
        let mapped: Vec<IpAddr> = sample.iter().map(|&given| map.of(given, 0).address().unwrap()).collect();
        for (&one, &p) in sample.iter().zip(&mapped) {
            for (&other, &q) in sample.iter().zip(&mapped) {
                if one.is_ipv4() == other.is_ipv4() {
                    assert_eq!(common(p, q), common(one, other), "{scheme} of {one} and {other}");
                }
            }
        }
    }
}

fn check_inverse<R: Rule>(name: &str, prefixes: &Prefixes<R>) {
    for given in sample() {
        let pseudonym = prefixes.of(given);
        assert_eq!(pseudonym, prefixes.plainly(given), "{name} of {given}, remembering nothing");
        assert_eq!(prefixes.inverse(pseudonym), given, "{name} back from {pseudonym}");
    }
}

#[test]
fn more_networks_than_are_remembered_get_the_same_pseudonyms_on_any_thread() {
    let prefixes = Prefixes::new(CryptoPan::new(bytes(A)));
    let client = |network: u128| Ipv6Addr::from_bits(0x2001_0db8 << 96 | network << 64 | 1).into();
    let check = |from: u128| {
        for network in (from..from + V6_PREFIXES_REMEMBERED as u128).chain(from..from + 20) {
            let pseudonym = prefixes.of(client(network));
            if network % 1000 < 20 {
                assert_eq!(pseudonym, prefixes.plainly(client(network)), "network {network}");
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| check(0));
        scope.spawn(|| check(V6_PREFIXES_REMEMBERED as u128 / 2));
    });
}

#[test]
fn who_has_the_key_can_turn_ciphers_back() {
    check_inverse("cryptopan", &Prefixes::new(CryptoPan::new(bytes(A))));
    check_inverse("ipcrypt-pfx", &Prefixes::new(Pfx::new(bytes(KP)).unwrap()));
    let canonical = |block: aes::Block| IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::from(block))).to_canonical();
    for given in sample() {
        let det = map("ipcrypt-det", K1).of(given, 0).address().unwrap();
        let IpAddr::V6(det) = det else { panic!("{det} is an IPv6 address") };
        let mut block = det.octets().into();
        Aes128::new(&bytes(K1).into()).decrypt_block(&mut block);
        assert_eq!(canonical(block), given, "ipcrypt-det back from {det}");

        let Pseudonym::Nd(nd) = map("ipcrypt-nd", K1).of(given, 77) else { panic!("24 bytes") };
        let keys = ipcrypt::Nd::new(bytes(K1)).keys(nd[..8].try_into().unwrap());
        let mut block = aes::Block::from(<[u8; 16]>::try_from(&nd[8..]).unwrap());
        let add =
            |block: &mut aes::Block, key: [u8; 16]| block.iter_mut().zip(key).for_each(|(b, k)| *b ^= k);
        add(&mut block, keys[10]);
        for key in keys[..10].iter().rev() {
            // The inverse round mixes columns before it adds the key, so they are mixed back; and then added.
            hazmat::equiv_inv_cipher_round(&mut block, &aes::Block::default());
            hazmat::mix_columns(&mut block);
            add(&mut block, *key);
            if *key != keys[0] {
                hazmat::inv_mix_columns(&mut block);
            }
        }
        assert_eq!(canonical(block), given, "ipcrypt-nd back");
    }
}

#[test]
fn each_occasion_has_its_own_tweak_and_only_nd_and_ndx_have_one() {
    let given = address("192.0.2.1");
    for map in maps() {
        let word = map.scheme().word();
        let occasions = (0..100).map(|position| occasion(position, Field::Client, 0));
        let occasions = occasions.chain([occasion(0, Field::Server, 0), occasion(0, Field::Client, 1)]);
        let distinct: HashSet<_> = occasions.map(|occasion| map.of(given, occasion)).collect();
        assert_eq!(distinct.len(), if map.is_address() { 1 } else { 102 }, "{word}");
    }
}

#[test]
fn other_keys_and_other_schemes_give_other_pseudonyms() {
    let (v4, v6) = (address("192.0.2.1"), address("2001:db8::1"));
    let mut seen = HashSet::new();
    let mut fingerprints = HashSet::new();
    for entry in ADDRESS_SCHEMES.iter().filter(|entry| entry.scheme.needs_key()) {
        // Raw keys of both lengths, so that some are used as they stand and some are derived.
        let keys = [COUNTED, K1, KP, K2];
        let few = if entry.scheme == AddressScheme::Dpp { 2 } else { keys.len() };
        for key in &keys[..few] {
            let map = map(entry.word, key);
            assert!(seen.insert(map.of(v6, 3)), "{} with {key}", entry.word);
            assert!(seen.insert(map.of(v4, 3)), "{} with {key}", entry.word);
            assert!(fingerprints.insert(map.fingerprint().unwrap().to_string()), "{} with {key}", entry.word);
        }
    }
    let hmac = map("hmac", COUNTED);
    let (Some(IpAddr::V4(short)), Some(IpAddr::V6(long))) =
        (hmac.of(address("0.0.0.0"), 0).address(), hmac.of(address("::"), 0).address())
    else {
        panic!("both families are kept")
    };
    assert_ne!(short.octets(), long.octets()[..4], "families have keys of their own");
}

#[test]
fn a_mapped_ipv4_address_is_the_ipv4_address_in_it() {
    let (plain, mapped) = (address("192.0.2.1"), address("::ffff:192.0.2.1"));
    for map in maps() {
        let expected = match map.of(plain, 5) {
            Pseudonym::Address(IpAddr::V4(pseudonym)) => {
                Pseudonym::Address(pseudonym.to_ipv6_mapped().into())
            }
            other => other,
        };
        let equal = map.of(mapped, 5) == expected;
        assert_eq!(equal, map.scheme() != AddressScheme::Dpp, "{}", map.scheme());
    }
    let dpp = map("dpp", "secret");
    let compatible = Pseudonyms::from_key_file(b"secret").unwrap().of(mapped);
    assert_eq!(dpp.of(mapped, 0), Pseudonym::Address(compatible));
}

#[test]
fn a_client_subnet_keeps_its_length_where_it_means_something() {
    for (scheme, given, prefix, expected) in [
        ("truncate:16,48", "192.0.2.0", 24, Some(16)),
        ("truncate:28,48", "192.0.2.0", 24, Some(24)),
        ("truncate:16,32", "2001:db8:1::", 48, Some(32)),
        ("truncate:16,32", "::ffff:192.0.2.0", 120, Some(112)),
        ("cryptopan", "192.0.2.0", 24, Some(24)),
        ("cryptopan", "192.0.2.77", 255, Some(32)),
        ("cryptopan", "::ffff:192.0.2.0", 120, Some(120)),
        ("ipcrypt-pfx", "2001:db8:1::", 46, Some(46)),
        ("ipcrypt-det", "192.0.2.0", 24, None),
        ("ipcrypt-nd", "192.0.2.0", 24, None),
        ("ipcrypt-ndx", "192.0.2.0", 24, None),
        ("hmac", "192.0.2.0", 24, None),
        ("dpp", "192.0.2.0", 24, None),
        ("hmac", "192.0.2.0", 0, Some(0)),
        ("ipcrypt-ndx", "::", 0, Some(0)),
    ] {
        let map = map(scheme, COUNTED);
        let subnet = map.subnet(address(given), prefix, 1);
        assert_eq!(subnet.prefix, expected, "{scheme} of {given}/{prefix}");
        let whole = map.of(masked(address(given), prefix.min(width(address(given)))), 1);
        match (subnet.prefix, whole.address()) {
            (None, _) => assert_eq!(subnet.address, whole, "{scheme} of {given}/{prefix}"),
            (Some(0), _) => assert_eq!(subnet.address, Pseudonym::Address(masked(address(given), 0))),
            (Some(bits), Some(whole)) => assert_eq!(subnet.address, Pseudonym::Address(masked(whole, bits))),
            (Some(_), None) => panic!("bytes have no prefix"),
        }
        // Spare bits, which RFC 7871 wants zero, make no difference.
        if let (IpAddr::V4(given), 24) = (address(given), prefix) {
            let spare = Ipv4Addr::from_bits(given.to_bits() | 0x2a);
            assert_eq!(map.subnet(spare.into(), prefix, 1), subnet, "{scheme} with spare bits");
        }
    }
}

/// The wire form of a name with dots.
fn wire(text: &str) -> Vec<u8> {
    let labels = text.split('.').filter(|label| !label.is_empty());
    let mut wire: Vec<u8> =
        labels.flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat()).collect();
    wire.push(0);
    wire
}

/// The reverse.
fn dotted(mut wire: &[u8]) -> String {
    assert!(wire.len() <= NAME_MAX, "a name fits 255 octets");
    let mut text = String::new();
    while let [length @ 1..=63, rest @ ..] = wire {
        let (label, rest) = rest.split_at(usize::from(*length));
        text += &format!("{}.", String::from_utf8_lossy(label));
        wire = rest;
    }
    assert_eq!(wire, [0], "a name ends with the root");
    if text.is_empty() { ".".to_string() } else { text }
}

fn name_of(map: &NameMap, name: &str, kept: usize) -> Option<String> {
    map.of(&wire(name), |_| kept, &mut [0; NAME_MAX]).map(dotted)
}

#[test]
fn names_are_dropped_shortened_or_hashed() {
    let key = key(COUNTED);
    let map = |scheme: &str| NameMap::new(scheme.parse().unwrap(), Some(&key)).unwrap();
    for (scheme, name, kept, expected) in [
        ("drop", "www.example.com", 2, None),
        ("drop", ".", 0, None),
        ("registered-domain", "a.www.Example.com", 2, Some("Example.com.")),
        ("registered-domain", "example.com", 2, Some("example.com.")),
        ("registered-domain", "com", 9, Some("com.")),
        ("registered-domain", ".", 2, Some(".")),
        ("registered-domain:hash", "example.com", 2, Some("example.com.")),
        ("registered-domain:hash", "www.example.com", 2, Some("25d8u6f31phit1k2.example.com.")),
        ("hash", ".", 0, Some(".")),
        ("hash", "com", 0, Some("ecb2hhmkj6kqf50c.")),
        ("hash", "example.COM", 0, Some("ulifgimhtq3nrbhe.ecb2hhmkj6kqf50c.")),
    ] {
        assert_eq!(name_of(&map(scheme), name, kept).as_deref(), expected, "{scheme} of {name}");
    }
}

#[test]
fn equal_names_hash_equally_and_different_ones_do_not() {
    let hash = NameMap::new(NameScheme::Hash, Some(&key(COUNTED))).unwrap();
    let other = NameMap::new(NameScheme::Hash, Some(&key(KP))).unwrap();
    let of = |name: &str| name_of(&hash, name, 0).unwrap();
    assert_eq!(of("WWW.Example.com"), of("www.eXAMPLE.COM"));
    assert_ne!(of("www.example.com"), name_of(&other, "www.example.com", 0).unwrap());
    assert!(of("www.example.com").ends_with(&of("example.com")), "what is below a domain stays below it");
    assert_ne!(of("www.a").split('.').next(), of("www.b").split('.').next(), "www is not www elsewhere");
    let names = ["ab.c", "a.bc", "abc", "a.b.c", "c.ab", "b.a.c", "\u{7}abc"];
    assert_eq!(names.map(of).iter().collect::<HashSet<_>>().len(), names.len());
}

#[test]
fn long_names_hash_to_names_with_as_many_labels() {
    let hash = NameMap::new(NameScheme::Hash, Some(&key(COUNTED))).unwrap();
    let below = NameMap::new(NameScheme::RegisteredDomainHashed, Some(&key(COUNTED))).unwrap();
    for (count, letters) in [(1, 16), (14, 16), (15, 15), (34, 6), (64, 2), (84, 2), (85, 1), (127, 1)] {
        let mapped = name_of(&hash, &vec!["x"; count].join("."), 0).unwrap();
        let lengths: Vec<_> = mapped.trim_end_matches('.').split('.').map(str::len).collect();
        assert_eq!(lengths, vec![letters; count]);
        let mapped = name_of(&below, &vec!["x"; count].join("."), count / 2).unwrap();
        assert_eq!(mapped.matches('.').count(), count);
    }
    let longest = [63, 63, 63, 61].map(|length| "x".repeat(length)).join(".");
    assert_eq!(wire(&longest).len(), NAME_MAX);
    assert_eq!(name_of(&hash, &longest, 0).unwrap().len(), 4 * 17);
    assert_eq!(name_of(&below, &longest, 3).unwrap().len(), 64 + 64 + 62 + 17);
}

#[test]
fn what_is_no_name_is_dropped() {
    for scheme in NAME_SCHEMES {
        let map = NameMap::new(scheme.scheme, Some(&key(COUNTED))).unwrap();
        let long = [[1, b'x'].repeat(128), vec![0]].concat();
        for bad in [&b""[..], b"\x03www", b"\x03ww", b"\x40x\0", b"\xc0\x0c", b"\0\0", b"\x01a\0x", &long] {
            assert_eq!(map.of(bad, |_| 2, &mut [0; NAME_MAX]), None, "{} of {bad:?}", scheme.word);
        }
    }
}

/// What becomes of a reverse name.
fn reverse_of(map: &AddressMap, name: &str) -> Option<String> {
    map.reverse_name(&wire(name), &mut [0; NAME_MAX]).map(dotted)
}

/// The name that points back to an address.
fn pointing_to(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa.")
        }
        IpAddr::V6(address) => {
            let nibbles: Vec<_> =
                (0..32).map(|at| format!("{:x}", address.to_bits() >> (4 * at) & 15)).collect();
            format!("{}.ip6.arpa.", nibbles.join("."))
        }
    }
}

#[test]
fn the_name_that_points_to_an_address_becomes_that_of_its_pseudonym() {
    let sample: Vec<IpAddr> = sample().into_iter().step_by(9).collect();
    for map in maps() {
        for &given in &sample {
            let name = pointing_to(given);
            let mapped = reverse_of(map, &name).unwrap();
            assert_eq!(reverse_of(map, &name.to_uppercase()).unwrap(), mapped, "{} of {name}", map.scheme());
            match map.of(given, 0) {
                Pseudonym::Address(pseudonym) if map.keeps_family() => {
                    assert_eq!(mapped, pointing_to(pseudonym), "{} of {given}", map.scheme());
                }
                _ => {
                    let hashed =
                        mapped.strip_suffix(if given.is_ipv4() { ".in-addr.arpa." } else { ".ip6.arpa." });
                    let letters = if given.is_ipv4() { 16 } else { 6 };
                    let labels: Vec<_> = hashed.unwrap().split('.').map(str::len).collect();
                    assert_eq!(
                        labels,
                        vec![letters; name.matches('.').count() - 2],
                        "{} of {given}",
                        map.scheme()
                    );
                }
            }
        }
    }
}

#[test]
fn parts_of_reverse_names_are_mapped_or_hashed() {
    for (scheme, name, expected) in [
        ("truncate:16,40", "3.2.0.192.in-addr.arpa", Some("0.0.0.192.in-addr.arpa.")),
        ("truncate:24,40", "0.192.IN-ADDR.arpa", Some("0.192.in-addr.arpa.")),
        ("truncate:24,40", "5.0/25.2.0.192.in-addr.arpa", Some("2.0.192.in-addr.arpa.")),
        ("truncate:24,40", "01.in-addr.arpa", Some("in-addr.arpa.")),
        ("truncate:24,40", "256.1.in-addr.arpa", Some("1.in-addr.arpa.")),
        ("truncate:24,40", "9.9.4.3.2.1.in-addr.arpa", Some("0.3.2.1.in-addr.arpa.")),
        ("truncate:24,4", "A.F.ip6.arpa", Some("0.f.ip6.arpa.")),
        ("truncate:24,40", "10.ip6.arpa", Some("ip6.arpa.")),
        ("cryptopan", "0.0.10.in-addr.arpa", Some("191.35.246.in-addr.arpa.")),
        ("cryptopan", "1.0.0.10.in-addr.arpa", Some("210.191.35.246.in-addr.arpa.")),
        ("cryptopan", "8.b.d.0.1.0.0.2.ip6.arpa", Some("4.4.c.2.2.9.d.d.ip6.arpa.")),
        ("cryptopan", "in-addr.arpa", None),
        ("cryptopan", "ip6.arpa", None),
        ("cryptopan", "arpa", None),
        ("cryptopan", ".", None),
        ("cryptopan", "1.0.0.10.in-addr.arpa.example", None),
        ("cryptopan", "1.xin-addr.arpa", None),
    ] {
        assert_eq!(reverse_of(&map(scheme, COUNTED), name).as_deref(), expected, "{scheme} of {name}");
    }
    let hmac = map("hmac", COUNTED);
    let network = reverse_of(&hmac, "0.10.in-addr.arpa").unwrap();
    assert_eq!(network.len(), 2 * 17 + "in-addr.arpa.".len(), "a hash of an address has no prefixes");
    let pan = map("cryptopan", COUNTED);
    let service = reverse_of(&pan, "_dns-sd._udp.0.0.10.in-addr.arpa").unwrap();
    assert!(service.ends_with(".191.35.246.in-addr.arpa.") && !service.contains('_'), "{service}");
    assert_eq!(pan.reverse_name(b"\x0e1\x07in-addr\x04arpa\0", &mut [0; NAME_MAX]), None, "one long label");
}

#[test]
fn a_reverse_name_that_grows_loses_its_leftmost_labels_before_it_grows_too_long() {
    let map = map("cryptopan", COUNTED);
    let name = [&"x.".repeat(116)[..], "0.0.0.10.in-addr.arpa"].concat();
    let mapped = reverse_of(&map, &name).unwrap();
    assert!(mapped.ends_with(".191.35.246.in-addr.arpa.") && mapped.len() > 240, "{mapped}");
}

#[test]
fn key_files_hold_raw_keys_or_passphrases() {
    let error = |content: &str| KeyFile::read(content.as_bytes()).unwrap_err();
    for (content, expected) in [
        ("", KeyError::Empty),
        (" \n\t", KeyError::Empty),
        ("salt: 0011223344556677\n", KeyError::Empty),
        ("0123456789abcdeffedcba987654321", KeyError::HexLength(31)),
        (&COUNTED[2..], KeyError::HexLength(62)),
        (&format!("0x{COUNTED}\n"), KeyError::Prefixed),
        (&format!(" 0X{K1}\nsalt: 0011223344556677"), KeyError::Prefixed),
        (&format!("0x{}", &COUNTED[2..]), KeyError::Prefixed),
        ("\u{FEFF}correct horse battery staple\n", KeyError::ByteOrderMark),
        (&format!("\u{FEFF}{COUNTED}"), KeyError::ByteOrderMark),
        ("secret\nsalt: 00112233445566", KeyError::BadSalt),
        ("secret\nsalt: 00112233445566778", KeyError::BadSalt),
        ("secret\nsalt: pepper and more\n", KeyError::BadSalt),
        ("salt: 0011223344556677\nsecret\nsalt: 0011223344556677", KeyError::BadSalt),
        (&format!("{K1}\nsalt: 0011223344556677"), KeyError::SaltBesideRawKey),
        (&"x".repeat(5000), KeyError::TooLong),
    ] {
        assert_eq!(error(content), expected, "{content:?}");
    }
    assert_eq!(KeyFile::read(b"\xff\xfe").unwrap_err(), KeyError::NotUtf8);
    for good in
        ["secret", "abc", "deadbeef", "0xdeadbeef", "0x and words", "two words\nand lines", K1, COUNTED]
    {
        assert!(KeyFile::read(good.as_bytes()).is_ok(), "{good:?}");
    }
    let wrapped = format!(" {} {}\n{}\r\n", &COUNTED[..7], &COUNTED[7..32].to_uppercase(), &COUNTED[32..]);
    assert_eq!(key(&wrapped).fingerprint("cryptopan"), key(COUNTED).fingerprint("cryptopan"));
}

#[test]
fn passphrases_are_stretched_with_their_salt() {
    let fingerprint = |content: &str| key(content).fingerprint("hmac");
    let plain = fingerprint(" secret\n");
    // Computed with Python's hashlib and hmac.
    assert_eq!(plain, "c2f850ff7f6179a4");
    let salted = fingerprint("\n  salt:0011 2233445566778899AABBCCDDEEFF \n secret\n");
    assert_eq!(salted, "07c7ec6a18a25196");
}

#[test]
fn keys_that_hide_nothing_are_refused() {
    let twice = [K1, K1].concat();
    for scheme in [AddressScheme::IpcryptPfx, AddressScheme::IpcryptNdx] {
        let error = AddressMap::new(scheme, Some(&key(&twice))).unwrap_err();
        assert_eq!(error, MapError::Key(KeyError::EqualHalves));
        assert!(
            AddressMap::new(scheme, Some(&key(K1))).is_ok(),
            "{scheme} derives two halves from a shorter key"
        );
    }
    for entry in ADDRESS_SCHEMES {
        let missing = AddressMap::new(entry.scheme, None).err();
        assert_eq!(missing, entry.scheme.needs_key().then_some(MapError::KeyMissing(entry.word)));
    }
    for entry in NAME_SCHEMES {
        let missing = NameMap::new(entry.scheme, None).err();
        assert_eq!(missing, entry.scheme.needs_key().then_some(MapError::KeyMissing(entry.word)));
    }
}

#[test]
fn no_key_is_printed_for_those_who_debug() {
    let printed: String = maps().iter().map(|map| format!("{map:?}")).collect();
    let names = NameMap::new(NameScheme::Hash, Some(&key(K1))).unwrap();
    let printed = format!("{printed}{names:?}{:?}", key(K1));
    assert!(!printed.contains("0123") && printed.contains("AddressMap(hmac, ..)"), "{printed}");
}

#[test]
fn words_become_schemes_and_words_that_are_none_are_answered() {
    for entry in ADDRESS_SCHEMES {
        assert_eq!(entry.word.parse(), Ok(entry.scheme));
        assert_eq!(entry.scheme.to_string().parse(), Ok(entry.scheme));
    }
    for entry in NAME_SCHEMES {
        assert_eq!(entry.word.parse(), Ok(entry.scheme));
    }
    assert_eq!("truncate:0, 128".parse(), Ok(AddressScheme::Truncate { v4: 0, v6: 128 }));
    for bad in
        ["truncate:24", "truncate:33,48", "truncate:24,129", "truncate:,", "truncate:24,48,1", "truncate:x,y"]
    {
        let error = bad.parse::<AddressScheme>().unwrap_err();
        assert_eq!(error, SpecError::Bits(bad.to_string()));
    }
    assert_eq!(
        "cryptopam".parse::<AddressScheme>().unwrap_err().to_string(),
        "there is no 'cryptopam'; did you mean one of truncate, cryptopan, ipcrypt-pfx, ipcrypt-det, ipcrypt-nd, \
         ipcrypt-ndx, hmac, dpp?"
    );
    assert!("".parse::<NameScheme>().is_err());
}

#[test]
fn fields_are_a_set() {
    assert_eq!("all".parse(), Ok(Fields::ALL));
    assert_eq!("client, server,client".parse::<Fields>().unwrap().to_string(), "client,server,dnstap");
    assert_eq!("dnstap,names".parse::<Fields>().unwrap().to_string(), "dnstap,names");
    assert_eq!("client,,ecs".parse::<Fields>().unwrap_err().word, "");
    for (number, entry) in FIELDS.iter().enumerate() {
        assert_eq!(entry.field as usize, number, "the table is in the order of the fields");
        assert!(Fields::ALL.contains(entry.field));
        assert_eq!(Fields::default().contains(entry.field), entry.default);
    }
}

#[test]
fn only_what_is_asked_for_is_mapped() {
    let (client, row) = (address("10.0.0.1"), 3);
    let mut scratch = [0; NAME_MAX];
    let (back, www) = (wire("1.0.0.10.in-addr.arpa"), wire("www.example.com"));
    let nothing = Privacy::default();
    assert_eq!(nothing.address(Field::Client, client, row), Pseudonym::Address(client));
    assert_eq!(nothing.subnet(client, 24, row).prefix, Some(24));
    assert_eq!(nothing.name(&back, |_| 2, &mut scratch), Some(&back[..]));

    let mut privacy = Privacy { addresses: Some(map("hmac", COUNTED)), ..nothing };
    for entry in FIELDS {
        let changed = privacy.address(entry.field, client, row) != Pseudonym::Address(client);
        assert_eq!(changed, entry.default, "{}", entry.word);
    }
    assert_eq!(privacy.subnet(client, 24, row).prefix, None);
    assert_eq!(privacy.name(&back, |_| 2, &mut scratch), Some(&back[..]), "reverse names are not asked for");

    privacy.fields = Fields::ALL;
    let pseudonym = privacy.address(Field::Client, client, row).address().unwrap();
    assert_eq!(privacy.name(&back, |_| 2, &mut scratch).map(dotted), Some(pointing_to(pseudonym)));
    assert_eq!(privacy.name(&www, |_| 2, &mut scratch), Some(&www[..]));

    privacy.names = Some(NameMap::new(NameScheme::RegisteredDomain, None).unwrap());
    assert_eq!(privacy.name(&back, |_| 3, &mut scratch).map(dotted), Some(pointing_to(pseudonym)));
    assert_eq!(privacy.name(&www, |_| 2, &mut scratch).map(dotted).as_deref(), Some("example.com."));

    privacy.names = Some(NameMap::new(NameScheme::Drop, None).unwrap());
    assert_eq!(privacy.name(&back, |_| 3, &mut scratch), None);
    privacy.fields = "client,ptr".parse().unwrap();
    assert_eq!(privacy.name(&www, |_| 2, &mut scratch), Some(&www[..]), "names are not asked for");
}
