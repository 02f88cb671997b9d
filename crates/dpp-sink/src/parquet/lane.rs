//! A lane: one column of all rows, in capture order, on its way into pages and column chunks.
//!
//! Pages and chunks end after fixed numbers of rows, wherever the pieces that rows come in are cut; so the
//! bytes are the same for every number of workers. (The page in which the dictionary gets full becomes two;
//! that, too, depends on nothing but the rows.)

use super::Settings;
use super::chunk::{Chunk, Closed, DataPage};
use super::values::Values;
use dpp::pipeline::Rows;
use dpp::table::{Context, Field, Scratch, Value};
use dpp::transaction::Transaction;
use parquet::errors::Result;
use parquet::schema::types::ColumnDescPtr;

/// Rows of a page: few enough that all lanes' values stay in the cache, and enough that a page's header costs
/// nothing.
pub(super) const PAGE_ROWS: usize = 1 << 14;

/// A column, the page it fills, and the chunk that page will be in.
pub(super) struct Lane {
    field: Field,
    /// Rows of a chunk.
    group_rows: usize,
    /// Rows that the chunk still takes.
    room: usize,
    page: Page,
    chunk: Chunk,
    /// Room to encode a page in.
    encoded: Vec<u8>,
}

/// A page that is not complete.
struct Page {
    rows: usize,
    values: Values,
    /// For each row 1, or 0 if it has no value; only of columns that may be without.
    present: Option<Vec<u8>>,
}

impl Lane {
    pub(super) fn new(field: Field, descriptor: ColumnDescPtr, settings: &Settings) -> Result<Self> {
        let nullable = descriptor.max_def_level() > 0;
        let page = Page { rows: 0, values: Values::of(field.kind()), present: nullable.then(Vec::new) };
        let chunk = Chunk::new(descriptor, settings)?;
        let group_rows = settings.group_rows.get();
        Ok(Lane { field, group_rows, room: group_rows, page, chunk, encoded: Vec::new() })
    }

    /// Takes the next rows. Chunks that are full then are appended to `closed`.
    pub(super) fn accept(&mut self, rows: &Rows, context: &Context, closed: &mut Vec<Closed>) -> Result<()> {
        let mut rows = rows.iter();
        while rows.len() > 0 {
            let taken = rows.len().min(self.room).min(PAGE_ROWS - self.page.rows);
            self.page.fill(rows.by_ref().take(taken), &self.field, context);
            self.room -= taken;
            if self.room == 0 {
                closed.push(self.close()?);
            } else if self.page.rows == PAGE_ROWS {
                self.end_page()?;
            }
        }
        Ok(())
    }

    /// Closes the last chunk, if it has rows.
    pub(super) fn finish(&mut self) -> Result<Option<Closed>> {
        (self.room < self.group_rows).then(|| self.close()).transpose()
    }

    /// Closes the chunk and starts a new one.
    fn close(&mut self) -> Result<Closed> {
        self.end_page()?;
        self.room = self.group_rows;
        let values = &mut self.page.values;
        let closed = self.chunk.close(values.dictionary(), |nulls| values.statistics(nulls));
        values.forget();
        closed
    }

    /// Writes the page into the chunk and starts a new one.
    fn end_page(&mut self) -> Result<()> {
        let mut start = 0;
        while start < self.page.rows {
            self.encoded.clear();
            let part = self.page.values.encode(&mut self.encoded);
            let end = match self.page.values.is_empty() {
                true => self.page.rows,
                false => self.page.row_after(start, part.values),
            };
            self.chunk.append(&DataPage {
                rows: end - start,
                nulls: end - start - part.values,
                present: self.page.present.as_ref().map(|present| &present[start..end]),
                encoding: part.encoding,
                values: &self.encoded,
            })?;
            start = end;
        }
        self.page.rows = 0;
        self.page.present.iter_mut().for_each(Vec::clear);
        Ok(())
    }
}

impl Page {
    /// Takes rows.
    fn fill<'a>(
        &mut self,
        rows: impl ExactSizeIterator<Item = Transaction<'a>>,
        field: &Field,
        context: &Context,
    ) {
        let scratch = &mut Scratch::default();
        self.rows += rows.len();
        match (&mut self.values, &mut self.present) {
            (Values::Numbers(numbers), None) => {
                field.for_each_value(rows, context, scratch, |value| numbers.take(value));
            }
            (Values::Numbers(numbers), Some(present)) => {
                field.for_each_value(rows, context, scratch, |value| {
                    present.push(u8::from(value != Value::Null));
                    numbers.take(value);
                })
            }
            (Values::Texts(texts), None) => {
                field.for_each_value(rows, context, scratch, |value| texts.take(value));
            }
            (Values::Texts(texts), Some(present)) => field.for_each_value(rows, context, scratch, |value| {
                present.push(u8::from(value != Value::Null));
                texts.take(value);
            }),
        }
    }

    /// The row behind the next `values` values from row `start` on.
    fn row_after(&self, start: usize, values: usize) -> usize {
        let Some(present) = &self.present else { return start + values };
        let mut left = values;
        let is_beyond = |&is_present: &u8| {
            let is_beyond = left == 0;
            left -= usize::from(!is_beyond && is_present == 1);
            is_beyond
        };
        start + present[start..].iter().position(is_beyond).unwrap_or(present.len() - start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dpp::table::Kind;

    #[test]
    fn a_page_is_split_right_behind_the_last_value_of_its_first_part() {
        let page = Page { rows: 5, values: Values::of(Kind::Word), present: Some(vec![0, 1, 0, 1, 1]) };
        assert_eq!([page.row_after(0, 0), page.row_after(0, 1), page.row_after(0, 2)], [0, 2, 4]);
        assert_eq!([page.row_after(2, 1), page.row_after(2, 2)], [4, 5]);
    }
}
