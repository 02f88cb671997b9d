//! What live sources count, and whether they are there. One table: report, JSON and metrics derive from it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

/// Something that a live source counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Count {
    /// Packets or messages that were handed to the engine.
    Taken,
    /// Their bytes.
    TakenBytes,
    /// Packets that the kernel dropped because nobody took them in time.
    DroppedByKernel,
    /// Packets that the network card dropped because nobody took them in time, where no kernel is between.
    DroppedByDevice,
    /// Packets that the network card found damaged.
    DamagedAtDevice,
    /// Packets that are no DNS, passed over before they were copied, where no kernel does that.
    OtherTraffic,
    /// Packets or messages that were dropped because the engine is behind.
    DroppedQueueFull,
    /// Packets or messages whose own time is far from when they came. They are rows like others.
    TimesWrong,
    /// Frames longer than any that makes sense, passed over.
    TooLong,
    /// Connections or datagrams that broke their protocol.
    ProtocolErrors,
    /// Connections that were accepted, or made.
    Connections,
    /// Connections that were turned away, because there are too many.
    ConnectionsRefused,
    /// Connections that ended without saying so.
    ConnectionsBroken,
    /// How often the interface went away, or the socket had to be made again.
    Reopened,
}

/// A count, as it is named and told.
#[derive(Clone, Copy, Debug)]
pub struct CountEntry {
    /// Which.
    pub count: Count,
    /// Its name in JSON and metrics.
    pub name: &'static str,
    /// What it means.
    pub meaning: &'static str,
}

/// All counts, in the order of [`Count`].
pub const COUNTS: &[CountEntry] = &[
    entry(Count::Taken, "packets", "packets or messages handed to the engine"),
    entry(Count::TakenBytes, "bytes", "bytes of these"),
    entry(
        Count::DroppedByKernel,
        "dropped_by_kernel",
        "packets the kernel dropped, as nobody took them in time",
    ),
    entry(
        Count::DroppedByDevice,
        "dropped_by_device",
        "packets the network card dropped, as nobody took them in time",
    ),
    entry(Count::DamagedAtDevice, "damaged_at_device", "packets the network card found damaged"),
    entry(
        Count::OtherTraffic,
        "other_traffic",
        "packets that are no DNS, passed over before they were copied",
    ),
    entry(
        Count::DroppedQueueFull,
        "dropped_queue_full",
        "packets or messages dropped, as the engine is behind",
    ),
    entry(
        Count::TimesWrong,
        "times_wrong",
        "packets or messages dated more than 10 s from when they came; look at the sender's clock",
    ),
    entry(Count::TooLong, "too_long", "frames longer than any that makes sense, passed over"),
    entry(Count::ProtocolErrors, "protocol_errors", "connections or datagrams that broke their protocol"),
    entry(Count::Connections, "connections", "connections accepted or made"),
    entry(
        Count::ConnectionsRefused,
        "connections_refused",
        "connections turned away, as there were too many",
    ),
    entry(Count::ConnectionsBroken, "connections_broken", "connections that ended without saying so"),
    entry(Count::Reopened, "reopened", "how often the interface or socket had to be opened again"),
];

const fn entry(count: Count, name: &'static str, meaning: &'static str) -> CountEntry {
    CountEntry { count, name, meaning }
}

/// What one live source has counted so far. Shared by its threads and by whoever tells.
#[derive(Debug, Default)]
pub struct Counts {
    counts: [AtomicU64; COUNTS.len()],
    away_since: Mutex<Option<SystemTime>>,
}

impl Counts {
    /// Counts so many more.
    #[inline]
    pub fn add(&self, count: Count, more: u64) {
        self.counts[count as usize].fetch_add(more, Ordering::Relaxed);
    }

    /// The interface is away, so that nothing can come; or it is back.
    pub fn set_away(&self, is_away: bool) {
        let mut since = self.away_since.lock().unwrap_or_else(PoisonError::into_inner);
        *since = is_away.then(|| since.unwrap_or_else(SystemTime::now));
    }

    /// Since when it is away; `None` while it is there.
    pub fn away_since(&self) -> Option<SystemTime> {
        *self.away_since.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many so far.
    pub fn get(&self, count: Count) -> u64 {
        self.counts[count as usize].load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_count_has_its_entry() {
        for (index, entry) in COUNTS.iter().enumerate() {
            assert_eq!(entry.count as usize, index, "{}", entry.name);
        }
        assert_eq!(Count::Reopened as usize, COUNTS.len() - 1);
    }

    #[test]
    fn who_is_away_is_so_since_the_first_time_it_was_said() {
        let counts = Counts::default();
        assert_eq!(counts.away_since(), None);
        counts.set_away(true);
        let since = counts.away_since();
        assert!(since.is_some_and(|since| since <= SystemTime::now()));
        counts.set_away(true);
        assert_eq!(counts.away_since(), since);
        counts.set_away(false);
        assert_eq!(counts.away_since(), None);
    }

    #[test]
    fn counts_add_up() {
        let counts = Counts::default();
        counts.add(Count::Taken, 2);
        counts.add(Count::Taken, 3);
        assert_eq!((counts.get(Count::Taken), counts.get(Count::TakenBytes)), (5, 0));
    }
}
