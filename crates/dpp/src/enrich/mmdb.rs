//! The MaxMind DB file format, version 2: a binary tree over the bits of an address, then a section of typed values.
//!
//! ```text
//! +-------------+----------+---------------+-----------------------------+----------+
//! | search tree | 16 zeros | data section  | "\xAB\xCD\xEFMaxMind.com"   | metadata |
//! +-------------+----------+---------------+-----------------------------+----------+
//! ```
//!
//! A node of the tree is two records of 24, 28 or 32 bits, one for each value of the next bit: another node, nothing (the
//! number of nodes), or a value (what is above, less 16, is its place in the data section). A value is a control byte (type
//! and size) and what it announces; a *pointer* stands for a value elsewhere in its section.
//!
//! The file is taken apart once, so that look-ups have neither record sizes nor damage to mind: [`Tree`] has nodes of two
//! numbers, and instead of places in the data section the numbers of distinct values. We read this format ourselves because
//! we want that, and of each value two or three fields; the crate that reads it brings five others along.

use crate::limits::GEO_VISITS_PER_OCTET;
use std::net::IpAddr;

/// What is wrong with a file, in words that follow "is damaged: ".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Damage(pub(super) &'static str);

const METADATA_MARK: &[u8] = b"\xAB\xCD\xEFMaxMind.com";

/// How far from the end of the file the metadata may begin, says the format.
const METADATA_MAX: usize = 128 << 10;

/// Zeros between the tree and the data section.
const GAP: usize = 16;

/// The file without its metadata, and the metadata.
pub(super) fn split_metadata(file: &[u8]) -> Option<(&[u8], &[u8])> {
    let tail = file.len().saturating_sub(METADATA_MAX);
    let mark = file[tail..].windows(METADATA_MARK.len()).rposition(|window| window == METADATA_MARK)?;
    Some((&file[..tail + mark], &file[tail + mark + METADATA_MARK.len()..]))
}

/// The shape of the tree, from the metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) nodes: usize,
    pub(super) record_bits: usize,
    pub(super) has_v6: bool,
}

impl Shape {
    /// Parts the file before its metadata into tree and data section.
    pub(super) fn sections(self, body: &[u8]) -> Result<(&[u8], &[u8]), Damage> {
        let size = self.nodes.checked_mul(self.record_bits / 4).ok_or(Damage("its tree is cut"))?;
        let (tree, rest) = body.split_at_checked(size).ok_or(Damage("its tree is cut"))?;
        Ok((tree, rest.get(GAP..).ok_or(Damage("its tree is cut"))?))
    }
}

/// In a [`Tree`]: what has this bit is the number of a value, everything else that of a node.
const VALUE: u32 = 1 << 31;

/// In a [`Tree`]: nothing is known.
const NOTHING: u32 = u32::MAX;

/// The search tree, checked, with nodes of one size.
pub(super) struct Tree {
    nodes: Vec<[u32; 2]>,
    /// Where the first bits of an IPv4 address lead. Two thirds of the way down are made at once so, and the nodes there need
    /// not be in the cache.
    v4: Vec<u32>,
    /// The same of IPv6; empty if the tree has none.
    v6: Vec<u32>,
    /// How many bits those are: 16, or fewer, so that these tables are not larger than the tree.
    first_bits: u32,
}

impl Tree {
    /// Reads the tree, and lists where in a data section of `data_size` octets its distinct values are, by number.
    pub(super) fn read(shape: Shape, tree: &[u8], data_size: usize) -> Result<(Self, Vec<u32>), Damage> {
        let count = u32::try_from(shape.nodes).ok().filter(|&count| count < VALUE / 4);
        let count = count.ok_or(Damage("it has more nodes than memory can hold"))?;
        let read = match shape.record_bits {
            24 => |node: &[u8]| [number(&node[..3]), number(&node[3..6])],
            28 => |node: &[u8]| {
                let [high, low] = [u32::from(node[3] >> 4), u32::from(node[3] & 15)];
                [high << 24 | number(&node[..3]), low << 24 | number(&node[4..7])]
            },
            32 => |node: &[u8]| [number(&node[..4]), number(&node[4..8])],
            _ => return Err(Damage("its records have a size that does not exist")),
        };
        let mut nodes: Vec<[u32; 2]> = tree.chunks_exact(shape.record_bits / 4).map(read).collect();
        let mut values = Marks::new(data_size);
        for record in nodes.iter().flatten().filter(|&&record| record > count) {
            let place = (record - count) as usize;
            let place = place.checked_sub(GAP).filter(|&place| place < data_size);
            values.mark(place.ok_or(Damage("its tree leads out of its data"))?);
        }
        let places = values.number();
        for record in nodes.iter_mut().flatten().filter(|record| **record >= count) {
            *record = match (*record - count) as usize {
                0 => NOTHING,
                place => VALUE | values.number_of(place - GAP),
            };
        }
        let first_bits = (count | 2).ilog2().min(16);
        let mut tree = Tree { nodes, v4: Vec::new(), v6: Vec::new(), first_bits };
        // In a tree of IPv6 addresses those of IPv4 are behind 96 zeros.
        tree.v4 = tree.behind_first_bits(if shape.has_v6 { tree.walk(0, 0, 96) } else { 0 });
        tree.v6 = if shape.has_v6 { tree.behind_first_bits(0) } else { Vec::new() };
        Ok((tree, places))
    }

