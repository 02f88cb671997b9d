//! Where the bytes of a capture come from: a file, a FIFO, standard input, unpacked on the way in; and [`live`] sources, whose
//! capture has not ended.
//!
//! A [`Source`] is a plain [`std::io::Read`] over the *unpacked* capture. Names mean nothing here: what a
//! thing is, and how it is compressed, is read from its first bytes, which a pipe gives only once, so they
//! are looked at without being taken. Callers open a source, and hand it to the engine's cutter.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let path = std::env::temp_dir().join(format!("dpp-source-example-{}.pcap", std::process::id()));
//! # std::fs::write(&path, b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\x04\0\x01\0\0\0")?;
//! use std::io::Read;
//!
//! let mut source = dpp_source::Source::open(&path)?;
//! let mut header = [0; 24];
//! source.read_exact(&mut header)?;
//! assert_eq!(source.compression(), dpp_source::Compression::None);
//! assert_eq!(source.size(), Some(24));
//! # std::fs::remove_file(&path)?;
//! # Ok(())
//! # }
//! ```

mod compression;
mod descriptor;
mod error;
mod intake;
pub mod live;
mod recognise;
mod source;
#[cfg(test)]
mod testing;

pub use compression::Compression;
pub use error::SourceError;
pub use recognise::{Capture, Content, recognise};
pub use source::{Identity, Source, Warnings};
