//! Places on Earth (RFC 1876).
//!
//! ```text
//!   0         1      2                3               4          8           12         16
//!  +---------+------+----------------+---------------+----------+-----------+----------+
//!  | version | size | horiz. precis. | vert. precis. | latitude | longitude | altitude |
//!  +---------+------+----------------+---------------+----------+-----------+----------+
//! ```
//! Latitude and longitude are thousandths of a second of arc, with the equator and the prime meridian at 2^31; the altitude
//! is in centimetres, from 100 km below the ground. A size is a digit and a power of ten, in centimetres.

use super::reader::Reader;
use crate::dns::text;

/// A degree in thousandths of a second of arc.
const DEGREE: u64 = 3_600_000;

/// Appends all of it: the place, the altitude, the size and the precisions.
pub(super) fn write(reader: &mut Reader, out: &mut Vec<u8>) -> Option<()> {
    let [version, sizes @ ..] = reader.array::<4>()?;
    if version != 0 {
        return None;
    }
    angle(reader.u32()?, 90, [b'N', b'S'], out)?;
    angle(reader.u32()?, 180, [b'E', b'W'], out)?;
    let altitude = i64::from(reader.u32()?) - 10_000_000;
    if altitude < 0 {
        out.push(b'-');
    }
    hundredths(altitude.unsigned_abs(), out);
    out.push(b'm');
    sizes.iter().try_for_each(|&octet| size(octet, out))
}

fn angle(stated: u32, degrees_max: u64, sides: [u8; 2], out: &mut Vec<u8>) -> Option<()> {
    let is_negative = stated < 1 << 31;
    let angle = u64::from(stated.abs_diff(1 << 31));
    if angle > degrees_max * DEGREE {
        return None;
    }
    text::decimal(angle / DEGREE, out);
    out.push(b' ');
    text::decimal(angle / 60_000 % 60, out);
    out.push(b' ');
    text::decimal(angle / 1000 % 60, out);
    out.push(b'.');
    text::padded(angle % 1000, 3, out);
    out.extend_from_slice(&[b' ', sides[usize::from(is_negative)], b' ']);
    Some(())
}

fn hundredths(number: u64, out: &mut Vec<u8>) {
    text::decimal(number / 100, out);
    out.push(b'.');
    text::padded(number % 100, 2, out);
}

fn size(octet: u8, out: &mut Vec<u8>) -> Option<()> {
    let (digit, power) = (octet >> 4, octet & 15);
    if digit > 9 || power > 9 {
        return None;
    }
    let centimetres = u64::from(digit) * 10_u64.pow(power.into());
    out.push(b' ');
    match centimetres % 100 {
        0 => text::decimal(centimetres / 100, out),
        _ => hundredths(centimetres, out),
    }
    out.push(b'm');
    Some(())
}
