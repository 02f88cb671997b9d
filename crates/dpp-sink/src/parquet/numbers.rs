//! Numbers of all kinds but those of the default schema: what a message says in numbers is mostly the same again.
//!
//! ```text
//!  53 53 53 53 53 123 53 ...  ->  53 five times, 123 once, 53 ...  ->  codes 0, 1, 0 of a dictionary [53, 123]
//! ```
//! Equal neighbours are counted while the values come in, so a column that never changes costs a comparison a row
//! and nothing after that. A page becomes codes if that is smaller by a reckoning of its own values; the first page
//! of a chunk for which it is not ends the dictionary, and it and all further ones are DELTA_BINARY_PACKED, or
//! BYTE_STREAM_SPLIT if numbers have fractions. Yes and no are runs and bits as they are.

use super::dictionary::{DIGITS, fold};
use super::encoding::{byte_streams, counted_runs_and_bits, deltas, deltas_32, width_of};
use super::lane::PAGE_ROWS;
use super::tools::Room;
use super::values::{Bounds, Encoded, Extras};
use dpp::table::{Kind, Value};
use parquet::basic::Encoding;
use parquet::file::statistics::Statistics;
use std::hash::BuildHasher;

/// How numbers lie in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Physical {
    Bit,
    Int32,
    Int64,
    Double,
}

impl Physical {
    fn of(kind: Kind) -> Physical {
        match kind {
            Kind::Bool => Physical::Bit,
            Kind::U8 | Kind::U16 | Kind::U32 | Kind::I32 => Physical::Int32,
            Kind::F64 | Kind::Seconds => Physical::Double,
            _ => Physical::Int64,
        }
    }

    /// The bytes of a number in PLAIN.
    fn length(self) -> usize {
        match self {
            Physical::Bit => 1,
            Physical::Int32 => 4,
            Physical::Int64 | Physical::Double => 8,
        }
    }
}

/// What is known of the numbers of a kind: a number is kept in 64 bits, fractions as the bits they have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numeric {
    pub(super) kind: Kind,
    physical: Physical,
}

impl Numeric {
    pub(super) fn new(kind: Kind) -> Self {
        Numeric { kind, physical: Physical::of(kind) }
    }

    /// The 64 bits of a value that is no NULL.
    #[inline(always)]
    pub(super) fn bits(&self, value: Value) -> i64 {
        value.bits(self.kind)
    }

    /// The bits of the least and of the largest, by their ranks. A zero may be of either sign there, and stands for
    /// the other one too.
    fn bits_of(&self, (least, largest): (i64, i64)) -> (i64, i64) {
        match self.kind {
            Kind::U64 => (least ^ i64::MIN, largest ^ i64::MIN),
            Kind::F64 | Kind::Seconds => match (upside_down(least), upside_down(largest)) {
                (0, largest) if largest == i64::MIN => (i64::MIN, 0),
                (0, largest) => (i64::MIN, largest),
                (least, i64::MIN) => (least, 0),
                both => both,
            },
            _ => (least, largest),
        }
    }

    pub(super) fn statistics(&self, ranks: Option<(i64, i64)>, nulls: u64) -> Statistics {
        let (least, largest) = ranks.map(|ranks| self.bits_of(ranks)).unzip();
        let nulls = Some(nulls);
        match self.physical {
            Physical::Bit => {
                let bit = |bits: Option<i64>| bits.map(|bits| bits != 0);
                Statistics::boolean(bit(least), bit(largest), None, nulls, false)
            }
            Physical::Int32 => {
                let narrow = |bits: Option<i64>| bits.map(|bits| bits as i32);
                Statistics::int32(narrow(least), narrow(largest), None, nulls, false)
            }
            Physical::Int64 => Statistics::int64(least, largest, None, nulls, false),
            Physical::Double => {
                let double = |bits: Option<i64>| bits.map(|bits| f64::from_bits(bits as u64));
                Statistics::double(double(least), double(largest), None, nulls, false)
            }
        }
    }

    /// What the index says of a page.
    pub(super) fn bounds(&self, ranks: Option<(i64, i64)>) -> Option<Bounds> {
        let (least, largest) = ranks?;
        let key = |rank: i64| (rank ^ i64::MIN).to_be_bytes().to_vec();
        let bits = self.bits_of((least, largest));
        let plain = |bits: i64| bits.to_le_bytes()[..self.physical.length()].to_vec();
        Some(Bounds { keys: (key(least), key(largest)), plain: (plain(bits.0), plain(bits.1)) })
    }

