//! What of a dataset is complete: a file of JSON in its root.
//!
//! A *run* is what one invocation writes from one or several inputs that are read as one capture. All its files are called after
//! its inputs ([`RunEntry::stem`]), so that no two runs have a file in common. The manifest knows two kinds: runs that are
//! complete, with their files, and runs that have begun. The surprising fact: what begun runs have written is taken away before
//! another run begins, unless it came from where nothing can be read twice. So the files of a dataset are a function of the
//! runs that are complete, whatever was killed in between. The manifest is replaced as a whole, each time by one that is
//! complete, and one process at a time may write to a dataset.

use crate::part_file::PartFile;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The name of the manifest in the root of a dataset. Readers of datasets leave out what begins with an underscore.
const NAME: &str = "_dpp_manifest.json";
const VERSION: u64 = 2;

/// Hexadecimal digits of a run's name: 80 bits, so that even who chooses the captures finds no two runs of one name.
const ID_DIGITS: usize = 20;

/// Bytes of an input's name in those of its files: with the rest, they stay below the 255 that file systems allow.
const PREFIX_MAX: usize = 160;

/// The manifest of a dataset.
#[derive(Debug)]
pub struct Manifest {
    root: PathBuf,
    /// What the dataset is made with: runs of another plan do not fit in.
    plan: Value,
    /// Those that are complete, by their names.
    runs: BTreeMap<String, RunEntry>,
    /// Those that have begun, and of which files may be there.
    begun: BTreeMap<String, RunEntry>,
    known: Known,
    /// Keeps others out, while this is open. `None` until there is a directory.
    lock: Option<File>,
}

/// The inputs of which the dataset has rows, or may have.
#[derive(Clone, Debug, Default)]
struct Known {
    /// What an input was read with, by what it is.
    company: HashMap<String, String>,
    /// How long it was, by what it is called.
    bytes: HashMap<String, Option<u64>>,
    /// What it is called, by how it begins.
    names: HashMap<String, String>,
}

/// A run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunEntry {
    /// Its name: a function of what its inputs are, and of the plan.
    id: String,
    stem: String,
    /// The program that wrote it.
    program: String,
    inputs: Vec<InputEntry>,
    /// How its inputs ended, if it is complete.
    ending: Option<String>,
    files: Vec<FileEntry>,
}

/// An input of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InputEntry {
    /// Its full path.
    pub name: String,
    /// Its size; `None` if it can be read only once.
    pub bytes: Option<u64>,
    /// A digest of its first bytes, if there are so many that no other capture has the same.
    pub head: Option<String>,
    /// A digest of its first and last bytes, if it can be read twice.
    pub ends: Option<String>,
    /// Whether it has a header and no packet. No row can come from it twice, so it stands against no run.
    pub is_empty: bool,
    /// What its path says of the rows, beside its file name.
    pub said: Option<String>,
}

/// A file that is complete.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileEntry {
    /// Its name, from the root of the dataset.
    pub path: String,
    /// How many rows it has.
    pub rows: u64,
    /// How many bytes.
    pub bytes: u64,
}

/// What is to be done about a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing: all its files are as it left them.
    Complete,
    /// It has to be started, from its beginning.
    ToDo,
}

