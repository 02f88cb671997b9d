//! The mapping of addresses, by one of the [schemes](AddressScheme).
//!
//! An IPv4-mapped IPv6 address (`::ffff:192.0.2.1`) is the IPv4 address in it, written differently, so it is mapped as that and
//! written as before: a client has one pseudonym, whoever captured it. The exception is DPP's scheme, which takes it for any
//! IPv6 address, and with which we promise to be compatible.

use super::cryptopan::CryptoPan;
use super::dpp::Pseudonyms;
use super::hashed::{KeyedAddresses, LabelHash};
use super::ipcrypt::{Deterministic, Nd, Ndx, Pfx};
use super::key::{self, KeyError, KeyFile};
use super::names::NAME_MAX;
use super::prefixes::Prefixes;
use super::reverse;
use super::spec::AddressScheme;
use aes::Aes128;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use thiserror::Error;

/// What is written instead of an address. It prints as address, or as hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pseudonym {
    /// An address.
    Address(IpAddr),
    /// What ipcrypt-nd gives: 8 bytes of tweak, 16 of ciphertext.
    Nd([u8; 24]),
    /// What ipcrypt-ndx gives: 16 bytes of tweak, 16 of ciphertext.
    Ndx([u8; 32]),
}

impl Pseudonym {
    /// The address, if it is one.
    pub fn address(self) -> Option<IpAddr> {
        match self {
            Pseudonym::Address(address) => Some(address),
            Pseudonym::Nd(_) | Pseudonym::Ndx(_) => None,
        }
    }
}

