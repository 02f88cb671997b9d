//! Captures: from streams of bytes to chunks of packets.
//!
//! The [`Cutter`] reads into a buffer, hops from record header to record header, and ties off a [`Chunk`]: whole records,
//! their timestamps, and the capture's clock after each. It touches no payload. A capture may come in many inputs
//! ([`Inputs`]); where it was cut into them changes nothing. The formats differ only in how a record header reads
//! (`classic`, `pcapng`, `merge`); all that follows sees records.

mod cdns;
mod classic;
mod clock;
mod cutter;
mod dnstap;
mod inputs;
mod live;
mod merge;
mod pcapng;

pub use cutter::{Cutter, Ending, Regression, Settings};
pub use inputs::{InputError, Inputs, InputsRead, Listed, single};
pub use live::{Batch, Composer};

use crate::cdns::FilePreamble;
use crate::limits;
use crate::packet::Origin;
use std::io;
use std::sync::Arc;
use thiserror::Error;

/// A packet in a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// The packet's own timestamp, ns since 1970 UTC.
    pub time_ns: i64,
    /// The capture's clock after this packet, ns.
    pub clock_ns: i64,
    /// Where its bytes start in the chunk's.
    pub start: u32,
    /// How many bytes were captured.
    pub caplen: u32,
    /// Link type of the interface it was captured on; [`Record::NO_LINKTYPE`] if the capture does not tell.
    pub linktype: u16,
}

impl Record {
    /// The packet names an interface that was never described.
    pub const NO_LINKTYPE: u16 = u16::MAX;
    /// No packet but a dnstap frame. (Link types are numbered from below, and are few.)
    pub const DNSTAP: u16 = u16::MAX - 1;
    /// No packet but a block of a C-DNS file.
    pub const CDNS: u16 = u16::MAX - 2;
    /// The beginning of one whose end is missing.
    pub const CDNS_CUT: u16 = u16::MAX - 3;
    /// No packet but a datagram in which Knot DNS tells of a query.
    pub const KNOT: u16 = u16::MAX - 4;

    /// What stands where a packet would, in words, by its link type; `None` if that is one, and it is a packet.
    pub fn no_packet(linktype: u16) -> Option<&'static str> {
        match linktype {
            Record::DNSTAP => Some("dnstap frame"),
            Record::CDNS => Some("C-DNS block"),
            Record::CDNS_CUT => Some("C-DNS block that was cut off"),
            Record::KNOT => Some("datagram of Knot DNS"),
            _ => None,
        }
    }
}

/// A run of whole records.
#[derive(Debug, Default)]
pub struct Chunk {
    /// Position in the capture of the first packet, from 0.
    pub first_position: u64,
    /// The clock before the first packet, ns; the first packet of all sets its own.
    pub clock_before_ns: i64,
    /// The bytes as read, up to `filled`; records point into them.
    pub bytes: Vec<u8>,
    /// How much of `bytes` is in use.
    pub filled: usize,
    /// The packets, in capture order.
    pub records: Vec<Record>,
    /// Where they come from.
    pub origins: Vec<Origin>,
    /// The preambles of those inputs among them that are C-DNS files.
    pub preambles: Vec<(u32, Arc<FilePreamble>)>,
    /// Whether no packet came behind these for a while, as it happens in a capture that has not ended.
    pub is_quiet: bool,
    /// Whether somebody who reads along has waited long enough for the rows up to here, as it happens there too: no output should
    /// hold them back.
    pub is_due: bool,
    /// The clock behind the chunk, after that while if there was one, ns; if the capture has not ended.
    pub live_until_ns: Option<i64>,
}

impl Chunk {
    /// The captured bytes of a packet.
    #[inline]
    pub fn packet(&self, record: &Record) -> &[u8] {
        &self.bytes[record.start as usize..][..record.caplen as usize]
    }
}

/// Gives the chunks of a capture, one after the other: those of files ([`Cutter`]), or of one that has not ended.
pub trait Chunks: Send {
    /// The next chunk, in the memory of `chunk`; `None` at the end of the capture.
    ///
    /// # Errors
    /// Why it cannot be read further.
    fn next(&mut self, chunk: Chunk) -> Result<Option<Chunk>, InputError>;

    /// What was seen of the capture; meaningful after the last chunk.
    fn read(&mut self) -> CaptureRead;
}

/// What was seen of a capture by whoever cut it.
#[derive(Debug, Default)]
pub struct CaptureRead {
    /// What became of the inputs.
    pub inputs: InputsRead,
    /// How often a timestamp was earlier than the one before.
    pub regressions: u64,
    /// The first time it was.
    pub first_regression: Option<Regression>,
    /// Timestamps of the first and the last packet, ns; `None` if there was none.
    pub first_and_last_ns: Option<(i64, i64)>,
}

