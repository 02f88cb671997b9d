//! The laws of TCP streams, on scenes drawn with a fixed seed. The oracle is in `laws/streams.rs`.

#[path = "laws/streams.rs"]
mod streams;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::cell::Cell;

fn law(seed: u8, cases: u32, property: impl Fn(&[u8])) {
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 4_000, ..Config::default() };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
    let held = TestRunner::new_with_rng(config, rng).run(&vec(any::<u8>(), 0..600), |decisions| {
        property(&decisions);
        Ok(())
    });
    held.unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn where_nothing_is_lost_messages_are_those_of_a_plain_reader() {
    law(1, 600, streams::check_whole);
}

#[test]
fn where_segments_are_missing_only_messages_that_were_sent_are_found() {
    let sums = Cell::new((0, 0));
    law(2, 1500, |decisions| {
        let (found, sent) = streams::check_with_losses(decisions);
        sums.set((sums.get().0 + found, sums.get().1 + sent));
    });
    // About one in nine segments is missing; most messages are found all the same.
    let (found, sent) = sums.get();
    println!("{found} of {sent} messages found");
    assert!(found * 100 > sent * 85, "{found} of {sent}");
}
