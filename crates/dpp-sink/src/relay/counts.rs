//! What a relay counts, and how it is now. One table: report, JSON and metrics derive from it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Something that a relay counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Count {
    /// Frames that were sent.
    Sent,
    /// Frames for which there was no room.
    DroppedFull,
    /// Frames that waited for a receiver until the end, or for longer than we are patient.
    DroppedNoReceiver,
    /// Connections that were made.
    Connections,
    /// Connections that ended while there was something to send, or without a FINISH.
    Broken,
    /// Attempts to connect that came to nothing.
    Refused,
}

/// All counts, in the order of [`Count`]: which, its name in JSON and metrics, and what it means.
pub const RELAY_COUNTS: &[(Count, &str, &str)] = &[
    (Count::Sent, "sent", "frames sent"),
    (Count::DroppedFull, "dropped_full", "frames dropped, as there was no room for them"),
    (Count::DroppedNoReceiver, "dropped_no_receiver", "frames dropped, as no receiver came in time"),
    (Count::Connections, "connections", "connections made"),
    (Count::Broken, "broken", "connections that the receiver ended"),
    (Count::Refused, "refused", "attempts to connect that failed"),
];

/// What one relay has counted so far, and what it holds. Shared by its thread and whoever tells.
#[derive(Debug, Default)]
pub struct Counts {
    counts: [AtomicU64; RELAY_COUNTS.len()],
    waiting_bytes: AtomicU64,
    is_connected: AtomicBool,
}

impl Counts {
    pub(super) fn add(&self, count: Count, more: u64) {
        self.counts[count as usize].fetch_add(more, Ordering::Relaxed);
    }

    pub(super) fn set_waiting(&self, bytes: usize) {
        self.waiting_bytes.store(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn set_connected(&self, is_connected: bool) {
        self.is_connected.store(is_connected, Ordering::Relaxed);
    }

    /// How many so far.
    pub fn get(&self, count: Count) -> u64 {
        self.counts[count as usize].load(Ordering::Relaxed)
    }

    /// Frames that were not sent, for whatever reason.
    pub fn dropped(&self) -> u64 {
        self.get(Count::DroppedFull) + self.get(Count::DroppedNoReceiver)
    }

    /// Bytes that wait in the buffer now.
    pub fn waiting_bytes(&self) -> u64 {
        self.waiting_bytes.load(Ordering::Relaxed)
    }

    /// Whether a receiver is there, as far as is known: that one has gone shows when something is sent.
    pub fn is_connected(&self) -> bool {
        self.is_connected.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_count_has_its_entry() {
        assert!(RELAY_COUNTS.iter().enumerate().all(|(index, entry)| entry.0 as usize == index));
        assert_eq!(Count::Refused as usize, RELAY_COUNTS.len() - 1);
    }
}
