//! Traffic that is made by hand.

/// Names in wire form, by labels: what terminals obey, what they show wide, and what is as long as it can be.
pub(crate) fn hostile_names() -> Vec<Vec<Vec<u8>>> {
    let long = vec![vec![b'x'; 63], vec![0x9b; 63], vec![0xff; 63], vec![b'\n'; 61]];
    vec![
        vec![b"\x1b[2J\x1b[HOWNED".to_vec(), b"test".to_vec()],
        vec![b"\x1b]0;OWNED\x07".to_vec(), b"test".to_vec()],
        vec![b"\x9b2JOWNED\x0c\r\n\x08\x00".to_vec(), b"test".to_vec()],
        vec!["日本語".as_bytes().to_vec(), b"test".to_vec()],
        vec!["e\u{301}\u{202e}\u{200b}".as_bytes().to_vec(), b"test".to_vec()],
        long,
    ]
}

/// A capture with a query for each of these names.
pub(crate) fn pcap_of(names: &[Vec<Vec<u8>>]) -> Vec<u8> {
    let mut bytes = b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\x04\0\x01\0\0\0".to_vec();
    for (number, name) in (0..).zip(names) {
        let frame = query(number, name);
        for field in [1_700_000_000, number * 1000, frame.len() as u32, frame.len() as u32] {
            bytes.extend_from_slice(&u32::to_le_bytes(field));
        }
        bytes.extend_from_slice(&frame);
    }
    bytes
}

/// An Ethernet frame with a query for type A of this name.
fn query(id: u32, name: &[Vec<u8>]) -> Vec<u8> {
    let mut dns = [&(id as u16).to_be_bytes()[..], b"\x01\0\0\x01\0\0\0\0\0\0"].concat();
    for label in name {
        dns.push(label.len() as u8);
        dns.extend_from_slice(label);
    }
    dns.extend_from_slice(b"\0\0\x01\0\x01");
    let udp_length = 8 + dns.len() as u16;
    let udp = [&[5000_u16, 53, udp_length, 0].map(u16::to_be_bytes).concat()[..], &dns].concat();
    let length = (20 + udp.len() as u16).to_be_bytes();
    let header = [0x45, 0, length[0], length[1], 0, 1, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 53];
    [&[0; 12][..], &[8, 0], &header, &udp].concat()
}
