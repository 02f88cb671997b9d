//! A column on its way into pages and column chunks: one leaf, or for records five.
//!
//! A list is told by two numbers for each entry, its levels. `vlan` of four rows:
//!
//! ```text
//!  row         entry   repetition  definition
//!  NULL        -       0           0           (no list)
//!  []          -       0           1           (a list, and no element)
//!  [7, 8]      7       0           2
//!              8       1           2           (goes on with the list)
//! ```
//! A list that is always there has no first definition level. A column that is always there has neither.

use super::bases::Bases;
use super::chunk::{Chunk, Closed, DataPage};
use super::memo::Memo;
use super::tools::Tools;
use super::values::{Extras, Values};
use super::{PAGE_BYTES, Settings, lock};
use dpp::table::{Basis, Batch, Context, Field, Kind, Records, Scratch, Told, Value};
use dpp::transaction::Transaction;
use parquet::errors::Result;
use parquet::schema::types::ColumnDescPtr;
use std::ops::Range;
use std::sync::{Arc, Mutex};

/// A field of the table and its leaves.
pub(super) struct Column {
    field: Field,
    shape: Shape,
    /// Its leaves' numbers begin here.
    first_leaf: usize,
    /// What it said of its bases, if it has some.
    memo: Option<Memo>,
}

/// The rows of a turn, and what is known of them.
pub(super) struct Turn<'t, 'a> {
    pub(super) rows: &'t [Transaction<'a>],
    /// They tell of no more than this.
    pub(super) told: Told,
    /// What columns of the lane are made of.
    pub(super) bases: &'t [Bases],
}

/// More than an entry takes of a page, if its value stands in the dictionary.
const ENTRY_ROOM: usize = 16;

/// Which leaves a column has.
pub(super) enum Shape {
    /// One, with at most one value a row.
    Flat(Box<Leaf>),
    /// One, with any number.
    List(Box<Leaf>),
    /// Name, type, class, ttl and data of records.
    Records(Box<[Leaf; 5]>),
}

/// How many leaves a column of this kind has.
pub(super) fn leaves_of(kind: Kind) -> usize {
    if kind == Kind::Records { 5 } else { 1 }
}

/// Whether a row may have values without number or of any length.
fn is_bulky(kind: Kind) -> bool {
    matches!(kind, Kind::Text | Kind::Bytes | Kind::Numbers | Kind::Texts | Kind::Records)
}

impl Column {
    /// A column whose leaves begin with the first of these.
    pub(super) fn new(
        field: Field,
        is_nullable: bool,
        first_leaf: usize,
        leaves: &[ColumnDescPtr],
        settings: &Settings,
        shared: &Arc<Mutex<Tools>>,
    ) -> Result<Self> {
        let has_bloom = settings.bloom.iter().any(|name| *name == field.name);
        let leaves = &leaves[first_leaf..];
        let shape = Shape::new(field.kind(), is_nullable, has_bloom, leaves, settings, shared)?;
        let memo = field.column.basis().map(|_| Memo::default());
        Ok(Column { field, shape, first_leaf, memo })
    }

