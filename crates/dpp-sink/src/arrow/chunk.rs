//! The rows of a chunk as columns: made by any worker, and appended to the batch by the lanes.
//!
//! Texts and lists have lengths here, not offsets, so that a lane can take any range of rows. A word's number is that of
//! the chunk's own dictionary.

use super::words::Words;
use crate::text::{NAME_ROOM, write_address, write_name};
use dpp::pipeline::Rows;
use dpp::table::{Context, Field, Kind, Scratch, Value};

/// The columns of a chunk.
pub struct Chunk {
    pub(super) rows: usize,
    pub(super) columns: Vec<Column>,
    /// Of each row, how many bytes its lists, texts and bytes take, and their sum.
    pub(super) weights: Vec<u32>,
    pub(super) weight: u64,
    printer: Printer,
    scratch: Scratch,
}

/// Values of one kind.
pub(super) struct Column {
    pub(super) rows: usize,
    pub(super) nulls: usize,
    /// For each row whether it has a value; empty if all have.
    pub(super) present: Vec<bool>,
    pub(super) values: Values,
}

/// The values; of a row without one, zeros or nothing.
pub(super) enum Values {
    Bools(Vec<bool>),
    /// Little-endian, of so many bytes each.
    Numbers(usize, Vec<u8>),
    /// Texts or bytes, one behind the other, and the length of each.
    Texts(Vec<u32>, Vec<u8>),
    Words(Vec<u32>, Box<Words>),
    /// How many items each list has, and the items.
    List(Vec<u32>, Box<Column>),
    Struct(Vec<Column>),
}

/// In the place of a word's number if there is no word.
pub(super) const NO_WORD: u32 = u32::MAX;

/// Room to print a name or an address in.
struct Printer(Box<[u8; NAME_ROOM]>);

impl Chunk {
    pub(super) fn new(fields: &[Field]) -> Self {
        Chunk::of(fields.iter().map(|field| Column::of(field.kind())).collect())
    }

    pub(super) fn of(columns: Vec<Column>) -> Self {
        Chunk {
            rows: 0,
            columns,
            weights: Vec::new(),
            weight: 0,
            printer: Printer(Box::new([0; NAME_ROOM])),
            scratch: Scratch::default(),
        }
    }

    /// Takes the rows of a chunk in the place of what was here.
    pub(super) fn fill(&mut self, rows: &Rows, fields: &[Field], context: &Context) {
        self.begin(rows.len());
        let Chunk { columns, weights, printer, scratch, .. } = self;
        for (field, column) in fields.iter().zip(columns) {
            match is_weighed(field.kind()) {
                false => field.for_each_value(rows.iter(), context, scratch, |value| {
                    column.push(value, printer);
                }),
                true => {
                    let mut weights = weights.iter_mut();
                    field.for_each_value(rows.iter(), context, scratch, |value| {
                        let weight = column.push(value, printer);
                        if let Some(sum) = weights.next() {
                            *sum = sum.saturating_add(weight);
                        }
                    });
                }
            }
        }
        self.weigh();
    }

    /// Forgets the rows that were here, and makes room for others.
    fn begin(&mut self, rows: usize) {
        self.rows = rows;
        self.weights.clear();
        self.weights.resize(rows, 0);
        self.columns.iter_mut().for_each(Column::clear);
    }

    fn weigh(&mut self) {
        self.weight = self.weights.iter().map(|&weight| u64::from(weight)).sum();
    }

    /// Takes rows that have these values in the first column.
    #[cfg(test)]
    pub(super) fn fill_first(&mut self, values: &[Value]) {
        self.begin(values.len());
        for (value, weight) in values.iter().zip(&mut self.weights) {
            *weight = self.columns[0].push(*value, &mut self.printer);
        }
        self.weigh();
    }

    /// About how many bytes of memory it takes.
    pub(super) fn size(&self) -> usize {
        self.weights.len() * 4 + self.columns.iter().map(Column::size).sum::<usize>()
    }
}

/// Whether the values of a kind may have any length. Names, addresses and lists of what was printed have bounds; words
/// may be texts from anywhere.
fn is_weighed(kind: Kind) -> bool {
    matches!(kind, Kind::Text | Kind::Word | Kind::Bytes | Kind::Numbers | Kind::Texts | Kind::Records)
}

