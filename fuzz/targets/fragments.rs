//! The reassembly of IP fragments, on the scripts of its laws: eight bytes of input make the fragments of a datagram.
//!
//! What must hold is in `crates/dpp/tests/laws/fragments.rs`: without bounds, what a plain reassembler says; with bounds that
//! are met all the time, that they are kept and that every fragment is accounted for. Started by `fuzz/run`.

#![no_main]

#[path = "../../crates/dpp/tests/laws/fragments.rs"]
mod fragments;

use dpp::limits::FragmentLimits;

/// So little room that a few fragments fill it.
const NARROW: FragmentLimits = FragmentLimits {
    v4_timeout_ns: 30_000_000_000,
    v6_timeout_ns: 60_000_000_000,
    datagrams: 3,
    bytes: 4096,
    shares: 2,
    pieces: 4,
};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let fragments = fragments::script(input);
    for told in [fragments::check(&fragments), fragments::check_bounded(&fragments, &NARROW)] {
        told.unwrap_or_else(|difference| panic!("{difference}"));
    }
});
