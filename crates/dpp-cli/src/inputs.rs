//! From what the user names to captures: directories, patterns and lists become files.
//!
//! Nothing is opened here but directories and lists. The surprising fact: what is there under the very name
//! that was given is that file, even if the name looks like a pattern, since the shell has expanded it then.
//! [`checks`](crate::checks) calls this; [`captures`](crate::captures) opens what is found.

use crate::live::Address;
use crate::output::{is_called_capture, is_stdout};
use crate::report::{direct, several};
use anyhow::{Context, bail};
use dpp_source::{Identity, Source, SourceError};
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata};
use std::io::{self, IsTerminal, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// More files than any archive has. Each takes about 1 KiB until the report is written, so a GiB in all.
const INPUTS_MAX: usize = 1 << 20;

/// A list of so many paths of 64 bytes. What is longer is no list but a capture.
const LIST_BYTES_MAX: u64 = 64 << 20;

/// Where a capture comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    Stdin,
    Path(PathBuf),
    /// One that has not ended.
    Live(Address),
}

impl Input {
    /// How it is called in messages.
    pub(crate) fn name(&self) -> String {
        match self {
            Input::Stdin => "standard input".to_owned(),
            Input::Path(path) => quoted(path),
            Input::Live(address) => format!("'{address}'"),
        }
    }

    /// Its path, as directly as it can be named.
    pub(crate) fn path(&self) -> String {
        match self {
            Input::Stdin => "stdin".to_owned(),
            Input::Path(path) => direct(path),
            Input::Live(address) => address.to_string(),
        }
    }

    /// Its name without the directory.
    pub(crate) fn file_name(&self) -> String {
        match self {
            Input::Stdin => "stdin".to_owned(),
            Input::Path(path) => path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            Input::Live(address) => address.to_string(),
        }
    }

    /// Which file it is, if it is there; what it is called does not matter. Of standard input only a file
    /// counts: a terminal or a socket may well be both ends.
    pub(crate) fn identity(&self) -> Option<Identity> {
        let counts = |known: &Metadata| *self != Input::Stdin || known.is_file();
        self.known().ok().filter(counts).as_ref().map(Identity::from)
    }

    /// Whether it can be read once more from the start.
    pub(crate) fn is_file(&self) -> bool {
        matches!(self, Input::Path(_)) && self.known().is_ok_and(|known| known.is_file())
    }

    /// Whether it is there; whether it can be read is another question.
    pub(crate) fn is_there(&self) -> bool {
        self.known().is_ok()
    }

    /// Its bytes on disk, if it is a file.
    pub(crate) fn size(&self) -> Option<u64> {
        self.known().ok().filter(Metadata::is_file).map(|known| known.len())
    }

    /// Whether it may grow for ever.
    pub(crate) fn is_live(&self) -> bool {
        matches!(self, Input::Live(_))
    }

    fn known(&self) -> io::Result<Metadata> {
        match self {
            Input::Live(_) => Err(io::ErrorKind::NotFound.into()),
            Input::Stdin => File::from(io::stdin().as_fd().try_clone_to_owned()?).metadata(),
            Input::Path(path) => fs::metadata(path),
        }
    }
}

/// What a run reads.
#[derive(Debug, Default)]
pub(crate) struct Inputs {
    /// The captures, as given; those of a directory or a pattern by name.
    pub(crate) captures: Vec<Input>,
    /// Where some of them are named.
    pub(crate) lists: Vec<PathBuf>,
    /// Files of directories that are something else.
    passed: Passed,
}

/// Files that were passed over.
#[derive(Debug, Default)]
struct Passed {
    /// What was looked for.
    noun: &'static str,
    count: u64,
    first: PathBuf,
}

impl Passed {
    fn add(&mut self, path: PathBuf) {
        if self.count == 0 {
            self.first = path;
        }
        self.count += 1;
    }
}

impl Inputs {
    /// How many files of directories were passed over.
    pub(crate) fn passed_over(&self) -> u64 {
        self.passed.count
    }

