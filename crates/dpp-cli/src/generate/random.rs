//! Chance, repeatable on every machine: the generator of random bits and the draws made from it.
//!
//! The surprising fact: logarithm and exponential are written out here with the four basic operations.
//! Those are exact by IEEE 754, while the mathematics library of each system rounds its own way, and a
//! capture must be the same bytes everywhere. Called by `names`, `hosts` and `traffic`.

/// A xoshiro256++ generator (Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2021):
/// 256 bits of state, a period of 2^256 - 1, about a nanosecond per draw.
#[derive(Debug, Clone)]
pub(super) struct Random {
    state: [u64; 4],
    /// The second value of the last pair that [`Random::normal`] made.
    spare_normal: Option<f64>,
}

impl Random {
    /// The generator of `seed`. Each `stream` is a sequence of its own, so that drawing more names does not
    /// change the traffic.
    pub(super) fn new(seed: u64, stream: u64) -> Self {
        let mut seeder = SplitMix { state: seed ^ mixed(stream) };
        Random { state: std::array::from_fn(|_| seeder.next()), spare_normal: None }
    }

    /// 64 random bits.
    pub(super) fn bits(&mut self) -> u64 {
        let [a, b, c, d] = self.state;
        let drawn = a.wrapping_add(d).rotate_left(23).wrapping_add(a);
        let (c, d) = (c ^ a, d ^ b);
        self.state = [a ^ d, b ^ c, c ^ (b << 17), d.rotate_left(45)];
        drawn
    }

    /// A whole number from 0 to `bound - 1`. The bias, below 2^-32 times the bound, is of no consequence.
    pub(super) fn below(&mut self, bound: u32) -> u32 {
        scaled((self.bits() >> 32) as u32, bound)
    }

    /// A whole number from 0 to `bound - 1`, for bounds beyond 32 bits.
    pub(super) fn below_wide(&mut self, bound: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(bound)) >> 64) as u64
    }

    /// A number above 0 and up to 1, in steps of 2^-53.
    pub(super) fn unit(&mut self) -> f64 {
        ((self.bits() >> 11) + 1) as f64 * UNIT_STEP
    }

    /// The waiting time until the next of many independent events, in units of its mean.
    pub(super) fn exponential(&mut self) -> f64 {
        -ln(self.unit())
    }

    /// A draw from the standard normal distribution, by Marsaglia's polar method: a point is drawn in the
    /// unit disc and gives two independent values, one of which is kept for the next call.
    pub(super) fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare_normal.take() {
            return spare;
        }
        loop {
            let (x, y) = (2.0 * self.unit() - 1.0, 2.0 * self.unit() - 1.0);
            let square = x * x + y * y;
            if square > 0.0 && square < 1.0 {
                let scale = (-2.0 * ln(square) / square).sqrt();
                self.spare_normal = Some(y * scale);
                return x * scale;
            }
        }
    }
}

const UNIT_STEP: f64 = 1.0 / (1u64 << 53) as f64;

/// `bits * bound / 2^32`: 32 random bits spread evenly over 0 to `bound - 1`.
fn scaled(bits: u32, bound: u32) -> u32 {
    ((u64::from(bits) * u64::from(bound)) >> 32) as u32
}

/// How often something happens: a probability, compared exactly, so that 0 is never and 1 is always.
#[derive(Debug, Clone, Copy)]
pub(super) struct Share {
    /// Of 2^53 equally likely draws, how many mean yes.
    yes: u64,
}

impl Share {
    /// A share between 0 and 1.
    pub(super) fn new(share: f64) -> Self {
        Share { yes: (share * (1u64 << 53) as f64) as u64 }
    }

    /// Whether it happens this time.
    pub(super) fn happens(self, random: &mut Random) -> bool {
        random.bits() >> 11 < self.yes
    }
}

/// A choice among weighted alternatives in constant time: the alias method of Walker and Vose.
///
/// Each alternative owns a column of equal area; what it does not fill with its own weight is filled by one
/// other alternative. A draw picks a column and then one of its two owners.
#[derive(Debug, Clone)]
pub(super) struct Choice {
    columns: Vec<Column>,
}

