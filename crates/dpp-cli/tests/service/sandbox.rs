//! What is left when the sandbox has closed: each attempt, with and without it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// Folders that everybody may write into, so that what fails, fails for the sandbox.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Place {
        let place = Place { folder: tempfile::tempdir().expect("a folder") };
        open(place.folder.path(), 0o755);
        for name in ["out", "in", "elsewhere"] {
            fs::create_dir(place.path(name)).expect("it is new");
            open(&place.path(name), 0o777);
        }
        for name in ["in/key", "elsewhere/secret"] {
            fs::write(place.path(name), "secret").expect("it is new");
            open(&place.path(name), 0o666);
        }
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What came of each attempt.
    fn attempts(&self, further: &[&str]) -> BTreeMap<String, String> {
        let output = Command::new(env!("CARGO_BIN_EXE_dpp"))
            .arg("drill")
            .arg("--write")
            .arg(self.path("out"))
            .arg("--read")
            .arg(self.path("in/key"))
            .arg("--attempt")
            .arg(self.path("elsewhere"))
            .args(further)
            .output()
            .expect("dpp starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).expect("text");
        let lines = text.lines().filter_map(|line| line.split_once(": "));
        lines.map(|(what, came)| (what.to_owned(), came.to_owned())).collect()
    }
}

fn open(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("it is ours");
}

fn is_root() -> bool {
    rustix::process::getuid().is_root()
}

#[track_caller]
fn check(came: &BTreeMap<String, String>, what: &[&str], expected: &str) {
    for what in what {
        assert_eq!(came.get(*what).map(String::as_str), Some(expected), "{what}\n{came:#?}");
    }
}

/// What a service must go on doing.
const ALWAYS: [&str; 6] =
    ["write", "read what was written", "read", "read our figures", "open a socket", "start a thread"];
/// What only the sandbox forbids, in folders like these.
const FILES: [&str; 3] = ["write what is for reading", "write elsewhere", "read elsewhere"];

#[test]
fn what_is_not_needed_is_refused_and_what_is_needed_works() {
    let came = Place::new().attempts(&[]);
    check(&came, &ALWAYS, "ok");
    check(&came, &FILES, "permission denied");
    let calls =
        ["start a program", "open a packet socket", "name the host", "become root", "change the root"];
    check(&came, &calls, "permission denied");
}

#[test]
fn without_the_filters_files_are_open_so_it_is_they_that_close_them() {
    let came = Place::new().attempts(&["--no-filters"]);
    check(&came, &ALWAYS, "ok");
    check(&came, &FILES, "ok");
    check(&came, &["start a program"], "ok");
}

#[test]
fn a_command_may_be_run_where_one_is_configured() {
    let came = Place::new().attempts(&["--commands"]);
    check(&came, &["start a program", "read elsewhere"], "ok");
    check(&came, &["write elsewhere", "name the host"], "permission denied");
}

#[test]
fn root_becomes_somebody_else_and_keeps_what_a_source_needs() {
    if !is_root() {
        return;
    }
    let place = Place::new();
    let came = place.attempts(&["--user", "nobody", "--keep-net-raw", "--no-filters"]);
    check(&came, &ALWAYS, "ok");
    check(&came, &["open a packet socket"], "ok");
    check(&came, &["name the host", "become root", "change the root"], "permission denied");
    let owner =
        std::os::unix::fs::MetadataExt::uid(&fs::metadata(place.path("out/moved")).expect("it was written"));
    assert_ne!(owner, 0);
    let place = Place::new();
    let came = place.attempts(&["--user", "nobody", "--no-filters"]);
    check(&came, &["open a packet socket"], "permission denied");
}

#[test]
fn all_walls_stand_together() {
    if !is_root() {
        return;
    }
    let came = Place::new().attempts(&["--user", "nobody", "--keep-net-raw"]);
    check(&came, &ALWAYS, "ok");
    check(&came, &["open a packet socket"], "ok");
    check(&came, &FILES, "permission denied");
}

#[test]
fn a_folder_that_is_not_ours_stays_closed() {
    if !is_root() {
        return;
    }
    let place = Place::new();
    open(&place.path("elsewhere"), 0o700);
    chown(place.path("elsewhere"), Some(0), Some(0)).expect("we are root");
    let came = place.attempts(&["--user", "nobody", "--no-filters"]);
    check(&came, &["write elsewhere", "read elsewhere"], "permission denied");
}

#[test]
fn who_is_not_there_is_named_before_anything_starts() {
    if !is_root() {
        return;
    }
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_dpp")).arg("drill").args(arguments).output();
        let output = output.expect("dpp starts");
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).expect("text")
    };
    assert!(run(&["--user", "nemo"]).contains("there is no user 'nemo'"));
    let said = run(&["--write", "/nowhere"]);
    assert!(said.contains("cannot reach '/nowhere'"), "{said}");
}