    /// Says how many files of directories were passed over. Nobody may be listening.
    pub(crate) fn tell_passed(&self, is_silent: bool) {
        let Passed { noun, count, first } = &self.passed;
        if *count > 0 && !is_silent {
            let (files, first) = (several(*count, "file"), quoted(first));
            let _ = writeln!(
                io::stderr(),
                "Passed over: {files} of directories, as they are no {noun}s ({first})"
            );
        }
    }
}

/// The one capture of that name. What cannot be a capture is refused; opening it for good comes later, since a
/// FIFO may have to be waited for.
pub(crate) fn one(path: &Path) -> anyhow::Result<Inputs> {
    let input = match live(path)? {
        Some(address) => Input::Live(address),
        None if path == Path::new("-") => stdin()?,
        None => file(path)?,
    };
    Ok(Inputs { captures: vec![input], ..Inputs::default() })
}

/// The live source of that address, if it is one.
fn live(word: &Path) -> anyhow::Result<Option<Address>> {
    word.to_str().map_or(Ok(None), Address::parse)
}

/// Live sources, all at once.
///
/// # Errors
/// What is none, or is there twice.
pub(crate) fn sources(words: &[OsString]) -> anyhow::Result<Inputs> {
    let mut captures: Vec<Input> = Vec::new();
    for word in words {
        let word = Path::new(word);
        let Some(address) = live(word)? else {
            bail!("--source: {} is no live source; files are read by dpp INPUT and dpp extract", quoted(word))
        };
        let is_there = |input: &Input| matches!(input, Input::Live(other) if other.is_at(&address));
        if captures.iter().any(is_there) {
            bail!("--source: '{address}' is named twice; name it once");
        }
        captures.push(Input::Live(address));
    }
    Ok(Inputs { captures, ..Inputs::default() })
}

fn stdin() -> anyhow::Result<Input> {
    if io::stdin().is_terminal() {
        return Err(SourceError::Terminal { name: "standard input".into() }.into());
    }
    Ok(Input::Stdin)
}

fn file(path: &Path) -> anyhow::Result<Input> {
    let name = quoted(path);
    match fs::metadata(path) {
        Ok(known) if known.is_dir() => Err(SourceError::Directory { name }.into()),
        Ok(_) => Ok(Input::Path(path.to_owned())),
        Err(error) => Err(SourceError::from_open(name, error).into()),
    }
}

/// How files are looked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Search {
    /// Also in the directories of a directory.
    pub(crate) recursive: bool,
    /// A file that is missing is found missing later.
    pub(crate) keep_going: bool,
    pub(crate) sought: Sought,
}

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sought {
    Captures,
    Parts,
    /// Captures; and parts where there are none.
    Either,
}

impl Sought {
    fn noun(self) -> &'static str {
        match self {
            Sought::Captures | Sought::Either => "capture",
            Sought::Parts => "part",
        }
    }
}

impl Default for Search {
    fn default() -> Search {
        Search { recursive: false, keep_going: false, sought: Sought::Captures }
    }
}

/// All captures that these words name.
///
/// # Errors
/// A word that names nothing, and the same file twice.
pub(crate) fn all(words: &[PathBuf], search: Search) -> anyhow::Result<Inputs> {
    let mut found = Found { search, inputs: Inputs::default(), stdin_is_taken: false };
    found.inputs.passed.noun = search.sought.noun();
    for word in words {
        found.word(word)?;
    }
    refuse_twins(&found.inputs.captures)?;
    Ok(found.inputs)
}

/// What was found so far.
struct Found {
    search: Search,
    inputs: Inputs,
    stdin_is_taken: bool,
}

impl Found {
    fn word(&mut self, word: &Path) -> anyhow::Result<()> {
        match word.as_os_str().as_bytes() {
            b"-" => {
                self.take_stdin()?;
                self.add(stdin()?)
            }
            [b'@', list @ ..] => self.list(Path::new(OsStr::from_bytes(list))),
            _ if is_pattern(word) && fs::symlink_metadata(word).is_err() => self.pattern(word),
            _ => self.path(word),
        }
    }

