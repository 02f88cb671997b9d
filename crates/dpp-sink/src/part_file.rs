//! Output that gets its name only when it is complete.
//!
//! A [`PartFile`] writes to `<path>.part`, beside the final name so that renaming is one step, and takes that
//! name when it is finished. So under a final name there is never half a file, and an older file stays until
//! the new one is there. What is no regular file (a FIFO, `/dev/null`) cannot be renamed over and is written
//! directly. The program uses this for every output but standard output.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
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
}

/// What failed, and where. It comes inside of an [`io::Error`] of the same [`ErrorKind`].
#[derive(Debug, thiserror::Error)]
pub enum PartFileError {
    /// The file cannot be created.
    #[error("cannot create {}{}", path.display(), remedy(source))]
    Create {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
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

/// What the user can do, where it is not plain.
fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::StorageFull => ": the disk is full; make room, or write to another disk",
        ErrorKind::QuotaExceeded => ": your disk quota is used up; make room, or write elsewhere",
        ErrorKind::FileTooLarge => ": the file is larger than the file system or a limit (ulimit -f) allows",
        ErrorKind::NotFound => ": its directory does not exist; create it first",
        ErrorKind::IsADirectory => ": it is a directory; name a file in it",
        ErrorKind::PermissionDenied => ": you may not write there",
        ErrorKind::ReadOnlyFilesystem => ": the file system is read-only",
        _ => "",
    }
}

impl PartFile {
    /// Begins a file that will be called `path`. A symbolic link is followed, also one that leads to no file
    /// yet.
    ///
    /// # Errors
    /// [`PartFileError::Create`].
    pub fn create(path: &Path) -> io::Result<Self> {
        let renamed_to = match fs::metadata(path) {
            Ok(metadata) if !metadata.is_file() => None,
            Ok(_) => Some(fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())),
            Err(_) => Some(end_of_links(path)),
        };
        let path = renamed_to.as_deref().map_or_else(|| path.to_owned(), with_part);
        let is_new = renamed_to.is_some();
        match OpenOptions::new().write(true).create(is_new).truncate(is_new).open(&path) {
            Ok(file) => Ok(PartFile { file, path, renamed_to }),
            Err(source) => Err(io::Error::new(source.kind(), PartFileError::Create { path, source })),
        }
    }

    /// Gives the complete file its name, once all of it is on the disk.
    ///
    /// # Errors
    /// [`PartFileError::Write`] or [`PartFileError::Rename`]; the file is removed then.
    pub fn finish(mut self) -> io::Result<()> {
        let Some(to) = &self.renamed_to else { return self.flush() };
        self.file.sync_all().map_err(|source| self.write_error(source))?;
        if let Err(source) = fs::rename(&self.path, to) {
            let (path, to) = (self.path.clone(), to.clone());
            return Err(io::Error::new(source.kind(), PartFileError::Rename { path, to, source }));
        }
        // The name, too, should survive a power cut. Where directories cannot be synced it is no worse than
        // before.
        let directory = to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let _ = File::open(directory).and_then(|directory| directory.sync_all());
        self.renamed_to = None;
        Ok(())
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
        if self.renamed_to.is_some() {
            // Nobody could act on a failure here: the error that led here is the one to tell.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// The name with `.part` behind it.
fn with_part(path: &Path) -> PathBuf {
    let mut part = OsString::from(path);
    part.push(".part");
    part.into()
}

/// So many links in a row are a circle, says Linux.
const LINKS_MAX: usize = 40;

/// Where a chain of symbolic links leads, though there is no file.
fn end_of_links(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..LINKS_MAX {
        let Ok(target) = fs::read_link(&path) else { break };
        path = path.parent().unwrap_or(Path::new("")).join(target);
    }
    path
}

#[cfg(all(test, unix))]
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
    fn what_a_killed_run_left_is_overwritten() {
        let directory = Directory::new("killed");
        fs::write(directory.path("out.part"), "a longer text than the next").unwrap();
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
        symlink("out.part", directory.path("out.part")).unwrap();
        assert!(PartFile::create(&directory.path("out")).is_err());
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
