//! The packets in a block of a ring (TPACKET_V3).
//!
//! ```text
//!  block   | version 4 | private 4 | status 4 | packets 4 | first packet at 4 | length 4 | ...
//!  packet  | next after 4 | s 4 | ns 4 | captured 4 | length 4 | status 4 | link layer after 2 | network layer after 2 |
//!          | hash 4 | VLAN tag 4 | VLAN type 2 | ...
//! ```
//! Numbers are in the byte order of the machine. The surprising fact: a VLAN tag, the outermost, is not in the bytes: the kernel
//! or the network card took it out, and tells it here. It is put back, so that a packet is what was on the wire.

use std::mem::offset_of;

const PACKETS_AT: usize =
    offset_of!(libc::tpacket_block_desc, hdr) + offset_of!(libc::tpacket_hdr_v1, num_pkts);
const FIRST_AT: usize =
    offset_of!(libc::tpacket_block_desc, hdr) + offset_of!(libc::tpacket_hdr_v1, offset_to_first_pkt);
const VLAN_AT: usize = offset_of!(libc::tpacket3_hdr, hv1);
/// The type of a tag whose type is not told.
const VLAN: u16 = 0x8100;
/// The addresses of an Ethernet header, behind which a tag stands.
const ADDRESSES: usize = 12;

/// A packet in a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    /// When it was seen, ns since 1970 UTC.
    pub time_ns: i64,
    /// What was captured of it.
    pub bytes: &'a [u8],
    /// The VLAN tag that was taken out: its type, and what is in it.
    pub tag: Option<(u16, u16)>,
}

impl Frame<'_> {
    /// Appends the packet as it was on the wire. `is_ethernet` tells whether there is a header for the tag to stand in.
    pub(super) fn write(&self, bytes: &mut Vec<u8>, is_ethernet: bool) {
        match (self.tag, self.bytes.split_at_checked(ADDRESSES)) {
            (Some((number, tag)), Some((addresses, rest))) if is_ethernet => {
                bytes.extend_from_slice(addresses);
                bytes.extend_from_slice(&number.to_be_bytes());
                bytes.extend_from_slice(&tag.to_be_bytes());
                bytes.extend_from_slice(rest);
            }
            _ => bytes.extend_from_slice(self.bytes),
        }
    }
}

/// The packets of a block. What points out of the block ends them: the kernel does not do that, but nobody is to crash if so.
pub(super) fn frames(block: &[u8]) -> impl Iterator<Item = Frame<'_>> {
    let mut left = u32_at(block, PACKETS_AT).unwrap_or(0);
    let mut at = u32_at(block, FIRST_AT).unwrap_or(0) as usize;
    std::iter::from_fn(move || {
        left = left.checked_sub(1)?;
        let header = block.get(at..)?;
        let frame = frame(header)?;
        at += u32_at(header, offset_of!(libc::tpacket3_hdr, tp_next_offset))? as usize;
        Some(frame)
    })
}

#[inline]
fn frame(header: &[u8]) -> Option<Frame<'_>> {
    let seconds = u32_at(header, offset_of!(libc::tpacket3_hdr, tp_sec))?;
    let ns = u32_at(header, offset_of!(libc::tpacket3_hdr, tp_nsec))?;
    let length = u32_at(header, offset_of!(libc::tpacket3_hdr, tp_snaplen))? as usize;
    let status = u32_at(header, offset_of!(libc::tpacket3_hdr, tp_status))?;
    let start = usize::from(u16_at(header, offset_of!(libc::tpacket3_hdr, tp_mac))?);
    let tag = if status & libc::TP_STATUS_VLAN_VALID == 0 { None } else { Some(tag(header, status)?) };
    let time_ns = i64::from(seconds) * 1_000_000_000 + i64::from(ns);
    Some(Frame { time_ns, bytes: header.get(start..)?.get(..length)?, tag })
}

