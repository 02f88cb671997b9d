//! Samples: a part of the clients, or of the transactions, that is the same on every machine and in every version.
//!
//! The surprising fact: nothing is drawn. What is sampled is hashed, and it is in the sample if the hash, taken as a fraction
//! of all hashes, lies below the share. So all transactions of a client are in or out, of today's capture and of tomorrow's;
//! and a sample of 1/100 lies within that of 1/10 with the same seed.

use crate::transaction::{Key, Transaction, Tuple};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// A part of all transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// What is in the sample or out of it as a whole.
    of: Of,
    /// The share, as a fraction.
    part: u32,
    whole: u32,
    seed: u64,
}

/// What is in or out as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    Client,
    Transaction,
}

/// Why a sample cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0}: write client:1/100 or transaction:0.01, with ,seed=N behind it for another sample of that size"
)]
pub struct SampleError(&'static str);

impl FromStr for Sample {
    type Err = SampleError;

    /// ```
    /// use dpp::filter::Sample;
    /// let sample: Sample = "client:0.01,seed=7".parse().unwrap();
    /// assert_eq!(sample.to_string(), "client:1/100,seed=7");
    /// assert!("client:2".parse::<Sample>().is_err());
    /// ```
    fn from_str(text: &str) -> Result<Sample, SampleError> {
        let (of, rest) = text.trim().split_once(':').ok_or(SampleError("it is not said what is sampled"))?;
        let of = match of.trim() {
            "client" => Of::Client,
            "transaction" => Of::Transaction,
            _ => return Err(SampleError("what is sampled is neither client nor transaction")),
        };
        let (share, seed) = rest.split_once(',').unwrap_or((rest, "seed=0"));
        let seed = seed.trim().strip_prefix("seed=").and_then(|seed| seed.trim().parse().ok());
        let seed = seed.ok_or(SampleError("the seed is no number"))?;
        let (part, whole) = fraction(share.trim()).ok_or(SampleError("the share is no fraction up to 1"))?;
        Ok(Sample { of, part, whole, seed })
    }
}

/// `1/100`, `0.01`, `1`: above 0 and up to 1, in lowest terms.
fn fraction(text: &str) -> Option<(u32, u32)> {
    let number = |text: &str| match text.bytes().all(|digit| digit.is_ascii_digit()) {
        true => text.parse::<u32>().ok(),
        false => None,
    };
    let (part, whole) = match text.split_once('/') {
        Some((part, whole)) => (number(part.trim_end())?, number(whole.trim_start())?),
        None => {
            let (before, behind) = text.split_once('.').unwrap_or((text, ""));
            let whole = 10_u32.checked_pow(u32::try_from(behind.len()).ok()?)?;
            let rest = if behind.is_empty() { 0 } else { number(behind)? };
            (number(before)?.checked_mul(whole)?.checked_add(rest)?, whole)
        }
    };
    let is_share = 0 < part && part <= whole;
    let divisor = is_share.then(|| gcd(part, whole))?;
    Some((part / divisor, whole / divisor))
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Sample { of, part, whole, seed } = self;
        let of = if *of == Of::Client { "client" } else { "transaction" };
        write!(f, "{of}:{part}/{whole}")?;
        if *seed == 0 { Ok(()) } else { write!(f, ",seed={seed}") }
    }
}

impl Sample {
    /// Whether the transactions of this tuple are in it.
    pub fn has_tuple(&self, tuple: &Tuple) -> bool {
        self.has(|| tuple.client(), || Identity::of_tuple(tuple))
    }

    /// Whether a row is in it: the same as its messages.
    pub fn has_row(&self, row: &Transaction) -> bool {
        let key = row.key();
        self.has(|| key.client(), || Identity::of_key(&key))
    }

    fn has(&self, client: impl FnOnce() -> IpAddr, identity: impl FnOnce() -> Identity) -> bool {
        let mut hash = Hash::new(self.seed);
        match self.of {
            Of::Client => hash.address(client()),
            Of::Transaction => identity().hash(&mut hash),
        }
        u128::from(hash.finish()) * u128::from(self.whole) < u128::from(self.part) << 64
    }
}

/// What tells a transaction's tuple from others.
struct Identity {
    transport: u8,
    id: u16,
    client: (IpAddr, u16),
    server: (IpAddr, u16),
}

impl Identity {
    fn of_tuple(tuple: &Tuple) -> Identity {
        Identity {
            transport: tuple.transport() as u8,
            id: tuple.id(),
            client: (tuple.client(), tuple.client_port()),
            server: (tuple.server(), tuple.server_port()),
        }
    }

    fn of_key(key: &Key) -> Identity {
        Identity {
            transport: key.transport() as u8,
            id: key.id(),
            client: (key.client(), key.client_port()),
            server: (key.server(), key.server_port()),
        }
    }

    fn hash(&self, hash: &mut Hash) {
        hash.bytes(&[self.transport]);
        hash.bytes(&self.id.to_be_bytes());
        for (address, port) in [self.client, self.server] {
            hash.address(address);
            hash.bytes(&port.to_be_bytes());
        }
    }
}

/// FNV-1a of 64 bits over the seed's eight bytes and what follows, then the finalizer of MurmurHash3, as the upper bits of
/// FNV-1a alone say little of short inputs. Fixed for ever: samples of different days must be of the same clients.
struct Hash(u64);

impl Hash {
    fn new(seed: u64) -> Hash {
        let mut hash = Hash(0xCBF2_9CE4_8422_2325);
        hash.bytes(&seed.to_be_bytes());
        hash
    }

    #[inline]
    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3);
        }
    }

    #[inline]
    fn address(&mut self, address: IpAddr) {
        match address {
            IpAddr::V4(address) => self.bytes(&address.octets()),
            IpAddr::V6(address) => self.bytes(&address.octets()),
        }
    }

    fn finish(self) -> u64 {
        let Hash(mut hash) = self;
        for factor in [0xFF51_AFD7_ED55_8CCD, 0xC4CE_B9FE_1A85_EC53] {
            hash = (hash ^ hash >> 33).wrapping_mul(factor);
        }
        hash ^ hash >> 33
    }
}
