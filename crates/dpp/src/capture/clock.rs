//! The capture's clock: a fact of the capture, not of the run.
//!
//! After a packet whose timestamp lies within J of it, the clock is the larger of the two. A timestamp farther away is
//! believed only if the next packet's lies within J of it: then the clock takes it, backwards too. So one wrong timestamp
//! ruins nothing, and a real jump is followed at once. The clock decides nothing about matches; it only says when waiting
//! has been long enough.

/// The clock after a packet at `time_ns`; `clock_ns` is the clock before it, and `next_ns` tells the next packet's
/// timestamp, if there is one. It is asked only when it matters.
#[inline(always)]
pub(super) fn after<E>(
    clock_ns: i64,
    time_ns: i64,
    jump_ns: i64,
    next_ns: impl FnOnce() -> Result<Option<i64>, E>,
) -> Result<i64, E> {
    let near = |a: i64, b: i64| a.abs_diff(b) <= jump_ns as u64;
    if near(time_ns, clock_ns) {
        return Ok(clock_ns.max(time_ns));
    }
    Ok(match next_ns()? {
        Some(next_ns) if near(next_ns, time_ns) => time_ns,
        _ => clock_ns,
    })
}

#[cfg(test)]
mod tests {
    /// The clock after each of some packets, in seconds, with J = 10 s.
    fn clocks(seconds: &[i64]) -> Vec<i64> {
        let mut clock = seconds[0];
        (0..seconds.len())
            .map(|at| {
                let next = seconds.get(at + 1).copied();
                clock = super::after::<()>(clock, seconds[at], 10, || Ok(next)).unwrap();
                clock
            })
            .collect()
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
    fn disorder_never_takes_the_clock_back() {
        assert_eq!(clocks(&[100, 95, 97, 101]), [100, 100, 100, 101]);
    }

    #[test]
    fn a_wrong_timestamp_at_the_end_is_not_believed() {
        assert_eq!(clocks(&[100, 900]), [100, 100]);
    }
}
