//! The look at a packet before it is copied: no kernel is there that would leave out what is no DNS.
//!
//! It is the engine's own walk, so what passes is what the engine would have taken from a file, tunnels and fragments too;
//! and what is damaged passes, to be counted where all else is. It costs a walk more for each packet that passes, and
//! saves the copies of all others.

use super::reader::ETHERNET;
use dpp::packet::{Packet, Skip, Walk};
use dpp::plan::Ports;

/// Walks that end because the packet is something else.
const OTHERS: &[Skip] =
    &[Skip::Ethertype, Skip::Arp, Skip::LinkControl, Skip::Encrypted, Skip::Icmp, Skip::IpProtocol];

/// Whether the engine may find DNS in an Ethernet frame.
#[inline]
pub(super) fn may_be_dns(frame: &[u8], ports: &Ports) -> bool {
    let Ok(mut walk) = Walk::new(ETHERNET, frame) else { return true };
    loop {
        match walk.packet() {
            Ok(Packet::Datagram(datagram)) if !ports.carry(&datagram.flow) => match walk.enter(&datagram) {
                Ok(()) => {}
                Err(skip) => return skip != Skip::Port,
            },
            Ok(Packet::Segment(segment)) => return ports.carry(&segment.flow),
            Ok(_) => return true,
            Err(skip) => return !OTHERS.contains(&skip),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An Ethernet frame with an IPv4 header (of `protocol`, fragment bits, payload) behind `tags`.
    fn frame(tags: &[u8], protocol: u8, fragment: u16, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![0; 12];
        frame.extend_from_slice(tags);
        frame.extend_from_slice(&[8, 0, 0x45, 0, 0, 20 + payload.len() as u8, 0, 0]);
        frame.extend_from_slice(&fragment.to_be_bytes());
        frame.extend_from_slice(&[64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
        frame.extend_from_slice(payload);
        frame
    }

    fn udp(port: u16, payload: &[u8]) -> Vec<u8> {
        let mut udp = vec![0x40, 0];
        udp.extend_from_slice(&port.to_be_bytes());
        udp.extend_from_slice(&[0, 8 + payload.len() as u8, 0, 0]);
        udp.extend_from_slice(payload);
        udp
    }

    fn tcp(port: u16) -> Vec<u8> {
        let mut tcp = vec![0; 20];
        tcp[..2].copy_from_slice(&port.to_be_bytes());
        (tcp[2], tcp[12]) = (0x40, 0x50);
        tcp
    }

    #[track_caller]
    fn check(frame: &[u8], expected: bool) {
        assert_eq!(may_be_dns(frame, &Ports::new(vec![53..=53, 5300..=5310])), expected, "{frame:02x?}");
    }

    #[test]
    fn dns_ports_pass_on_either_side_and_behind_tags() {
        for (port, expected) in [(53, true), (5305, true), (54, false), (443, false)] {
            for tags in [&[][..], &[0x81, 0, 0, 5], &[0x88, 0xA8, 0, 6, 0x81, 0, 0, 7]] {
                check(&frame(tags, 17, 0, &udp(port, &[0; 12])), expected);
                check(&frame(tags, 6, 0, &tcp(port)), expected);
            }
        }
    }

    #[test]
    fn what_is_in_a_tunnel_is_looked_at() {
        for (port, expected) in [(53, true), (54, false)] {
            let mut vxlan = vec![8, 0, 0, 0, 0, 0, 42, 0];
            vxlan.extend_from_slice(&frame(&[], 17, 0, &udp(port, &[0; 12])));
            check(&frame(&[], 17, 0, &udp(4789, &vxlan)), expected);
        }
    }

    #[test]
    fn fragments_and_what_is_damaged_pass() {
        check(&frame(&[], 17, 1, &[1; 30]), true);
        check(&frame(&[], 17, 0, &[0x40, 0, 0]), true);
        check(&[0; 5], true);
    }

    #[test]
    fn other_protocols_do_not_pass() {
        check(&frame(&[], 1, 0, &[0; 8]), false);
        let mut arp = vec![0; 42];
        arp[12..14].copy_from_slice(&[8, 6]);
        check(&arp, false);
    }
}