    /// Takes rows.
    pub(super) fn fill<'a>(
        &mut self,
        rows: impl ExactSizeIterator<Item = Transaction<'a>>,
        context: &Context,
        scratch: &mut Scratch,
    ) -> Result<()> {
        if is_bulky(self.field.kind()) {
            let mut done = Ok(());
            let Column { field, shape, .. } = self;
            field.for_each_value(rows, context, scratch, |value| {
                if done.is_ok() {
                    done = shape.take(value);
                }
            });
            return done;
        }
        match &mut self.shape {
            Shape::Flat(leaf) => leaf.fill(rows, &self.field, context, scratch),
            _ => unreachable!("lists are bulky"),
        }
        Ok(())
    }

    /// What it is made of, if that comes again and again.
    pub(super) fn basis(&self) -> Option<Basis> {
        self.field.column.basis()
    }

    /// Takes the rows of a turn.
    pub(super) fn fill_turn(
        &mut self,
        turn: &Turn,
        context: &Context,
        scratch: &mut Scratch,
        batch: &mut Batch,
    ) -> Result<()> {
        let Column { field, shape, memo, .. } = self;
        let &Turn { rows, told, bases } = turn;
        if let (Some(memo), Shape::Flat(leaf)) = (memo, &mut *shape)
            && let Some(bases) = bases.iter().find(|bases| Some(bases.basis()) == field.column.basis())
        {
            memo.learn(rows, bases, field, &mut leaf.page, (context, scratch, batch));
            if memo.recall(bases, &mut leaf.page) {
                return Ok(());
            }
        }
        let absent = field.absent.value(field.kind());
        if told.lacks(field.column, context) && shape.take_alike(absent, rows.len()) {
            return Ok(());
        }
        if told.is_alike(field.column)
            && let Some(row) = rows.first()
            && shape.take_alike(field.value(row, context, scratch), rows.len())
        {
            return Ok(());
        }
        if let Shape::Flat(leaf) = shape
            && field.fill(rows, context, scratch, batch)
        {
            leaf.page.take_batch(batch);
            return Ok(());
        }
        self.fill(rows.iter().copied(), context, scratch)
    }

    /// Ends the pages.
    pub(super) fn end_page(&mut self) -> Result<()> {
        self.shape.end_page()
    }

    /// Closes the chunks and starts new ones. Hands each over with the number of its leaf.
    pub(super) fn close(&mut self, take: impl FnMut(usize, Closed)) -> Result<()> {
        self.memo.iter_mut().for_each(Memo::forget);
        self.shape.close(self.first_leaf, take)
    }
}

impl Shape {
    /// The shape of a column of this kind, which has the first of these leaves. What a codec remembers may show in what it
    /// does next, so only columns share one whose pages end in the same rows: their order does not depend on cuts.
    pub(super) fn new(
        kind: Kind,
        is_nullable: bool,
        has_bloom: bool,
        leaves: &[ColumnDescPtr],
        settings: &Settings,
        shared: &Arc<Mutex<Tools>>,
    ) -> Result<Self> {
        let zero = Value::zero(kind);
        let leaf = |index: usize, values| -> Result<Leaf> {
            let descriptor = &leaves[index];
            let page = Page::new(descriptor, values, zero, is_nullable);
            let tools = match is_bulky(kind) {
                true => Arc::new(Mutex::new(Tools::new(settings.compression)?)),
                false => Arc::clone(shared),
            };
            let chunk = Chunk::new(ColumnDescPtr::clone(descriptor), settings);
            let extras = Extras { has_index: settings.page_index, has_bloom, bloom: None };
            Ok(Leaf { page, chunk, extras, tools })
        };
        let text = || Values::of_element(Kind::Text);
        Ok(match kind {
            Kind::Numbers => Shape::List(Box::new(leaf(0, Values::of_element(Kind::U16))?)),
            Kind::Texts => Shape::List(Box::new(leaf(0, text())?)),
            Kind::Records => {
                let ttl = Values::of_element(Kind::U32);
                let leaves =
                    [leaf(0, text())?, leaf(1, text())?, leaf(2, text())?, leaf(3, ttl)?, leaf(4, text())?];
                Shape::Records(Box::new(leaves))
            }
            kind => Shape::Flat(Box::new(leaf(0, Values::of(kind))?)),
        })
    }

    fn leaves(&mut self) -> impl Iterator<Item = &mut Leaf> {
        match self {
            Shape::Flat(leaf) | Shape::List(leaf) => std::slice::from_mut(&mut **leaf).iter_mut(),
            Shape::Records(leaves) => leaves.iter_mut(),
        }
    }

    /// Ends the pages.
    pub(super) fn end_page(&mut self) -> Result<()> {
        self.leaves().try_for_each(Leaf::end_page)
    }

    /// Closes the chunks and starts new ones. Hands each over with the number of its leaf.
    pub(super) fn close(&mut self, first_leaf: usize, mut take: impl FnMut(usize, Closed)) -> Result<()> {
        for (index, leaf) in self.leaves().enumerate() {
            take(first_leaf + index, leaf.close()?);
        }
        Ok(())
    }

