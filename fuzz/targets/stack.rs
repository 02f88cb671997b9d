//! Stacks of headers that fit into each other, which mutations of bytes would hardly ever make.
//!
//! A recipe is read from the inside out: how many headers, then for each two bytes, which one and a variety of it. Each knows
//! what lies in it and says so in its own numbers, if it has one for that. The rest of the recipe damages what came out: a
//! place, as a share of the length, and the bits that are flipped there. Called by `walk`.

/// What bytes begin with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Udp,
    Tcp,
    V4,
    V6,
    Ethernet,
    Vlan,
    Mpls,
    Ppp,
    Pppoe,
    Gre,
    Erspan,
    Fragment,
    L2tp,
    Nsh,
    Snap,
}

/// More make only longer inputs; with these the bound on layers is met.
const HEADERS_MAX: u8 = 40;

/// A link type, and a packet.
pub fn cook(recipe: &[u8]) -> (u16, Vec<u8>) {
    let Some(([_, count, link], rest)) = recipe.split_first_chunk() else { return (1, recipe.to_vec()) };
    let (headers, damage) = rest.split_at((2 * usize::from((count & 0x3F) % HEADERS_MAX)).min(rest.len()));
    let mut packet = match count >> 6 {
        0 | 1 => (Kind::Udp, udp(4000, 53, &[7; 20])),
        2 => (Kind::Udp, udp(4000, 4789, &[7; 20])),
        _ => (Kind::Tcp, [&udp(4000, 53, &[7; 4])[..], &[0x50, 0x18, 0, 0, 0, 0, 0, 0, 7, 7]].concat()),
    };
    for header in headers.as_chunks::<2>().0 {
        packet = wrap(packet, header[0], header[1]);
    }
    let (linktype, mut bytes) = in_link(packet, *link);
    for [place, bits] in damage.as_chunks::<2>().0 {
        let at = bytes.len() * usize::from(*place) / 256;
        bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= bits);
    }
    (linktype, bytes)
}

