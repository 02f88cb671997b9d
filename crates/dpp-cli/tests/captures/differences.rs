//! The list of differences: what may differ, how often, and why.
//!
//! `captures/differences.tsv` has a line a difference, or a line a class of frames with their number. The last column is a
//! reason; `docs/differences.md` explains it under a heading of that name. The list covers more captures than the project ships;
//! lines of captures that are not in the collection at hand wait.

use crate::collection::{Collection, Table, project_folder, text};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display};

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Comparison {
    /// Whether the file opens, and how many packets it has.
    Packets,
    /// tshark's messages against ours.
    Messages,
    /// Whether all of tshark's messages are ours, if queries that cannot be read are wanted, too.
    Malformed,
    /// tshark's messages on the ports of multicast DNS and LLMNR against ours.
    Multicast,
    /// The rows of DPP 0.3.1 against ours.
    Rows,
    /// RSSAC002 figures counted from tshark's messages against ours.
    Figures,
}

impl Comparison {
    fn name(self) -> &'static str {
        match self {
            Comparison::Packets => "packets",
            Comparison::Messages => "messages",
            Comparison::Malformed => "malformed",
            Comparison::Multicast => "multicast",
            Comparison::Rows => "rows",
            Comparison::Figures => "figures",
        }
    }
}

/// Something that differs, at a place in a capture.
#[derive(Debug)]
pub(crate) struct Difference {
    kind: &'static str,
    place: String,
    count: u64,
}

impl Difference {
    /// At one place.
    pub(crate) fn one(kind: &'static str, place: impl Display) -> Difference {
        Difference::many(kind, place, 1)
    }

    /// At all places of a class.
    pub(crate) fn many(kind: &'static str, place: impl Display, count: u64) -> Difference {
        Difference { kind, place: place.to_string(), count }
    }
}

/// Capture, comparison, kind, place.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Line([String; 4]);

impl Display for Line {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        out.write_str(&self.0.join("\t"))
    }
}

/// The list, as far as it concerns one comparison of one collection. What occurs is taken off it.
pub(crate) struct Listed {
    comparison: Comparison,
    left: BTreeMap<Line, u64>,
    unlisted: Vec<String>,
}

impl Listed {
    pub(crate) fn of(comparison: Comparison, collection: &Collection) -> Listed {
        let present: BTreeSet<&str> = collection.captures.iter().map(|capture| &capture.name[..]).collect();
        let table = list();
        let concerned = table
            .rows()
            .filter(|row| row.get("comparison") == comparison.name() && present.contains(row.get("capture")));
        let mut left = BTreeMap::new();
        for row in concerned {
            let line =
                Line(["capture", "comparison", "kind", "place"].map(|column| row.get(column).to_owned()));
            let again = left.insert(line.clone(), row.number("count").expect("a count"));
            assert_eq!(again, None, "{line} is listed twice");
        }
        Listed { comparison, left, unlisted: Vec::new() }
    }

    /// A difference occurs: it must be listed, with its count.
    pub(crate) fn take(&mut self, capture: &str, difference: Difference) {
        let Difference { kind, place, count } = difference;
        let line = Line([capture, self.comparison.name(), kind, &place].map(str::to_owned));
        if self.left.remove(&line) != Some(count) {
            self.unlisted.push(format!("{line}\t{count}\t?"));
        }
    }

    /// Everything was compared: no difference may be unlisted, and nothing listed may be left.
    pub(crate) fn finish(self) {
        let left: Vec<String> = self.left.iter().map(|(line, count)| format!("{line}\t{count}")).collect();
        assert!(
            left.is_empty() && self.unlisted.is_empty(),
            "differences.tsv\nlacks (with reasons):\n{}\nlists what does not occur:\n{}\n",
            self.unlisted.join("\n"),
            left.join("\n")
        );
    }
}

fn list() -> Table {
    Table::parse(&text(&project_folder().join("differences.tsv")).expect("the list of differences"))
}

/// The reasons that the list gives.
pub(crate) fn reasons_listed() -> BTreeSet<String> {
    list().rows().map(|row| row.get("reason").to_owned()).collect()
}

/// The reasons that `docs/differences.md` explains: headings of the third level in code quotes.
pub(crate) fn reasons_explained() -> BTreeSet<String> {
    let page = text(&project_folder().join("../docs/differences.md")).expect("the page of differences");
    let reasons = page.lines().filter_map(|line| line.strip_prefix("### `")?.strip_suffix('`'));
    reasons.map(str::to_owned).collect()
}
