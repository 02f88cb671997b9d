//! Steps of work, counted by tests: how many a packet takes at most, and that four times the packets take four times as many.
//!
//! A step is a byte that is copied or looked at, a place in a list that is moved or passed, or something that leaves a table.
//! Only tests count; anywhere else nothing is done.

#[cfg(test)]
thread_local! {
    static TAKEN: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// So many steps are taken here.
#[inline(always)]
pub(super) fn steps(_count: usize) {
    #[cfg(test)]
    TAKEN.with(|taken| taken.set(taken.get() + _count as u64));
}

/// The steps that this takes.
#[cfg(test)]
pub(super) fn taken_by(work: impl FnOnce()) -> u64 {
    let before = TAKEN.get();
    work();
    TAKEN.get() - before
}

/// Work on so many packets and on four times as many takes steps in proportion, and at most so many a packet.
#[cfg(test)]
#[track_caller]
pub(super) fn check_linear(name: &str, most: u64, packets: u32, work: impl Fn(u32)) {
    let [some, many] = [packets, 4 * packets].map(|packets| taken_by(|| work(packets)));
    println!(
        "{name}: {} steps a packet, of four times as many {}",
        some / u64::from(packets),
        many / u64::from(4 * packets)
    );
    assert!(many <= most * 4 * u64::from(packets), "{name}: {many} steps");
    assert!(many <= 4 * some + some / 4 + 10_000, "{name}: {some} steps, of four times as many {many}");
}
