//! What the user wants, as plain data. The output is a function of the input's bytes and of this, and of nothing else
//! (law 1); how many threads do it is [`Machine`](crate::pipeline::Machine)'s business.

use crate::limits::Limits;
use crate::privacy::Pseudonyms;
use crate::table::{self, Column};

/// The options that decide what comes out.
#[derive(Clone, Debug)]
pub struct Plan {
    /// T in nanoseconds: a response that comes later than this after its query does not answer it.
    pub match_timeout_ns: i64,
    /// The port that carries DNS; a datagram is read if either of its ports is it.
    pub port: u16,
    /// The columns of a row, in order.
    pub columns: Vec<Column>,
    /// If set, client addresses come out as these pseudonyms. Matching sees the real ones.
    pub pseudonyms: Option<Pseudonyms>,
    /// If set, the first packet with an earlier timestamp than the one before it ends the run with an error.
    pub monotonic: bool,
    /// If set, an input that cannot be opened or is no capture is passed over; otherwise it ends the run with an error.
    pub keep_going: bool,
    /// If set, the inputs are captures that overlap in time, and are merged by timestamp; otherwise each follows the one
    /// before.
    pub merge: bool,
    /// The bounds of the matcher.
    pub limits: Limits,
}

impl Default for Plan {
    fn default() -> Self {
        Plan {
            match_timeout_ns: 1_200_000_000,
            port: 53,
            columns: table::schema_dpp(),
            pseudonyms: None,
            monotonic: false,
            keep_going: false,
            merge: false,
            limits: Limits::default(),
        }
    }
}
