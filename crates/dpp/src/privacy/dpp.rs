//! Pseudonyms for addresses, byte-compatible with DPP's `--anonymize`.
//!
//! The key is PBKDF2-HMAC-SHA256 of the passphrase; an IPv6 address is one AES-256 block, an IPv4 address the first four
//! bytes of one. So IPv4 pseudonyms may collide (two clients, one pseudonym): they are given after matching, so that a
//! collision never merges clients. The fixed salt is DPP's; it makes weak passphrases guessable.

use super::key::KeyError;
use aes::Aes256;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// DPP's salt, the same for all its users.
const SALT: [u8; 32] = [
    0xc7, 0x4c, 0xa0, 0x46, 0xdc, 0x55, 0xa7, 0x4b, 0x43, 0x5d, 0x75, 0x33, 0xdf, 0x11, 0x6d, 0x34, 0x7d,
    0xc0, 0x2b, 0x2c, 0xac, 0x24, 0xc1, 0x5f, 0x89, 0x51, 0xd8, 0x5c, 0xc9, 0x8d, 0xfc, 0xf1,
];
const ITERATIONS: u32 = 100_000;

/// A keyed mapping from addresses to pseudonyms.
#[derive(Clone)]
pub struct Pseudonyms(Aes256);

impl Pseudonyms {
    /// The mapping for the passphrase in a key file: UTF-8 text, white space around it ignored.
    ///
    /// # Errors
    /// [`KeyError`] if there is no passphrase in it.
    ///
    /// ```
    /// # use dpp::privacy::Pseudonyms;
    /// let pseudonyms = Pseudonyms::from_key_file(b"secret\n").unwrap();
    /// assert_eq!(pseudonyms.of("10.0.0.1".parse().unwrap()).to_string(), "163.54.195.6");
    /// ```
    pub fn from_key_file(content: &[u8]) -> Result<Self, KeyError> {
        Ok(Self::new(Self::key(content)?))
    }

    pub(super) fn new(key: [u8; 32]) -> Self {
        Pseudonyms(Aes256::new(&key.into()))
    }

    /// The key that a key file stands for.
    pub(super) fn key(content: &[u8]) -> Result<[u8; 32], KeyError> {
        match std::str::from_utf8(content).map_err(|_| KeyError::NotUtf8)?.trim() {
            "" => Err(KeyError::Empty),
            passphrase => {
                Ok(pbkdf2::pbkdf2_hmac_array::<sha2::Sha256, 32>(passphrase.as_bytes(), &SALT, ITERATIONS))
            }
        }
    }

    /// The pseudonym of an address: the same for the same address, of the same IP version.
    #[inline]
    pub fn of(&self, address: IpAddr) -> IpAddr {
        let mut block = [0; 16];
        match address {
            IpAddr::V4(address) => {
                block[..4].copy_from_slice(&address.octets());
                let [a, b, c, d, ..] = self.encrypt(block);
                IpAddr::V4(Ipv4Addr::new(a, b, c, d))
            }
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from(self.encrypt(address.octets()))),
        }
    }

    fn encrypt(&self, block: [u8; 16]) -> [u8; 16] {
        let mut block = block.into();
        self.0.encrypt_block(&mut block);
        block.into()
    }
}

impl std::fmt::Debug for Pseudonyms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pseudonyms(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pseudonyms_are_those_of_dpp() {
        let pseudonyms = Pseudonyms::from_key_file("  secret \r\n".as_bytes()).unwrap();
        for (address, pseudonym) in [
            ("10.0.0.1", "163.54.195.6"),
            ("192.0.2.1", "168.187.66.155"),
            ("0.0.0.0", "109.208.23.21"),
            ("::1", "d683:6a3b:a45c:1cd6:c884:1822:6b7c:6b68"),
            ("2001:db8::1", "f60:662:4467:7fa0:cbf0:ed2e:ef9a:bb15"),
        ] {
            assert_eq!(pseudonyms.of(address.parse().unwrap()).to_string(), pseudonym, "{address}");
        }
    }

    #[test]
    fn a_key_file_without_a_passphrase_is_refused() {
        assert_eq!(Pseudonyms::from_key_file(b" \n\t").unwrap_err(), KeyError::Empty);
        assert_eq!(Pseudonyms::from_key_file(b"\xff\xfe").unwrap_err(), KeyError::NotUtf8);
    }
}
