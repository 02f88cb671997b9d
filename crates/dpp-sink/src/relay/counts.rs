//! What a relay counts. One table: report, JSON and metrics derive from it.

use std::sync::atomic::{AtomicU64, Ordering};

/// Something that a relay counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Count {
    /// Frames that were sent.
    Sent,
    /// Frames for which there was no room, or no receiver.
    Dropped,
    /// Connections that were made.
    Connections,
    /// Connections that ended while there was something to send, or without a FINISH.
    Broken,
}

/// All counts, in the order of [`Count`]: which, its name in JSON and metrics, and what it means.
pub const RELAY_COUNTS: &[(Count, &str, &str)] = &[
    (Count::Sent, "sent", "frames sent"),
    (Count::Dropped, "dropped", "frames dropped, for want of room or of a receiver"),
    (Count::Connections, "connections", "connections made"),
    (Count::Broken, "broken", "connections that the receiver ended"),
];

/// What one relay has counted so far. Shared by its thread and whoever tells.
#[derive(Debug, Default)]
pub struct Counts([AtomicU64; RELAY_COUNTS.len()]);

impl Counts {
    pub(super) fn add(&self, count: Count, more: u64) {
        self.0[count as usize].fetch_add(more, Ordering::Relaxed);
    }

    /// How many so far.
    pub fn get(&self, count: Count) -> u64 {
        self.0[count as usize].load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_count_has_its_entry() {
        assert!(RELAY_COUNTS.iter().enumerate().all(|(index, entry)| entry.0 as usize == index));
        assert_eq!(Count::Broken as usize, RELAY_COUNTS.len() - 1);
    }
}