impl Column {
    pub(super) fn of(kind: Kind) -> Self {
        let texts = || Column::new(Values::Texts(Vec::new(), Vec::new()));
        let numbers = |width| Column::new(Values::Numbers(width, Vec::new()));
        let list = |items| Column::new(Values::List(Vec::new(), Box::new(items)));
        match kind {
            Kind::Bool => Column::new(Values::Bools(Vec::new())),
            Kind::U8 => numbers(1),
            Kind::U16 => numbers(2),
            Kind::U32 | Kind::I32 => numbers(4),
            Kind::U64 | Kind::I64 | Kind::F64 | Kind::Seconds => numbers(8),
            Kind::TimestampMicros | Kind::TimestampNanos => numbers(8),
            Kind::Address | Kind::Name | Kind::Text | Kind::Bytes => texts(),
            Kind::Word => Column::new(Values::Words(Vec::new(), Box::default())),
            Kind::Numbers => list(numbers(2)),
            Kind::Texts => list(texts()),
            Kind::Records => {
                list(Column::new(Values::Struct(vec![texts(), texts(), texts(), numbers(4), texts()])))
            }
        }
    }

    fn new(values: Values) -> Self {
        Column { rows: 0, nulls: 0, present: Vec::new(), values }
    }

    fn clear(&mut self) {
        (self.rows, self.nulls) = (0, 0);
        self.present.clear();
        match &mut self.values {
            Values::Bools(bools) => bools.clear(),
            Values::Numbers(_, bytes) => bytes.clear(),
            Values::Texts(lengths, bytes) => {
                lengths.clear();
                bytes.clear();
            }
            Values::Words(numbers, words) => {
                numbers.clear();
                words.clear();
            }
            Values::List(lengths, items) => {
                lengths.clear();
                items.clear();
            }
            Values::Struct(columns) => columns.iter_mut().for_each(Column::clear),
        }
    }

    fn size(&self) -> usize {
        let values = match &self.values {
            Values::Bools(bools) => bools.len(),
            Values::Numbers(_, bytes) => bytes.len(),
            Values::Texts(lengths, bytes) => lengths.len() * 4 + bytes.len(),
            Values::Words(numbers, words) => numbers.len() * 4 + 3 * words.size(),
            Values::List(lengths, items) => lengths.len() * 4 + items.size(),
            Values::Struct(columns) => columns.iter().map(Column::size).sum(),
        };
        self.present.len() + values
    }

    /// Takes the next row's value. Gives its bytes, if its kind may have any length.
    #[inline(always)]
    fn push(&mut self, value: Value, printer: &mut Printer) -> u32 {
        let mut weight = 0;
        match (&mut self.values, value) {
            (Values::Bools(bools), Value::Bool(is)) => bools.push(is),
            (Values::Texts(lengths, bytes), Value::Name(wire)) => {
                push_text(lengths, bytes, printer.name(wire));
            }
            (Values::Texts(lengths, bytes), Value::Address(address)) => {
                let room = printer.0.first_chunk_mut().expect("a name is longer than an address");
                let length = write_address(address, room);
                push_text(lengths, bytes, &printer.0[..length]);
            }
            (Values::Texts(lengths, bytes), Value::Text(text)) => {
                weight = push_text(lengths, bytes, text.as_bytes());
            }
            (Values::Texts(lengths, bytes), Value::Word(text)) => {
                weight = push_text(lengths, bytes, text.as_bytes());
            }
            (Values::Texts(lengths, bytes), Value::Bytes(value)) => weight = push_text(lengths, bytes, value),
            (Values::Words(numbers, words), Value::Word(word)) => numbers.push(words.number_of_fixed(word)),
            (Values::Words(numbers, words), Value::Text(word)) => {
                numbers.push(words.number(word));
                weight = word.len() as u32;
            }
            (Values::Numbers(width, bytes), value) if is_number(&value) => {
                push_number(*width, bytes, bits(value));
            }
            (Values::List(lengths, items), value) if is_list(&value) => {
                weight = push_list(lengths, items, value);
            }
            (_, value) => {
                debug_assert!(value == Value::Null, "{value:?} in a column of another kind");
                return self.push_nothing();
            }
        }
        self.rows += 1;
        if self.nulls > 0 {
            self.present.push(true);
        }
        weight
    }