#[derive(Debug, Clone, Copy)]
struct Column {
    /// Of 2^32 equally likely draws in this column, how many stay with its owner.
    stay: u32,
    /// Who takes the others.
    other: u32,
}

impl Choice {
    /// The choice among `0..weights.len()`. Weights are finite, not negative, and not all 0.
    pub(super) fn new(weights: &[f64]) -> Self {
        let total: f64 = weights.iter().sum();
        let mut fill: Vec<f64> = weights.iter().map(|weight| weight / total * weights.len() as f64).collect();
        let (mut scarce, mut ample): (Vec<usize>, Vec<usize>) =
            (0..weights.len()).partition(|&owner| fill[owner] < 1.0);
        // A column that no loop below touches is full: it stays with its owner whatever is drawn.
        let mut columns: Vec<Column> =
            (0..weights.len()).map(|owner| Column { stay: u32::MAX, other: owner as u32 }).collect();
        while let (Some(&giver), Some(taker)) = (ample.last(), scarce.pop()) {
            columns[taker] = Column { stay: (fill[taker] * (1u64 << 32) as f64) as u32, other: giver as u32 };
            fill[giver] -= 1.0 - fill[taker];
            if fill[giver] < 1.0 {
                scarce.extend(ample.pop());
            }
        }
        Choice { columns }
    }

    /// The choice among `count` alternatives where the one of rank k weighs k to the power of `-exponent`.
    pub(super) fn zipf(count: u32, exponent: f64) -> Self {
        Choice::new(&zipf_weights(count, exponent))
    }

    /// One of the alternatives, by weight.
    pub(super) fn draw(&self, random: &mut Random) -> usize {
        let bits = random.bits();
        let picked = scaled((bits >> 32) as u32, self.columns.len() as u32) as usize;
        let column = self.columns[picked];
        if (bits as u32) < column.stay { picked } else { column.other as usize }
    }
}

/// The weights 1, 2^-s, 3^-s, ... of Zipf's law with exponent s.
pub(super) fn zipf_weights(count: u32, exponent: f64) -> Vec<f64> {
    (1..=count).map(|rank| exp(-exponent * ln(f64::from(rank)))).collect()
}

/// SplitMix64 (Steele, Lea and Flood, 2014): turns one word of seed into as many as needed.
struct SplitMix {
    state: u64,
}

impl SplitMix {
    fn next(&mut self) -> u64 {
        let drawn = mixed(self.state);
        self.state = self.state.wrapping_add(GOLDEN);
        drawn
    }
}

