//! The collection: which captures there are, and what others read in them.
//!
//! ```text
//!  MANIFEST.tsv          a line a capture: name, where from, licence, link type, packets
//!  files/NAME            the capture
//!  truth/NAME.tsv        tshark's reading, a line a message      (or .tsv.xz)
//!  dpp-0.3.1/NAME.csv    the rows of DPP 0.3.1                   (or .csv.xz; only where there are any)
//! ```
//! Tables are found by their column names, so a collection may have more columns than are read here.

use crate::theirs::{self, Message};
use std::collections::{BTreeMap, HashMap};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

/// A folder of captures with other programs' readings.
pub(crate) struct Collection {
    folder: PathBuf,
    /// The captures, in the order of the manifest.
    pub(crate) captures: Vec<Capture>,
}

/// A line of the manifest.
#[derive(Clone)]
pub(crate) struct Capture {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    pub(crate) bytes: u64,
    /// How many packets tshark reads; none for what tshark does not read.
    pub(crate) packets: Option<u64>,
    link_type: String,
}

impl Capture {
    pub(crate) fn is_ethernet(&self) -> bool {
        self.link_type == "ether"
    }
}

impl Collection {
    /// The collection that `DPP_CAPTURES` names, or else the project's own.
    pub(crate) fn open() -> Collection {
        let folder = std::env::var_os("DPP_CAPTURES").map_or_else(project_folder, PathBuf::from);
        let manifest = text(&folder.join("MANIFEST.tsv")).expect("a collection has a manifest");
        let manifest = Table::parse(&manifest);
        let captures = manifest.rows().map(|row| capture(&folder, &row)).collect();
        Collection { folder, captures }
    }

    /// tshark's messages on these ports in a capture, by frame number.
    pub(crate) fn messages(&self, capture: &Capture, ports: &[u16]) -> BTreeMap<u64, Vec<Message>> {
        theirs::messages(&self.truth(capture), ports)
    }

    /// tshark's reading of a capture.
    fn truth(&self, capture: &Capture) -> Table {
        let text = self.reading("truth", &format!("{}.tsv", capture.name));
        Table::parse(&text.unwrap_or_else(|| panic!("{}: no truth", capture.name)))
    }

    /// The rows of DPP 0.3.1, without their header; empty if it gives none.
    pub(crate) fn rows(&self, capture: &Capture) -> String {
        let table = self.reading("dpp-0.3.1", &format!("{}.csv", capture.name)).unwrap_or_default();
        table.split_once('\n').unwrap_or_default().1.to_owned()
    }

    fn reading(&self, folder: &str, name: &str) -> Option<String> {
        let folder = self.folder.join(folder);
        text(&folder.join(name)).or_else(|| text(&folder.join(format!("{name}.xz"))))
    }
}

/// Where the project keeps its captures, and the list of differences.
pub(crate) fn project_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../captures")
}

fn capture(folder: &Path, row: &Row) -> Capture {
    let name = row.get("file").to_owned();
    Capture {
        path: folder.join("files").join(&name),
        name,
        bytes: row.number("bytes").expect("a capture has a length"),
        packets: row.number("packets").filter(|_| !row.get("link_type").is_empty()),
        link_type: row.get("link_type").to_owned(),
    }
}

/// The text of a file, unpacked if its name ends in `.xz`; `None` if there is no such file.
pub(crate) fn text(path: &Path) -> Option<String> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return None,
        Err(error) => panic!("{}: {error}", path.display()),
    };
    let bytes = match path.extension() {
        Some(extension) if extension == "xz" => unpacked(&bytes),
        _ => bytes,
    };
    Some(String::from_utf8(bytes).expect("readings are UTF-8"))
}

fn unpacked(bytes: &[u8]) -> Vec<u8> {
    let mut unpacked = Vec::new();
    liblzma::read::XzDecoder::new(bytes).read_to_end(&mut unpacked).expect("a whole .xz file");
    unpacked
}

/// Lines of fields with tabs between them, under a line of column names. Nothing is quoted.
pub(crate) struct Table {
    columns: HashMap<String, usize>,
    rows: Vec<Vec<String>>,
}

/// A line of a [`Table`].
pub(crate) struct Row<'a> {
    table: &'a Table,
    fields: &'a [String],
}

impl Table {
    pub(crate) fn parse(text: &str) -> Table {
        let mut lines = text.split_terminator('\n').map(|line| line.split('\t').map(str::to_owned).collect());
        let header: Vec<String> = lines.next().expect("a table has column names");
        Table { columns: header.into_iter().zip(0..).collect(), rows: lines.collect() }
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|fields| Row { table: self, fields })
    }
}

impl Row<'_> {
    /// A field; empty if it is absent.
    pub(crate) fn get(&self, column: &str) -> &str {
        let index = self.table.columns.get(column).unwrap_or_else(|| panic!("no column '{column}'"));
        &self.fields[*index]
    }

    pub(crate) fn number<N: std::str::FromStr>(&self, column: &str) -> Option<N> {
        self.get(column).parse().ok()
    }

    pub(crate) fn is_set(&self, column: &str) -> bool {
        self.get(column) == "1"
    }
}
