//! Writing a part.
//!
//! ```text
//!  compact:  magic 8 | length u32 | header text | blocks | 0 u32 | entries u64
//!  block:    stored length u32 | raw length u32 | zstd frame, with checksum
//!  raw:      entries: shared varint | rest varint | rest of the key | number varint, but for members
//! ```
//! All numbers are little endian. A key is its operator's sign and what is behind it; `shared` octets of it are those of the key
//! before, of which a block's first entry has none.

use super::{Form, Header, KEY_MAX, MAGIC, can_be_key, shown, sign};
use dpp::tallies::entry::Op;
use std::io::{self, Write};

/// Octets of a block before it is compressed: what a part takes of memory while thousands are merged, and room enough for what
/// compression needs to know.
const BLOCK: usize = 16 << 10;

/// Higher ones cost much time and save little: what is left of keys without what they share is nearly random.
const LEVEL: i32 = 1;

/// A part that is being written, entry by entry in order.
pub struct Writer<W: Write> {
    out: W,
    form: Form,
    /// The last key.
    last: Vec<u8>,
    /// What is not yet written: lines, or a block.
    block: Vec<u8>,
    is_first: bool,
    entries: u64,
    compressor: zstd::bulk::Compressor<'static>,
}

impl<W: Write> Writer<W> {
    /// Begins a part.
    ///
    /// # Errors
    /// The output's.
    pub fn new(mut out: W, form: Form, header: &Header) -> io::Result<Writer<W>> {
        let text = header.text();
        match form {
            Form::Text => out.write_all(text.as_bytes())?,
            Form::Compact => {
                out.write_all(&MAGIC)?;
                out.write_all(&(text.len() as u32).to_le_bytes())?;
                out.write_all(text.as_bytes())?;
            }
        }
        let mut compressor = zstd::bulk::Compressor::new(LEVEL)?;
        compressor.include_checksum(true)?;
        let (last, block) = (Vec::new(), Vec::with_capacity(BLOCK + KEY_MAX));
        Ok(Writer { out, form, last, block, is_first: true, entries: 0, compressor })
    }

    /// Writes an entry.
    ///
    /// # Errors
    /// The output's; and an entry that is not behind all before it, or has a key that no part can hold, which is a mistake of
    /// whoever tells it.
    pub fn put(&mut self, op: Op, key: &[u8], number: u64) -> io::Result<()> {
        let sign = sign(op);
        let is_behind = (sign, key)
            > (self.last.first().copied().unwrap_or_default(), self.last.get(1..).unwrap_or_default());
        if !is_behind || !can_be_key(key) {
            let told = format!("an entry that cannot stand here: '{}'", shown(key));
            return Err(io::Error::new(io::ErrorKind::InvalidInput, told));
        }
        let shared = match self.is_first || self.last.first() != Some(&sign) {
            true => 0,
            false => 1 + key.iter().zip(&self.last[1..]).take_while(|(one, other)| one == other).count(),
        };
        match self.form {
            Form::Text => {
                self.block.push(sign);
                self.block.extend_from_slice(key);
                self.block.push(b' ');
                write!(self.block, "{number}")?;
                self.block.push(b'\n');
            }
            Form::Compact => {
                varint(&mut self.block, shared as u64);
                varint(&mut self.block, (1 + key.len() - shared) as u64);
                if shared == 0 {
                    self.block.push(sign);
                }
                self.block.extend_from_slice(&key[shared.saturating_sub(1)..]);
                if op != Op::Member {
                    varint(&mut self.block, number);
                }
            }
        }
        self.last.clear();
        self.last.push(sign);
        self.last.extend_from_slice(key);
        (self.is_first, self.entries) = (false, self.entries + 1);
        if self.block.len() >= BLOCK { self.flush() } else { Ok(()) }
    }

    /// Ends the part. Gives back what it was written to.
    ///
    /// # Errors
    /// The output's.
    pub fn finish(mut self) -> io::Result<W> {
        self.put(Op::Max, &super::END[1..], 1)?;
        self.flush()?;
        if self.form == Form::Compact {
            self.out.write_all(&[0; 4])?;
            self.out.write_all(&self.entries.to_le_bytes())?;
        }
        self.out.flush()?;
        Ok(self.out)
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.form {
            Form::Text => self.out.write_all(&self.block)?,
            Form::Compact if self.block.is_empty() => {}
            Form::Compact => {
                let stored = self.compressor.compress(&self.block)?;
                self.out.write_all(&(stored.len() as u32).to_le_bytes())?;
                self.out.write_all(&(self.block.len() as u32).to_le_bytes())?;
                self.out.write_all(&stored)?;
            }
        }
        self.block.clear();
        self.is_first = true;
        Ok(())
    }
}

fn varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}
