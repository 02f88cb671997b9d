//! How many different keys there were: [`Distinct`], exact as long as they are not too many, and [`Registers`] beyond that.
//!
//! [`Registers`] are a HyperLogLog: each key falls to one of 2^14 registers by its hash, which keeps how rare the rarest of its
//! hashes was. Merging takes the larger of two, so the state depends on the set of keys alone. Their form is that of Apache
//! DataSketches (`HLL_8`), which other programs read; its flag *out of order* says that no estimate is in it that would depend
//! on the order. Our own estimate is that of O. Ertl, "New cardinality estimation algorithms for HyperLogLog sketches" (2017),
//! section 3: no tables, and only arithmetic that is the same on every machine.
//!
//! A key is known by 128 bits of hash. Keys of equal hashes are one; only who looks for them finds any, and makes the number
//! too small.

use super::entry::{Entries, NotMine, Op};
use super::murmur::Hash;
use super::tally::{Tally, Teller, read_hex, read_number};
use crate::limits::HLL_LG_REGISTERS;
use std::collections::{BTreeMap, HashSet};

const REGISTERS: usize = 1 << HLL_LG_REGISTERS;

/// DataSketches counts no more leading zeros than these; one more is the value of a register.
const ZEROS_MAX: u32 = 62;
const VALUE_MAX: usize = ZEROS_MAX as usize + 1;

/// A number of different keys.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Number {
    /// So many, rounded.
    pub keys: u64,
    /// The standard error as a share of it; 0 if it is exact.
    pub error: f64,
}

/// Which keys there were, as far as their number needs it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registers {
    /// Those that are not empty, while they are few: of many sets most have few keys.
    few: BTreeMap<u16, u8>,
    /// All of them, once they are more.
    all: Vec<u8>,
}

impl Registers {
    /// So many that are not empty are few: by then they take as much memory as all.
    const FEW: usize = REGISTERS / 16;

    /// The standard error of [`Registers::number`], as a share of it: 0.8 %.
    pub fn error() -> f64 {
        1.04 / (REGISTERS as f64).sqrt()
    }

    /// A key with this hash was there.
    #[inline]
    pub fn add(&mut self, hash: Hash) {
        let value = (hash.second.leading_zeros().min(ZEROS_MAX) + 1) as u8;
        self.raise((hash.first as usize % REGISTERS) as u16, value);
    }

    /// Raises a register to this value, if it is less.
    #[inline]
    fn raise(&mut self, place: u16, value: u8) {
        match self.all.get_mut(usize::from(place)) {
            Some(register) if *register < value => *register = value,
            Some(_) => {}
            None => self.raise_of_few(place, value),
        }
    }

    #[cold]
    fn raise_of_few(&mut self, place: u16, value: u8) {
        let register = self.few.entry(place).or_default();
        *register = value.max(*register);
        if self.few.len() > Registers::FEW {
            self.all = self.to_array();
            self.few.clear();
        }
    }

    /// The registers that are not empty, in order, and their values.
    pub(super) fn values(&self) -> impl Iterator<Item = (u16, u8)> + '_ {
        let all = (0..).zip(self.all.iter().copied()).filter(|(_, value)| *value > 0);
        all.chain(self.few.iter().map(|(&place, &value)| (place, value)))
    }

    fn to_array(&self) -> Vec<u8> {
        let mut array = vec![0; REGISTERS];
        self.values().for_each(|(place, value)| array[usize::from(place)] = value);
        array
    }

    /// So many different keys there were, about.
    pub fn number(&self) -> u64 {
        estimated(&self.to_array())
    }

    /// As Apache DataSketches writes them: a sketch of type HLL_8 that is out of order.
    pub fn to_datasketches(&self) -> Vec<u8> {
        let (version, family) = (1, 7);
        let power = HLL_LG_REGISTERS as u8;
        let array = self.to_array();
        let zeros = array.iter().filter(|value| **value == 0).count();
        if zeros == REGISTERS {
            let (empty_and_compact, list_of_hll_8) = (4 | 8, 2 << 2);
            return vec![2, version, family, power, 3, empty_and_compact, 0, list_of_hll_8];
        }
        let (out_of_order, hll_8) = (16, 2 | 2 << 2);
        let powers = |values: std::ops::Range<u8>| {
            let inside = array.iter().filter(|value| values.contains(value));
            // Exact, in any order; but the sum of none would be -0.
            inside.map(|&value| 1.0 / (1_u64 << value) as f64).fold(0.0, |sum: f64, power| sum + power)
        };
        let mut bytes = vec![10, version, family, power, 0, out_of_order, 0, hll_8];
        bytes.extend(0_f64.to_le_bytes());
        bytes.extend(powers(0..32).to_le_bytes());
        bytes.extend(powers(32..64).to_le_bytes());
        bytes.extend((zeros as u32).to_le_bytes());
        bytes.extend(0_u32.to_le_bytes());
        bytes.extend_from_slice(&array);
        bytes
    }

    /// Takes the entry of a register.
    pub(super) fn take_register(&mut self, place: &[u8], value: u64) -> Result<(), NotMine> {
        self.take_value(read_number(place)?, value)
    }

    /// Takes the value of the register at this place.
    pub(super) fn take_value(&mut self, place: u16, value: u64) -> Result<(), NotMine> {
        let value = u8::try_from(value).ok().filter(|value| (1..=VALUE_MAX).contains(&usize::from(*value)));
        match usize::from(place) < REGISTERS {
            true => self.raise(place, value.ok_or(NotMine)?),
            false => return Err(NotMine),
        }
        Ok(())
    }

    /// Tells the registers that are not empty.
    pub(super) fn tell_registers(&self, teller: &mut Teller) {
        let entries = self.values();
        entries.for_each(|(place, value)| teller.tell(Op::Max, format!("h{place}").as_bytes(), value.into()));
    }

    /// Adds another's keys.
    pub fn merge(&mut self, other: &Registers) {
        other.values().for_each(|(place, value)| self.raise(place, value));
    }
}

