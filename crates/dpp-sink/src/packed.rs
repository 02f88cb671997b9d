//! Compression around a whole table: gzip (RFC 1952) or zstd (RFC 8878).
//!
//! [`Packed`] is a writer between a sink and its file. What comes out is a function of what goes in: the header of gzip has
//! neither time nor name, and calls to `write` may be cut as they like. The surprising fact: for that the compressor has to
//! get blocks of fixed length, for where it finds matches depends on how much it has seen when it looks. One member or frame
//! holds everything, which every reader understands. `flush` is for whoever reads along: everything up to there can be unpacked
//! then, for a few bytes more and where somebody wanted it, so a table of which only the whole matters is never flushed.
//! [`Packed::finish`] ends everything. Without that, what was written has no end, and readers notice.

use flate2::write::GzEncoder;
use std::fmt;
use std::io::{self, Write};

/// Level of gzip.
const GZIP_LEVEL: u32 = 6;
/// Level of zstd, its default.
const ZSTD_LEVEL: i32 = 3;

/// What the compressor gets at once.
const BLOCK: usize = 256 << 10;

/// A compression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// gzip.
    Gzip,
    /// zstd, with a checksum.
    Zstd,
}

/// A writer that compresses, or not.
///
/// ```
/// use dpp_sink::packed::{Packed, Packing};
/// use std::io::{Read, Write};
/// let mut packed = Packed::new(Vec::new(), Some(Packing::Gzip))?;
/// packed.write_all(b"name,query_type\n")?;
/// let bytes = packed.finish()?;
/// let mut text = String::new();
/// flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text)?;
/// assert_eq!(text, "name,query_type\n");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Packed<W: Write> {
    packer: Packer<W>,
    /// What the compressor has not got.
    block: Vec<u8>,
    /// Whether the compressor holds something back.
    holds_back: bool,
}

enum Packer<W: Write> {
    Plain(W),
    Gzip(GzEncoder<W>),
    Zstd(zstd::Encoder<'static, W>),
}

impl<W: Write> Packed<W> {
    /// A writer around `out`.
    ///
    /// # Errors
    /// zstd has no memory.
    pub fn new(out: W, packing: Option<Packing>) -> io::Result<Self> {
        let packer = match packing {
            None => Packer::Plain(out),
            Some(Packing::Gzip) => Packer::Gzip(GzEncoder::new(out, flate2::Compression::new(GZIP_LEVEL))),
            Some(Packing::Zstd) => {
                let mut encoder = zstd::Encoder::new(out, ZSTD_LEVEL)?;
                encoder.include_checksum(true)?;
                Packer::Zstd(encoder)
            }
        };
        Ok(Packed { packer, block: Vec::new(), holds_back: false })
    }

    /// Ends what is compressed, and gives the writer back.
    ///
    /// # Errors
    /// The writer's.
    pub fn finish(mut self) -> io::Result<W> {
        self.pack()?;
        match self.packer {
            Packer::Plain(out) => Ok(out),
            Packer::Gzip(encoder) => encoder.finish(),
            Packer::Zstd(encoder) => encoder.finish(),
        }
    }

    /// Compresses the block.
    fn pack(&mut self) -> io::Result<()> {
        match &mut self.packer {
            Packer::Plain(out) => out.write_all(&self.block)?,
            Packer::Gzip(encoder) => encoder.write_all(&self.block)?,
            Packer::Zstd(encoder) => encoder.write_all(&self.block)?,
        }
        self.holds_back |= !self.block.is_empty();
        self.block.clear();
        Ok(())
    }
}

impl<W: Write> fmt::Debug for Packer<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Packer::Plain(_) => "Plain",
            Packer::Gzip(_) => "Gzip",
            Packer::Zstd(_) => "Zstd",
        })
    }
}

