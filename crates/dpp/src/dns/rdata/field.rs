//! The kinds of fields RDATA consists of: how long each is, and what it looks like as text.

use super::reader::Reader;
use super::{location, service};
use crate::dns::iana::{RCODES, TYPES};
use crate::dns::{edns, name, text};

/// A kind of field. Lists, and what goes to the end, come last in a format and may be empty unless they say something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// A name that may be compressed.
    Name,
    /// A name that must not be.
    UncompressedName,
    /// A list of names that must not be.
    UncompressedNames,
    U8,
    U16,
    U32,
    U48,
    /// 16 bits, written in octal.
    Octal,
    /// Seconds since 1970, written as a date.
    Time,
    /// The number of a type, written as its mnemonic.
    Type,
    /// A response code as TSIG and TKEY have it, written as its mnemonic.
    Error,
    Ipv4,
    Ipv6,
    /// A character-string (RFC 1035 section 3.3).
    Text,
    /// At least one of them.
    Texts,
    /// One that makes a name or a URI (RFC 3402 section 3.2).
    Expression,
    /// Octets to the end, written as a character-string that may have more than 255.
    TextToEnd,
    /// The tag of a property: letters and digits behind their number (RFC 8659 section 4.1).
    Tag,
    /// At least one octet.
    Hex,
    /// `0x` and at least one octet.
    Nsap,
    /// At least one octet.
    Base64,
    Base64OrNothing,
    /// Octets behind their number of 16 bits, which is written, too.
    Base64Counted,
    /// Octets behind their number, or a hyphen.
    Salt,
    /// At least one octet behind the number of them, written in base32.
    Hash,
    /// As many octets, written in pairs of digits.
    Eui(u8),
    /// 64 bits, written in four groups of digits.
    Locator,
    /// The list of types of NSEC, with windows (RFC 4034 section 4.1.2).
    Types,
    /// The list of types of NXT, a single bitmap (RFC 2535 section 5.2).
    FirstTypes,
    /// A protocol, and the list of its ports, a bitmap (RFC 1035 section 3.4.2).
    Services,
    /// The kind of a gateway, an algorithm, and the gateway (RFC 4025 section 2.1).
    Gateway,
    /// A bit, the kind of a relay, and the relay (RFC 8777 section 4.2).
    Relay,
    /// An algorithm, an identity tag and a key, behind the lengths of those (RFC 8005 section 5).
    HostIdentity,
    /// A list of address prefixes (RFC 3123 section 4).
    Prefixes,
    /// All of LOC (RFC 1876 section 2).
    Location,
    /// A list of parameters of a service (RFC 9460 section 2.2).
    ServiceParams,
    /// A list of EDNS options (RFC 6891 section 6.1.2).
    Options,
}

impl Field {
    /// Whether it may hold names or addresses in a form of its own.
    pub(super) fn may_tell(self) -> bool {
        matches!(
            self,
            Field::UncompressedNames
                | Field::Expression
                | Field::TextToEnd
                | Field::Hash
                | Field::Locator
                | Field::Gateway
                | Field::Relay
                | Field::HostIdentity
                | Field::Prefixes
                | Field::ServiceParams
                | Field::Options
        )
    }