    fn take_stdin(&mut self) -> anyhow::Result<()> {
        if self.stdin_is_taken {
            bail!("standard input can be read only once; name - or @- once");
        }
        self.stdin_is_taken = true;
        Ok(())
    }

    /// A file, or all that are in a directory.
    fn path(&mut self, path: &Path) -> anyhow::Result<()> {
        if let Some(address) = live(path)? {
            bail!("'{address}' has no end; live sources are for dpp live (dpp live --help tells more)");
        }
        if path.is_dir() {
            return self.directory(path);
        }
        match file(path) {
            Err(_) if self.search.keep_going => self.add(Input::Path(path.to_owned())),
            input => self.add(input?),
        }
    }

    fn directory(&mut self, path: &Path) -> anyhow::Result<()> {
        let mut files = Vec::new();
        gather(path, self.search.recursive, &mut files)
            .with_context(|| format!("the directory '{}' cannot be listed", path.display()))?;
        if files.is_empty() {
            let hint =
                if self.search.recursive { "" } else { " (--recursive looks into the directories in it)" };
            let noun = self.search.sought.noun();
            bail!("the directory '{}' holds no files{hint}; name a {noun}", path.display());
        }
        files.sort();
        self.chosen(path, files)?.into_iter().try_for_each(|file| self.add(Input::Path(file)))
    }

    /// Those files of a directory that are looked for, or may be. All others are passed over: tables, pages and parts often lie
    /// beside what they were made of.
    fn chosen(&mut self, directory: &Path, files: Vec<PathBuf>) -> anyhow::Result<Vec<PathBuf>> {
        let (mut chosen, mut parts, first) = (Vec::new(), Vec::new(), files.first().cloned());
        for file in files {
            match kind(&file) {
                // It is being written just now.
                _ if is_stdout(&file) => self.inputs.passed.add(file),
                Kind::Capture if self.search.sought == Sought::Parts => self.inputs.passed.add(file),
                Kind::Capture | Kind::Unknown => chosen.push(file),
                Kind::Part => parts.push(file),
                Kind::Other => self.inputs.passed.add(file),
            }
        }
        match self.search.sought {
            Sought::Parts => chosen.append(&mut parts),
            Sought::Either if chosen.is_empty() => chosen = parts,
            Sought::Captures | Sought::Either => {
                parts.into_iter().for_each(|part| self.inputs.passed.add(part))
            }
        }
        if chosen.is_empty() {
            let (noun, name) = (self.search.sought.noun(), directory.display());
            let first = quoted(&first.unwrap_or_default());
            bail!("the directory '{name}' holds no {noun}, but other files, such as {first}; name a {noun}");
        }
        chosen.sort();
        Ok(chosen)
    }

    /// What the shell would have made of it, had it been asked.
    fn pattern(&mut self, word: &Path) -> anyhow::Result<()> {
        let name = word.display();
        let Some(pattern) = word.to_str() else { bail!("the pattern '{name}' is not UTF-8") };
        let like_a_shell = glob::MatchOptions {
            case_sensitive: true,
            require_literal_separator: true,
            require_literal_leading_dot: true,
        };
        let paths = glob::glob_with(pattern, like_a_shell)
            .with_context(|| format!("the pattern '{name}' cannot be understood"))?;
        let mut paths = paths
            .collect::<Result<Vec<PathBuf>, _>>()
            .with_context(|| format!("the files of '{name}' cannot be listed"))?;
        if paths.is_empty() {
            bail!("no file matches '{name}'; check the pattern");
        }
        paths.sort();
        paths.iter().try_for_each(|path| self.path(path))
    }