impl fmt::Display for Pseudonym {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes: &[u8] = match self {
            Pseudonym::Address(address) => return address.fmt(f),
            Pseudonym::Nd(bytes) => bytes,
            Pseudonym::Ndx(bytes) => bytes,
        };
        bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What is written instead of a client subnet (RFC 7871).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PseudonymousSubnet {
    /// Instead of its address.
    pub address: Pseudonym,
    /// The prefix length in bits. None if `address` stands for the subnet as a whole.
    pub prefix: Option<u8>,
}

/// Why there is no mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum MapError {
    /// This scheme, by its word, needs a key, and there is none.
    #[error("'{0}' needs a key file ('openssl rand -hex 32' makes the content of one)")]
    KeyMissing(&'static str),
    /// There is a key file, but it gives no key.
    #[error("the key file {0}; {remedy}", remedy = .0.remedy())]
    Key(#[from] KeyError),
}

/// A mapping from addresses to pseudonyms. Clones share what they remember.
#[derive(Clone)]
pub struct AddressMap(Arc<Mapping>);

struct Mapping {
    scheme: AddressScheme,
    kind: Kind,
    /// For reverse names that cannot be mapped as addresses.
    labels: Option<LabelHash>,
    fingerprint: Option<String>,
}

enum Kind {
    Truncate(Kept),
    CryptoPan(Prefixes<CryptoPan>),
    Deterministic(Deterministic),
    Pfx(Box<Prefixes<Pfx>>),
    Nd(Nd, Tweaks),
    Ndx(Box<Ndx>, Tweaks),
    Hmac(KeyedAddresses),
    Dpp(Pseudonyms),
}

impl AddressMap {
    /// The mapping by a scheme. Only truncation needs no key, and ignores one.
    ///
    /// # Errors
    /// [`MapError`] if the key file is missing or gives no key for this scheme.
    ///
    /// ```
    /// # use dpp::privacy::AddressMap;
    /// let map = AddressMap::new("truncate:24,48".parse().unwrap(), None).unwrap();
    /// assert_eq!(map.of("192.0.2.1".parse().unwrap(), 0).to_string(), "192.0.2.0");
    /// ```
    pub fn new(scheme: AddressScheme, key: Option<&KeyFile>) -> Result<Self, MapError> {
        let mapping = match (scheme, key) {
            (AddressScheme::Truncate { v4, v6 }, _) => {
                Mapping { scheme, kind: Kind::Truncate(Kept { v4, v6 }), labels: None, fingerprint: None }
            }
            (AddressScheme::Dpp, Some(key)) => return Ok(Self::dpp(key.content())?),
            (_, Some(key)) => Mapping {
                scheme,
                kind: Kind::keyed(scheme, key)?,
                labels: Some(LabelHash::new(key.derived("reverse names"))),
                fingerprint: Some(key.fingerprint(scheme.word())),
            },
            (_, None) => return Err(MapError::KeyMissing(scheme.word())),
        };
        Ok(AddressMap(Arc::new(mapping)))
    }

    /// DPP's mapping for the passphrase in a key file, which may hold any text: what `--anonymize` has always taken.
    ///
    /// # Errors
    /// [`KeyError`] if there is no passphrase in it.
    pub fn dpp(content: &[u8]) -> Result<Self, KeyError> {
        let (scheme, key) = (AddressScheme::Dpp, Pseudonyms::key(content)?);
        Ok(AddressMap(Arc::new(Mapping {
            scheme,
            kind: Kind::Dpp(Pseudonyms::new(key)),
            labels: Some(LabelHash::new(key::derive(&key, "reverse names"))),
            fingerprint: Some(key::fingerprint(&key, scheme.word())),
        })))
    }

    /// The pseudonym of an address. Only nd and ndx look at the `occasion` (see [`occasion`](super::occasion)): the tweak is
    /// AES-128 of it. So the same address on two occasions has two pseudonyms that nobody without the key can connect,
    /// and on the same occasion, which two runs with the same key may share, the same one.
    pub fn of(&self, address: IpAddr, occasion: u64) -> Pseudonym {
        let inner = match address {
            IpAddr::V6(address) if self.0.scheme != AddressScheme::Dpp => address.to_ipv4_mapped(),
            _ => None,
        };
        match inner.map(|inner| self.0.kind.of(inner.into(), occasion)) {
            Some(Pseudonym::Address(IpAddr::V4(inner))) => Pseudonym::Address(inner.to_ipv6_mapped().into()),
            Some(pseudonym) => pseudonym,
            None => self.0.kind.of(address, occasion),
        }
    }

    /// The pseudonym of a client subnet: an address of which the first `prefix` bits count.
    ///
    /// Truncation and mappings that preserve prefixes map just these bits; the others are zero before and after. All other
    /// schemes map the prefix, filled with zeros, as a whole; its length would say nothing about the result and is
    /// dropped. A prefix of no bits names nobody (RFC 7871 section 7.1.2) and stays what it is.
    pub fn subnet(&self, address: IpAddr, prefix: u8, occasion: u64) -> PseudonymousSubnet {
        let prefix = prefix.min(width(address));
        let address = masked(address, prefix);
        if prefix == 0 {
            return PseudonymousSubnet { address: Pseudonym::Address(address), prefix: Some(0) };
        }
        match (&self.0.kind, self.of(address, occasion)) {
            (Kind::Truncate(kept), mapped) => {
                PseudonymousSubnet { address: mapped, prefix: Some(prefix.min(kept.bits(address))) }
            }
            (_, Pseudonym::Address(mapped)) if self.preserves_prefixes() => {
                let address = Pseudonym::Address(masked(mapped, prefix));
                PseudonymousSubnet { address, prefix: Some(prefix) }
            }
            (_, address) => PseudonymousSubnet { address, prefix: None },
        }
    }

    /// What to write for a name below `in-addr.arpa` or `ip6.arpa` (uncompressed wire form), so that the name that points back
    /// to an address becomes the name that points back to its pseudonym, `None` if it is no such name.
    ///
    /// A name with fewer labels than an address is mapped in the same way by what preserves prefixes. Where that cannot be, and
    /// where pseudonyms are no addresses of the same family, the labels are hashed with the key. Labels before the address
    /// (services, the subnets of RFC 2317) are hashed too; truncation, which has no key, removes them.
    pub fn reverse_name<'s>(&self, name: &[u8], scratch: &'s mut [u8; NAME_MAX]) -> Option<&'s [u8]> {
        reverse::mapped(name, self, self.0.labels.as_ref(), scratch)
    }

    /// Whether pseudonyms are addresses, not bytes.
    pub fn is_address(&self) -> bool {
        !matches!(self.0.kind, Kind::Nd(..) | Kind::Ndx(..))
    }

    /// Whether the pseudonym of an IPv4 address is an IPv4 address, and of an IPv6 address an IPv6 address.
    pub fn keeps_family(&self) -> bool {
        self.is_address() && !matches!(self.0.kind, Kind::Deterministic(_))
    }

    /// Whether addresses with a common prefix have pseudonyms with a common prefix of that length.
    pub fn preserves_prefixes(&self) -> bool {
        matches!(self.0.kind, Kind::Truncate(_) | Kind::CryptoPan(_) | Kind::Pfx(_))
    }

