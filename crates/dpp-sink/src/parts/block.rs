//! A block: some hundreds or thousands of entries, in order, as the compact form stores them; a part of either form is read as
//! blocks.
//!
//! Nearly all entries of a large part are members of sets of addresses, whose keys differ in their last 8, 16 or 32 hexadecimal
//! digits alone. A block of a [`Set`] holds them as what they are, numbers in order, so that merging goes through bits and not
//! through text: two nanoseconds an entry instead of a hundred. All other entries are [`Plain`]. Which of the two an entry is, its
//! key alone tells ([`set_of`]): the same key is never in both.
//!
//! ```text
//!  plain:   0 u8 | entries varint | last key: length varint, octets | entries
//!  entry:   shared varint | rest varint | rest of the key | number varint, but for members
//!  set:     1 u8 | values varint | digits u8 | stem: length varint, octets | first value | last value | frames
//!  frame:   bits u8 | up to 64 steps from value to value, less one, in so many bits each, the lowest bit first
//! ```
//! A key is its operator's sign and what is behind it; `shared` octets of it are those of the key before, of which a block's first
//! entry has none. The stem is what is before the digits; a value has half as many octets as digits, the highest first. Of more than
//! 56 bits a step takes whole octets.

use super::{KEY_MAX, Wrong, can_be_key, op, shown, sign};
use dpp::tallies::entry::Op;

/// What the entries of a plain block come to when they are unpacked: their keys, and sixteen octets each. Of each of thousands of
/// parts that are merged two blocks are in memory.
const PLAIN: usize = 32 << 10;

/// What the values of a set's block come to.
const SET: usize = 16 << 10;

/// The longest block that is read. Ours are shorter.
pub(super) const BLOCK_MAX: usize = 64 << 10;

/// So many digits are a number: an address in IPv4, a network, an address in IPv6 or a hash.
const DIGITS: [usize; 3] = [8, 16, 32];

/// Steps of a frame: of so many the widest tells the width of all.
const FRAME: usize = 64;

/// Steps that are wider take whole octets, so that no step reaches over more than sixteen.
const BITS_MAX: u32 = 56;

/// Octets behind a block, so that sixteen can be read wherever a step begins.
pub(super) const PAD: usize = 16;

/// The set that a key is a member of, if it is: how long the stem is, and the value. The key has its sign.
#[inline]
pub(super) fn set_of(key: &[u8]) -> Option<(usize, u128)> {
    if key.first() != Some(&sign(Op::Member)) {
        return None;
    }
    let digits = key.iter().rev().take(DIGITS[2] + 1).take_while(|byte| is_digit(**byte)).count();
    let stem = key.len() - digits;
    // Of a letter the lower four bits are less by nine than what it stands for.
    let value = |value: u128, digit: &u8| value << 4 | u128::from((digit & 15) + 9 * (digit >> 6));
    DIGITS.contains(&digits).then(|| (stem, key[stem..].iter().fold(0, value)))
}

fn is_digit(byte: u8) -> bool {
    byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)
}

/// Appends the digits of a value.
#[inline]
pub(super) fn put_digits(key: &mut Vec<u8>, value: u128, digits: usize) {
    let digit = |place: usize| b"0123456789abcdef"[(value >> (4 * place)) as usize & 15];
    key.extend((0..digits).rev().map(digit));
}

/// Entries that become a block.
#[derive(Default)]
pub(super) struct Packer {
    /// Plain entries, and what they come to.
    plain: Vec<u8>,
    entries: usize,
    size: usize,
    last: Vec<u8>,
    /// Or values of a set.
    stem: Vec<u8>,
    digits: usize,
    values: Vec<u128>,
}

impl Packer {
    /// Whether this entry can be in the block at hand. Its key has its sign.
    #[inline]
    pub(super) fn fits(&self, key: &[u8], set: Option<(usize, u128)>) -> bool {
        match set {
            None => self.values.is_empty(),
            Some(_) if self.values.is_empty() => self.entries == 0,
            Some((stem, _)) => self.stem[..] == key[..stem] && self.digits == key.len() - stem,
        }
    }

    /// Takes an entry that fits and is behind all others.
    #[inline]
    pub(super) fn put(&mut self, key: &[u8], number: u64, set: Option<(usize, u128)>) {
        match set {
            Some((stem, value)) => {
                if self.values.is_empty() {
                    self.stem.clear();
                    self.stem.extend_from_slice(&key[..stem]);
                    self.digits = key.len() - stem;
                }
                self.values.push(value);
            }
            None => self.put_plain(key, number),
        }
    }

