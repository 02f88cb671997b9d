//! What stands before the blocks: how a file begins, and the parameters of its blocks.

use super::cbor::{
    self, ARRAY, Cursor, MAP, TEXT, Text, UNSIGNED, put_bytes, put_head, put_signed, put_text, set,
};
use super::keys::{collection, parameters, preamble, storage};
use super::{BlockParameters, CollectionParameters, Fault, Faults, FilePreamble, Hints, StorageParameters};
use thiserror::Error;

/// How a file begins: an array of three, of which the first is a text.
pub(super) const MAGIC: [u8; 7] = *b"\x83eC-DNS";
/// Formats from before RFC 8618 began with another text.
const OLD_MAGIC: [u8; 10] = *b"\x83hDNS-STAT";
/// The array may be without a length.
pub(super) const INDEFINITE_ARRAY: u8 = cbor::ARRAY_BEGINS;

/// Whether bytes begin as a C-DNS file does, of this version or another. Seven are enough, for the old formats ten.
pub fn begins(bytes: &[u8]) -> bool {
    is_magic(bytes, &MAGIC) || is_old(bytes)
}

pub(super) fn is_old(bytes: &[u8]) -> bool {
    is_magic(bytes, &OLD_MAGIC)
}

/// Whether so few bytes may be the beginning of a file.
pub(super) fn may_begin(bytes: &[u8]) -> bool {
    let so_far = |magic: &[u8]| is_magic(bytes, &magic[..magic.len().min(bytes.len())]);
    bytes.is_empty() || so_far(&MAGIC) || so_far(&OLD_MAGIC)
}

fn is_magic(bytes: &[u8], magic: &[u8]) -> bool {
    let Some(beginning) = bytes.get(..magic.len()) else { return false };
    matches!(beginning[0], 0x83 | INDEFINITE_ARRAY) && beginning[1..] == magic[1..]
}

/// Why a file, or a block of it, cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refused {
    /// It begins otherwise.
    #[error("is not C-DNS")]
    NotCdns,
    /// It is from before RFC 8618.
    #[error("is C-DNS of an older format (DNS-STAT); only that of RFC 8618, version 1, can be read")]
    Old,
    /// It is of another major version.
    #[error("is C-DNS of version {major}.{minor}; only version 1 can be read")]
    Version {
        /// Its major version.
        major: u64,
        /// Its minor version.
        minor: u64,
    },
    /// Something is missing or wrong.
    #[error("C-DNS: {0}")]
    Damaged(&'static str),
}

impl Refused {
    /// The same where there is no room for numbers.
    pub fn what(self) -> &'static str {
        match self {
            Refused::NotCdns => "no C-DNS",
            Refused::Old => {
                "C-DNS of an older format (DNS-STAT); only that of RFC 8618, version 1, can be read"
            }
            Refused::Version { .. } => "C-DNS of another version; only version 1 can be read",
            Refused::Damaged(what) => what,
        }
    }
}

impl FilePreamble {
    /// Reads what [`Step::Preamble`](super::Step::Preamble) found. What is wrong with optional fields is counted.
    ///
    /// # Errors
    /// [`Refused`] if the version is another, or there is no set of parameters that blocks could be read with.
    pub fn parse(bytes: &[u8], faults: &mut Faults) -> Result<FilePreamble, Refused> {
        if is_old(bytes) {
            return Err(Refused::Old);
        }
        if !begins(bytes) {
            return Err(Refused::NotCdns);
        }
        let read = file_preamble(&mut Cursor::new(bytes, MAGIC.len()), faults);
        let read = read.map_err(|fault| Refused::Damaged(fault.sentence()))?;
        if read.major != 1 {
            return Err(Refused::Version { major: read.major, minor: read.minor });
        }
        if read.parameters.is_empty() {
            return Err(Refused::Damaged("there are no block parameters"));
        }
        Ok(read)
    }

    /// Writes everything that stands before the blocks, and begins them.
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&MAGIC);
        let mut fields = Fields::default();
        fields.unsigned(preamble::MAJOR, Some(self.major));
        fields.unsigned(preamble::MINOR, Some(self.minor));
        fields.unsigned(preamble::PRIVATE, self.private);
        fields.array(preamble::PARAMETERS, &self.parameters, put_parameters);
        fields.put(out);
        out.push(cbor::ARRAY_BEGINS);
    }
}

fn octets(cursor: &mut Cursor) -> Result<Vec<u8>, Fault> {
    Ok(match cursor.string()? {
        Text::Whole(octets) => octets.to_vec(),
        Text::InPieces(pieces) => pieces.collect::<Vec<_>>().concat(),
    })
}

fn text(cursor: &mut Cursor) -> Result<String, Fault> {
    octets(cursor).map(|octets| String::from_utf8_lossy(&octets).into_owned())
}