    /// Reads the field and appends its text.
    pub(super) fn write(self, reader: &mut Reader, out: &mut Vec<u8>) -> Option<()> {
        match self {
            Field::Name => {
                let mut room = [0; name::WIRE_MAX];
                let name = reader.name(&mut room)?;
                reader.write_name(name, out);
            }
            Field::UncompressedName => {
                let name = reader.uncompressed_name()?;
                reader.write_name(name, out);
            }
            Field::UncompressedNames => {
                list(reader, out, |reader, out| Field::UncompressedName.write(reader, out))?
            }
            Field::U8 => text::decimal(reader.u8()?.into(), out),
            Field::U16 => text::decimal(reader.u16()?.into(), out),
            Field::U32 => text::decimal(reader.u32()?.into(), out),
            Field::U48 => text::decimal(u64::from(reader.u16()?) << 32 | u64::from(reader.u32()?), out),
            Field::Octal => text::octal(reader.u16()?, out),
            Field::Time => text::time(reader.u32()?, out),
            Field::Type => TYPES.write(reader.u16()?, out),
            Field::Error => match reader.u16()? {
                16 => out.extend_from_slice(b"BADSIG"),
                code => RCODES.write(code, out),
            },
            Field::Ipv4 => reader.write_ipv4(out)?,
            Field::Ipv6 => reader.write_ipv6(out)?,
            Field::Text => text::quoted(reader.counted()?, out),
            Field::Texts => list(reader, out, |reader, out| Field::Text.write(reader, out))?,
            Field::Expression => reader.write_open(out, |reader, out| Field::Text.write(reader, out))?,
            Field::TextToEnd => reader.write_open(out, |reader, out| {
                text::quoted(reader.rest(), out);
                Some(())
            })?,
            Field::Tag => out.extend_from_slice(tag(reader)?),
            Field::Hex => text::hex(reader.some()?, out),
            Field::Nsap => {
                out.extend_from_slice(b"0x");
                text::hex(reader.some()?, out);
            }
            Field::Base64 => text::base64(reader.some()?, out),
            Field::Base64OrNothing => text::base64(reader.rest(), out),
            Field::Base64Counted => base64_counted(reader, out)?,
            Field::Salt => match reader.counted()? {
                [] => out.push(b'-'),
                salt => text::hex(salt, out),
            },
            Field::Hash => reader.write_open(out, |reader, out| {
                text::base32hex(Some(reader.counted()?).filter(|hash| !hash.is_empty())?, out);
                Some(())
            })?,
            Field::Eui(length) => text::hex_groups(reader.take(length.into())?, 1, b'-', out),
            Field::Locator => reader.write_open(out, |reader, out| {
                text::hex_groups(reader.take(8)?, 2, b':', out);
                Some(())
            })?,
            Field::Types => types(reader, out)?,
            Field::FirstTypes => first_types(reader.rest(), out)?,
            Field::Services => services(reader, out)?,
            Field::Gateway => gateway(reader, out)?,
            Field::Relay => relay(reader, out)?,
            Field::HostIdentity => host_identity(reader, out)?,
            Field::Prefixes => list(reader, out, service::prefix)?,
            Field::Location => location::write(reader, out)?,
            Field::ServiceParams => service::params(reader, out)?,
            Field::Options => options(reader, out)?,
        }
        Some(())
    }

    /// Steps over a field that may stand before a name, and gives its octets.
    pub(super) fn step_over<'a>(self, reader: &mut Reader<'a>) -> Option<&'a [u8]> {
        match self {
            Field::U16 | Field::Type => reader.take(2),
            Field::U8 => reader.take(1),
            Field::U32 | Field::Time => reader.take(4),
            Field::Text | Field::Expression => reader.counted_whole(),
            _ => None,
        }
    }
}

/// Writes what is left as a list.
fn list(
    reader: &mut Reader,
    out: &mut Vec<u8>,
    write: impl Fn(&mut Reader, &mut Vec<u8>) -> Option<()>,
) -> Option<()> {
    let start = out.len();
    while !reader.is_at_end() {
        separate(start, out);
        write(reader, out)?;
    }
    Some(())
}

/// Puts a space behind what stands in a list that starts at `start`.
fn separate(start: usize, out: &mut Vec<u8>) {
    if out.len() > start {
        out.push(b' ');
    }
}

fn tag<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    let tag = reader.counted()?;
    (!tag.is_empty() && tag.iter().all(u8::is_ascii_alphanumeric)).then_some(tag)
}

fn base64_counted(reader: &mut Reader, out: &mut Vec<u8>) -> Option<()> {
    let length = reader.u16()?;
    text::decimal(length.into(), out);
    if length > 0 {
        out.push(b' ');
        text::base64(reader.take(length.into())?, out);
    }
    Some(())
}