    /// Takes so many rows of the same value at once, if that is possible: there must be levels to say that there is none, and no
    /// page may get so long that it ends before the last of them. Gives whether it was.
    fn take_alike(&mut self, value: Value, rows: usize) -> bool {
        let is_null = matches!(value, Value::Null);
        let is_possible = match self {
            Shape::Flat(_) => true,
            _ => is_null,
        };
        // It does not stand in the dictionary if that is full.
        let room =
            ENTRY_ROOM + if let Value::Word(text) | Value::Text(text) = value { text.len() } else { 0 };
        let has_room = |leaf: &mut Leaf| {
            (!is_null || leaf.page.is_nullable()) && leaf.page.size() + rows * room < PAGE_BYTES
        };
        let is_possible = is_possible && self.leaves().all(has_room);
        if is_possible {
            self.leaves().for_each(|leaf| match value {
                Value::Null => leaf.page.take_absent(rows),
                value => leaf.page.take_often(value, rows),
            });
        }
        is_possible
    }

    /// Takes a row's value. Its pages end if they have got long.
    pub(super) fn take(&mut self, value: Value) -> Result<()> {
        match self {
            Shape::Flat(leaf) => leaf.take(value),
            Shape::List(leaf) => {
                match value {
                    Value::Null => leaf.take_absent_list(),
                    Value::Numbers(numbers) => {
                        leaf.take_list(numbers.iter().map(|&number| Value::U16(number)))
                    }
                    Value::Texts(texts) => leaf.take_list(texts.iter().map(Value::Text)),
                    _ => unreachable!("{value:?} in a column of lists"),
                }
                leaf.end_long_page()
            }
            Shape::Records(leaves) => {
                match value {
                    Value::Null => leaves.iter_mut().for_each(Leaf::take_absent_list),
                    Value::Records(records) => take_records(leaves, records),
                    _ => unreachable!("{value:?} in a column of records"),
                }
                leaves.iter_mut().try_for_each(Leaf::end_long_page)
            }
        }
    }
}

fn take_records([name, rtype, class, ttl, data]: &mut [Leaf; 5], records: Records) {
    name.take_list(records.iter().map(|record| Value::Text(record.name)));
    rtype.take_list(records.iter().map(|record| Value::Text(record.rtype)));
    class.take_list(records.iter().map(|record| Value::Text(record.class)));
    ttl.take_list(records.iter().map(|record| match record.ttl {
        Some(ttl) => Value::U64(ttl.into()),
        None => Value::Null,
    }));
    data.take_list(records.iter().map(|record| Value::Text(record.data)));
}

/// A column of the file.
pub(super) struct Leaf {
    page: Page,
    chunk: Chunk,
    extras: Extras,
    tools: Arc<Mutex<Tools>>,
}

/// A page that is not complete.
pub(super) struct Page {
    rows: usize,
    pub(super) values: Values,
    /// What stands for an absent value in a column that cannot be without: a stream of another format may turn up that
    /// nobody could know of, and rows must not shift.
    zero: Value<'static>,
    /// For each entry 0, or 1 if it continues a list; only of lists.
    repetition: Option<Vec<u8>>,
    /// For each entry how much of it there is; only of columns that may be without.
    definition: Option<Vec<u8>>,
    /// The level of an entry that has a value, and of a list that has no element.
    full: u8,
    empty: u8,
}

