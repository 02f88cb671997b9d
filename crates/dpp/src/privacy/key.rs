//! Key files, and the keys that come from them.
//!
//! A key file is text. If it is 32 or 64 hexadecimal digits (white space does not count), it is a *raw key* of 16 or 32
//! bytes. Any other text is a *passphrase*, white space around it ignored; a line `salt: HEX` before or after it gives the
//! salt of the site. So a key file of another tool works if its key is written as hex, as `openssl rand -hex 32` does.
//!
//! Crypto-PAn and ipcrypt say themselves what their keys are: a raw key of just their length is used as it stands.
//! Everything else is derived from the file's secret by HKDF-SHA256 (RFC 5869), with an info string that names the purpose,
//! so that no two schemes and no two families share a key. The secret is the raw key, or PBKDF2-HMAC-SHA256 of the
//! passphrase. DPP's scheme reads key files in its own way, see [`Pseudonyms`](super::Pseudonyms).

use crate::limits::KEY_FILE_BYTES_MAX;
use hkdf::Hkdf;
use sha2::{Digest, Sha256};
use std::sync::OnceLock;
use thiserror::Error;

/// What OWASP asks of PBKDF2-HMAC-SHA256 for passwords: about a tenth of a second on each start.
const ITERATIONS: u32 = 600_000;

/// The salt of those who give none. Public and the same for all, so it is no help to a weak passphrase.
const SALT: &[u8] = b"dpp pseudonyms, default salt, version 1";

/// Fewer hexadecimal digits alone in a file may be a passphrase; so many are a key that was cut or copied badly.
const KEY_DIGITS_MIN: usize = 24;

/// Why a key file's content gives no key. The text continues "the key file ...", and [`remedy`](KeyError::remedy) it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// Not text.
    #[error("is not UTF-8 text")]
    NotUtf8,
    /// Nothing but white space, or but a salt.
    #[error("is empty")]
    Empty,
    /// Longer than any key.
    #[error("has more than {KEY_FILE_BYTES_MAX} bytes")]
    TooLong,
    /// Nothing but hexadecimal digits, so many.
    #[error("has {0} hexadecimal digits, which is no key's length")]
    HexLength(usize),
    /// Hexadecimal digits with `0x` before them, which would be taken for a passphrase.
    #[error("has 0x before its hexadecimal digits")]
    Prefixed,
    /// An editor's mark that nobody sees, and that would be a part of the passphrase.
    #[error("begins with a byte order mark")]
    ByteOrderMark,
    /// A line that begins `salt:` goes on in a way that cannot be read, or there are two.
    #[error("has a salt that is not one line of 8 to 64 bytes in hexadecimal")]
    BadSalt,
    /// A salt beside a raw key.
    #[error("has a salt beside a raw key")]
    SaltBesideRawKey,
    /// The two halves of the key must be two keys.
    #[error("has a key of two equal halves, with which this scheme hides nothing")]
    EqualHalves,
}

impl KeyError {
    /// What the user can do about it.
    pub fn remedy(self) -> &'static str {
        match self {
            KeyError::NotUtf8 => "write a binary key as hexadecimal digits ('xxd -p -c 64 FILE')",
            KeyError::Empty => "write a key into it ('openssl rand -hex 32'), or a passphrase",
            KeyError::TooLong => {
                "a key has 16 or 32 bytes as hexadecimal digits, a passphrase fits on a line"
            }
            KeyError::HexLength(_) => "a raw key has 32 or 64 of them; was it copied whole?",
            KeyError::Prefixed => "a raw key is 32 or 64 of them and nothing else; remove the 0x",
            KeyError::ByteOrderMark => "save it as UTF-8 without such a mark",
            KeyError::BadSalt => "write one line 'salt: HEX', 'openssl rand -hex 16' makes such HEX",
            KeyError::SaltBesideRawKey => "only passphrases are salted; remove the line",
            KeyError::EqualHalves => "make a new one ('openssl rand -hex 32')",
        }
    }
}

/// What a key file holds.
///
/// ```
/// # use dpp::privacy::{KeyError, KeyFile};
/// let key = KeyFile::read(b"0123456789abcdef fedcba9876543210\n").unwrap();
/// assert_eq!(key.fingerprint("cryptopan").len(), 16);
/// assert_eq!(KeyFile::read(b"\n").unwrap_err(), KeyError::Empty);
/// ```
pub struct KeyFile {
    content: Vec<u8>,
    holds: Holds,
    stretched: OnceLock<[u8; 32]>,
}

enum Holds {
    RawKey(Vec<u8>),
    Passphrase { text: String, salt: Vec<u8> },
}

