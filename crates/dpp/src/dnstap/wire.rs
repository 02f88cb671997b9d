//! The wire format of Protocol Buffers, as far as dnstap needs it.
//!
//! ```text
//!  field   tag: number << 3 | wire type | value
//!  value   0 varint | 1 eight bytes | 2 length, bytes | 3 fields of a group, until its 4 | 5 four bytes, little-endian
//!  varint  seven bits a byte, the lowest first; the top bit says that more follow, ten bytes at most
//! ```
//! Fields come in any order and number. What a reader does not know it steps over, groups too, which nobody has written for
//! years. Writing is done twice by the same code: first to count ([`Counter`]), for a length stands before what it counts.

use crate::limits;
use thiserror::Error;

/// Why a frame cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Damage {
    /// The bytes end before a field does.
    #[error("dnstap ends inside a field")]
    Cut,
    /// A varint of more than 64 bits.
    #[error("dnstap with a number of more than 64 bits")]
    Number,
    /// A field number or wire type that does not exist.
    #[error("dnstap with a field that cannot be")]
    Field,
    /// Groups that do not end as they begin, or too deep ([`limits::DNSTAP_GROUPS_MAX`]).
    #[error("dnstap with groups that do not fit into each other")]
    Group,
    /// One of the two types is missing, the only fields that must be there.
    #[error("dnstap without a type")]
    NoType,
}

/// The value of a field.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Fixed32(u32),
    /// Of a wire type that no field of dnstap has.
    Foreign,
}

/// Fields that are left to be read.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    /// The next field: number and value; `None` behind the last.
    #[inline(always)]
    pub(super) fn next(&mut self) -> Result<Option<(u32, Value<'a>)>, Damage> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let tag = u32::try_from(self.varint()?).map_err(|_| Damage::Field)?;
        let number = tag >> 3;
        if number == 0 {
            return Err(Damage::Field);
        }
        let value = match tag & 7 {
            0 => Value::Number(self.varint()?),
            2 => Value::Bytes(self.bytes()?),
            5 => Value::Fixed32(u32::from_le_bytes(*self.fixed()?)),
            _ => {
                self.pass_foreign(tag)?;
                Value::Foreign
            }
        };
        Ok(Some((number, value)))
    }

    #[inline(always)]
    fn varint(&mut self) -> Result<u64, Damage> {
        match self.0 {
            [first @ 0..=0x7F, rest @ ..] => {
                self.0 = rest;
                Ok(u64::from(*first))
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Result<u64, Damage> {
        let mut value = 0;
        for (at, &byte) in self.0.iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7F) << (7 * at);
            if byte < 0x80 {
                self.0 = &self.0[at + 1..];
                return if at == 9 && byte > 1 { Err(Damage::Number) } else { Ok(value) };
            }
        }
        Err(if self.0.len() < 10 { Damage::Cut } else { Damage::Number })
    }

    #[inline(always)]
    fn bytes(&mut self) -> Result<&'a [u8], Damage> {
        let length = self.varint()?;
        // A length that no memory can hold is longer than what is left.
        let length = usize::try_from(length).map_err(|_| Damage::Cut)?;
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(Damage::Cut)?;
        self.0 = rest;
        Ok(bytes)
    }

    #[inline(always)]
    fn fixed<const N: usize>(&mut self) -> Result<&'a [u8; N], Damage> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or(Damage::Cut)?;
        self.0 = rest;
        Ok(bytes)
    }

    /// Steps over what stands behind the tag of a field with eight bytes, or a group.
    #[cold]
    #[inline(never)]
    fn pass_foreign(&mut self, tag: u32) -> Result<(), Damage> {
        match tag & 7 {
            1 => self.fixed::<8>().map(|_| ()),
            3 => self.pass_group(tag >> 3),
            4 => Err(Damage::Group),
            _ => Err(Damage::Field),
        }
    }

    /// Steps over what stands behind the beginning of a group, up to its end.
    fn pass_group(&mut self, number: u32) -> Result<(), Damage> {
        let mut open = [0; limits::DNSTAP_GROUPS_MAX];
        let mut depth = 1;
        open[0] = number;
        while depth > 0 {
            let tag = u32::try_from(self.varint()?).map_err(|_| Damage::Field)?;
            match (tag >> 3, tag & 7) {
                (0, _) => return Err(Damage::Field),
                (_, 0) => _ = self.varint()?,
                (_, 1) => _ = self.fixed::<8>()?,
                (_, 2) => _ = self.bytes()?,
                (number, 3) => {
                    *open.get_mut(depth).ok_or(Damage::Group)? = number;
                    depth += 1;
                }
                (number, 4) if number == open[depth - 1] => depth -= 1,
                (_, 4) => return Err(Damage::Group),
                (_, 5) => _ = self.fixed::<4>()?,
                _ => return Err(Damage::Field),
            }
        }
        Ok(())
    }
}

/// What fields are written to.
pub(super) trait Output {
    fn put(&mut self, bytes: &[u8]);

    fn varint(&mut self, mut value: u64) {
        let mut bytes = [0; 10];
        let mut length = 0;
        loop {
            bytes[length] = value as u8 | 0x80;
            length += 1;
            value >>= 7;
            if value == 0 {
                break;
            }
        }
        bytes[length - 1] &= 0x7F;
        self.put(&bytes[..length]);
    }

    fn tag(&mut self, field: u32, wire_type: u32) {
        self.varint(u64::from(field << 3 | wire_type));
    }

    fn number(&mut self, field: u32, value: Option<impl Into<u64>>) {
        if let Some(value) = value {
            self.tag(field, 0);
            self.varint(value.into());
        }
    }

    fn fixed32(&mut self, field: u32, value: u32) {
        self.tag(field, 5);
        self.put(&value.to_le_bytes());
    }

    fn bytes(&mut self, field: u32, value: Option<&[u8]>) {
        if let Some(value) = value {
            self.length(field, value.len());
            self.put(value);
        }
    }

    /// What stands before so many bytes.
    fn length(&mut self, field: u32, length: usize) {
        self.tag(field, 2);
        self.varint(length as u64);
    }
}

impl Output for Vec<u8> {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// Counts the bytes that would be written.
#[derive(Default)]
pub(super) struct Counter(pub(super) usize);

impl Output for Counter {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.0 += bytes.len();
    }
}
