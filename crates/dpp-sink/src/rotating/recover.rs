//! What a run left that did not end well: finished where that is possible, set aside where it is not.
//!
//! A part is left behind if nobody has it locked; that it is one of ours its name says, which the template knows. Nothing with a
//! row in it is removed. The same is done to a file that fails in a run, with the difference that the run still has rows of it.

use super::content::{Content, Extent};
use super::template::{Pattern, Template};
use crate::part_file::{part_path, sync_name, take_left};
use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// A part that was found, or a folder that could not be looked into, and what was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// The part.
    pub part: PathBuf,
    /// What was done about it.
    pub done: Done,
}

/// What was done about a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// It is a complete file now.
    Finished {
        /// Its name.
        path: PathBuf,
        /// Rows, frames or packets in it.
        records: u64,
        /// Bytes at its end that were no whole one, and are gone.
        cut: u64,
    },
    /// It is kept under another name.
    SetAside {
        /// That name.
        path: PathBuf,
    },
    /// It had nothing in it, or nothing but a heading, and was removed.
    Removed,
    /// Nothing could be done.
    Failed {
        /// Why.
        error: String,
    },
}

fn several(count: u64, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

impl fmt::Display for Recovered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = self.part.display();
        match &self.done {
            Done::Finished { path, records, cut: 0 } => {
                write!(
                    f,
                    "'{part}', left by a run that was killed, is complete as '{}' ({})",
                    path.display(),
                    several(*records, "record")
                )
            }
            Done::Finished { path, records, cut } => write!(
                f,
                "'{part}', left by a run that was killed, is complete as '{}' ({}) without its last {}, \
                 which were not whole",
                path.display(),
                several(*records, "record"),
                several(*cut, "byte")
            ),
            Done::SetAside { path } => write!(
                f,
                "'{part}', left by a run that was killed, cannot be completed; what it has is kept as '{}'",
                path.display()
            ),
            Done::Removed => {
                write!(f, "'{part}', left by a run that was killed, had no rows and was removed")
            }
            Done::Failed { error } => write!(f, "'{part}' cannot be recovered: {error}"),
        }
    }
}

/// Looks for parts of files with names like these that nobody is writing, and finishes them, or sets them aside as
/// `<name>.broken`. To be called before the first file of such a name is begun. Gives what was done, by name.
pub fn recover(template: &Template, content: Content) -> Vec<Recovered> {
    let mut done = Vec::new();
    let patterns = template.patterns();
    // A path that begins with a slash begins with a folder without a name.
    let (start, patterns) = match patterns[0].only().as_deref() {
        Some("") => (Path::new("/"), &patterns[1..]),
        _ => (Path::new(""), &patterns[..]),
    };
    look(start, patterns, content, &mut done);
    done.sort_by(|a, b| a.part.cmp(&b.part));
    done
}

/// Looks for parts below a folder.
fn look(folder: &Path, patterns: &[Pattern], content: Content, done: &mut Vec<Recovered>) {
    let Some((pattern, rest)) = patterns.split_first() else { return };
    if let Some(name) = pattern.only().filter(|_| !rest.is_empty()) {
        return look(&folder.join(name), rest, content, done);
    }
    let entries = match names(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return,
        Err(error) => {
            let error = format!("the folder cannot be read: {error}");
            return done.push(Recovered { part: folder.to_owned(), done: Done::Failed { error } });
        }
    };
    for name in entries {
        let path = folder.join(&name);
        if !rest.is_empty() && pattern.matches(&name) && path.is_dir() {
            look(&path, rest, content, done);
        } else if rest.is_empty()
            && let Some(stem) = name.strip_suffix(".part")
            && pattern.matches(stem)
            && let Some(recovered) = recover_part(path, &folder.join(stem), content)
        {
            done.push(recovered);
        }
    }
}

/// The names in a folder, of those that could be ours.
fn names(folder: &Path) -> io::Result<Vec<String>> {
    let folder = if folder == Path::new("") { Path::new(".") } else { folder };
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        names.extend(entry?.file_name().into_string().ok());
    }
    Ok(names)
}

/// Recovers one; `None` if it is being written.
fn recover_part(part: PathBuf, path: &Path, content: Content) -> Option<Recovered> {
    let done = match take_left(&part) {
        Ok(None) => return None,
        Ok(Some(file)) => recover_file(&part, path, &file, content),
        Err(error) => Err(error),
    };
    let done = done.unwrap_or_else(|error| Done::Failed { error: error.to_string() });
    Some(Recovered { part, done })
}

fn recover_file(part: &Path, path: &Path, file: &File, content: Content) -> io::Result<Done> {
    let length = file.metadata()?.len();
    let extent = extent(file, content)?;
    let has_nothing = extent.is_none_or(|extent| extent.records == 0 && extent.bytes == length);
    if length == 0 || extent.is_some() && has_nothing {
        fs::remove_file(part)?;
        return Ok(Done::Removed);
    }
    if let Some(extent) = extent.filter(|extent| extent.records > 0)
        && fs::symlink_metadata(path).is_err()
        && finish(part, path, file, &extent).is_ok()
    {
        let (records, cut) = (extent.records, length - extent.bytes);
        return Ok(Done::Finished { path: path.to_owned(), records, cut });
    }
    set_aside(part, path).map(|path| Done::SetAside { path })
}

/// How much of a file is whole.
pub(super) fn extent(mut file: &File, content: Content) -> io::Result<Option<Extent>> {
    file.seek(SeekFrom::Start(0))?;
    content.extent(BufReader::with_capacity(64 << 10, file))
}

/// Makes a complete file of what is whole of a part.
pub(super) fn finish(part: &Path, path: &Path, mut file: &File, extent: &Extent) -> io::Result<()> {
    file.set_len(extent.bytes)?;
    file.seek(SeekFrom::End(0))?;
    file.write_all(&extent.end())?;
    file.sync_all()?;
    fs::rename(part, path)?;
    sync_name(path);
    Ok(())
}

/// Keeps a part of `path` under a name that is never written to. Says which.
pub(super) fn set_aside(part: &Path, path: &Path) -> io::Result<PathBuf> {
    let name = |number: u32| {
        let mut name = OsString::from(path);
        name.push(".broken");
        if number > 0 {
            name.push(format!("-{number}"));
        }
        PathBuf::from(name)
    };
    let is_free = |name: &PathBuf| fs::symlink_metadata(name).is_err();
    let name = (0..).map(name).find(is_free).expect("there is no end of names");
    fs::rename(part, &name)?;
    sync_name(&name);
    Ok(name)
}

/// Whether a name is free for a file, and for its part.
pub(super) fn is_free(path: &Path) -> bool {
    let is_free = |path: &Path| fs::symlink_metadata(path).is_err();
    is_free(path) && is_free(&part_path(path))
}