    fn behind_first_bits(&self, start: u32) -> Vec<u32> {
        let children = |at: u32| self.nodes.get(at as usize).copied().unwrap_or([at; 2]);
        (0..self.first_bits).fold(vec![start], |level, _| level.into_iter().flat_map(children).collect())
    }

    /// The number of the value for an address.
    #[inline]
    pub(super) fn find(&self, address: IpAddr) -> Option<usize> {
        let (starts, bits, count) = match address {
            IpAddr::V4(address) => (&self.v4, u128::from(address.to_bits()) << 96, 32),
            IpAddr::V6(address) => (&self.v6, address.to_bits(), 128),
        };
        let start = *starts.get((bits >> (128 - self.first_bits)) as usize)?;
        let end = self.walk(start, bits << self.first_bits, count - self.first_bits);
        (end >= VALUE && end != NOTHING).then_some((end & !VALUE) as usize)
    }

    /// Where the first `count` of `bits` lead from `start`: to a node, a value, or nothing.
    #[inline]
    fn walk(&self, start: u32, bits: u128, count: u32) -> u32 {
        let (mut at, mut bits) = (start, bits);
        for _ in 0..count {
            let Some(node) = self.nodes.get(at as usize) else { break };
            at = node[(bits >> 127) as usize];
            bits <<= 1;
        }
        at
    }
}

/// A set of places in the data section, whose members are numbered in their order.
struct Marks {
    words: Vec<u64>,
    /// Members before each word.
    before: Vec<u32>,
}

impl Marks {
    fn new(size: usize) -> Self {
        Marks { words: vec![0; size.div_ceil(64)], before: Vec::new() }
    }

    fn mark(&mut self, place: usize) {
        self.words[place / 64] |= 1 << (place % 64);
    }

    /// Counts the members, after which they have numbers, and lists them.
    fn number(&mut self) -> Vec<u32> {
        let mut places = Vec::new();
        for (at, &word) in self.words.iter().enumerate() {
            self.before.push(places.len() as u32);
            let bits = (0..64).filter(|bit| word >> bit & 1 == 1);
            places.extend(bits.map(|bit| (at * 64 + bit) as u32));
        }
        places
    }

    fn number_of(&self, place: usize) -> u32 {
        let below = self.words[place / 64] & ((1 << (place % 64)) - 1);
        self.before[place / 64] + below.count_ones()
    }
}

/// The types of values that we tell apart.
mod kind {
    pub(super) const POINTER: u8 = 1;
    pub(super) const TEXT: u8 = 2;
    pub(super) const U16: u8 = 5;
    pub(super) const U32: u8 = 6;
    pub(super) const MAP: u8 = 7;
    pub(super) const I32: u8 = 8;
    pub(super) const U64: u8 = 9;
    pub(super) const U128: u8 = 10;
    pub(super) const ARRAY: u8 = 11;
    /// Two kinds that stand only in what writers keep to themselves.
    pub(super) const CONTAINER: u8 = 12;
    pub(super) const END: u8 = 13;
    pub(super) const BOOLEAN: u8 = 14;
}

/// A section of values. How many are looked at is bounded by its size: pointers may lead to one and the same value again
/// and again, and in a file made to cost time they do.
pub(super) struct Values<'a> {
    bytes: &'a [u8],
    visits_left: usize,
}

/// A control byte with what belongs to it.
#[derive(Clone, Copy)]
struct Head {
    kind: u8,
    /// Octets, pairs of a map, items of an array; of a pointer, where it leads.
    size: usize,
    /// Where the content begins.
    content: usize,
}

