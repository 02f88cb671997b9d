//! Some of very many: [`Sample`], a fair draw of occurrences, from which anything can be estimated that was not counted.
//!
//! Each occurrence brings a random number, its *rank*, and those of the smallest ranks are the sample. So each is as likely in
//! it as any other, whichever way they came together. Occurrences that are alike in everything, their rank too, are one element
//! with a count. Whoever has a hundredth of the traffic has a hundredth of the sample.

use super::entry::{Entries, NotMine, Op};
use super::keyed::Keyed;
use super::tally::{Tally, Teller, read_hex};
use crate::limits::SAMPLE_MAX;

/// Occurrences of keys with a number each, drawn by lot.
#[derive(Clone)]
pub struct Sample {
    /// Rank, number and key of each, in this order, and how often it came; some more than are in the sample.
    elements: Keyed<u64>,
    /// Elements of larger ranks are none of it.
    rank_max: u64,
}

impl Default for Sample {
    fn default() -> Self {
        Sample { elements: Keyed::default(), rank_max: u64::MAX }
    }
}

/// What an occurrence was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Drawn<'a> {
    /// Its key.
    pub key: &'a [u8],
    /// Its number.
    pub number: u64,
    /// How often it came.
    pub count: u64,
}

const HEADER: usize = 16;

impl Sample {
    /// A key came, with a number. `rank` is random, and the same for the same occurrence wherever it is counted.
    #[inline]
    pub fn add(&mut self, rank: u64, key: &[u8], number: u64) {
        if rank <= self.rank_max {
            self.add_for_now(rank, key, number);
        }
    }

    #[cold]
    fn add_for_now(&mut self, rank: u64, key: &[u8], number: u64) {
        let element = [&rank.to_be_bytes()[..], &number.to_be_bytes()[..], key].concat();
        self.add_element(&element, 1);
    }

    fn add_element(&mut self, element: &[u8], count: u64) {
        let number = self.elements.number_or(element, || 0);
        let mine = self.elements.value_mut(number);
        *mine = mine.saturating_add(count);
        if self.elements.len() >= 2 * SAMPLE_MAX {
            self.prune();
        }
    }

    /// Forgets what cannot be in the sample any more.
    fn prune(&mut self) {
        let (mut elements, mut rank_max) = (Keyed::default(), self.rank_max);
        for (element, count) in self.elements() {
            elements.number_or(element, || count);
            rank_max = rank(element);
        }
        (self.elements, self.rank_max) = (elements, rank_max);
    }

    /// The sample, in the order of ranks.
    fn elements(&self) -> Vec<(&[u8], u64)> {
        let mut all: Vec<(&[u8], u64)> =
            self.elements.iter().map(|(element, count)| (element, *count)).collect();
        if all.len() > SAMPLE_MAX {
            all.select_nth_unstable(SAMPLE_MAX);
            all.truncate(SAMPLE_MAX);
        }
        all.sort_unstable();
        all
    }

    /// What was drawn, key by key, and by number for each.
    pub fn drawn(&self) -> Vec<Drawn<'_>> {
        let mut all: Vec<Drawn> = self.elements().into_iter().map(drawn).collect();
        all.sort_unstable();
        all
    }

    /// Whether everything was drawn.
    pub fn is_whole(&self) -> bool {
        self.rank_max == u64::MAX && self.elements.len() <= SAMPLE_MAX
    }
}

fn drawn((element, count): (&[u8], u64)) -> Drawn<'_> {
    let (number, key) = element[8..].split_first_chunk().expect("each begins with rank and number");
    Drawn { key, number: u64::from_be_bytes(*number), count }
}

/// The rank of an element.
fn rank(element: &[u8]) -> u64 {
    u64::from_be_bytes(*element.first_chunk().expect("each begins with its rank"))
}

impl PartialEq for Sample {
    fn eq(&self, other: &Self) -> bool {
        self.elements() == other.elements()
    }
}

impl std::fmt::Debug for Sample {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.drawn()).finish()
    }
}

impl Tally for Sample {
    fn merge(&mut self, other: &Sample) {
        for (element, count) in other.elements.iter() {
            if rank(element) <= self.rank_max {
                self.add_element(element, *count);
            }
        }
    }
}

impl Entries for Sample {
    fn tell(&self, prefix: &str, emit: &mut dyn FnMut(Op, &[u8], u64)) {
        let mut teller = Teller::new(prefix, emit);
        for (element, count) in self.elements() {
            teller.tell_bytes(Op::Sum, b'd', element, count);
        }
    }

    fn take(&mut self, op: Op, key: &[u8], number: u64) -> Result<(), NotMine> {
        let (Op::Sum, Some((b'd', hex))) = (op, key.split_first()) else { return Err(NotMine) };
        let element = read_hex(hex)?;
        if element.len() < HEADER || number == 0 {
            return Err(NotMine);
        }
        if rank(&element) <= self.rank_max {
            self.add_element(&element, number);
        }
        Ok(())
    }
}
