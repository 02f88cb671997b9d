//! Small packets, made by hand.

/// A DNS message with one question, of type A; a response if `flags` has its upper bit.
pub(crate) fn message(id: u16, flags: u16, name: &str) -> Vec<u8> {
    let mut bytes = [id.to_be_bytes(), flags.to_be_bytes(), [0, 1], [0; 2], [0; 2], [0; 2]].concat();
    for label in name.split('.') {
        bytes.push(label.len() as u8);
        bytes.extend_from_slice(label.as_bytes());
    }
    bytes.extend_from_slice(&[0, 0, 1, 0, 1]);
    bytes
}

/// An Ethernet frame with a UDP datagram, from one `address:port` to another.
pub(crate) fn udp(from: &str, to: &str, payload: &[u8]) -> Vec<u8> {
    let ((source, source_port), (destination, destination_port)) = (end(from), end(to));
    let length = 8 + payload.len() as u16;
    let udp = [source_port, destination_port, length, 0].map(u16::to_be_bytes).concat();
    ip(17, source, destination, &[&udp, payload].concat())
}

/// The two fragments of an Ethernet frame with IPv4: of its payload 24 bytes, and the rest.
pub(crate) fn fragments(frame: &[u8]) -> [Vec<u8>; 2] {
    let (headers, payload) = frame.split_at(34);
    let fragment = |flags_and_offset: [u8; 2], payload: &[u8]| {
        let mut fragment = [headers, payload].concat();
        fragment[16..18].copy_from_slice(&(20 + payload.len() as u16).to_be_bytes());
        fragment[20..22].copy_from_slice(&flags_and_offset);
        fragment
    };
    [fragment([0x20, 0], &payload[..24]), fragment([0, 3], &payload[24..])]
}

/// An Ethernet frame in a VXLAN tunnel of this number.
pub(crate) fn vxlan(number: u8, frame: &[u8]) -> Vec<u8> {
    udp("198.51.100.1:50000", "198.51.100.2:4789", &[&[8, 0, 0, 0, 0, 0, number, 0], frame].concat())
}

/// An Ethernet frame with a TCP segment (ACK), from one `address:port` to another.
pub(crate) fn tcp(from: &str, to: &str, sequence: u32, payload: &[u8]) -> Vec<u8> {
    let ((source, source_port), (destination, destination_port)) = (end(from), end(to));
    let ports = [source_port, destination_port].map(u16::to_be_bytes).concat();
    let rest = [&sequence.to_be_bytes()[..], &[0; 4], &[0x50, 0x10, 0xff, 0xff, 0, 0, 0, 0]].concat();
    ip(6, source, destination, &[&ports, &rest, payload].concat())
}

fn ip(protocol: u8, source: [u8; 4], destination: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let length = (20 + payload.len() as u16).to_be_bytes();
    let header = [0x45, 0, length[0], length[1], 0, 1, 0, 0, 64, protocol, 0, 0];
    [&[0; 12][..], &[8, 0], &header, &source, &destination, payload].concat()
}

fn end(text: &str) -> ([u8; 4], u16) {
    let end: std::net::SocketAddrV4 = text.parse().expect("address:port");
    (end.ip().octets(), end.port())
}
