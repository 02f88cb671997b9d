//! Parameters of services (SVCB and HTTPS, RFC 9460), and address prefixes (APL, RFC 3123).
//!
//! A parameter is a key, a length and a value, in ascending order of keys:
//! ```text
//!   0     2        4
//!  +-----+--------+-------- ...
//!  | key | length | value
//!  +-----+--------+-------- ...
//! ```
//! In text it is `key=value`. Values that are strings are quoted always, as most programs do, though they need it seldom.

use super::reader::Reader;
use crate::dns::{iana::SVC_PARAMS, text};
use std::net::IpAddr;

/// Appends all parameters; `None` if one is not sound, or they are out of order.
pub(super) fn params(reader: &mut Reader, out: &mut Vec<u8>) -> Option<()> {
    let (start, mut least) = (out.len(), 0);
    while !reader.is_at_end() {
        let (key, length) = (reader.u16()?, reader.u16()?);
        let value = reader.take(length.into())?;
        if u32::from(key) < least {
            return None;
        }
        least = u32::from(key) + 1;
        if out.len() > start {
            out.push(b' ');
        }
        SVC_PARAMS.write(key, out);
        param(key, reader.over(value), out)?;
    }
    Some(())
}

/// Appends the value of a parameter behind its key, with an equals sign if there is one.
fn param(key: u16, mut reader: Reader, out: &mut Vec<u8>) -> Option<()> {
    match key {
        // no-default-alpn and ohttp have no value.
        2 | 8 => {}
        0 => values(&mut reader, out, |reader, out| {
            SVC_PARAMS.write(reader.u16()?, out);
            Some(())
        })?,
        1 => {
            out.extend_from_slice(b"=\"");
            separated(&mut reader, out, protocol)?;
            out.push(b'"');
        }
        3 => {
            out.push(b'=');
            text::decimal(reader.u16()?.into(), out);
        }
        4 => values(&mut reader, out, |reader, out| reader.write_ipv4(out))?,
        5 => {
            out.push(b'=');
            reader.write_open(out, |reader, out| {
                text::base64(reader.some()?, out);
                Some(())
            })?;
        }
        6 => values(&mut reader, out, |reader, out| reader.write_ipv6(out))?,
        9 => values(&mut reader, out, |reader, out| {
            text::decimal(reader.u16()?.into(), out);
            Some(())
        })?,
        _ if reader.is_at_end() => {}
        _ => {
            out.push(b'=');
            reader.write_open(out, |reader, out| {
                text::quoted(reader.rest(), out);
                Some(())
            })?;
        }
    }
    reader.is_at_end().then_some(())
}

/// Values with commas between them, at least one.
fn values(
    reader: &mut Reader,
    out: &mut Vec<u8>,
    write: impl Fn(&mut Reader, &mut Vec<u8>) -> Option<()>,
) -> Option<()> {
    out.push(b'=');
    separated(reader, out, write)
}

fn separated(
    reader: &mut Reader,
    out: &mut Vec<u8>,
    write: impl Fn(&mut Reader, &mut Vec<u8>) -> Option<()>,
) -> Option<()> {
    write(reader, out)?;
    while !reader.is_at_end() {
        out.push(b',');
        write(reader, out)?;
    }
    Some(())
}

/// The name of a protocol. Commas and backslashes in it are escaped for the list, and that again for the string around it
/// (RFC 9460 appendix A.1).
fn protocol(reader: &mut Reader, out: &mut Vec<u8>) -> Option<()> {
    let protocol = Some(reader.counted()?).filter(|protocol| !protocol.is_empty())?;
    for &octet in protocol {
        if matches!(octet, b',' | b'\\') {
            out.extend_from_slice(br"\\");
        }
        text::quoted_octet(octet, out);
    }
    Some(())
}

/// Appends an address prefix: family, length, and as many octets of the address as are not zero.
pub(super) fn prefix(reader: &mut Reader, out: &mut Vec<u8>) -> Option<()> {
    let (family, bits, octet) = (reader.u16()?, reader.u8()?, reader.u8()?);
    let octets = reader.take(usize::from(octet & 0x7F))?;
    if octet & 0x80 != 0 {
        out.push(b'!');
    }
    text::decimal(family.into(), out);
    out.push(b':');
    let address = match family {
        1 => IpAddr::from(filled::<4>(octets, bits)?),
        2 => IpAddr::from(filled::<16>(octets, bits)?),
        _ => return None,
    };
    match (reader.veil, address) {
        (Some(veil), address) => {
            veil.prefix(address, bits, out);
            return Some(());
        }
        (None, IpAddr::V4(address)) => text::ipv4(address, out),
        (None, IpAddr::V6(address)) => text::ipv6(address, out),
    }
    out.push(b'/');
    text::decimal(bits.into(), out);
    Some(())
}

/// An address of which the first octets are known; `None` if they or the bits of its prefix are too many.
fn filled<const N: usize>(octets: &[u8], bits: u8) -> Option<[u8; N]> {
    let mut address = [0; N];
    address.get_mut(..octets.len())?.copy_from_slice(octets);
    (usize::from(bits) <= N * 8).then_some(address)
}
