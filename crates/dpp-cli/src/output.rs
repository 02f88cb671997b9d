//! Where the table goes: standard output, a file that gets its name when it is complete, or a receiver of dnstap.
//!
//! [`checks`](crate::checks) decides which of them; [`run`](crate::run) opens it, once the input is known to
//! be a capture, and closes it.

use crate::dataset;
use crate::inputs::Input;
use anyhow::bail;
use dpp_sink::part_file::{PartFile, part_path};
use dpp_sink::relay::{self, Relay};
use dpp_source::Identity;
use std::ffi::OsString;
use std::fs::{self, File, Metadata};
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What cannot be done when standard output fails.
pub(crate) const STDOUT: &str = "cannot write to standard output";

/// Where the tables of a run go.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    /// All rows to one.
    One(Output),
    /// A table for each capture, with such an extension.
    Directory { path: PathBuf, extension: &'static str },
    /// A dataset.
    Dataset(Box<dataset::Wish>),
}

impl Target {
    /// The one output, if there is one.
    pub(crate) fn one(&self) -> Option<&Output> {
        match self {
            Target::One(output) => Some(output),
            Target::Directory { .. } | Target::Dataset(_) => None,
        }
    }

    /// The output of this capture alone, if it has one.
    pub(crate) fn of(&self, capture: &Input) -> Option<Output> {
        match self {
            Target::One(_) | Target::Dataset(_) => None,
            Target::Directory { path, extension } => {
                Some(Output::Path(path.join(table_name(capture, extension))))
            }
        }
    }
}

/// What compressed files end with; two layers are unpacked.
const COMPRESSIONS: [&str; 6] = ["gz", "zst", "xz", "lz4", "bz2", "zstd"];

/// What captures end with.
const CAPTURES: [&str; 5] = ["pcap", "pcapng", "cap", "dmp", "ntar"];

/// What logs of servers end with that are captures here.
const LOGS: [&str; 2] = ["dnstap", "cdns"];

/// The name of a capture's table: that of the capture without the extensions of compressions and captures, and
/// with the table's. `eth0.pcap.gz` gives `eth0.csv`; `eth0.pcap7`, as tcpdump numbers them, `eth0.pcap7.csv`.
fn table_name(capture: &Input, extension: &str) -> OsString {
    let mut table = table_stem(capture);
    table.push(format!(".{extension}"));
    table
}

/// That name without its extension.
pub(crate) fn table_stem(capture: &Input) -> OsString {
    let Input::Path(path) = capture else { return "stdin".into() };
    let mut name = unpacked_name(path);
    if has_extension(&name, &CAPTURES) {
        name.set_extension("");
    }
    name.into_os_string()
}

/// Whether a file is called like a capture or a log of a server, packed or not.
pub(crate) fn is_called_capture(path: &Path) -> bool {
    let name = unpacked_name(path);
    has_extension(&name, &CAPTURES) || has_extension(&name, &LOGS)
}

/// A file's name without the extensions of compressions.
fn unpacked_name(path: &Path) -> PathBuf {
    let mut name = PathBuf::from(path.file_name().unwrap_or_default());
    for _ in 0..2 {
        if has_extension(&name, &COMPRESSIONS) {
            name.set_extension("");
        }
    }
    name
}

fn has_extension(name: &Path, known: &[&str]) -> bool {
    name.extension().is_some_and(|own| known.iter().any(|known| own.eq_ignore_ascii_case(known)))
}

/// An output that nothing speaks against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    Stdout,
    /// A file, there already or not; or a device or FIFO.
    Path(PathBuf),
    /// A receiver of dnstap.
    Relay(Box<relay::Settings>),
}

impl Output {
    /// Refuses to write over a capture, under any name.
    ///
    /// # Errors
    /// Which capture it is.
    pub(crate) fn check_spares(&self, captures: &[Input]) -> anyhow::Result<()> {
        let Output::Path(path) = self else { return Ok(()) };
        let files = [path.clone(), part_path(path)];
        let files = files.iter().filter_map(|file| fs::metadata(file).ok().as_ref().map(Identity::from));
        for file in files {
            if let Some(capture) = captures.iter().find(|capture| capture.identity() == Some(file)) {
                bail!(
                    "the output '{}' and the input {} are the same file; choose another output",
                    path.display(),
                    capture.name()
                )
            }
        }
        Ok(())
    }

