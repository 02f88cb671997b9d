//! What of a dataset is complete: a file of JSON in its root.
//!
//! A *run* is what one invocation writes from one or several inputs that are read as one capture. It stands in the manifest
//! once all its files have their names; a run that is not there is started from its beginning, and replaces what it may have
//! written before by the same bytes. So the manifest only says what need not be done again. It is replaced as a whole, each
//! time by one that is complete.

use crate::part_file::PartFile;
use serde_json::{Value, json};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The name of the manifest in the root of a dataset. Readers of datasets leave out what begins with an underscore.
const NAME: &str = "_dpp_manifest.json";
const VERSION: u64 = 1;

/// The manifest of a dataset.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    path: PathBuf,
    /// What the dataset is made with: runs of another plan do not fit in.
    plan: String,
    runs: Vec<RunEntry>,
}

/// A run that is complete.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunEntry {
    /// Its inputs: name and size.
    pub inputs: Vec<(String, Option<u64>)>,
    /// Its files.
    pub files: Vec<FileEntry>,
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

/// Why a directory cannot take a dataset.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// It has something else in it.
    #[error("the directory '{}' has files in it and no manifest of a dataset; name an empty one, or a new one", .0.display())]
    NotEmpty(PathBuf),
    /// It is there, but no directory.
    #[error("'{}' is no directory; a dataset needs one", .0.display())]
    NoDirectory(PathBuf),
    /// The manifest cannot be understood.
    #[error("the manifest '{}' {}; restore it, or write to a new directory", path.display(), what)]
    Unreadable {
        /// The manifest.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// It was made with other columns, filters, partitions or limits.
    #[error("the dataset '{}' was made otherwise (other columns, format, partitions or filters); write to a new directory", .0.display())]
    OtherPlan(PathBuf),
    /// It cannot be read or written.
    #[error("cannot use the directory '{}' for a dataset", path.display())]
    Io {
        /// The directory or manifest.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Manifest {
    /// Opens the dataset in `root`, or begins one there, which is made as `plan` says.
    ///
    /// # Errors
    /// If the directory has something else in it.
    pub fn open(root: &Path, plan: &str) -> Result<Manifest, ManifestError> {
        let io = |source| ManifestError::Io { path: root.to_owned(), source };
        if root.exists() && !root.is_dir() {
            return Err(ManifestError::NoDirectory(root.to_owned()));
        }
        fs::create_dir_all(root).map_err(io)?;
        let path = root.join(NAME);
        let mut manifest = Manifest { path: path.clone(), plan: plan.to_owned(), runs: Vec::new() };
        match fs::read(&path) {
            Ok(bytes) => {
                let (made_with, runs) =
                    read(&bytes).map_err(|what| ManifestError::Unreadable { path: path.clone(), what })?;
                if made_with != plan {
                    return Err(ManifestError::OtherPlan(root.to_owned()));
                }
                manifest.runs = runs;
                Ok(manifest)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if fs::read_dir(root).map_err(io)?.next().is_some() {
                    return Err(ManifestError::NotEmpty(root.to_owned()));
                }
                manifest.write()?;
                Ok(manifest)
            }
            Err(error) => Err(io(error)),
        }
    }

    /// Whether a run on these inputs is complete, and all its files are as it left them.
    pub fn has(&self, inputs: &[(String, Option<u64>)]) -> bool {
        let root = self.path.parent().unwrap_or(Path::new("."));
        let is_there = |file: &FileEntry| {
            fs::metadata(root.join(&file.path)).is_ok_and(|known| known.len() == file.bytes)
        };
        self.runs.iter().any(|run| run.inputs == inputs && run.files.iter().all(is_there))
    }

    /// Adds a run that is complete.
    ///
    /// # Errors
    /// If the manifest cannot be written.
    pub fn add(&mut self, run: RunEntry) -> Result<(), ManifestError> {
        self.runs.retain(|other| other.inputs != run.inputs);
        self.runs.push(run);
        // In the order of their inputs, so that it does not matter in which they were done.
        self.runs.sort_by(|a, b| a.inputs.cmp(&b.inputs));
        self.write()
    }

    fn write(&self) -> Result<(), ManifestError> {
        let written = PartFile::create(&self.path).and_then(|mut file| {
            file.write_all(self.json().as_bytes())?;
            file.finish()
        });
        written.map_err(|source| ManifestError::Io { path: self.path.clone(), source })
    }

    fn json(&self) -> String {
        let run = |run: &RunEntry| {
            let input = |(name, bytes): &(String, Option<u64>)| json!({ "name": name, "bytes": bytes });
            let file =
                |file: &FileEntry| json!({ "path": file.path, "rows": file.rows, "bytes": file.bytes });
            json!({
                "inputs": run.inputs.iter().map(input).collect::<Vec<_>>(),
                "files": run.files.iter().map(file).collect::<Vec<_>>(),
            })
        };
        let runs: Vec<Value> = self.runs.iter().map(run).collect();
        format!("{:#}\n", json!({ "dpp_dataset": VERSION, "plan": self.plan, "runs": runs }))
    }
}

/// The plan and the runs of a manifest.
fn read(bytes: &[u8]) -> Result<(String, Vec<RunEntry>), String> {
    let value: Value = serde_json::from_slice(bytes).map_err(|error| format!("is no JSON ({error})"))?;
    match value["dpp_dataset"].as_u64() {
        Some(VERSION) => {}
        Some(other) => return Err(format!("is of version {other}, not {VERSION}")),
        None => return Err("is not that of a dataset".to_owned()),
    }
    let missing = |what: &str| format!("has no {what} where one must be");
    let plan = value["plan"].as_str().ok_or_else(|| missing("plan"))?.to_owned();
    let mut runs = Vec::new();
    for run in value["runs"].as_array().ok_or_else(|| missing("runs"))? {
        let mut entry = RunEntry::default();
        for input in run["inputs"].as_array().ok_or_else(|| missing("inputs"))? {
            let name = input["name"].as_str().ok_or_else(|| missing("name"))?;
            entry.inputs.push((name.to_owned(), input["bytes"].as_u64()));
        }
        for file in run["files"].as_array().ok_or_else(|| missing("files"))? {
            let path = file["path"].as_str().ok_or_else(|| missing("path"))?.to_owned();
            let number = |key: &str| file[key].as_u64().ok_or_else(|| missing(key));
            entry.files.push(FileEntry { path, rows: number("rows")?, bytes: number("bytes")? });
        }
        runs.push(entry);
    }
    Ok((plan, runs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_again() {
        let room = std::env::temp_dir().join(format!("dpp-manifest-{}", std::process::id()));
        let _ = fs::remove_dir_all(&room);
        let mut manifest = Manifest::open(&room, "plan").unwrap();
        let inputs = vec![("a.pcap".to_owned(), Some(7)), ("-".to_owned(), None)];
        assert!(!manifest.has(&inputs));
        fs::write(room.join("x.csv"), "abc").unwrap();
        let file = FileEntry { path: "x.csv".to_owned(), rows: 1, bytes: 3 };
        manifest.add(RunEntry { inputs: inputs.clone(), files: vec![file] }).unwrap();
        let again = Manifest::open(&room, "plan").unwrap();
        assert_eq!(again, manifest);
        assert!(again.has(&inputs) && !again.has(&inputs[..1]));
        assert!(matches!(Manifest::open(&room, "other"), Err(ManifestError::OtherPlan(_))));
        fs::write(room.join("x.csv"), "ab").unwrap();
        assert!(!again.has(&inputs));
        fs::write(room.join(NAME), "{").unwrap();
        assert!(matches!(Manifest::open(&room, "plan"), Err(ManifestError::Unreadable { .. })));
        fs::remove_file(room.join(NAME)).unwrap();
        assert!(matches!(Manifest::open(&room, "plan"), Err(ManifestError::NotEmpty(_))));
        fs::remove_dir_all(&room).unwrap();
    }
}
