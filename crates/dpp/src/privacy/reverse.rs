//! Names that point back to addresses: `1.2.0.192.in-addr.arpa` (RFC 1035 section 3.5) and 32 nibbles below `ip6.arpa` (RFC
//! 3596 section 2.5), or fewer labels for a network.
//!
//! Left of the address there may be more: services (`_dns-sd._udp`), or the subnets of RFC 2317 (`5.0/25.2.0.192.in-addr.arpa`),
//! which are address again. Nobody can tell them apart for sure, so none of it is kept.

use super::addresses::AddressMap;
use super::hashed::LabelHash;
use super::names::{Labels, NAME_MAX};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// One of the two trees.
struct Tree {
    /// In wire form; two labels.
    suffix: &'static [u8],
    /// Labels of a whole address, and the bits of each.
    labels: usize,
    bits: u32,
    radix: u32,
}

const V4: Tree = Tree { suffix: b"\x07in-addr\x04arpa\0", labels: 4, bits: 8, radix: 10 };
const V6: Tree = Tree { suffix: b"\x03ip6\x04arpa\0", labels: 32, bits: 4, radix: 16 };

/// Whether a name lies below one of the two trees.
pub(super) fn is_reverse(name: &[u8]) -> bool {
    tree(name).is_some()
}

/// The address that a name points back to, if it spells a whole one right below the tree's own labels.
///
/// ```
/// # use dpp::privacy::address_of;
/// let name = b"\x011\x012\x010\x03192\x07in-addr\x04arpa\0";
/// assert_eq!(address_of(name), Some("192.0.2.1".parse().unwrap()));
/// ```
pub fn address_of(name: &[u8]) -> Option<IpAddr> {
    let (tree, labels) = tree(name)?;
    let spelled = tree.spelled(name, &labels);
    (spelled.len() == tree.labels).then(|| tree.address(&spelled))
}

/// See [`AddressMap::reverse_name`].
pub(super) fn mapped<'s>(
    name: &[u8],
    addresses: &AddressMap,
    hash: Option<&LabelHash>,
    scratch: &'s mut [u8; NAME_MAX],
) -> Option<&'s [u8]> {
    let (tree, labels) = tree(name)?;
    let below = labels.count() - 2;
    let spelled = tree.spelled(name, &labels);
    let whole = spelled.len() == tree.labels && addresses.keeps_family();
    let address = match addresses.of(tree.address(&spelled), 0).address() {
        Some(address) if whole || addresses.preserves_prefixes() => address,
        _ => return hash.map(|hash| hash.write(name, &labels, 0..below, tree.suffix, scratch)),
    };
    let mut spelling = Vec::with_capacity(NAME_MAX);
    tree.spell(address, spelled.len(), &mut spelling);
    let hashed = 0..below - spelled.len();
    if let Some(hash) = hash {
        return Some(hash.write(name, &labels, hashed, &spelling, scratch));
    }
    scratch[..spelling.len()].copy_from_slice(&spelling);
    Some(&scratch[..spelling.len()])
}

/// The tree that a name lies below, and its labels.
fn tree(name: &[u8]) -> Option<(&'static Tree, Labels)> {
    let tree = [&V4, &V6].into_iter().find(|tree| {
        let start = name.len().checked_sub(tree.suffix.len());
        start.is_some_and(|start| start > 0 && name[start..].eq_ignore_ascii_case(tree.suffix))
    })?;
    let labels = Labels::of(name)?;
    // The suffix may be the octets of one long label.
    let start = labels.count().checked_sub(2).map(|label| labels.start(label))?;
    (start > 0 && start + tree.suffix.len() == name.len()).then_some((tree, labels))
}

impl Tree {
    /// The numbers next to the tree's own labels, from the right.
    fn spelled(&self, name: &[u8], labels: &Labels) -> Vec<u8> {
        let below = labels.count() - 2;
        let texts = (0..below).rev().map(|label| &name[labels.start(label) + 1..labels.start(label + 1)]);
        texts.take(self.labels).map_while(|text| self.number(text)).collect()
    }

    /// The number that a label spells, without leading zeros.
    fn number(&self, label: &[u8]) -> Option<u8> {
        let short = label.len() == 1 || self.radix == 10 && label.len() <= 3 && label[0] != b'0';
        let label = Some(label).filter(|_| short)?;
        let digit = |byte: &u8| char::from(*byte).to_digit(self.radix);
        let number = label.iter().try_fold(0, |number, byte| Some(number * self.radix + digit(byte)?))?;
        u8::try_from(number).ok()
    }

    /// The address that begins with these numbers and goes on with zeros.
    fn address(&self, numbers: &[u8]) -> IpAddr {
        let places = (1..).map(|place| 128 - self.bits * place);
        let bits =
            numbers.iter().zip(places).fold(0, |bits, (&number, place)| bits | u128::from(number) << place);
        match self.labels {
            4 => Ipv4Addr::from_bits((bits >> 96) as u32).into(),
            _ => Ipv6Addr::from_bits(bits).into(),
        }
    }

    /// Writes the name that points back to the first `count` numbers of an address.
    fn spell(&self, address: IpAddr, count: usize, text: &mut Vec<u8>) {
        let bits = match address {
            IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
            IpAddr::V6(address) => address.to_bits(),
        };
        for place in (1..=count as u32).rev() {
            let number = (bits >> (128 - self.bits * place)) & ((1 << self.bits) - 1);
            let number = if self.radix == 10 { number.to_string() } else { format!("{number:x}") };
            text.push(number.len() as u8);
            text.extend_from_slice(number.as_bytes());
        }
        text.extend_from_slice(self.suffix);
    }
}
