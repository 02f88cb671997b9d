//! The order of the house: which room may know which, what derives from tables, and what documents promise.

use dpp::table::{Absent, COLUMNS, Entry, Kind, PRESETS, Presence, Preset, Schema};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

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

/// The cells of a page's table, which is known by its header line.
fn table(page: &str, header: &str) -> Vec<Vec<String>> {
    let lines =
        page.lines().skip_while(|line| *line != header).skip(2).take_while(|line| line.starts_with('|'));
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_string()).collect();
    let rows: Vec<Vec<String>> = lines.map(cells).collect();
    assert!(!rows.is_empty(), "there is no table {header}");
    rows
}

/// What stands in backticks.
fn quoted(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_string).collect()
}

/// The rooms of the engine and which others each knows, as ARCHITECTURE.md has it; `None` is all.
fn arrows() -> BTreeMap<String, Option<BTreeSet<String>>> {
    let rows = table(&read("ARCHITECTURE.md"), "| room | what it is | knows |");
    let arrows = rows.iter().map(|row| {
        let known = match row[2].as_str() {
            "all" => None,
            "nobody" => Some(BTreeSet::new()),
            rooms => Some(quoted(rooms).into_iter().collect()),
        };
        (quoted(&row[0]).concat(), known)
    });
    arrows.collect()
}

/// The rooms a piece of code names as `crate::room`, outside of comments.
fn rooms_named(code: &str) -> BTreeSet<String> {
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let uses = lines.flat_map(|line| line.split("crate::").skip(1));
    let word = |rest: &str| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    uses.map(word).inspect(|room: &String| assert!(!room.is_empty(), "rooms are named one by one")).collect()
}

/// Each room of the engine, and the others that its code names.
fn rooms() -> BTreeMap<String, BTreeSet<String>> {
    let source = root().join("crates/dpp/src");
    let mut rooms: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in rust_files(&source) {
        let place = file.strip_prefix(&source).expect("below the source");
        let room = place.iter().next().expect("a name").to_str().expect("UTF-8").trim_end_matches(".rs");
        let named = rooms_named(&read(&file)).into_iter().filter(|named| named != room);
        rooms.entry(room.to_string()).or_default().extend(named);
    }
    rooms.remove("lib");
    rooms
}

#[test]
fn arrows_between_rooms_are_those_of_the_map() {
    let (arrows, rooms) = (arrows(), rooms());
    let names = |of: Vec<&String>| of.into_iter().cloned().collect::<Vec<_>>();
    assert_eq!(
        names(arrows.keys().collect()),
        names(rooms.keys().collect()),
        "rooms of the map and of the engine"
    );
    for (room, mut named) in rooms {
        // Everybody may know the limits, and need not. Who may know all may do without some.
        named.remove("limits");
        if let Some(known) = &arrows[&room] {
            assert_eq!(named, *known, "whom {room} names (left) is not whom ARCHITECTURE.md says it knows");
        }
    }
}

#[test]
fn arrows_between_rooms_point_one_way() {
    let mut left = rooms();
    while !left.is_empty() {
        let named: BTreeSet<String> = left.values().flatten().cloned().collect();
        let before = left.len();
        left.retain(|room, _| named.contains(room));
        assert!(left.len() < before, "these rooms know each other in a circle, or what they know: {left:?}");
    }
}

#[test]
fn every_crate_obeys_the_lints_of_the_workspace() {
    for krate in fs::read_dir(root().join("crates")).expect("a folder") {
        let path = krate.expect("an entry").path().join("Cargo.toml");
        let manifest = read(&path);
        let own = ["[lints.rust]", "unsafe_code = \"deny\"", "missing_docs = \"deny\""];
        let obeys = manifest.contains("[lints]\nworkspace = true")
            || own.iter().all(|line| manifest.lines().any(|other| other == *line));
        assert!(obeys, "{} does not take the workspace's lints", path.display());
    }
    let workspace = read("Cargo.toml");
    assert!(workspace.contains("unsafe_code = \"forbid\"") && workspace.contains("missing_docs = \"deny\""));
}