/// Why a directory cannot take a dataset, or a dataset not a run.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// It has something else in it.
    #[error("the directory '{}' has files in it and no manifest of a dataset; name an empty one, or a new one", .0.display())]
    NotEmpty(PathBuf),
    /// It is there, but no directory.
    #[error("'{}' is no directory; a dataset needs one", .0.display())]
    NoDirectory(PathBuf),
    /// Another process writes to it.
    #[error("another run is writing to the dataset '{}'; wait for it, or name another directory", .0.display())]
    Busy(PathBuf),
    /// The manifest cannot be understood.
    #[error("the manifest '{}' {}; restore it, or write to a new directory", path.display(), what)]
    Unreadable {
        /// The manifest.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// It was made with other columns, filters, partitions or limits.
    #[error("the dataset '{}' was made otherwise (other: {what}); give the same options, or write to a new directory", root.display())]
    OtherPlan {
        /// The directory.
        root: PathBuf,
        /// In what the plans differ.
        what: String,
    },
    /// An input is in the dataset, in other company.
    #[error(
        "the capture '{input}' is in the dataset already, where it was read {company}, and its rows would be there twice; \
         leave it out, or write to a new directory (with --per-file each capture is for itself, and more can be added any time)"
    )]
    Overlap {
        /// The input.
        input: String,
        /// What it was read with.
        company: String,
    },
    /// An input of this name is in the dataset, and was another one then.
    #[error(
        "the capture '{input}' is not what it was when it was read into the dataset ({}); if it has grown, write to a \
         new directory, and if it is another capture, give it another name",
        size(bytes)
    )]
    Changed {
        /// The input.
        input: String,
        /// How long it was.
        bytes: Option<u64>,
    },
    /// An input begins as one does that is in the dataset.
    #[error(
        "the capture '{input}' begins as '{other}' does, which is in the dataset: one is a copy of the other, or has grown, \
         and rows would be there twice; leave it out, or write to a new directory"
    )]
    SameHead {
        /// The input.
        input: String,
        /// The one that is in the dataset.
        other: String,
    },
    /// An input that can be read only once was read before.
    #[error(
        "the dataset has rows of '{input}' already, and nobody can tell whether these are others; write to a new directory"
    )]
    Once {
        /// The input.
        input: String,
    },
    /// It cannot be read or written.
    #[error("cannot use the directory '{}' for a dataset", path.display())]
    Io {
        /// The directory or manifest.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

fn size(bytes: &Option<u64>) -> String {
    bytes.map_or_else(|| "something that was read only once".to_owned(), |bytes| format!("{bytes} bytes"))
}

/// SHA-256 in hexadecimal digits, so many of them.
pub fn digest(bytes: &[u8], digits: usize) -> String {
    let mut text = String::new();
    for octet in Sha256::digest(bytes) {
        // Nothing can fail in writing to memory.
        let _ = write!(text, "{octet:02x}");
    }
    text.truncate(digits);
    text
}

impl InputEntry {
    /// What it is, wherever it lies: its file name, size and ends, and what its path says.
    fn identity(&self) -> String {
        let InputEntry { name, bytes, head: _, ends, is_empty: _, said } = self;
        let file_name = Path::new(name).file_name().unwrap_or_default().to_string_lossy();
        json!([file_name, bytes, ends, said]).to_string()
    }

    fn is_repeatable(&self) -> bool {
        self.bytes.is_some()
    }
}

impl RunEntry {
    /// A run on these inputs in a dataset that is made as `plan` says. Its files' names begin with `prefix`.
    pub fn new(prefix: &str, program: &str, plan: &Value, inputs: Vec<InputEntry>) -> RunEntry {
        let identities = inputs.iter().map(InputEntry::identity);
        let told: Vec<String> = std::iter::once(in_order(plan)).chain(identities).collect();
        let id = digest(told.join("\n").as_bytes(), ID_DIGITS);
        // Readers of datasets leave out what begins with these.
        let mut prefix = prefix.trim_start_matches(['_', '.']);
        while prefix.len() > PREFIX_MAX {
            prefix = &prefix[..prefix.char_indices().next_back().map_or(0, |last| last.0)];
        }
        let prefix = if prefix.is_empty() { "part" } else { prefix };
        let stem = format!("{prefix}-{id}");
        RunEntry { id, stem, program: program.to_owned(), inputs, ending: None, files: Vec::new() }
    }

    /// What its files are called before their numbers. No other run's are.
    pub fn stem(&self) -> &str {
        &self.stem
    }

    /// Whether it can be started again: all its inputs are files.
    pub fn is_repeatable(&self) -> bool {
        self.inputs.iter().all(InputEntry::is_repeatable)
    }

    /// Its inputs of which there may be rows.
    fn inputs_with_packets(&self) -> impl Iterator<Item = &InputEntry> {
        self.inputs.iter().filter(|input| !input.is_empty)
    }

    /// Its inputs, the first of them by name.
    fn company(&self) -> String {
        match &self.inputs[..] {
            [] | [_] => "by itself".to_owned(),
            [first, others @ ..] => {
                let and = if others.len() == 1 { "another" } else { "others" };
                format!("as one with {and} ({} captures from '{}' on)", others.len() + 1, first.name)
            }
        }
    }
}

impl Known {
    fn add(&mut self, run: &RunEntry) {
        for input in run.inputs_with_packets() {
            self.company.insert(input.identity(), run.company());
            self.bytes.insert(input.name.clone(), input.bytes);
            if let Some(head) = &input.head {
                self.names.insert(head.clone(), input.name.clone());
            }
        }
    }

    /// Refuses a run with an input that is known.
    fn check(&self, run: &RunEntry) -> Result<(), ManifestError> {
        for known in run.inputs_with_packets() {
            let input = known.name.clone();
            match self.company.get(&known.identity()) {
                Some(_) if !known.is_repeatable() => return Err(ManifestError::Once { input }),
                Some(company) => return Err(ManifestError::Overlap { input, company: company.clone() }),
                None => {}
            }
            if let Some(&bytes) = self.bytes.get(&input) {
                return Err(ManifestError::Changed { input, bytes });
            }
            if let Some(other) = known.head.as_ref().and_then(|head| self.names.get(head)) {
                return Err(ManifestError::SameHead { input, other: other.clone() });
            }
        }
        Ok(())
    }
}

impl Manifest {
    /// Opens the dataset in `root`, which is made as `plan` says. If there is none, nothing is written until a run begins.
    ///
    /// # Errors
    /// If the directory has something else in it, was made otherwise, or is being written to.
    pub fn open(root: &Path, plan: Value) -> Result<Manifest, ManifestError> {
        let mut manifest = Manifest {
            root: root.to_owned(),
            plan,
            runs: BTreeMap::new(),
            begun: BTreeMap::new(),
            known: Known::default(),
            lock: None,
        };
        if !root.exists() {
            return Ok(manifest);
        }
        if !root.is_dir() {
            return Err(ManifestError::NoDirectory(root.to_owned()));
        }
        manifest.lock()?;
        let path = root.join(NAME);
        match fs::read(&path) {
            Ok(bytes) => manifest.take(&bytes, &path)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => manifest.check_empty()?,
            Err(error) => return Err(manifest.io(error)),
        }
        Ok(manifest)
    }

    fn take(&mut self, bytes: &[u8], path: &Path) -> Result<(), ManifestError> {
        let (plan, runs, begun) =
            read(bytes).map_err(|what| ManifestError::Unreadable { path: path.to_owned(), what })?;
        if plan != self.plan {
            let what = differences(&plan, &self.plan).join(", ");
            return Err(ManifestError::OtherPlan { root: self.root.clone(), what });
        }
        self.begun = begun.into_iter().map(|run| (run.id.clone(), run)).collect();
        for run in runs {
            self.known.add(&run);
            self.runs.insert(run.id.clone(), run);
        }
        // What cannot be read twice may be in the files that are there.
        let once: Vec<RunEntry> = self.begun.values().filter(|run| !run.is_repeatable()).cloned().collect();
        once.iter().for_each(|run| self.known.add(run));
        Ok(())
    }

    /// What is to be done about runs, if it is done in this order.
    ///
    /// # Errors
    /// Of each: if some of its rows would be in the dataset twice, or nobody can tell.
    pub fn judge(&self, runs: &[RunEntry]) -> Vec<Result<State, ManifestError>> {
        let (mut known, mut wanted) = (self.known.clone(), HashSet::new());
        let mut judge = |run: &RunEntry| {
            if let Some(state) = self.state(run) {
                return Ok(state);
            }
            // The same twice is done once.
            if !run.is_repeatable() || !wanted.contains(&run.id) {
                known.check(run)?;
            }
            wanted.insert(run.id.clone());
            known.add(run);
            Ok(State::ToDo)
        };
        runs.iter().map(&mut judge).collect()
    }

    /// What is to be done about a run after those that are complete by now.
    ///
    /// # Errors
    /// As of [`judge`](Manifest::judge).
    pub fn judge_now(&self, run: &RunEntry) -> Result<State, ManifestError> {
        match self.state(run) {
            Some(state) => Ok(state),
            None => self.known.check(run).map(|()| State::ToDo),
        }
    }

    /// What is to be done about a run that was complete; `None` if it never was, or if it cannot be the same again.
    fn state(&self, run: &RunEntry) -> Option<State> {
        let known = self.runs.get(&run.id).filter(|_| run.is_repeatable())?;
        let is_there = |file: &FileEntry| {
            fs::metadata(self.root.join(&file.path)).is_ok_and(|known| known.len() == file.bytes)
        };
        Some(if known.files.iter().all(is_there) { State::Complete } else { State::ToDo })
    }

    /// How the inputs of a run ended, if it is complete.
    pub fn ending(&self, run: &RunEntry) -> Option<&str> {
        self.runs.get(&run.id)?.ending.as_deref()
    }

    /// Writes down that a run begins, and takes away what others, or itself, have left that were not completed.
    ///
    /// # Errors
    /// If the directory or the manifest cannot be written.
    pub fn begin(&mut self, run: &RunEntry) -> Result<(), ManifestError> {
        if self.lock.is_none() {
            fs::create_dir_all(&self.root).map_err(|error| self.io(error))?;
            self.lock()?;
            self.check_empty()?;
        }
        // Its files are there if it was complete and lost some of them, or if it was killed.
        let is_again = self.runs.remove(&run.id).is_some();
        let mut left = self.begun.clone();
        left.retain(|_, run| run.is_repeatable());
        left.extend(is_again.then(|| (run.id.clone(), run.clone())));
        self.begun.insert(run.id.clone(), run.clone());
        self.write()?;
        if left.is_empty() {
            return Ok(());
        }
        let stems: Vec<&str> = left.values().map(RunEntry::stem).collect();
        self.remove_files(&stems)?;
        left.remove(&run.id);
        self.begun.retain(|id, _| !left.contains_key(id));
        if left.is_empty() { Ok(()) } else { self.write() }
    }

    /// A run is complete, with these files; its inputs ended like this.
    ///
    /// # Errors
    /// If the manifest cannot be written.
    pub fn complete(
        &mut self,
        run: &RunEntry,
        ending: &str,
        files: Vec<FileEntry>,
    ) -> Result<(), ManifestError> {
        self.begun.remove(&run.id);
        self.known.add(run);
        let ending = Some(ending.to_owned());
        self.runs.insert(run.id.clone(), RunEntry { files, ending, ..run.clone() });
        self.write()
    }

    /// Nothing is to be left of a run that has begun.
    ///
    /// # Errors
    /// If something cannot be removed.
    pub fn give_up(&mut self, run: &RunEntry) -> Result<(), ManifestError> {
        self.remove_files(&[&run.stem])?;
        self.begun.remove(&run.id);
        self.write()
    }

    /// Removes all files of runs, under their names or in the making.
    fn remove_files(&self, stems: &[&str]) -> Result<(), ManifestError> {
        remove_files(&self.root, stems, true).map(drop).map_err(|error| self.io(error))
    }

    fn lock(&mut self) -> Result<(), ManifestError> {
        let directory = File::open(&self.root).map_err(|error| self.io(error))?;
        match directory.try_lock() {
            Err(TryLockError::WouldBlock) => return Err(ManifestError::Busy(self.root.clone())),
            // Where the file system knows no locks, runs are not kept apart.
            Ok(()) | Err(TryLockError::Error(_)) => self.lock = Some(directory),
        }
        Ok(())
    }

    fn check_empty(&self) -> Result<(), ManifestError> {
        let mut entries = fs::read_dir(&self.root).map_err(|error| self.io(error))?;
        // The manifest's part is what a run leaves that was killed at its first step.
        let is_other = |entry: io::Result<fs::DirEntry>| {
            entry.map_or(true, |entry| entry.file_name().to_string_lossy() != format!("{NAME}.part"))
        };
        match entries.any(is_other) {
            true => Err(ManifestError::NotEmpty(self.root.clone())),
            false => Ok(()),
        }
    }

    fn io(&self, source: io::Error) -> ManifestError {
        ManifestError::Io { path: self.root.clone(), source }
    }

    fn write(&self) -> Result<(), ManifestError> {
        let path = self.root.join(NAME);
        let written = PartFile::create(&path).and_then(|mut file| {
            file.write_all(self.json().as_bytes())?;
            file.finish()
        });
        written.map_err(|source| ManifestError::Io { path, source })
    }

    fn json(&self) -> String {
        let input = |input: &InputEntry| {
            let InputEntry { name, bytes, head, ends, is_empty, said } = input;
            json!({ "name": name, "bytes": bytes, "head": head, "ends": ends, "empty": is_empty, "said": said })
        };
        let file = |FileEntry { path, rows, bytes }: &FileEntry| json!({ "path": path, "rows": rows, "bytes": bytes });
        let run = |run: &RunEntry| {
            json!({
                "id": run.id,
                "stem": run.stem,
                "program": run.program,
                "inputs": run.inputs.iter().map(input).collect::<Vec<_>>(),
                "ending": run.ending,
                "files": run.files.iter().map(file).collect::<Vec<_>>(),
            })
        };
        // In the order of their names, so that it does not matter in which they were done.
        let runs: Vec<Value> = self.runs.values().map(run).collect();
        let begun: Vec<Value> = self.begun.values().map(run).collect();
        format!("{:#}\n", json!({ "dpp_dataset": VERSION, "plan": self.plan, "runs": runs, "begun": begun }))
    }
}

/// Removes the files of runs in a folder and below, and folders of the dataset that are empty then. Says whether this one is.
/// Links are not followed, and folders that are called otherwise than those of datasets are not entered.
fn remove_files(folder: &Path, stems: &[&str], is_root: bool) -> io::Result<bool> {
    let mut is_empty = true;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (name, is_folder) = (entry.file_name(), entry.file_type()?.is_dir());
        let name = name.to_string_lossy();
        if is_folder && name.contains('=') {
            is_empty &= remove_files(&entry.path(), stems, false)?;
        } else if !is_folder && is_of(&name, stems) {
            fs::remove_file(entry.path())?;
        } else {
            is_empty = false;
        }
    }
    if is_empty && !is_root {
        fs::remove_dir(folder)?;
    }
    Ok(is_empty)
}

