//! The two codecs that every reader of Parquet has.

use parquet::basic::{self, ZstdLevel};
use parquet::errors::{ParquetError, Result};

/// How pages are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Snappy: fast, and read everywhere.
    Snappy,
    /// Zstandard at a level from 1 to 22.
    Zstd(i32),
}

impl Compression {
    /// Whether a Zstandard level exists.
    pub fn is_level(level: i32) -> bool {
        ZstdLevel::try_new(level).is_ok()
    }
}

/// A codec at work. One for each lane, and one for each column whose pages end by bytes, so that what it remembers is
/// the same on every run; its tables take a megabyte.
pub(super) struct Compressor {
    codec: Codec,
    /// What the footer calls it.
    name: basic::Compression,
    /// Room for the largest page so far.
    room: Vec<u8>,
}

enum Codec {
    Snappy(Box<snap::raw::Encoder>),
    Zstd(zstd::bulk::Compressor<'static>),
}

impl Compressor {
    pub(super) fn new(compression: Compression) -> Result<Self> {
        let (codec, name) = match compression {
            Compression::Snappy => {
                (Codec::Snappy(Box::new(snap::raw::Encoder::new())), basic::Compression::SNAPPY)
            }
            Compression::Zstd(level) => {
                let name = basic::Compression::ZSTD(ZstdLevel::try_new(level)?);
                (Codec::Zstd(zstd::bulk::Compressor::new(level)?), name)
            }
        };
        Ok(Compressor { codec, name, room: Vec::new() })
    }

    /// What the footer calls this.
    pub(super) fn name(&self) -> basic::Compression {
        self.name
    }

    /// The compressed form of a page.
    pub(super) fn compress(&mut self, page: &[u8]) -> Result<&[u8]> {
        let most = match &self.codec {
            Codec::Snappy(_) => snap::raw::max_compress_len(page.len()),
            Codec::Zstd(_) => zstd::zstd_safe::compress_bound(page.len()),
        };
        if self.room.len() < most {
            self.room.resize(most, 0);
        }
        let length = match &mut self.codec {
            Codec::Snappy(snappy) => snappy.compress(page, &mut self.room).map_err(external)?,
            Codec::Zstd(zstd) => zstd.compress_to_buffer(page, &mut self.room[..])?,
        };
        Ok(&self.room[..length])
    }
}

fn external(error: snap::Error) -> ParquetError {
    ParquetError::External(Box::new(error))
}