/// The numbers of the bits that are set, the highest bit of the first octet being 0.
fn bits(bitmap: &[u8]) -> impl Iterator<Item = usize> {
    bitmap.iter().enumerate().flat_map(|(place, octet)| {
        (0..8).filter(move |bit| octet & 0x80 >> bit != 0).map(move |bit| place * 8 + bit)
    })
}

/// Windows come in their order, and none is empty: then each type is written once.
fn types(reader: &mut Reader, out: &mut Vec<u8>) -> Option<()> {
    let (start, mut least) = (out.len(), 0);
    while !reader.is_at_end() {
        let window = reader.u8()?;
        let bitmap = reader.counted()?;
        if u16::from(window) < least || !(1..=32).contains(&bitmap.len()) {
            return None;
        }
        least = u16::from(window) + 1;
        for bit in bits(bitmap) {
            separate(start, out);
            TYPES.write(u16::from(window) << 8 | bit as u16, out);
        }
    }
    Some(())
}

/// The first bit would be a sign that there is another format, which there never was.
fn first_types(bitmap: &[u8], out: &mut Vec<u8>) -> Option<()> {
    if bitmap.len() > 16 || bitmap.first().is_some_and(|octet| octet & 0x80 != 0) {
        return None;
    }
    let start = out.len();
    for bit in bits(bitmap) {
        separate(start, out);
        TYPES.write(bit as u16, out);
    }
    Some(())
}

fn services(reader: &mut Reader, out: &mut Vec<u8>) -> Option<()> {
    text::decimal(reader.u8()?.into(), out);
    let ports = reader.rest();
    if ports.len() > 8192 {
        return None;
    }
    for port in bits(ports) {
        out.push(b' ');
        text::decimal(port as u64, out);
    }
    Some(())
}

fn gateway(reader: &mut Reader, out: &mut Vec<u8>) -> Option<()> {
    let (kind, algorithm) = (reader.u8()?, reader.u8()?);
    text::decimal(kind.into(), out);
    out.push(b' ');
    text::decimal(algorithm.into(), out);
    out.push(b' ');
    host(kind, reader, out)
}

fn relay(reader: &mut Reader, out: &mut Vec<u8>) -> Option<()> {
    let octet = reader.u8()?;
    let (is_optional, kind) = (octet >> 7, octet & 0x7F);
    text::decimal(is_optional.into(), out);
    out.push(b' ');
    text::decimal(kind.into(), out);
    out.push(b' ');
    host(kind, reader, out)
}

/// A host by its kind: none, an address, or a name.
fn host(kind: u8, reader: &mut Reader, out: &mut Vec<u8>) -> Option<()> {
    match kind {
        0 => {
            out.push(b'.');
            Some(())
        }
        1 => Field::Ipv4.write(reader, out),
        2 => Field::Ipv6.write(reader, out),
        3 => Field::UncompressedName.write(reader, out),
        _ => None,
    }
}

fn host_identity(reader: &mut Reader, out: &mut Vec<u8>) -> Option<()> {
    let (tag_length, algorithm, key_length) = (reader.u8()?, reader.u8()?, reader.u16()?);
    if tag_length == 0 || key_length == 0 {
        return None;
    }
    // The tag is an IPv6 address (RFC 7401 section 3), and made of the key.
    if reader.is_dense() {
        return None;
    }
    text::decimal(algorithm.into(), out);
    out.push(b' ');
    text::hex(reader.take(tag_length.into())?, out);
    out.push(b' ');
    text::base64(reader.take(key_length.into())?, out);
    Some(())
}

fn options(reader: &mut Reader, out: &mut Vec<u8>) -> Option<()> {
    list(reader, out, |reader, out| {
        let (code, length) = (reader.u16()?, reader.u16()?);
        let data = reader.take(length.into())?;
        match reader.veil {
            None => edns::write_option(code, data, out),
            Some(veil) => edns::write_veiled_option(code, data, veil, out),
        }
        Some(())
    })
}
