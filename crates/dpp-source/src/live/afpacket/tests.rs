//! Rings on real interfaces: pairs of virtual ones in network namespaces, with the test at the other end.

use super::*;
use crate::live::testing::*;
use crate::live::{Count, LiveError};
use rustix::thread::{CapabilitySet, CapabilitySets, capabilities};
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::SystemTime;

fn started(settings: Settings) -> Tap {
    tap_with_queue(settings, 64 << 20)
}

fn tap_with_queue(settings: Settings, bytes_max: usize) -> Tap {
    let source = AfPacket::open(settings).unwrap_or_else(|error| panic!("{error}"));
    Tap::start(bytes_max, |queue, input, counts| source.start(queue, input, counts))
}

fn on(interface: &str) -> Settings {
    Settings { interface: interface.to_string(), ..Settings::default() }
}

#[test]
fn each_packet_comes_once_in_order_as_it_was_sent() {
    let _namespace = Namespace::new();
    let mut tap = started(on("two"));
    let sender = Sender::new("one");
    let before = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos() as i64;
    let sent: Vec<_> =
        (0..3000).map(|number| frame([&[], VLAN, TWO_VLANS][number as usize % 3], 53, number)).collect();
    for (number, packet) in sent.iter().enumerate() {
        sender.send(&frame(&[], 54, number as u32));
        sender.send(packet);
        sender.send(&frame(VLAN, 5300, number as u32));
    }
    tap.take(sent.len());
    tap.end();
    let after = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos() as i64;
    assert!(tap.bytes() == sent, "what was sent is what came");
    let times: Vec<i64> = tap.taken.iter().map(|(time_ns, ..)| *time_ns).collect();
    assert!(times.is_sorted() && before <= times[0] && times[sent.len() - 1] <= after);
    assert!(times.iter().any(|time_ns| time_ns % 1000 != 0), "times have nanoseconds");
    assert!(tap.taken.iter().all(|(_, linktype, _)| *linktype == 1));
    let bytes = sent.iter().map(|packet| packet.len() as u64).sum();
    assert_eq!((tap.count(Count::Taken), tap.count(Count::TakenBytes)), (sent.len() as u64, bytes));
    assert_eq!(tap.count(Count::DroppedByKernel) + tap.count(Count::DroppedQueueFull), 0);
}

#[test]
fn several_rings_divide_the_packets_among_them() {
    let _namespace = Namespace::new();
    let mut tap = started(Settings { threads: 3, ..on("two") });
    let sender = Sender::new("one");
    let sent: Vec<_> = (0..3000).map(|number| frame(&[], 53, number)).collect();
    sent.iter().for_each(|packet| sender.send(packet));
    tap.take(sent.len());
    tap.end();
    let mut taken = tap.bytes();
    taken.sort();
    let mut sent = sent;
    sent.sort();
    assert!(taken == sent, "each packet comes once");
}

#[test]
fn what_the_machine_sends_is_seen_too() {
    let _namespace = Namespace::new();
    let mut tap = started(on("one"));
    let sent: Vec<_> = (0..100).map(|number| frame(VLAN, 53, number)).collect();
    sent.iter().for_each(|packet| Sender::new("one").send(packet));
    tap.take(sent.len());
    tap.end();
    assert!(tap.bytes() == sent);
}

#[test]
fn on_the_loopback_interface_each_packet_is_seen_once() {
    let _namespace = Namespace::new();
    let mut tap = started(on("lo"));
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    for number in 0..100u32 {
        socket.send_to(&number.to_be_bytes(), "127.0.0.1:53").unwrap();
    }
    tap.take(100);
    tap.end();
    let numbers: Vec<_> = tap.bytes().iter().map(|bytes| bytes[42..46].to_vec()).collect();
    assert!(numbers == (0..100u32).map(|number| number.to_be_bytes()).collect::<Vec<_>>());
}

#[test]
fn an_interface_without_link_layer_gives_bare_ip() {
    const TUN: &str = "
import fcntl, os, struct, sys
tun = os.open('/dev/net/tun', os.O_RDWR)
fcntl.ioctl(tun, 0x400454ca, struct.pack('16sH22x', b'tun0', 0x1001))
print('made', flush=True)
for line in sys.stdin: os.write(tun, bytes.fromhex(line))";
    let _namespace = Namespace::new();
    let mut python = Command::new("python3")
        .args(["-c", TUN])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3");
    BufReader::new(python.stdout.take().unwrap()).read_line(&mut String::new()).unwrap();
    ip(&["link", "set", "tun0", "addrgenmode", "none", "up"]);
    let mut tap = started(on("tun0"));
    let sent: Vec<_> =
        (0..20).map(|number| datagram(if number % 2 == 0 { 53 } else { 54 }, number)).collect();
    let mut input = python.stdin.take().unwrap();
    for packet in &sent {
        let hex: String = packet.iter().map(|byte| format!("{byte:02x}")).collect();
        writeln!(input, "{hex}").unwrap();
    }
    tap.take(sent.len() / 2);
    tap.end();
    drop(input);
    python.wait().unwrap();
    assert!(tap.taken.iter().all(|(_, linktype, _)| *linktype == 101));
    assert!(tap.bytes().into_iter().eq(sent.iter().step_by(2)), "only what is on the port, as it is");
}

#[test]
fn packets_are_cut_at_the_snaplen() {
    let _namespace = Namespace::new();
    let mut tap = started(Settings { snaplen: 50, ..on("two") });
    Sender::new("one").send(&frame(&[], 53, 1));
    tap.take(1);
    assert_eq!(tap.bytes(), [&frame(&[], 53, 1)[..50]]);
}