    fn put_plain(&mut self, key: &[u8], number: u64) {
        let shared = match self.entries {
            0 => 0,
            _ => key.iter().zip(&self.last).take_while(|(one, other)| one == other).count(),
        };
        varint(&mut self.plain, shared as u64);
        varint(&mut self.plain, (key.len() - shared) as u64);
        self.plain.extend_from_slice(&key[shared..]);
        if key[0] != sign(Op::Member) {
            varint(&mut self.plain, number);
        }
        self.last.clear();
        self.last.extend_from_slice(key);
        (self.entries, self.size) = (self.entries + 1, self.size + size(key));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries == 0 && self.values.is_empty()
    }

    /// Whether no more should be put into it.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.size >= PLAIN || self.values.len() * self.digits >= 2 * SET
    }

    /// Appends the block, and begins the next.
    pub(super) fn pack(&mut self, out: &mut Vec<u8>) {
        if self.values.is_empty() {
            out.push(0);
            varint(out, self.entries as u64);
            varint(out, self.last.len() as u64);
            out.extend_from_slice(&self.last);
            out.append(&mut self.plain);
            (self.entries, self.size) = (0, 0);
        } else {
            out.push(1);
            varint(out, self.values.len() as u64);
            out.push(self.digits as u8);
            varint(out, self.stem.len() as u64);
            out.extend_from_slice(&self.stem);
            for value in [self.values[0], self.values[self.values.len() - 1]] {
                out.extend_from_slice(&value.to_be_bytes()[16 - self.digits / 2..]);
            }
            let mut steps = self.values.iter().zip(&self.values[1..]).map(|(one, next)| next - one - 1);
            let mut frame = [0; FRAME];
            loop {
                let filled = frame.iter_mut().zip(&mut steps).map(|(place, step)| *place = step).count();
                if filled == 0 {
                    break;
                }
                put_frame(out, &frame[..filled]);
            }
            self.values.clear();
        }
    }
}

/// What a plain entry comes to when it is unpacked.
fn size(key: &[u8]) -> usize {
    key.len() + 16
}

fn put_frame(out: &mut Vec<u8>, steps: &[u128]) {
    let widest = 128 - steps.iter().fold(0, |all, step| all | step).leading_zeros();
    let bits = if widest > BITS_MAX { widest.next_multiple_of(8) } else { widest };
    out.push(bits as u8);
    let (mut held, mut held_bits) = (0_u128, 0);
    for &step in steps {
        // At most seven bits are held where a step has no whole octets, and none where it has.
        held |= step << held_bits;
        held_bits += bits;
        while held_bits >= 8 {
            out.push(held as u8);
            held >>= 8;
            held_bits -= 8;
        }
    }
    if held_bits > 0 {
        out.push(held as u8);
    }
}

fn varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// A block that is being read: it stands at an entry.
pub(super) enum Block {
    Plain(Plain),
    Set(Set),
}

impl Block {
    /// Begins to read a block.
    pub(super) fn of(raw: Vec<u8>) -> Result<Block, Wrong> {
        let (mut octets, mut at) = (raw, 1);
        let end = octets.len();
        octets.resize(end + PAD, 0);
        let entries = varint_at(&octets, &mut at)?;
        match octets[0] {
            _ if entries == 0 => Err(Wrong::Damaged("an empty block")),
            0 => Plain::of(octets, at, end, entries).map(Block::Plain),
            1 => Set::of(octets, at, end, entries).map(Block::Set),
            _ => Err(Wrong::Damaged("a block of another kind")),
        }
    }

    /// How many entries are left.
    pub(super) fn left(&self) -> u64 {
        match self {
            Block::Plain(plain) => plain.left,
            Block::Set(set) => set.left,
        }
    }

    /// The key of the entry at hand, with its sign.
    pub(super) fn key(&self, out: &mut Vec<u8>) {
        match self {
            Block::Plain(plain) => plain.key.clone_into(out),
            Block::Set(set) => set.key_of(set.value, out),
        }
    }

    /// The last key of all.
    pub(super) fn last_key(&self) -> Vec<u8> {
        match self {
            Block::Plain(plain) => plain.last.clone(),
            Block::Set(set) => {
                let mut key = Vec::new();
                set.key_of(set.last, &mut key);
                key
            }
        }
    }
}

/// Plain entries.
pub(super) struct Plain {
    octets: Vec<u8>,
    at: usize,
    end: usize,
    /// The entry at hand: sign and key, and its number.
    pub(super) key: Vec<u8>,
    pub(super) number: u64,
    /// How many there are with it.
    left: u64,
    pub(super) last: Vec<u8>,
    size: usize,
}

impl Plain {
    fn of(octets: Vec<u8>, mut at: usize, end: usize, entries: u64) -> Result<Plain, Wrong> {
        let last = taken(&octets, &mut at, KEY_MAX)?.to_vec();
        let mut plain = Plain { octets, at, end, key: Vec::new(), number: 0, left: entries, last, size: 0 };
        plain.read().map(|()| plain)
    }