fn wrap((kind, inside): (Kind, Vec<u8>), header: u8, variety: u8) -> (Kind, Vec<u8>) {
    let with = |head: &[u8]| [head, &inside].concat();
    let length = (inside.len() as u16).to_be_bytes();
    match header % 22 {
        0..=2 => (Kind::V4, ipv4(kind, &inside, variety)),
        3..=5 => (Kind::V6, ipv6(kind, &inside, variety)),
        6 => (Kind::Ethernet, with(&[&[2; 12][..], &ethertype(kind)].concat())),
        7 => (Kind::Vlan, with(&[&[0, variety][..], &ethertype(kind)].concat())),
        8 => (Kind::Mpls, with(&[0, 1, if kind == Kind::Mpls { 0x20 } else { 0x21 }, 64])),
        // A control word before a pseudowire.
        9 => (Kind::Mpls, with(&[0, 1, 0x21, 64, 0, 0, 0, 0])),
        10 => (Kind::Gre, gre(kind, &inside, variety)),
        11 => (Kind::Ppp, with(&[&[0xFF, 3][..usize::from(variety & 2)], &ppp(kind)].concat())),
        12 => (Kind::Pppoe, with(&[&[0x11, 0, 0, 9][..], &length].concat())),
        13 => (Kind::Udp, udp(5000, 4789, &with(&[8, 0, 0, 0, 0, 0, variety, 0]))),
        14 => (Kind::Udp, udp(5000, 4790, &with(&[0x0C, 0, 0, nsh(kind), 0, 0, variety, 0]))),
        15 => {
            let options = usize::from(variety & 3) * 4;
            let [high, low] = ethertype(kind);
            let head = [&[variety & 3, 0, high, low, 0, 0, 9, 0][..], &vec![0; options]].concat();
            (Kind::Udp, udp(5000, 6081, &with(&head)))
        }
        16 => {
            let head = [&[0x30 | variety & 7, 0xFF][..], &length, &[0, 0, 0, 1, 0, 0, 0, 0]].concat();
            let head = &head[..if variety & 7 == 0 { 8 } else { 12 }];
            (Kind::Udp, udp(2152, 2152, &with(head)))
        }
        17 => {
            let port = [1701, 3544, 4341, 4754, 6635, 5072, 5247][usize::from(variety % 7)];
            let head = [0x40, 2, 0, 9, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
            (Kind::Udp, udp(5000, port, &with(&head[..usize::from(variety >> 4)])))
        }
        18 => {
            let head = [0x10, variety, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
            (Kind::Erspan, with(&head[..[8, 12, 20, 0][usize::from(variety & 3)]]))
        }
        19 => (Kind::Fragment, with(&[protocol(kind), 0, 0, variety & 1, 0, 0, 0, 9])),
        20 => (Kind::L2tp, with(&[&[0, 0, 0, 9][..], &[0; 8][..usize::from(variety & 8)]].concat())),
        _ if variety & 1 == 0 => (Kind::Nsh, with(&[0, 2, 2, nsh(kind), 0, 0, 0, 9])),
        _ => (Kind::Snap, with(&[&[0xAA, 0xAA, 3, 0, 0, 0][..], &ethertype(kind)].concat())),
    }
}

/// The link layer of the outermost kind, or any.
fn in_link((kind, inside): (Kind, Vec<u8>), link: u8) -> (u16, Vec<u8>) {
    let with = |head: &[u8]| [head, &inside].concat();
    let to = ethertype(kind);
    match (kind, link) {
        (Kind::Ethernet, 0..=127) => (1, inside),
        (Kind::V4 | Kind::V6, 0..=63) => ([101, 12, 14][usize::from(link % 3)], inside),
        (Kind::V4, 64..=127) => (228, inside),
        (Kind::V6, 64..=127) => (229, inside),
        (Kind::Ppp, 0..=127) => ([9, 50, 166, 204][usize::from(link % 4)], inside),
        (Kind::Pppoe, 0..=127) => (51, inside),
        (Kind::V4, 128..=143) => (0, with(&[2, 0, 0, 0])),
        (Kind::V6, 128..=143) => (108, with(&[0, 0, 0, 24])),
        (_, 144..=175) => (1, with(&[&[2; 12][..], &to].concat())),
        (_, 176..=191) => (113, with(&[&[0; 14][..], &to].concat())),
        (_, 192..=207) => (276, with(&[&to[..], &[0; 18]].concat())),
        (_, 208..=223) => {
            let data = [&[8, 0, 0, 0][..], &[2; 20], &[0xAA, 0xAA, 3, 0, 0, 0], &to].concat();
            match link % 2 {
                0 => (105, with(&data)),
                _ => (127, with(&[&[0, 0, 8, 0, 0, 0, 0, 0][..], &data].concat())),
            }
        }
        // Numbers of all link types that there are, and what follows is what it is.
        _ => ([117, 239, 192, 258, 107, 119, 163, 109, 226, 242, 6, 10][usize::from(link % 12)], inside),
    }
}

fn ipv4(kind: Kind, inside: &[u8], variety: u8) -> Vec<u8> {
    let options = usize::from(variety & 3);
    let total = ((20 + 4 * options + inside.len()) as u16).to_be_bytes();
    // Some are fragments.
    let offset = if variety & 0xF0 == 0xF0 { [0x20, variety & 4] } else { [0, 0] };
    let head =
        [0x45 + options as u8, 0, total[0], total[1], 0, 9, offset[0], offset[1], 64, protocol(kind), 0, 0];
    let addresses = [192, 0, 2, variety, 198, 51, 100, 1];
    [&head[..], &addresses, &vec![1; 4 * options], inside].concat()
}

fn ipv6(kind: Kind, inside: &[u8], variety: u8) -> Vec<u8> {
    let extension = match variety & 3 {
        0 | 1 => vec![],
        2 => [&[protocol(kind), 1][..], &[0; 14]].concat(),
        _ => [&[protocol(kind), 2][..], &[0; 14]].concat(),
    };
    let next = [protocol(kind), protocol(kind), 60, 51][usize::from(variety & 3)];
    let length = ((extension.len() + inside.len()) as u16).to_be_bytes();
    [&[0x60, 0, 0, 0, length[0], length[1], next, 64], &[0x20; 32][..], &extension, inside].concat()
}

fn gre(kind: Kind, inside: &[u8], variety: u8) -> Vec<u8> {
    let flags = variety & 0xB0;
    let fields = (flags & 0x80 != 0) as usize + (flags & 0x20 != 0) as usize + (flags & 0x10 != 0) as usize;
    let to = match kind {
        Kind::Erspan => [0x88, 0xBE],
        Kind::Ppp => [0x88, 0x0B],
        kind => ethertype(kind),
    };
    [&[flags, 0], &to[..], &vec![0; 4 * fields], inside].concat()
}

fn udp(source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
    let head = [source, destination, 8 + payload.len() as u16, 0].map(u16::to_be_bytes).concat();
    [&head, payload].concat()
}

fn ethertype(kind: Kind) -> [u8; 2] {
    match kind {
        Kind::V6 => [0x86, 0xDD],
        Kind::Vlan => [0x81, 0x00],
        Kind::Mpls => [0x88, 0x47],
        Kind::Pppoe => [0x88, 0x64],
        Kind::Ethernet => [0x65, 0x58],
        Kind::Nsh => [0x89, 0x4F],
        Kind::Snap => [0x88, 0x70],
        _ => [0x08, 0x00],
    }
}

fn protocol(kind: Kind) -> u8 {
    match kind {
        Kind::Tcp => 6,
        Kind::V4 => 4,
        Kind::V6 => 41,
        Kind::Ethernet => 97,
        Kind::Mpls => 137,
        Kind::Gre => 47,
        Kind::Fragment => 44,
        Kind::L2tp => 115,
        _ => 17,
    }
}

fn ppp(kind: Kind) -> [u8; 2] {
    match kind {
        Kind::V6 => [0, 0x57],
        Kind::Mpls => [2, 0x81],
        _ => [0, 0x21],
    }
}

fn nsh(kind: Kind) -> u8 {
    match kind {
        Kind::V6 => 2,
        Kind::Ethernet => 3,
        Kind::Nsh => 4,
        Kind::Mpls => 5,
        _ => 1,
    }
}
