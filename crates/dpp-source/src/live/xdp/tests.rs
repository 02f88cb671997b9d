//! Captures on real interfaces: pairs of virtual ones in network namespaces, with the test at the other end.

use super::sys::{FrameSize, Packets, Way};
use super::*;
use crate::live::testing::*;
use dpp::limits;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities};
use std::io::{BufRead, BufReader};
use std::net::UdpSocket;
use std::process::{Child, Command, Stdio};
use std::time::SystemTime;

fn link(name: &str) -> links::Link {
    links::links().unwrap().into_iter().find(|link| link.name == name).expect("the interface")
}

fn open(settings: Settings) -> Xdp {
    Xdp::open(settings).unwrap_or_else(|error| panic!("{error}"))
}

fn started(settings: Settings) -> Tap {
    tap_of(open(settings), 64 << 20)
}

fn tap_of(source: Xdp, bytes_max: usize) -> Tap {
    Tap::start(bytes_max, |queue, input, counts| source.start(queue, input, counts))
}

fn on(interface: &str) -> Settings {
    Settings { interface: interface.to_string(), ring_bytes: 4 << 20, ..Settings::default() }
}

#[test]
fn each_packet_comes_once_in_order_as_it_was_sent() {
    let _namespace = Namespace::new();
    let source = open(on("two"));
    assert_eq!(
        source.facts().to_string(),
        "'two': 1 queue, 0 of them without copying, the program in the driver"
    );
    let mut tap = tap_of(source, 64 << 20);
    let sender = Sender::new("one");
    let before = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos() as i64;
    let sent: Vec<_> =
        (0..3000).map(|number| frame([&[], VLAN, TWO_VLANS][number as usize % 3], 53, number)).collect();
    for (number, packet) in sent.iter().enumerate() {
        sender.send(&frame(&[], 54, number as u32));
        sender.send(packet);
        sender.send(&frame(VLAN, 5300, number as u32));
        if number % 500 == 0 {
            tap.take(number);
        }
    }
    tap.take(sent.len());
    tap.end();
    let after = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos() as i64;
    assert!(tap.bytes() == sent, "what was sent is what came");
    let mut times: Vec<i64> = tap.taken.iter().map(|(time_ns, ..)| *time_ns).collect();
    // Both clocks are read some hundred ns apart.
    let slack = 1_000_000;
    assert!(before - slack <= times[0] && times[sent.len() - 1] <= after + slack);
    times.sort();
    times.dedup();
    assert!(times.len() > sent.len() * 9 / 10, "each has a time of its own: {}", times.len());
    assert!(tap.taken.iter().all(|(_, linktype, _)| *linktype == 1));
    let bytes = sent.iter().map(|packet| packet.len() as u64).sum();
    assert_eq!((tap.count(Count::Taken), tap.count(Count::TakenBytes)), (sent.len() as u64, bytes));
    assert_eq!(tap.count(Count::DroppedByKernel) + tap.count(Count::DroppedQueueFull), 0);
}

#[test]
fn each_queue_has_a_socket() {
    let _namespace = Namespace::with(&["numrxqueues", "3", "numtxqueues", "3"]);
    let source = open(on("two"));
    assert_eq!(source.facts().queues, 3);
    let mut tap = tap_of(source, 64 << 20);
    let sender = Sender::new("one");
    let mut sent: Vec<_> = (0..900).map(|number| frame(&[], 53, number)).collect();
    sent.iter().for_each(|packet| sender.send(packet));
    tap.take(sent.len());
    tap.end();
    let mut taken = tap.bytes();
    taken.sort();
    sent.sort();
    assert!(taken == sent, "each packet comes once");
}

/// The far end is in a namespace of its own, or the kernel would send from one end to the other without an interface.
struct Echo {
    here: Namespace,
    _there: Namespace,
    near: UdpSocket,
}

