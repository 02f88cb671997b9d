//! Knot DNS with its probe, asked by kdig; and datagrams that nobody sane would send.

use crate::place::{Place, Received, Running, Scene, until};
use dpp::capture::Record;
use dpp::knot::{Carrier, Pair, Probe};
use dpp_source::live::knot::{Probe as Source, Settings};
use dpp_source::live::{Count, LiveError};
use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::{fs, time};

fn scene(sockets: u32) -> Scene {
    let place = Place::new();
    let probe = Source::open(&Settings::new(place.0.clone(), sockets)).unwrap();
    Scene::of(place, 1 << 20, |queue, counts| probe.start(queue, 0, counts).unwrap())
}

/// Starts Knot DNS with one zone on this port, on loopback, which tells of each query.
fn knot(place: &Place, port: u16) -> Running {
    let zone = "example. 3600 IN SOA ns.example. admin.example. 1 3600 600 86400 300\n\
                example. 3600 IN NS ns.example.\nns.example. 3600 IN A 192.0.2.53\n\
                www.example. 60 IN A 192.0.2.1\nwww.example. 60 IN A 192.0.2.2\n";
    fs::write(place.path("example.zone"), zone).unwrap();
    let folder = place.0.display();
    let config = format!(
        "server:\n  rundir: \"{folder}\"\n  listen: 127.0.0.1@{port}\n  udp-workers: 1\n  tcp-workers: 1\n\
         database:\n  storage: \"{folder}\"\n\
         mod-probe:\n  - id: all\n    path: \"{folder}\"\n    channels: 2\n    max-rate: 0\n\
         template:\n  - id: default\n    storage: \"{folder}\"\n    global-module: mod-probe/all\n\
         zone:\n  - domain: example\n    file: example.zone\n    zonefile-sync: -1\n    zonefile-load: whole\n    \
         journal-content: none\n"
    );
    fs::write(place.path("knot.conf"), config).unwrap();
    let mut command = Command::new("knotd");
    command.arg("-c").arg(place.path("knot.conf")).stdout(Stdio::null()).stderr(Stdio::null());
    Running::start(&mut command)
}

fn kdig(port: u16, asked: &[&str]) -> bool {
    let mut command = Command::new("kdig");
    command.args(["@127.0.0.1", "-p", &port.to_string(), "+retry=0", "+timeout=1"]).args(asked);
    let output = command.output().unwrap();
    String::from_utf8_lossy(&output.stdout).contains(";; ->>HEADER<<-")
}

#[test]
fn knot_tells_of_each_query() {
    let scene = scene(2);
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let _server = knot(&scene.place, port);
    until("knot answers and tells", || kdig(port, &["first.example"]) && scene.received_count() > 0);
    // Some versions tell the name in lower case.
    let number = |name: &[u8]| {
        let received = scene.received();
        received.iter().position(|one| Probe::parse(&one.bytes).unwrap().qname.eq_ignore_ascii_case(name))
    };
    let before = time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos() as i64;
    assert!(kdig(port, &["+edns", "+nsid", "+dnssec", "+bufsize=1400", "wWw.example", "A"]));
    assert!(kdig(port, &["+tcp", "+noedns", "none.example", "AAAA"]));
    let names = [b"\x03wWw\x07example\0".as_slice(), b"\x04none\x07example\0"];
    until("both are told", || names.iter().all(|name| number(name).is_some()));
    let received = scene.received();
    let [www, none] = names.map(|name| &received[number(name).unwrap()]);
    let Received { linktype, time_ns, .. } = *www;
    let soon = before..before + 60_000_000_000;
    assert!(linktype == Record::KNOT && soon.contains(&time_ns), "{time_ns}");
    let [www, none] = [www, none].map(|one| Probe::parse(&one.bytes).unwrap());
    let loopback = [127, 0, 0, 1];
    assert_eq!(www.addresses, Some(Pair::V4 { server: &loopback, client: &loopback }));
    assert_eq!((www.server_port, www.carrier, www.qtype, www.qclass), (port, Carrier::Udp, 1, 1));
    let edns = www.edns.unwrap();
    assert_eq!((edns.udp_size, edns.version, edns.dnssec_ok, edns.options), (1400, 0, true, 1 << 3));
    let reply = www.reply.unwrap();
    assert_eq!((reply.rcode, &reply.header[4..8], reply.extended_error), (0, &[0, 1, 0, 2][..], None));
    assert_eq!(reply.header[..2], www.header[..2]);
    // Name, type and class, and an OPT record with the option.
    assert_eq!(www.size, 12 + 13 + 4 + 11 + 4);
    assert!(none.handshake_rtt_us.is_some() && www.handshake_rtt_us.is_none());
    assert_eq!((none.carrier, none.edns, none.qtype), (Carrier::Tcp, None, 28));
    assert_eq!((none.reply.unwrap().rcode, none.size), (3, 12 + 14 + 4));
}

#[test]
fn sockets_are_named_and_permitted_as_knot_expects() {
    let scene = scene(11);
    for name in ["probe01.sock", "probe11.sock"] {
        let mode = fs::metadata(scene.place.path(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o222, "{name}");
    }
    assert!(!scene.place.path("probe12.sock").exists());
    let narrow = Place::new();
    let settings = Settings { mode: Some(0o220), ..Settings::new(narrow.0.clone(), 1) };
    let _probe = Source::open(&settings).unwrap();
    assert_eq!(fs::metadata(narrow.path("probe01.sock")).unwrap().permissions().mode() & 0o777, 0o220);
    let again = Source::open(&Settings::new(scene.place.0.clone(), 11));
    assert!(matches!(again, Err(LiveError::SocketInUse(_))));
    let path = scene.place.0.clone();
    let none = Source::open(&Settings::new(path.clone(), 0));
    assert!(matches!(none, Err(LiveError::KnotSockets(0))));
}

#[test]
fn datagrams_of_any_size_come_as_far_as_they_are_read() {
    let scene = scene(3);
    let sender = UnixDatagram::unbound().unwrap();
    let mut expected = Vec::new();
    for (number, size) in [0, 1, 86, 344, 512, 513, 60_000].into_iter().enumerate() {
        let path = scene.place.path(&format!("probe{:02}.sock", number % 3 + 1));
        sender.send_to(&vec![number as u8; size], path).unwrap();
        expected.push(vec![number as u8; size.min(512)]);
    }
    scene.counts(Count::Taken, 7);
    let place = scene.place.0.clone();
    let mut received: Vec<_> = scene.end().into_iter().map(|one| one.bytes).collect();
    received.sort();
    expected.sort();
    assert_eq!(received, expected);
    assert!(!place.join("probe01.sock").exists(), "they are removed at the end");
}

#[test]
fn what_was_sent_before_the_end_is_received() {
    let scene = scene(1);
    let sender = UnixDatagram::unbound().unwrap();
    sender.set_nonblocking(true).unwrap();
    let path = scene.place.path("probe01.sock");
    let sent = (0..5).filter(|_| sender.send_to(b"datagram", &path).is_ok()).count();
    assert_eq!(scene.end().len(), sent);
}
