//! Writing a part.
//!
//! ```text
//!  compact: magic 8 | the header's lines | blocks of entries | 0 u32 | entries u64
//!  each:    stored length u32 | raw length u32 | zstd frame, with checksum
//! ```
//! All numbers are little endian. What is in a block of entries, [`block`](super::block) tells.

use super::block::{Packer, set_of};
use super::{Form, HEADER_MAX, Header, MAGIC, can_be_key, shown, sign};
use dpp::tallies::entry::Op;
use std::io::{self, Write};

/// Octets of lines that are written at once.
const LINES: usize = 16 << 10;

/// Higher ones cost much time and save little: what is left of keys without what they share, and steps between addresses, are
/// nearly random. Where nothing can be saved, zstd stores what it gets.
const LEVEL: i32 = 1;

/// A part that is being written, entry by entry in order.
pub struct Writer<W: Write> {
    out: W,
    form: Form,
    /// The entry at hand, with its sign, and the last one.
    key: Vec<u8>,
    last: Vec<u8>,
    /// What is not yet written: lines, or a block, whose entries are in the packer before.
    unwritten: Vec<u8>,
    packer: Packer,
    entries: u64,
    compressor: zstd::bulk::Compressor<'static>,
}

impl<W: Write> Writer<W> {
    /// Begins a part.
    ///
    /// # Errors
    /// The output's.
    pub fn new(out: W, form: Form, header: &Header) -> io::Result<Writer<W>> {
        let mut compressor = zstd::bulk::Compressor::new(LEVEL)?;
        compressor.include_checksum(true)?;
        let unwritten = header.text().into_bytes();
        if unwritten.len() > HEADER_MAX {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the header is too long: name fewer servers",
            ));
        }
        let (key, last, packer) = (Vec::new(), Vec::new(), Packer::default());
        let mut writer = Writer { out, form, key, last, unwritten, packer, entries: 0, compressor };
        if form == Form::Compact {
            writer.out.write_all(&MAGIC)?;
        }
        writer.flush()?;
        Ok(writer)
    }

    /// Writes an entry.
    ///
    /// # Errors
    /// The output's; and an entry that is not behind all before it, or has a key that no part can hold, which is a mistake of
    /// whoever tells it.
    pub fn put(&mut self, op: Op, key: &[u8], number: u64) -> io::Result<()> {
        self.key.clear();
        self.key.push(sign(op));
        self.key.extend_from_slice(key);
        if self.key <= self.last || !can_be_key(key) {
            let told = format!("an entry that cannot stand here: '{}'", shown(key));
            return Err(io::Error::new(io::ErrorKind::InvalidInput, told));
        }
        self.entries += 1;
        match self.form {
            Form::Text => {
                self.unwritten.extend_from_slice(&self.key);
                writeln!(self.unwritten, " {number}")?;
                if self.unwritten.len() >= LINES {
                    self.flush()?;
                }
            }
            Form::Compact => {
                let set = set_of(&self.key);
                if self.packer.is_full() || !self.packer.fits(&self.key, set) {
                    self.pack()?;
                }
                self.packer.put(&self.key, number, set);
            }
        }
        std::mem::swap(&mut self.key, &mut self.last);
        Ok(())
    }

    /// Ends the part. Gives back what it was written to.
    ///
    /// # Errors
    /// The output's.
    pub fn finish(mut self) -> io::Result<W> {
        match self.form {
            Form::Text => {
                self.put(Op::Max, &super::END[1..], 1)?;
                self.flush()?;
            }
            Form::Compact => {
                self.pack()?;
                self.out.write_all(&[0; 4])?;
                self.out.write_all(&self.entries.to_le_bytes())?;
            }
        }
        self.out.flush()?;
        Ok(self.out)
    }

    /// Writes the block at hand.
    fn pack(&mut self) -> io::Result<()> {
        if self.packer.is_empty() {
            return Ok(());
        }
        self.packer.pack(&mut self.unwritten);
        self.flush()
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.form {
            Form::Text => self.out.write_all(&self.unwritten)?,
            Form::Compact => {
                let stored = self.compressor.compress(&self.unwritten)?;
                self.out.write_all(&(stored.len() as u32).to_le_bytes())?;
                self.out.write_all(&(self.unwritten.len() as u32).to_le_bytes())?;
                self.out.write_all(&stored)?;
            }
        }
        self.unwritten.clear();
        Ok(())
    }
}
