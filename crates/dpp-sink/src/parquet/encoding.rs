//! Parquet's encodings of numbers (apache/parquet-format, Encodings.md): how a page's values become bytes.
//!
//! Bit-packing is the base of two: runs and bits for dictionary indices, for flags and for "is there a value",
//! deltas for numbers that have too many values for a dictionary. Deltas suit timestamps, and cost a random
//! 16-bit number 17 bits; PLAIN would cost 32 and a dictionary 16 and its 256 KiB. Numbers with a fraction
//! are split into streams, one for each of their bytes, as only some of the bytes are alike. The parquet
//! crate has all of this, but its door to dictionaries hashes and compares the text of each row again.

/// Runs this long or longer are written as runs. Bit-packed values come in eights.
const GROUP: usize = 8;

/// Bits needed for numbers up to `largest`.
pub(super) fn width_of(largest: u64) -> u32 {
    u64::BITS - largest.leading_zeros()
}

/// RLE/bit-packing hybrid: eight and more equal values are a run, the others are packed in `width` bits each.
pub(super) fn runs_and_bits<T: Copy + Eq + Into<u64>>(values: &[T], width: u32, out: &mut Vec<u8>) {
    // values[packed..at] are not yet written; they are whole groups.
    let (mut packed, mut at) = (0, 0);
    while values.len() - at >= GROUP {
        let first = values[at];
        if !is_alike(first, &values[at..at + GROUP]) {
            at += GROUP;
            continue;
        }
        bits(&values[packed..at], width, out);
        let length = length_of_run(first, &values[at..]);
        run(first.into(), length, width, out);
        at += length;
        packed = at;
    }
    bits(&values[packed..], width, out);
}

/// Whether these are all `value`. All are looked at: so it is one step for all.
#[inline]
fn is_alike<T: Copy + Eq>(value: T, values: &[T]) -> bool {
    !values.iter().fold(false, |is_other, &other| is_other | (other != value))
}

/// How often `value` stands there before there is another one.
fn length_of_run<T: Copy + Eq>(value: T, values: &[T]) -> usize {
    const STEP: usize = 64;
    let whole = values.chunks_exact(STEP).take_while(|values| is_alike(value, values)).count() * STEP;
    whole + values[whole..].iter().take_while(|&&other| other == value).count()
}

/// The same for values that are counted already: each with how often it stands there. `literals` is room for
/// those that are packed.
pub(super) fn counted_runs_and_bits(
    runs: impl Iterator<Item = (u32, usize)>,
    width: u32,
    literals: &mut Vec<u32>,
    out: &mut Vec<u8>,
) {
    literals.clear();
    for (value, mut count) in runs {
        if count == 1 {
            literals.push(value);
            continue;
        }
        // A run starts where the packed values before it are whole groups.
        let fill = count.min(literals.len().next_multiple_of(GROUP) - literals.len());
        if count - fill < GROUP {
            literals.extend(std::iter::repeat_n(value, count));
            continue;
        }
        literals.extend(std::iter::repeat_n(value, fill));
        count -= fill;
        bits(literals, width, out);
        literals.clear();
        run(value.into(), count, width, out);
    }
    bits(literals, width, out);
}

/// The same for one value, so often.
pub(super) fn one_run<T: Copy + Eq + Into<u64>>(value: T, count: usize, width: u32, out: &mut Vec<u8>) {
    match count {
        0..GROUP => runs_and_bits(&[value; GROUP][..count], width, out),
        _ => run(value.into(), count, width, out),
    }
}

/// A run of the hybrid.
fn run(value: u64, count: usize, width: u32, out: &mut Vec<u8>) {
    varint((count as u64) << 1, out);
    out.extend_from_slice(&value.to_le_bytes()[..width.div_ceil(8) as usize]);
}

