//! The order of the house: which room may know which, what derives from tables, and what documents promise.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the workspace is there")
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All Rust files below a folder.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The rooms of the engine and which others each may know; all may know `limits`.
const ARROWS: &[(&str, &[&str])] = &[
    ("limits", &[]),
    ("packet", &[]),
    ("dns", &[]),
    ("privacy", &[]),
    ("transaction", &["dns", "packet"]),
    ("capture", &["packet", "dns", "transaction"]),
    ("stats", &["transaction", "packet"]),
    ("table", &["transaction", "dns", "privacy"]),
    ("plan", &["table", "privacy"]),
    ("pipeline", &["capture", "packet", "dns", "transaction", "stats", "table", "plan", "privacy"]),
];

/// The rooms a piece of code names as `crate::room`, outside of comments.
fn rooms_named(code: &str) -> BTreeSet<String> {
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let uses = lines.flat_map(|line| line.split("crate::").skip(1));
    let heads = uses.flat_map(|rest| match rest.strip_prefix('{') {
        Some(group) => group.split(',').map(str::trim).collect::<Vec<_>>(),
        None => vec![rest],
    });
    heads.map(|head| head.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()).collect()
}

#[test]
fn arrows_between_rooms_point_one_way() {
    let source = root().join("crates/dpp/src");
    for file in rust_files(&source) {
        let place = file.strip_prefix(&source).expect("below the source");
        let room = place.iter().next().expect("a name").to_str().expect("UTF-8").trim_end_matches(".rs");
        if room == "lib" {
            continue;
        }
        let (_, allowed) = ARROWS
            .iter()
            .find(|row| row.0 == room)
            .unwrap_or_else(|| panic!("room {room} has no row in ARROWS"));
        for named in rooms_named(&read(&file)) {
            let known = named == room || named == "limits" || allowed.contains(&named.as_str());
            assert!(known, "{} names crate::{named}, which {room} must not know", place.display());
        }
    }
}

#[test]
fn every_room_of_the_list_exists() {
    for (room, _) in ARROWS {
        let source = root().join("crates/dpp/src").join(room);
        assert!(source.is_dir() || source.with_extension("rs").is_file(), "no room {room}");
    }
}

#[test]
fn every_crate_obeys_the_lints_of_the_workspace() {
    for krate in ["dpp", "dpp-sink", "dpp-cli"] {
        let manifest = read(format!("crates/{krate}/Cargo.toml"));
        assert!(
            manifest.contains("[lints]\nworkspace = true"),
            "{krate} does not take the workspace's lints"
        );
    }
    assert!(read("Cargo.toml").contains("unsafe_code = \"forbid\""));
}

/// docs/schema.md, from the column table.
fn schema_page() -> String {
    let mut page = String::from(
        "# Schema\n\nThis page is made from the column table (`make schema`); a test holds it against the code.\n\n\
         ## `dpp`\n\nThe default schema: the eight columns of DPP community 0.3.1, with its names, types, units and \
         strings. One row per DNS query that is no retry, in the order in which the queries were captured.\n\n\
         | column | CSV | Parquet | absent | what it says |\n| --- | --- | --- | --- | --- |\n",
    );
    for entry in dpp::table::COLUMNS {
        let (csv, parquet) = match entry.kind {
            dpp::table::Kind::TimestampMicros => {
                ("microseconds since 1970 UTC", "INT64, TIMESTAMP(MICROS, UTC)")
            }
            dpp::table::Kind::Address => ("text (RFC 5952)", "BYTE_ARRAY, STRING"),
            dpp::table::Kind::U16 => ("number", "INT32"),
            dpp::table::Kind::Name => ("text, escaped", "BYTE_ARRAY, STRING"),
            dpp::table::Kind::Text => ("text", "BYTE_ARRAY, STRING"),
        };
        let absent = if entry.nullable { "empty; NULL" } else { "never" };
        page += &format!("| `{}` | {csv} | {parquet} | {absent} | {}. |\n", entry.name, entry.sentence);
    }
    page += "\n### Names\n\nLabels joined by dots, without a final one; the root is `.`. Letters, digits, `_`, a hyphen \
             that is not first and an asterisk that is first in its label stand for themselves. Other printable \
             characters have a backslash before them; all other octets are a backslash and three *octal* digits.\n\n\
             ### Query types\n\nTypes without a name here are `Unknown`:\n\n";
    let types: Vec<String> = (0..=u16::MAX)
        .map(|code| (code, dpp::dns::iana::query_type(code)))
        .filter(|(_, name)| *name != "Unknown")
        .map(|(code, name)| format!("{code} {name}"))
        .collect();
    page += &types.join(", ");
    page += ".\n\n### Response codes\n\nThe header's four bits, extended by the first OPT record (RFC 6891), or replaced by \
             the error of a TSIG record (RFC 8945). Codes without words are `Unknown response code`:\n\n";
    let unknown = dpp::dns::iana::response_code(11);
    let codes: Vec<String> = (0..=u16::from(u8::MAX))
        .map(|code| (code, dpp::dns::iana::response_code(code)))
        .filter(|(_, words)| *words != unknown)
        .map(|(code, words)| format!("{code} {words}"))
        .collect();
    page += &codes.join(", ");
    page += ". As a TSIG error, 16 is `TSIG Failure`.\n";
    page
}

#[test]
fn the_schema_page_is_made_from_the_column_table() {
    let path = root().join("docs/schema.md");
    if std::env::var_os("DPP_UPDATE").is_some() {
        fs::write(&path, schema_page()).expect("docs/ is writable");
    }
    assert_eq!(read("docs/schema.md"), schema_page(), "docs/schema.md is behind the code: run `make schema`");
}

#[test]
fn the_readme_is_short() {
    let lines = read("README.md").lines().count();
    assert!(lines < 200, "the README has {lines} lines");
}

#[test]
fn every_skip_reason_is_documented() {
    let page = read("docs/operations.md");
    for (_, name, _) in dpp::packet::SKIPS {
        assert!(page.contains(&format!("`{name}`")), "docs/operations.md does not tell of `{name}`");
    }
}