    /// Takes a row without a value.
    fn push_nothing(&mut self) -> u32 {
        match &mut self.values {
            Values::Bools(bools) => bools.push(false),
            Values::Numbers(width, bytes) => push_number(*width, bytes, 0),
            Values::Texts(lengths, _) | Values::List(lengths, _) => lengths.push(0),
            Values::Words(numbers, _) => numbers.push(NO_WORD),
            Values::Struct(columns) => columns.iter_mut().for_each(|column| {
                column.push_nothing();
            }),
        }
        self.present.resize(self.rows, true);
        self.present.push(false);
        self.rows += 1;
        self.nulls += 1;
        0
    }

    /// Takes a text that is an item of a list, or part of one. Gives its bytes.
    fn push_item(&mut self, text: &str) -> u32 {
        self.rows += 1;
        match &mut self.values {
            Values::Texts(lengths, bytes) => push_text(lengths, bytes, text.as_bytes()),
            _ => unreachable!("texts in a list of other things"),
        }
    }
}

#[inline(always)]
fn push_text(lengths: &mut Vec<u32>, bytes: &mut Vec<u8>, text: &[u8]) -> u32 {
    bytes.extend_from_slice(text);
    lengths.push(text.len() as u32);
    text.len() as u32
}

#[inline(always)]
fn push_number(width: usize, bytes: &mut Vec<u8>, bits: u64) {
    match width {
        1 => bytes.push(bits as u8),
        2 => bytes.extend_from_slice(&(bits as u16).to_le_bytes()),
        4 => bytes.extend_from_slice(&(bits as u32).to_le_bytes()),
        _ => bytes.extend_from_slice(&bits.to_le_bytes()),
    }
}

#[inline(always)]
fn is_number(value: &Value) -> bool {
    use Value::{F64, I64, Seconds, TimestampMicros, TimestampNanos, U16, U64};
    matches!(value, U16(_) | U64(_) | I64(_) | F64(_) | TimestampMicros(_) | TimestampNanos(_) | Seconds(_))
}

/// A number as Arrow has it, in the lower bytes.
#[inline(always)]
fn bits(value: Value) -> u64 {
    match value {
        Value::U16(number) => number.into(),
        Value::U64(number) => number,
        Value::I64(number) | Value::TimestampMicros(number) | Value::TimestampNanos(number) => number as u64,
        Value::F64(number) => number.to_bits(),
        // As many decimals as texts have.
        Value::Seconds(ns) => (ns.div_euclid(1000) as f64 / 1e6).to_bits(),
        _ => 0,
    }
}

#[inline(always)]
fn is_list(value: &Value) -> bool {
    matches!(value, Value::Numbers(_) | Value::Texts(_) | Value::Records(_))
}

/// Takes a list. Gives its bytes, with those of its offsets.
fn push_list(lengths: &mut Vec<u32>, items: &mut Column, list: Value) -> u32 {
    const OFFSET: u32 = 4;
    let (before, mut weight) = (items.rows, 0);
    match (list, &mut items.values) {
        (Value::Numbers(list), Values::Numbers(_, bytes)) => {
            bytes.extend(list.iter().flat_map(|number| number.to_le_bytes()));
            items.rows += list.len();
            weight = 2 * list.len() as u32;
        }
        (Value::Texts(list), _) => {
            for text in list.iter() {
                weight += OFFSET + items.push_item(text);
            }
        }
        (Value::Records(list), Values::Struct(columns)) => {
            let [name, rtype, class, ttl, data] = &mut columns[..] else { unreachable!("a record has five") };
            for record in list.iter() {
                weight += name.push_item(record.name) + rtype.push_item(record.rtype);
                weight += class.push_item(record.class) + data.push_item(record.data);
                weight += 5 * OFFSET;
                ttl.push_maybe(record.ttl);
            }
            items.rows += list.len();
        }
        (list, _) => debug_assert!(false, "{list:?} in a list of other things"),
    }
    lengths.push((items.rows - before) as u32);
    weight
}

impl Column {
    /// Takes a number that is part of an item.
    fn push_maybe(&mut self, number: Option<u32>) {
        match (number, &mut self.values) {
            (Some(number), Values::Numbers(width, bytes)) => {
                push_number(*width, bytes, number.into());
                self.rows += 1;
                if self.nulls > 0 {
                    self.present.push(true);
                }
            }
            _ => {
                self.push_nothing();
            }
        }
    }
}

impl Printer {
    #[inline]
    fn name(&mut self, wire: &[u8]) -> &[u8] {
        let length = write_name(wire, &mut self.0).length;
        &self.0[..length]
    }
}
