//! Parquet's encodings of numbers (apache/parquet-format, Encodings.md): how a page's values become bytes.
//!
//! Three are enough: bit-packing is the base of the other two, runs and bits for dictionary indices and for
//! "is there a value", deltas for all numbers. Deltas suit timestamps, and cost a random 16-bit number 17
//! bits; PLAIN would cost 32 and a dictionary 16 and its 256 KiB. The parquet crate has all of this, but its
//! door to dictionaries hashes and compares the text of each row again.

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
        if values[at..at + GROUP].iter().any(|&value| value != first) {
            at += GROUP;
            continue;
        }
        bits(&values[packed..at], width, out);
        let length = values[at..].iter().take_while(|&&value| value == first).count();
        varint((length as u64) << 1, out);
        let bytes = first.into().to_le_bytes();
        out.extend_from_slice(&bytes[..width.div_ceil(8) as usize]);
        at += length;
        packed = at;
    }
    bits(&values[packed..], width, out);
}

/// A bit-packed run of the hybrid; the last group is filled up with zeros.
fn bits<T: Copy + Into<u64>>(values: &[T], width: u32, out: &mut Vec<u8>) {
    if values.is_empty() {
        return;
    }
    let groups = values.len().div_ceil(GROUP);
    varint((groups as u64) << 1 | 1, out);
    let end = out.len() + groups * width as usize;
    pack(values.iter().map(|&value| value.into()), width, out);
    out.resize(end, 0);
}

/// Writes values one behind the other, `width` bits each, the first in the lowest bits; fills the last byte
/// with zeros. No value may need more bits.
fn pack(values: impl Iterator<Item = u64>, width: u32, out: &mut Vec<u8>) {
    let (mut word, mut filled) = (0, 0);
    for value in values {
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

/// DELTA_BINARY_PACKED: the first value, then blocks of differences, each above the block's least.
pub(super) fn deltas(values: &[i64], out: &mut Vec<u8>) {
    varint(BLOCK as u64, out);
    varint((BLOCK / MINIBLOCK) as u64, out);
    varint(values.len() as u64, out);
    let Some(&first) = values.first() else { return zigzag(0, out) };
    zigzag(first, out);
    let mut before = first;
    for block in values[1..].chunks(BLOCK) {
        let mut differences = [0; BLOCK];
        for (difference, &value) in differences.iter_mut().zip(block) {
            *difference = value.wrapping_sub(before);
            before = value;
        }
        delta_block(&differences, block.len(), out);
    }
}

fn delta_block(differences: &[i64; BLOCK], length: usize, out: &mut Vec<u8>) {
    let least = differences[..length].iter().copied().min().unwrap_or(0);
    zigzag(least, out);
    // What lies behind the end counts as zero bits; miniblocks that have no value at all have no bytes
    // either.
    let mut above = [0; BLOCK];
    for (above, &difference) in above.iter_mut().zip(&differences[..length]) {
        *above = difference.wrapping_sub(least) as u64;
    }
    let miniblocks = || above.chunks_exact(MINIBLOCK);
    let width = |miniblock: &[u64]| width_of(miniblock.iter().fold(0, |all, &value| all | value));
    out.extend(miniblocks().map(|miniblock| width(miniblock) as u8));
    for miniblock in miniblocks().take(length.div_ceil(MINIBLOCK)) {
        pack(miniblock.iter().copied(), width(miniblock), out);
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
    fn the_widest_difference_takes_64_bits() {
        let mut out = Vec::new();
        deltas(&[0, i64::MAX, 0], &mut out);
        // The least difference is -MAX, the other one is 2 * MAX above it.
        assert_eq!(out[out.len() - 260..][..4], [64, 0, 0, 0]);
        assert_eq!(out[out.len() - 256..][..16], [(u64::MAX - 1).to_le_bytes(), [0; 8]].concat());
    }
}
