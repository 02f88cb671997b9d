//! What the fragments of a datagram have in common, owned.

use crate::packet::{Addresses, Fragment, Tunnel};

/// Two addresses, owned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Ends {
    V4 { source: [u8; 4], destination: [u8; 4] },
    V6 { source: [u8; 16], destination: [u8; 16] },
}

impl Ends {
    pub(super) fn of(addresses: Addresses) -> Ends {
        match addresses {
            Addresses::V4 { source, destination } => Ends::V4 { source: *source, destination: *destination },
            Addresses::V6 { source, destination } => Ends::V6 { source: *source, destination: *destination },
        }
    }

    pub(super) fn addresses(&self) -> Addresses<'_> {
        match self {
            Ends::V4 { source, destination } => Addresses::V4 { source, destination },
            Ends::V6 { source, destination } => Addresses::V6 { source, destination },
        }
    }

    pub(super) fn family(&self) -> Family {
        match self {
            Ends::V4 { .. } => Family::V4,
            Ends::V6 { .. } => Family::V6,
        }
    }

    pub(super) fn origin(&self) -> Origin {
        match *self {
            Ends::V4 { source, .. } => Origin::V4(source),
            Ends::V6 { source: [a, b, c, d, e, f, g, h, ..], .. } => Origin::V6([a, b, c, d, e, f, g, h]),
        }
    }
}

/// IPv4 or IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    V4,
    V6,
}

/// Who is charged for a datagram: an IPv4 address, or an IPv6 network of 64 bits, all of whose addresses one host may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Origin {
    V4([u8; 4]),
    V6([u8; 8]),
}

/// Fragments with the same key are of one datagram. The protocol is part of it in IPv4 (RFC 791 section 3.2); in IPv6 the
/// one of the first fragment counts, and others may say something else (RFC 8200 section 4.5). VLAN tags are not: they may
/// be on some of the packets only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) ends: Ends,
    pub(super) identification: u32,
    protocol: u8,
    tunnel: Option<Tunnel>,
    tunnel_id: u32,
}

impl Key {
    pub(super) fn of(fragment: &Fragment) -> Key {
        let ends = Ends::of(fragment.addresses);
        Key {
            ends,
            identification: fragment.identification,
            protocol: if ends.family() == Family::V4 { fragment.protocol } else { 0 },
            tunnel: fragment.outer.tunnel,
            tunnel_id: fragment.outer.tunnel_id,
        }
    }
}