/// Whether a file is called as those of a run are, complete or in the making: its stem, a number, an extension. Nothing else may
/// follow the number: a capture may be called as a file of a dataset is, and its files are called after it.
fn is_of(name: &str, stems: &[&str]) -> bool {
    let name = name.strip_suffix(".part").unwrap_or(name);
    let Some((stem, rest)) = name.rsplit_once('-') else { return false };
    let Some((number, extension)) = rest.split_once('.') else { return false };
    let is_number = !number.is_empty() && number.bytes().all(|octet| octet.is_ascii_digit());
    let is_extension = !extension.is_empty() && extension.bytes().all(|octet| octet.is_ascii_alphanumeric());
    is_number && is_extension && stems.contains(&stem)
}

/// A value as text, whatever order its keys were told in.
fn in_order(value: &Value) -> String {
    match value.as_object() {
        Some(facts) => {
            let facts: BTreeMap<&String, String> =
                facts.iter().map(|(key, value)| (key, in_order(value))).collect();
            json!(facts).to_string()
        }
        None => value.to_string(),
    }
}

/// In what two plans differ: the keys of the facts, those of a group by themselves.
fn differences(one: &Value, other: &Value) -> Vec<String> {
    let (Some(mine), Some(others)) = (one.as_object(), other.as_object()) else { return Vec::new() };
    let mut found = Vec::new();
    for key in mine.keys().chain(others.keys().filter(|key| !mine.contains_key(*key))) {
        let (a, b) = (mine.get(key).unwrap_or(&Value::Null), others.get(key).unwrap_or(&Value::Null));
        if a == b {
            continue;
        }
        match differences(a, b) {
            inner if inner.is_empty() => found.push(key.clone()),
            inner => found.extend(inner),
        }
    }
    found
}

