//! The assembly of TCP streams, on the scenes of its laws: the input is the decisions that a scene is drawn from.
//!
//! What must hold is in `crates/dpp/tests/laws/streams.rs`: a plain reader of the whole streams, and where segments are
//! missing, that nothing is found that was not sent. Started by `fuzz/run`.

#![no_main]

#[path = "../../crates/dpp/tests/laws/streams.rs"]
mod streams;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    streams::check_whole(input);
    streams::check_with_losses(input);
});
