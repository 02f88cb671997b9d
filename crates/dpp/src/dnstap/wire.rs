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

/// The tag of a field that is a number.
pub(super) const fn number(field: u32) -> u32 {
    field << 3
}

/// The tag of a field of so many bytes as its length says, or of a message.
pub(super) const fn bytes(field: u32) -> u32 {
    field << 3 | 2
}

/// The tag of a field of four bytes.
pub(super) const fn fixed32(field: u32) -> u32 {
    field << 3 | 5
}

/// Fields that are left to be read. Behind each tag its value must be taken, or passed over.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    /// The tag of the next field; `None` behind the last. A known number with another wire type is another tag.
    #[inline(always)]
    pub(super) fn tag(&mut self) -> Result<Option<u32>, Damage> {
        match self.0 {
            // The tags of fields 1 to 15.
            [tag @ 0x08..=0x7F, rest @ ..] => {
                self.0 = rest;
                Ok(Some(u32::from(*tag)))
            }
            [] => Ok(None),
            _ => self.long_tag().map(Some),
        }
    }

    fn long_tag(&mut self) -> Result<u32, Damage> {
        match u32::try_from(self.number()?) {
            Ok(tag @ 0x08..) => Ok(tag),
            _ => Err(Damage::Field),
        }
    }

    #[inline(always)]
    pub(super) fn number(&mut self) -> Result<u64, Damage> {
        match self.0 {
            [first @ 0..=0x7F, rest @ ..] => {
                self.0 = rest;
                Ok(u64::from(*first))
            }
            _ => self.long_number(),
        }
    }

    fn long_number(&mut self) -> Result<u64, Damage> {
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
    pub(super) fn bytes(&mut self) -> Result<&'a [u8], Damage> {
        let length = self.number()?;
        // A length that no memory can hold is longer than what is left.
        let length = usize::try_from(length).map_err(|_| Damage::Cut)?;
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(Damage::Cut)?;
        self.0 = rest;
        Ok(bytes)
    }

    #[inline(always)]
    pub(super) fn fixed32(&mut self) -> Result<u32, Damage> {
        self.fixed().map(|bytes| u32::from_le_bytes(*bytes))
    }

    #[inline(always)]
    fn fixed<const N: usize>(&mut self) -> Result<&'a [u8; N], Damage> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or(Damage::Cut)?;
        self.0 = rest;
        Ok(bytes)
    }

    /// Passes over the value of a field.
    #[inline(always)]
    pub(super) fn pass(&mut self, tag: u32) -> Result<(), Damage> {
        match tag & 7 {
            2 => self.bytes().map(|_| ()),
            0 => self.number().map(|_| ()),
            _ => self.pass_seldom(tag),
        }
    }

    #[cold]
    #[inline(never)]
    fn pass_seldom(&mut self, tag: u32) -> Result<(), Damage> {
        match tag & 7 {
            1 => self.fixed::<8>().map(|_| ()),
            3 => self.pass_group(tag >> 3),
            4 => Err(Damage::Group),
            5 => self.fixed::<4>().map(|_| ()),
            _ => Err(Damage::Field),
        }
    }

    /// Passes over a group, up to its end.
    fn pass_group(&mut self, number: u32) -> Result<(), Damage> {
        let mut open = [0; limits::DNSTAP_GROUPS_MAX];
        let mut depth = 1;
        open[0] = number;
        while depth > 0 {
            let tag = self.tag()?.ok_or(Damage::Cut)?;
            match (tag >> 3, tag & 7) {
                (number, 3) => {
                    *open.get_mut(depth).ok_or(Damage::Group)? = number;
                    depth += 1;
                }
                (number, 4) if number == open[depth - 1] => depth -= 1,
                _ => self.pass(tag)?,
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

    fn number(&mut self, tag: u32, value: Option<impl Into<u64>>) {
        if let Some(value) = value {
            self.varint(tag.into());
            self.varint(value.into());
        }
    }

    fn fixed32(&mut self, tag: u32, value: u32) {
        self.varint(tag.into());
        self.put(&value.to_le_bytes());
    }

    fn bytes(&mut self, tag: u32, value: Option<&[u8]>) {
        if let Some(value) = value {
            self.length(tag, value.len());
            self.put(value);
        }
    }

    /// What stands before so many bytes.
    fn length(&mut self, tag: u32, length: usize) {
        self.varint(tag.into());
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
