//! Sets of numbers and addresses as sorted ranges: one value, one prefix, a comparison and a list are all the same question.

/// Values from one to another, both included: sorted, and none touches the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ranges<T>(Vec<(T, T)>);

impl<T: Ord + Copy> Ranges<T> {
    pub(super) fn new(mut ranges: Vec<(T, T)>) -> Self {
        ranges.retain(|(low, high)| low <= high);
        ranges.sort_unstable();
        let mut joined: Vec<(T, T)> = Vec::with_capacity(ranges.len());
        for (low, high) in ranges {
            match joined.last_mut() {
                Some(before) if low <= before.1 => before.1 = before.1.max(high),
                _ => joined.push((low, high)),
            }
        }
        Ranges(joined)
    }

    #[inline]
    pub(super) fn contains(&self, value: T) -> bool {
        match &self.0[..] {
            [(low, high)] => *low <= value && value <= *high,
            ranges => {
                let behind = ranges.partition_point(|(low, _)| *low <= value);
                behind > 0 && value <= ranges[behind - 1].1
            }
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
