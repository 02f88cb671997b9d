//! Round-trip times as a histogram that merges exactly.
//!
//! Buckets are powers of two cut into 128 equal steps, so a percentile read from it is at most 1/128 (0.8 %) above the
//! exact one, for any number of values, in 32 KiB. Sum and maximum are exact.

const STEP_BITS: u32 = 7;
const STEPS: usize = 1 << STEP_BITS;
/// Enough for 2^38 ns, some 275 s; T is at most 5 s.
const BUCKETS: usize = STEPS * 32;

/// A histogram of times in nanoseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rtt {
    buckets: Vec<u64>,
    count: u64,
    sum_ns: u128,
    max_ns: u64,
}

impl Default for Rtt {
    fn default() -> Self {
        Rtt { buckets: vec![0; BUCKETS], count: 0, sum_ns: 0, max_ns: 0 }
    }
}

impl Rtt {
    /// Counts one round trip.
    #[inline]
    pub fn add(&mut self, rtt_ns: u64) {
        self.buckets[bucket(rtt_ns)] += 1;
        self.count += 1;
        self.sum_ns += u128::from(rtt_ns);
        self.max_ns = self.max_ns.max(rtt_ns);
    }

    /// Adds another histogram.
    pub fn merge(&mut self, other: &Rtt) {
        self.buckets.iter_mut().zip(&other.buckets).for_each(|(mine, theirs)| *mine += theirs);
        self.count += other.count;
        self.sum_ns += other.sum_ns;
        self.max_ns = self.max_ns.max(other.max_ns);
    }

    /// How many round trips were counted.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// All of them together, ns.
    pub fn sum_ns(&self) -> u128 {
        self.sum_ns
    }

    /// How many round trips took no longer than so many ns; of those that took up to 0.8 % less, some may be missing.
    ///
    /// ```
    /// let mut rtt = dpp::transaction::Rtt::default();
    /// (1..=1000).for_each(|us| rtt.add(us * 1000));
    /// assert!((496..=500).contains(&rtt.up_to(500_000)));
    /// assert_eq!(rtt.up_to(u64::MAX), rtt.count());
    /// ```
    pub fn up_to(&self, ns: u64) -> u64 {
        let within = if ns >= self.max_ns { BUCKETS } else { bucket(ns.saturating_add(1)) };
        self.buckets[..within].iter().sum()
    }

    /// The mean in ns; `None` if nothing was counted.
    pub fn mean_ns(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum_ns as f64 / self.count as f64)
    }

    /// The largest in ns; `None` if nothing was counted.
    pub fn max_ns(&self) -> Option<u64> {
        (self.count > 0).then_some(self.max_ns)
    }

    /// The time in ns that `per_mille` of 1000 round trips do not exceed, at most 0.8 % too high; `None` if nothing was
    /// counted.
    ///
    /// ```
    /// let mut rtt = dpp::transaction::Rtt::default();
    /// (1..=1000).for_each(|us| rtt.add(us * 1000));
    /// let median = rtt.percentile_ns(500).unwrap();
    /// assert!((500_000..=504_000).contains(&median), "{median}");
    /// ```
    pub fn percentile_ns(&self, per_mille: u64) -> Option<u64> {
        let rank = (self.count * per_mille).div_ceil(1000).max(1);
        let mut seen = 0;
        let bucket = self.buckets.iter().position(|&count| {
            seen += count;
            seen >= rank
        })?;
        Some(last_of(bucket).min(self.max_ns))
    }
}

/// The bucket of a time: its leading bits.
#[inline]
fn bucket(ns: u64) -> usize {
    let shift = (u64::BITS - ns.leading_zeros()).saturating_sub(STEP_BITS + 1);
    ((shift as usize) * STEPS + (ns >> shift) as usize).min(BUCKETS - 1)
}

/// The largest time that falls into a bucket.
fn last_of(bucket: usize) -> u64 {
    let shift = (bucket / STEPS).saturating_sub(1);
    let lead = (bucket - shift * STEPS) as u64;
    ((lead + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_ends_where_the_next_begins_and_is_narrow() {
        for number in 0..BUCKETS - 1 {
            let last = last_of(number);
            assert_eq!(bucket(last), number);
            assert_eq!(bucket(last + 1), number + 1);
            let first = if number == 0 { 0 } else { last_of(number - 1) + 1 };
            assert!(last - first <= last / STEPS as u64, "bucket {number} is {first}..={last}");
        }
    }

    #[test]
    fn merging_halves_gives_the_whole() {
        let (mut whole, mut odd, mut even) = (Rtt::default(), Rtt::default(), Rtt::default());
        for ns in (0..100_000u64).map(|n| n * n) {
            whole.add(ns);
            if ns % 2 == 0 { even.add(ns) } else { odd.add(ns) }
        }
        odd.merge(&even);
        assert_eq!(odd, whole);
    }
}
