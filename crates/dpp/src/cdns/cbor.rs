//! As much of CBOR (RFC 8949) as C-DNS needs: heads, a walk over any value, and a cursor for those that are expected.
//!
//! Nothing here believes a length. A container is walked until its values or the bytes end, a string is never longer than
//! what is there, and depth is bounded by an array, not by the stack. Arrays, maps and strings come with and without a length
//! in their head (*indefinite*: until a break). Tags are passed over: they say what a value means, and C-DNS says that
//! itself. [`Walk`] can stop where the bytes end and go on when more have come, which no library we know does; with it, the
//! rest is small.

use super::{Fault, Faults};
use crate::limits::CDNS_DEPTH_MAX;

/// Values of a container that has no length, and a length that is not there.
pub(super) const INDEFINITE: u64 = u64::MAX;

pub(super) const UNSIGNED: u8 = 0;
pub(super) const NEGATIVE: u8 = 1;
pub(super) const BYTES: u8 = 2;
pub(super) const TEXT: u8 = 3;
pub(super) const ARRAY: u8 = 4;
pub(super) const MAP: u8 = 5;
const TAG: u8 = 6;
const SIMPLE: u8 = 7;

const BREAK: u8 = 0xFF;

/// The beginning of a value: what kind, and its number or length.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Head {
    pub(super) major: u8,
    /// The number, the length, or [`INDEFINITE`]: a length of 2^64-1 comes to the same, the bytes end before.
    pub(super) argument: u64,
    /// Octets of the head.
    length: usize,
}

impl Head {
    /// The head at `at`, or `None` if not all of it is there. A break is a simple value without a length.
    #[inline(always)]
    fn parse(bytes: &[u8], at: usize) -> Result<Option<Head>, Fault> {
        let Some(&first) = bytes.get(at) else { return Ok(None) };
        let (major, info) = (first >> 5, first & 0x1F);
        if info < 24 {
            return Ok(Some(Head { major, argument: info.into(), length: 1 }));
        }
        Head::parse_long(bytes, at + 1, major, info)
    }

    fn parse_long(bytes: &[u8], at: usize, major: u8, info: u8) -> Result<Option<Head>, Fault> {
        let rest = bytes.get(at..).unwrap_or_default();
        let (argument, length) = match info {
            24 => (rest.first().map(|&byte| byte.into()), 2),
            25 => (rest.first_chunk().map(|two| u16::from_be_bytes(*two).into()), 3),
            26 => (rest.first_chunk().map(|four| u32::from_be_bytes(*four).into()), 5),
            27 => (rest.first_chunk().map(|eight| u64::from_be_bytes(*eight)), 9),
            31 if matches!(major, BYTES | TEXT | ARRAY | MAP | SIMPLE) => (Some(INDEFINITE), 1),
            _ => return Err(Fault::NotCbor),
        };
        Ok(argument.map(|argument| Head { major, argument, length }))
    }

    fn is_indefinite(&self) -> bool {
        self.length == 1 && self.argument == INDEFINITE
    }
}

/// A walk over one value, whatever is in it, that can be interrupted where the bytes end.
#[derive(Clone, Debug)]
pub(super) struct Walk {
    /// Where the next head is. Beyond the bytes, if a string goes on there.
    at: usize,
    /// For each open container, how many values are missing.
    missing: [u64; CDNS_DEPTH_MAX],
    /// How many are open.
    depth: usize,
}

impl Walk {
    /// A walk over the value that begins at `at`.
    #[inline]
    pub(super) fn new(at: usize) -> Walk {
        let mut missing = [0; CDNS_DEPTH_MAX];
        missing[0] = 1;
        Walk { at, missing, depth: 1 }
    }

