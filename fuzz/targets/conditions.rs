//! What the first bytes of an input decide: the rules of a run and two machines. Called by `run` and `scene`.

use dpp::limits::{FragmentLimits, Limits, StreamLimits};
use dpp::pipeline::Machine;
use dpp::plan::Plan;
use std::num::NonZeroUsize;

const MILLISECOND: i64 = 1_000_000;

/// How a capture is to be read.
pub struct Conditions {
    pub plan: Plan,
    /// One worker against two or three, each with chunks of its own.
    pub machines: [Machine; 2],
}

impl Conditions {
    /// Reads the conditions off the front of `input`. All zeros are the usual ones.
    pub fn parse(input: &[u8]) -> Option<(Conditions, &[u8])> {
        let ([rules, bounds, one, other, a, b, c, d], rest) = input.split_first_chunk::<8>()?;
        let workers = 2 + usize::from(*other >> 7);
        let machines = [machine(1, *one, [*a, *b]), machine(workers, *other & 0x7F, [*c, *d])];
        Some((Conditions { plan: plan(*rules, *bounds), machines }, rest))
    }
}

/// The usual rules, and bounds so small that they are met.
fn plan(rules: u8, bounds: u8) -> Plan {
    let pick = |byte: u8, shift: u32| usize::from(byte >> shift & 3);
    let (window_packets, sweep_packets) = [(1 << 22, 1 << 19), (1 << 22, 1), (0, 1), (3, 2)][pick(bounds, 2)];
    let (window_stream_bytes, sweep_stream_bytes) = [(1 << 28, 1 << 24), (60, 40)][pick(bounds, 5) & 1];
    Plan {
        match_timeout_ns: [1_200, 5_000, 1, 0][pick(rules, 0)] * MILLISECOND,
        limits: Limits {
            disorder_ns: [1_000, 1_000, 10, 0][pick(rules, 2)] * MILLISECOND,
            jump_ns: [10_000, 10_000, 1_000, 0][pick(rules, 4)] * MILLISECOND,
            per_tuple: [256, 3, 2, 1][pick(bounds, 0)],
            window_packets,
            sweep_packets,
            window_stream_bytes,
            sweep_stream_bytes,
            ..[Limits::default(), narrow()][pick(bounds, 4) & 1]
        },
        ..Plan::default()
    }
}

/// Reassembly in so little room that a few packets fill it.
fn narrow() -> Limits {
    let usual = Limits::default();
    let fragments = FragmentLimits { datagrams: 2, bytes: 4096, shares: 2, pieces: 3, ..usual.fragments };
    let streams = StreamLimits {
        connections: 2,
        half_open: 1,
        cell_bytes: 2048,
        direction_bytes: 1024,
        direction_pieces: 3,
        far: 4096,
        ..usual.streams
    };
    Limits { fragments, streams, ..usual }
}

/// A machine whose chunks have so many packets and bytes; 0 stands for the usual size.
fn machine(workers: usize, packets: u8, bytes: [u8; 2]) -> Machine {
    let seed = u64::from_le_bytes([packets, bytes[0], bytes[1], 0, packets, 0, bytes[0], bytes[1]]);
    let usual = Machine::new(NonZeroUsize::new(workers).expect("at least one"), seed);
    let or = |size: usize, usual: usize| if size == 0 { usual } else { size };
    Machine {
        chunk_packets: or(packets.into(), usual.chunk_packets),
        chunk_bytes: or(u16::from_le_bytes(bytes).into(), usual.chunk_bytes),
        ..usual
    }
}