    /// How many entries are left, with the one at hand.
    pub(super) fn left(&self) -> u64 {
        self.left
    }

    /// Goes on to the next entry. Gives whether there is one.
    #[inline]
    pub(super) fn step(&mut self) -> Result<bool, Wrong> {
        self.left -= 1;
        if self.left == 0 {
            let is_whole = self.at == self.end && self.key == self.last;
            return if is_whole { Ok(false) } else { Err(Wrong::Damaged("entries are missing")) };
        }
        self.read().map(|()| true)
    }

    #[inline]
    fn read(&mut self) -> Result<(), Wrong> {
        let shared = varint_at(&self.octets, &mut self.at)? as usize;
        let rest = taken(&self.octets, &mut self.at, KEY_MAX)?;
        if shared > self.key.len() || shared + rest.len() > KEY_MAX {
            return Err(Wrong::Damaged("a key that cannot be"));
        }
        // With more in common than it says, a key would not be behind the one before.
        if *rest <= self.key[shared..] {
            let mut key = self.key[..shared].to_vec();
            key.extend_from_slice(rest);
            return Err(Wrong::Unsorted(shown(&key), shown(&self.key)));
        }
        if !rest.iter().all(u8::is_ascii_graphic) {
            return Err(Wrong::Damaged("a key that cannot be"));
        }
        self.key.truncate(shared);
        self.key.extend_from_slice(rest);
        self.number = match op(self.key[0]) {
            Some(_) if self.key.len() == 1 => return Err(Wrong::Damaged("a key that is empty")),
            None => return Err(Wrong::Damaged("a key without operator")),
            Some(Op::Member) if set_of(&self.key).is_some() => {
                return Err(Wrong::Damaged("a member that is not in its set"));
            }
            Some(Op::Member) => 1,
            Some(_) => varint_at(&self.octets, &mut self.at)?,
        };
        self.size += size(&self.key);
        // Whoever merges relies on the last key: up to it all are known.
        match self.at <= self.end && self.size < PLAIN + 2 * KEY_MAX && self.key <= self.last {
            true => Ok(()),
            false => Err(Wrong::Damaged("a block says what cannot be")),
        }
    }

    /// The key that is so many entries ahead, or the last.
    pub(super) fn ahead(&self, entries: usize) -> Result<Vec<u8>, Wrong> {
        let (mut at, mut key) = (self.at, self.key.clone());
        for _ in 0..entries.min(self.left as usize - 1) {
            let shared = varint_at(&self.octets, &mut at)? as usize;
            key.truncate(shared);
            key.extend_from_slice(taken(&self.octets, &mut at, KEY_MAX)?);
            if key.first() != Some(&sign(Op::Member)) {
                varint_at(&self.octets, &mut at)?;
            }
        }
        Ok(key)
    }
}

/// Values of a set.
pub(super) struct Set {
    octets: Vec<u8>,
    end: usize,
    /// What is before the digits, with its sign.
    pub(super) stem: Vec<u8>,
    pub(super) digits: usize,
    /// The value at hand, and how many there are with it.
    pub(super) value: u128,
    pub(super) left: u64,
    pub(super) last: u128,
    frame: Frame,
}

/// Where in its octets a set's block is read.
#[derive(Clone, Copy)]
struct Frame {
    bits: u32,
    left: usize,
    /// The place of the next step, in bits.
    at: usize,
}

impl Set {
    fn of(octets: Vec<u8>, mut at: usize, end: usize, values: u64) -> Result<Set, Wrong> {
        let digits = usize::from(octets[at]);
        at += 1;
        let stem = taken(&octets, &mut at, KEY_MAX)?.to_vec();
        let is_stem = |stem: &[u8]| match stem {
            [first, rest @ ..] => {
                let ends = rest.last().is_none_or(|last| !is_digit(*last));
                op(*first) == Some(Op::Member) && ends && (rest.is_empty() || can_be_key(rest))
            }
            [] => false,
        };
        if !DIGITS.contains(&digits) || values == 0 || stem.len() + digits > KEY_MAX || !is_stem(&stem) {
            return Err(Wrong::Damaged("a set that cannot be"));
        }
        let mut value = || {
            let octets = octets.get(at..at + digits / 2);
            let octets = octets.ok_or(Wrong::Damaged("a value that is cut"))?;
            at += octets.len();
            Ok::<u128, Wrong>(octets.iter().fold(0, |value, octet| value << 8 | u128::from(*octet)))
        };
        let (value, last) = (value()?, value()?);
        let frame = Frame { bits: 0, left: 0, at: at * 8 };
        if value > last {
            return Err(Wrong::Damaged("a set that cannot be"));
        }
        Ok(Set { octets, end, stem, digits, value, left: values, last, frame })
    }