#[test]
fn where_the_engine_is_behind_the_kernel_drops_and_counts() {
    let _namespace = Namespace::new();
    for threads in [1, 2] {
        let settings = Settings { threads, ring_bytes: 0, block_bytes: 0, snaplen: 100, ..on("two") };
        let mut tap = tap_with_queue(settings, 1000);
        let sender = Sender::new("one");
        let mut sent = 0;
        while tap.count(Count::DroppedByKernel) == 0 {
            assert!(sent < 50_000_000, "nothing is dropped, though nobody takes anything");
            (0..1000).for_each(|number| sender.send(&frame(&[], 53, number)));
            sent += 1000;
        }
        let took = tap.end();
        let counted = [Count::Taken, Count::DroppedByKernel, Count::DroppedQueueFull];
        assert_eq!(counted.iter().map(|count| tap.count(*count)).sum::<u64>(), sent, "all are accounted for");
        assert_eq!(tap.count(Count::Taken), tap.taken.len() as u64);
        assert!(took < Duration::from_secs(2), "a queue that nobody empties holds up the end: {took:?}");
    }
}

#[test]
fn an_interface_that_is_deleted_is_found_again() {
    let _namespace = Namespace::new();
    for (threads, rounds) in [(1, 2), (2, 1)] {
        let mut tap = started(Settings { threads, ..on("two") });
        tap.send_until_taken(&frame(&[], 53, 1));
        for round in 1..=rounds {
            ip(&["link", "del", "one"]);
            until("that it is gone is noticed", || tap.count(Count::Reopened) == round);
            until("it is away", || tap.is_away());
            join_one_and_two(&[]);
            tap.send_until_taken(&frame(&[], 53, 1));
            assert!(!tap.is_away());
        }
        tap.end();
        assert_eq!(tap.count(Count::Reopened), rounds);
    }
}

#[test]
fn an_interface_that_is_off_is_waited_for() {
    let _namespace = Namespace::new();
    ip(&["link", "set", "two", "down"]);
    let mut tap = started(on("two"));
    for round in 1..=2 {
        until("it is away", || tap.is_away());
        ip(&["link", "set", "two", "up"]);
        tap.send_until_taken(&frame(&[], 53, 1));
        until("it is there", || !tap.is_away());
        assert_eq!(tap.count(Count::Reopened), round - 1, "that it was off before is no news");
        ip(&["link", "set", "two", "down"]);
        until("that it is off is noticed", || tap.count(Count::Reopened) == round);
    }
    tap.end();
}

#[test]
fn the_end_comes_soon_and_with_the_last_packets() {
    let _namespace = Namespace::new();
    let mut tap = started(Settings { block_timeout: Duration::from_secs(9), ..on("two") });
    let sent: Vec<_> = (0..100).map(|number| frame(&[], 53, number)).collect();
    sent.iter().for_each(|packet| Sender::new("one").send(packet));
    let took = tap.end();
    assert!(tap.bytes() == sent, "{} of {}", tap.taken.len(), sent.len());
    assert!(took < Duration::from_secs(1), "{took:?}");
}

fn refused(settings: Settings) -> String {
    AfPacket::open(settings).expect_err("a reason to refuse").to_string()
}

#[test]
fn an_interface_that_is_not_there_is_named_with_those_that_are() {
    let _namespace = Namespace::new();
    for name in ["eth7", "", "a-name-of-more-than-fifteen"] {
        let told = refused(on(name));
        assert!(told.starts_with(&format!("there is no interface '{name}'; there are: lo")), "{told}");
        assert!(told.contains("one") && told.contains("two"), "{told}");
    }
}

#[test]
fn an_interface_without_hardware_timestamps_says_so() {
    let _namespace = Namespace::new();
    let told = refused(Settings { timestamps: Timestamps::Hardware, ..on("two") });
    assert!(told.starts_with("'two' gives packets no hardware timestamps"), "{told}");
}

#[test]
fn a_ring_that_is_too_large_says_so() {
    let _namespace = Namespace::new();
    let told = refused(Settings { ring_bytes: 1 << 50, ..on("two") });
    assert!(told.starts_with("no memory for a ring of 1125899906842624 bytes on 'two'"), "{told}");
}

#[test]
fn missing_privileges_are_named() {
    let _namespace = Namespace::new();
    let all = capabilities(None).unwrap();
    let less = all.effective - CapabilitySet::NET_RAW;
    rustix::thread::set_capabilities(None, CapabilitySets { effective: less, ..all }).unwrap();
    let error = AfPacket::open(on("two"));
    rustix::thread::set_capabilities(None, all).unwrap();
    let error = error.expect_err("no socket without the capability");
    assert!(matches!(&error, LiveError::NotPermitted { capability: "CAP_NET_RAW", .. }), "{error}");
    assert!(error.to_string().contains("AmbientCapabilities=CAP_NET_RAW"), "{error}");
}

#[test]
fn a_ring_of_its_own_comes_back_without_privileges() {
    let _namespace = Namespace::new();
    let all = capabilities(None).unwrap();
    let source = AfPacket::open(on("two")).unwrap();
    // The reader's thread has what this one has when it starts.
    let none = CapabilitySet::empty();
    rustix::thread::set_capabilities(None, CapabilitySets { effective: none, ..all }).unwrap();
    let mut tap = Tap::start(1 << 20, |queue, input, counts| source.start(queue, input, counts));
    rustix::thread::set_capabilities(None, all).unwrap();
    ip(&["link", "del", "one"]);
    until("that it is gone is noticed", || tap.count(Count::Reopened) == 1);
    join_one_and_two(&[]);
    tap.send_until_taken(&frame(&[], 53, 1));
    tap.end();
}