/// So many different keys there were, about, of which these are the registers.
pub(super) fn estimated(registers: &[u8]) -> u64 {
    let mut with = [0.0; VALUE_MAX + 1];
    registers.iter().for_each(|&value| with[usize::from(value)] += 1.0);
    let all = registers.len() as f64;
    let mut sum = all * tau(1.0 - with[VALUE_MAX] / all);
    with[1..VALUE_MAX].iter().rev().for_each(|&number| sum = 0.5 * (sum + number));
    sum += all * sigma(with[0] / all);
    (all * all / (2.0 * std::f64::consts::LN_2 * sum)).round() as u64
}

/// x + x^2 + 2 x^4 + 4 x^8 and so on: what registers that are empty stand for.
fn sigma(x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut x, mut sum, mut factor) = (x, x, 1.0);
    loop {
        x *= x;
        let before = sum;
        sum += x * factor;
        factor += factor;
        if sum == before {
            return sum;
        }
    }
}

/// What registers that are full stand for: a third of 1 - x - (1 - x^(1/2))^2 / 2 - (1 - x^(1/4))^2 / 4 and so on.
fn tau(x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut x, mut sum, mut factor) = (x, 1.0 - x, 1.0);
    loop {
        x = x.sqrt();
        let before = sum;
        factor *= 0.5;
        sum -= (1.0 - x) * (1.0 - x) * factor;
        if sum == before {
            return sum / 3.0;
        }
    }
}

/// Different keys.
#[derive(Clone, Debug, PartialEq)]
pub struct Distinct {
    keys_max: u64,
    keys: Keys,
}

#[derive(Clone, Debug, PartialEq)]
enum Keys {
    Few(HashSet<Hash>),
    Many(Registers),
}

impl Distinct {
    /// None yet. Up to `keys_max` different ones they are counted exactly.
    pub fn new(keys_max: u64) -> Self {
        Distinct { keys_max, keys: Keys::Few(HashSet::new()) }
    }

    /// There was a key with this hash.
    #[inline]
    pub fn add(&mut self, hash: Hash) {
        match &mut self.keys {
            Keys::Few(few) => {
                if few.insert(hash) {
                    self.settle();
                }
            }
            Keys::Many(registers) => registers.add(hash),
        }
    }

    /// How many there were.
    pub fn number(&self) -> Number {
        match &self.keys {
            Keys::Few(few) => Number { keys: few.len() as u64, error: 0.0 },
            Keys::Many(registers) => Number { keys: registers.number(), error: Registers::error() },
        }
    }

    /// What other programs read: see [`Registers::to_datasketches`].
    pub fn registers(&self) -> Registers {
        match &self.keys {
            Keys::Few(few) => registers_of(few),
            Keys::Many(registers) => registers.clone(),
        }
    }

    fn registers_mut(&mut self) -> &mut Registers {
        if let Keys::Few(few) = &self.keys {
            self.keys = Keys::Many(registers_of(few));
        }
        match &mut self.keys {
            Keys::Few(_) => unreachable!("they are many now"),
            Keys::Many(registers) => registers,
        }
    }
}

fn registers_of(hashes: &HashSet<Hash>) -> Registers {
    let mut registers = Registers::default();
    // The larger of values is the same in any order.
    hashes.iter().for_each(|hash| registers.add(*hash));
    registers
}

impl Tally for Distinct {
    fn merge(&mut self, other: &Distinct) {
        self.keys_max = self.keys_max.min(other.keys_max);
        match &other.keys {
            Keys::Few(few) => few.iter().for_each(|hash| self.add(*hash)),
            Keys::Many(registers) => self.registers_mut().merge(registers),
        }
        self.settle();
    }
}

impl Entries for Distinct {
    fn tell(&self, prefix: &str, emit: &mut dyn FnMut(Op, &[u8], u64)) {
        let mut teller = Teller::new(prefix, emit);
        teller.tell(Op::Min, b"m", self.keys_max);
        match &self.keys {
            Keys::Few(few) => few.iter().for_each(|hash| {
                let both = u128::from(hash.first) << 64 | u128::from(hash.second);
                teller.tell_bytes(Op::Member, b'k', &both.to_be_bytes(), 1);
            }),
            Keys::Many(registers) => registers.tell_registers(&mut teller),
        }
    }

    fn take(&mut self, op: Op, key: &[u8], number: u64) -> Result<(), NotMine> {
        match (op, key.split_first().ok_or(NotMine)?) {
            (Op::Min, (b'm', [])) => self.keys_max = self.keys_max.min(number),
            (Op::Max, (b'h', place)) => self.registers_mut().take_register(place, number)?,
            (Op::Member, (b'k', hex)) => {
                let both = u128::from_be_bytes(read_hex(hex)?.try_into().map_err(|_| NotMine)?);
                let hash = Hash { first: (both >> 64) as u64, second: both as u64 };
                match &mut self.keys {
                    Keys::Few(few) => _ = few.insert(hash),
                    Keys::Many(registers) => registers.add(hash),
                }
            }
            _ => return Err(NotMine),
        }
        Ok(())
    }

    fn settle(&mut self) {
        if matches!(&self.keys, Keys::Few(few) if few.len() as u64 > self.keys_max) {
            self.registers_mut();
        }
    }
}
