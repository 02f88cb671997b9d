//! The figures as JSON: one object, whose keys are those of the tables of the engine's [`Figures`].
//!
//! Times are in nanoseconds, lengths in bytes, dates RFC 3339 in UTC. A share is a list of two numbers, so many of so many; who
//! reads divides. A table says of itself whether all of it was counted, and has its columns by name.

use dpp::tallies::Number;
use dpp::tallies::summary::{Figures, Group, Shown, Table};
use dpp_sink::text::{Dates, NUMBER_ROOM};
use serde_json::{Map, Value, json};

/// All figures.
pub(super) fn figures(figures: &Figures) -> Map<String, Value> {
    let groups = figures.groups.iter().map(|of| (of.key.to_owned(), group(of)));
    let tables = figures.tables.iter().map(|of| (of.key.to_owned(), table(of)));
    groups.chain(tables).collect()
}

fn group(group: &Group) -> Value {
    let figures = group.figures.iter().map(|figure| (figure.key.to_owned(), shown(&figure.value)));
    Value::Object(figures.collect())
}

fn table(table: &Table) -> Value {
    let row = |row: &Vec<Shown>| row.iter().map(shown).collect::<Vec<_>>();
    let rows: Vec<_> = table.rows.iter().map(row).collect();
    json!({ "exact": table.is_exact, "columns": table.columns, "rows": rows })
}

fn shown(value: &Shown) -> Value {
    match value {
        Shown::Nothing => Value::Null,
        Shown::Count(number) | Shown::Ns(number) | Shown::Bytes(number) => json!(number),
        Shown::About(Number { keys, error }) => json!({ "about": keys, "standard_error": error }),
        Shown::Share(part, whole) => json!([part, whole]),
        Shown::Mean(mean) => json!(mean),
        Shown::Time(ns) => json!(date(*ns)),
        Shown::Flag(is_so) => json!(is_so),
        Shown::Text(text) => json!(text),
    }
}

/// A time, to the nanosecond.
pub(super) fn date(ns: i64) -> String {
    let mut room = [0; NUMBER_ROOM];
    let length = Dates::default().write(ns, &mut room);
    String::from_utf8_lossy(&room[..length]).into_owned()
}
