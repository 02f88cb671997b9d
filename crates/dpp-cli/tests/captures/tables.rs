//! Tables of figures on their way through parts: the program's own bytes, with and without that way.

use crate::collection::Capture;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Tables that have rows in most captures, and what their files are called.
const TABLES: [(&str, &str); 4] = [
    ("traffic:minute,client-prefix", "traffic-by-minute-client_prefix"),
    ("traffic:type,rcode,domain", "traffic-by-type-rcode-domain"),
    ("slow-names", "slow-names"),
    ("amplification:name", "amplification-by-name"),
];

/// Runs `dpp stats` in a folder; `None` if it refuses.
fn stats(folder: &Path, arguments: &[&str], more: &[&str]) -> Option<()> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dpp"));
    command.env_clear().current_dir(folder).arg("stats").args(arguments).args(["-s"]).args(more);
    command.output().expect("dpp starts").status.success().then_some(())
}

/// The tables of captures or parts, one behind the other; `None` if they are refused.
fn tables(folder: &Path, inputs: &[&str]) -> Option<Vec<Vec<u8>>> {
    let wanted: Vec<&str> = TABLES.iter().flat_map(|(table, _)| ["--table", table]).collect();
    stats(folder, inputs, &[&wanted[..], &["--least", "queries=1", "-o", "{table}.csv"]].concat())?;
    let file = |(_, name): &(&str, &str)| fs::read(folder.join(format!("{name}.csv"))).expect("a table");
    Some(TABLES.iter().map(file).collect())
}

/// Counts captures into parts, and holds what comes out of these against what comes of the captures. Gives how many add up, and how
/// many lines the tables of all have.
pub(crate) fn check<'c>(captures: impl Iterator<Item = &'c Capture>) -> (usize, usize) {
    let room = tempfile::tempdir().expect("there is room");
    let folder = room.path();
    let wanted: Vec<&str> = TABLES.iter().flat_map(|(table, _)| ["--table", table]).collect();
    let (mut parts, mut lines, mut contents) = (Vec::new(), 0, BTreeSet::new());
    for capture in captures {
        let path = capture.path.to_str().expect("names are text");
        let Some(whole) = tables(folder, &[path]) else { continue };
        let part = format!("{}.txt", parts.len());
        let map = stats(folder, &["map", path, "-o", &part], &wanted);
        assert!(map.is_some(), "{}: no part", capture.name);
        assert!(tables(folder, &["report", &part]) == Some(whole.clone()), "{}: another table", capture.name);
        lines += whole.concat().iter().filter(|octet| **octet == b'\n').count();
        // What is in the collection in several wrappings is not added up.
        let text = fs::read_to_string(folder.join(&part)).expect("a part");
        if contents.insert(text.lines().find(|line| line.starts_with("+!content/")).map(str::to_owned)) {
            parts.push(part);
        }
    }
    let named: Vec<&str> = parts.iter().map(String::as_str).collect();
    let (left, right) = named.split_at(named.len() / 3);
    for (group, output) in [(left, "left.txt"), (right, "right.tally")] {
        stats(folder, &[&["merge", "-o", output], group].concat(), &[]).expect("they add up");
    }
    let all = tables(folder, &[&["report"], &named[..]].concat());
    assert!(all.is_some() && tables(folder, &["report", "right.tally", "left.txt"]) == all, "grouped");
    let reversed: Vec<&str> = named.iter().rev().copied().collect();
    assert!(tables(folder, &[&["report"], &reversed[..]].concat()) == all, "in another order");
    (parts.len(), lines)
}
