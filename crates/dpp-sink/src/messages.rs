//! The messages of rows, each once: one with several questions is of several rows.

use dpp::dnstap::Direction;
use dpp::pipeline::Rows;
use dpp::transaction::{Face, Side, Transaction};

/// Shows the messages of rows, the query's of each row first.
pub(crate) fn each(rows: &Rows, mut take: impl FnMut(&Transaction, &Side, Direction)) {
    let [mut last_query, mut last_response] = [None; 2];
    for row in rows.iter() {
        if let Some(side) = row.query()
            && row.face() != Face::Response
            && !last_query.replace(row).is_some_and(|before| row.continues(&before))
        {
            take(&row, side, Direction::Query);
        }
        if let Some(side) = row.response()
            && row.face() != Face::Query
            && !last_response.replace(row).is_some_and(|before| row.continues_response(&before))
        {
            take(&row, side, Direction::Response);
        }
    }
}
