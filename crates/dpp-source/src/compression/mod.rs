//! The compressions a capture may come in: one table, one file for each.
//!
//! All five formats allow *members* (gzip's word; frames or streams elsewhere) to be concatenated, so the
//! surprising fact is that none is unpacked by its library's convenient reader: those differ in what they do
//! at the end of a member, and lose what they had unpacked when they meet damage. [`members`] treats all
//! alike; a format only says how one member is unpacked. To add one: a file here and a row in [`FORMATS`].
//! [`crate::source`] calls this.

mod bzip2;
mod gzip;
mod lz4;
mod members;
mod step;
#[cfg(test)]
mod tests;
mod xz;
mod zstd;

use std::io::Read;

use crate::intake::Intake;
use crate::source::Warnings;
use members::Members;

/// How a capture is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip (RFC 1952).
    Gzip,
    /// Zstandard (RFC 8878).
    Zstd,
    /// The .xz format 1.2.
    Xz,
    /// The LZ4 frame format 1.6.
    Lz4,
    /// bzip2.
    Bzip2,
}

impl Compression {
    /// Its usual name: "gzip"; "none" for [`Compression::None`].
    pub fn name(self) -> &'static str {
        format(self).map_or("none", |format| format.name)
    }

    /// `name` as messages call the content it unpacks to.
    pub(crate) fn describe(self, name: String) -> String {
        format(self).map_or(name.clone(), |format| format!("{name} (unpacked from {})", format.name))
    }
}

/// Enough bytes to tell the compressions, and captures from them.
pub(crate) const MAGIC_MAX: usize = 6;

/// The memory a decompressor may take for its window. What the tools write unless told otherwise needs at
/// most 128 MiB (zstd) and 65 MiB (xz); a hostile header can ask for 4 GiB.
const WINDOW_BYTES_MAX: u64 = 128 << 20;

/// What a format is known by and how it is unpacked.
struct Format {
    compression: Compression,
    name: &'static str,
    /// The first bytes of every member.
    magic: &'static [u8],
    /// What may follow the last member.
    tail: Tail,
    /// Whether skippable frames may stand between members.
    skippable: bool,
    unpack: fn(Intake) -> Box<dyn Unpack>,
}

/// What may stand where no further member begins.
#[derive(Clone, Copy, PartialEq)]
enum Tail {
    /// Nothing: the format's own tool calls anything else damage.
    Nothing,
    /// Zeros, which pad to a multiple of four bytes.
    Zeros,
    /// Zeros (tapes leave them) or anything, which the format's own tool ignores with a warning.
    Anything,
}

static FORMATS: [Format; 5] = [
    Format {
        compression: Compression::Gzip,
        name: "gzip",
        // The third byte is the only compression method there is: deflate.
        magic: &[0x1f, 0x8b, 8],
        tail: Tail::Anything,
        skippable: false,
        unpack: gzip::unpack,
    },
    Format {
        compression: Compression::Zstd,
        name: "zstd",
        magic: &[0x28, 0xb5, 0x2f, 0xfd],
        tail: Tail::Nothing,
        skippable: true,
        unpack: zstd::unpack,
    },
    Format {
        compression: Compression::Xz,
        name: "xz",
        magic: &[0xfd, b'7', b'z', b'X', b'Z', 0],
        tail: Tail::Zeros,
        skippable: false,
        unpack: xz::unpack,
    },
    Format {
        compression: Compression::Lz4,
        name: "lz4",
        magic: &[0x04, 0x22, 0x4d, 0x18],
        tail: Tail::Nothing,
        skippable: true,
        unpack: lz4::unpack,
    },
    Format {
        compression: Compression::Bzip2,
        name: "bzip2",
        magic: b"BZh",
        tail: Tail::Anything,
        skippable: false,
        unpack: bzip2::unpack,
    },
];

fn format(compression: Compression) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.compression == compression)
}

/// The compression these first bytes begin. A skippable frame, which zstd and lz4 share, counts as zstd:
/// only its tools write one in front.
pub(crate) fn recognise(first_bytes: &[u8]) -> Option<Compression> {
    let known = FORMATS.iter().find(|format| first_bytes.starts_with(format.magic));
    let known = known.map(|format| format.compression);
    known.or_else(|| begins_skippable(first_bytes).then_some(Compression::Zstd))
}

/// A skippable frame: 5x 2a 4d 18, its length as u32 LE, that many bytes for someone else (RFC 8878 3.1.2).
fn begins_skippable(bytes: &[u8]) -> bool {
    matches!(bytes, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

/// The unpacked bytes of `intake`, whose first bytes were recognised as `compression`.
pub(crate) fn unpack(compression: Compression, intake: Intake, warnings: Warnings) -> impl Read + Send {
    let format = format(compression).expect("only a recognised compression is unpacked");
    Members::new(format, intake, warnings)
}

/// Unpacks one member after the other.
trait Unpack: Send {
    /// Where the compressed bytes come from; between members it stands exactly behind the last one.
    fn intake(&mut self) -> &mut Intake;

    /// Prepares for the member that begins at the intake.
    fn begin(&mut self);

    /// Unpacks some bytes of the member; 0 at its end. `out` is not empty.
    fn read(&mut self, out: &mut [u8]) -> Result<usize, Fault>;
}

/// What is wrong with a member.
#[derive(Debug, Clone, PartialEq)]
enum Fault {
    /// The bytes ended inside it.
    CutOff,
    /// It contradicts its format; the library's words.
    Damaged(String),
}
