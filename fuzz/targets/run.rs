//! A whole run over any bytes that are a capture.
//!
//! The input is the [`conditions`], then the capture. What must hold is in [`agreement`]. Started by `fuzz/run`.

#![no_main]

mod agreement;
#[path = "../../crates/dpp/tests/laws/arrivals.rs"]
mod arrivals;
mod conditions;
#[allow(dead_code, reason = "shared with the laws, which use more of it")]
#[path = "../../crates/dpp/tests/laws/oracle.rs"]
mod oracle;
#[allow(dead_code, reason = "shared with the laws, which use more of it")]
#[path = "../../crates/dpp/tests/laws/packet.rs"]
mod packet;

use conditions::Conditions;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((Conditions { plan, machines: [one, other] }, capture)) = Conditions::parse(input) else {
        return;
    };
    agreement::check(capture, &plan, [&one, &other]);
});