impl Echo {
    fn new() -> Echo {
        let there = Namespace::empty();
        let here = Namespace::new();
        ip(&["link", "set", "one", "netns", &there.name]);
        for (name, address, end) in [(&there.name, "10.9.0.1/24", "one"), (&here.name, "10.9.0.2/24", "two")]
        {
            ip(&["-n", name, "address", "add", address, "dev", end]);
            ip(&["-n", name, "link", "set", end, "up"]);
        }
        there.enter();
        let near = UdpSocket::bind("10.9.0.1:0").unwrap();
        here.enter();
        near.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        Echo { here, _there: there, near }
    }

    /// A server on a port of this end, which gives back all it gets until it gets nothing.
    fn serve(&self, port: u16) {
        let server = UdpSocket::bind(("10.9.0.2", port)).unwrap();
        thread::spawn(move || {
            let mut room = [0; 100];
            while let Ok((length, from)) = server.recv_from(&mut room) {
                if length == 0 {
                    break;
                }
                server.send_to(&room[..length], from).unwrap();
            }
        });
    }

    /// Whether it answers.
    fn answers(&self, port: u16) -> bool {
        self.near.send_to(b"are you there", ("10.9.0.2", port)).unwrap();
        let mut room = [0; 100];
        self.near.recv_from(&mut room).is_ok_and(|(length, _)| &room[..length] == b"are you there")
    }
}

#[test]
fn what_is_no_dns_still_reaches_the_kernel_and_dns_does_again_after_the_end() {
    let echo = Echo::new();
    echo.serve(53);
    echo.serve(7000);
    assert!(echo.answers(53) && echo.answers(7000));
    let told = refused(on("two"));
    assert!(told.contains("'two' has the address 10.9.0.2") && told.contains("steal=yes"), "{told}");
    let mut tap = started(Settings { steal: true, ..on("two") });
    for _ in 0..20 {
        assert!(echo.answers(7000));
    }
    assert!(!echo.answers(53), "it is ours");
    tap.take(1);
    assert!(tap.end() < Duration::from_millis(400));
    assert_eq!(link("two").program, None);
    assert!(echo.answers(7000) && echo.answers(53));
    assert_eq!(tap.count(Count::Taken), 1);
    let _ = &echo.here;
}

#[test]
fn a_process_that_is_killed_leaves_nothing_behind() {
    const CHILD: &str = "DPP_TEST_XDP_CHILD";
    let name = "live::xdp::tests::a_process_that_is_killed_leaves_nothing_behind";
    if std::env::var_os(CHILD).is_some() {
        // We are the process that will be killed, in the namespace of the test.
        let _tap = started(Settings { steal: true, ..on("two") });
        println!("\nattached");
        loop {
            thread::park();
        }
    }
    let echo = Echo::new();
    echo.serve(53);
    assert!(echo.answers(53));
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", name, "--nocapture"]).env(CHILD, "1").stdout(Stdio::piped());
    let mut child = Killed(command.spawn().unwrap());
    let mut lines = BufReader::new(child.0.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line == "attached"), "the child says that it is there");
    assert!(link("two").program.is_some());
    assert!(!echo.answers(53), "the child has it");
    drop(child);
    // Descriptors are closed before a process can be waited for; the kernel may take a moment more for the rest.
    until("the program is taken off", || link("two").program.is_none());
    assert!(echo.answers(53));
}

/// A process that gets SIGKILL.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

fn refused(settings: Settings) -> String {
    Xdp::open(settings).expect_err("a reason to refuse").to_string()
}

#[test]
fn a_second_program_is_refused_and_the_first_is_named() {
    let _namespace = Namespace::new();
    let mut tap = started(on("two"));
    let number = link("two").program.expect("ours");
    let told = refused(on("two"));
    assert!(told.contains(&format!("has an XDP program already, 'dpp_xdp' (number {number})")), "{told}");
    tap.send_until_taken(&frame(&[], 53, 1));
    tap.end();
    // Behind the driver, too.
    let kernel = Kernel::prepare(&on("one")).unwrap();
    let behind = kernel.attach(link("two").index, false).unwrap();
    assert!(refused(on("two")).contains("'dpp_xdp' (number"));
    drop(behind);
    started(on("two")).end();
}

