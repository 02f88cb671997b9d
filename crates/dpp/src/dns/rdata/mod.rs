//! What is in resource records: RDATA as text, and without name compression.
//!
//! The text is the presentation format of master files (RFC 1035 section 5.1 and the RFC of each type), always ASCII, on one
//! line. Nothing here can fail: RDATA of a type that nobody knows, and RDATA that is not what its type says, are written as
//! RFC 3597 has it for unknown types, a count and hexadecimal digits, and so is RDATA of no octets, which no type's format
//! could tell from a missing field. What is written in the format of its type was read to its last octet. It is what the
//! octets mean, which is nearly always what they are: zeros that should have been left out of lists of types, of prefixes
//! and of LOC's sizes are not written.
//!
//! Which fields a type has is a row of the table in `formats`; `field` knows what each kind of field looks like on the
//! wire and in text. The surprising fact is name compression: it was allowed in RDATA of the types of RFC 1035 only, but
//! there are senders that compress the names of later types, and multicast DNS asks for it (RFC 6762 section 18.14). So
//! there are two kinds of names, and those that nobody compresses are not followed: a record of 64 KiB with nothing but
//! pointers in it would come to 30 MB of text.

mod field;
mod formats;
mod location;
mod reader;
mod service;
mod veil;

pub use veil::{HIDDEN, HIDDEN_RDATA, Veil};

use super::message::TYPE_OPT;
use super::{Record, text};
use field::Field;
use formats::{CLASS_CHAOS, TYPE_A, TYPE_AAAA};
use reader::Reader;
use std::net::IpAddr;

/// Appends the RDATA of a record as text. `message` is the bytes of the message the record is from.
///
/// RDATA that holds no compressed names may also be its own message, with `rdata_at` 0. An OPT record's is a list of its
/// options, as [`write_option`](super::edns::write_option) has them; without options it is nothing.
///
/// ```
/// use dpp::dns::{Record, Section, rdata::write_rdata};
/// let rdata = b"\x00\x0A\x04mail\x07example\x00";
/// let record = Record { section: Section::Answer, owner_at: 0, rtype: 15, class: 1, ttl: 0, rdata_at: 0, rdata };
/// let (mut known, mut unknown) = (Vec::new(), Vec::new());
/// write_rdata(rdata, &record, &mut known);
/// assert_eq!(known, b"10 mail.example.");
/// write_rdata(rdata, &Record { rdata: &rdata[..4], ..record }, &mut unknown);
/// assert_eq!(unknown, br"\# 4 000A046D");
/// ```
pub fn write_rdata(message: &[u8], record: &Record, out: &mut Vec<u8>) {
    let start = out.len();
    if write_fields(Reader::of(message, record), record, out).is_none() {
        out.truncate(start);
        write_unknown(record.rdata, out);
    }
}

/// The same, but names and addresses are written as the veil has them.
pub fn write_veiled_rdata(message: &[u8], record: &Record, veil: &dyn Veil, out: &mut Vec<u8>) {
    let start = out.len();
    let mut reader = Reader::of(message, record);
    reader.veil = Some(veil);
    if write_fields(reader, record, out).is_none() {
        out.truncate(start);
        // Of no octets there is nothing to hide. Options that cannot be read may be a client's subnet.
        match (veil.is_dense() || record.rtype == TYPE_OPT) && !record.rdata.is_empty() {
            true => out.extend_from_slice(HIDDEN_RDATA),
            false => write_unknown(record.rdata, out),
        }
    }
}

/// Writes the fields of a known type; `None` if the RDATA is not what the type says.
fn write_fields(mut reader: Reader, record: &Record, out: &mut Vec<u8>) -> Option<()> {
    if record.rdata.is_empty() && record.rtype != TYPE_OPT {
        return None;
    }
    let start = out.len();
    for field in formats::fields(record.rtype, record.class)? {
        let before = out.len();
        if before > start {
            out.push(b' ');
        }
        let field_start = out.len();
        field.write(&mut reader, out)?;
        // A list may be empty.
        if out.len() == field_start {
            out.truncate(before);
        }
    }
    reader.is_at_end().then_some(())
}

/// The format for what is not known (RFC 3597 section 5).
fn write_unknown(rdata: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"\\# ");
    text::decimal(rdata.len() as u64, out);
    if !rdata.is_empty() {
        out.push(b' ');
        text::hex(rdata, out);
    }
}

/// Appends the RDATA of a record in wire form, with the names in it uncompressed. RDATA whose names cannot be read is
/// appended as it is.
///
/// ```
/// use dpp::dns::{Message, rdata::expand_rdata};
/// let bytes = b"\x12\x34\x80\0\0\x01\0\x01\0\0\0\0\x01a\0\0\x05\0\x01\xC0\x0C\0\x05\0\x01\0\0\0\x09\0\x04\x01b\xC0\x0C";
/// let record = Message::parse(bytes).unwrap().records(19).next().unwrap();
/// let mut rdata = Vec::new();
/// expand_rdata(bytes, &record, &mut rdata);
/// assert_eq!(rdata, b"\x01b\x01a\0");
/// ```
pub fn expand_rdata(message: &[u8], record: &Record, out: &mut Vec<u8>) {
    let start = out.len();
    if expand_fields(message, record, out).is_none() {
        out.truncate(start);
        out.extend_from_slice(record.rdata);
    }
}

