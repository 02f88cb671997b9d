//! Claims about whole sources: files, FIFOs, devices, standard input; what is refused, and how it ends.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;
use std::thread;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::io::Errno;

use super::*;
use crate::testing::{Place, capture, drain, pack};

const STEP: usize = 256 * 1024;

/// Why this path is refused.
fn refusal(path: &Path) -> String {
    Source::open(path).err().expect("it must be refused").to_string()
}

/// Why a file of these bytes is refused, without its name.
fn refusal_of(bytes: &[u8]) -> String {
    let place = Place::new();
    let path = place.file("file", bytes);
    refusal(&path).replace(&format!("'{}'", path.display()), "FILE")
}

/// A FIFO in `place`.
fn fifo(place: &Place) -> PathBuf {
    let path = place.path("fifo");
    mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    path
}

#[test]
fn a_plain_file_is_given_as_it_is() {
    let place = Place::new();
    let path = place.file("no-name-of-a-capture", &capture(300_000));
    let source = Source::open(&path).unwrap();
    assert_eq!(source.compression(), Compression::None);
    assert_eq!(source.size(), Some(300_000));
    let consumed = source.consumed();
    let (bytes, end) = drain(source, STEP);
    end.unwrap();
    assert!(bytes == capture(300_000));
    assert_eq!(consumed.load(Ordering::Relaxed), 300_000);
}

#[test]
fn progress_counts_compressed_bytes() {
    let place = Place::new();
    let packed = pack(Compression::Zstd, &capture(300_000));
    let source = Source::open(&place.file("capture.pcap", &packed)).unwrap();
    assert_eq!(source.compression(), Compression::Zstd);
    assert_eq!(source.size(), Some(packed.len() as u64));
    let consumed = source.consumed();
    assert!(drain(source, STEP).0 == capture(300_000));
    assert_eq!(consumed.load(Ordering::Relaxed), packed.len() as u64);
}

#[test]
fn a_hard_link_has_the_same_identity() {
    let place = Place::new();
    let path = place.file("capture", &capture(24));
    fs::hard_link(&path, place.path("link")).unwrap();
    let other = place.file("other", &capture(24));
    let identity = |path: &Path| Source::open(path).unwrap().identity();
    assert_eq!(identity(&path), identity(&place.path("link")));
    assert_ne!(identity(&path), identity(&other));
    assert_eq!(identity(&other), Identity::from(&fs::metadata(&other).unwrap()));
}

#[test]
fn compressed_twice_is_unpacked_twice() {
    let place = Place::new();
    let packed = pack(Compression::Xz, &pack(Compression::Gzip, &capture(1000)));
    let source = Source::open(&place.file("capture", &packed)).unwrap();
    assert_eq!(source.compression(), Compression::Xz, "the outermost");
    assert_eq!(drain(source, STEP).0, capture(1000));
}

#[test]
fn compressed_too_often_is_refused() {
    let place = Place::new();
    let packed = |layers| (0..layers).fold(capture(24), |inner, _| pack(Compression::Gzip, &inner));
    let source = Source::open(&place.file("two", &packed(2))).unwrap();
    assert_eq!(drain(source, STEP).0, capture(24));
    assert_eq!(refusal_of(&packed(3)), "FILE is compressed more than 2 times over; unpack it first");
}