#[test]
fn a_queue_whose_packets_somebody_else_has_is_refused() {
    let _namespace = Namespace::new();
    let other = Packets::new(64, FrameSize::Half).unwrap();
    other.bind(link("two").index, 0, Way::Copy).unwrap();
    let told = refused(on("two"));
    assert!(told.contains("another program has a socket at its queue 0"), "{told}");
    drop(other);
    started(on("two")).end();
}

#[test]
fn where_the_engine_is_behind_the_kernel_drops_and_counts() {
    let _namespace = Namespace::new();
    let mut tap = tap_of(open(Settings { ring_bytes: 0, ..on("two") }), 1000);
    let sender = Sender::new("one");
    let sent = 20_000;
    (0..sent).for_each(|number| sender.send(&frame(&[], 53, number)));
    until("what is dropped is told", || tap.count(Count::DroppedByKernel) > 0);
    let took = tap.end();
    let counted =
        [Count::Taken, Count::DroppedByKernel, Count::DroppedQueueFull].map(|count| tap.count(count));
    assert_eq!(counted.iter().sum::<u64>(), u64::from(sent), "all are accounted for: {counted:?}");
    assert_eq!(counted[0], tap.taken.len() as u64);
    assert!(took < Duration::from_secs(1), "a queue that nobody empties holds up the end: {took:?}");
}

#[test]
fn an_interface_that_is_deleted_is_found_again() {
    let _namespace = Namespace::new();
    let mut tap = started(on("two"));
    for round in 1..=2u32 {
        tap.send_until_taken(&frame(&[], 53, round));
        ip(&["link", "del", "one"]);
        // The second time it has more queues.
        join_one_and_two([&[][..], &["numrxqueues", "2", "numtxqueues", "2"]][round as usize - 1]);
        tap.send_until_taken(&frame(&[], 53, 100 + round));
        assert_eq!(tap.count(Count::Reopened), u64::from(round));
    }
    tap.end();
}

#[test]
fn an_interface_that_has_gone_holds_up_nothing() {
    let _namespace = Namespace::new();
    let mut tap = started(on("two"));
    ip(&["link", "del", "one"]);
    thread::sleep(TICK * 4);
    assert!(tap.end() < Duration::from_millis(400));
    assert_eq!(tap.count(Count::Reopened), 0);
}

#[test]
fn an_interface_that_is_off_for_a_while_goes_on() {
    let _namespace = Namespace::new();
    let mut tap = started(on("two"));
    for round in 0..3 {
        tap.send_until_taken(&frame(&[], 53, round));
        ip(&["link", "set", "two", "down"]);
        ip(&["link", "set", "two", "up"]);
    }
    tap.send_until_taken(&frame(&[], 53, 9));
    tap.end();
}

#[test]
fn an_interface_that_is_off_at_first_is_captured_once_it_is_on() {
    let _namespace = Namespace::new();
    ip(&["link", "set", "two", "down"]);
    let mut tap = started(on("two"));
    ip(&["link", "set", "two", "up"]);
    tap.send_until_taken(&frame(&[], 53, 9));
    tap.end();
}

#[test]
fn the_end_comes_soon_and_with_the_last_packets() {
    let _namespace = Namespace::new();
    let mut tap = started(on("two"));
    let sender = Sender::new("one");
    let sent: Vec<_> = (0..500).map(|number| frame(&[], 53, number)).collect();
    sent.iter().for_each(|packet| sender.send(packet));
    let took = tap.end();
    assert!(tap.bytes() == sent, "{} of {}", tap.taken.len(), sent.len());
    assert!(took < Duration::from_millis(400), "{took:?}");
}