impl<W: Write> Write for Packed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Packer::Plain(out) = &mut self.packer {
            return out.write(bytes);
        }
        let taken = bytes.len().min(BLOCK - self.block.len());
        self.block.extend_from_slice(&bytes[..taken]);
        if self.block.len() == BLOCK {
            self.pack()?;
        }
        Ok(taken)
    }

    /// Hands on everything, so that it can be unpacked up to here.
    fn flush(&mut self) -> io::Result<()> {
        self.pack()?;
        let holds_back = std::mem::take(&mut self.holds_back);
        match &mut self.packer {
            Packer::Plain(out) => out.flush(),
            Packer::Gzip(encoder) if holds_back => encoder.flush(),
            Packer::Zstd(encoder) if holds_back => encoder.flush(),
            Packer::Gzip(encoder) => encoder.get_mut().flush(),
            Packer::Zstd(encoder) => encoder.get_mut().flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    const ALL: [Option<Packing>; 3] = [None, Some(Packing::Gzip), Some(Packing::Zstd)];

    /// Text that is not all alike.
    fn text() -> Vec<u8> {
        (0..60_000u32)
            .flat_map(|row| format!("{},host{}\n", row * 7919 % 65_521, row % 613).into_bytes())
            .collect()
    }

    fn packed(packing: Option<Packing>, cut: usize) -> Vec<u8> {
        let mut packed = Packed::new(Vec::new(), packing).unwrap();
        for piece in text().chunks(cut) {
            packed.write_all(piece).unwrap();
        }
        packed.finish().unwrap()
    }

    /// What can be unpacked of a file that has no end.
    fn beginning(packing: Option<Packing>, bytes: &[u8]) -> Vec<u8> {
        let mut text = Vec::new();
        let ended = match packing {
            None => return bytes.to_vec(),
            Some(Packing::Gzip) => flate2::read::GzDecoder::new(bytes).read_to_end(&mut text),
            Some(Packing::Zstd) => zstd::Decoder::new(bytes).unwrap().read_to_end(&mut text),
        };
        assert!(ended.is_err(), "it has no end");
        text
    }

    impl Packed<Vec<u8>> {
        fn get_ref(&self) -> &Vec<u8> {
            match &self.packer {
                Packer::Plain(out) => out,
                Packer::Gzip(encoder) => encoder.get_ref(),
                Packer::Zstd(encoder) => encoder.get_ref(),
            }
        }
    }

    fn unpacked(packing: Option<Packing>, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        match packing {
            None => text = bytes.to_vec(),
            Some(Packing::Gzip) => _ = flate2::read::GzDecoder::new(bytes).read_to_end(&mut text)?,
            Some(Packing::Zstd) => text = zstd::decode_all(bytes)?,
        }
        Ok(text)
    }

    #[test]
    fn what_comes_out_unpacks_to_what_went_in_and_does_not_know_how_it_was_cut() {
        for packing in ALL {
            let whole = packed(packing, usize::MAX);
            assert!(unpacked(packing, &whole).unwrap() == text());
            for cut in [7, 1000, 65_536, 300_000] {
                assert!(packed(packing, cut) == whole, "{packing:?} {cut}");
            }
        }
    }

    #[test]
    fn what_was_flushed_can_be_unpacked_before_there_is_an_end() {
        for packing in ALL {
            let mut packed = Packed::new(Vec::new(), packing).unwrap();
            for (at, piece) in text().chunks(100_000).enumerate() {
                packed.write_all(piece).unwrap();
                packed.flush().unwrap();
                let length = packed.get_ref().len();
                packed.flush().unwrap();
                assert_eq!(packed.get_ref().len(), length, "nothing new, nothing to be written");
                assert!(beginning(packing, packed.get_ref()) == text()[..at * 100_000 + piece.len()]);
            }
            assert!(unpacked(packing, &packed.finish().unwrap()).unwrap() == text());
        }
    }

    #[test]
    fn a_cut_file_does_not_pass_for_a_whole_one() {
        for packing in [Packing::Gzip, Packing::Zstd] {
            let whole = packed(Some(packing), usize::MAX);
            assert!(unpacked(Some(packing), &whole[..whole.len() - 1]).is_err());
        }
    }

    #[test]
    fn gzip_has_neither_time_nor_name() {
        assert_eq!(packed(Some(Packing::Gzip), 99)[..10], [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255]);
    }

    #[test]
    fn errors_of_the_writer_are_passed_on() {
        /// Takes so many bytes.
        struct Full(usize);
        impl Write for Full {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        for (packing, room) in ALL.into_iter().flat_map(|packing| [(packing, 0), (packing, 100_000)]) {
            let mut packed = Packed::new(Full(room), packing).unwrap();
            let written = packed.write_all(&text()).and_then(|()| packed.finish().map(|_| ()));
            assert_eq!(written.unwrap_err().kind(), io::ErrorKind::StorageFull, "{packing:?} {room}");
        }
    }
}
