//! DNS over TCP: one cell reads messages from segments.

/// What was found in TCP streams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Streams {
    /// Messages read.
    pub messages: u64,
}

impl Streams {
    /// Adds another count.
    pub fn merge(&mut self, other: &Streams) {
        self.messages += other.messages;
    }
}
