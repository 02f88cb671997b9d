//! Link types that put an ethertype behind a header of fixed size, for captures without a link layer of their own.
//!
//! ```text
//!  Linux cooked, 113   | packet type 2 | ARPHRD 2 | address length 2 | address 8 | protocol 2 |
//!  Linux cooked, 276   | protocol 2 | reserved 2 | interface 4 | ARPHRD 2 | packet type 1 | address length 1 | address 8 |
//!  InfiniBand, 242     | global route 40 | ethertype 2 | reserved 2 |                     (RFC 4391 section 6)
//! ```
//! The protocol of the cooked ones is an ethertype, or 1 and 4 for 802.3 and LLC; but what it means depends on the ARPHRD,
//! the kind of interface.

use super::{Layer, Next, Skip, Walk, be16, ethernet, gre};

pub(super) fn linux(walk: &mut Walk) -> Next {
    let header = walk.link_header(16)?;
    cooked(be16(header, 2), be16(header, 14))
}

pub(super) fn linux_2(walk: &mut Walk) -> Next {
    let header = walk.link_header(20)?;
    cooked(be16(header, 8), be16(header, 0))
}

fn cooked(arphrd: u16, protocol: u16) -> Next {
    match arphrd {
        770 => Ok(Layer::FrameRelay),
        778 | 823 => gre::protocol(protocol),
        803 => Ok(Layer::Radiotap),
        824 => Err(Skip::Ethertype), // netlink
        _ => match protocol {
            4 => Ok(Layer::Llc),
            0..0x0600 => Err(Skip::Ethertype),
            ethertype => ethernet::ethertype(ethertype),
        },
    }
}

pub(super) fn infiniband(walk: &mut Walk) -> Next {
    walk.link_header(44).and_then(|header| ethernet::ethertype(be16(header, 40)))
}
