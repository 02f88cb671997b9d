//! IP fragments: one cell puts datagrams together.

/// What became of fragmented datagrams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fragments {
    /// Datagrams put together.
    pub completed: u64,
}

impl Fragments {
    /// Adds another count.
    pub fn merge(&mut self, other: &Fragments) {
        self.completed += other.completed;
    }
}
