//! What the kernel says of interfaces, by rtnetlink (man 7 rtnetlink): who uses them, and which program they have.
//!
//! ```text
//!  message:   length (4)  kind (2)  flags (2)  sequence (4)  port (4)   then a header of its kind, then attributes
//!  attribute: length (2)  kind (2)  value, padded to 4 bytes
//! ```
//! A socket of netlink asks about the network namespace in which it was made, which files in /sys and /proc do not promise.

use rustix::fd::OwnedFd;
use rustix::io::retry_on_intr;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{self, AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv6Addr};

/// An interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Link {
    pub name: String,
    /// Its number, which another of the same name will not have.
    pub index: u32,
    /// Its link layer (linux/if_arp.h).
    pub hardware: u16,
    /// Bytes of its longest packets, without the link layer.
    pub mtu: u32,
    /// How many queues it has at most.
    pub rx_queues: u32,
    /// The number of the XDP program that it has.
    pub program: Option<u32>,
    /// The number of the bridge or bond that it is part of.
    master: Option<u32>,
    /// The number of the interface that it stands on; of a veth, its peer.
    below: Option<u32>,
}

/// What the host does with an interface, so that it would miss what is taken from there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Use {
    Address(IpAddr),
    /// It is part of this bridge or bond.
    PartOf(String),
    /// This interface stands on it.
    Carries(String),
}

impl fmt::Display for Use {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Use::Address(address) => write!(f, "has the address {address}"),
            Use::PartOf(name) => write!(f, "is part of '{name}'"),
            Use::Carries(name) => write!(f, "carries '{name}'"),
        }
    }
}

/// All interfaces.
pub(super) fn links() -> io::Result<Vec<Link>> {
    let mut links = Vec::new();
    ask(GET_LINK, |message| links.extend(Link::read(message)))?;
    Ok(links)
}

/// What the host does with this interface, which is one of `links`.
pub(super) fn use_of(link: &Link, links: &[Link]) -> io::Result<Option<Use>> {
    let mut addresses = Vec::new();
    ask(GET_ADDRESS, |message| addresses.extend(read_address(message)))?;
    let own = addresses.into_iter().find(|(index, address)| *index == link.index && !is_automatic(address));
    Ok(own.map(|(_, address)| Use::Address(address)).or_else(|| link.neighbours(links)))
}

/// Each interface that is on has one of these by itself (RFC 4862 section 5.3).
fn is_automatic(address: &IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.is_unicast_link_local())
}

const ERROR: u16 = 2;
const DONE: u16 = 3;
const NEW_LINK: u16 = 16;
const GET_LINK: u16 = 18;
const NEW_ADDRESS: u16 = 20;
const GET_ADDRESS: u16 = 22;
/// A request, for all there are (NLM_F_REQUEST | NLM_F_DUMP).
const REQUEST_ALL: u16 = 0x301;

/// A message of this kind without its header, and the rest.
fn message(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let length = ne32(bytes, 0)? as usize;
    let body = bytes.get(16..length)?;
    let rest = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    Some((ne16(bytes, 4)?, body, rest))
}

/// The attributes in these bytes.
fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let length = usize::from(ne16(bytes, 0)?);
        // The upper two bits say how it is to be read.
        let kind = ne16(bytes, 2)? & 0x3FFF;
        let value = bytes.get(4..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    })
}

fn ne16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn ne32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

impl Link {
    /// The interface that a message tells (`struct ifinfomsg`, then IFLA_ attributes of linux/if_link.h).
    fn read((kind, body): (u16, &[u8])) -> Option<Link> {
        if kind != NEW_LINK {
            return None;
        }
        let mut link = Link { hardware: ne16(body, 2)?, index: ne32(body, 4)?, ..Link::default() };
        for (kind, value) in attributes(body.get(16..)?) {
            match kind {
                3 => link.name = String::from_utf8_lossy(value).trim_end_matches('\0').to_string(),
                4 => link.mtu = ne32(value, 0)?,
                5 => link.below = ne32(value, 0),
                10 => link.master = ne32(value, 0),
                32 => link.rx_queues = ne32(value, 0)?,
                43 => link.program = program(value),
                _ => {}
            }
        }
        Some(link)
    }

    /// What has to do with it, among those that there are.
    fn neighbours(&self, links: &[Link]) -> Option<Use> {
        let master = links.iter().find(|link| Some(link.index) == self.master);
        // The two ends of a veth name each other.
        let is_above = |link: &&Link| link.below == Some(self.index) && self.below != Some(link.index);
        let above = links.iter().filter(|link| link.index != self.index).find(is_above);
        master
            .map(|link| Use::PartOf(link.name.clone()))
            .or(above.map(|link| Use::Carries(link.name.clone())))
    }
}