/// A bit-packed run of the hybrid; the last group is filled up with zeros.
fn bits<T: Copy + Into<u64>>(values: &[T], width: u32, out: &mut Vec<u8>) {
    if values.is_empty() {
        return;
    }
    let groups = values.len().div_ceil(GROUP);
    varint((groups as u64) << 1 | 1, out);
    let end = out.len() + groups * width as usize;
    pack(values, width, out);
    out.resize(end, 0);
}

/// Writes values one behind the other, `width` bits each, the first in the lowest bits; fills the last byte
/// with zeros. No value may need more bits.
fn pack<T: Copy + Into<u64>>(values: &[T], width: u32, out: &mut Vec<u8>) {
    // Eight values are whole bytes, and where they fit into a word nothing has to be asked between them.
    let (eights, rest) = values.as_chunks::<GROUP>();
    match width {
        0 => {}
        1..=8 => eights.iter().for_each(|eight| {
            let word = (0..).zip(eight).fold(0, |word, (at, &value)| word | value.into() << (at * width));
            out.extend_from_slice(&word.to_le_bytes()[..width as usize]);
        }),
        9..=16 => eights.iter().for_each(|eight| {
            let half = |four: &[T]| {
                (0..).zip(four).fold(0, |word: u64, (at, &value)| word | value.into() << (at * width))
            };
            let word = u128::from(half(&eight[..4])) | u128::from(half(&eight[4..])) << (4 * width);
            out.extend_from_slice(&word.to_le_bytes()[..width as usize]);
        }),
        _ => return pack_each(values, width, out),
    }
    pack_each(rest, width, out);
}

/// The same for any width.
fn pack_each<T: Copy + Into<u64>>(values: &[T], width: u32, out: &mut Vec<u8>) {
    let (mut word, mut filled) = (0, 0);
    for &value in values {
        let value: u64 = value.into();
        word |= value << filled;
        filled += width;
        if filled >= u64::BITS {
            out.extend_from_slice(&word.to_le_bytes());
            filled -= u64::BITS;
            word = value.checked_shr(width - filled).unwrap_or(0);
        }
    }
    out.extend_from_slice(&word.to_le_bytes()[..filled.div_ceil(8) as usize]);
}

/// Values of a block, and of each of its four miniblocks: what every writer uses.
const BLOCK: usize = 128;
const MINIBLOCK: usize = 32;

/// DELTA_BINARY_PACKED of 64-bit numbers: the first value, then blocks of differences, each above the block's
/// least.
pub(super) fn deltas(values: &[i64], out: &mut Vec<u8>) {
    deltas_of(values, delta_block, out);
}

/// The same of numbers that fit in 32 bits with their sign: a difference may not take more bits than that, so
/// it wraps as the reader's sums do.
pub(super) fn deltas_32(values: &[i64], out: &mut Vec<u8>) {
    deltas_of(values, delta_block_32, out);
}

/// `write` gets the values of each block, and before them the last one of the block before.
#[inline(always)]
fn deltas_of(values: &[i64], write: impl Fn(&[i64], &mut Vec<u8>), out: &mut Vec<u8>) {
    varint(BLOCK as u64, out);
    varint((BLOCK / MINIBLOCK) as u64, out);
    varint(values.len() as u64, out);
    zigzag(values.first().copied().unwrap_or(0), out);
    if let Some(&first) = values.first()
        && length_of_run(first, values) == values.len()
    {
        // All blocks have the least difference 0, above which none of the miniblocks takes a bit.
        let blocks = (values.len() - 1).div_ceil(BLOCK);
        return out.resize(out.len() + blocks * (1 + BLOCK / MINIBLOCK), 0);
    }
    let mut rest = values;
    while rest.len() > 1 {
        write(&rest[..rest.len().min(BLOCK + 1)], out);
        rest = &rest[BLOCK.min(rest.len() - 1)..];
    }
}