/// Why a capture cannot be read at all, or not further.
#[derive(Debug, Error)]
pub enum CaptureError {
    /// The first bytes are those of no capture.
    #[error("not a packet capture: it starts with {0:02x?}, which is none of pcap, pcapng, dnstap, C-DNS")]
    NotACapture(Vec<u8>),
    /// A stream of frames, but not of dnstap's.
    #[error("a frame stream of '{0}', not of dnstap")]
    OtherFrames(String),
    /// A stream of frames that cannot be.
    #[error("a damaged frame stream: {0}")]
    FramesDamaged(&'static str),
    /// The stream ends inside the file header.
    #[error("not a packet capture: it ends after {0} bytes, inside the file header")]
    HeaderCut(usize),
    /// A timestamp goes backwards although the plan says it must not.
    #[error(
        "packet {} at {} ns is earlier than packet {} at {} ns", .0.position + 1, .0.time_ns, .0.position, .0.previous_ns
    )]
    Regression(Regression),
    /// Blocks are no packets that could be sorted by time.
    #[error("C-DNS files cannot be merged by time: their blocks overlap; read them one after the other")]
    BlocksToMerge,
    /// All captures that are merged are open at once.
    #[error(
        "no more than {} captures can be merged at once: join those that follow each other, or merge some of them first",
        limits::MERGED_MAX
    )]
    TooManyToMerge,
    /// The first bytes cannot be read.
    #[error("cannot read the capture")]
    Read(#[from] io::Error),
}

/// The longest file header of a capture.
pub const FILE_HEADER_MAX: usize = classic::FILE_HEADER;

/// Looks whether a stream that begins with these bytes, [`FILE_HEADER_MAX`] of them if there are so many, is a capture that
/// can be read.
///
/// # Errors
/// [`CaptureError`] if it is none.
///
/// ```
/// use dpp::capture;
/// assert!(capture::check_header(b"GET / HTTP/1.1").is_err());
/// ```
pub fn check_header(bytes: &[u8]) -> Result<(), CaptureError> {
    Format::recognise(bytes).map(|_| ())
}

/// Whether a stream that begins with these bytes may lack what packets always have: the format holds messages, not packets.
pub fn is_sparse(bytes: &[u8]) -> bool {
    crate::dnstap::frames::begins(bytes) || crate::cdns::begins(bytes)
}

/// What stands at a place in the stream.
enum Step {
    /// A packet: its bytes, from the place; its time; the length of the whole record.
    Packet { start: usize, caplen: usize, time_ns: i64, linktype: u16, length: usize },
    /// Something without a packet, so many bytes long.
    Other { length: u64 },
    /// A record that is longer than any that makes sense, and is passed over.
    TooLong { length: u64 },
    /// More bytes are needed to tell.
    More,
    /// A header that cannot be.
    Damaged(&'static str),
}

/// A record format.
#[derive(Clone, Debug)]
enum Format {
    Classic(classic::Reader),
    OddClassic(classic::OddReader),
    Pcapng(pcapng::Reader),
    Dnstap(dnstap::Reader),
    Cdns(Box<cdns::Reader>),
    /// What [`merge`] makes; no file is recognised as that.
    Merged,
}

impl Format {
    /// A format before anything is read.
    fn none() -> Format {
        Format::Pcapng(pcapng::Reader::new())
    }

    /// Recognises the format by the first bytes of a capture. Gives also how many bytes the file header takes.
    fn recognise(bytes: &[u8]) -> Result<(Format, usize), CaptureError> {
        if pcapng::Reader::begins(bytes) {
            return Ok((Format::Pcapng(pcapng::Reader::new()), 0));
        }
        if let Some(format) = cdns::open(bytes) {
            return Ok((format, 0));
        }
        if let Some(format) = dnstap::open(bytes) {
            return Ok((format, 0));
        }
        match classic::open(bytes) {
            Some(format) => Ok((format?, classic::FILE_HEADER)),
            None => Err(CaptureError::NotACapture(bytes[..bytes.len().min(4)].to_vec())),
        }
    }

    /// What the record at the start of `bytes` is. `last_ns` dates packets that carry no time.
    #[inline(always)]
    fn step(&mut self, bytes: &[u8], last_ns: i64) -> Step {
        match self {
            Format::Classic(reader) => reader.step(bytes),
            Format::Pcapng(reader) => reader.step(bytes, last_ns),
            _ => self.step_seldom(bytes, last_ns),
        }
    }

    /// Formats that are not worth a place in the loop: with more than two the choice becomes a jump through a table.
    #[cold]
    #[inline(never)]
    fn step_seldom(&mut self, bytes: &[u8], last_ns: i64) -> Step {
        match self {
            Format::OddClassic(reader) => reader.step(bytes),
            Format::Merged => merge::step(bytes),
            Format::Dnstap(reader) => reader.step(bytes, last_ns),
            Format::Cdns(reader) => reader.step(bytes, last_ns),
            Format::Classic(_) | Format::Pcapng(_) => unreachable!("met often"),
        }
    }

    /// How long the record at the start of `bytes` is without padding, if the format pads and that can be told.
    fn unpadded(&self, bytes: &[u8]) -> Option<u64> {
        match self {
            Format::Pcapng(reader) => reader.unpadded(bytes),
            _ => None,
        }
    }
}
