//! What bytes are when no header says: for pseudowires, L2TPv3 and GTP-U, which leave it to their configuration.

use super::{ETHERTYPES, IP_PROTOCOLS, Layer, Skip, be16, look_up};

/// The most bytes of padding that an IP packet is believed to have behind it.
const PADDING_MAX: usize = 64;

/// The IP layer that `bytes`, stated to be `length` long, convince to be: a row knows its protocol, and its length fits or
/// its checksum is right.
pub(super) fn ip(bytes: &[u8], length: usize) -> Option<Layer> {
    let fits = |stated: usize| stated <= length && length - stated < PADDING_MAX;
    let is_known = |protocol: u8| IP_PROTOCOLS.iter().any(|row| row.0 == protocol);
    match bytes.first()? >> 4 {
        4 => {
            let header = bytes.get(..usize::from(bytes[0] & 0x0F) * 4).filter(|header| header.len() >= 20)?;
            let total = usize::from(be16(header, 2));
            let is_ip = is_known(header[9]) && total >= header.len() && (fits(total) || is_sum_right(header));
            is_ip.then_some(Layer::Ipv4)
        }
        6 => {
            let header = bytes.first_chunk::<40>()?;
            let is_ip = is_known(header[6]) && fits(40 + usize::from(be16(header, 4)));
            is_ip.then_some(Layer::Ipv6)
        }
        _ => None,
    }
}

/// The checksum of an IPv4 header (RFC 791 section 3.1).
fn is_sum_right(header: &[u8]) -> bool {
    let sum: u32 = header.chunks_exact(2).map(|pair| u32::from(be16(pair, 0))).sum();
    (sum & 0xFFFF) + (sum >> 16) == 0xFFFF
}

/// Whether this may be an Ethernet header: its type has a row, or LLC with equal addresses follows its length.
pub(super) fn is_ethernet(bytes: &[u8]) -> bool {
    match bytes.get(12..) {
        Some([0..0x06, _, destination, source, ..]) => destination == source && *source != 0,
        Some([high, low, ..]) => ETHERTYPES.iter().any(|row| row.0 == be16(&[*high, *low], 0)),
        _ => false,
    }
}

/// Whether this is an Ethernet header, perhaps with VLAN tags, before IP that convinces.
pub(super) fn is_ethernet_with_ip(bytes: &[u8], length: usize) -> bool {
    /// Where the type is behind as many tags as a line has.
    const TYPES: [usize; 3] = [12, 16, 20];
    for at in TYPES {
        let Some((kind, payload)) = bytes.get(at..).and_then(|bytes| bytes.split_at_checked(2)) else {
            break;
        };
        match look_up(ETHERTYPES, be16(kind, 0), Skip::Ethertype) {
            Ok(Layer::Vlan) => {}
            Ok(layer) => return ip(payload, length.saturating_sub(at + 2)) == Some(layer),
            Err(_) => break,
        }
    }
    false
}