    /// Where the walk is: behind the value, when it is over.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Walks on, as far as there are bytes: those of before, and more behind them. Tells whether the value is over.
    pub(super) fn go(&mut self, bytes: &[u8]) -> Result<bool, Fault> {
        while self.depth > 0 {
            let missing = &mut self.missing[self.depth - 1];
            if *missing == 0 {
                self.depth -= 1;
                continue;
            }
            let Some(head) = Head::parse(bytes, self.at)? else { return Ok(false) };
            if head.major == SIMPLE && head.is_indefinite() {
                if *missing != INDEFINITE {
                    return Err(Fault::NotCbor);
                }
                *missing = 0;
            } else if head.major != TAG && *missing != INDEFINITE {
                *missing -= 1;
            }
            self.at += head.length;
            match head.major {
                BYTES | TEXT if head.is_indefinite() => self.open(INDEFINITE)?,
                BYTES | TEXT => {
                    self.at =
                        usize::try_from(head.argument).map_or(usize::MAX, |n| self.at.saturating_add(n));
                }
                ARRAY => self.open(head.argument)?,
                MAP if head.is_indefinite() => self.open(INDEFINITE)?,
                // More pairs than can be counted are more than can come.
                MAP => self.open(head.argument.saturating_mul(2).min(INDEFINITE - 1))?,
                _ => {}
            }
        }
        Ok(self.at <= bytes.len())
    }

    fn open(&mut self, values: u64) -> Result<(), Fault> {
        *self.missing.get_mut(self.depth).ok_or(Fault::TooDeep)? = values;
        self.depth += 1;
        Ok(())
    }
}

/// A string, which may lie there in pieces.
pub(super) enum Text<'a> {
    Whole(&'a [u8]),
    /// The heads and contents of the pieces: [`Pieces`] gives the contents.
    InPieces(Pieces<'a>),
}

/// The contents of a string's pieces.
pub(super) struct Pieces<'a>(Cursor<'a>);

impl<'a> Iterator for Pieces<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        self.0.piece(None).ok().flatten()
    }
}