    /// Whether this is a block of the same set.
    #[inline]
    pub(super) fn is_of(&self, stem: &[u8], digits: usize) -> bool {
        self.digits == digits && self.stem == stem
    }

    /// The key of a value.
    pub(super) fn key_of(&self, value: u128, out: &mut Vec<u8>) {
        self.stem.clone_into(out);
        put_digits(out, value, self.digits);
    }

    /// Gives away all values up to this one. What is left begins behind.
    #[inline]
    pub(super) fn drain(&mut self, bound: u128, take: impl FnMut(u128)) -> Result<(), Wrong> {
        match self.drain_sound(bound, take) {
            Some(()) => Ok(()),
            None => Err(Wrong::Damaged("a set whose values are not its own")),
        }
    }

    #[inline]
    fn drain_sound(&mut self, bound: u128, mut take: impl FnMut(u128)) -> Option<()> {
        let Set { octets, last, end, .. } = &*self;
        let (mut value, mut left, mut frame) = (self.value, self.left, self.frame);
        while value <= bound {
            take(value);
            left -= 1;
            if left == 0 {
                let is_whole = value == *last && frame.at.div_ceil(8) == *end;
                is_whole.then_some(())?;
                break;
            }
            if frame.left == 0 {
                frame = Frame::begin(octets, frame.at.div_ceil(8))?;
            }
            value = value.checked_add(frame.step(octets)?)?.checked_add(1).filter(|value| value <= last)?;
        }
        (self.value, self.left, self.frame) = (value, left, frame);
        Some(())
    }
}

/// The last value of a set whose key is before this key. There is one.
pub(super) fn last_before(stem: &[u8], digits: usize, key: &[u8]) -> u128 {
    let Some(tail) = key.strip_prefix(stem) else { return lowest(4 * digits) };
    // All that begin with the digits so far, and then have one that is less than the next octet, are before it.
    let mut value = 0;
    for place in 0..digits {
        let octet = tail.get(place).copied().unwrap_or(0);
        let less = b"0123456789abcdef".iter().filter(|digit| **digit < octet).count() as u128;
        if !is_digit(octet) {
            let behind = 4 * (digits - place - 1);
            return match less {
                16 => (value << 4 | 15) << behind | lowest(behind),
                less => ((value << 4 | less) << behind) - 1,
            };
        }
        value = value << 4 | less;
    }
    // A longer key is behind the one that it begins with.
    value - u128::from(tail.len() == digits)
}

/// So many bits, all set.
fn lowest(bits: usize) -> u128 {
    if bits == 0 { 0 } else { u128::MAX >> (128 - bits) }
}

impl Frame {
    #[inline]
    fn begin(octets: &[u8], at: usize) -> Option<Frame> {
        let bits = u32::from(*octets.get(at)?);
        let is_sound = bits <= BITS_MAX || (bits <= 128 && bits.is_multiple_of(8));
        is_sound.then_some(Frame { bits, left: FRAME, at: 8 * (at + 1) })
    }

    #[inline]
    fn step(&mut self, octets: &[u8]) -> Option<u128> {
        let from = octets.get(self.at / 8..)?;
        let step = match self.bits <= BITS_MAX {
            true => {
                let all = u64::from_le_bytes(*from.first_chunk()?) >> (self.at % 8);
                u128::from(all & ((1 << self.bits) - 1))
            }
            false => u128::from_le_bytes(*from.first_chunk()?) & lowest(self.bits as usize),
        };
        (self.at, self.left) = (self.at + self.bits as usize, self.left - 1);
        Some(step)
    }
}

/// Octets behind their length.
#[inline]
fn taken<'a>(octets: &'a [u8], at: &mut usize, max: usize) -> Result<&'a [u8], Wrong> {
    let length = varint_at(octets, at)? as usize;
    let from = octets.get(*at..).and_then(|from| from.get(..length)).filter(|_| length <= max);
    *at += length.min(max);
    match from {
        Some(from) => Ok(from),
        None => Err(Wrong::Damaged("a key that is cut")),
    }
}

#[inline]
fn varint_at(octets: &[u8], at: &mut usize) -> Result<u64, Wrong> {
    let (mut number, mut shift) = (0, 0);
    loop {
        let Some(&byte) = octets.get(*at) else { return Err(Wrong::Damaged("a number that is cut")) };
        *at += 1;
        if shift == 63 && byte > 1 {
            return Err(Wrong::Damaged("a number that is too large"));
        }
        number |= u64::from(byte & 0x7F) << shift;
        if byte < 0x80 {
            return Ok(number);
        }
        shift += 7;
    }
}
