//! How many different keys each of many groups had: [`Several`], which is small where there are few.
//!
//! [`Distinct`](super::Distinct) takes 16 KiB once it is no longer exact, which is nothing for a client's names if there is one
//! client, and too much if there are a hundred thousand. So this keeps half of each key's hash while they take no more room than
//! 1024 registers of one octet do, and those registers beyond that.

use super::distinct::estimated;
use super::entry::{Entries, NotMine, Op};
use super::murmur::Hash;
use super::tally::{Tally, Teller, read_hex, read_number};

const LG_REGISTERS: u32 = 10;
const REGISTERS: usize = 1 << LG_REGISTERS;
/// A register has the number of leading zeros of the other bits, and one.
const VALUE_MAX: u32 = u64::BITS - LG_REGISTERS + 1;

/// Different keys of one group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Several {
    few_max: usize,
    keys: Keys,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Keys {
    /// In their order.
    Few(Vec<u64>),
    Many(Box<[u8; REGISTERS]>),
}

impl Default for Several {
    fn default() -> Self {
        Several { few_max: Several::FEW_MAX, keys: Keys::Few(Vec::new()) }
    }
}

impl Several {
    /// Up to so many keys their number is exact.
    pub const FEW_MAX: usize = REGISTERS / size_of::<u64>();

    /// None yet, which are counted one by one however many they become.
    pub fn exact() -> Self {
        Several { few_max: usize::MAX, ..Several::default() }
    }

    /// The standard error of a number that is not exact, as a share of it: 3.3 %.
    pub fn error() -> f64 {
        1.04 / (REGISTERS as f64).sqrt()
    }

    /// There was a key with this hash.
    #[inline]
    pub fn add(&mut self, hash: Hash) {
        self.add_half(hash.first);
    }

    #[inline]
    fn add_half(&mut self, half: u64) {
        match &mut self.keys {
            Keys::Many(registers) => put(registers, half),
            Keys::Few(few) => {
                if let Err(place) = few.binary_search(&half) {
                    few.insert(place, half);
                    self.settle();
                }
            }
        }
    }

    /// How many there were.
    pub fn number(&self) -> u64 {
        match &self.keys {
            Keys::Few(few) => few.len() as u64,
            Keys::Many(registers) => estimated(&registers[..]),
        }
    }

    /// How many words it takes: never more for less.
    pub fn words(&self) -> usize {
        match &self.keys {
            Keys::Few(few) => few.len(),
            Keys::Many(_) => Several::FEW_MAX,
        }
    }

    fn registers_mut(&mut self) -> &mut [u8; REGISTERS] {
        if let Keys::Few(few) = &self.keys {
            let mut registers = Box::new([0; REGISTERS]);
            few.iter().for_each(|&half| put(&mut registers, half));
            self.keys = Keys::Many(registers);
        }
        match &mut self.keys {
            Keys::Few(_) => unreachable!("they are many now"),
            Keys::Many(registers) => registers,
        }
    }
}

#[inline]
fn put(registers: &mut [u8; REGISTERS], half: u64) {
    let register = &mut registers[half as usize % REGISTERS];
    let zeros = (half | (REGISTERS as u64 - 1)).leading_zeros();
    *register = (zeros as u8 + 1).max(*register);
}

impl Tally for Several {
    fn merge(&mut self, other: &Several) {
        self.few_max = self.few_max.min(other.few_max);
        match &other.keys {
            Keys::Few(few) => few.iter().for_each(|&half| self.add_half(half)),
            Keys::Many(theirs) => {
                self.registers_mut()
                    .iter_mut()
                    .zip(&theirs[..])
                    .for_each(|(mine, theirs)| *mine = (*mine).max(*theirs));
            }
        }
        self.settle();
    }
}

/// An entry for each key, or for each register that is not empty. That of a key does not end in digits: part files would have a set, and
/// a block, for each group's few.
impl Entries for Several {
    fn tell(&self, prefix: &str, emit: &mut dyn FnMut(Op, &[u8], u64)) {
        let mut teller = Teller::new(prefix, emit);
        match &self.keys {
            Keys::Few(few) => {
                few.iter().for_each(|half| {
                    teller.tell(Op::Member, format!("k{half:016x}.").as_bytes(), 1);
                });
            }
            Keys::Many(registers) => {
                for (place, &value) in registers.iter().enumerate().filter(|(_, value)| **value > 0) {
                    teller.tell(Op::Max, format!("h{place}").as_bytes(), value.into());
                }
            }
        }
    }

    fn take(&mut self, op: Op, key: &[u8], number: u64) -> Result<(), NotMine> {
        match (op, key.split_first().ok_or(NotMine)?) {
            (Op::Member, (b'k', [hex @ .., b'.'])) => {
                self.add_half(u64::from_be_bytes(read_hex(hex)?.try_into().map_err(|_| NotMine)?));
            }
            (Op::Max, (b'h', place)) => {
                let value = u32::try_from(number).ok().filter(|value| *value <= VALUE_MAX).ok_or(NotMine)?;
                let register = self.registers_mut().get_mut(read_number::<usize>(place)?).ok_or(NotMine)?;
                *register = (value as u8).max(*register);
            }
            _ => return Err(NotMine),
        }
        Ok(())
    }

    fn settle(&mut self) {
        if matches!(&self.keys, Keys::Few(few) if few.len() > self.few_max) {
            self.registers_mut();
        }
    }
}
