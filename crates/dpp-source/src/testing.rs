//! Readers, captures and places on disk that the tests of this crate share.

use std::fs;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::compression::Compression;

/// Gives one byte at a time, like the slowest of pipes.
pub(crate) struct Trickle(io::Cursor<Vec<u8>>);

impl Trickle {
    pub(crate) fn of(bytes: &[u8]) -> Trickle {
        Trickle(io::Cursor::new(bytes.to_vec()))
    }
}

impl Read for Trickle {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let len = out.len().min(1);
        self.0.read(&mut out[..len])
    }
}

/// Gives some bytes, then an error that no decompressor makes.
pub(crate) struct Failing(io::Cursor<Vec<u8>>);

impl Failing {
    pub(crate) fn after(bytes: &[u8]) -> Failing {
        Failing(io::Cursor::new(bytes.to_vec()))
    }
}

impl Read for Failing {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self.0.read(out)? {
            0 => Err(io::ErrorKind::ConnectionReset.into()),
            given => Ok(given),
        }
    }
}

/// A classic pcap of `len` bytes, header included; its body is neither constant nor quite random, so that
/// it can be compressed, but not to nothing.
pub(crate) fn capture(len: usize) -> Vec<u8> {
    let header = [0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0];
    let mut state = 1u32;
    let body = std::iter::repeat_with(move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8 & 0x1f
    });
    header.into_iter().chain(body).take(len).collect()
}

/// `plain` as one member, with all the checksums the format knows.
pub(crate) fn pack(compression: Compression, plain: &[u8]) -> Vec<u8> {
    match compression {
        Compression::None => Ok(plain.to_vec()),
        Compression::Gzip => {
            written(flate2::write::GzEncoder::new(vec![], flate2::Compression::fast()), plain)
                .and_then(|encoder| encoder.finish())
        }
        Compression::Zstd => zstd::Encoder::new(vec![], 1).and_then(|mut encoder| {
            encoder.include_checksum(true)?;
            written(encoder, plain)?.finish()
        }),
        Compression::Xz => {
            written(liblzma::write::XzEncoder::new(vec![], 1), plain).and_then(|encoder| encoder.finish())
        }
        Compression::Lz4 => {
            let frame = lz4_flex::frame::FrameInfo::new().content_checksum(true);
            let frame = frame.block_size(lz4_flex::frame::BlockSize::Max64KB);
            written(lz4_flex::frame::FrameEncoder::with_frame_info(frame, vec![]), plain)
                .and_then(|encoder| Ok(encoder.finish()?))
        }
        Compression::Bzip2 => {
            written(bzip2::write::BzEncoder::new(vec![], bzip2::Compression::fast()), plain)
                .and_then(|encoder| encoder.finish())
        }
    }
    .unwrap()
}

fn written<W: Write>(mut encoder: W, plain: &[u8]) -> io::Result<W> {
    encoder.write_all(plain)?;
    Ok(encoder)
}

/// All that `reader` gives in reads of up to `step` bytes, and how it ended.
pub(crate) fn drain(mut reader: impl Read, step: usize) -> (Vec<u8>, io::Result<()>) {
    let mut all = Vec::new();
    let mut out = vec![0; step];
    loop {
        match reader.read(&mut out) {
            Ok(0) => return (all, Ok(())),
            Ok(given) => all.extend_from_slice(&out[..given]),
            Err(error) => return (all, Err(error)),
        }
    }
}

/// A directory of a test's own, removed with all that is in it.
pub(crate) struct Place(PathBuf);

impl Place {
    pub(crate) fn new() -> Place {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let ordinal = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("dpp-source-{}-{ordinal}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Place(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// A file in it.
    pub(crate) fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        fs::write(self.path(name), bytes).unwrap();
        self.path(name)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
