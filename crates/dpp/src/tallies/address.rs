//! An address as the key of a tally: a digit for the version, and the octets.
//!
//! Nearly every transaction is counted by two of them. So they are kept in registers, as numbers: bytes that are written one by
//! one and read together take the processor longer than all the counting.

use super::keyed::{begin_hash, hash_block, hash_last};
use std::net::IpAddr;

/// An address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressKey {
    version: u8,
    /// The octets, the first in the lowest bits.
    octets: u128,
}

/// Room for the bytes of such a key.
pub type AddressRoom = [u8; 17];

/// Octets that a network of IPv4 has, which is the least that is routed: a /24.
const IPV4_NETWORK_OCTETS: usize = 3;
/// The same for IPv6, what one site has (RFC 6177): a /48.
const IPV6_NETWORK_OCTETS: usize = 6;

const V4: u8 = b'4';
const V6: u8 = b'6';

impl From<IpAddr> for AddressKey {
    #[inline(always)]
    fn from(address: IpAddr) -> AddressKey {
        match address {
            IpAddr::V4(address) => AddressKey::v4(address.octets()),
            IpAddr::V6(address) => AddressKey::v6(address.octets()),
        }
    }
}

impl AddressKey {
    /// The key of an IPv4 address.
    #[inline(always)]
    pub fn v4(octets: [u8; 4]) -> AddressKey {
        AddressKey { version: V4, octets: u32::from_le_bytes(octets).into() }
    }

    /// The key of an IPv6 address.
    #[inline(always)]
    pub fn v6(octets: [u8; 16]) -> AddressKey {
        AddressKey { version: V6, octets: u128::from_le_bytes(octets) }
    }

    /// The address of which these are the bytes, if they are.
    pub fn address(bytes: &[u8]) -> Option<IpAddr> {
        match bytes {
            [V4, octets @ ..] => <[u8; 4]>::try_from(octets).ok().map(IpAddr::from),
            [V6, octets @ ..] => <[u8; 16]>::try_from(octets).ok().map(IpAddr::from),
            _ => None,
        }
    }

    /// The key of the network that the address is in: as its own, but of no more octets than the network has.
    pub fn network(self) -> Vec<u8> {
        let length = if self.version == V4 { IPV4_NETWORK_OCTETS } else { IPV6_NETWORK_OCTETS };
        self.bytes(&mut AddressRoom::default())[..1 + length].to_vec()
    }

    /// The network of which these are the bytes, if they are: its first address, and how many bits it has.
    pub fn of_network(bytes: &[u8]) -> Option<(IpAddr, usize)> {
        let (version, octets) = bytes.split_first()?;
        let mut room = [0; 16];
        room[..octets.len().min(16)].copy_from_slice(&octets[..octets.len().min(16)]);
        match (*version, octets.len()) {
            (V4, IPV4_NETWORK_OCTETS) => {
                Some((<[u8; 4]>::try_from(&room[..4]).ok()?.into(), 8 * IPV4_NETWORK_OCTETS))
            }
            (V6, IPV6_NETWORK_OCTETS) => Some((room.into(), 8 * IPV6_NETWORK_OCTETS)),
            _ => None,
        }
    }

    /// The octets of an IPv4 address.
    #[inline(always)]
    pub(super) fn ipv4(self) -> Option<u32> {
        (self.version == V4).then_some(self.octets as u32)
    }

    /// The same of the bytes of a key.
    #[inline(always)]
    pub(super) fn ipv4_of(bytes: &[u8]) -> Option<u32> {
        match bytes.first_chunk() {
            Some(&[V4, a, b, c, d]) if bytes.len() == 5 => Some(u32::from_le_bytes([a, b, c, d])),
            _ => None,
        }
    }

    /// The bytes of the key.
    #[inline]
    pub fn bytes(self, room: &mut AddressRoom) -> &[u8] {
        room[0] = self.version;
        room[1..].copy_from_slice(&self.octets.to_le_bytes());
        match self.version {
            V4 => &room[..5],
            _ => room,
        }
    }

    /// The octets as two numbers.
    #[inline(always)]
    pub fn words(self) -> (u64, u64) {
        (self.octets as u64, (self.octets >> 64) as u64)
    }

    /// Whether these are the bytes of the key, that of an IPv6 address.
    #[inline(always)]
    pub fn is_ipv6(self, bytes: &[u8]) -> bool {
        let same = |octets| u128::from_le_bytes(octets) == self.octets;
        bytes.first() == Some(&V6) && bytes[1..].try_into().is_ok_and(same)
    }

    /// The hash of these bytes.
    #[inline(always)]
    pub(super) fn hash_ipv6(self, seed: u64) -> u64 {
        let first = self.octets << 8 | u128::from(V6);
        let state = hash_block(begin_hash(seed, 17), (first as u64, (first >> 64) as u64));
        hash_last(state, self.words(), seed)
    }
}

#[cfg(test)]
mod tests {
    use super::super::keyed::hash;
    use super::*;

    #[test]
    fn a_network_is_the_beginning_of_an_address() {
        for (text, network, bits) in [
            ("192.0.2.1", "192.0.2.0", 24),
            ("192.0.2.255", "192.0.2.0", 24),
            ("2001:db8:1:2::3", "2001:db8:1::", 48),
            ("::", "::", 48),
        ] {
            let [address, network]: [IpAddr; 2] = [text, network].map(|text| text.parse().unwrap());
            let bytes = AddressKey::from(address).network();
            assert_eq!(AddressKey::of_network(&bytes), Some((network, bits)), "{text}");
            assert_eq!(AddressKey::of_network(&bytes[1..]), None);
            assert_eq!(AddressKey::address(&bytes), None);
        }
        assert_eq!(AddressKey::of_network(&[b'4'; 40]), None);
        assert_eq!(AddressKey::of_network(b""), None);
    }

    #[test]
    fn an_address_is_its_bytes() {
        for text in ["192.0.2.1", "0.0.0.0", "255.1.2.254", "2001:db8::1", "::", "ff02::fb"] {
            let address: IpAddr = text.parse().unwrap();
            let key = AddressKey::from(address);
            let mut room = AddressRoom::default();
            let bytes = key.bytes(&mut room);
            assert_eq!(AddressKey::address(bytes), Some(address));
            assert_eq!(AddressKey::ipv4_of(bytes), key.ipv4(), "{text}");
            if address.is_ipv6() {
                assert_eq!(key.hash_ipv6(7), hash(7, bytes), "{text}");
                assert!(key.is_ipv6(bytes), "{text}");
            }
            let is = |other: &[u8]| match key.ipv4() {
                Some(octets) => AddressKey::ipv4_of(other) == Some(octets),
                None => key.is_ipv6(other),
            };
            for length in 0..bytes.len() {
                assert!(!is(&bytes[..length]) && AddressKey::address(&bytes[..length]).is_none());
            }
            for place in 0..bytes.len() {
                let mut other = bytes.to_vec();
                other[place] ^= 1;
                assert!(!is(&other), "{text}: {place}");
            }
        }
    }
}