fn prefix(cursor: &mut Cursor, bits: u8) -> Result<u8, Fault> {
    cursor.number().and_then(|prefix| if prefix <= bits { Ok(prefix) } else { Err(Fault::OutOfRange) })
}

fn file_preamble(cursor: &mut Cursor, faults: &mut Faults) -> Result<FilePreamble, Fault> {
    let mut read = FilePreamble { major: 0, minor: 0, private: None, parameters: Vec::new() };
    cursor.fields(faults, |key, cursor, faults| match key {
        preamble::MAJOR => set(&mut read.major, cursor.unsigned()),
        preamble::MINOR => set(&mut read.minor, cursor.unsigned()),
        preamble::PRIVATE => set(&mut read.private, cursor.unsigned()),
        preamble::PARAMETERS => set(&mut read.parameters, block_parameters(cursor, faults)),
        _ => cursor.skip(),
    })?;
    Ok(read)
}

/// The sets of parameters. Blocks choose by number, so none may be left out; one that is wrong has no ticks, and blocks that
/// choose it are refused.
fn block_parameters(cursor: &mut Cursor, faults: &mut Faults) -> Result<Vec<BlockParameters>, Fault> {
    let empty = || StorageParameters {
        ticks_per_second: 0,
        max_block_items: 0,
        hints: Hints { item: 0, signature: 0, record: 0, other: 0 },
        opcodes: Vec::new(),
        ..StorageParameters::default()
    };
    cursor.values(faults, |cursor, faults| {
        let mut read = BlockParameters { storage: empty(), collection: None };
        let start = cursor.at();
        let fields = cursor.fields(faults, |key, cursor, faults| match key {
            parameters::STORAGE => storage_parameters(cursor, faults, &mut read.storage),
            parameters::COLLECTION => set(&mut read.collection, collection_parameters(cursor, faults)),
            _ => cursor.skip(),
        });
        cursor.settle(fields, start, faults)?;
        Ok(read)
    })
}

fn storage_parameters(
    cursor: &mut Cursor,
    faults: &mut Faults,
    read: &mut StorageParameters,
) -> Result<(), Fault> {
    cursor.fields(faults, |key, cursor, faults| match key {
        storage::TICKS => set(&mut read.ticks_per_second, cursor.unsigned()),
        storage::MAX_ITEMS => set(&mut read.max_block_items, cursor.unsigned()),
        storage::HINTS => hints(cursor, faults, &mut read.hints),
        storage::OPCODES => set(&mut read.opcodes, cursor.values(faults, |cursor, _| cursor.number())),
        storage::RR_TYPES => set(&mut read.rr_types, cursor.values(faults, |cursor, _| cursor.number())),
        storage::FLAGS => set(&mut read.flags, cursor.unsigned()),
        storage::CLIENT_V4 => set(&mut read.client_prefix_v4, prefix(cursor, 32)),
        storage::CLIENT_V6 => set(&mut read.client_prefix_v6, prefix(cursor, 128)),
        storage::SERVER_V4 => set(&mut read.server_prefix_v4, prefix(cursor, 32)),
        storage::SERVER_V6 => set(&mut read.server_prefix_v6, prefix(cursor, 128)),
        storage::SAMPLING => set(&mut read.sampling_method, text(cursor)),
        storage::ANONYMIZATION => set(&mut read.anonymization_method, text(cursor)),
        _ => cursor.skip(),
    })
}

fn hints(cursor: &mut Cursor, faults: &mut Faults, read: &mut Hints) -> Result<(), Fault> {
    cursor.fields(faults, |key, cursor, _| match key {
        0 => set(&mut read.item, cursor.unsigned()),
        1 => set(&mut read.signature, cursor.unsigned()),
        2 => set(&mut read.record, cursor.unsigned()),
        3 => set(&mut read.other, cursor.unsigned()),
        _ => cursor.skip(),
    })
}

fn collection_parameters(cursor: &mut Cursor, faults: &mut Faults) -> Result<CollectionParameters, Fault> {
    let mut read = CollectionParameters::default();
    cursor.fields(faults, |key, cursor, faults| match key {
        collection::QUERY_TIMEOUT => set(&mut read.query_timeout_ms, cursor.unsigned()),
        collection::SKEW_TIMEOUT => set(&mut read.skew_timeout_us, cursor.unsigned()),
        collection::SNAPLEN => set(&mut read.snaplen, cursor.unsigned()),
        collection::PROMISC => set(&mut read.promiscuous, cursor.boolean()),
        collection::INTERFACES => set(&mut read.interfaces, cursor.values(faults, |cursor, _| text(cursor))),
        collection::SERVERS => set(&mut read.servers, cursor.values(faults, |cursor, _| octets(cursor))),
        collection::VLAN_IDS => set(&mut read.vlan_ids, cursor.values(faults, |cursor, _| cursor.unsigned())),
        collection::FILTER => set(&mut read.filter, text(cursor)),
        collection::GENERATOR => set(&mut read.generator, text(cursor)),
        collection::HOST => set(&mut read.host, text(cursor)),
        collection::DNS_PORT => set(&mut read.dns_port, cursor.unsigned()),
        _ => cursor.skip(),
    })?;
    Ok(read)
}

