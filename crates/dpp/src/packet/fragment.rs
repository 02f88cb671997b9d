//! A fragment of an IP datagram, as IPv4 (RFC 791 section 3.2) and IPv6 (RFC 8200 section 4.5) have it in common.

use super::{Addresses, Outer};

/// A fragment. What it carries is known only when the datagram is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment<'a> {
    /// The addresses of the IP header that was fragmented.
    pub addresses: Addresses<'a>,
    /// The protocol of the datagram (IPv6: the next header behind the fragment header).
    pub protocol: u8,
    /// What the fragments of a datagram have in common; 16 bits in IPv4.
    pub identification: u32,
    /// Where in the datagram's payload this fragment's starts, in bytes.
    pub offset: usize,
    /// Whether more fragments follow.
    pub more: bool,
    /// The captured payload.
    pub payload: &'a [u8],
    /// The payload's length in bytes as the headers state it; more than `payload` when the snaplen cut the packet.
    pub payload_length: usize,
    /// What lies around it.
    pub outer: Outer,
    /// How many more layers may be entered behind it.
    pub layers_left: usize,
}
