//! A lane: some columns of all rows, in capture order, on their way into pages and column chunks.
//!
//! Pages and chunks end after fixed numbers of rows, or of bytes in the rows, wherever the pieces that rows come in are
//! cut and whichever columns share a lane; so the bytes are the same for every number of workers. (The page in which a
//! dictionary gets full becomes two; that, too, depends on nothing but the rows.)

use super::bases::Bases;
use super::chunk::Closed;
use super::column::{Column, Turn};
use super::{Piece, Settings};
use dpp::table::{Basis, Batch, Context, Scratch, TURN_ROWS};
use parquet::errors::Result;

/// Rows of a page: few enough that all columns' values stay in the cache, and enough that a page's header costs
/// nothing.
pub(super) const PAGE_ROWS: usize = 1 << 14;

/// Some columns, and where in a row group they are.
pub(super) struct Lane {
    columns: Vec<Column>,
    /// Rows of a group, and how many this one has.
    group_rows: usize,
    rows: usize,
    /// Bytes of messages in the rows of a group, and in those of this one.
    group_bytes: u64,
    bytes: u64,
    scratch: Scratch,
    batch: Batch,
    /// What columns are made of.
    bases: Vec<Bases>,
}

/// Chunks that are complete, with the numbers of their leaves.
pub(super) type ClosedLeaves = Vec<(usize, Closed)>;

impl Lane {
    pub(super) fn new(columns: Vec<Column>, settings: &Settings) -> Self {
        let (group_rows, group_bytes) = (settings.group_rows.get(), settings.group_bytes);
        let (scratch, batch) = (Scratch::default(), Batch::default());
        let is_needed = |basis: &Basis| columns.iter().any(|column| column.basis() == Some(*basis));
        let bases = Basis::ALL.into_iter().filter(is_needed).map(Bases::of).collect();
        Lane { columns, group_rows, rows: 0, group_bytes, bytes: 0, scratch, batch, bases }
    }

    /// Takes the next rows. Chunks that are full then are appended to `closed`.
    pub(super) fn accept(
        &mut self,
        piece: &Piece,
        context: &Context,
        closed: &mut ClosedLeaves,
    ) -> Result<()> {
        let (mut start, end) = (0, piece.rows.len());
        let mut turn = Vec::new();
        while start < end {
            let taken = self.next_turn(end - start, piece.weights.get(start..).unwrap_or_default());
            let rows = piece.rows.range(start..start + taken);
            match &mut self.columns[..] {
                [column] => column.fill(rows, context, &mut self.scratch)?,
                columns => {
                    turn.clear();
                    turn.extend(rows);
                    self.bases.iter_mut().for_each(|bases| bases.take(&turn));
                    let turn = Turn { rows: &turn, told: piece.told, bases: &self.bases };
                    for column in columns {
                        column.fill_turn(&turn, context, &mut self.scratch, &mut self.batch)?;
                    }
                }
            }
            start += taken;
            self.rows += taken;
            self.end_what_is_full(closed)?;
        }
        Ok(())
    }

    /// How many of the next rows come at once; their bytes count as taken.
    fn next_turn(&mut self, rows: usize, weights: &[u32]) -> usize {
        let in_turn = if self.columns.len() == 1 { PAGE_ROWS } else { TURN_ROWS };
        let in_page = PAGE_ROWS - self.rows % PAGE_ROWS;
        let mut taken = rows.min(in_turn).min(in_page).min(self.group_rows - self.rows);
        let all: u64 = weights.iter().take(taken).map(|&weight| u64::from(weight)).sum();
        if self.bytes + all < self.group_bytes {
            self.bytes += all;
            return taken;
        }
        // The row with which the group gets too heavy is its last one.
        for (number, &weight) in weights.iter().take(taken).enumerate() {
            self.bytes += u64::from(weight);
            if self.bytes >= self.group_bytes {
                taken = number + 1;
                break;
            }
        }
        taken
    }

    fn end_what_is_full(&mut self, closed: &mut ClosedLeaves) -> Result<()> {
        if self.rows == self.group_rows || self.bytes >= self.group_bytes {
            return self.finish(closed);
        }
        match self.rows.is_multiple_of(PAGE_ROWS) {
            true => self.columns.iter_mut().try_for_each(Column::end_page),
            false => Ok(()),
        }
    }

    /// Closes the chunks, if they have rows.
    pub(super) fn finish(&mut self, closed: &mut ClosedLeaves) -> Result<()> {
        if self.rows > 0 {
            for column in &mut self.columns {
                column.close(|leaf, chunk| closed.push((leaf, chunk)))?;
            }
        }
        (self.rows, self.bytes) = (0, 0);
        self.bases.iter_mut().for_each(Bases::forget);
        Ok(())
    }
}
