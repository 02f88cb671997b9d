//! The way through the layers of a packet: whatever the bytes are, what is told of them is true of them.
//!
//! The input is a link type, or the recipe of a stack of headers ([`stack`]), then the packet, or what is done to that stack.
//! Layers follow each other without a gap, what is told step by step is what the walk itself comes to, and what it comes to
//! lies in the packet. Started by `fuzz/run`.

#![no_main]

mod stack;

use dpp::limits::LAYERS_MAX;
use dpp::packet::{self, Addresses, Datagram, LayerSeen, Packet, Skip, Walk};

/// As the input's first byte: a link type and a packet follow. Otherwise it begins a recipe.
const PLAIN: u8 = 0;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    match input {
        [PLAIN, high, low, bytes @ ..] => check(u16::from_be_bytes([*high, *low]), bytes),
        recipe => {
            let (linktype, bytes) = stack::cook(recipe);
            check(linktype, &bytes);
        }
    }
});

fn check(linktype: u16, bytes: &[u8]) {
    let (seen, found) = packet::layers(linktype, bytes, is_dns);
    assert_eq!(walk(linktype, bytes), found);
    check_layers(&seen, bytes.len());
    match found {
        Ok(packet) => check_packet(&packet, bytes),
        Err(skip) => assert!(!skip.name().is_empty()),
    }
    let glance = packet::glance(linktype, bytes);
    assert!(glance.port.is_none() || glance.protocol.is_some());
}

fn is_dns(datagram: &Datagram) -> bool {
    [datagram.flow.source_port, datagram.flow.destination_port].contains(&53)
}

/// The walk as a run takes it.
fn walk(linktype: u16, bytes: &[u8]) -> Result<Packet<'_>, Skip> {
    let mut walk = Walk::new(linktype, bytes)?;
    loop {
        let packet = walk.packet()?;
        check_packet(&packet, bytes);
        match packet {
            Packet::Datagram(datagram) if !is_dns(&datagram) && walk.enter(&datagram).is_ok() => {}
            packet => return Ok(packet),
        }
        assert!(walk.outer().vlan_ids().len() <= packet::VLANS_MAX);
    }
}

/// Each layer begins where the one before ended.
fn check_layers(seen: &[LayerSeen], length: usize) {
    assert!(seen.len() <= LAYERS_MAX, "{} layers", seen.len());
    for pair in seen.windows(2) {
        assert_eq!(pair[0].start + pair[0].length, pair[1].start, "{pair:?}");
    }
    if let (Some(first), Some(last)) = (seen.first(), seen.last()) {
        assert_eq!(first.start, 0);
        assert!(last.start + last.length <= length, "{last:?}");
    }
}

fn check_packet(packet: &Packet, bytes: &[u8]) {
    let (addresses, payload, length) = match packet {
        Packet::Datagram(datagram) => (datagram.flow.addresses, datagram.payload, datagram.payload_length),
        Packet::Segment(segment) => (segment.flow.addresses, segment.payload, segment.payload_length),
        Packet::Fragment(fragment) => (fragment.addresses, fragment.payload, fragment.payload_length),
    };
    let are_inside = match addresses {
        Addresses::V4 { source, destination } => lies_in(source, bytes) && lies_in(destination, bytes),
        Addresses::V6 { source, destination } => lies_in(source, bytes) && lies_in(destination, bytes),
    };
    assert!(are_inside && lies_in(payload, bytes));
    // Of a segment's options some may have been cut off.
    assert!(payload.len() <= length, "{packet:?}");
    assert!(length <= usize::from(u16::MAX).max(bytes.len()), "{packet:?}");
}

fn lies_in(part: &[u8], whole: &[u8]) -> bool {
    let (inner, outer) = (part.as_ptr_range(), whole.as_ptr_range());
    part.is_empty() || outer.start <= inner.start && inner.end <= outer.end
}
