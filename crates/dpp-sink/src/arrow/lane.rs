//! A lane: some of the columns of all rows, in capture order, on their way into record batches.

use super::chunk::Chunk;
use super::cut::{BYTES_MAX, Cut};
use super::open::{Arrays, Open, texts};
use super::{BATCH_ROWS_MAX, Form, Settings};
use dpp::table::Kind;
use std::io;
use zstd::bulk::Compressor;

/// Some columns, and the batch they fill.
pub(super) struct Lane {
    cut: Cut,
    columns: Vec<Filling>,
    form: Form,
    compressor: Option<Compressor<'static>>,
}

/// A column that is being filled.
struct Filling {
    number: usize,
    open: Open,
    /// Whether words of it were written already.
    has_dictionary: bool,
}

/// A column of a batch that is complete.
pub(super) struct Closed {
    pub(super) arrays: Arrays,
    /// What has to be written before it.
    pub(super) dictionary: Option<Dictionary>,
}

/// The words of a column, or more of them.
pub(super) struct Dictionary {
    pub(super) words: Arrays,
    /// Whether they are added to those that were written before.
    pub(super) is_delta: bool,
}

impl Lane {
    /// A lane of columns with these numbers and kinds.
    pub(super) fn new(columns: impl Iterator<Item = (usize, Kind)>, settings: &Settings) -> io::Result<Self> {
        let column = |(number, kind)| Filling { number, open: Open::of(kind), has_dictionary: false };
        Ok(Lane {
            cut: Cut::new(settings.batch_rows.get().min(BATCH_ROWS_MAX), BYTES_MAX),
            columns: columns.map(column).collect(),
            form: settings.form,
            compressor: settings.zstd.map(Compressor::new).transpose()?,
        })
    }

    /// Takes the rows of the next chunk. Columns of batches that are complete then are appended to `closed`, with their
    /// numbers.
    pub(super) fn accept(&mut self, chunk: &Chunk, closed: &mut Vec<(usize, Closed)>) -> io::Result<()> {
        let mut start = 0;
        while start < chunk.rows {
            let weights = &chunk.weights[start..];
            let weight = match start {
                0 => chunk.weight,
                _ => weights.iter().map(|&weight| u64::from(weight)).sum(),
            };
            let end = start + self.cut.take(weights, weight);
            for Filling { number, open, .. } in &mut self.columns {
                open.append(&chunk.columns[*number], start..end);
            }
            if self.cut.is_full() || end < chunk.rows {
                self.close(false, closed)?;
            }
            start = end;
        }
        Ok(())
    }

    /// Closes the batch that is being filled, if it has rows, in a stream.
    pub(super) fn flush(&mut self, closed: &mut Vec<(usize, Closed)>) -> io::Result<()> {
        match self.form {
            Form::Stream if !self.cut.is_empty() => self.close(false, closed),
            _ => Ok(()),
        }
    }

    /// Closes the last batch, which may have no rows.
    pub(super) fn finish(&mut self) -> io::Result<Vec<(usize, Closed)>> {
        let mut closed = Vec::new();
        self.close(true, &mut closed)?;
        Ok(closed)
    }

    fn close(&mut self, is_last: bool, closed: &mut Vec<(usize, Closed)>) -> io::Result<()> {
        for column in &mut self.columns {
            let arrays = column.open.take();
            let dictionary = column.take_dictionary(self.form, is_last)?;
            let mut column_closed = Closed { arrays, dictionary };
            if let Some(compressor) = &mut self.compressor {
                column_closed.compress(compressor)?;
            }
            closed.push((column.number, column_closed));
        }
        self.cut.begin();
        Ok(())
    }
}

impl Filling {
    /// The words that have to be written now: in a stream those of the batch; in a file those that are kept, if they are too
    /// many, or the last.
    fn take_dictionary(&mut self, form: Form, is_last: bool) -> io::Result<Option<Dictionary>> {
        let Some((words, before)) = self.open.words() else { return Ok(None) };
        if i32::try_from(before + words.len()).is_err() {
            return Err(io::Error::other(
                "a column has more than 2^31 different words; write a stream (arrows)",
            ));
        }
        let is_due = match form {
            Form::Stream => true,
            Form::File => words.is_full() || is_last && (words.len() > 0 || !self.has_dictionary),
        };
        if !is_due {
            return Ok(None);
        }
        let is_delta = form == Form::File && self.has_dictionary;
        let dictionary = Dictionary { words: texts(words), is_delta };
        self.open.forget_words(form == Form::File);
        self.has_dictionary = true;
        Ok(Some(dictionary))
    }
}

impl Closed {
    fn compress(&mut self, compressor: &mut Compressor) -> io::Result<()> {
        self.arrays.compress(compressor)?;
        self.dictionary.as_mut().map_or(Ok(()), |dictionary| dictionary.words.compress(compressor))
    }
}

impl Arrays {
    fn compress(&mut self, compressor: &mut Compressor) -> io::Result<()> {
        for buffer in self.buffers.iter_mut().filter(|buffer| !buffer.is_empty()) {
            let compressed = compressor.compress(buffer)?;
            // The length of what is compressed, or -1 before what is not smaller so.
            let (length, body) = match compressed.len() < buffer.len() {
                true => (buffer.len() as i64, &compressed),
                false => (-1, &*buffer),
            };
            *buffer = [&length.to_le_bytes(), &body[..]].concat();
        }
        Ok(())
    }
}
