//! Frame relay (ITU-T Q.922, RFC 2427).
//!
//! ```text
//!  | address 2 to 4: the last byte is odd | 03 | 00 as padding, or nothing | NLPID 1 |
//!  | address | ethertype 2 |                                                            as Cisco's routers send it
//! ```

use super::{ETHERTYPES, Layer, Next, Skip, Walk, be16, look_up};

const ADDRESS_MAX: usize = 4;
/// Unnumbered information, the only frames that carry packets.
const CONTROL: u8 = 0x03;

pub(super) fn decode(walk: &mut Walk) -> Next {
    let address = walk.rest.iter().take(ADDRESS_MAX).position(|byte| byte & 1 != 0);
    match address {
        Some(last) => walk.link_header(last + 1)?,
        None if walk.rest.len() < ADDRESS_MAX => return Err(Skip::LinkCut),
        None => return Err(Skip::LinkMalformed),
    };
    match walk.rest {
        [CONTROL, 0, nlpid, ..] => walk.link_header(3).and_then(|_| network(*nlpid)),
        [CONTROL, nlpid, ..] => walk.link_header(2).and_then(|_| network(*nlpid)),
        _ => {
            let ethertype = be16(walk.link_header(2)?, 0);
            look_up(ETHERTYPES, ethertype, Skip::Ethertype)
        }
    }
}

fn network(nlpid: u8) -> Next {
    match nlpid {
        0xCC => Ok(Layer::Ipv4),
        0x8E => Ok(Layer::Ipv6),
        0x80 => Ok(Layer::Snap),
        _ => Err(Skip::Ethertype),
    }
}
