//! What the fragments of a datagram have in common, owned.

use crate::packet::{Fragment, Tunnel};
use crate::stream::KeptAddresses;
use std::hash::{Hash, Hasher};

impl KeptAddresses {
    pub(super) fn family(&self) -> Family {
        match self {
            KeptAddresses::V4(..) => Family::V4,
            KeptAddresses::V6(..) => Family::V6,
        }
    }

    pub(super) fn origin(&self) -> Origin {
        match *self {
            KeptAddresses::V4(source, _) => Origin((1 << 64) | u128::from(u32::from_be_bytes(source))),
            KeptAddresses::V6(source, _) => Origin(u128::from_be_bytes(source) >> 64),
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
pub(super) struct Origin(u128);

/// Fragments with the same key are of one datagram. The protocol is part of it in IPv4 (RFC 791 section 3.2); in IPv6 the
/// one of the first fragment counts, and others may say something else (RFC 8200 section 4.5). VLAN tags are not: they may
/// be on some of the packets only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    pub(super) ends: KeptAddresses,
    pub(super) identification: u32,
    protocol: u8,
    tunnel: Option<Tunnel>,
    tunnel_id: u32,
}

impl Key {
    /// What this fragment has in common with the others.
    pub fn of(fragment: &Fragment) -> Key {
        let ends = KeptAddresses::from(fragment.addresses);
        Key {
            ends,
            identification: fragment.identification,
            protocol: if ends.family() == Family::V4 { fragment.protocol } else { 0 },
            tunnel: fragment.outer.tunnel,
            tunnel_id: fragment.outer.tunnel_id,
        }
    }
}

/// What tells keys apart in practice, in one piece: hashed a field at a time they took a third of all time here.
impl Hash for Key {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        let mut bytes = [0; 44];
        bytes[..4].copy_from_slice(&self.identification.to_be_bytes());
        bytes[4..8].copy_from_slice(&self.tunnel_id.to_be_bytes());
        bytes[8] = self.protocol;
        let used = match &self.ends {
            KeptAddresses::V4(source, destination) => {
                bytes[12..16].copy_from_slice(source);
                bytes[16..20].copy_from_slice(destination);
                20
            }
            KeptAddresses::V6(source, destination) => {
                bytes[12..28].copy_from_slice(source);
                bytes[28..].copy_from_slice(destination);
                44
            }
        };
        hasher.write(&bytes[..used]);
    }
}