/// How a kind is written: as text, and in Parquet.
fn written(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Bool => ("true or false", "BOOLEAN"),
        Kind::U8 => ("number", "INT32, INT(8, unsigned)"),
        Kind::U16 => ("number", "INT32, INT(16, unsigned)"),
        Kind::U32 => ("number", "INT32, INT(32, unsigned)"),
        Kind::U64 => ("number", "INT64, INT(64, unsigned)"),
        Kind::I32 => ("number", "INT32"),
        Kind::I64 => ("number", "INT64"),
        Kind::F64 => ("number", "DOUBLE"),
        Kind::TimestampMicros => ("microseconds since 1970 UTC", "INT64, TIMESTAMP(MICROS, UTC)"),
        Kind::TimestampNanos => ("RFC 3339 UTC, nine digits", "INT64, TIMESTAMP(NANOS, UTC)"),
        Kind::Seconds => ("seconds, six decimals", "DOUBLE"),
        Kind::Address => ("text (RFC 5952)", "BYTE_ARRAY, STRING"),
        Kind::Name => ("text, escaped", "BYTE_ARRAY, STRING"),
        Kind::Word | Kind::Text => ("text", "BYTE_ARRAY, STRING"),
        Kind::Bytes => ("hexadecimal digits", "BYTE_ARRAY"),
        Kind::Numbers => ("numbers, semicolons between", "LIST of INT32, INT(16, unsigned)"),
        Kind::Texts => ("JSON", "LIST of BYTE_ARRAY, STRING"),
        Kind::Records => ("JSON", "LIST of a group: name, type, class, ttl, data"),
    }
}

/// The rows of a page's table of columns.
fn column_rows<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> String {
    let mut rows = String::new();
    for entry in entries {
        let (text, parquet) = written(entry.kind);
        let absent = match entry.presence {
            Presence::Always => "never",
            Presence::OfQuery => "if there is no query (`--unasked`)",
            Presence::OfQuestion => "if there is no question that can be read",
            Presence::Seldom => "empty; NULL",
        };
        rows += &format!("| `{}` | {text} | {parquet} | {absent} | {}. |\n", entry.name, entry.sentence);
    }
    rows
}

/// The part of the page about a schema of another tool.
fn preset_page(name: &str, sentence: &str, schema: &Schema) -> String {
    let rows = if schema.by_message { "message, in the order query, response" } else { "query" };
    let mut page = format!(
        "\n### `{name}`\n\n{sentence}. One row per {rows}.\n\n| name | as text | Parquet | absent | what it says | our \
         column |\n| --- | --- | --- | --- | --- | --- |\n"
    );
    for field in schema.fields() {
        let (text, parquet) = written(field.kind);
        let text = if field.is_json { "JSON" } else { text };
        let absent = match field.absent {
            Absent::Null if schema.style.omits_absent => "left out; NULL".to_owned(),
            Absent::Null => "empty; NULL".to_owned(),
            Absent::Zero => "0, false or empty".to_owned(),
            Absent::Word(word) => format!("`{word}`"),
            Absent::Number(number) => number.to_string(),
        };
        let entry = field.column.entry();
        page += &format!(
            "| `{}` | {text} | {parquet} | {absent} | {}. | `{}` |\n",
            field.name, entry.sentence, entry.name
        );
    }
    page
}

