//! The captures of the collection, unpacked: `captures/`, or the folder that `DPP_CAPTURES` names.

use std::io::Read;
use std::path::{Path, PathBuf};

/// A capture.
pub(crate) struct Capture {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    /// Whether it is of messages, and packets have to be asked for: what servers tell, and C-DNS.
    pub(crate) is_sparse: bool,
}

/// Where the collection is.
pub(crate) fn folder() -> PathBuf {
    let own = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../captures");
    std::env::var_os("DPP_CAPTURES").map_or_else(own, PathBuf::from)
}

/// All of it, always in the same order. Tables of what others read stand beside captures, and are none.
pub(crate) fn all() -> impl Iterator<Item = Capture> {
    let files = ["files", "cdns"].map(|name| std::fs::read_dir(folder().join(name)).expect("captures"));
    let paths = files.into_iter().flatten().map(|entry| entry.expect("an entry").path());
    let mut paths: Vec<PathBuf> = paths.filter(|path| !path.to_string_lossy().contains(".tsv")).collect();
    paths.sort();
    paths.into_iter().map(|path| {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let is_sparse = [".dnstap", ".fstrm", ".cdns", ".cbor"].iter().any(|kind| name.contains(kind));
        Capture { bytes: bytes(&path), name, is_sparse }
    })
}

/// What is in a file, unpacked if its name says that it is packed.
pub(crate) fn bytes(path: &Path) -> Vec<u8> {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut unpacked = Vec::new();
    let read = match path.extension().and_then(|extension| extension.to_str()) {
        Some("xz") => liblzma::read::XzDecoder::new(&bytes[..]).read_to_end(&mut unpacked),
        Some("gz") => flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_end(&mut unpacked),
        _ => return bytes,
    };
    read.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    unpacked
}