/// A place in bytes, and what is expected there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    #[inline]
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Self {
        Cursor { bytes, at }
    }

    #[inline]
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The next head, behind any tags.
    #[inline(always)]
    fn head(&mut self) -> Result<Head, Fault> {
        loop {
            let head = Head::parse(self.bytes, self.at)?.ok_or(Fault::Cut)?;
            self.at += head.length;
            if head.major != TAG {
                return Ok(head);
            }
        }
    }

    /// Passes over one value of any kind.
    #[inline]
    pub(super) fn skip(&mut self) -> Result<(), Fault> {
        // A small number is one octet.
        if let Some(&first) = self.bytes.get(self.at)
            && first & 0x1F < 24
            && first >> 5 <= NEGATIVE
        {
            self.at += 1;
            return Ok(());
        }
        let mut walk = Walk::new(self.at);
        if !walk.go(self.bytes)? {
            return Err(Fault::Cut);
        }
        self.at = walk.at;
        Ok(())
    }

    /// Goes on behind a field that began at `start`: whatever was wrong in it is counted, and the field passed over.
    /// Only what makes the rest unreadable is an error.
    #[inline(always)]
    pub(super) fn settle(
        &mut self,
        read: Result<(), Fault>,
        start: usize,
        faults: &mut Faults,
    ) -> Result<(), Fault> {
        match read {
            Ok(()) => Ok(()),
            Err(fault) => self.settle_fault(fault, start, faults),
        }
    }

    #[cold]
    fn settle_fault(&mut self, fault: Fault, start: usize, faults: &mut Faults) -> Result<(), Fault> {
        if fault.is_structural() {
            return Err(fault);
        }
        faults.count(fault);
        self.at = start;
        self.skip()
    }

    #[inline]
    pub(super) fn unsigned(&mut self) -> Result<u64, Fault> {
        match self.head()? {
            Head { major: UNSIGNED, argument, .. } => Ok(argument),
            _ => Err(Fault::WrongType),
        }
    }

    /// A number that must fit.
    #[inline]
    pub(super) fn number<T: TryFrom<u64>>(&mut self) -> Result<T, Fault> {
        T::try_from(self.unsigned()?).map_err(|_| Fault::OutOfRange)
    }

    #[inline]
    pub(super) fn signed(&mut self) -> Result<i64, Fault> {
        let head = self.head()?;
        let value = || i64::try_from(head.argument).map_err(|_| Fault::OutOfRange);
        match head.major {
            UNSIGNED => value(),
            // -1 - n
            NEGATIVE => value().map(|n| !n),
            _ => Err(Fault::WrongType),
        }
    }

    pub(super) fn boolean(&mut self) -> Result<bool, Fault> {
        match self.head()? {
            Head { major: SIMPLE, argument: 20, length: 1 } => Ok(false),
            Head { major: SIMPLE, argument: 21, length: 1 } => Ok(true),
            _ => Err(Fault::WrongType),
        }
    }

    /// A string of bytes or text: what text holds is not looked at, and some writers have it wrong.
    #[inline]
    pub(super) fn string(&mut self) -> Result<Text<'a>, Fault> {
        let head = self.head()?;
        match head.major {
            BYTES | TEXT if head.is_indefinite() => self.pieces(head.major),
            BYTES | TEXT => self.content(head.argument).map(Text::Whole),
            _ => Err(Fault::WrongType),
        }
    }

    fn pieces(&mut self, major: u8) -> Result<Text<'a>, Fault> {
        let pieces = Pieces(*self);
        while self.piece(Some(major))?.is_some() {}
        Ok(Text::InPieces(pieces))
    }

    /// The next piece, or `None` behind the last.
    fn piece(&mut self, wanted: Option<u8>) -> Result<Option<&'a [u8]>, Fault> {
        let head = Head::parse(self.bytes, self.at)?.ok_or(Fault::Cut)?;
        self.at += head.length;
        match head.major {
            SIMPLE if head.is_indefinite() => Ok(None),
            BYTES | TEXT if !head.is_indefinite() && wanted.is_none_or(|wanted| wanted == head.major) => {
                self.content(head.argument).map(Some)
            }
            _ => Err(Fault::NotCbor),
        }
    }

    #[inline]
    fn content(&mut self, length: u64) -> Result<&'a [u8], Fault> {
        let end = usize::try_from(length).ok().and_then(|length| self.at.checked_add(length));
        let content = end.and_then(|end| self.bytes.get(self.at..end)).ok_or(Fault::Cut)?;
        self.at += content.len();
        Ok(content)
    }

    /// Enters an array: how many values it has.
    #[inline]
    pub(super) fn array(&mut self) -> Result<u64, Fault> {
        self.container(ARRAY)
    }

    /// Enters a map: how many pairs it has.
    #[inline]
    pub(super) fn map(&mut self) -> Result<u64, Fault> {
        self.container(MAP)
    }

    #[inline]
    fn container(&mut self, major: u8) -> Result<u64, Fault> {
        let head = self.head()?;
        if head.major == major { Ok(head.argument) } else { Err(Fault::WrongType) }
    }

    /// Whether there is another value in a container of which so many are missing.
    #[inline(always)]
    pub(super) fn another(&mut self, missing: &mut u64) -> Result<bool, Fault> {
        if *missing == INDEFINITE {
            let is_over = *self.bytes.get(self.at).ok_or(Fault::Cut)? == BREAK;
            self.at += usize::from(is_over);
            return Ok(!is_over);
        }
        let is_over = *missing == 0;
        *missing -= u64::from(!is_over);
        Ok(!is_over)
    }

    /// The next key of a map of which so many pairs are missing. A key that is no number, which C-DNS has none of, is one
    /// that nobody knows.
    #[inline(always)]
    pub(super) fn key(&mut self, missing: &mut u64) -> Result<Option<i64>, Fault> {
        if !self.another(missing)? {
            return Ok(None);
        }
        match self.bytes.get(self.at) {
            Some(&small) if small < 24 => {
                self.at += 1;
                Ok(Some(small.into()))
            }
            _ => self.odd_key().map(Some),
        }
    }

    fn odd_key(&mut self) -> Result<i64, Fault> {
        let start = self.at;
        match self.signed() {
            Ok(key) => Ok(key),
            Err(fault) if fault.is_structural() => Err(fault),
            Err(_) => {
                self.at = start;
                self.skip()?;
                Ok(i64::MAX)
            }
        }
    }
}

