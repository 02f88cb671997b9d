//! Ports as programs in the kernel ask for them.

use std::ops::RangeInclusive;

/// The same ports in as few ranges as there can be.
pub(super) fn merge(ranges: &[RangeInclusive<u16>]) -> Vec<RangeInclusive<u16>> {
    let mut sorted: Vec<_> = ranges.iter().filter(|range| !range.is_empty()).cloned().collect();
    sorted.sort_by_key(|range| *range.start());
    let mut merged: Vec<RangeInclusive<u16>> = Vec::new();
    for range in sorted {
        match merged.last_mut() {
            Some(last) if u32::from(*range.start()) <= u32::from(*last.end()) + 1 => {
                *last = *last.start()..=*last.end().max(range.end());
            }
            _ => merged.push(range),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_ports_are_merged() {
        assert_eq!(merge(&[54..=60, 53..=53, 70..=80, 75..=76]), [53..=60, 70..=80]);
        #[expect(clippy::reversed_empty_ranges, reason = "an empty range has no port")]
        let merged = merge(&[9..=3, 65_535..=65_535, 0..=u16::MAX]);
        assert_eq!(merged, [0..=u16::MAX]);
    }
}
