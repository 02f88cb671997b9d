//! Output that gets its name only when it is complete.
//!
//! A [`PartFile`] writes to `<path>.part`, beside the final name so that renaming is one step, and takes that
//! name when it is finished. So under a final name there is never half a file, and an older file stays until
//! the new one is there. What is no regular file (a FIFO, `/dev/null`) cannot be renamed over and is written
//! directly. The surprising fact: a part that lies there already is another run's only if it is locked; else
//! it was left by a run that was killed, and is removed. The program uses this for every output but standard
//! output. Where rows cannot be read again, a file that fails keeps what it has ([`PartFile::create_kept`]), and whoever asked
//! for that sees what can be saved of it.

use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions, Permissions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// A file in the making. Dropped before it is finished, it leaves nothing behind.
///
/// ```
/// use std::io::Write;
/// # let directory = std::env::temp_dir().join(format!("part-file-example-{}", std::process::id()));
/// # std::fs::create_dir_all(&directory)?;
/// let path = directory.join("rows.csv");
/// let mut file = dpp_sink::part_file::PartFile::create(&path)?;
/// file.write_all(b"name,query_type\n")?;
/// assert!(!path.exists() && directory.join("rows.csv.part").exists());
/// file.finish()?;
/// assert_eq!(std::fs::read(&path)?, b"name,query_type\n");
/// # std::fs::remove_dir_all(&directory)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct PartFile {
    file: File,
    /// What is written to.
    path: PathBuf,
    /// The final name, until it is taken. `None` also if this is written directly.
    renamed_to: Option<PathBuf>,
    /// Whether the part stays if the file is given up.
    is_kept: bool,
}

/// What failed, and where. It comes inside of an [`io::Error`] of the same [`ErrorKind`].
#[derive(Debug, thiserror::Error)]
pub enum PartFileError {
    /// The file cannot be created.
    #[error("cannot create {}{}", path.display(), remedy_of_creation(source))]
    Create {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another run has begun the same file and is not finished.
    #[error("another run is writing '{}'; wait for it or name another output", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be written.
    #[error("cannot write {}{}", path.display(), remedy(source))]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The complete file cannot get its name.
    #[error("cannot rename {} to {}{}", path.display(), to.display(), remedy(source))]
    Rename {
        /// The file as it is called now.
        path: PathBuf,
        /// Its final name.
        to: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// What the user can do about a file that cannot be created.
fn remedy_of_creation(error: &io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::NotFound => ": its directory does not exist; create it first",
        _ => remedy(error),
    }
}

/// What the user can do, where it is not plain.
fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::StorageFull => ": the disk is full; make room, or write to another disk",
        ErrorKind::QuotaExceeded => ": your disk quota is used up; make room, or write elsewhere",
        ErrorKind::FileTooLarge => ": the file is larger than the file system or a limit (ulimit -f) allows",
        ErrorKind::IsADirectory => ": it is a directory; name a file in it",
        ErrorKind::PermissionDenied => ": you may not write there",
        ErrorKind::ReadOnlyFilesystem => ": the file system is read-only",
        _ => "",
    }
}

impl PartFile {
    /// Begins a file that will be called `path`. A symbolic link there is followed, also one that leads to no
    /// file yet. A file that is to be replaced passes its permissions on. What lies under the name of the part,
    /// and is not being written, is removed.
    ///
    /// # Errors
    /// [`PartFileError::Create`], or [`PartFileError::Busy`] while another one writes to the same part.
    pub fn create(path: &Path) -> io::Result<Self> {
        match fs::metadata(path) {
            Ok(known) if known.is_file() => {
                let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
                PartFile::beside(path, Some(known.mode() & ACCESS))
            }
            Ok(_) => PartFile::in_place(path),
            Err(_) => match end_of_links(path) {
                Ok(path) => PartFile::beside(path, None),
                Err(error) => Err(create_error(path, error)),
            },
        }
    }

    /// The same, but dropped before it is finished the file stays where it is, with `.part` behind its name.
    ///
    /// # Errors
    /// As [`PartFile::create`].
    pub fn create_kept(path: &Path) -> io::Result<Self> {
        let mut file = PartFile::create(path)?;
        file.is_kept = true;
        Ok(file)
    }

    fn in_place(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().write(true).open(path).map_err(|error| create_error(path, error))?;
        Ok(PartFile { file, path: path.to_owned(), renamed_to: None, is_kept: false })
    }