impl<'a> Cursor<'a> {
    /// Reads a map, field by field. Faults are counted, and the fields left as they are.
    #[inline(always)]
    pub(super) fn fields(
        &mut self,
        faults: &mut Faults,
        mut field: impl FnMut(i64, &mut Cursor<'a>, &mut Faults) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let mut missing = self.map()?;
        while let Some(key) = self.key(&mut missing)? {
            let start = self.at;
            let read = field(key, self, faults);
            self.settle(read, start, faults)?;
        }
        Ok(())
    }

    /// Reads an array. Values with faults are counted, and left out.
    pub(super) fn values<T>(
        &mut self,
        faults: &mut Faults,
        mut value: impl FnMut(&mut Cursor<'a>, &mut Faults) -> Result<T, Fault>,
    ) -> Result<Vec<T>, Fault> {
        let mut missing = self.array()?;
        let mut values = Vec::new();
        while self.another(&mut missing)? {
            let start = self.at;
            let read = value(self, faults).map(|value| values.push(value));
            self.settle(read, start, faults)?;
        }
        Ok(values)
    }
}

/// Puts what was read into its place, or passes a fault on.
#[inline(always)]
pub(super) fn set<T, U: Into<T>>(place: &mut T, read: Result<U, Fault>) -> Result<(), Fault> {
    *place = read?.into();
    Ok(())
}

/// Writes a head.
#[inline(always)]
pub(super) fn put_head(out: &mut Vec<u8>, major: u8, argument: u64) {
    let major = major << 5;
    match argument {
        0..24 => out.push(major | argument as u8),
        24..0x100 => out.extend_from_slice(&[major | 24, argument as u8]),
        0x100..0x1_0000 => out.extend_from_slice(&[major | 25, (argument >> 8) as u8, argument as u8]),
        _ => put_long_head(out, major, argument),
    }
}

fn put_long_head(out: &mut Vec<u8>, major: u8, argument: u64) {
    match u32::try_from(argument) {
        Ok(argument) => {
            out.push(major | 26);
            out.extend_from_slice(&argument.to_be_bytes());
        }
        Err(_) => {
            out.push(major | 27);
            out.extend_from_slice(&argument.to_be_bytes());
        }
    }
}

/// Writes a number.
#[inline]
pub(super) fn put_signed(out: &mut Vec<u8>, value: i64) {
    if value < 0 { put_head(out, NEGATIVE, !value as u64) } else { put_head(out, UNSIGNED, value as u64) }
}

/// Writes a string of bytes.
#[inline]
pub(super) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_head(out, BYTES, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Writes a text. What is not UTF-8 cannot be one, and is written as bytes.
pub(super) fn put_text(out: &mut Vec<u8>, text: &[u8]) {
    put_head(out, if std::str::from_utf8(text).is_ok() { TEXT } else { BYTES }, text.len() as u64);
    out.extend_from_slice(text);
}

/// Begins an array without a length.
pub(super) const ARRAY_BEGINS: u8 = 0x9F;

/// Ends what has no length.
pub(super) const ENDS: u8 = BREAK;

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
        digits
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).expect("digits"), 16).expect("hex"))
            .collect()
    }

    /// Walks at once and octet by octet, which must agree. Where the value ends, or what is wrong.
    fn walk(hex: &str) -> Result<Option<usize>, Fault> {
        let bytes = bytes(hex);
        let mut at_once = Walk::new(0);
        let told = at_once.go(&bytes).map(|over| over.then_some(at_once.at()));
        let mut slow = Walk::new(0);
        let mut slowly = Ok(false);
        for end in 0..=bytes.len() {
            slowly = slow.go(&bytes[..end]);
            if slowly != Ok(false) {
                break;
            }
        }
        assert_eq!(slowly.map(|over| over.then_some(slow.at())), told, "{hex}");
        if let Ok(Some(end)) = told {
            let mut cursor = Cursor::new(&bytes, 0);
            assert_eq!(cursor.skip(), Ok(()), "{hex}");
            assert_eq!(cursor.at(), end, "{hex}");
        }
        told
    }

    #[test]
    fn a_walk_ends_behind_any_value() {
        for (value, octets) in [
            ("00", 1),
            ("1b ffffffffffffffff", 9),
            ("38 ff", 2),
            ("43 010203", 4),
            ("5f 41 01 42 0203 ff", 7),
            ("7f 61 61 ff", 4),
            ("80", 1),
            ("83 01 82 02 03 04", 6),
            ("9f 01 9f ff bf 01 02 ff ff", 9),
            ("a1 01 a1 02 80", 5),
            ("f4", 1),
            ("f8 ff", 2),
            ("f9 3c00", 3),
            ("fa 00000000", 5),
            ("fb 0000000000000000", 9),
            ("c0 c1 d8 20 61 61", 6),
            ("82 c0 01 02", 4),
        ] {
            assert_eq!(walk(value), Ok(Some(octets)), "{value}");
            assert_eq!(walk(&format!("{value} ffff")), Ok(Some(octets)), "{value} and more");
        }
    }

    #[test]
    fn a_length_that_nobody_can_have_waits_for_bytes_that_do_not_come() {
        for value in [
            "5b 8000000000000000 00",
            "7b ffffffffffffffff",
            "9b 7fffffffffffffff 00 00",
            "bb 8000000000000000 00 00",
            "bb ffffffffffffffff 00 00",
            "9f 00",
            "c0",
        ] {
            assert_eq!(walk(value), Ok(None), "{value}");
            let bytes = bytes(value);
            assert_eq!(Cursor::new(&bytes, 0).skip(), Err(Fault::Cut), "{value}");
        }
    }

    #[test]
    fn what_is_no_cbor_is_told() {
        for value in ["1c", "1f", "3d", "5c", "ff", "82 ff", "df", "fc"] {
            assert_eq!(walk(value), Err(Fault::NotCbor), "{value}");
        }
        assert_eq!(walk(&"81".repeat(CDNS_DEPTH_MAX)), Err(Fault::TooDeep));
        assert_eq!(walk(&format!("{}00", "81".repeat(CDNS_DEPTH_MAX - 1))), Ok(Some(CDNS_DEPTH_MAX)));
        assert_eq!(walk(&format!("{}00", "c1".repeat(10_000))), Ok(Some(10_001)), "tags do not nest");
    }

    #[test]
    fn numbers_are_what_was_written() {
        for value in [0, 23, 24, 255, 256, 65_535, 65_536, i64::from(u32::MAX), 1 << 32, i64::MAX] {
            for value in [value, -value, !value] {
                let mut out = Vec::new();
                put_signed(&mut out, value);
                assert_eq!(Cursor::new(&out, 0).signed(), Ok(value));
                assert_eq!(
                    walk(&out.iter().map(|byte| format!("{byte:02x}")).collect::<String>()),
                    Ok(Some(out.len()))
                );
            }
        }
    }

    #[test]
    fn a_string_in_pieces_is_the_pieces_joined() {
        let bytes = bytes("5f 41 01 40 42 0203 ff");
        let Ok(Text::InPieces(pieces)) = Cursor::new(&bytes, 0).string() else { panic!("pieces") };
        assert_eq!(pieces.collect::<Vec<_>>().concat(), [1, 2, 3]);
    }

    #[test]
    fn pieces_of_another_kind_are_no_string() {
        for value in ["5f 61 61 ff", "5f 5f 41 00 ff ff", "5f 01 ff"] {
            let bytes = bytes(value);
            assert!(matches!(Cursor::new(&bytes, 0).string(), Err(Fault::NotCbor)), "{value}");
        }
    }
}
