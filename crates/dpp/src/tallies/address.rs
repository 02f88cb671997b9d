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

const V4: u8 = b'4';
const V6: u8 = b'6';

impl From<IpAddr> for AddressKey {
    #[inline(always)]
    fn from(address: IpAddr) -> AddressKey {
        match address {
            IpAddr::V4(address) => {
                AddressKey { version: V4, octets: u32::from_le_bytes(address.octets()).into() }
            }
            IpAddr::V6(address) => {
                AddressKey { version: V6, octets: u128::from_le_bytes(address.octets()) }
            }
        }
    }
}

impl AddressKey {
    /// The address of which these are the bytes, if they are.
    pub fn address(bytes: &[u8]) -> Option<IpAddr> {
        match bytes {
            [V4, octets @ ..] => <[u8; 4]>::try_from(octets).ok().map(IpAddr::from),
            [V6, octets @ ..] => <[u8; 16]>::try_from(octets).ok().map(IpAddr::from),
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

    /// Whether these are its bytes.
    #[inline(always)]
    pub(super) fn is(self, bytes: &[u8]) -> bool {
        let Some((version, octets)) = bytes.split_first() else { return false };
        let is_same = match self.version {
            V4 => octets.try_into().is_ok_and(|octets| u32::from_le_bytes(octets) == self.octets as u32),
            _ => octets.try_into().is_ok_and(|octets| u128::from_le_bytes(octets) == self.octets),
        };
        is_same && *version == self.version
    }

    /// The hash of its bytes.
    #[inline(always)]
    pub(super) fn hash(self, seed: u64) -> u64 {
        let behind_version = self.octets << 8 | u128::from(self.version);
        match self.version {
            V4 => hash_last(begin_hash(seed, 5), (behind_version as u32).into(), self.words().0, seed),
            _ => {
                let first = (behind_version as u64, (behind_version >> 64) as u64);
                let (one, other) = self.words();
                hash_last(hash_block(begin_hash(seed, 17), first), one, other, seed)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::keyed::hash;
    use super::*;

    #[test]
    fn an_address_is_its_bytes() {
        for text in ["192.0.2.1", "0.0.0.0", "255.1.2.254", "2001:db8::1", "::", "ff02::fb"] {
            let address: IpAddr = text.parse().unwrap();
            let key = AddressKey::from(address);
            let mut room = AddressRoom::default();
            let bytes = key.bytes(&mut room);
            assert_eq!(AddressKey::address(bytes), Some(address));
            assert_eq!(key.hash(7), hash(7, bytes), "{text}");
            assert!(key.is(bytes), "{text}");
            for length in 0..bytes.len() {
                assert!(!key.is(&bytes[..length]) && AddressKey::address(&bytes[..length]).is_none());
            }
            for place in 0..bytes.len() {
                let mut other = bytes.to_vec();
                other[place] ^= 1;
                assert!(!key.is(&other), "{text}: {place}");
            }
        }
    }
}