macro_rules! delta_block {
    ($name:ident, $signed:ty, $unsigned:ty) => {
        /// Writes a block. Each step is one for all values, so that the machine can take several at once.
        fn $name(values: &[i64], out: &mut Vec<u8>) {
            let length = values.len() - 1;
            let mut differences = [0; BLOCK];
            for (difference, (&value, &before)) in differences.iter_mut().zip(values[1..].iter().zip(values))
            {
                *difference = (value as $signed).wrapping_sub(before as $signed);
            }
            let least = differences[..length].iter().fold(<$signed>::MAX, |least, &other| least.min(other));
            zigzag(least.into(), out);
            // What lies behind the end counts as zero bits; miniblocks that have no value at all have no bytes
            // either.
            let mut above: [$unsigned; BLOCK] = [0; BLOCK];
            for (above, &difference) in above.iter_mut().zip(&differences[..length]) {
                *above = difference.wrapping_sub(least) as $unsigned;
            }
            let miniblocks = above.as_chunks::<MINIBLOCK>().0;
            let width = |miniblock: &[$unsigned; MINIBLOCK]| {
                width_of(miniblock.iter().fold(0, |all, &value| all | value).into())
            };
            out.extend(miniblocks.iter().map(|miniblock| width(miniblock) as u8));
            for miniblock in &miniblocks[..length.div_ceil(MINIBLOCK)] {
                pack(miniblock, width(miniblock), out);
            }
        }
    };
}

delta_block!(delta_block, i64, u64);
delta_block!(delta_block_32, i32, u32);

/// BYTE_STREAM_SPLIT of 64-bit values: the lowest bytes of all, then the next ones, and so on.
pub(super) fn byte_streams(values: impl Iterator<Item = i64> + Clone, out: &mut Vec<u8>) {
    for byte in 0..size_of::<i64>() {
        out.extend(values.clone().map(|value| value.to_le_bytes()[byte]));
    }
}