/// The fields of a map that is written: how many, and what they are.
#[derive(Default)]
struct Fields {
    count: u64,
    encoded: Vec<u8>,
}

impl Fields {
    fn key(&mut self, key: i64) -> &mut Vec<u8> {
        self.count += 1;
        put_signed(&mut self.encoded, key);
        &mut self.encoded
    }

    fn unsigned(&mut self, key: i64, value: Option<u64>) {
        if let Some(value) = value {
            put_head(self.key(key), UNSIGNED, value);
        }
    }

    fn text(&mut self, key: i64, value: &Option<String>) {
        if let Some(value) = value {
            put_text(self.key(key), value.as_bytes());
        }
    }

    fn array<T>(&mut self, key: i64, values: &[T], put: impl Fn(&mut Vec<u8>, &T)) {
        let out = self.key(key);
        put_head(out, ARRAY, values.len() as u64);
        values.iter().for_each(|value| put(out, value));
    }

    /// An array that must not be empty.
    fn array_if_any<T>(&mut self, key: i64, values: &[T], put: impl Fn(&mut Vec<u8>, &T)) {
        if !values.is_empty() {
            self.array(key, values, put);
        }
    }

    fn put(&self, out: &mut Vec<u8>) {
        put_head(out, MAP, self.count);
        out.extend_from_slice(&self.encoded);
    }
}

fn put_parameters(out: &mut Vec<u8>, of: &BlockParameters) {
    let mut fields = Fields::default();
    put_storage(fields.key(parameters::STORAGE), &of.storage);
    if let Some(of) = &of.collection {
        put_collection(fields.key(parameters::COLLECTION), of);
    }
    fields.put(out);
}

fn put_storage(out: &mut Vec<u8>, of: &StorageParameters) {
    let mut fields = Fields::default();
    fields.unsigned(storage::TICKS, Some(of.ticks_per_second));
    fields.unsigned(storage::MAX_ITEMS, Some(of.max_block_items));
    let mut hints = Fields::default();
    let words = [of.hints.item, of.hints.signature, of.hints.record, of.hints.other];
    (0..).zip(words).for_each(|(key, word)| hints.unsigned(key, Some(word)));
    hints.put(fields.key(storage::HINTS));
    fields.array(storage::OPCODES, &of.opcodes, |out, &code| put_head(out, UNSIGNED, code.into()));
    fields.array(storage::RR_TYPES, &of.rr_types, |out, &code| put_head(out, UNSIGNED, code.into()));
    fields.unsigned(storage::FLAGS, of.flags);
    fields.unsigned(storage::CLIENT_V4, of.client_prefix_v4.map(u64::from));
    fields.unsigned(storage::CLIENT_V6, of.client_prefix_v6.map(u64::from));
    fields.unsigned(storage::SERVER_V4, of.server_prefix_v4.map(u64::from));
    fields.unsigned(storage::SERVER_V6, of.server_prefix_v6.map(u64::from));
    fields.text(storage::SAMPLING, &of.sampling_method);
    fields.text(storage::ANONYMIZATION, &of.anonymization_method);
    fields.put(out);
}

fn put_collection(out: &mut Vec<u8>, of: &CollectionParameters) {
    let mut fields = Fields::default();
    fields.unsigned(collection::QUERY_TIMEOUT, of.query_timeout_ms);
    fields.unsigned(collection::SKEW_TIMEOUT, of.skew_timeout_us);
    fields.unsigned(collection::SNAPLEN, of.snaplen);
    if let Some(value) = of.promiscuous {
        fields.key(collection::PROMISC).push(0xF4 | u8::from(value));
    }
    fields.array_if_any(collection::INTERFACES, &of.interfaces, |out, name| put_text(out, name.as_bytes()));
    fields.array_if_any(collection::SERVERS, &of.servers, |out, address| put_bytes(out, address));
    fields.array_if_any(collection::VLAN_IDS, &of.vlan_ids, |out, &id| put_head(out, UNSIGNED, id));
    fields.text(collection::FILTER, &of.filter);
    fields.text(collection::GENERATOR, &of.generator);
    fields.text(collection::HOST, &of.host);
    fields.unsigned(collection::DNS_PORT, of.dns_port);
    fields.put(out);
}

const _: () = assert!(MAGIC[1] == TEXT << 5 | 5);