    /// The least and the largest of numbers, by rank: a number that is ordered among others as what the bits stand for. What
    /// is no number has none.
    pub(super) fn ranks(&self, numbers: &[i64]) -> Option<(i64, i64)> {
        if self.physical == Physical::Double {
            let numbers = numbers.iter().filter(|&&bits| !f64::from_bits(bits as u64).is_nan());
            let ranks = numbers.map(|&bits| upside_down(bits));
            return ranks.fold(None, |ranks, rank| widened(ranks, Some((rank, rank))));
        }
        if matches!(self.kind, Kind::U8 | Kind::U16 | Kind::I32) {
            // Those fit into 32 bits, of which a step takes more.
            let first = *numbers.first()? as i32;
            let widen = |(least, largest): (i32, i32), &bits: &i64| {
                (least.min(bits as i32), largest.max(bits as i32))
            };
            let (least, largest) = numbers.iter().fold((first, first), widen);
            return Some((least.into(), largest.into()));
        }
        // Those of whole numbers differ from their bits in the first one, if at all.
        let rank = |bits: i64| if self.kind == Kind::U64 { bits ^ i64::MIN } else { bits };
        let first = rank(*numbers.first()?);
        let widen =
            |(least, largest): (i64, i64), &bits: &i64| (least.min(rank(bits)), largest.max(rank(bits)));
        Some(numbers.iter().fold((first, first), widen))
    }

    /// Adds a number to a bloom filter.
    pub(super) fn sift(&self, bits: i64, extras: &mut Extras) {
        match self.physical {
            Physical::Int32 => extras.sift(&(bits as i32)),
            _ => extras.sift(&bits),
        }
    }
}

/// Makes the order of bits that of numbers with fractions, and back.
fn upside_down(bits: i64) -> i64 {
    bits ^ ((bits >> 63) as u64 >> 1) as i64
}

/// What lies between the least and the largest of both.
pub(super) fn widened(one: Option<(i64, i64)>, other: Option<(i64, i64)>) -> Option<(i64, i64)> {
    match (one, other) {
        (Some(one), Some(other)) => Some((one.0.min(other.0), one.1.max(other.1))),
        (one, other) => one.or(other),
    }
}

/// The numbers of a page, and what the chunk remembers of earlier ones.
pub(super) struct Numbers {
    numeric: Numeric,
    runs: Runs,
    book: Codebook,
    /// Whether a page has codes.
    has_codes: bool,
    /// Whether the dictionary has not paid in this chunk.
    is_over: bool,
    /// The least and the largest of the chunk, by rank.
    ranks: Option<(i64, i64)>,
}

impl Numbers {
    pub(super) fn new(kind: Kind) -> Self {
        let numeric = Numeric::new(kind);
        Numbers {
            numeric,
            runs: Runs::default(),
            book: Codebook::new(numeric.physical.length()),
            has_codes: false,
            is_over: false,
            ranks: None,
        }
    }

    /// Takes a value that is no NULL into the page.
    #[inline(always)]
    pub(super) fn take(&mut self, value: Value) {
        self.runs.push(self.numeric.bits(value));
    }

    /// Takes values that are kept as these numbers.
    pub(super) fn take_all(&mut self, numbers: &[i64]) {
        self.runs.push_all(numbers);
    }

    /// Takes a value that is no NULL so often.
    pub(super) fn take_often(&mut self, value: Value, count: usize) {
        self.take_number_often(self.numeric.bits(value), count);
    }

    /// Takes a value that is kept as this number so often.
    pub(super) fn take_number_often(&mut self, number: i64, count: usize) {
        self.runs.push_often(number, count);
    }

    /// How many values the page has.
    pub(super) fn len(&self) -> usize {
        self.runs.len()
    }

    /// About how many bytes the page takes.
    pub(super) fn size(&self) -> usize {
        self.len() * self.numeric.physical.length()
    }

    pub(super) fn encode(&mut self, room: &mut Room, extras: &mut Extras) -> Encoded {
        let values = self.len();
        let ranks = self.numeric.ranks(self.runs.numbers());
        self.ranks = widened(self.ranks, ranks);
        let bounds = extras.has_index.then(|| self.numeric.bounds(ranks)).flatten();
        let encoding = match self.numeric.physical {
            _ if values == 0 => Encoding::PLAIN,
            Physical::Bit => self.encode_bits(room),
            physical => match self.find_codes(ranks, room) {
                true => self.encode_codes(room),
                false => self.encode_all(physical, room, extras),
            },
        };
        self.runs.clear();
        Encoded { values, encoding, bounds }
    }