/// ULEB128: seven bits a byte, the lowest first.
pub(super) fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// A signed number as varint, small ones of either sign short.
fn zigzag(value: i64, out: &mut Vec<u8>) {
    varint((value << 1 ^ value >> 63) as u64, out);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_runs_and_bits(values: &[u8], width: u32, expected: &[u8]) {
        let mut out = Vec::new();
        runs_and_bits(values, width, &mut out);
        assert_eq!(out, expected);
    }

    #[test]
    fn the_example_of_the_specification_is_packed_as_there() {
        check_runs_and_bits(&[0, 1, 2, 3, 4, 5, 6, 7], 3, &[3, 0b1000_1000, 0b1100_0110, 0b1111_1010]);
    }

    #[test]
    fn equal_values_are_one_run() {
        check_runs_and_bits(&[1; 100], 1, &[200, 1, 1]);
    }

    #[test]
    fn a_run_between_packed_values_starts_at_a_whole_group() {
        let values = [&[0, 1, 0, 1, 0, 1, 0, 1][..], &[1; 20], &[0]].concat();
        check_runs_and_bits(&values, 1, &[3, 0b1010_1010, 40, 1, 3, 0]);
    }

    #[test]
    fn values_that_need_no_bits_take_none() {
        check_runs_and_bits(&[0, 0, 0], 0, &[3]);
        check_runs_and_bits(&[], 1, &[]);
    }

    #[test]
    fn counted_values_are_packed_as_uncounted_ones_or_in_fewer_bytes() {
        for counts in [&[100][..], &[1, 100], &[3, 20, 1], &[9, 1, 1, 1, 30, 7, 8, 9], &[7, 8], &[]] {
            let runs = || counts.iter().enumerate().map(|(value, &count)| (value as u32, count));
            let values: Vec<u32> =
                runs().flat_map(|(value, count)| std::iter::repeat_n(value, count)).collect();
            let (mut plain, mut counted) = (Vec::new(), Vec::new());
            runs_and_bits(&values, 3, &mut plain);
            counted_runs_and_bits(runs(), 3, &mut Vec::new(), &mut counted);
            assert!(counted.len() <= plain.len(), "{counts:?}: {counted:?} {plain:?}");
        }
        let mut out = Vec::new();
        counted_runs_and_bits([(0, 3), (1, 20), (0, 1)].into_iter(), 1, &mut Vec::new(), &mut out);
        assert_eq!(out, [3, 0b1111_1000, 30, 1, 3, 0]);
    }

    #[test]
    fn eight_values_at_once_are_packed_as_one_by_one() {
        for width in 0..=64 {
            for length in [0, 1, 7, 8, 9, 16, 37] {
                let largest = u64::MAX.checked_shr(64 - width).unwrap_or(0);
                let values: Vec<u64> =
                    (1..=length).map(|n: u64| n.wrapping_mul(u64::MAX / 3) & largest).collect();
                let (mut at_once, mut each) = (Vec::new(), Vec::new());
                pack(&values, width, &mut at_once);
                pack_each(&values, width, &mut each);
                assert_eq!(at_once, each, "{length} values of {width} bits");
            }
        }
    }

    #[test]
    fn runs_end_where_another_value_stands() {
        for length in [8, 63, 64, 65, 128, 200] {
            let values = [vec![0; length], vec![1]].concat();
            assert_eq!((length_of_run(0, &values), length_of_run(0, &values[..length])), (length, length));
        }
    }

    #[test]
    fn differences_of_32_bit_numbers_take_at_most_32_bits() {
        let mut out = Vec::new();
        deltas_32(&[0, -1, i32::MAX.into(), i32::MIN.into(), 0], &mut out);
        assert!(out[out.len() - 32 * 4 - 4..][..4] == [32, 0, 0, 0], "{out:?}");
    }

    #[test]
    fn streams_have_a_byte_of_each_value() {
        let mut out = Vec::new();
        byte_streams([0x0102, 0x0304].into_iter(), &mut out);
        assert_eq!(out, [2, 4, 1, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[track_caller]
    fn check_deltas(values: &[i64], expected: &[u8]) {
        let mut out = Vec::new();
        deltas(values, &mut out);
        assert_eq!(out, expected);
    }

    #[test]
    fn the_examples_of_the_specification_are_deltas_as_there() {
        check_deltas(&[1, 2, 3, 4, 5], &[128, 1, 4, 5, 2, 2, 0, 0, 0, 0]);
        let packed = [0b1100_0000, 0b0011_1111, 0, 0, 0, 0, 0, 0];
        check_deltas(&[7, 5, 3, 1, 2, 3, 4, 5], &[&[128, 1, 4, 8, 14, 3, 2, 0, 0, 0][..], &packed].concat());
    }

    #[test]
    fn equal_numbers_are_written_as_others_are() {
        for length in [1, 2, 128, 129, 130, 1000] {
            let (mut alike, mut same) = (Vec::new(), vec![7; length]);
            deltas(&same, &mut alike);
            // One that differs, in a block of its own.
            same.resize(length.next_multiple_of(BLOCK) + 1, 7);
            same.push(8);
            let mut others = Vec::new();
            deltas(&same, &mut others);
            let head = |bytes: &[u8], count: u64| {
                let mut counted = Vec::new();
                varint(count, &mut counted);
                bytes[3 + counted.len()..].to_vec()
            };
            let alike = head(&alike, length as u64);
            assert!(head(&others, same.len() as u64).starts_with(&alike), "{length}");
        }
    }

    #[test]
    fn the_widest_difference_takes_64_bits() {
        let mut out = Vec::new();
        deltas(&[0, i64::MAX, 0], &mut out);
        // The least difference is -MAX, the other one is 2 * MAX above it.
        assert_eq!(out[out.len() - 260..][..4], [64, 0, 0, 0]);
        assert_eq!(out[out.len() - 256..][..16], [(u64::MAX - 1).to_le_bytes(), [0; 8]].concat());
    }
}
