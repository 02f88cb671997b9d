//! What became of the query, and what was wrong.

use super::{Context, Scratch, Value, maybe};
use crate::transaction::{Lacks, Side, State, Transaction};

pub(super) fn query_count<'a>(row: &Transaction<'a>, _: &'a Context, _: &'a mut Scratch) -> Value<'a> {
    let facts = row.facts().filter(|_| !row.is_unasked());
    maybe(facts, |facts| Value::U64(u64::from(facts.retries) + 1))
}

pub(super) fn matched<'a>(row: &Transaction<'a>, _: &'a Context, _: &'a mut Scratch) -> Value<'a> {
    Value::Word(match row.state() {
        State::Matched => "matched",
        State::Unasked => "no_query",
        State::Unpaired | State::Announcement => "unpaired",
        _ => "no_response",
    })
}

/// The sides there are, the query's first.
fn sides<'a>(row: &Transaction<'a>) -> impl Iterator<Item = &'a Side> {
    [row.query(), row.response()].into_iter().flatten()
}

pub(super) fn parse_error<'a>(row: &Transaction<'a>, _: &'a Context, _: &'a mut Scratch) -> Value<'a> {
    maybe(sides(row).find_map(|side| side.error), |error| Value::Word(error.name()))
}

pub(super) fn truncated_at<'a>(row: &Transaction<'a>, _: &'a Context, _: &'a mut Scratch) -> Value<'a> {
    let whole = |side: &&Side| !side.lacks.has(Lacks::LENGTH);
    maybe(sides(row).filter(whole).find_map(|side| row.seldom(side).truncated_at), |at| Value::U64(at.into()))
}
