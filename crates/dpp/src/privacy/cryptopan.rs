//! Crypto-PAn (Xu, Fan, Ammar, Moon 2002), which preserves prefixes.
//!
//! The 32 bytes of the key are an AES-128 key and a block that is encrypted with it, the pad. For the bit at place i the pad is
//! taken with its first i bits replaced by those of the address, and encrypted; its first bit says whether to flip. IPv6 is
//! the same with 128 places. Who knows some addresses and their pseudonyms knows the pseudonyms of their prefixes.

use super::prefixes::{Family, Rule};
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use aes::{Aes128, Block};

pub(super) struct CryptoPan {
    aes: Aes128,
    pad: u128,
}

impl CryptoPan {
    pub(super) fn new(key: [u8; 32]) -> Self {
        let (key, pad) = super::halves(key);
        let aes = Aes128::new(&key.into());
        let mut pad = pad.into();
        aes.encrypt_block(&mut pad);
        CryptoPan { aes, pad: u128::from_be_bytes(pad.into()) }
    }
}

impl Rule for CryptoPan {
    fn block(&self, _: Family, bits: u128, place: u32) -> Block {
        let rest = u128::MAX >> place;
        (bits & !rest | self.pad & rest).to_be_bytes().into()
    }

    fn encrypt(&self, blocks: &mut [Block]) {
        self.aes.encrypt_blocks(blocks);
    }

    fn flips(block: &Block) -> bool {
        block[0] & 0x80 != 0
    }
}
