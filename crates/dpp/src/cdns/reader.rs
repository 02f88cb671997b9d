//! Finds the parts of a file in bytes as they come.
//!
//! The reader is shown what has come so far and not yet been taken, and says how long the part at its beginning is; who
//! holds the bytes takes that part away. It looks at no byte twice, however often it is asked: the [`Walk`] over a block
//! stays where the bytes ended.

use super::cbor::{ARRAY, Cursor, ENDS, INDEFINITE, Walk};
use super::preamble::{INDEFINITE_ARRAY, MAGIC, begins, is_old, may_begin};
use super::{Fault, Refused};
use crate::limits::{CDNS_BLOCK_MAX, CDNS_PREAMBLE_MAX};

/// What stands at the beginning of the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// So many bytes for [`FilePreamble::parse`](super::FilePreamble::parse).
    Preamble {
        /// How many.
        length: usize,
    },
    /// So many bytes for [`Block::parse`](super::Block::parse).
    Block {
        /// How many.
        length: usize,
    },
    /// So many bytes, none or some, and the file is over. What follows is another's.
    End {
        /// How many.
        length: usize,
    },
    /// More bytes must come. At the end of the input the file is cut off here; what there is of a block is for
    /// [`Block::parse_cut`](super::Block::parse_cut).
    More,
    /// It cannot be read on.
    Refused(Refused),
}

/// Finds preamble, blocks and end of a file.
///
/// ```
/// use dpp::cdns::{Block, Faults, FilePreamble, Item, Reader, Step, Writer};
///
/// let (mut writer, mut file) = (Writer::new(FilePreamble::default(), 0), Vec::new());
/// writer.begin(&mut file);
/// writer.add(&Item { client_port: Some(4242), ..Item::default() });
/// writer.finish_block(&mut file);
/// writer.end(&mut file);
///
/// let (mut reader, mut bytes, mut faults) = (Reader::new(), &file[..], Faults::default());
/// let Step::Preamble { length } = reader.step(bytes) else { panic!() };
/// let preamble = FilePreamble::parse(&bytes[..length], &mut faults).unwrap();
/// bytes = &bytes[length..];
/// loop {
///     match reader.step(bytes) {
///         Step::Block { length } => {
///             let block = Block::parse(&bytes[..length], &preamble).unwrap();
///             block.for_each_item(&mut faults, |item| assert_eq!(item.client_port, Some(4242)));
///             bytes = &bytes[length..];
///         }
///         Step::End { length } => break assert_eq!(length, bytes.len()),
///         other => panic!("{other:?}"),
///     }
/// }
/// assert_eq!(faults.total(), 0);
/// ```
#[derive(Clone, Debug)]
pub struct Reader {
    part: Part,
    /// Over the preamble, or over the next block.
    walk: Walk,
    /// Whether the file is an array without a length, and so ends with a break.
    is_open: bool,
    /// How many blocks there will be.
    blocks: u64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Part {
    Preamble,
    Blocks,
    Over,
    Refused(Refused),
}

impl Default for Reader {
    fn default() -> Self {
        Reader::new()
    }
}

impl Reader {
    /// A reader at the beginning of a file.
    pub fn new() -> Reader {
        Reader { part: Part::Preamble, walk: Walk::new(MAGIC.len()), is_open: false, blocks: 0 }
    }

    /// What stands at the beginning of `bytes`. After [`Step::More`] the same bytes must come again, and others behind
    /// them; after the others, what follows the length that was told.
    pub fn step(&mut self, bytes: &[u8]) -> Step {
        let step = match self.part {
            Part::Preamble => self.preamble(bytes),
            Part::Blocks => self.block(bytes),
            Part::Over => Ok(Step::End { length: 0 }),
            Part::Refused(refused) => Err(refused),
        };
        step.unwrap_or_else(|refused| {
            self.part = Part::Refused(refused);
            Step::Refused(refused)
        })
    }

    fn preamble(&mut self, bytes: &[u8]) -> Result<Step, Refused> {
        if is_old(bytes) {
            return Err(Refused::Old);
        }
        if !begins(bytes) {
            return if may_begin(bytes) { Ok(Step::More) } else { Err(Refused::NotCdns) };
        }
        let too_long = Refused::Damaged("what stands before the blocks is longer than any program writes");
        if !self.walk(bytes, CDNS_PREAMBLE_MAX, too_long)? {
            return Ok(Step::More);
        }
        let mut blocks = Cursor::new(bytes, self.walk.at());
        match blocks.array() {
            Ok(count) => self.blocks = count,
            Err(Fault::Cut) => return Ok(Step::More),
            Err(_) => return Err(Refused::Damaged("there is something else where the blocks should be")),
        }
        self.is_open = bytes[0] == INDEFINITE_ARRAY;
        (self.part, self.walk) = (Part::Blocks, Walk::new(0));
        Ok(Step::Preamble { length: blocks.at() })
    }

    fn block(&mut self, bytes: &[u8]) -> Result<Step, Refused> {
        if self.blocks == 0 || (self.blocks == INDEFINITE && bytes.first() == Some(&ENDS)) {
            return self.end(bytes, usize::from(self.blocks != 0));
        }
        let too_long = Refused::Damaged("a block is longer than 64 MiB");
        if !self.walk(bytes, CDNS_BLOCK_MAX, too_long)? {
            return Ok(Step::More);
        }
        let length = self.walk.at();
        self.walk = Walk::new(0);
        self.blocks -= u64::from(self.blocks != INDEFINITE);
        Ok(Step::Block { length })
    }

    /// Behind the last block, and a break if there must be one.
    fn end(&mut self, bytes: &[u8], length: usize) -> Result<Step, Refused> {
        if self.is_open {
            match bytes.get(length) {
                Some(&ENDS) => {}
                Some(_) => return Err(Refused::Damaged("something follows the blocks")),
                None => return Ok(Step::More),
            }
        }
        self.part = Part::Over;
        Ok(Step::End { length: length + usize::from(self.is_open) })
    }

    /// Walks on, and tells whether the value is over. What is longer than it may be is refused at once, without waiting
    /// for all of it.
    fn walk(&mut self, bytes: &[u8], most: usize, too_long: Refused) -> Result<bool, Refused> {
        let is_over = self.walk.go(bytes).map_err(|fault| Refused::Damaged(fault.sentence()))?;
        if self.walk.at() > most { Err(too_long) } else { Ok(is_over) }
    }
}

const _: () = assert!(MAGIC[0] == ARRAY << 5 | 3);