#[test]
fn where_the_driver_refuses_the_program_is_behind_it_and_frames_that_are_too_long_are_counted() {
    let _namespace = Namespace::with(&["mtu", "9000"]);
    let source = open(on("two"));
    let facts = source.facts().to_string();
    assert!(facts.contains("the program behind the driver, where it costs more, as that said: "), "{facts}");
    let mut tap = tap_of(source, 64 << 20);
    let sent: Vec<_> = [60, 1500, 3000, 3840, 3841, 8000]
        .map(|length| {
            let mut packet = frame(VLAN, 53, length);
            packet.resize(length as usize, 1);
            packet
        })
        .into();
    let sender = Sender::new("one");
    sent.iter().for_each(|packet| sender.send(packet));
    tap.take(4);
    tap.end();
    assert!(tap.bytes() == sent[..4]);
    assert_eq!((tap.taken.len(), tap.count(Count::DroppedByKernel)), (4, 2));
}

#[test]
fn frames_come_whole_that_are_as_long_as_the_interface_has_them() {
    for mtu in [1500, 1770, 1771, 3000] {
        let _namespace = Namespace::with(&["mtu", &mtu.to_string()]);
        let source = open(on("two"));
        assert_eq!(source.facts().behind_driver, None);
        let mut tap = tap_of(source, 64 << 20);
        let sent: Vec<_> = (0..50)
            .map(|number| {
                let mut packet = frame(VLAN, 53, number);
                packet.resize(mtu + VLAN.len() + 14, number as u8);
                packet
            })
            .collect();
        let sender = Sender::new("one");
        sent.iter().for_each(|packet| sender.send(packet));
        tap.take(sent.len());
        tap.end();
        assert!(tap.bytes() == sent, "{mtu}");
    }
}

#[test]
fn interfaces_that_the_host_uses_are_refused() {
    let _namespace = Namespace::new();
    ip(&["link", "add", "bridge", "type", "bridge"]);
    ip(&["link", "set", "two", "master", "bridge"]);
    ip(&["link", "add", "mac", "link", "one", "type", "macvlan"]);
    for (name, used) in
        [("two", "'two' is part of 'bridge'"), ("one", "'one' carries 'mac'"), ("lo", "127.0.0.1")]
    {
        let told = refused(on(name));
        assert!(told.contains(used) && told.contains("taken away from this machine"), "{told}");
    }
    ip(&["link", "set", "two", "nomaster"]);
    ip(&["address", "add", "2001:db8::7/64", "dev", "two"]);
    assert!(refused(on("two")).contains("'two' has the address 2001:db8::7"));
    ip(&["address", "del", "2001:db8::7/64", "dev", "two"]);
    // Each interface has one of these by itself.
    ip(&["address", "add", "fe80::7/64", "dev", "two"]);
    started(on("two")).end();
}

#[test]
fn what_cannot_be_had_is_named() {
    let _namespace = Namespace::new();
    let told = refused(on("eth7"));
    assert_eq!(told, "there is no interface 'eth7'; there are: lo, two, one");
    let told = refused(Settings { copying: Copying::ZeroCopy, ..on("two") });
    assert!(
        told.starts_with("cannot capture on 'two' by XDP without copying: ") && told.contains("copy=auto"),
        "{told}"
    );
    let ports =
        Ports::new((0..=limits::XDP_PORT_RANGES_MAX as u16).map(|number| number * 2..=number * 2).collect());
    let told = refused(Settings { ports, ..on("two") });
    assert!(told.contains("on 65 ranges of ports; at most 64"), "{told}");
    assert_eq!(link("two").program, None, "nothing is left of what was refused");
}

#[test]
fn as_many_ports_as_there_may_be_are_no_burden_to_the_verifier() {
    let _namespace = Namespace::new();
    let ports = Ports::new(
        (0..limits::XDP_PORT_RANGES_MAX as u16).map(|number| number * 4..=number * 4 + 1).collect(),
    );
    // The kernel looks most closely at the programs of those who may least.
    let allowed = Allowed::only(enough());
    let source = Xdp::open(Settings { ports, fragments: true, ..on("two") });
    drop(allowed);
    let mut tap = tap_of(source.unwrap_or_else(|error| panic!("{error}")), 1 << 20);
    tap.send_until_taken(&frame(VLAN, 201, 9));
    tap.end();
}

