//! The rows of DPP 0.3.1 against ours.
//!
//! Orders differ by design, so rows are compared as sorted lines. Lines that stand for the same query (all columns
//! but the response's are equal) and disagree about its answer are one difference, `answer`; other lines are `only-theirs` or
//! `only-ours`. DPP reads neither TCP nor tags nor tunnels, so rows of ours that say themselves that they came by one of them
//! are counted together.

use crate::differences::Difference;
use std::collections::BTreeMap;

/// The rows of a table that stand for one query.
#[derive(Default)]
struct Query<'a> {
    /// Times and codes of its answers, sorted.
    answers: Vec<[&'a str; 2]>,
    /// How the first of them came, if in a way that DPP does not read.
    way: Option<&'static str>,
}

/// Where two tables differ; neither has a header. Ours have three columns more: `transport`, `vlan` and `tunnel`.
pub(crate) fn differences(theirs: &str, ours: &str) -> Vec<Difference> {
    let theirs = by_query(theirs.lines().map(|row| (row, None)));
    let ours = by_query(ours.lines().map(row_and_way));
    let mut differences = Vec::new();
    for (query, theirs) in &theirs {
        let kind = match ours.get(query) {
            None => "only-theirs",
            Some(ours) if ours.answers != theirs.answers => "answer",
            Some(_) => continue,
        };
        differences.push(Difference::one(kind, query));
    }
    let mut ways: BTreeMap<&str, u64> = BTreeMap::new();
    for (query, ours) in ours.iter().filter(|(query, _)| !theirs.contains_key(*query)) {
        match ours.way {
            Some(way) => *ways.entry(way).or_default() += ours.answers.len() as u64,
            None => differences.push(Difference::one("only-ours", query)),
        }
    }
    differences.extend(ways.into_iter().map(|(way, rows)| Difference::many("only-ours", way, rows)));
    differences
}

/// A row of ours as DPP would write it, and what its other columns say of its way.
fn row_and_way(row: &str) -> (&str, Option<&'static str>) {
    let mut columns = row.rsplitn(4, ',');
    let [tunnel, vlan, transport, row] = [(); 4].map(|()| columns.next().expect("a column"));
    let way = match (transport, tunnel, vlan) {
        ("tcp", ..) => Some("tcp"),
        (_, "", "") => None,
        (_, "", _) => Some("vlan"),
        _ => Some("tunnel"),
    };
    (row, way)
}

/// A query is a request timestamp and the columns from the client's address to the type.
fn by_query<'a>(rows: impl Iterator<Item = (&'a str, Option<&'static str>)>) -> BTreeMap<String, Query<'a>> {
    let mut queries: BTreeMap<String, Query> = BTreeMap::new();
    for (row, way) in rows {
        let (request, rest) = row.split_once(',').expect("a request timestamp");
        let (response, rest) = rest.split_once(',').expect("a response timestamp");
        let (query, code) = rest.rsplit_once(',').expect("a response code");
        let query =
            queries.entry(format!("{request},{query}")).or_insert_with(|| Query { way, ..Query::default() });
        query.answers.push([response, code]);
    }
    queries.values_mut().for_each(|query| query.answers.sort_unstable());
    queries
}