    /// Whether nobody sees what is written before it is complete, so that it can be written anew.
    pub(crate) fn is_replaced(&self) -> bool {
        matches!(self, Output::Path(path) if !path.exists() || path.is_file())
    }

    /// Opens it; a file under its `.part` name. A receiver's messages are counted there.
    pub(crate) fn open(&self, relayed: &Arc<relay::Counts>) -> anyhow::Result<Opened> {
        let opened = match self {
            Output::Stdout => io::stdout().as_fd().try_clone_to_owned().map(|fd| Opened::Stdout(fd.into())),
            Output::Path(path) => PartFile::create(path).map(Opened::Path),
            Output::Relay(settings) => {
                Relay::open_counted((**settings).clone(), Arc::clone(relayed)).map(Opened::Relay)
            }
        };
        opened.map_err(|error| self.explain(error))
    }

    /// What is called so by who asks for it: the address of a receiver.
    pub(crate) fn receiver(settings: &relay::Settings) -> String {
        match &settings.target {
            relay::Target::Unix(path) => format!("dnstap+unix:{}", path.display()),
            relay::Target::Tcp(place) => format!("dnstap+tcp://{place}"),
            relay::Target::Tls { address, .. } => format!("dnstap+tls://{address}"),
        }
    }

    /// An error of its, with its name. A [`PartFile`]'s has it already.
    pub(crate) fn explain(&self, error: impl Into<anyhow::Error>) -> anyhow::Error {
        match self {
            Output::Stdout => error.into().context(STDOUT),
            Output::Path(_) | Output::Relay(_) => error.into(),
        }
    }
}

/// An output that is being written.
pub(crate) enum Opened {
    Stdout(File),
    Path(PartFile),
    Relay(Relay),
}

impl Opened {
    /// Everything is written: a file gets its name.
    pub(crate) fn finish(self) -> io::Result<()> {
        match self {
            Opened::Stdout(mut file) => file.flush(),
            Opened::Path(file) => file.finish(),
            // What a live run dropped its report tells.
            Opened::Relay(relay) => relay.finish(),
        }
    }
}

impl Write for Opened {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Opened::Stdout(file) => file.write(bytes),
            Opened::Path(file) => file.write(bytes),
            Opened::Relay(relay) => relay.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Opened::Stdout(file) => file.flush(),
            Opened::Path(file) => file.flush(),
            Opened::Relay(relay) => relay.flush(),
        }
    }
}

/// Whether this is where standard output goes, as `/dev/stdout` is. What swallows everything, as `/dev/null`
/// does, may be both.
pub(crate) fn is_stdout(path: &Path) -> bool {
    let Ok(stdout) = of_descriptor(io::stdout()) else { return false };
    let swallows = stdout.file_type().is_char_device() && !io::stdout().is_terminal();
    !swallows && identity(path) == Some(Identity::from(&stdout))
}

/// The file of this path, if there is one.
pub(crate) fn identity(path: &Path) -> Option<Identity> {
    fs::metadata(path).ok().as_ref().map(Identity::from)
}

/// What is known of an open file.
///
/// # Errors
/// The system's.
pub(crate) fn of_descriptor(descriptor: impl AsFd) -> io::Result<Metadata> {
    File::from(descriptor.as_fd().try_clone_to_owned()?).metadata()
}

/// Whether an output failed because its reader has gone: it has all it wanted.
pub(crate) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let is_closed_pipe = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
    error.chain().any(|cause| cause.downcast_ref::<io::Error>().is_some_and(is_closed_pipe))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_called_like_its_capture() {
        for (capture, table) in [
            ("a/eth0-01.pcap", "eth0-01.csv"),
            ("eth0.PCAPNG.Gz", "eth0.csv"),
            ("eth0.pcap.gz.zst", "eth0.csv"),
            ("eth0.pcap7", "eth0.pcap7.csv"),
            ("2026.11.21", "2026.11.21.csv"),
            ("eth0.gz", "eth0.csv"),
            (".pcap", ".pcap.csv"),
        ] {
            assert_eq!(table_name(&Input::Path(capture.into()), "csv"), table, "{capture}");
        }
        assert_eq!(table_name(&Input::Stdin, "parquet"), "stdin.parquet");
    }
}
