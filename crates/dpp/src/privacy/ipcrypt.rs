//! The four modes of ipcrypt (draft-denis-ipcrypt). All see an address as 16 bytes, an IPv4 address as `::ffff:a.b.c.d`.
//!
//! *Deterministic* is one block of AES-128, printed as an address, so an IPv4 address becomes an IPv6 one. *pfx* preserves
//! prefixes and the family. *nd* and *ndx* give another output each time, by a tweak that stands before it: the block cipher
//! is KIASU-BC with 8 bytes of tweak, or one block of AES-XTS with 16. Where the tweaks come from is the caller's concern.

use super::key::KeyError;
use super::prefixes::{Family, Rule};
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use aes::{Aes128, Block, hazmat};
use std::net::{IpAddr, Ipv6Addr};

/// The 16 bytes of an address.
fn bytes(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

/// ipcrypt-deterministic.
pub(super) struct Deterministic(Aes128);

impl Deterministic {
    pub(super) fn new(key: [u8; 16]) -> Self {
        Deterministic(Aes128::new(&key.into()))
    }

    pub(super) fn of(&self, address: IpAddr) -> IpAddr {
        let mut block = bytes(address).into();
        self.0.encrypt_block(&mut block);
        Ipv6Addr::from(<[u8; 16]>::from(block)).to_canonical()
    }
}

/// The rule of ipcrypt-pfx: the prefix, padded with a one bit before it, is encrypted with two keys; the last bit of the sum
/// says whether to flip. An IPv4 prefix has the 96 bits of `::ffff:0:0` before it.
pub(super) struct Pfx(Aes128, Aes128);

impl Pfx {
    pub(super) fn new(key: [u8; 32]) -> Result<Self, KeyError> {
        let (one, other) = distinct(key)?;
        Ok(Pfx(Aes128::new(&one.into()), Aes128::new(&other.into())))
    }
}

impl Rule for Pfx {
    fn block(&self, family: Family, bits: u128, place: u32) -> Block {
        let before: u128 = match family {
            Family::V4 => 1 << 96 | 0xffff,
            Family::V6 => 1,
        };
        let prefix = bits.checked_shr(128 - place).unwrap_or(0);
        (before << place | prefix).to_be_bytes().into()
    }

    fn encrypt(&self, blocks: &mut [Block]) {
        let mut others = [Block::default(); 64];
        for blocks in blocks.chunks_mut(others.len()) {
            let others = &mut others[..blocks.len()];
            others.copy_from_slice(blocks);
            self.0.encrypt_blocks(blocks);
            self.1.encrypt_blocks(others);
            for (block, other) in blocks.iter_mut().zip(others) {
                block[15] ^= other[15];
            }
        }
    }

    fn flips(block: &Block) -> bool {
        block[15] & 1 != 0
    }
}

/// ipcrypt-nd: AES-128 with the tweak added to every round key (KIASU-BC).
pub(super) struct Nd([[u8; 16]; 11]);

impl Nd {
    pub(super) fn new(key: [u8; 16]) -> Self {
        Nd(round_keys(key))
    }

    /// The tweak, and the block after it.
    pub(super) fn of(&self, address: IpAddr, tweak: [u8; 8]) -> [u8; 24] {
        let keys = self.keys(tweak);
        let mut block = xor(bytes(address), keys[0]).into();
        for key in &keys[1..10] {
            hazmat::cipher_round(&mut block, &(*key).into());
        }
        last_round_without_key(&mut block);
        joined(tweak, xor(block.into(), keys[10]))
    }

    /// The round keys, with the tweak.
    pub(super) fn keys(&self, tweak: [u8; 8]) -> [[u8; 16]; 11] {
        let mut padded = [0; 16];
        for (column, pair) in padded.chunks_mut(4).zip(tweak.chunks(2)) {
            column[..2].copy_from_slice(pair);
        }
        self.0.map(|key| xor(key, padded))
    }
}

/// The last round of AES has no MixColumns.
fn last_round_without_key(block: &mut Block) {
    hazmat::cipher_round(block, &Block::default());
    hazmat::inv_mix_columns(block);
}

/// AES-128's key schedule (FIPS 197 section 5.2).
fn round_keys(key: [u8; 16]) -> [[u8; 16]; 11] {
    let mut keys = [key; 11];
    let mut constant = 1u8;
    for round in 1..keys.len() {
        let before = keys[round - 1];
        let [.., a, b, c, d] = before;
        let mut word = substituted([b, c, d, a]);
        word[0] ^= constant;
        constant = constant << 1 ^ if constant & 0x80 == 0 { 0 } else { 0x1b };
        for (column, old) in keys[round].chunks_mut(4).zip(before.chunks(4)) {
            word = std::array::from_fn(|at| word[at] ^ old[at]);
            column.copy_from_slice(&word);
        }
    }
    keys
}

/// The S-box on each byte: what a last round does to a block of four equal columns, whose rows can be shifted as one likes.
fn substituted(word: [u8; 4]) -> [u8; 4] {
    let mut block = Block::from(std::array::from_fn::<u8, 16, _>(|at| word[at % 4]));
    last_round_without_key(&mut block);
    [block[0], block[1], block[2], block[3]]
}

/// ipcrypt-ndx: one block of AES-XTS.
pub(super) struct Ndx {
    block: Aes128,
    tweak: Aes128,
}

impl Ndx {
    pub(super) fn new(key: [u8; 32]) -> Result<Self, KeyError> {
        let (block, tweak) = distinct(key)?;
        Ok(Ndx { block: Aes128::new(&block.into()), tweak: Aes128::new(&tweak.into()) })
    }

    /// The tweak, and the block after it.
    pub(super) fn of(&self, address: IpAddr, tweak: [u8; 16]) -> [u8; 32] {
        let mut mask = tweak.into();
        self.tweak.encrypt_block(&mut mask);
        let mut block = xor(bytes(address), mask.into()).into();
        self.block.encrypt_block(&mut block);
        joined(tweak, xor(block.into(), mask.into()))
    }
}

/// The halves of a key, which must be two keys: pfx would flip nothing with one, and XTS wants two (NIST SP 800-38E).
fn distinct(key: [u8; 32]) -> Result<([u8; 16], [u8; 16]), KeyError> {
    match super::halves(key) {
        (one, other) if one == other => Err(KeyError::EqualHalves),
        halves => Ok(halves),
    }
}

fn xor(one: [u8; 16], other: [u8; 16]) -> [u8; 16] {
    std::array::from_fn(|at| one[at] ^ other[at])
}

/// `tweak` and block in a row; `M` is the sum of their lengths.
fn joined<const N: usize, const M: usize>(tweak: [u8; N], block: [u8; 16]) -> [u8; M] {
    let mut both = [0; M];
    both[..N].copy_from_slice(&tweak);
    both[N..].copy_from_slice(&block);
    both
}