/// 2^64 divided by the golden ratio, made odd.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The word SplitMix64 gives in state `word`: every bit of it depends on every bit of `word`.
pub(super) fn mixed(word: u64) -> u64 {
    let word = word.wrapping_add(GOLDEN);
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// The natural logarithm of a positive normal number, to about 2^-51 relative.
///
/// x = m 2^e with m between sqrt(1/2) and sqrt(2); ln m = 2 artanh((m - 1) / (m + 1)), by its series.
pub(super) fn ln(x: f64) -> f64 {
    let bits = x.to_bits();
    let mut power = (bits >> 52) as i32 - 1023;
    let mut mantissa = f64::from_bits(bits & 0x000f_ffff_ffff_ffff | 0x3ff0_0000_0000_0000);
    if mantissa > std::f64::consts::SQRT_2 {
        mantissa *= 0.5;
        power += 1;
    }
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let square = s * s;
    let series = ARTANH.iter().rev().fold(0.0, |sum, term| sum * square + term);
    2.0 * s * series + f64::from(power) * std::f64::consts::LN_2
}

const ARTANH: [f64; 10] = [
    1.0,
    1.0 / 3.0,
    1.0 / 5.0,
    1.0 / 7.0,
    1.0 / 9.0,
    1.0 / 11.0,
    1.0 / 13.0,
    1.0 / 15.0,
    1.0 / 17.0,
    1.0 / 19.0,
];

/// e to the power of `x`, to about 2^-50 relative; `x` is held between -700 and 700.
///
/// x = k ln 2 + r with r at most half of ln 2; e^r by its series, 2^k by the exponent's bits.
pub(super) fn exp(x: f64) -> f64 {
    let x = x.clamp(-700.0, 700.0);
    let power = (x * std::f64::consts::LOG2_E + 0.5).floor();
    let rest = x - power * std::f64::consts::LN_2;
    let series = (1..=13).rev().fold(1.0, |sum, k| 1.0 + sum * rest * RECIPROCAL[k]);
    series * f64::from_bits(((power as i64 + 1023) as u64) << 52)
}

/// 1/k at index k.
const RECIPROCAL: [f64; 14] = [
    0.0,
    1.0,
    1.0 / 2.0,
    1.0 / 3.0,
    1.0 / 4.0,
    1.0 / 5.0,
    1.0 / 6.0,
    1.0 / 7.0,
    1.0 / 8.0,
    1.0 / 9.0,
    1.0 / 10.0,
    1.0 / 11.0,
    1.0 / 12.0,
    1.0 / 13.0,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xoshiro_gives_its_authors_first_words() {
        let mut random = Random { state: [1, 2, 3, 4], spare_normal: None };
        let words: Vec<u64> = (0..4).map(|_| random.bits()).collect();
        assert_eq!(words, [41943041, 58720359, 3588806011781223, 3591011842654386]);
    }

    #[test]
    fn splitmix_gives_its_known_first_words() {
        let mut seeder = SplitMix { state: 1234567 };
        assert_eq!([seeder.next(), seeder.next()], [6457827717110365317, 3203168211198807973]);
    }

    #[test]
    fn streams_of_one_seed_differ() {
        assert_ne!(Random::new(1, 0).bits(), Random::new(1, 1).bits());
    }

    #[test]
    fn logarithm_and_exponential_agree_with_the_library_to_twelve_digits() {
        for step in 1..2000 {
            let x = f64::from(step) * 0.037;
            assert!((ln(x) - x.ln()).abs() <= 1e-12 * x.ln().abs().max(1.0), "ln {x}");
            let y = x - 37.0;
            assert!((exp(y) / y.exp() - 1.0).abs() <= 1e-12, "exp {y}");
        }
        assert!((ln(1e-300) - 1e-300f64.ln()).abs() < 1e-9);
    }

    #[test]
    fn choice_follows_its_weights_and_never_takes_a_weightless_one() {
        let choice = Choice::new(&[1.0, 0.0, 3.0, 6.0]);
        let mut random = Random::new(7, 0);
        let mut taken = [0u32; 4];
        (0..100_000).for_each(|_| taken[choice.draw(&mut random)] += 1);
        assert_eq!(taken[1], 0);
        for (count, expected) in taken.into_iter().zip([10_000.0, 0.0, 30_000.0, 60_000.0]) {
            assert!((f64::from(count) - expected).abs() < 600.0, "{taken:?}");
        }
    }

    #[test]
    fn share_zero_never_happens_and_share_one_always() {
        let mut random = Random::new(3, 0);
        assert!((0..10_000).all(|_| !Share::new(0.0).happens(&mut random)));
        assert!((0..10_000).all(|_| Share::new(1.0).happens(&mut random)));
    }

    #[test]
    fn normal_and_exponential_draws_have_their_moments() {
        let mut random = Random::new(11, 0);
        let normal: Vec<f64> = (0..100_000).map(|_| random.normal()).collect();
        let mean = normal.iter().sum::<f64>() / 1e5;
        let variance = normal.iter().map(|value| value * value).sum::<f64>() / 1e5;
        let waiting = (0..100_000).map(|_| random.exponential()).sum::<f64>() / 1e5;
        assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.02 && (waiting - 1.0).abs() < 0.02);
    }
}