fn tag(header: &[u8], status: u32) -> Option<(u16, u16)> {
    let tag = u32_at(header, VLAN_AT + offset_of!(libc::tpacket_hdr_variant1, tp_vlan_tci))? as u16;
    let number = match status & libc::TP_STATUS_VLAN_TPID_VALID {
        0 => VLAN,
        _ => u16_at(header, VLAN_AT + offset_of!(libc::tpacket_hdr_variant1, tp_vlan_tpid))?,
    };
    Some((number, tag))
}

#[inline]
fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|number| u32::from_ne_bytes(*number))
}

#[inline]
fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|number| u16::from_ne_bytes(*number))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: usize = 48;
    const HEADER: usize = 64;

    /// A block of packets: time, status, tag and tag type, bytes.
    fn block(packets: &[(u32, u32, u32, u16, &[u8])]) -> Vec<u8> {
        let mut block = vec![0; FIRST];
        block[PACKETS_AT..PACKETS_AT + 4].copy_from_slice(&(packets.len() as u32).to_ne_bytes());
        block[FIRST_AT..FIRST_AT + 4].copy_from_slice(&(FIRST as u32).to_ne_bytes());
        for (ns, status, tag, number, bytes) in packets {
            let next = (HEADER + bytes.len()) as u32;
            let length = bytes.len() as u32;
            let start = block.len();
            for number in [next, 1, *ns, length, length, *status, HEADER as u32, 0, *tag, u32::from(*number)]
            {
                block.extend_from_slice(&number.to_ne_bytes());
            }
            block.resize(start + HEADER, 0);
            block.extend_from_slice(bytes);
        }
        block
    }

    fn written(block: &[u8], is_ethernet: bool) -> Vec<(i64, Vec<u8>)> {
        let write = |frame: Frame| {
            let mut bytes = Vec::new();
            frame.write(&mut bytes, is_ethernet);
            (frame.time_ns, bytes)
        };
        frames(block).map(write).collect()
    }

    #[test]
    fn packets_follow_each_other_with_their_times() {
        let block = block(&[(5, 1, 0, 0, b"one"), (7, 1, 0, 0, b"three")]);
        assert_eq!(
            written(&block, true),
            [(1_000_000_005, b"one".to_vec()), (1_000_000_007, b"three".to_vec())]
        );
    }

    #[test]
    fn a_tag_that_was_taken_out_is_put_back_behind_the_addresses() {
        let (valid, typed) = (libc::TP_STATUS_VLAN_VALID, libc::TP_STATUS_VLAN_TPID_VALID);
        let block = block(&[
            (0, valid, 0x2005, 0, b"destinsource08"),
            (0, valid | typed, 6, 0x88A8, b"destinsource08"),
        ]);
        let [first, second] = [0, 1].map(|index| written(&block, true)[index].1.clone());
        assert_eq!(first, b"destinsource\x81\x00\x20\x0508");
        assert_eq!(second, b"destinsource\x88\xa8\x00\x0608");
        assert_eq!(written(&block, false)[0].1, b"destinsource08", "bare IP has no place for it");
    }

    #[test]
    fn a_packet_too_short_for_a_tag_stays_as_it_is() {
        let block = block(&[(0, libc::TP_STATUS_VLAN_VALID, 5, 0, b"short")]);
        assert_eq!(written(&block, true)[0].1, b"short");
    }

    #[test]
    fn what_points_out_of_the_block_ends_it() {
        let whole = block(&[(0, 1, 0, 0, b"one"), (0, 1, 0, 0, b"two")]);
        for cut in 0..whole.len() {
            assert!(written(&whole[..cut], true).len() < 2, "{cut}");
        }
        for at in (0..whole.len() - 4).step_by(4) {
            let mut damaged = whole.clone();
            damaged[at..at + 4].copy_from_slice(&u32::MAX.to_ne_bytes());
            assert!(written(&damaged, true).len() <= 2, "{at}");
        }
    }
}