/// docs/schema.md, from the column table.
fn schema_page() -> String {
    let mut page = String::from(
        "# Schema\n\nThis page is made from the column table (`make schema`); a test holds it against the code.\n\n\
         ## `dpp`\n\nThe default schema: the eight columns of DPP community 0.3.1, with its names, types, units and \
         strings. One row per DNS query that is no retry, in the order in which the queries were captured.\n\n\
         | column | as text | Parquet | absent | what it says |\n| --- | --- | --- | --- | --- |\n",
    );
    let (dpp, further) = COLUMNS.split_at(Schema::dpp().fields().len());
    page += &column_rows(dpp);
    page += "\n## `full`\n\nThe project's own schema (`--schema full`), and `id` of the table above.\n\n\
             | column | as text | Parquet | absent | what it says |\n| --- | --- | --- | --- | --- |\n";
    page += &column_rows(further.iter().filter(|entry| entry.in_full));
    page += "\n## Further columns\n\nAny of these and those above, in any order: `--fields` names them.\n\n\
             | column | as text | Parquet | absent | what it says |\n| --- | --- | --- | --- | --- |\n";
    page += &column_rows(further.iter().filter(|entry| !entry.in_full && !entry.is_foreign));
    page += "\n## Schemas of other tools\n\nTheir columns, under the names that they have there; [presets.md](presets.md) says \
             what is equal to the tool's own output. `--fields` can name the columns that are in the last column of these \
             tables.\n";
    for Preset { name, sentence, schema } in PRESETS {
        page += &preset_page(name, sentence, &schema());
    }
    page += "\n### What can be wrong with a message\n\nThe values of `parse_error`:\n\n| value | what it says |\n| --- | --- |\n";
    for (_, name, sentence) in dpp::dns::PARSE_ERRORS {
        page += &format!("| `{name}` | {sentence} |\n");
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
    let presets = read("docs/presets.md");
    for Preset { name, .. } in PRESETS {
        assert!(presets.contains(&format!("\n## `{name}`\n")), "docs/presets.md does not speak of {name}");
    }
    assert_eq!(read("docs/schema.md"), schema_page(), "docs/schema.md is behind the code: run `make schema`");
}

#[test]
fn the_readme_is_short() {
    let lines = read("README.md").lines().count();
    assert!(lines < 200, "the README has {lines} lines");
}

/// docs/operations.md with the table of reasons as the code has it.
fn operations_page() -> String {
    let page = read("docs/operations.md");
    let header = "| key | what the packet is |\n| --- | --- |\n";
    let (before, behind) = page.split_once(header).expect("there is a table of reasons");
    let row = |(_, name, sentence): &(_, &str, &str)| format!("| `{name}` | {sentence} |\n");
    let rows: String = dpp::packet::SKIPS.iter().map(row).collect();
    let is_row = |line: &&str| line.starts_with('|');
    let behind: String = behind.split_inclusive('\n').skip_while(is_row).collect();
    format!("{before}{header}{rows}{behind}")
}

#[test]
fn every_skip_reason_is_documented() {
    let page = operations_page();
    if std::env::var_os("DPP_UPDATE").is_some() {
        fs::write(root().join("docs/operations.md"), &page).expect("docs/ is writable");
    }
    assert_eq!(read("docs/operations.md"), page, "docs/operations.md is behind the code: run `make schema`");
}

/// The rows of docs/privacy.md are those of the engine's tables.
#[test]
fn every_scheme_and_field_is_documented() {
    use dpp::privacy::{ADDRESS_SCHEMES, FIELDS, NAME_SCHEMES};
    let page = read("docs/privacy.md");
    let schemes = ADDRESS_SCHEMES.iter().map(|entry| (entry.word, entry.sentence));
    let schemes = schemes.chain(NAME_SCHEMES.iter().map(|entry| (entry.word, entry.sentence)));
    let schemes = schemes.map(|(word, sentence)| format!("| `{word}` | {sentence} |"));
    let fields = FIELDS.iter().map(|entry| {
        let hidden = if entry.default { " hidden" } else { "" };
        format!("| `{}` |{hidden} | {} |", entry.word, entry.sentence)
    });
    for row in schemes.chain(fields) {
        assert!(page.lines().any(|line| line == row), "docs/privacy.md does not have the row {row}");
    }
}

/// The options of all runs, on one capture and on many.
fn options() -> BTreeSet<String> {
    let mut options = options_of(&["--help"]);
    options.extend(options_of(&["extract", "--help"]));
    options.extend(options_of(&["live", "--help"]));
    // An argument where there is one capture.
    assert!(options.remove("`-o`, `--output`"), "many captures have an output too");
    options
}

/// The options as `--help` prints them, each with its short form.
fn options_of(help: &[&str]) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_dpp")).args(help).output().expect("dpp starts");
    let help = String::from_utf8(output.stdout).expect("help is text");
    let lines = help.lines().map(str::trim_start).filter(|line| line.starts_with('-') && line.contains("--"));
    let forms = |line: &str| {
        let forms = line.split_whitespace().take_while(|word| word.starts_with('-'));
        let plain =
            forms.map(|form| format!("`{}`", form.trim_end_matches(',').split('[').next().unwrap_or(form)));
        plain.collect::<Vec<_>>().join(", ")
    };
    let are_ours = |option: &String| !option.contains("`--help`") && !option.contains("`--version`");
    lines.map(forms).filter(are_ours).collect()
}