    /// The scheme.
    pub fn scheme(&self) -> AddressScheme {
        self.0.scheme
    }

    /// Names the key without telling it ([`KeyFile::fingerprint`]); none if there is no key.
    pub fn fingerprint(&self) -> Option<&str> {
        self.0.fingerprint.as_deref()
    }
}

impl fmt::Debug for AddressMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AddressMap({}, ..)", self.0.scheme)
    }
}

impl Kind {
    fn keyed(scheme: AddressScheme, key: &KeyFile) -> Result<Self, KeyError> {
        let purpose = scheme.word();
        Ok(match scheme {
            AddressScheme::CryptoPan => {
                Kind::CryptoPan(Prefixes::new(CryptoPan::new(key.raw_or_derived(purpose))))
            }
            AddressScheme::IpcryptDet => Kind::Deterministic(Deterministic::new(key.raw_or_derived(purpose))),
            AddressScheme::IpcryptPfx => {
                Kind::Pfx(Box::new(Prefixes::new(Pfx::new(key.raw_or_derived(purpose))?)))
            }
            AddressScheme::IpcryptNd => {
                Kind::Nd(Nd::new(key.raw_or_derived(purpose)), Tweaks::new(key.derived("ipcrypt-nd tweaks")))
            }
            AddressScheme::IpcryptNdx => Kind::Ndx(
                Box::new(Ndx::new(key.raw_or_derived(purpose))?),
                Tweaks::new(key.derived("ipcrypt-ndx tweaks")),
            ),
            AddressScheme::Hmac => {
                Kind::Hmac(KeyedAddresses::new(key.derived("hmac ipv4"), key.derived("hmac ipv6")))
            }
            AddressScheme::Truncate { .. } | AddressScheme::Dpp => unreachable!("made by the caller"),
        })
    }

    fn of(&self, address: IpAddr, occasion: u64) -> Pseudonym {
        Pseudonym::Address(match self {
            Kind::Truncate(kept) => masked(address, kept.bits(address)),
            Kind::CryptoPan(prefixes) => prefixes.of(address),
            Kind::Deterministic(deterministic) => deterministic.of(address),
            Kind::Pfx(prefixes) => prefixes.of(address),
            Kind::Nd(nd, tweaks) => {
                let [tweak, _] = tweaks.of(occasion);
                return Pseudonym::Nd(nd.of(address, tweak));
            }
            Kind::Ndx(ndx, tweaks) => {
                let mut tweak = [0; 16];
                tweak.copy_from_slice(tweaks.of(occasion).as_flattened());
                return Pseudonym::Ndx(ndx.of(address, tweak));
            }
            Kind::Hmac(keyed) => keyed.of(address),
            Kind::Dpp(pseudonyms) => pseudonyms.of(address),
        })
    }
}

/// How many bits truncation keeps.
struct Kept {
    v4: u8,
    v6: u8,
}

impl Kept {
    fn bits(&self, address: IpAddr) -> u8 {
        match address {
            IpAddr::V4(_) => self.v4,
            IpAddr::V6(address) if address.to_ipv4_mapped().is_some() => 96 + self.v4,
            IpAddr::V6(_) => self.v6,
        }
    }
}

/// Tweaks as the draft wants them, not to be told from random ones, and yet a function of the occasion.
struct Tweaks(Aes128);

impl Tweaks {
    fn new(key: [u8; 16]) -> Self {
        Tweaks(Aes128::new(&key.into()))
    }

    fn of(&self, occasion: u64) -> [[u8; 8]; 2] {
        let mut block = u128::from(occasion).to_be_bytes().into();
        self.0.encrypt_block(&mut block);
        let mut tweak = [[0; 8]; 2];
        tweak.as_flattened_mut().copy_from_slice(&block);
        tweak
    }
}

/// The bits of an address of this family.
pub(super) fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// The address with all bits after the first `prefix` zero.
pub(super) fn masked(address: IpAddr, prefix: u8) -> IpAddr {
    let spare = u32::from(width(address) - prefix);
    match address {
        IpAddr::V4(address) => {
            Ipv4Addr::from_bits(address.to_bits() & u32::MAX.checked_shl(spare).unwrap_or(0)).into()
        }
        IpAddr::V6(address) => {
            Ipv6Addr::from_bits(address.to_bits() & u128::MAX.checked_shl(spare).unwrap_or(0)).into()
        }
    }
}
