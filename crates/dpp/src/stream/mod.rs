//! Messages that take several packets: IP fragments ([`fragments`]) and DNS over TCP ([`tcp`]).
//!
//! Both put pieces together, and both are *cells*: a fixed number of independent tables ([`CELLS`](crate::limits::CELLS)),
//! each with bounds of its own. A cell sees its packets in capture order and knows nothing of chunks, workers or other
//! cells, and which cell a packet belongs to is a fixed function of its addresses; so what is given up when a bound is
//! reached is a fact of the capture, on every machine. What was put together counts at the position of the packet that
//! completed it.

pub mod fragments;
mod held;
mod steps;
pub mod tcp;

pub use fragments::Fragments;
pub use held::{HeldFragment, HeldSegment, KeptAddresses, KeptFlow, Segments, append};
pub use tcp::Streams;

use crate::limits;
use crate::packet::{Addresses, Flow};

/// Where a packet stands in the capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Its position, from 0.
    pub position: u64,
    /// Its own timestamp, ns.
    pub time_ns: i64,
    /// The capture's clock before it, ns.
    pub before_ns: i64,
    /// The capture's clock after it, ns.
    pub after_ns: i64,
}

/// The cell for packets between two addresses, whichever way they go: for fragments, whose ports are not known, of the
/// outermost IP header.
pub fn cell_of_addresses(addresses: Addresses) -> usize {
    cell(both(addresses))
}

fn both(addresses: Addresses) -> u64 {
    let (a, b) = match addresses {
        Addresses::V4 { source, destination } => {
            (u64::from(u32::from_be_bytes(*source)), u64::from(u32::from_be_bytes(*destination)))
        }
        Addresses::V6 { source, destination } => (folded(source), folded(destination)),
    };
    mixed(a).wrapping_add(mixed(b))
}

/// The cell for the segments of a connection, both ways.
pub fn cell_of_flow(flow: &Flow) -> usize {
    let addresses = both(flow.addresses);
    cell(mixed(addresses) ^ mixed(flow.source_port.into()) ^ mixed(flow.destination_port.into()))
}

fn folded(address: &[u8; 16]) -> u64 {
    let address = u128::from_be_bytes(*address);
    mixed(address as u64) ^ (address >> 64) as u64
}

/// Spreads the bits of a number over all of it (odd multiplier from the golden ratio).
fn mixed(number: u64) -> u64 {
    let product = u128::from(number ^ 0x243F_6A88_85A3_08D3) * 0x9E37_79B9_7F4A_7C15;
    product as u64 ^ (product >> 64) as u64
}

fn cell(hash: u64) -> usize {
    (mixed(hash) >> 32) as usize % limits::CELLS
}
