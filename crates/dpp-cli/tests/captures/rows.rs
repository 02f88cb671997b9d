//! The rows of DPP 0.3.1 against ours.
//!
//! Orders differ by design, so rows are compared as sorted lines. Lines that stand for the same query (all columns
//! but the response's are equal) and disagree about its answer are one difference, `answer`; other lines are `only-theirs` or
//! `only-ours`.

use crate::differences::Difference;
use std::collections::BTreeMap;

/// Where two tables differ; neither has a header.
pub(crate) fn differences(theirs: &str, ours: &str) -> Vec<Difference> {
    let (theirs, ours) = (by_query(theirs), by_query(ours));
    let mut differences = Vec::new();
    for (query, answers) in &theirs {
        let kind = match ours.get(query) {
            None => "only-theirs",
            Some(our_answers) if our_answers != answers => "answer",
            Some(_) => continue,
        };
        differences.push(Difference::one(kind, query));
    }
    let only_ours = ours.keys().filter(|query| !theirs.contains_key(*query));
    differences.extend(only_ours.map(|query| Difference::one("only-ours", query)));
    differences
}

/// The answers of each query: times and codes, sorted. A query is a request timestamp and the columns from the client's
/// address to the type.
fn by_query(rows: &str) -> BTreeMap<String, Vec<[&str; 2]>> {
    let mut queries: BTreeMap<String, Vec<[&str; 2]>> = BTreeMap::new();
    for line in rows.lines() {
        let (request, rest) = line.split_once(',').expect("a request timestamp");
        let (response, rest) = rest.split_once(',').expect("a response timestamp");
        let (query, code) = rest.rsplit_once(',').expect("a response code");
        queries.entry(format!("{request},{query}")).or_default().push([response, code]);
    }
    queries.values_mut().for_each(|answers| answers.sort_unstable());
    queries
}
