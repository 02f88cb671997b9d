//! What a column said of its [bases](super::bases), by their numbers.

use super::bases::Bases;
use super::column::Page;
use dpp::table::{Batch, Context, Field, Scratch, Value};
use dpp::transaction::Transaction;

/// What a column said of the bases of a row group.
#[derive(Default)]
pub(super) struct Memo {
    /// A number as it is kept; of a text, its number in the dictionary. Anything of a basis of which it says nothing.
    said: Vec<i64>,
    /// 1, or 0 of a basis of which it says nothing.
    is_there: Vec<u8>,
    /// Whether there is such a one.
    has_gaps: bool,
    /// What it said first, and whether it said anything else.
    first: Option<i64>,
    varies: bool,
    /// Room for the numbers of a turn.
    turn: Vec<i64>,
}

/// What a column says of a turn.
struct Spread {
    /// What it says of all rows of which it says something, if that is the same.
    alike: Option<i64>,
    /// Whether it may be that it says nothing of some.
    has_gaps: bool,
}

/// More different bases are not looked through before the rows are.
const FEW: usize = 48;

impl Memo {
    /// Asks about bases that are new. What it does not learn, because the dictionary of texts is full, it never learns.
    pub(super) fn learn(
        &mut self,
        rows: &[Transaction],
        bases: &Bases,
        field: &Field,
        page: &mut Page,
        (context, scratch, batch): (&Context, &mut Scratch, &mut Batch),
    ) {
        for &row in bases.fresh() {
            let zero = page.zero();
            let said = if field.fill(&rows[row..=row], context, scratch, batch) {
                batch.numbers().first().copied().or(zero.map(|zero| zero.bits(field.kind())))
            } else {
                let value = match field.value(&rows[row], context, scratch) {
                    Value::Null => zero,
                    value => Some(value),
                };
                match value.map(|value| page.values.code(value)) {
                    Some(None) => return,
                    said => said.flatten().map(i64::from),
                }
            };
            self.push(said);
        }
    }

    fn push(&mut self, said: Option<i64>) {
        self.said.push(said.unwrap_or_default());
        self.is_there.push(said.is_some().into());
        self.has_gaps |= said.is_none();
        self.first = self.first.or(said);
        self.varies |= said.is_some() && said != self.first;
    }

    /// Puts into the page what was said of the bases of a turn, if all of them are known. Gives whether they are.
    pub(super) fn recall(&mut self, bases: &Bases, page: &mut Page) -> bool {
        let Some(numbers) = bases.numbers().filter(|_| self.said.len() == bases.len()) else { return false };
        let Spread { alike, has_gaps } = self.spread(bases.distinct());
        let Memo { said, is_there, turn, .. } = self;
        let levels = || numbers.iter().map(|&number| is_there[number as usize]);
        let values = numbers.iter().map(|&number| said[number as usize]);
        let count = match has_gaps {
            false => page.take_present(numbers.len()),
            true => page.take_levels(levels()),
        };
        if let Some(alike) = alike {
            page.values.take_number_often(alike, count);
            return true;
        }
        turn.clear();
        match has_gaps {
            false => turn.extend(values),
            true => turn.extend(values.zip(levels()).filter(|said| said.1 == 1).map(|said| said.0)),
        }
        page.values.take_numbers(turn);
        true
    }

    /// How what was said of the bases of a turn differs. Of most columns it is the same of all, or nearly all, and there are far
    /// fewer bases than rows.
    fn spread(&self, bases: &[u32]) -> Spread {
        if !self.varies {
            return Spread { alike: Some(self.first.unwrap_or_default()), has_gaps: self.has_gaps };
        }
        if bases.len() > FEW {
            return Spread { alike: None, has_gaps: self.has_gaps };
        }
        let there = || bases.iter().filter(|&&base| self.is_there[base as usize] == 1);
        let first = there().next().map_or(0, |&base| self.said[base as usize]);
        let differs = |differs, &base: &u32| differs | (self.said[base as usize] ^ first);
        Spread {
            alike: (there().fold(0, differs) == 0).then_some(first),
            has_gaps: there().count() < bases.len(),
        }
    }

    /// Forgets the group.
    pub(super) fn forget(&mut self) {
        let turn = std::mem::take(&mut self.turn);
        *self = Memo { turn, ..Memo::default() };
    }
}