/// Appends what is written instead of a name, in wire form; `None` if nothing is.
pub type NameReplacer<'f> = dyn Fn(&[u8], &mut Vec<u8>) -> Option<()> + 'f;

/// Gives what is written instead of an address, if anything is.
pub type AddressReplacer<'f> = dyn Fn(IpAddr) -> Option<IpAddr> + 'f;

/// Appends the RDATA of a record in wire form, with the names in it uncompressed and replaced by what `name` appends for them, and
/// addresses replaced by what `address` gives for them. `None`, and nothing appended, if one of these has nothing, or if the RDATA
/// may have names or addresses in it that nobody can replace: the format of its type is not known or has such fields (hashed
/// names, expressions, gateways, parameters), or the RDATA is not what its type says.
pub fn replace_rdata(
    message: &[u8],
    record: &Record,
    name: &NameReplacer<'_>,
    address: &AddressReplacer<'_>,
    out: &mut Vec<u8>,
) -> Option<()> {
    let start = out.len();
    let replaced = replace_fields(message, record, (name, address), out);
    if replaced.is_none() {
        out.truncate(start);
    }
    replaced
}

fn replace_fields(
    message: &[u8],
    record: &Record,
    (name, address): (&NameReplacer<'_>, &AddressReplacer<'_>),
    out: &mut Vec<u8>,
) -> Option<()> {
    if record.rdata.is_empty() {
        return Some(());
    }
    let (mut reader, mut text) = (Reader::of(message, record), Vec::new());
    for &field in formats::fields(record.rtype, record.class)? {
        match field {
            Field::Name => name(reader.name(&mut [0; 255])?, out)?,
            Field::UncompressedName => name(reader.uncompressed_name()?, out)?,
            Field::Ipv4 => match address(reader.array::<4>()?.into())? {
                IpAddr::V4(address) => out.extend_from_slice(&address.octets()),
                IpAddr::V6(_) => return None,
            },
            Field::Ipv6 => match address(reader.array::<16>()?.into())? {
                IpAddr::V6(address) => out.extend_from_slice(&address.octets()),
                IpAddr::V4(_) => return None,
            },
            field if field.may_tell() => return None,
            // What has a text is sound.
            field => {
                let before = reader.at();
                text.clear();
                field.write(&mut reader, &mut text)?;
                out.extend_from_slice(&record.rdata[before..reader.at()]);
            }
        }
    }
    reader.is_at_end().then_some(())
}

/// Expands the names of a type that may have compressed ones; `None` if it has none, or they cannot be read.
fn expand_fields(message: &[u8], record: &Record, out: &mut Vec<u8>) -> Option<()> {
    let fields = formats::fields(record.rtype, record.class)?;
    let last_name = fields.iter().rposition(|&field| field == Field::Name)?;
    let mut reader = Reader::of(message, record);
    for &field in &fields[..=last_name] {
        match field {
            Field::Name => out.extend_from_slice(reader.name(&mut [0; 255])?),
            field => out.extend_from_slice(field.step_over(&mut reader)?),
        }
    }
    out.extend_from_slice(reader.rest());
    Some(())
}

/// The address that is the RDATA of an A or AAAA record. (A record of type A and class CH has a name and another kind of
/// address, which may be four octets, too.)
pub fn rdata_address(record: &Record) -> Option<IpAddr> {
    match record.rtype {
        TYPE_A if record.class != CLASS_CHAOS => <[u8; 4]>::try_from(record.rdata).ok().map(IpAddr::from),
        TYPE_AAAA => <[u8; 16]>::try_from(record.rdata).ok().map(IpAddr::from),
        _ => None,
    }
}

/// The first name in the RDATA of a record, in wire form, uncompressed: what CNAME, NS, PTR, MX, SRV or SVCB lead to, the
/// primary server of SOA, the signer of RRSIG. `scratch` holds the name if it was compressed.
///
/// ```
/// use dpp::dns::{Record, Section, rdata::rdata_name};
/// let rdata = b"\x00\x0A\x04mail\x07example\x00";
/// let record = Record { section: Section::Answer, owner_at: 0, rtype: 15, class: 1, ttl: 0, rdata_at: 0, rdata };
/// assert_eq!(rdata_name(rdata, &record, &mut [0; 255]), Some(&b"\x04mail\x07example\x00"[..]));
/// ```
pub fn rdata_name<'b>(
    message: &'b [u8],
    record: &Record<'b>,
    scratch: &'b mut [u8; 255],
) -> Option<&'b [u8]> {
    let mut reader = Reader::of(message, record);
    for &field in formats::fields(record.rtype, record.class)? {
        match field {
            Field::Name => return reader.name(scratch),
            Field::UncompressedName => return reader.uncompressed_name(),
            field => field.step_over(&mut reader)?,
        };
    }
    None
}

#[cfg(test)]
mod tests;