/// The plan, the complete and the begun runs of a manifest.
fn read(bytes: &[u8]) -> Result<(Value, Vec<RunEntry>, Vec<RunEntry>), String> {
    let value: Value = serde_json::from_slice(bytes).map_err(|error| format!("is no JSON ({error})"))?;
    match value["dpp_dataset"].as_u64() {
        Some(VERSION) => {}
        Some(other) => return Err(format!("is of version {other}, not {VERSION}")),
        None => return Err("is not that of a dataset".to_owned()),
    }
    if !value["plan"].is_object() {
        return Err(missing("plan"));
    }
    Ok((value["plan"].clone(), runs(&value, "runs")?, runs(&value, "begun")?))
}

fn missing(what: &str) -> String {
    format!("has no {what} where one must be")
}

fn runs(value: &Value, key: &str) -> Result<Vec<RunEntry>, String> {
    let text = |of: &Value, key: &str| of[key].as_str().map(str::to_owned).ok_or_else(|| missing(key));
    let optional = |of: &Value, key: &str| of[key].as_str().map(str::to_owned);
    let list = |of: &Value, key: &str| of[key].as_array().cloned().ok_or_else(|| missing(key));
    let mut found = Vec::new();
    for run in list(value, key)? {
        let (mut inputs, mut files) = (Vec::new(), Vec::new());
        for input in list(&run, "inputs")? {
            let (name, bytes) = (text(&input, "name")?, input["bytes"].as_u64());
            inputs.push(InputEntry {
                name,
                bytes,
                head: optional(&input, "head"),
                ends: optional(&input, "ends"),
                // Versions before knew of none.
                is_empty: input["empty"].as_bool().unwrap_or_default(),
                said: optional(&input, "said"),
            });
        }
        for file in list(&run, "files")? {
            let number = |key: &str| file[key].as_u64().ok_or_else(|| missing(key));
            files.push(FileEntry {
                path: text(&file, "path")?,
                rows: number("rows")?,
                bytes: number("bytes")?,
            });
        }
        let (id, stem, program) = (text(&run, "id")?, text(&run, "stem")?, text(&run, "program")?);
        found.push(RunEntry { id, stem, program, inputs, ending: optional(&run, "ending"), files });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Room(PathBuf);

    impl Room {
        fn new(name: &str) -> Room {
            let room = std::env::temp_dir().join(format!("dpp-manifest-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&room);
            Room(room)
        }

        fn open(&self) -> Result<Manifest, ManifestError> {
            Manifest::open(&self.0, plan("id"))
        }

        /// A file of a run, in a folder.
        fn file(&self, run: &RunEntry, number: usize) -> FileEntry {
            let path = format!("day=1/{}-{number:05}.csv", run.stem());
            fs::create_dir_all(self.0.join("day=1")).unwrap();
            fs::write(self.0.join(&path), "abc").unwrap();
            FileEntry { path, rows: 1, bytes: 3 }
        }

        fn complete(&self, run: &RunEntry) {
            let mut manifest = self.open().unwrap();
            manifest.begin(run).unwrap();
            let file = self.file(run, 0);
            manifest.complete(run, "complete", vec![file]).unwrap();
        }

        /// All files, and what is in them.
        fn files(&self) -> Vec<(String, String)> {
            let mut found = Vec::new();
            for folder in [self.0.clone(), self.0.join("day=1")] {
                for entry in fs::read_dir(folder).into_iter().flatten().map(Result::unwrap) {
                    let name = entry.file_name().to_string_lossy().into_owned();
                    if entry.path().is_file() {
                        found.push((name, fs::read_to_string(entry.path()).unwrap()));
                    }
                }
            }
            found.sort();
            found
        }
    }

    impl Drop for Room {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn plan(columns: &str) -> Value {
        json!({ "rows": { "columns": [columns], "ports": "53" }, "table": { "format": "csv" } })
    }

    fn input(name: &str, bytes: u64) -> InputEntry {
        InputEntry {
            name: name.to_owned(),
            bytes: Some(bytes),
            ends: Some(format!("{bytes:x}")),
            ..InputEntry::default()
        }
    }

    fn run(names: &[&str]) -> RunEntry {
        RunEntry::new("part", "test", &plan("id"), names.iter().map(|name| input(name, 7)).collect())
    }

    fn judge(manifest: &Manifest, run: &RunEntry) -> Result<State, ManifestError> {
        manifest.judge(std::slice::from_ref(run)).remove(0)
    }

    fn stdin() -> RunEntry {
        let input = InputEntry { name: "stdin".to_owned(), ..InputEntry::default() };
        RunEntry::new("part", "test", &plan("id"), vec![input])
    }

    #[test]
    fn what_was_written_is_read_again() {
        let room = Room::new("again");
        let both = run(&["/x/a.pcap", "/x/b.pcap"]);
        assert_eq!(judge(&room.open().unwrap(), &both).unwrap(), State::ToDo);
        assert!(!room.0.exists(), "a dataset that nothing was written to is not there");
        room.complete(&both);
        let manifest = room.open().unwrap();
        assert_eq!(judge(&manifest, &both).unwrap(), State::Complete);
        assert_eq!(manifest.ending(&both), Some("complete"));
        assert!(matches!(room.open(), Err(ManifestError::Busy(_))));
        drop(manifest);
        let other = Manifest::open(&room.0, plan("qname")).unwrap_err().to_string();
        assert!(other.contains("(other: columns)"), "{other}");
        let lost = room.0.join("day=1").join(format!("{}-00000.csv", both.stem()));
        fs::write(lost, "ab").unwrap();
        assert_eq!(judge(&room.open().unwrap(), &both).unwrap(), State::ToDo);
        fs::write(room.0.join(NAME), "{").unwrap();
        assert!(matches!(room.open(), Err(ManifestError::Unreadable { .. })));
        fs::remove_file(room.0.join(NAME)).unwrap();
        assert!(matches!(room.open(), Err(ManifestError::NotEmpty(_))));
    }

    #[test]
    fn a_run_is_what_its_inputs_are_and_not_where_they_lie() {
        assert_eq!(run(&["/x/a", "/x/b"]).stem(), run(&["/y/a", "/z/b"]).stem());
        let named = |names: &[&str]| run(names).stem().to_owned();
        assert!(named(&["/x/a", "/x/b"]) != named(&["/x/b", "/x/a"]), "their order matters");
        assert!(named(&["/x/a"]) != named(&["/x/ab"]));
        let longer = RunEntry::new("part", "test", &plan("id"), vec![input("/x/a", 8)]);
        assert!(longer.stem() != named(&["/x/a"]));
        let other = RunEntry::new("part", "test", &plan("qname"), vec![input("/x/a", 7)]);
        assert!(other.stem() != named(&["/x/a"]), "another plan makes other files");
        let prefixed =
            |prefix: &str| RunEntry::new(prefix, "test", &plan("id"), vec![input("a", 1)]).stem().to_owned();
        assert!(prefixed("eth0").starts_with("eth0-"));
        assert!(prefixed("_.x").starts_with("x-") && prefixed("...").starts_with("part-"));
        assert!(prefixed(&"\u{e9}".repeat(200)).len() < 200);
    }

    #[test]
    fn what_was_read_once_is_not_read_in_other_company_or_when_it_has_changed() {
        let room = Room::new("company");
        room.complete(&run(&["/x/a", "/x/b", "/x/c"]));
        room.complete(&run(&["/x/e"]));
        room.complete(&stdin());
        let manifest = room.open().unwrap();
        let refused = |manifest: &Manifest, run: &RunEntry| judge(manifest, run).unwrap_err().to_string();
        for names in [&["/x/b"][..], &["/x/d", "/y/c"], &["/x/a", "/x/b"], &["/x/b", "/x/a", "/x/c"]] {
            let error = refused(&manifest, &run(names));
            assert!(error.contains("was read as one with others (3 captures from '/x/a' on)"), "{error}");
        }
        assert!(refused(&manifest, &run(&["/x/d", "/x/e"])).contains("was read by itself"));
        let grown = RunEntry::new("part", "test", &plan("id"), vec![input("/x/e", 9)]);
        let error = refused(&manifest, &grown);
        assert!(error.contains("is not what it was when it was read into the dataset (7 bytes)"), "{error}");
        let headed = |name: &str, bytes| InputEntry { head: Some("ab".to_owned()), ..input(name, bytes) };
        let run_of = |input: InputEntry| RunEntry::new("part", "test", &plan("id"), vec![input]);
        drop(manifest);
        room.complete(&run_of(headed("/x/h", 7)));
        let mut manifest = room.open().unwrap();
        for other in [headed("/y/h", 9), headed("/y/i", 7)] {
            let error = refused(&manifest, &run_of(other));
            assert!(error.contains("begins as '/x/h' does"), "{error}");
        }
        assert_eq!(judge(&manifest, &run_of(headed("/y/h", 7))).unwrap(), State::Complete, "it was moved");
        assert_eq!(manifest.judge_now(&run_of(headed("/y/h", 7))).unwrap(), State::Complete);
        assert!(matches!(manifest.judge_now(&run(&["/x/b"])), Err(ManifestError::Overlap { .. })));
        assert!(refused(&manifest, &stdin()).contains("has rows of 'stdin' already"));
        // Of several it is known before the first is begun.
        let twice = [run_of(headed("/y/h", 7)), run(&["/x/k"]), run(&["/y/k"]), run(&["/x/k", "/x/l"])];
        let judged = manifest.judge(&twice);
        assert!(matches!(
            judged[..],
            [Ok(State::Complete), Ok(State::ToDo), Ok(State::ToDo), Err(ManifestError::Overlap { .. })]
        ));
        assert_eq!(judge(&manifest, &run(&["/x/d"])).unwrap(), State::ToDo);
        manifest.begin(&run(&["/x/d"])).unwrap();
        assert_eq!(
            judge(&manifest, &run(&["/x/d", "/x/f"])).unwrap(),
            State::ToDo,
            "it may never be complete"
        );
    }

    #[test]
    fn captures_without_packets_stand_against_no_run() {
        let room = Room::new("empty");
        let of = |names: [&str; 2], is_empty| {
            let inputs = vec![input(names[0], 9), InputEntry { is_empty, ..input(names[1], 7) }];
            RunEntry::new("part", "test", &plan("id"), inputs)
        };
        let (first, second) = (of(["/x/1/a", "/x/1/b"], true), of(["/x/2/c", "/x/2/b"], true));
        assert!(room.open().unwrap().judge(&[first.clone(), second.clone()]).iter().all(Result::is_ok));
        room.complete(&first);
        let manifest = room.open().unwrap();
        assert_eq!(judge(&manifest, &first).unwrap(), State::Complete);
        assert_eq!(judge(&manifest, &second).unwrap(), State::ToDo);
        // It has grown, and none of its rows is there.
        assert_eq!(judge(&manifest, &run(&["/x/1/b"])).unwrap(), State::ToDo);
        let error = judge(&manifest, &of(["/x/1/a", "/x/2/d"], true)).unwrap_err().to_string();
        assert!(error.contains("'/x/1/a' is in the dataset already"), "{error}");
    }

    #[test]
    fn the_files_are_those_of_complete_runs_in_whatever_order_they_came_and_were_killed() {
        let (a, b, c) = (run(&["a"]), run(&["b"]), run(&["c"]));
        let room = Room::new("plain");
        room.complete(&a);
        room.complete(&b);
        let expected = room.files();
        assert_eq!(expected.len(), 3);
        for killed in [&a, &b, &c] {
            let room = Room::new("killed");
            // Killed with files under their names and in the making, of which fewer come the next time.
            room.open().unwrap().begin(killed).unwrap();
            (0..3).for_each(|number| drop(room.file(killed, number)));
            fs::write(room.0.join("day=1").join(format!("{}-00003.csv.part", killed.stem())), "a").unwrap();
            room.complete(&b);
            // Lost, and not all of it.
            let mut manifest = room.open().unwrap();
            manifest.begin(&b).unwrap();
            manifest.complete(&b, "cut_off", vec![room.file(&b, 0), room.file(&b, 1)]).unwrap();
            drop(manifest);
            fs::remove_file(room.0.join("day=1").join(format!("{}-00000.csv", b.stem()))).unwrap();
            room.complete(&b);
            room.complete(&a);
            assert_eq!(room.files(), expected);
        }
    }

    #[test]
    fn a_capture_that_is_called_as_a_file_of_another_run_keeps_its_files() {
        let file_of = |run: &RunEntry| format!("{}-00000.csv", run.stem());
        let killed = run(&["a"]);
        let stem = killed.stem();
        let called = ["-00000", "-00000.csv", "-00000.csv.part", "-00000.x", "-0", "-", "-1-2", ""];
        for end in called {
            let prefix = format!("{stem}{end}");
            let other = RunEntry::new(&prefix, "test", &plan("id"), vec![input(&prefix, 9)]);
            for name in [file_of(&other), format!("{}.part", file_of(&other))] {
                assert!(is_of(&name, &[other.stem()]) && !is_of(&name, &[stem]), "{name}");
            }
        }
        for name in ["-00000.csv", "-00000.csv.part", "-123456.parquet"] {
            assert!(is_of(&format!("{stem}{name}"), &["other", stem]), "{name}");
        }
        for name in ["-00000", "-.csv", "-0x.csv", "-00000.", "-00000.csv.gz", "-00000.csv.part.part", ".csv"]
        {
            assert!(!is_of(&format!("{stem}{name}"), &[stem]), "{name}");
        }
    }

    #[test]
    fn folders_that_are_not_the_datasets_stay() {
        let room = Room::new("folders");
        let mut manifest = room.open().unwrap();
        manifest.begin(&run(&["a"])).unwrap();
        room.file(&run(&["a"]), 0);
        let (mine, killed) = (room.0.join("notes/empty"), room.0.join("day=2/hour=1"));
        fs::create_dir_all(&mine).unwrap();
        fs::create_dir_all(&killed).unwrap();
        fs::create_dir_all(room.0.join("day=3/mine")).unwrap();
        manifest.give_up(&run(&["a"])).unwrap();
        assert!(mine.is_dir() && room.0.join("day=3/mine").is_dir());
        assert!(
            !room.0.join("day=1").exists() && !room.0.join("day=2").exists(),
            "a folder waited for a file"
        );
    }

    #[test]
    fn nothing_is_left_of_what_is_given_up_but_what_nobody_can_read_again_stays() {
        let room = Room::new("given-up");
        let mut manifest = room.open().unwrap();
        manifest.begin(&run(&["a"])).unwrap();
        room.file(&run(&["a"]), 0);
        manifest.give_up(&run(&["a"])).unwrap();
        assert_eq!(room.files().len(), 1, "the manifest");
        assert!(!room.0.join("day=1").exists());
        manifest.begin(&stdin()).unwrap();
        room.file(&stdin(), 0);
        drop(manifest);
        room.complete(&run(&["a"]));
        assert_eq!(room.files().len(), 3);
        assert!(matches!(judge(&room.open().unwrap(), &stdin()), Err(ManifestError::Once { .. })));
    }
}