#[test]
fn every_option_has_a_variable_and_both_are_documented() {
    let mut expected = BTreeSet::from(
        [("DPP_FILENAME", "INPUT"), ("DPP_OUTPUT_FILENAME", "OUTPUT"), ("DPP_CONFIG", "CONFIG")]
            .map(|(variable, argument)| (variable.to_string(), argument.to_string())),
    );
    expected.extend(options().into_iter().map(|option| {
        let name = option.rsplit("`--").next().expect("a long form").trim_end_matches('`');
        (format!("DPP_{}", name.replace('-', "_").to_uppercase()), option.clone())
    }));
    let page = table(&read("docs/operations.md"), "| variable | option | value |");
    let documented: BTreeSet<_> = page.iter().map(|row| (quoted(&row[0]).concat(), row[1].clone())).collect();
    assert_eq!(documented, expected, "docs/operations.md (left) and `dpp --help` with its variables");
    let mut files = rust_files(&root().join("crates/dpp-cli/src/flags"));
    files.push("crates/dpp-cli/src/flags.rs".into());
    let flags: String = files.iter().map(read).collect();
    let understood = flags.split("env = \"").skip(1).filter_map(|rest| rest.split('"').next());
    let understood: BTreeSet<&str> = understood.collect();
    assert_eq!(
        understood,
        expected.iter().map(|(variable, _)| variable.as_str()).collect(),
        "the flag table"
    );
}

/// The JSON report of a capture in which packets are out of order, so that as few keys as can be are null.
fn report() -> Value {
    let folder = tempfile::tempdir().expect("a place for temporary files");
    let dpp = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dpp"));
        command.current_dir(folder.path());
        command
    };
    fs::write(folder.path().join("late.toml"), "reorder_share = 0.5\nreorder_max_ms = 900.0\n")
        .expect("a profile");
    let traffic = ["generate", "in.pcap", "--transactions", "500", "--profile", "late.toml"];
    assert!(dpp().args(traffic).output().expect("dpp starts").status.success());
    let run = dpp().args(["--report-format", "json", "in.pcap", "out.csv"]).output().expect("dpp starts");
    serde_json::from_slice(&run.stdout).expect("the report is JSON")
}

/// Adds the keys of a value and of all that is in it, each with the keys that lead there.
fn add_keys(value: &Value, path: &str, keys: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                keys.insert(path.clone());
                add_keys(value, &path, keys);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| add_keys(item, path, keys)),
        _ => {}
    }
}

/// The keys that the page tells of, and the fields that it names beside them. The first cell names a key, and its
/// neighbours without the object they are all in; the second, fields of all of these (and values).
fn documented_keys() -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut keys, mut fields) = (BTreeSet::new(), BTreeSet::new());
    for row in table(&read("docs/operations.md"), "| key | meaning |") {
        let names = quoted(&row[0]);
        let object = names[0].rsplit_once('.').map(|(object, _)| object.to_string());
        let in_object = |name: &String| match &object {
            Some(object) if !name.contains('.') => format!("{object}.{name}"),
            _ => name.clone(),
        };
        for key in names.iter().map(in_object) {
            fields.extend(quoted(&row[1]).into_iter().map(|field| format!("{key}.{field}")));
            keys.insert(key);
        }
        keys.extend(object);
    }
    (keys, fields)
}

#[test]
fn every_key_of_the_report_is_documented() {
    let mut keys = BTreeSet::new();
    add_keys(&report(), "", &mut keys);
    // The reasons have a table of their own, and so has what can be wrong (docs/schema.md).
    keys.retain(|key| !key.starts_with("packets.skipped_by_reason.") && !key.starts_with("parse_errors."));
    assert!(keys.contains("warnings.non_monotonic_capture_timestamps.count"), "packets are out of order");
    let (documented, fields) = documented_keys();
    let missing: Vec<_> =
        keys.iter().filter(|&key| !documented.contains(key) && !fields.contains(key)).collect();
    assert!(missing.is_empty(), "docs/operations.md does not tell of {missing:?}");
    let vanished: Vec<_> = documented.difference(&keys).collect();
    assert!(vanished.is_empty(), "docs/operations.md tells of {vanished:?}, which no report has");
}