impl<'a> Values<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Values { bytes, visits_left: (bytes.len() + 1).saturating_mul(GEO_VISITS_PER_OCTET) }
    }

    /// Where in the map at `at` the values of these keys are. A value that is no map has none.
    pub(super) fn fields<const N: usize>(
        &mut self,
        at: usize,
        keys: &[&str; N],
    ) -> Result<[Option<usize>; N], Damage> {
        let (mut found, mut missing) = ([None; N], N);
        let map = self.follow(at)?;
        if map.kind != kind::MAP {
            return Ok(found);
        }
        let mut at = map.content;
        for _ in 0..map.size {
            let value = self.skip(at)?;
            let key = self.text(at)?.ok_or(Damage("a key is no text"))?.1;
            if let Some(index) = keys.iter().position(|name| name.as_bytes() == key) {
                missing -= usize::from(found[index].is_none());
                found[index] = Some(value);
            }
            if missing == 0 {
                break;
            }
            at = self.skip(value)?;
        }
        Ok(found)
    }

    /// The octets of a text and where they are; `None` if the value is no text.
    pub(super) fn text(&mut self, at: usize) -> Result<Option<(usize, &'a [u8])>, Damage> {
        let head = self.follow(at)?;
        Ok(match head.kind {
            kind::TEXT => Some((head.content, self.content(head.content, head.size)?)),
            _ => None,
        })
    }

    /// An unsigned number, or one that is not negative; `None` if the value is none, or larger than 64 bits hold.
    pub(super) fn number(&mut self, at: usize) -> Result<Option<u64>, Damage> {
        let head = self.follow(at)?;
        Ok(match head.kind {
            kind::U16 | kind::U32 | kind::U64 | kind::U128 | kind::I32 => {
                let octets = self.content(head.content, head.size)?;
                let number = octets.iter().try_fold(0u64, |number, &octet| {
                    number.checked_mul(256).map(|number| number | u64::from(octet))
                });
                number.filter(|&number| head.kind != kind::I32 || number <= i32::MAX as u64)
            }
            _ => None,
        })
    }

    /// Where the value after the one at `at` is. A pointer is not followed; what is in maps and arrays is stepped over value
    /// by value, with a count of what is left instead of a stack.
    fn skip(&mut self, at: usize) -> Result<usize, Damage> {
        let (mut at, mut left) = (at, 1usize);
        while left > 0 {
            left -= 1;
            let head = self.head(at)?;
            at = head.content;
            match head.kind {
                kind::POINTER | kind::BOOLEAN => {}
                kind::MAP => left += 2 * head.size,
                kind::ARRAY => left += head.size,
                kind::CONTAINER | kind::END => {
                    return Err(Damage("it has values of a kind that does not exist"));
                }
                _ => at += self.content(at, head.size)?.len(),
            }
        }
        Ok(at)
    }

    /// The head of the value at `at`, or of the one it points to. Pointers to pointers are against the format.
    fn follow(&mut self, at: usize) -> Result<Head, Damage> {
        let head = self.head(at)?;
        if head.kind != kind::POINTER {
            return Ok(head);
        }
        let head = self.head(head.size)?;
        if head.kind == kind::POINTER { Err(Damage("a pointer leads to a pointer")) } else { Ok(head) }
    }

    fn head(&mut self, at: usize) -> Result<Head, Damage> {
        self.visits_left = self.visits_left.checked_sub(1).ok_or(Damage("its values are entangled"))?;
        let control = self.content(at, 1)?[0];
        let mut content = at + 1;
        let mut take = |count: usize| {
            let octets = self.content(content, count)?;
            content += count;
            Ok::<_, Damage>(number(octets) as usize)
        };
        let mut kind = control >> 5;
        if kind == kind::POINTER {
            let (width, high) = (usize::from(control >> 3 & 3), usize::from(control & 7));
            let target = match width {
                0 => high << 8 | take(1)?,
                1 => (high << 16 | take(2)?) + 2048,
                2 => (high << 24 | take(3)?) + 526_336,
                _ => take(4)?,
            };
            return Ok(Head { kind, size: target, content });
        }
        if kind == 0 {
            kind = u8::try_from(take(1)? + 7).unwrap_or(kind::END);
        }
        let size = match control & 31 {
            29 => 29 + take(1)?,
            30 => 285 + take(2)?,
            31 => 65_821 + take(3)?,
            size => usize::from(size),
        };
        if kind > 15 {
            Err(Damage("it has values of a kind that does not exist"))
        } else {
            Ok(Head { kind, size, content })
        }
    }

    fn content(&self, at: usize, size: usize) -> Result<&'a [u8], Damage> {
        let end = at.checked_add(size).ok_or(Damage("a value is cut"))?;
        self.bytes.get(at..end).ok_or(Damage("a value is cut"))
    }
}

/// A number of at most four octets, the highest first.
fn number(octets: &[u8]) -> u32 {
    octets.iter().fold(0, |number, &octet| number << 8 | u32::from(octet))
}
