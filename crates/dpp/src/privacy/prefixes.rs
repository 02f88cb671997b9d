//! Mappings that preserve prefixes: two addresses that have just their first n bits in common have pseudonyms that have just
//! their first n bits in common.
//!
//! Such a mapping is a [`Rule`] that says for each prefix whether the bit after it is flipped; Crypto-PAn and ipcrypt-pfx
//! are two rules. The bits of the address itself decide, not those of the pseudonym, so all places can be asked at once, and
//! a processor that encrypts many blocks side by side does that in little more time than one.
//!
//! What many addresses share is remembered: the first 16 bits of IPv4 in a table of all answers, the first 64 of IPv6 in a
//! small memory that forgets. Neither changes an answer, so nobody can tell which thread remembers what.

use crate::limits::V6_PREFIXES_REMEMBERED;
use aes::Block;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Mutex, OnceLock};

/// Which of the two address spaces; a rule may treat them differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    V4,
    V6,
}

/// Whether the bit after a prefix is flipped.
pub(super) trait Rule {
    /// The block to be encrypted for the prefix of `place` bits of an address, whose bits stand leftmost.
    fn block(&self, family: Family, bits: u128, place: u32) -> Block;

    /// Encrypts blocks in place; afterwards [`flips`](Rule::flips) tells of each whether the bit is flipped.
    fn encrypt(&self, blocks: &mut [Block]);

    /// What an encrypted block says.
    fn flips(block: &Block) -> bool;
}

/// A mapping by a rule, and what it remembers.
pub(super) struct Prefixes<R> {
    rule: R,
    /// Of each first 16 bits of an IPv4 address those of its pseudonym.
    v4: OnceLock<Box<[u16]>>,
    v6: Remembered,
}

impl<R: Rule> Prefixes<R> {
    pub(super) fn new(rule: R) -> Self {
        Prefixes { rule, v4: OnceLock::new(), v6: Remembered::new() }
    }

    pub(super) fn of(&self, address: IpAddr) -> IpAddr {
        match address {
            IpAddr::V4(address) => IpAddr::V4(self.of_v4(address)),
            IpAddr::V6(address) => IpAddr::V6(self.of_v6(address)),
        }
    }

    fn of_v4(&self, address: Ipv4Addr) -> Ipv4Addr {
        let bits = u128::from(address.to_bits()) << 96;
        let first = self.v4.get_or_init(|| self.first_bits())[usize::from((bits >> 112) as u16)];
        let mapped = bits ^ self.flips::<16>(Family::V4, bits, 16);
        Ipv4Addr::from_bits(u32::from(first) << 16 | u32::from((mapped >> 96) as u16))
    }

    fn of_v6(&self, address: Ipv6Addr) -> Ipv6Addr {
        let bits = address.to_bits();
        let prefix = (bits >> 64) as u64;
        let first = self.v6.recall(prefix).unwrap_or_else(|| {
            let first = prefix ^ (self.flips::<64>(Family::V6, bits, 0) >> 64) as u64;
            self.v6.remember(prefix, first);
            first
        });
        let last = (bits ^ self.flips::<64>(Family::V6, bits, 64)) as u64;
        Ipv6Addr::from_bits(u128::from(first) << 64 | u128::from(last))
    }

    /// The bits to be flipped at the `N` places from `from`.
    fn flips<const N: usize>(&self, family: Family, bits: u128, from: u32) -> u128 {
        let mut places = from..;
        let mut blocks: [Block; N] = std::array::from_fn(|_| {
            let place = places.next().expect("endless");
            self.rule.block(family, bits, place)
        });
        self.rule.encrypt(&mut blocks);
        let flips = blocks.iter().fold(0, |flips, block| flips << 1 | u128::from(R::flips(block)));
        flips << (128 - from as usize - N)
    }

    /// The table of `v4`: from the pseudonyms of all prefixes of one length those of the next. 65,535 blocks, some 1.5
    /// ms.
    fn first_bits(&self) -> Box<[u16]> {
        let mut mapped = vec![0u16];
        for place in 0..16 {
            let mut longer = Vec::with_capacity(mapped.len() * 2);
            for (prefix, &mapped) in (0u128..).zip(&mapped) {
                let bits = prefix.checked_shl(128 - place).unwrap_or(0);
                let flip = u16::from(self.flips::<1>(Family::V4, bits, place) != 0);
                longer.extend([mapped << 1 | flip, mapped << 1 | (1 ^ flip)]);
            }
            mapped = longer;
        }
        mapped.into()
    }
}

/// First halves of IPv6 addresses that were mapped, each in the one place that its bits choose. Who finds the place locked
/// does without.
struct Remembered(Box<[Place]>);

/// A first half, and that of its pseudonym.
type Place = Mutex<Option<(u64, u64)>>;

impl Remembered {
    fn new() -> Self {
        Remembered((0..V6_PREFIXES_REMEMBERED).map(|_| Mutex::new(None)).collect())
    }

    /// Multiplicative hashing: the first bits of the product depend on all bits of the prefix.
    fn place(&self, prefix: u64) -> &Place {
        let hash = prefix.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        &self.0[((u128::from(hash) * V6_PREFIXES_REMEMBERED as u128) >> 64) as usize]
    }

    fn recall(&self, prefix: u64) -> Option<u64> {
        let remembered = (*self.place(prefix).try_lock().ok()?)?;
        (remembered.0 == prefix).then_some(remembered.1)
    }

    fn remember(&self, prefix: u64, mapped: u64) {
        if let Ok(mut place) = self.place(prefix).try_lock() {
            *place = Some((prefix, mapped));
        }
    }
}

#[cfg(test)]
impl<R: Rule> Prefixes<R> {
    /// The same, place after place and remembering nothing.
    pub(super) fn plainly(&self, address: IpAddr) -> IpAddr {
        self.bit_by_bit(address, |original, _| original)
    }

    /// The address that has this pseudonym.
    pub(super) fn inverse(&self, pseudonym: IpAddr) -> IpAddr {
        self.bit_by_bit(pseudonym, |_, result| result)
    }

    fn bit_by_bit(&self, address: IpAddr, known: fn(u128, u128) -> u128) -> IpAddr {
        let (family, given, width) = match address {
            IpAddr::V4(address) => (Family::V4, u128::from(address.to_bits()) << 96, 32),
            IpAddr::V6(address) => (Family::V6, address.to_bits(), 128),
        };
        let mut result = given;
        for place in 0..width {
            result ^= self.flips::<1>(family, known(given, result), place);
        }
        match family {
            Family::V4 => Ipv4Addr::from_bits((result >> 96) as u32).into(),
            Family::V6 => Ipv6Addr::from_bits(result).into(),
        }
    }
}
