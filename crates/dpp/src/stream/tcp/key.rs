//! The identity of a connection, whichever way a segment goes.

use crate::packet::{Addresses, Flow};
use crate::stream::{KeptAddresses, KeptFlow};
use std::hash::{BuildHasher, Hash, Hasher, RandomState};

/// Both ends, the lower one first. Plain words, which live in registers until the key is entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    /// The low words of both addresses; IPv4 fills half of one.
    low: [u64; 2],
    /// The high words.
    high: [u64; 2],
    /// Of the lower end, then of the higher one, then whether it is IPv6.
    ports: u64,
}

impl Key {
    /// The key of a segment's connection, and which end sent it: 0 the lower, 1 the higher one.
    #[inline]
    pub(super) fn of(flow: &Flow) -> (Key, usize) {
        let (source, destination, version) = match flow.addresses {
            Addresses::V4 { source, destination } => (v4(source), v4(destination), 0),
            Addresses::V6 { source, destination } => (v6(source), v6(destination), 1),
        };
        let (from, to) = (u64::from(flow.source_port), u64::from(flow.destination_port));
        let is_lower = source < destination || source == destination && from <= to;
        let pick = |a: u64, b: u64| if is_lower { [a, b] } else { [b, a] };
        let [first, second] = pick(from, to);
        let key = Key {
            low: pick(source as u64, destination as u64),
            high: pick((source >> 64) as u64, (destination >> 64) as u64),
            ports: first << 32 | second << 16 | version,
        };
        (key, usize::from(!is_lower))
    }
}

impl Key {
    /// Who sends to whom, if the lower or the higher end (0 or 1) does.
    pub(super) fn flow(&self, from: usize) -> KeptFlow {
        let to = 1 - from;
        let port = |end: usize| (self.ports >> if end == 0 { 32 } else { 16 }) as u16;
        let v4 = |end: usize| (self.low[end] as u32).to_be_bytes();
        let v6 = |end: usize| (u128::from(self.high[end]) << 64 | u128::from(self.low[end])).to_be_bytes();
        let addresses = match self.ports & 1 {
            0 => KeptAddresses::V4(v4(from), v4(to)),
            _ => KeptAddresses::V6(v6(from), v6(to)),
        };
        KeptFlow { addresses, source_port: port(from), destination_port: port(to) }
    }
}

#[inline]
fn v4(address: &[u8; 4]) -> u128 {
    u32::from_be_bytes(*address).into()
}

#[inline]
fn v6(address: &[u8; 16]) -> u128 {
    u128::from_be_bytes(*address)
}

impl Hash for Key {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.ports);
        state.write_u64(self.low[0]);
        state.write_u64(self.low[1]);
        if self.ports & 1 != 0 {
            state.write_u64(self.high[0]);
            state.write_u64(self.high[1]);
        }
    }
}

/// A seed nobody outside knows, so that nobody can choose keys that collide. Results never depend on it: tables of
/// connections are only asked, never walked.
#[derive(Clone, Debug)]
pub(super) struct Seed([u64; 2]);

impl Default for Seed {
    fn default() -> Self {
        let random = RandomState::new();
        Seed([0u8, 1].map(|number| random.hash_one(number)))
    }
}

impl BuildHasher for Seed {
    type Hasher = Folding;

    #[inline]
    fn build_hasher(&self) -> Folding {
        Folding { state: self.0[0], secret: self.0[1] | 1 }
    }
}

/// Multiplies, and folds the two halves of the product.
pub(super) struct Folding {
    state: u64,
    secret: u64,
}

impl Hasher for Folding {
    #[inline]
    fn write_u64(&mut self, word: u64) {
        let product = u128::from(self.state ^ word) * u128::from(self.secret);
        self.state = (product as u64 ^ (product >> 64) as u64).wrapping_add(self.secret);
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_u64(byte.into()));
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.state
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_have_the_same_key_from_different_ends() {
        let (client, server) = ([192, 0, 2, 9], [192, 0, 2, 1]);
        let addresses = Addresses::V4 { source: &client, destination: &server };
        let flow = Flow { addresses, source_port: 4000, destination_port: 53 };
        let ((there, from), (back, to)) = (Key::of(&flow), Key::of(&flow.reversed()));
        assert_eq!(there, back);
        assert_eq!((from, to), (1, 0));
    }

    #[test]
    fn a_key_tells_both_flows() {
        let (low, high) = ([0x11; 16], [0xEE; 16]);
        let wide = Addresses::V6 { source: &high, destination: &low };
        for addresses in [wide, Addresses::V4 { source: &[192, 0, 2, 9], destination: &[192, 0, 2, 1] }] {
            let flow = Flow { addresses, source_port: 4000, destination_port: 53 };
            for flow in [flow, flow.reversed()] {
                let (key, from) = Key::of(&flow);
                assert_eq!(key.flow(from), KeptFlow::from(&flow));
            }
        }
    }

    #[test]
    fn an_ipv6_address_that_looks_like_ipv4_is_another() {
        let four = Addresses::V4 { source: &[1, 2, 3, 4], destination: &[5, 6, 7, 8] };
        let wide = |octets: [u8; 4]| u128::from(u32::from_be_bytes(octets)).to_be_bytes();
        let (source, destination) = (wide([1, 2, 3, 4]), wide([5, 6, 7, 8]));
        let six = Addresses::V6 { source: &source, destination: &destination };
        let key = |addresses| Key::of(&Flow { addresses, source_port: 1, destination_port: 53 }).0;
        assert_ne!(key(four), key(six));
    }
}
