//! The capture's clock: a fact of the capture, not of the run.
//!
//! After a packet whose timestamp lies within J of it, the clock is the larger of the two. A timestamp farther away is
//! doubted until the next packet is known: if that one's lies within J of it, the clock takes it, backwards too. So one
//! wrong timestamp ruins nothing, and a real jump is followed at once. The clock decides nothing about matches; it only
//! says when waiting has been long enough.

/// The clock, and the timestamp it doubts.
#[derive(Debug)]
pub(super) struct Clock {
    ns: i64,
    jump_ns: u64,
    /// Timestamps less far away than this are believed at once. 0 before the first packet and while another is doubted,
    /// so that whoever asks has only one thing to compare.
    reach_ns: u64,
    doubted_ns: Option<i64>,
}

impl Clock {
    pub(super) fn new(jump_ns: i64) -> Self {
        Clock { ns: 0, jump_ns: jump_ns as u64, reach_ns: 0, doubted_ns: None }
    }

    /// The time after the last packet that is not doubted, ns.
    #[inline(always)]
    pub(super) fn ns(&self) -> i64 {
        self.ns
    }

    /// Takes a timestamp that is believed at once; `false` if this one is not.
    #[inline(always)]
    pub(super) fn follow(&mut self, time_ns: i64) -> bool {
        let believed = time_ns.abs_diff(self.ns) < self.reach_ns;
        if believed {
            self.ns = self.ns.max(time_ns);
        }
        believed
    }

    /// Goes on to a time at which no packet came.
    pub(super) fn follow_at_least(&mut self, time_ns: i64) {
        self.ns = self.ns.max(time_ns);
    }

    /// Takes the first timestamp of all.
    pub(super) fn start(&mut self, time_ns: i64) {
        (self.ns, self.reach_ns) = (time_ns, self.jump_ns + 1);
    }

    /// Leaves a timestamp in doubt.
    pub(super) fn doubt(&mut self, time_ns: i64) {
        (self.doubted_ns, self.reach_ns) = (Some(time_ns), 0);
    }

    /// Whether the last timestamp is in doubt.
    #[inline]
    pub(super) fn doubts(&self) -> bool {
        self.doubted_ns.is_some()
    }

    /// Decides about the timestamp in doubt by that of the next packet; `None` if there is no other.
    pub(super) fn settle(&mut self, next_ns: Option<i64>) {
        let Some(doubted_ns) = self.doubted_ns.take() else { return };
        if next_ns.is_some_and(|next_ns| next_ns.abs_diff(doubted_ns) <= self.jump_ns) {
            self.ns = doubted_ns;
        }
        self.reach_ns = self.jump_ns + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::Clock;

    /// The clock after each of some packets, in ns, with J = 10 ns.
    fn clocks(times: &[i64]) -> Vec<i64> {
        let (mut clock, mut clocks) = (Clock::new(10), Vec::new());
        clock.start(times[0]);
        for time in times.iter().copied() {
            if clock.doubts() {
                clock.settle(Some(time));
                clocks.push(clock.ns());
            }
            match clock.follow(time) {
                true => clocks.push(clock.ns()),
                false => clock.doubt(time),
            }
        }
        clock.settle(None);
        clocks.resize(times.len(), clock.ns());
        clocks
    }

    #[test]
    fn a_single_wrong_timestamp_moves_nothing() {
        assert_eq!(clocks(&[100, 101, 4_000_000, 102, 0, 103]), [100, 101, 101, 102, 102, 103]);
    }

    #[test]
    fn a_jump_that_lasts_is_followed_at_once_in_both_directions() {
        assert_eq!(clocks(&[100, 500, 501, 90, 91]), [100, 500, 501, 90, 91]);
    }

    #[test]
    fn a_doubted_timestamp_may_be_followed_by_another() {
        assert_eq!(clocks(&[100, 500, 900, 901]), [100, 100, 900, 901]);
    }

    #[test]
    fn disorder_never_takes_the_clock_back() {
        assert_eq!(clocks(&[100, 95, 97, 101]), [100, 100, 100, 101]);
    }

    #[test]
    fn a_wrong_timestamp_at_the_end_is_not_believed() {
        assert_eq!(clocks(&[100, 900]), [100, 100]);
    }
}
