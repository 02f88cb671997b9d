//! Keyed hashes (HMAC-SHA256) of addresses and of labels.
//!
//! A hash is not reversible, not even with the key, but short ones collide: of IPv4 addresses only 32 bits are left, and among
//! n addresses n^2 / 2^33 pairs share a pseudonym.

use super::names::{Labels, NAME_MAX};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

/// Octets of a label's hash that are written: 80 bits, so that not even billions of names collide.
const LABEL_HASH_OCTETS: usize = 10;
/// And the letters they are written with.
const LABEL_HASH_LETTERS: usize = LABEL_HASH_OCTETS * 8 / 5;

/// The letters of base32hex (RFC 4648 section 7), which keep the order of what they spell, in the case of names.
const LETTERS: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";

type Keyed = Hmac<Sha256>;

fn keyed(key: [u8; 32]) -> Keyed {
    Keyed::new_from_slice(&key).expect("HMAC takes keys of any length")
}

/// Pseudonymous addresses of the same family.
pub(super) struct KeyedAddresses {
    v4: Keyed,
    v6: Keyed,
}

impl KeyedAddresses {
    pub(super) fn new(v4: [u8; 32], v6: [u8; 32]) -> Self {
        KeyedAddresses { v4: keyed(v4), v6: keyed(v6) }
    }

    pub(super) fn of(&self, address: IpAddr) -> IpAddr {
        match address {
            IpAddr::V4(address) => Ipv4Addr::from(hash(&self.v4, &[&address.octets()])).into(),
            IpAddr::V6(address) => Ipv6Addr::from(hash(&self.v6, &[&address.octets()])).into(),
        }
    }
}

/// The first `N` octets of the hash of several parts.
fn hash<const N: usize>(keyed: &Keyed, parts: &[&[u8]]) -> [u8; N] {
    let mut keyed = keyed.clone();
    parts.iter().for_each(|part| keyed.update(part));
    let hash = keyed.finalize().into_bytes();
    std::array::from_fn(|at| hash[at])
}

/// Hashes of labels.
#[derive(Clone)]
pub(super) struct LabelHash(Keyed);

impl LabelHash {
    pub(super) fn new(key: [u8; 32]) -> Self {
        LabelHash(keyed(key))
    }

    /// The name of a suffix, in wire form, and before it these labels of a name, counted from the left, as hashes.
    ///
    /// A label is hashed together with the hash of all that is to the right of it, without regard to case. So names below the
    /// same domain stay names below the same domain, while the `www` of one domain is not the `www` of another: nobody
    /// recognises frequent labels by counting. A hash has sixteen letters. If that made the name longer than a name can be, all
    /// hashes of it have as many letters as fit: at least one, because a label took at least two octets before. (Only where
    /// the suffix is longer than it was may that be too much; then the leftmost labels are left out.)
    pub(super) fn write<'s>(
        &self,
        name: &[u8],
        labels: &Labels,
        mut hashed: Range<usize>,
        suffix: &[u8],
        scratch: &'s mut [u8; NAME_MAX],
    ) -> &'s [u8] {
        let room = NAME_MAX - suffix.len();
        hashed.start = hashed.start.max(hashed.end.saturating_sub(room / 2));
        let letters = match hashed.len() {
            0 => 0,
            count => LABEL_HASH_LETTERS.min(room / count - 1),
        };
        let start = hashed.len() * (1 + letters);
        let end = start + suffix.len();
        scratch[start..end].copy_from_slice(suffix);
        let mut right: [u8; 32] = hash(&self.0, &[b"suffix", &suffix.to_ascii_lowercase()]);
        for (label, place) in hashed.rev().zip(scratch[..start].rchunks_exact_mut(1 + letters)) {
            let mut lower = [0; 64];
            let label = &name[labels.start(label)..labels.start(label + 1)];
            lower[..label.len()].copy_from_slice(label);
            lower[..label.len()].make_ascii_lowercase();
            right = hash(&self.0, &[b"label", &right, &lower[..label.len()]]);
            place[0] = letters as u8;
            place[1..].copy_from_slice(&spelled(&right)[..letters]);
        }
        &scratch[..end]
    }
}

/// The beginning of a hash in base32hex.
fn spelled(hash: &[u8; 32]) -> [u8; LABEL_HASH_LETTERS] {
    let mut bits = [0; 16];
    bits[..LABEL_HASH_OCTETS].copy_from_slice(&hash[..LABEL_HASH_OCTETS]);
    let bits = u128::from_be_bytes(bits);
    std::array::from_fn(|at| LETTERS[(bits >> (123 - 5 * at)) as usize & 31])
}
