//! A whole run over packets that meet each other: the input is a script from which they are made, as in the laws.
//!
//! The input is the [`conditions`], what is done to the capture ([`Deed`]), then the packets, eight bytes each. Mutations
//! of raw captures hardly ever make an answer that fits a query; here they do nothing else. A capture that was only cut off
//! must mean what its whole packets mean; one that was damaged, what the engine still reads in it. Started by `fuzz/run`.

#![no_main]

mod agreement;
#[path = "../../crates/dpp/tests/laws/arrivals.rs"]
mod arrivals;
#[path = "../../crates/dpp/tests/laws/carriers.rs"]
mod carriers;
mod conditions;
#[allow(dead_code, reason = "shared with the laws, which use more of it")]
#[path = "../../crates/dpp/tests/laws/encoding.rs"]
mod encoding;
#[allow(dead_code, reason = "shared with the laws, which use more of it")]
#[path = "../../crates/dpp/tests/laws/oracle.rs"]
mod oracle;
#[allow(dead_code, reason = "shared with the laws, which use more of it")]
#[path = "../../crates/dpp/tests/laws/packet.rs"]
mod packet;
mod script;

use conditions::Conditions;
use dpp::limits::{FragmentLimits, Limits, StreamLimits};
use dpp::plan::Plan;
use encoding::{Capture, Encoding};
use oracle::meaning;
use packet::Tuple;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((Conditions { plan, machines: [one, other] }, rest)) = Conditions::parse(input) else { return };
    let Some((deed, script)) = Deed::parse(rest) else { return };
    let plan = patient(plan);
    let mut packets = script::play(script, &plan);
    packets.iter_mut().for_each(|packet| packet.time_ns -= packet.time_ns % deed.unit_ns);
    if std::env::var_os("DPP_FUZZ_SHOW").is_some() {
        eprintln!("timeout {} ns, {:?}\n{packets:#?}", plan.match_timeout_ns, plan.limits);
    }
    let mut capture = Capture::of(&packets, deed.encoding);
    let length = deed.length(capture.bytes.len());
    deed.damage(&mut capture.bytes[..length]);
    let told = agreement::check(&capture.bytes[..length], &plan, [&one, &other]);
    if deed.flip != 0 || length < deed.header_length() {
        return;
    }
    let (end, whole_packets) = capture.end_before(length);
    let told = told.expect("a capture");
    told.check(&meaning(&packets[..whole_packets], &plan), |tuple: &Tuple| {
        ([tuple.client(), tuple.server()], tuple.is_tcp(), tuple.id)
    });
    assert_eq!(told.ending, if end < length { ("cut off", end as u64) } else { ("complete", 0) });
});

/// The plan with nothing given up in reassembly for want of time or room: the oracle of these scenes knows nothing of that.
fn patient(mut plan: Plan) -> Plan {
    let usual = Limits::default();
    plan.limits.fragments = FragmentLimits {
        v4_timeout_ns: i64::MAX,
        v6_timeout_ns: i64::MAX,
        datagrams: 10_000,
        bytes: 100 << 20,
        ..usual.fragments
    };
    plan.limits.streams = StreamLimits { idle_ns: i64::MAX, ..usual.streams };
    plan
}

/// How the capture is written, and what happens to it then.
struct Deed {
    encoding: Encoding,
    /// What times are whole multiples of, so that the encoding can tell them.
    unit_ns: i64,
    /// Where it is cut off, as a share of its length; nowhere at 0.
    cut: u16,
    /// Which byte is damaged, as a share of the length.
    place: u16,
    /// The bits that are flipped there; 0 damages nothing.
    flip: u8,
}

impl Deed {
    fn parse(input: &[u8]) -> Option<(Deed, &[u8])> {
        let ([way, cut, beyond, place, behind, flip], rest) = input.split_first_chunk::<6>()?;
        let big_endian = *way & 1 != 0;
        let (encoding, unit_ns) = match way >> 1 {
            0..32 => (Encoding::Classic { big_endian, unit_ns: 1 }, 1),
            32..64 => (Encoding::Classic { big_endian, unit_ns: 1000 }, 1000),
            variety => (Encoding::Pcapng { variety: variety.into() }, 1),
        };
        let (cut, place) = (u16::from_le_bytes([*cut, *beyond]), u16::from_le_bytes([*place, *behind]));
        Some((Deed { encoding, unit_ns, cut, place, flip: *flip }, rest))
    }

    fn length(&self, whole: usize) -> usize {
        whole - whole * usize::from(self.cut) / usize::from(u16::MAX)
    }

    fn damage(&self, bytes: &mut [u8]) {
        let at = bytes.len() * usize::from(self.place) / (1 << 16);
        bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= self.flip);
    }

    /// The fewest bytes that are a capture of no packets.
    fn header_length(&self) -> usize {
        match self.encoding {
            Encoding::Classic { .. } => 24,
            Encoding::Pcapng { .. } => 4,
        }
    }
}