    /// Runs and bits, and their length before them.
    fn encode_bits(&self, room: &mut Room) -> Encoding {
        let Room { encoded: out, literals, .. } = room;
        let start = out.len();
        out.extend_from_slice(&[0; 4]);
        counted_runs_and_bits(self.runs.iter().map(|(bits, count)| (bits as u32, count)), 1, literals, out);
        let length = (out.len() - start - 4) as u32;
        out[start..start + 4].copy_from_slice(&length.to_le_bytes());
        Encoding::RLE
    }

    /// Finds the codes of the page's runs, if codes pay.
    fn find_codes(&mut self, ranks: Option<(i64, i64)>, room: &mut Room) -> bool {
        if self.is_over {
            return false;
        }
        let known = self.book.len();
        let Numbers { runs, book, .. } = self;
        room.codes.clear();
        room.codes.extend(runs.numbers().iter().map(|&bits| book.code(bits)));
        if self.do_codes_pay(known, ranks) {
            self.has_codes = true;
            return true;
        }
        self.book.truncate(known);
        self.is_over = true;
        false
    }

    /// Whether codes and what they add to the dictionary are smaller than the numbers themselves. Deltas are
    /// reckoned as bits for the range, and one for the sign of a difference, and the head of a block.
    fn do_codes_pay(&self, known: usize, ranks: Option<(i64, i64)>) -> bool {
        let added = (self.book.len() - known) * self.numeric.physical.length() * 8;
        let width = width_of(self.book.len().saturating_sub(1) as u64) as usize;
        let bits = match (self.numeric.physical, ranks) {
            (Physical::Double, _) | (_, None) => 64,
            (_, Some((least, largest))) => width_of(largest.wrapping_sub(least) as u64) as usize + 1,
        };
        self.book.len() <= CODES_MAX && added + width * self.runs.turns() < self.len() * bits + 256
    }

    fn encode_codes(&self, room: &mut Room) -> Encoding {
        let Room { encoded: out, codes, literals, .. } = room;
        let width = width_of(self.book.len() as u64 - 1);
        out.push(width as u8);
        let runs = codes.iter().zip(self.runs.iter()).map(|(&code, (_, count))| (code, count));
        counted_runs_and_bits(runs, width, literals, out);
        Encoding::RLE_DICTIONARY
    }

    fn encode_all(&self, physical: Physical, room: &mut Room, extras: &mut Extras) -> Encoding {
        let Room { encoded: out, expanded, .. } = room;
        if extras.has_bloom {
            self.runs.numbers().iter().for_each(|&bits| self.numeric.sift(bits, extras));
        }
        expanded.clear();
        for (bits, count) in self.runs.iter() {
            expanded.extend(std::iter::repeat_n(bits, count));
        }
        match physical {
            Physical::Double => {
                byte_streams(expanded.iter().copied(), out);
                return Encoding::BYTE_STREAM_SPLIT;
            }
            Physical::Int64 => deltas(expanded, out),
            _ => {
                // What has its 32nd bit set is a negative number there.
                expanded.iter_mut().for_each(|number| *number = i64::from(*number as i32));
                deltas_32(expanded, out);
            }
        }
        Encoding::DELTA_BINARY_PACKED
    }

    /// The chunk's dictionary, if pages have codes of it.
    pub(super) fn dictionary(&self) -> Option<(usize, &[u8])> {
        self.has_codes.then_some((self.book.len(), &self.book.plain[..]))
    }

    /// Adds the dictionary's numbers to the bloom filter.
    pub(super) fn sift_dictionary(&self, extras: &mut Extras) {
        self.book.numbers.iter().for_each(|&bits| self.numeric.sift(bits, extras));
    }

    pub(super) fn statistics(&self, nulls: u64) -> Statistics {
        self.numeric.statistics(self.ranks, nulls)
    }

    pub(super) fn forget(&mut self) {
        self.book.truncate(0);
        (self.has_codes, self.is_over, self.ranks) = (false, false, None);
    }
}

/// So many numbers are compared with the last one at once.
const STEP: usize = 16;

/// Equal neighbours, counted.
struct Runs {
    /// What each run has, and where it ends, up to `last`. The first one may be empty.
    numbers: Vec<i64>,
    ends: Vec<u32>,
    last: usize,
}

impl Default for Runs {
    fn default() -> Self {
        Runs { numbers: vec![0; 64], ends: vec![0; 64], last: 0 }
    }
}

impl Runs {
    /// There is no branch that depends on the value: flags that come and go would be mispredicted.
    #[inline(always)]
    fn push(&mut self, number: i64) {
        let end = self.ends[self.last] + 1;
        self.last += usize::from(self.numbers[self.last] != number);
        if self.last == self.numbers.len() {
            self.grow();
        }
        self.numbers[self.last] = number;
        self.ends[self.last] = end;
    }

