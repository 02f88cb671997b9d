//! What the matcher counts. Each shard counts for itself; `merge` adds up.

/// What became of queries and responses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Matches {
    /// Queries, one for each question; retries included.
    pub queries: u64,
    /// Responses, one for each question (or one if there is none).
    pub responses: u64,
    /// Queries that were answered.
    pub matched: u64,
    /// Queries that were not answered in time.
    pub timed_out: u64,
    /// Queries that repeated an open one.
    pub retries: u64,
    /// Queries that were still open when the run was interrupted.
    pub still_open: u64,
    /// Responses that answered no query.
    pub unclaimed_responses: u64,
    /// Further messages of an answer that takes several (zone transfers).
    pub continuations: u64,
    /// Multicast queries, to which no response can be told to belong.
    pub unpaired_queries: u64,
    /// Multicast responses, which answer nobody in particular.
    pub unpaired_responses: u64,
    /// Queries that were captured twice, and dropped.
    pub duplicate_queries: u64,
    /// Responses that were captured twice, and dropped.
    pub duplicate_responses: u64,
    /// Messages that could not wait because [`per_tuple`](crate::limits::Limits::per_tuple) others of their tuple did.
    pub tuple_overflows: u64,
    /// Messages given up because they left the window of [packets](crate::limits::Limits::window_packets) or of
    /// [streams](crate::limits::Limits::window_stream_bytes).
    pub window_overflows: u64,
}

impl Matches {
    /// Adds another count.
    pub fn merge(&mut self, other: &Matches) {
        self.queries += other.queries;
        self.responses += other.responses;
        self.matched += other.matched;
        self.timed_out += other.timed_out;
        self.retries += other.retries;
        self.still_open += other.still_open;
        self.unclaimed_responses += other.unclaimed_responses;
        self.continuations += other.continuations;
        self.unpaired_queries += other.unpaired_queries;
        self.unpaired_responses += other.unpaired_responses;
        self.duplicate_queries += other.duplicate_queries;
        self.duplicate_responses += other.duplicate_responses;
        self.tuple_overflows += other.tuple_overflows;
        self.window_overflows += other.window_overflows;
    }
}