/// docs/live.md with the sources as the code has them.
fn live_page() -> String {
    let page = read("docs/live.md");
    let (before, behind) = page.split_once("<!-- sources -->\n").expect("there is a place for sources");
    let (_, behind) = behind.split_once("<!-- end of sources -->").expect("and its end");
    let told = Command::new(env!("CARGO_BIN_EXE_dpp")).args(["live", "--source", "help"]).output();
    let told = String::from_utf8(told.expect("dpp starts").stdout).expect("text");
    let mut list = String::new();
    for line in told.lines() {
        match (line.strip_prefix("    "), line.split_once("  ")) {
            (None, _) => list += &format!("\n### `{line}`\n\n"),
            (Some(line), _) if let Some((said, sentence)) = line.split_once("  ") => {
                list += &format!("| `{}` | {sentence} |\n", said.replace("|", "\\|"));
            }
            (Some(sentence), _) => {
                list += &format!("{}.\n\n| parameter | |\n| --- | --- |\n", capital(sentence))
            }
        }
    }
    format!("{before}<!-- sources -->\n{list}\n<!-- end of sources -->{behind}")
}

fn capital(sentence: &str) -> String {
    let (first, rest) = sentence.split_at(1);
    first.to_uppercase() + rest
}

#[test]
fn every_source_is_documented() {
    let page = live_page();
    if std::env::var_os("DPP_UPDATE").is_some() {
        fs::write(root().join("docs/live.md"), &page).expect("docs/ is writable");
    }
    assert_eq!(read("docs/live.md"), page, "docs/live.md is behind the code: run `make schema`");
}

/// docs/stats.md with the tables of figures as the code has them.
#[test]
fn the_page_of_statistics_has_the_tables_of_the_code() {
    use dpp::findings::{By, DEFINITIONS, MEASURES, ONE_IN};
    let list = |names: &[&str]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let page = read("docs/stats.md");
    let keys =
        By::own_names().map(|(name, sentence)| format!("| `{}` | {sentence} |", name.replace('_', "-")));
    let tables = DEFINITIONS.iter().map(|table| {
        let least = table.least.iter().map(|(name, least)| format!("`{name}` {least}")).collect::<Vec<_>>();
        let order =
            table.order.map_or("that of the keys".to_string(), |order| format!("`{order}`, the most first"));
        let by = if table.by.is_empty() { "what `--by` says".to_string() } else { list(table.by) };
        let least = if least.is_empty() { "anything".to_string() } else { least.join(", ") };
        format!("| `{}` | {} | {by} | {} | {least} | {order} |", table.name, table.sentence, table.counted())
    });
    let columns = DEFINITIONS.iter().map(|table| format!("| `{}` | {} |", table.name, list(table.measures)));
    let measures = MEASURES.iter().map(|measure| (measure.name, measure.sentence)).chain([ONE_IN]);
    let measures = measures.map(|(name, sentence)| format!("| `{name}` | {sentence} |"));
    let mut expected = page.clone();
    let parts = [
        ("| key | what |", keys.collect::<Vec<_>>()),
        ("| table | what | by | counted | rows with at least | order |", tables.collect()),
        ("| table | its figures |", columns.collect()),
        ("| figure | what |", measures.collect()),
    ];
    for (head, rows) in parts {
        let start = expected.find(&format!("\n{head}\n")).expect("the table is there") + 1;
        let body = start + expected[start..].match_indices('\n').nth(1).expect("head and rule").0 + 1;
        let end = body + expected[body..].find("\n\n").map_or(expected.len() - body, |end| end + 1);
        expected.replace_range(body..end, &(rows.join("\n") + "\n"));
    }
    if std::env::var_os("DPP_UPDATE").is_some() {
        fs::write(root().join("docs/stats.md"), &expected).expect("docs/ is writable");
    }
    assert_eq!(read("docs/stats.md"), expected, "docs/stats.md is behind the code: run `make schema`");
}
