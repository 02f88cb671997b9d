//! The schemes, and the words users say for them. Help and documentation list the tables.

use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// How addresses are mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressScheme {
    /// Only so many first bits are kept.
    Truncate {
        /// Of an IPv4 address, 0 to 32.
        v4: u8,
        /// Of an IPv6 address, 0 to 128.
        v6: u8,
    },
    /// Crypto-PAn.
    CryptoPan,
    /// ipcrypt-deterministic.
    IpcryptDet,
    /// ipcrypt-pfx.
    IpcryptPfx,
    /// ipcrypt-nd.
    IpcryptNd,
    /// ipcrypt-ndx.
    IpcryptNdx,
    /// HMAC-SHA256, as much of it as an address has.
    Hmac,
    /// DPP's own, as `--anonymize`.
    Dpp,
}

/// How names are mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameScheme {
    /// There is none.
    Drop,
    /// The registered domain is kept, labels before it are removed.
    RegisteredDomain,
    /// The registered domain is kept, labels before it are hashed.
    RegisteredDomainHashed,
    /// All labels are hashed.
    Hash,
}

/// A scheme as users know it.
#[derive(Clone, Copy, Debug)]
pub struct SchemeEntry<S> {
    /// What to say.
    pub word: &'static str,
    /// What it stands for.
    pub scheme: S,
    /// What it does.
    pub sentence: &'static str,
}

const fn entry<S>(word: &'static str, scheme: S, sentence: &'static str) -> SchemeEntry<S> {
    SchemeEntry { word, scheme, sentence }
}

/// Where networks are commonly thought to be larger than households.
const TRUNCATE: AddressScheme = AddressScheme::Truncate { v4: 24, v6: 48 };

/// All schemes for addresses.
pub const ADDRESS_SCHEMES: [SchemeEntry<AddressScheme>; 8] = [
    entry("truncate", TRUNCATE, "keep the first bits, `truncate:24,48` of IPv4 and IPv6, and no more"),
    entry("cryptopan", AddressScheme::CryptoPan, "Crypto-PAn: other addresses, the same networks"),
    entry("ipcrypt-pfx", AddressScheme::IpcryptPfx, "ipcrypt-pfx: other addresses, the same networks"),
    entry(
        "ipcrypt-det",
        AddressScheme::IpcryptDet,
        "ipcrypt-deterministic: any address becomes an IPv6 address",
    ),
    entry("ipcrypt-nd", AddressScheme::IpcryptNd, "ipcrypt-nd: 24 bytes in hexadecimal, others in each row"),
    entry(
        "ipcrypt-ndx",
        AddressScheme::IpcryptNdx,
        "ipcrypt-ndx: 32 bytes in hexadecimal, others in each row",
    ),
    entry("hmac", AddressScheme::Hmac, "keyed hash: other addresses, which nobody can turn back"),
    entry("dpp", AddressScheme::Dpp, "as DPP's `--anonymize`; two IPv4 addresses may become one"),
];

/// All schemes for names.
pub const NAME_SCHEMES: [SchemeEntry<NameScheme>; 4] = [
    entry("drop", NameScheme::Drop, "no names"),
    entry(
        "registered-domain",
        NameScheme::RegisteredDomain,
        "keep the registered domain and remove labels before it",
    ),
    entry(
        "registered-domain:hash",
        NameScheme::RegisteredDomainHashed,
        "keep the registered domain and hash labels before it",
    ),
    entry("hash", NameScheme::Hash, "hash each label"),
];

/// Why a word is no scheme.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SpecError {
    /// There is no such scheme; these are.
    #[error("there is no '{word}'; did you mean one of {}?", allowed.join(", "))]
    Unknown {
        /// What the user said.
        word: String,
        /// What there is.
        allowed: Vec<&'static str>,
    },
    /// Truncation to something else than two numbers of bits.
    #[error(
        "'{0}': write 'truncate:24,48', how many bits to keep of IPv4 (at most 32) and of IPv6 (at most 128)"
    )]
    Bits(String),
}

/// The scheme with this word.
fn scheme<S: Copy>(entries: &[SchemeEntry<S>], word: &str) -> Result<S, SpecError> {
    let found = entries.iter().find(|entry| entry.word == word);
    found.map(|entry| entry.scheme).ok_or_else(|| SpecError::Unknown {
        word: word.to_string(),
        allowed: entries.iter().map(|entry| entry.word).collect(),
    })
}

impl AddressScheme {
    /// Its word in the table, without numbers.
    pub fn word(self) -> &'static str {
        let same = |entry: &&SchemeEntry<Self>| {
            std::mem::discriminant(&entry.scheme) == std::mem::discriminant(&self)
        };
        ADDRESS_SCHEMES.iter().find(same).expect("each scheme is in the table").word
    }

    /// Whether it needs a key file.
    pub fn needs_key(self) -> bool {
        !matches!(self, AddressScheme::Truncate { .. })
    }
}

impl FromStr for AddressScheme {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        let Some(bits) = text.strip_prefix("truncate:") else {
            return scheme(&ADDRESS_SCHEMES, text);
        };
        let number = |text: &str, max| text.trim().parse().ok().filter(|bits: &u8| *bits <= max);
        match bits.split_once(',').map(|(v4, v6)| (number(v4, 32), number(v6, 128))) {
            Some((Some(v4), Some(v6))) => Ok(AddressScheme::Truncate { v4, v6 }),
            _ => Err(SpecError::Bits(text.to_string())),
        }
    }
}

impl fmt::Display for AddressScheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AddressScheme::Truncate { v4, v6 } => write!(f, "truncate:{v4},{v6}"),
            keyed => f.write_str(keyed.word()),
        }
    }
}

impl NameScheme {
    /// Its word in the table.
    pub fn word(self) -> &'static str {
        NAME_SCHEMES.iter().find(|entry| entry.scheme == self).expect("each scheme is in the table").word
    }

    /// Whether it needs a key file.
    pub fn needs_key(self) -> bool {
        matches!(self, NameScheme::Hash | NameScheme::RegisteredDomainHashed)
    }
}

impl FromStr for NameScheme {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        scheme(&NAME_SCHEMES, text)
    }
}

impl fmt::Display for NameScheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