#[test]
fn a_cut_stream_ends_in_an_error_and_then_for_good() {
    let place = Place::new();
    let packed = pack(Compression::Gzip, &capture(200_000));
    let path = place.file("cut", &packed[..packed.len() / 2]);
    let mut source = Source::open(&path).unwrap();
    let (bytes, end) = drain(&mut source, STEP);
    assert!(bytes.len() > 50_000 && capture(200_000).starts_with(&bytes));
    assert_eq!(end.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    assert_eq!(source.read(&mut [0; 10]).unwrap(), 0);
}

#[test]
fn warnings_are_there_when_reading_has_ended() {
    let place = Place::new();
    let packed = [pack(Compression::Gzip, &capture(1000)), b"tail".to_vec()].concat();
    let source = Source::open(&place.file("tail", &packed)).unwrap();
    let warnings = source.warnings();
    assert_eq!(drain(source, STEP).0, capture(1000));
    assert_eq!(warnings.list().len(), 1);
}

#[test]
fn what_is_no_capture_is_named() {
    assert_eq!(
        refusal_of(b"PK\x03\x04 and so on"),
        "FILE is no capture: it looks like a ZIP archive; unpack it first (unzip -p FILE | dpp -)"
    );
    assert_eq!(
        refusal_of(b""),
        "FILE is no capture: it is empty; even a capture without packets has a header"
    );
    assert_eq!(
        refusal_of(b"\xd4\xc3"),
        "FILE is no capture: it has only 2 bytes; even a capture without packets has a header"
    );
    assert_eq!(
        refusal_of(&[0xcd, 0x34, 0xb2, 0xa1, 2, 0, 4, 0]),
        "FILE is no capture: it is Mesquita's variant of pcap; \
         convert it first (editcap -F pcap FILE OUT.pcap)"
    );
}

#[test]
fn what_no_capture_was_packed_from_is_named() {
    let mut tar = vec![0; 512];
    tar[..7].copy_from_slice(b"capture");
    tar[257..262].copy_from_slice(b"ustar");
    assert_eq!(
        refusal_of(&pack(Compression::Gzip, &tar)),
        "FILE (unpacked from gzip) is no capture: it looks like a tar archive; \
         unpack it first (tar -xOf FILE | dpp - for a single capture)"
    );
    assert_eq!(
        refusal_of(&pack(Compression::Bzip2, b"")),
        "FILE (unpacked from bzip2) is no capture: it is empty; \
         even a capture without packets has a header"
    );
}

#[test]
fn a_stream_cut_before_the_capture_begins_is_refused() {
    let packed = pack(Compression::Gzip, &capture(1000));
    assert_eq!(refusal_of(&packed[..12]), "FILE holds nothing that can be unpacked; fetch it again");
}

#[test]
fn what_cannot_be_opened_is_named() {
    let place = Place::new();
    let name = |path: &Path| format!("'{}'", path.display());
    let missing = place.path("missing");
    assert_eq!(refusal(&missing), format!("{} does not exist; check the path", name(&missing)));
    let directory = place.path("");
    assert_eq!(
        refusal(&directory),
        format!("{} is a directory; name a capture file in it", name(&directory))
    );
    let forbidden = SourceError::from_open("'x'".to_owned(), io::ErrorKind::PermissionDenied.into());
    assert!(matches!(forbidden, SourceError::Permission { .. }));
    for errno in [Errno::MFILE, Errno::NFILE] {
        let full = SourceError::from_open("'x'".to_owned(), errno.into());
        assert!(full.to_string().contains("allow more of them (ulimit -n)"), "{full}");
    }
}

#[test]
fn devices_are_read_but_terminals_are_refused() {
    assert!(refusal(Path::new("/dev/null")).contains("it is empty"));
    assert!(refusal(Path::new("/dev/zero")).contains("a file of zeros"));
    assert!(refusal(Path::new("/dev/ptmx")).starts_with("'/dev/ptmx' is a terminal; pipe a capture into it"));
}

#[test]
fn a_fifo_may_give_one_byte_at_a_time() {
    let place = Place::new();
    let path = fifo(&place);
    for compression in [Compression::None, Compression::Gzip, Compression::Lz4] {
        let (path, packed) = (path.clone(), pack(compression, &capture(2000)));
        let reader = thread::spawn({
            let path = path.clone();
            move || {
                Source::open(&path).map(|source| (source.size(), source.compression(), drain(source, STEP)))
            }
        });
        let mut writer = OpenOptions::new().write(true).open(path).unwrap();
        packed.iter().for_each(|byte| writer.write_all(&[*byte]).unwrap());
        drop(writer);
        let (size, seen, (bytes, end)) = reader.join().unwrap().unwrap();
        end.unwrap();
        assert_eq!((size, seen, bytes), (None, compression, capture(2000)));
    }
}

/// Both ends of a FIFO, the source's as a path that can be opened; the writer waits for nobody.
fn open_writer(path: &Path) -> File {
    OpenOptions::new().read(true).write(true).open(path).unwrap()
}

#[test]
fn a_stop_is_heard_while_a_pipe_is_silent() {
    for compression in [Compression::None, Compression::Zstd, Compression::Gzip] {
        let place = Place::new();
        let path = fifo(&place);
        let mut writer = open_writer(&path);
        // A whole member, so that opening finds a capture, and half of another.
        let (first, second) = (pack(compression, &capture(5000)), pack(compression, &capture(5000)));
        writer.write_all(&[&first[..], &second[..second.len() / 2]].concat()).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let source = Source::open(&path).unwrap().stop_on(Arc::clone(&stop));
        let reader = thread::spawn(move || drain(source, STEP));
        stop.store(true, Ordering::Relaxed);
        let (bytes, end) = reader.join().unwrap();
        end.unwrap_or_else(|error| panic!("{compression:?}: a stop is no error, but: {error}"));
        assert!(capture(5000).repeat(2).starts_with(&bytes));
    }
}

#[test]
fn a_stop_is_heard_before_a_fifo_has_a_writer() {
    let place = Place::new();
    let path = fifo(&place);
    let stop = Arc::new(AtomicBool::new(true));
    let error = Source::open_until(&path, stop).err().unwrap();
    assert!(matches!(error, SourceError::Stopped { .. }), "{error}");
}

#[test]
fn a_stop_ends_a_file_too() {
    let place = Place::new();
    let stop = Arc::new(AtomicBool::new(false));
    let mut source =
        Source::open(&place.file("capture", &capture(300_000))).unwrap().stop_on(Arc::clone(&stop));
    assert!(source.read(&mut [0; 100]).unwrap() > 0);
    stop.store(true, Ordering::Relaxed);
    assert_eq!(source.read(&mut [0; 100]).unwrap(), 0);
}

/// Set in the copy of this test program whose standard input is tested.
const CHILD: &str = "DPP_SOURCE_TEST_CHILD";

/// What [`Source::stdin`] gives in a process with this standard input: size and bytes, or the refusal.
fn stdin_of_child(stdin: impl Into<Stdio>) -> String {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "source::tests::standard_input_is_a_source", "--nocapture"]);
    let output = child.env(CHILD, "1").stdin(stdin).output().unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    let told = output.lines().find_map(|line| line.split_once("told: "));
    told.unwrap_or_else(|| panic!("no word from the child: {output}")).1.to_owned()
}