/// The program of an interface, whatever its mode (IFLA_XDP): one number for all, or one for each mode.
fn program(value: &[u8]) -> Option<u32> {
    attributes(value).find(|(kind, _)| (4..=7).contains(kind)).and_then(|(_, number)| ne32(number, 0))
}

/// The address that a message tells, and whose it is (`struct ifaddrmsg`, then IFA_ attributes). IFA_LOCAL is the own one
/// where a tunnel has two.
fn read_address((kind, body): (u16, &[u8])) -> Option<(u32, IpAddr)> {
    if kind != NEW_ADDRESS {
        return None;
    }
    let value =
        |wanted: u16| attributes(body.get(8..)?).find(|(kind, _)| *kind == wanted).map(|(_, value)| value);
    let bytes = value(2).or(value(1))?;
    let address = match bytes.len() {
        4 => IpAddr::from(<[u8; 4]>::try_from(bytes).ok()?),
        _ => IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?)),
    };
    Some((ne32(body, 4)?, address))
}

/// Asks for all things of a kind.
fn ask(kind: u16, mut take: impl FnMut((u16, &[u8]))) -> io::Result<()> {
    let socket = open()?;
    let mut request = Vec::new();
    request.extend_from_slice(&32u32.to_ne_bytes());
    request.extend_from_slice(&kind.to_ne_bytes());
    request.extend_from_slice(&REQUEST_ALL.to_ne_bytes());
    // Sequence, port, and a header in which nothing is chosen.
    request.resize(32, 0);
    net::send(&socket, &request, SendFlags::empty())?;
    // The kernel makes its messages no longer than the room that was offered, up to 32 KiB.
    let mut room = vec![0; 64 << 10];
    loop {
        let (length, _) = retry_on_intr(|| net::recv(&socket, &mut room[..], RecvFlags::empty()))?;
        let mut bytes = &room[..length];
        while let Some((kind, body, rest)) = message(bytes) {
            match kind {
                DONE => return Ok(()),
                ERROR => {
                    let number = ne32(body, 0).unwrap_or_default() as i32;
                    return Err(io::Error::from_raw_os_error(-number));
                }
                _ => take((kind, body)),
            }
            bytes = rest;
        }
    }
}

/// A socket of rtnetlink, which is protocol 0 of netlink.
fn open() -> io::Result<OwnedFd> {
    let socket = net::socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
    net::connect(&socket, &SocketAddrNetlink::new(0, 0))?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(name: &str, index: u32, master: Option<u32>, below: Option<u32>) -> Link {
        Link { name: name.to_string(), index, master, below, ..Link::default() }
    }

    #[test]
    fn who_stands_on_an_interface_is_seen_and_the_peer_of_a_veth_does_not() {
        let links = [
            link("br0", 1, None, None),
            link("eth0", 2, Some(1), None),
            link("eth1", 3, None, None),
            link("eth1.5", 4, None, Some(3)),
            link("veth0", 5, None, Some(6)),
            link("veth1", 6, None, Some(5)),
        ];
        let told: Vec<String> = links
            .iter()
            .map(|link| link.neighbours(&links).map_or_else(String::new, |found| found.to_string()))
            .collect();
        assert_eq!(told, ["", "is part of 'br0'", "carries 'eth1.5'", "", "", ""]);
    }

    #[test]
    fn messages_that_end_anywhere_are_none() {
        let mut body = [0; 16].to_vec();
        for (kind, value) in [(3u16, &b"eth0\0"[..]), (32, &[8, 0, 0, 0]), (43, &[8, 0, 4, 0, 7, 0, 0, 0])] {
            body.extend_from_slice(&(value.len() as u16 + 4).to_ne_bytes());
            body.extend_from_slice(&kind.to_ne_bytes());
            body.extend_from_slice(value);
            body.resize(body.len().next_multiple_of(4), 0);
        }
        if cfg!(target_endian = "little") {
            let link = Link::read((NEW_LINK, &body)).unwrap();
            assert_eq!((&*link.name, link.rx_queues, link.program), ("eth0", 8, Some(7)));
        }
        for length in 0..body.len() {
            let _ = Link::read((NEW_LINK, &body[..length]));
            let _ = read_address((NEW_ADDRESS, &body[..length]));
            assert_eq!(message(&body[..length.min(8)]), None);
        }
    }

    #[test]
    fn the_kernel_tells_of_the_loopback_interface() {
        let links = links().unwrap();
        let lo = links.iter().find(|link| link.name == "lo").unwrap();
        assert_eq!((lo.index, lo.hardware, lo.program), (1, 772, None));
    }
}