impl Leaf {
    /// Takes rows with one value at most.
    fn fill<'a>(
        &mut self,
        rows: impl ExactSizeIterator<Item = Transaction<'a>>,
        field: &Field,
        context: &Context,
        scratch: &mut Scratch,
    ) {
        let Page { rows: count, values, definition, zero, .. } = &mut self.page;
        *count += rows.len();
        let zero = *zero;
        // Each way has a loop of its own.
        macro_rules! fill {
            ($values:ident.$take:ident) => {
                match definition {
                    None => field.for_each_value(rows, context, scratch, |value| match value {
                        Value::Null => $values.$take(zero),
                        value => $values.$take(value),
                    }),
                    Some(definition) => field.for_each_value(rows, context, scratch, |value| {
                        definition.push(u8::from(!matches!(value, Value::Null)));
                        if !matches!(value, Value::Null) {
                            $values.$take(value);
                        }
                    }),
                }
            };
        }
        match values {
            Values::Deltas(deltas) => fill!(deltas.take),
            Values::Numbers(numbers) => fill!(numbers.take),
            Values::Texts(texts) => fill!(texts.take_soon),
            Values::Blobs(_) => unreachable!("bytes are bulky"),
        }
    }

    /// Takes a row with one value at most, which may wait as long as the page cannot get long by it.
    fn take(&mut self, value: Value) -> Result<()> {
        let length = match value {
            Value::Text(text) | Value::Word(text) => text.len(),
            Value::Bytes(bytes) => bytes.len(),
            _ => 0,
        };
        let may_get_long = self.page.size() + length + ENTRY_ROOM >= PAGE_BYTES;
        let Page { rows, values, definition, zero, .. } = &mut self.page;
        *rows += 1;
        match (value, definition) {
            (Value::Null, None) => values.take_soon(*zero),
            (Value::Null, Some(definition)) => definition.push(0),
            (value, definition) => {
                definition.iter_mut().for_each(|definition| definition.push(1));
                values.take_soon(value);
            }
        }
        if !may_get_long {
            return Ok(());
        }
        values.settle();
        self.end_long_page()
    }

    /// Takes a row without a list.
    fn take_absent_list(&mut self) {
        self.page.rows += 1;
        self.page.push(0, 0);
    }

    /// Takes a row with a list; an element may be NULL where the schema has a level for that.
    fn take_list<'v>(&mut self, elements: impl Iterator<Item = Value<'v>>) {
        let page = &mut self.page;
        page.rows += 1;
        page.values.begin_list();
        let mut repetition = 0;
        for element in elements {
            let is_there = element != Value::Null;
            page.push(repetition, page.full - u8::from(!is_there));
            repetition = 1;
            if is_there {
                page.values.take(element);
            }
        }
        if repetition == 0 {
            page.push(0, page.empty);
        }
    }

    /// Ends the page if it takes many bytes: rows may have thousands of records.
    fn end_long_page(&mut self) -> Result<()> {
        if self.page.size() < PAGE_BYTES { Ok(()) } else { self.end_page() }
    }

    /// Closes the chunk and starts a new one.
    fn close(&mut self) -> Result<Closed> {
        self.end_page()?;
        let Leaf { page, chunk, extras, tools } = self;
        if extras.has_bloom {
            page.values.sift_dictionary(extras);
        }
        let values = &mut page.values;
        let compressor = &mut lock(tools).compressor;
        let statistics = |nulls| values.statistics(nulls);
        let closed = chunk.close(values.dictionary(), extras.take_bloom(), statistics, compressor);
        values.forget();
        closed
    }

    /// Writes the page into the chunk and starts a new one.
    fn end_page(&mut self) -> Result<()> {
        let Leaf { page, chunk, extras, tools } = self;
        let Tools { compressor, room } = &mut *lock(tools);
        page.values.settle();
        let (mut start, end) = (0, page.entries());
        while start < end {
            room.encoded.clear();
            let part = page.values.encode(room, extras);
            let part_end = match page.values.is_empty() {
                true => end,
                false => page.entry_after(start, part.values),
            };
            let entries = start..part_end;
            let data = DataPage {
                rows: page.rows_in(entries.clone()),
                entries: entries.len(),
                nulls: entries.len() - part.values,
                repetition: page.repetition.as_ref().map(|levels| &levels[entries.clone()]),
                definition: page.definition.as_ref().map(|levels| &levels[entries.clone()]),
                encoding: part.encoding,
                values: &room.encoded,
                bounds: part.bounds,
            };
            chunk.append(data, compressor, &mut room.page)?;
            start = part_end;
        }
        page.clear();
        Ok(())
    }
}

impl Page {
    /// `zero`: of columns that are no lists.
    fn new(descriptor: &ColumnDescPtr, values: Values, zero: Value<'static>, is_nullable: bool) -> Page {
        let full = descriptor.max_def_level() as u8;
        Page {
            rows: 0,
            values,
            zero,
            repetition: (descriptor.max_rep_level() > 0).then(Vec::new),
            definition: (full > 0).then(Vec::new),
            full,
            empty: u8::from(is_nullable),
        }
    }