    /// Pushes each. Of most columns nearly all are what the last one was.
    fn push_all(&mut self, numbers: &[i64]) {
        let (steps, rest) = numbers.as_chunks::<STEP>();
        for step in steps {
            let last = self.numbers[self.last];
            match step.iter().fold(0, |differences, number| differences | number ^ last) {
                0 => self.ends[self.last] += STEP as u32,
                _ => self.push_step(step),
            }
        }
        rest.iter().for_each(|&number| self.push(number));
    }

    /// Pushes numbers of which not all are what the last one was, as [`Runs::push`] does it. What it takes from memory once is not
    /// taken from there for each.
    #[inline]
    fn push_step(&mut self, step: &[i64; STEP]) {
        if self.last + STEP >= self.numbers.len() {
            self.grow();
        }
        let numbers = self.numbers[self.last..].first_chunk_mut::<{ STEP + 1 }>().expect("it has grown");
        let ends = self.ends[self.last..].first_chunk_mut::<{ STEP + 1 }>().expect("it has grown");
        let (mut last, mut number, mut end) = (0, numbers[0], ends[0]);
        for &next in step {
            last += usize::from(next != number);
            (number, end) = (next, end + 1);
            numbers[last] = number;
            ends[last] = end;
        }
        self.last += last;
    }

    /// Pushes a number so often.
    fn push_often(&mut self, number: i64, count: usize) {
        if let Some(rest) = count.checked_sub(1) {
            self.push(number);
            self.ends[self.last] += rest as u32;
        }
    }

    #[cold]
    fn grow(&mut self) {
        let length = self.numbers.len() * 2;
        self.numbers.resize(length, 0);
        self.ends.resize(length, 0);
    }

    /// How many values.
    fn len(&self) -> usize {
        self.ends[self.last] as usize
    }

    /// How many values are not within long runs, at most.
    fn turns(&self) -> usize {
        self.len().min((self.last + 1) * 8)
    }

    fn start(&self) -> usize {
        usize::from(self.ends[0] == 0 && self.last > 0)
    }

    /// The runs' values.
    fn numbers(&self) -> &[i64] {
        if self.len() == 0 { &[] } else { &self.numbers[self.start()..=self.last] }
    }

    /// The runs: a value, and how often it stands there.
    fn iter(&self) -> impl Iterator<Item = (i64, usize)> {
        let ends = &self.ends[self.start()..];
        let mut before = 0;
        self.numbers().iter().zip(ends).map(move |(&number, &end)| {
            let count = end - std::mem::replace(&mut before, end);
            (number, count as usize)
        })
    }

    fn clear(&mut self) {
        (self.numbers[0], self.ends[0], self.last) = (0, 0, 0);
    }
}

/// More numbers than this do not get codes: the dictionary should stay in the cache, of this column and of its
/// reader.
const CODES_MAX: usize = 1 << 15;

/// Numbers and their codes, in the order of first sight.
struct Codebook {
    seed: u64,
    /// Of small numbers, which most are: a code plus one, or 0.
    small: Vec<u16>,
    /// Of others. Open addressing, a power of two long, at most half full: likewise.
    slots: Vec<u32>,
    numbers: Vec<i64>,
    /// The body of a dictionary page, each number in so many bytes.
    plain: Vec<u8>,
    length: usize,
}

const SLOTS_MIN: usize = 1 << 6;

/// Where the code of a small number is.
#[inline]
fn small(number: i64) -> Option<usize> {
    usize::try_from(number).ok().filter(|place| *place < SMALL)
}

/// Lengths, counts and codes are nearly all smaller, and need not be hashed.
const SMALL: usize = 1 << 13;

// There are no more codes when a page is begun, to which it adds some of its own.
const _: () = assert!(CODES_MAX + PAGE_ROWS < u16::MAX as usize);

impl Codebook {
    fn new(length: usize) -> Self {
        let seed = std::hash::RandomState::new().hash_one(0);
        let (small, slots) = (vec![0; SMALL], vec![0; SLOTS_MIN]);
        Codebook { seed, small, slots, numbers: Vec::new(), plain: Vec::new(), length }
    }

    fn len(&self) -> usize {
        self.numbers.len()
    }

    /// The code of a number.
    #[inline]
    fn code(&mut self, number: i64) -> u32 {
        if let Some(place) = small(number) {
            let code = self.small[place];
            return if code > 0 { u32::from(code) - 1 } else { self.add_small(number, place) };
        }
        let at = self.place(number);
        match self.slots[at] {
            0 => self.add(number, at),
            code => code - 1,
        }
    }