fn tell_stdin() {
    match Source::stdin() {
        Ok(source) => {
            let size = source.size();
            let (bytes, end) = drain(source, STEP);
            println!("told: size {size:?}, right {}, {end:?}", bytes == capture(1000));
        }
        Err(error) => println!("told: {error}"),
    }
}

#[test]
fn standard_input_is_a_source() {
    if std::env::var_os(CHILD).is_some() {
        return tell_stdin();
    }
    let place = Place::new();
    let file = File::open(place.file("capture", &capture(1000))).unwrap();
    assert_eq!(stdin_of_child(file), "size Some(1000), right true, Ok(())");

    let mut file = File::open(place.file("later", &[b"skipped".to_vec(), capture(1000)].concat())).unwrap();
    file.read_exact(&mut [0; 7]).unwrap();
    assert_eq!(stdin_of_child(file), "size Some(1000), right true, Ok(())");

    let (reader, mut writer) = io::pipe().unwrap();
    writer.write_all(&pack(Compression::Xz, &capture(1000))).unwrap();
    drop(writer);
    assert_eq!(stdin_of_child(reader), "size None, right true, Ok(())");

    let terminal: OwnedFd = File::open("/dev/ptmx").unwrap().as_fd().try_clone_to_owned().unwrap();
    assert!(stdin_of_child(terminal).starts_with("standard input is a terminal; pipe a capture into it"));
    assert!(stdin_of_child(Stdio::null()).starts_with("standard input is no capture: it is empty"));
}