    /// Begins the part of `to`, whose older file, if any, gives so much `access`.
    fn beside(to: PathBuf, access: Option<u32>) -> io::Result<Self> {
        let path = part_path(&to);
        let file = claim(&path, access.unwrap_or(ACCESS_OF_NEW))?;
        let part = PartFile { file, path, renamed_to: Some(to), is_kept: false };
        if let Some(access) = access {
            // What the umask has taken from it.
            let permissions = Permissions::from_mode(access);
            part.file.set_permissions(permissions).map_err(|error| create_error(&part.path, error))?;
        }
        Ok(part)
    }

    /// Gives the complete file its name, once all of it is on the disk.
    ///
    /// # Errors
    /// [`PartFileError::Write`] or [`PartFileError::Rename`]; the file is removed then, or kept if that was asked for.
    pub fn finish(mut self) -> io::Result<()> {
        let Some(to) = &self.renamed_to else { return self.flush() };
        self.file.sync_all().map_err(|source| self.write_error(source))?;
        if let Err(source) = self.rename(to) {
            let (path, to) = (self.path.clone(), to.clone());
            return Err(io::Error::new(source.kind(), PartFileError::Rename { path, to, source }));
        }
        sync_name(to);
        self.renamed_to = None;
        Ok(())
    }

    /// Renames this file, and no other that has come to its name.
    fn rename(&self, to: &Path) -> io::Result<()> {
        if !is_at(&self.file, &self.path) {
            return Err(ErrorKind::NotFound.into());
        }
        fs::rename(&self.path, to)
    }

    fn write_error(&self, source: io::Error) -> io::Error {
        io::Error::new(source.kind(), PartFileError::Write { path: self.path.clone(), source })
    }
}

impl Write for PartFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes).map_err(|source| self.write_error(source))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush().map_err(|source| self.write_error(source))
    }
}

