//! The rows that messages belong to: a run whose table is looked at and thrown away.

use dpp::pipeline::{Carried, Fate, Pool, Rows, Sink};
use dpp::transaction::Transaction;
use std::convert::Infallible;
use std::sync::Mutex;

/// A row of the table that a run would write.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// Its number, from 1; the header of a CSV does not count.
    pub(super) number: u64,
    /// How long the response took, ns; `None` if none came in time.
    pub(super) rtt_ns: Option<i64>,
}

/// Looks for the rows of messages.
pub(super) struct Finder<'a> {
    messages: Vec<(i64, &'a Carried)>,
    match_timeout_ns: i64,
    found: Mutex<Found>,
}

/// Rows so far, and the row of each message.
struct Found {
    rows: u64,
    of: Vec<Option<Row>>,
}

impl<'a> Finder<'a> {
    pub(super) fn new(fates: &'a [Fate], match_timeout_ns: i64) -> Finder<'a> {
        let of_fate = |fate: &'a Fate| fate.messages.iter().map(|message| (fate.time_ns, message));
        let messages: Vec<_> = fates.iter().flat_map(of_fate).collect();
        let found = Mutex::new(Found { rows: 0, of: vec![None; messages.len()] });
        Finder { messages, match_timeout_ns, found }
    }

    /// The row of each message, in the order of packets and messages.
    pub(super) fn found(self) -> Vec<Option<Row>> {
        self.found.into_inner().expect("no panic while locked").of
    }
}

impl Finder<'_> {
    /// Whether the row is of a message that came at `time_ns`: its query or a retry of it, or its response.
    fn is_of(&self, message: &Carried, time_ns: i64, row: &Transaction) -> bool {
        let key = row.key();
        let is_tuple = (key.id(), key.client_port(), key.server_port())
            == (message.id, message.client_port, message.server_port)
            && (key.client(), key.server(), key.transport())
                == (message.client, message.server, message.transport);
        let is_question = key.qtype() == message.qtype && key.name().eq_ignore_ascii_case(&message.name)
            || message.name.is_empty();
        is_tuple
            && is_question
            && match message.is_response {
                true => row.response_ns() == Some(time_ns),
                false => (0..=self.match_timeout_ns).contains(&time_ns.saturating_sub(row.request_ns())),
            }
    }
}

impl Sink for Finder<'_> {
    /// How many rows, and which of them are a message's: the message, and the row as numbered in its chunk.
    type Piece = (u64, Vec<(usize, Row)>);
    type Error = Infallible;

    fn lanes(&self) -> usize {
        1
    }

    fn encode(&self, rows: Rows, pool: &Pool) -> Self::Piece {
        let mut found = Vec::new();
        for (number, row) in (1..).zip(rows.iter()) {
            let of = self.messages.iter().enumerate();
            let of = of.filter(|(_, (time_ns, message))| self.is_of(message, *time_ns, &row));
            let rtt_ns = row.response_ns().map(|ns| ns.saturating_sub(row.request_ns()));
            found.extend(of.map(|(message, _)| (message, Row { number, rtt_ns })));
        }
        let count = rows.len() as u64;
        pool.recycle(rows);
        (count, found)
    }

    fn size(&self, piece: &Self::Piece) -> usize {
        size_of_val(&piece.1[..])
    }

    fn accept(&self, _: usize, (count, found): &Self::Piece) -> Result<(), Infallible> {
        let mut all = self.found.lock().expect("no panic while locked");
        let before = all.rows;
        for (message, row) in found {
            all.of[*message] = Some(Row { number: before + row.number, ..*row });
        }
        all.rows += count;
        Ok(())
    }

    fn recycle(&self, _: Self::Piece, _: &Pool) {}
}