    /// Whether a row may be without a value.
    fn is_nullable(&self) -> bool {
        self.definition.is_some() && (self.repetition.is_none() || self.empty > 0)
    }

    /// About how many bytes it takes.
    #[inline]
    fn size(&self) -> usize {
        self.values.size() + self.entries()
    }

    /// Takes so many rows without a value.
    fn take_absent(&mut self, rows: usize) {
        self.rows += rows;
        for levels in [&mut self.repetition, &mut self.definition].into_iter().flatten() {
            levels.resize(levels.len() + rows, 0);
        }
    }

    /// Takes so many rows of this value.
    fn take_often(&mut self, value: Value, rows: usize) {
        self.take_present(rows);
        self.values.take_often(value, rows);
    }

    /// Takes rows with at most one number each.
    fn take_batch(&mut self, batch: &Batch) {
        self.rows += batch.is_there().len();
        match &mut self.definition {
            Some(definition) => {
                definition.extend_from_slice(batch.is_there());
                self.values.take_numbers(batch.numbers());
            }
            None if batch.numbers().len() == batch.is_there().len() => {
                self.values.take_numbers(batch.numbers())
            }
            None => {
                let mut numbers = batch.numbers().chunks(1);
                for &is_there in batch.is_there() {
                    match if is_there == 1 { numbers.next() } else { None } {
                        Some(number) => self.values.take_numbers(number),
                        None => self.values.take(self.zero),
                    }
                }
            }
        }
    }

    /// Takes so many rows with one value each, which is still to come. Gives how many values that are.
    pub(super) fn take_present(&mut self, rows: usize) -> usize {
        self.rows += rows;
        if let Some(definition) = &mut self.definition {
            definition.resize(definition.len() + rows, 1);
        }
        rows
    }

    /// The same of rows of which each has 1 value, or 0 if it is absent.
    pub(super) fn take_levels(&mut self, levels: impl ExactSizeIterator<Item = u8>) -> usize {
        let rows = levels.len();
        self.rows += rows;
        let Some(definition) = &mut self.definition else { return rows };
        definition.extend(levels);
        definition[definition.len() - rows..].iter().map(|&level| usize::from(level)).sum()
    }

    /// What stands for an absent value, if rows cannot be without.
    pub(super) fn zero(&self) -> Option<Value<'static>> {
        self.definition.is_none().then_some(self.zero)
    }

    /// Takes the levels of an entry of a list.
    #[inline]
    fn push(&mut self, repetition: u8, definition: u8) {
        self.repetition.iter_mut().for_each(|levels| levels.push(repetition));
        self.definition.iter_mut().for_each(|levels| levels.push(definition));
    }

    /// How many entries there are.
    fn entries(&self) -> usize {
        self.definition.as_ref().map_or(self.rows, Vec::len)
    }

    /// How many rows begin among these entries.
    fn rows_in(&self, entries: Range<usize>) -> usize {
        match &self.repetition {
            Some(levels) => levels[entries].iter().filter(|&&level| level == 0).count(),
            None => entries.len(),
        }
    }

    /// The entry behind the next `values` values from entry `start` on.
    fn entry_after(&self, start: usize, values: usize) -> usize {
        let Some(definition) = &self.definition else { return start + values };
        let mut left = values;
        let is_beyond = |&level: &u8| {
            let is_beyond = left == 0;
            left -= usize::from(!is_beyond && level == self.full);
            is_beyond
        };
        start + definition[start..].iter().position(is_beyond).unwrap_or(definition.len() - start)
    }

    fn clear(&mut self) {
        self.rows = 0;
        self.repetition.iter_mut().for_each(Vec::clear);
        self.definition.iter_mut().for_each(Vec::clear);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_split_right_behind_the_last_value_of_its_first_part() {
        let page = Page {
            rows: 5,
            values: Values::of(Kind::Word),
            zero: Value::Null,
            repetition: None,
            definition: Some(vec![0, 1, 0, 1, 1]),
            full: 1,
            empty: 0,
        };
        assert_eq!([page.entry_after(0, 0), page.entry_after(0, 1), page.entry_after(0, 2)], [0, 2, 4]);
        assert_eq!([page.entry_after(2, 1), page.entry_after(2, 2)], [4, 5]);
    }
}