impl Drop for PartFile {
    fn drop(&mut self) {
        // Who has removed our part may have begun one of theirs.
        if self.renamed_to.is_some() && !self.is_kept && is_at(&self.file, &self.path) {
            // Nobody could act on a failure here: the error that led here is the one to tell.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// A name that was given should survive a power cut too. Where directories cannot be synced it is no worse than before.
pub(crate) fn sync_name(path: &Path) {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let _ = File::open(directory).and_then(|directory| directory.sync_all());
}

/// Takes a part that was left behind, locked; `None` if it is being written, is gone, or is no file.
///
/// # Errors
/// It cannot be opened.
pub(crate) fn take_left(part: &Path) -> io::Result<Option<File>> {
    let unless_gone = |error: io::Error| match error.kind() {
        ErrorKind::NotFound => Ok(None),
        _ => Err(create_error(part, error)),
    };
    match fs::symlink_metadata(part) {
        // Nothing else is written as a part, and opening it may wait (a FIFO) or lead elsewhere (a link).
        Ok(known) if !known.is_file() => return Ok(None),
        Ok(_) => {}
        Err(error) => return unless_gone(error),
    }
    let left = match File::options().read(true).write(true).open(part) {
        Ok(left) => left,
        Err(error) => return unless_gone(error),
    };
    Ok((lock(&left, part).is_ok() && is_at(&left, part)).then_some(left))
}

/// The name of a file until it is complete: with `.part` behind it.
pub fn part_path(path: &Path) -> PathBuf {
    let mut part = OsString::from(path);
    part.push(".part");
    part.into()
}

/// So many links in a row are a circle, says Linux.
const LINKS_MAX: usize = 40;

/// Where a chain of symbolic links leads that ends at no file. A path that is there, or is no link, leads to
/// itself.
///
/// # Errors
/// The links lead in circles.
pub fn end_of_links(path: &Path) -> io::Result<PathBuf> {
    let mut end = path.to_owned();
    for _ in 0..=LINKS_MAX {
        if fs::metadata(&end).is_ok() {
            return Ok(end);
        }
        let Ok(target) = fs::read_link(&end) else { return Ok(end) };
        end = end.parent().unwrap_or(Path::new("")).join(target);
    }
    Err(io::Error::other("its symbolic links lead in circles"))
}

/// Who may read, write and execute.
const ACCESS: u32 = 0o777;

/// What any new file is made with; the umask takes from it.
const ACCESS_OF_NEW: u32 = 0o666;

/// How often other runs may snatch the name away before it is called theirs.
const ATTEMPTS_MAX: usize = 100;

/// Creates the part and locks it. Who holds the lock of the file that has the name owns the name; the lock
/// goes with the process, so what a killed run left is nobody's.
fn claim(part: &Path, mode: u32) -> io::Result<File> {
    for _ in 0..ATTEMPTS_MAX {
        // The name decides, not what it leads to: this opens nothing that was there before.
        match OpenOptions::new().write(true).create_new(true).mode(mode).open(part) {
            Ok(file) => {
                lock(&file, part)?;
                // Between creation and lock it looked like left behind, and may have been removed.
                if is_at(&file, part) {
                    return Ok(file);
                }
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => remove_left(part)?,
            Err(error) => return Err(create_error(part, error)),
        }
    }
    Err(busy(part))
}

/// Removes what has the name of the part, unless it is being written.
fn remove_left(part: &Path) -> io::Result<()> {
    let is_file = match fs::symlink_metadata(part) {
        Ok(known) => known.is_file(),
        Err(error) => return unless_gone(error, part),
    };
    // Nobody writes to anything else, and opening it may wait (a FIFO) or lead elsewhere (a link).
    if !is_file {
        return fs::remove_file(part).or_else(|error| unless_gone(error, part));
    }
    // To lock a file on NFS one must be able to write it; elsewhere reading suffices.
    let left = match File::options().write(true).open(part).or_else(|_| File::open(part)) {
        Ok(left) => left,
        Err(error) => return unless_gone(error, part),
    };
    lock(&left, part)?;
    // Before it was locked another run may have removed it, and begun its own.
    if !is_at(&left, part) {
        return Ok(());
    }
    fs::remove_file(part).or_else(|error| unless_gone(error, part))
}

/// That something is gone is no error when it is to be removed.
fn unless_gone(error: io::Error, part: &Path) -> io::Result<()> {
    match error.kind() {
        ErrorKind::NotFound => Ok(()),
        _ => Err(create_error(part, error)),
    }
}

/// Locks the file until it is closed.
fn lock(file: &File, part: &Path) -> io::Result<()> {
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Err(busy(part)),
        // Where the file system knows no locks, runs are not kept apart.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(()),
    }
}

/// Whether `path` is a name of this very file.
fn is_at(file: &File, path: &Path) -> bool {
    let identity = |known: Metadata| (known.dev(), known.ino());
    let there = fs::symlink_metadata(path).map(identity);
    there.is_ok_and(|there| file.metadata().map(identity).is_ok_and(|ours| ours == there))
}

fn create_error(path: &Path, source: io::Error) -> io::Error {
    io::Error::new(source.kind(), PartFileError::Create { path: path.to_owned(), source })
}

fn busy(part: &Path) -> io::Error {
    io::Error::new(ErrorKind::ResourceBusy, PartFileError::Busy { path: part.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// A directory of a test's own, gone when the test is over.
    struct Directory(PathBuf);

    impl Directory {
        fn new(test: &str) -> Self {
            let path = std::env::temp_dir().join(format!("dpp-part-file-{}-{test}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Directory(path)
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.join(name)
        }

        fn names(&self) -> Vec<String> {
            let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
            let mut names: Vec<_> = fs::read_dir(&self.0).unwrap().map(name).collect();
            names.sort();
            names
        }
    }

    impl Drop for Directory {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_file_has_its_name_only_when_it_is_finished() {
        let directory = Directory::new("name");
        let mut file = PartFile::create(&directory.path("out")).unwrap();
        file.write_all(b"rows").unwrap();
        assert_eq!(directory.names(), ["out.part"]);
        file.finish().unwrap();
        assert_eq!(directory.names(), ["out"]);
        assert_eq!(fs::read(directory.path("out")).unwrap(), b"rows");
    }

    #[test]
    fn a_file_that_is_given_up_leaves_nothing() {
        let directory = Directory::new("given-up");
        drop(PartFile::create(&directory.path("out")).unwrap());
        assert!(directory.names().is_empty());
    }

    #[test]
    fn a_file_that_is_to_be_kept_stays_as_a_part_that_nobody_writes() {
        let directory = Directory::new("kept");
        let mut file = PartFile::create_kept(&directory.path("out")).unwrap();
        file.write_all(b"rows").unwrap();
        let part = directory.path("out.part");
        assert!(take_left(&part).unwrap().is_none(), "it is being written");
        drop(file);
        assert_eq!(directory.names(), ["out.part"]);
        assert!(take_left(&part).unwrap().is_some());
        assert_eq!(fs::read(part).unwrap(), b"rows");
        PartFile::create_kept(&directory.path("out")).unwrap().finish().unwrap();
        assert_eq!(directory.names(), ["out"]);
    }

    #[test]
    fn only_a_file_is_taken_as_left_behind() {
        let directory = Directory::new("left");
        fs::write(directory.path("victim"), "precious").unwrap();
        symlink("victim", directory.path("link.part")).unwrap();
        for name in ["link.part", "none.part", "."] {
            assert!(take_left(&directory.path(name)).unwrap().is_none(), "{name}");
        }
    }

    #[test]
    fn an_existing_file_stays_until_the_new_one_is_complete() {
        let directory = Directory::new("existing");
        let path = directory.path("out");
        fs::write(&path, "old").unwrap();
        PartFile::create(&path).unwrap().write_all(b"half").unwrap();
        assert_eq!((fs::read_to_string(&path).unwrap(), directory.names().len()), ("old".into(), 1));
        let mut file = PartFile::create(&path).unwrap();
        file.write_all(b"new").unwrap();
        file.finish().unwrap();
        assert_eq!((fs::read_to_string(&path).unwrap(), directory.names().len()), ("new".into(), 1));
    }

    #[test]
    fn what_a_killed_run_left_is_replaced() {
        let directory = Directory::new("killed");
        fs::write(directory.path("out.part"), "a longer text than the next").unwrap();
        fs::set_permissions(directory.path("out.part"), Permissions::from_mode(0o400)).unwrap();
        let mut file = PartFile::create(&directory.path("out")).unwrap();
        file.write_all(b"next").unwrap();
        file.finish().unwrap();
        assert_eq!(fs::read(directory.path("out")).unwrap(), b"next");
    }

    #[test]
    fn a_device_is_written_directly_and_stays_a_device() {
        let mut file = PartFile::create(Path::new("/dev/null")).unwrap();
        file.write_all(b"rows").unwrap();
        file.finish().unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
        assert!(!Path::new("/dev/null.part").exists());
    }

    #[test]
    fn a_link_to_no_file_yet_is_followed() {
        let (directory, other) = (Directory::new("link"), Directory::new("link-target"));
        symlink(other.path("second"), directory.path("first")).unwrap();
        symlink("target", other.path("second")).unwrap();
        let file = PartFile::create(&directory.path("first")).unwrap();
        assert_eq!(other.names(), ["second", "target.part"]);
        file.finish().unwrap();
        assert_eq!(
            (directory.names(), other.names()),
            (vec!["first".into()], vec!["second".into(), "target".into()])
        );
        assert!(directory.path("first").is_symlink());
    }

    #[test]
    fn links_in_a_circle_are_an_error() {
        let directory = Directory::new("circle");
        symlink("out", directory.path("out")).unwrap();
        let error = PartFile::create(&directory.path("out")).unwrap_err();
        assert!(error.to_string().starts_with("cannot create "), "{error}");
        assert!(end_of_links(&directory.path("out")).is_err());
        assert_eq!(directory.names(), ["out"]);
    }

    /// Begins, writes and finishes `out`.
    fn write_out(directory: &Directory, bytes: &[u8]) -> io::Result<()> {
        let mut file = PartFile::create(&directory.path("out"))?;
        file.write_all(bytes)?;
        file.finish()
    }

    #[test]
    fn a_link_under_the_name_of_the_part_is_not_followed() {
        let directory = Directory::new("part-link");
        fs::write(directory.path("victim"), "precious").unwrap();
        for target in ["victim", "nothing", "out.part"] {
            symlink(target, directory.path("out.part")).unwrap();
            write_out(&directory, b"rows").unwrap();
            assert_eq!(directory.names(), ["out", "victim"]);
            assert_eq!(fs::read(directory.path("out")).unwrap(), b"rows");
            assert_eq!(fs::read(directory.path("victim")).unwrap(), b"precious");
        }
    }

    #[test]
    fn what_is_no_file_is_not_written_as_a_part() {
        let directory = Directory::new("part-socket");
        drop(std::os::unix::net::UnixListener::bind(directory.path("out.part")).unwrap());
        write_out(&directory, b"rows").unwrap();
        assert!(fs::symlink_metadata(directory.path("out")).unwrap().is_file());
        fs::create_dir(directory.path("out.part")).unwrap();
        let error = write_out(&directory, b"other").unwrap_err();
        assert!(error.to_string().starts_with("cannot create "), "{error}");
        assert_eq!(fs::read(directory.path("out")).unwrap(), b"rows");
    }

    #[test]
    fn a_part_has_one_writer() {
        let directory = Directory::new("writers");
        let path = directory.path("out");
        let mut first = PartFile::create(&path).unwrap();
        let error = PartFile::create(&path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ResourceBusy);
        let part = part_path(&path);
        let expected =
            format!("another run is writing '{}'; wait for it or name another output", part.display());
        assert_eq!(error.to_string(), expected);
        first.write_all(b"first").unwrap();
        first.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"first");
        write_out(&directory, b"second").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
    }

    /// Writes `out` often, each time as if a run had been killed before. Gives how often it got the name.
    fn write_often(directory: &Directory, text: u8) -> usize {
        let is_written = |_: &i32| {
            let _ = File::create_new(directory.path("out.part"));
            let written = write_out(directory, &[text; 100]);
            let error = written.as_ref().err().map(io::Error::kind);
            assert!(matches!(error, None | Some(ErrorKind::ResourceBusy)), "{error:?}");
            written.is_ok()
        };
        (0..200).filter(is_written).count()
    }

    #[test]
    fn of_many_writers_none_takes_the_part_of_another() {
        let directory = Directory::new("race");
        let written: usize = std::thread::scope(|scope| {
            let directory = &directory;
            let writers = b"abc".map(|text| scope.spawn(move || write_often(directory, text)));
            writers.map(|writer| writer.join().expect("only a busy part is an error")).iter().sum()
        });
        assert!(written > 0);
        let content = fs::read(directory.path("out")).unwrap();
        assert_eq!(content, [content[0]; 100]);
    }

    #[test]
    fn a_part_that_others_replaced_is_theirs() {
        let directory = Directory::new("replaced");
        let ours = PartFile::create(&directory.path("out")).unwrap();
        fs::remove_file(directory.path("out.part")).unwrap();
        let theirs = PartFile::create(&directory.path("out")).unwrap();
        assert!(ours.finish().is_err());
        assert_eq!(directory.names(), ["out.part"]);
        theirs.finish().unwrap();
        assert_eq!(directory.names(), ["out"]);
    }

    #[test]
    fn a_file_that_is_replaced_passes_its_permissions_on() {
        let directory = Directory::new("permissions");
        let mode = |name: &str| fs::metadata(directory.path(name)).unwrap().mode() & 0o7777;
        for expected in [0o600, 0o666, 0o640] {
            fs::write(directory.path("out"), "old").unwrap();
            fs::set_permissions(directory.path("out"), Permissions::from_mode(expected)).unwrap();
            let file = PartFile::create(&directory.path("out")).unwrap();
            assert_eq!(mode("out.part"), expected);
            file.finish().unwrap();
            assert_eq!(mode("out"), expected);
        }
        fs::write(directory.path("any"), "").unwrap();
        fs::remove_file(directory.path("out")).unwrap();
        write_out(&directory, b"new").unwrap();
        assert_eq!(mode("out"), mode("any"), "a new file is like any other");
    }

    #[test]
    fn a_part_that_is_gone_is_not_blamed_on_the_directory() {
        let directory = Directory::new("gone");
        let file = PartFile::create(&directory.path("out")).unwrap();
        fs::remove_file(directory.path("out.part")).unwrap();
        let error = file.finish().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        let (part, out) = (directory.path("out.part"), directory.path("out"));
        assert_eq!(error.to_string(), format!("cannot rename {} to {}", part.display(), out.display()));
    }

    #[test]
    fn a_missing_directory_is_named_with_its_remedy() {
        let path = Directory::new("missing").path("none/out");
        let error = PartFile::create(&path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        let expected =
            format!("cannot create {}.part: its directory does not exist; create it first", path.display());
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn a_directory_is_not_written() {
        let error = PartFile::create(&std::env::temp_dir()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::IsADirectory);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_told_with_its_remedy() {
        let mut file = PartFile::create(Path::new("/dev/full")).unwrap();
        let error = file.write_all(b"rows").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StorageFull);
        assert_eq!(
            error.to_string(),
            "cannot write /dev/full: the disk is full; make room, or write to another disk"
        );
    }

    #[test]
    fn a_file_that_cannot_take_its_name_is_removed() {
        let directory = Directory::new("rename");
        let file = PartFile::create(&directory.path("out")).unwrap();
        fs::create_dir(directory.path("out")).unwrap();
        let error = file.finish().unwrap_err();
        assert!(error.to_string().starts_with("cannot rename "), "{error}");
        assert_eq!(directory.names(), ["out"]);
    }
}