impl KeyFile {
    /// Reads the content of a key file. A passphrase is stretched only when a key is needed.
    ///
    /// # Errors
    /// [`KeyError`] if it holds neither key nor passphrase.
    pub fn read(content: &[u8]) -> Result<Self, KeyError> {
        if content.len() > KEY_FILE_BYTES_MAX {
            return Err(KeyError::TooLong);
        }
        let text = std::str::from_utf8(content).map_err(|_| KeyError::NotUtf8)?;
        Ok(KeyFile { content: content.to_vec(), holds: held(text)?, stretched: OnceLock::new() })
    }

    /// The file as it is, for a scheme with its own way to read it.
    pub(super) fn content(&self) -> &[u8] {
        &self.content
    }

    /// The raw key if it has just this length, otherwise one that is derived for the purpose.
    pub(super) fn raw_or_derived<const N: usize>(&self, purpose: &str) -> [u8; N] {
        match &self.holds {
            Holds::RawKey(key) if key.len() == N => key.as_slice().try_into().expect("just this length"),
            _ => self.derived(purpose),
        }
    }

    /// A key for the purpose.
    pub(super) fn derived<const N: usize>(&self, purpose: &str) -> [u8; N] {
        derive(self.secret(), purpose)
    }

    /// Names the key without telling it: 16 hexadecimal digits, others for each method. Two tables with the same fingerprint
    /// were made with the same key. It can be published: who would guess a passphrase by it has to stretch each guess.
    pub fn fingerprint(&self, method: &str) -> String {
        fingerprint(self.secret(), method)
    }

    fn secret(&self) -> &[u8] {
        match &self.holds {
            Holds::RawKey(key) => key,
            Holds::Passphrase { text, salt } => self
                .stretched
                .get_or_init(|| pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(text.as_bytes(), salt, ITERATIONS)),
        }
    }
}

impl std::fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyFile(..)")
    }
}

/// HKDF-SHA256 without salt: the secret is uniform, or was stretched with one.
pub(super) fn derive<const N: usize>(secret: &[u8], purpose: &str) -> [u8; N] {
    let mut key = [0; N];
    let info = [b"dpp ", purpose.as_bytes()].concat();
    Hkdf::<Sha256>::new(None, secret)
        .expand(&info, &mut key)
        .expect("keys are far shorter than HKDF's limit");
    key
}

/// See [`KeyFile::fingerprint`].
pub(super) fn fingerprint(secret: &[u8], method: &str) -> String {
    let separated: [u8; 32] = derive(secret, &format!("fingerprint {method}"));
    let hash = Sha256::digest(separated);
    hash[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

fn held(text: &str) -> Result<Holds, KeyError> {
    if text.starts_with('\u{FEFF}') {
        return Err(KeyError::ByteOrderMark);
    }
    let (salts, rest): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| after_salt(line).is_some());
    let salt = match salts.as_slice() {
        [] => None,
        [line] => Some(salt(after_salt(line).unwrap_or_default())?),
        _ => return Err(KeyError::BadSalt),
    };
    // Without a salt the passphrase is the text as it stands, with its line ends.
    let rest = if salt.is_some() { rest.join("\n") } else { text.to_string() };
    let rest = rest.trim();
    let unprefixed = rest.strip_prefix("0x").or_else(|| rest.strip_prefix("0X"));
    if unprefixed.is_some_and(|text| unhex(text).is_some() && digits(text) >= KEY_DIGITS_MIN) {
        return Err(KeyError::Prefixed);
    }
    match (unhex(rest), salt) {
        _ if rest.is_empty() => Err(KeyError::Empty),
        (Some(Ok(key)), None) if matches!(key.len(), 16 | 32) => Ok(Holds::RawKey(key)),
        (Some(Ok(key)), Some(_)) if matches!(key.len(), 16 | 32) => Err(KeyError::SaltBesideRawKey),
        (Some(_), _) if digits(rest) >= KEY_DIGITS_MIN => Err(KeyError::HexLength(digits(rest))),
        (_, salt) => Ok(Holds::Passphrase { text: rest.to_string(), salt: salt.unwrap_or(SALT.to_vec()) }),
    }
}

fn after_salt(line: &str) -> Option<&str> {
    line.trim_start().strip_prefix("salt:")
}

fn salt(text: &str) -> Result<Vec<u8>, KeyError> {
    match unhex(text) {
        Some(Ok(salt)) if (8..=64).contains(&salt.len()) => Ok(salt),
        _ => Err(KeyError::BadSalt),
    }
}

fn digits(text: &str) -> usize {
    text.chars().filter(|c| !c.is_whitespace()).count()
}

/// An odd number of hexadecimal digits.
struct Odd;

/// The bytes that hexadecimal digits spell, white space ignored; `None` if there are other characters.
fn unhex(text: &str) -> Option<Result<Vec<u8>, Odd>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    let digits = digits?;
    let (pairs, odd) = digits.as_chunks::<2>();
    Some(if odd.is_empty() {
        Ok(pairs.iter().map(|[high, low]| high << 4 | low).collect())
    } else {
        Err(Odd)
    })
}