    /// The paths in a file, a line each. They are plain paths: neither patterns nor lists.
    fn list(&mut self, list: &Path) -> anyhow::Result<()> {
        let name = if list == Path::new("-") { "standard input".to_owned() } else { quoted(list) };
        let text = if list == Path::new("-") {
            self.take_stdin()?;
            read_list(io::stdin().lock())
        } else {
            self.inputs.lists.push(list.to_owned());
            File::open(list).and_then(read_list)
        };
        let text = text.with_context(|| format!("the list {name} cannot be read"))?;
        if text.len() as u64 > LIST_BYTES_MAX {
            let noun = self.search.sought.noun();
            bail!("the list {name} is longer than {} MiB; is it a {noun}?", LIST_BYTES_MAX >> 20);
        }
        if text.contains(&0) {
            bail!("the list {name} holds what no path can hold; is it a {}?", self.search.sought.noun());
        }
        let before = self.inputs.captures.len();
        for line in text.split(|&byte| byte == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if !line.is_empty() {
                let path = PathBuf::from(OsString::from_vec(line.to_vec()));
                self.path(&path).with_context(|| format!("the list {name} names what cannot be read"))?;
            }
        }
        if self.inputs.captures.len() == before {
            bail!("the list {name} names no file; write a path on each line");
        }
        Ok(())
    }

    fn add(&mut self, input: Input) -> anyhow::Result<()> {
        if self.inputs.captures.len() == INPUTS_MAX {
            bail!(
                "there are more than {INPUTS_MAX} {}s; read them in several runs",
                self.search.sought.noun()
            );
        }
        self.inputs.captures.push(input);
        Ok(())
    }
}

/// What a file of a directory is.
enum Kind {
    Capture,
    Part,
    /// What cannot be read, or is damaged, is told of later.
    Unknown,
    Other,
}

/// What a file is. It is opened only if it is not called like a capture.
fn kind(path: &Path) -> Kind {
    if is_called_capture(path) {
        return Kind::Capture;
    }
    match Source::open(path) {
        Err(SourceError::NotACapture { looks_like, .. }) if looks_like.is_part() => Kind::Part,
        Err(SourceError::NotACapture { looks_like, .. }) if looks_like.is_something_else() => Kind::Other,
        Err(_) => Kind::Unknown,
        Ok(_) => Kind::Capture,
    }
}

/// The files of a directory that may be captures: no hidden ones, and no tables in the making. Links to
/// directories are not followed, as they may lead in circles.
fn gather(directory: &Path, recursive: bool, files: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory)? {
            let entry = entry?;
            let (name, path) = (entry.file_name(), entry.path());
            if name.as_bytes().starts_with(b".") || name.as_bytes().ends_with(b".part") {
                continue;
            }
            if entry.file_type()?.is_dir() {
                directories.extend(recursive.then_some(path));
            } else if fs::metadata(&path).is_ok_and(|known| known.is_file()) {
                files.push(path);
            }
            if files.len() > INPUTS_MAX {
                return Ok(());
            }
        }
    }
    Ok(())
}

fn read_list(list: impl Read) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    list.take(LIST_BYTES_MAX + 1).read_to_end(&mut text)?;
    Ok(text)
}

fn is_pattern(word: &Path) -> bool {
    word.as_os_str().as_bytes().iter().any(|byte| b"*?[".contains(byte))
}

/// Refuses the same file under two names, or twice under one.
fn refuse_twins(captures: &[Input]) -> anyhow::Result<()> {
    let mut seen: HashMap<Identity, &Input> = HashMap::new();
    for capture in captures {
        let Some(first) = capture.identity().and_then(|identity| seen.insert(identity, capture)) else {
            continue;
        };
        if first == capture {
            bail!("{} is named twice; name it once", capture.name());
        }
        bail!("{} and {} are the same file; name it once", first.name(), capture.name());
    }
    Ok(())
}

/// A path between quotes, with nothing in it that a terminal would obey.
fn quoted(path: &Path) -> String {
    let mut quoted = String::from("'");
    for character in path.display().to_string().chars() {
        match character.is_control() {
            true => quoted.extend(character.escape_default()),
            false => quoted.push(character),
        }
    }
    quoted + "'"
}