/// What the test's thread may do, until it may do all again.
struct Allowed(CapabilitySets);

impl Allowed {
    fn only(allowed: CapabilitySet) -> Allowed {
        let all = capabilities(None).unwrap();
        set_capabilities(None, CapabilitySets { effective: allowed, ..all }).unwrap();
        Allowed(all)
    }
}

impl Drop for Allowed {
    fn drop(&mut self) {
        set_capabilities(None, self.0).unwrap();
    }
}

const THREE: [CapabilitySet; 3] = [CapabilitySet::BPF, CapabilitySet::NET_ADMIN, CapabilitySet::NET_RAW];

/// What is needed, and the right to lock more memory than another test allows for a moment.
fn enough() -> CapabilitySet {
    THREE.into_iter().fold(CapabilitySet::IPC_LOCK, |all, one| all | one)
}

#[test]
fn three_privileges_are_enough_and_each_is_missed() {
    let _namespace = Namespace::new();
    let allowed = Allowed::only(enough());
    drop(Xdp::open(on("two")).unwrap_or_else(|error| panic!("{error}")));
    drop(allowed);
    for missing in THREE {
        let allowed = Allowed::only(enough() - missing);
        let told = refused(on("two"));
        drop(allowed);
        assert!(told.contains("setcap cap_bpf,cap_net_admin,cap_net_raw+ep"), "{told}");
    }
}

#[test]
fn memory_that_cannot_be_locked_is_named() {
    let _namespace = Namespace::new();
    // Who has CAP_IPC_LOCK is not bounded, so other tests are not disturbed.
    let less = Rlimit { current: Some(1 << 20), ..getrlimit(Resource::Memlock) };
    let before = getrlimit(Resource::Memlock);
    setrlimit(Resource::Memlock, less).unwrap();
    let allowed = Allowed::only(CapabilitySet::BPF | CapabilitySet::NET_ADMIN | CapabilitySet::NET_RAW);
    let told = refused(on("two"));
    drop(allowed);
    setrlimit(Resource::Memlock, before).unwrap();
    assert!(told.contains("4194304 bytes of memory for each of 1 queues cannot be locked"), "{told}");
    assert!(told.contains("LimitMEMLOCK=infinity"), "{told}");
}

#[test]
fn after_privileges_are_dropped_one_is_enough_to_find_an_interface_again() {
    let _namespace = Namespace::new();
    let source = Xdp::open(on("two")).unwrap();
    // Threads have what this one has when they start.
    // IPC_LOCK, as another test changes the bound of locked memory.
    let allowed = Allowed::only(CapabilitySet::NET_RAW | CapabilitySet::IPC_LOCK);
    let mut tap = tap_of(source, 1 << 20);
    drop(allowed);
    ip(&["link", "del", "one"]);
    join_one_and_two(&[]);
    tap.send_until_taken(&frame(&[], 53, 1));
    tap.end();
    assert_eq!(tap.count(Count::Reopened), 1);
}

#[test]
fn fragments_without_ports_are_left_to_the_kernel_unless_asked_for() {
    for fragments in [false, true] {
        let _namespace = Namespace::new();
        let mut tap = started(Settings { fragments, ..on("two") });
        let mut later = frame(&[], 53, 1);
        later[21] = 9;
        let sender = Sender::new("one");
        sender.send(&later);
        sender.send(&frame(&[], 53, 2));
        tap.take(1 + usize::from(fragments));
        tap.end();
        let expected = if fragments { vec![later, frame(&[], 53, 2)] } else { vec![frame(&[], 53, 2)] };
        assert!(tap.bytes() == expected);
    }
}