    /// The slot that a number has or may have.
    #[inline]
    fn place(&self, number: i64) -> usize {
        let mask = self.slots.len() - 1;
        let mut at = fold(number as u64 ^ self.seed, DIGITS[0]) as usize & mask;
        while let Some(code) = self.slots[at].checked_sub(1)
            && self.numbers[code as usize] != number
        {
            at = (at + 1) & mask;
        }
        at
    }

    #[cold]
    fn add_small(&mut self, number: i64, place: usize) -> u32 {
        self.note(number);
        self.small[place] = self.len() as u16;
        self.len() as u32 - 1
    }

    fn note(&mut self, number: i64) {
        self.numbers.push(number);
        self.plain.extend_from_slice(&number.to_le_bytes()[..self.length]);
    }

    #[cold]
    fn add(&mut self, number: i64, at: usize) -> u32 {
        self.note(number);
        self.slots[at] = self.len() as u32;
        if self.len() * 2 > self.slots.len() {
            self.place_all(self.slots.len() * 2);
        }
        self.len() as u32 - 1
    }

    /// Forgets all but the first numbers.
    fn truncate(&mut self, length: usize) {
        if length < self.len() {
            for place in self.numbers[length..].iter().copied().filter_map(small) {
                self.small[place] = 0;
            }
            self.numbers.truncate(length);
            self.plain.truncate(length * self.length);
            self.place_all((length * 2).next_power_of_two().max(SLOTS_MIN));
        }
    }

    fn place_all(&mut self, slots: usize) {
        self.slots.clear();
        self.slots.resize(slots, 0);
        for code in 0..self.len() {
            let number = self.numbers[code];
            if small(number).is_none() {
                let at = self.place(number);
                self.slots[at] = code as u32 + 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_neighbours_are_counted() {
        for numbers in [&[][..], &[0], &[5], &[0, 0, 5], &[5, 0, 0, 5, 5, 5], &[i64::MIN, -1, -1]] {
            let mut runs = Runs::default();
            for _ in 0..2 {
                runs.clear();
                numbers.iter().for_each(|&number| runs.push(number));
                let all: Vec<i64> =
                    runs.iter().flat_map(|(bits, count)| std::iter::repeat_n(bits, count)).collect();
                assert_eq!((&all[..], runs.len()), (numbers, numbers.len()));
                assert_eq!(runs.numbers().len(), numbers.chunk_by(|one, other| one == other).count());
            }
        }
    }

    #[test]
    fn numbers_are_pushed_together_as_one_by_one() {
        for same in [1, 2, 15, 16, 17, 40, 1000] {
            let numbers: Vec<i64> = (0..1000).map(|number| number / same % 7).collect();
            let [mut together, mut each] = [(); 2].map(|()| Runs::default());
            numbers.chunks(77).for_each(|numbers| together.push_all(numbers));
            numbers.iter().for_each(|&number| each.push(number));
            assert!(together.iter().eq(each.iter()), "{same}");
        }
    }

    #[test]
    fn a_codebook_forgets_its_last_numbers() {
        let mut book = Codebook::new(4);
        let codes: Vec<u32> = (0..1000).map(|number| book.code(number * 7 % 501)).collect();
        assert_eq!((book.len(), codes[501]), (501, 0));
        book.truncate(10);
        assert_eq!((book.code(63), book.code(-1), book.code(0), book.plain.len()), (9, 10, 0, 44));
    }

    #[track_caller]
    fn check_double_statistics(numbers: &[f64], expected: Option<(f64, f64)>) {
        let mut column = Numbers::new(Kind::F64);
        numbers.iter().for_each(|&number| column.take(Value::F64(number)));
        column.encode(&mut Room::default(), &mut Extras::default());
        let (least, largest) = expected.unzip();
        let expected = Statistics::double(least, largest, None, Some(0), false);
        // Text tells -0 from 0.
        assert_eq!(format!("{:?}", column.statistics(0)), format!("{expected:?}"));
    }

    #[test]
    fn statistics_leave_out_what_is_no_number_and_take_zeros_of_either_sign() {
        check_double_statistics(&[1.5, f64::NAN, -2.0], Some((-2.0, 1.5)));
        check_double_statistics(&[f64::NAN, -f64::NAN], None);
        check_double_statistics(&[0.0], Some((-0.0, 0.0)));
        check_double_statistics(&[-0.0, -1.0], Some((-1.0, 0.0)));
        check_double_statistics(&[0.0, 3.0], Some((-0.0, 3.0)));
        check_double_statistics(
            &[f64::NEG_INFINITY, f64::INFINITY],
            Some((f64::NEG_INFINITY, f64::INFINITY)),
        );
    }
}
