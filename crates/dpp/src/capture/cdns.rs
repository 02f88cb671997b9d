//! C-DNS files: each block is a record, dated by its earliest item. What is in it is read by whoever decodes the chunk.

use super::{Format, Record, Step};
use crate::cdns::{self, Block, Faults, FilePreamble};
use std::sync::Arc;

/// A file of blocks.
#[derive(Clone, Debug, Default)]
pub(super) struct Reader {
    reader: cdns::Reader,
    /// As it was before the last step, should the chunk have no room for what that found.
    before: cdns::Reader,
    preamble: Option<Arc<FilePreamble>>,
    /// Whether nobody has been given the preamble yet.
    is_new: bool,
}

/// Opens a file by its first bytes; `None` if they are another's.
pub(super) fn open(bytes: &[u8]) -> Option<Format> {
    cdns::begins(bytes).then(|| Format::Cdns(Box::default()))
}

impl Reader {
    /// What stands at the start of `bytes`.
    pub(super) fn step(&mut self, bytes: &[u8], last_ns: i64) -> Step {
        self.before = self.reader.clone();
        match self.reader.step(bytes) {
            cdns::Step::Preamble { length } => {
                match FilePreamble::parse(&bytes[..length], &mut Faults::default()) {
                    Ok(preamble) => (self.preamble, self.is_new) = (Some(Arc::new(preamble)), true),
                    Err(refused) => return Step::Damaged(refused.what()),
                }
                Step::Other { length: length as u64 }
            }
            cdns::Step::Block { length } => {
                let linktype = Record::CDNS;
                let time_ns = self.time_ns(&bytes[..length]).unwrap_or(last_ns);
                Step::Packet { start: 0, caplen: length, time_ns, linktype, length }
            }
            cdns::Step::End { length: 0 } if bytes.is_empty() => Step::More,
            cdns::Step::End { length: 0 } => Step::Damaged("bytes behind the end of a C-DNS file"),
            cdns::Step::End { length } => Step::Other { length: length as u64 },
            cdns::Step::More => Step::More,
            cdns::Step::Refused(refused) => Step::Damaged(refused.what()),
        }
    }

    /// There was no room for what the last step found: it will be asked for again.
    pub(super) fn again(&mut self) {
        self.reader.clone_from(&self.before);
    }

    /// The preamble, once.
    pub(super) fn new_preamble(&mut self) -> Option<Arc<FilePreamble>> {
        std::mem::take(&mut self.is_new).then(|| self.preamble.clone()).flatten()
    }

    /// Whether `bytes`, with which the input ends, are a block of which something can be read.
    pub(super) fn has_items(&self, bytes: &[u8]) -> bool {
        self.preamble.as_ref().is_some_and(|preamble| Block::parse_cut(bytes, preamble).is_ok())
    }

    fn time_ns(&self, block: &[u8]) -> Option<i64> {
        Block::earliest_ns(block, self.preamble.as_ref()?)
    }
}
