//! Ports of DPDK: virtual ones, which read files or are at one end of a pair of interfaces. No huge pages are needed.
//!
//! DPDK can be started once in a process, so each test is a process of its own ([`alone`]). Those with interfaces take
//! root, and have a network namespace of their own.

mod place;

use dpp_source::live::dpdk::{Dpdk, DpdkError, Poll, Settings};
use dpp_source::live::{Count, LiveError};
use place::{Namespace, Scene, alone, file, frame, on, tagged, until, write_pcap};
use std::time::{Duration, Instant};

/// A capture that comes with the project.
const DEMO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../demo/dns.pcap");

#[test]
fn each_packet_of_a_file_comes_as_it_is_at_its_time() {
    alone("each_packet_of_a_file_comes_as_it_is_at_its_time", || {
        let expected = place::read_pcap(DEMO);
        let scene = Scene::new(on(&format!("net_pcap0,rx_pcap={DEMO}")));
        scene.counts(Count::Taken, expected.len() as u64);
        assert!(scene.end() == expected);
    });
}

#[test]
fn long_packets_come_whole_and_other_traffic_not_at_all() {
    alone("long_packets_come_whole_and_other_traffic_not_at_all", || {
        let lengths = [60, 2000, 2048, 2049, 4096, 9000, 60_000];
        let mut packets: Vec<_> =
            (0u32..).zip(lengths).map(|(number, bytes)| frame(53, number, bytes)).collect();
        let wanted = packets.clone();
        packets.insert(2, frame(443, 1, 60));
        packets.push(frame(54, 2, 1500));
        let file = file("long");
        write_pcap(&file.0, &packets);
        let scene = Scene::new(on(&format!("net_pcap0,rx_pcap={file}")));
        scene.counts(Count::Taken, wanted.len() as u64);
        scene.counts(Count::OtherTraffic, 2);
        let came: Vec<_> = scene.end().into_iter().map(|packet| packet.bytes).collect();
        assert!(came == wanted, "{:?}", came.iter().map(Vec::len).collect::<Vec<_>>());
    });
}

#[test]
fn all_queues_of_a_device_that_divides_by_itself_are_emptied() {
    alone("all_queues_of_a_device_that_divides_by_itself_are_emptied", || {
        let files = [file("one"), file("two")];
        let numbers = [0..500, 500..1200];
        for (file, numbers) in files.iter().zip(&numbers) {
            write_pcap(&file.0, &numbers.clone().map(|number| frame(53, number, 80)).collect::<Vec<_>>());
        }
        let device = format!("net_pcap0,rx_pcap={},rx_pcap={}", files[0], files[1]);
        let scene = Scene::new(on(&device));
        scene.counts(Count::Taken, 1200);
        let mut came: Vec<_> = scene.end().into_iter().map(|packet| packet.bytes).collect();
        came.sort();
        assert!(came == (0..1200).map(|number| frame(53, number, 80)).collect::<Vec<_>>());
    });
}

#[test]
fn a_device_that_divides_as_it_is_told_has_the_queues_that_are_asked_for() {
    alone("a_device_that_divides_as_it_is_told_has_the_queues_that_are_asked_for", || {
        // It has packets of nothing but zeros without end, on each queue.
        let scene = Scene::new(Settings { queues: Some(3), ..on("net_null0,size=60") });
        until("they come", || scene.count(Count::Taken) + scene.count(Count::OtherTraffic) > 10_000);
        assert_eq!(scene.threads(), 3);
    });
}

#[test]
fn what_is_sent_to_an_interface_comes() {
    alone("what_is_sent_to_an_interface_comes", || {
        let namespace = Namespace::new();
        let scene = Scene::new(on("net_af_packet0,iface=two"));
        let mut sent: Vec<_> =
            (0..1000).map(|number| frame(53, number, 60 + number as usize % 1400)).collect();
        sent.iter_mut().step_by(2).for_each(|frame| *frame = tagged(frame, &[0x81, 0, 0x20, 5]));
        let other = frame(54, 0, 100);
        namespace.send(sent.iter().flat_map(|frame| [frame, &other]));
        scene.counts(Count::Taken, 1000);
        scene.counts(Count::OtherTraffic, 1000);
        assert_eq!(scene.count(Count::DroppedByDevice), 0);
        let came: Vec<_> = scene.end().into_iter().map(|packet| packet.bytes).collect();
        assert!(came == sent, "what was sent is what came, tags where they were");
    });
}

#[test]
fn queues_of_an_interface_divide_what_comes() {
    alone("queues_of_an_interface_divide_what_comes", || {
        let namespace = Namespace::new();
        let scene = Scene::new(on("net_af_packet0,iface=two,qpairs=2"));
        let sent: Vec<_> = (0..1000).map(|number| frame(53, number, 80)).collect();
        namespace.send(sent.iter());
        scene.counts(Count::Taken, 1000);
        let mut came: Vec<_> = scene.end().into_iter().map(|packet| packet.bytes).collect();
        came.sort();
        assert!(came == sent);
    });
}

#[test]
fn what_an_interface_has_no_room_for_is_counted() {
    alone("what_an_interface_has_no_room_for_is_counted", || {
        let namespace = Namespace::new();
        let source = Dpdk::open(on("net_pcap0,rx_iface=two")).unwrap();
        // libpcap has room for 2 MiB.
        namespace.send(std::iter::repeat_n(&frame(53, 1, 1500), 4000));
        let scene = Scene::start(source, 64 << 20);
        until("all are known of", || scene.count(Count::Taken) + scene.count(Count::DroppedByDevice) == 4000);
        assert!(scene.count(Count::DroppedByDevice) > 1000);
        scene.end();
    });
}

#[test]
fn a_source_without_end_ends_soon() {
    alone("a_source_without_end_ends_soon", || {
        for poll in [Poll::Idle, Poll::Busy] {
            let device = format!("net_pcap0,rx_pcap={DEMO},infinite_rx=1");
            let scene = Scene::new(Settings { poll, ..on(&device) });
            until("much has come", || scene.count(Count::Taken) > 100_000);
            let began = Instant::now();
            scene.end();
            assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
        }
    });
}

#[test]
fn where_the_engine_takes_nothing_the_source_ends_all_the_same() {
    alone("where_the_engine_takes_nothing_the_source_ends_all_the_same", || {
        let source = Dpdk::open(on(&format!("net_pcap0,rx_pcap={DEMO},infinite_rx=1"))).unwrap();
        let scene = Scene::without_engine(source, 1 << 20);
        until("the queue is full", || scene.queue_bytes() > 900 << 10);
        let began = Instant::now();
        let counts = scene.counted();
        scene.end();
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
        assert!(counts.get(Count::DroppedQueueFull) > 0);
    });
}

#[test]
fn sources_share_what_was_started_and_ports_can_be_opened_again() {
    alone("sources_share_what_was_started_and_ports_can_be_opened_again", || {
        let file = file("short");
        write_pcap(&file.0, &[frame(53, 1, 60)]);
        let device = |number: u32| format!("net_pcap{number},rx_pcap={file}");
        for _ in 0..3 {
            let scenes = [0, 1].map(|number| Scene::new(on(&device(number))));
            let error = Dpdk::open(on(&device(0))).unwrap_err().to_string();
            assert!(error.contains("another source has it") && error.contains("leave out"), "{error}");
            for scene in scenes {
                scene.counts(Count::Taken, 1);
                assert_eq!(scene.end().len(), 1);
            }
        }
        let scene = Scene::new(Settings { eal: Vec::new(), ..on(&device(0)) });
        scene.counts(Count::Taken, 1);
        let other = Settings { eal: vec!["--no-pci".to_string()], ..on(&device(1)) };
        let error = Dpdk::open(other).unwrap_err().to_string();
        assert!(error.contains("the same arguments, not --no-pci"), "{error}");
    });
}

#[test]
fn threads_may_use_the_same_processors_as_before() {
    alone("threads_may_use_the_same_processors_as_before", || {
        let allowed = || rustix::thread::sched_getaffinity(None).unwrap();
        let before = allowed();
        let _source = Dpdk::open(on(&format!("net_pcap0,rx_pcap={DEMO}"))).unwrap();
        assert!(allowed() == before);
    });
}

#[test]
fn a_device_that_is_not_there_is_named() {
    alone("a_device_that_is_not_there_is_named", || {
        let _scene = Scene::new(on(&format!("net_pcap7,rx_pcap={DEMO}")));
        for device in ["net_nothing0", "0000:99:00.0", "net_af_packet0,iface=nothing", "31", "", "net_pcap0"]
        {
            let error = Dpdk::open(on(device)).unwrap_err();
            assert!(matches!(error, LiveError::Dpdk(DpdkError::NoPort { .. })), "{error}");
            let error = error.to_string();
            let start = format!("DPDK has no port '{device}' (there are: net_pcap7) and cannot make one: ");
            assert!(error.starts_with(&start) && error.contains("virtual device"), "{error}");
        }
    });
}

#[test]
fn more_queues_than_a_device_has_are_too_many() {
    alone("more_queues_than_a_device_has_are_too_many", || {
        let device = format!("net_pcap0,rx_pcap={DEMO}");
        let error = Dpdk::open(Settings { queues: Some(2), ..on(&device) }).unwrap_err().to_string();
        assert!(error.contains("has 1 receive queues, not 2"), "{error}");
    });
}

#[test]
fn memory_that_is_not_there_is_told() {
    alone("memory_that_is_not_there_is_told", || {
        let eal = ["--no-huge", "-m", "8", "--no-pci"].map(str::to_string).to_vec();
        let error = Dpdk::open(Settings { eal, ..on(&format!("net_pcap0,rx_pcap={DEMO}")) }).unwrap_err();
        let error = error.to_string();
        assert!(error.contains("memory for packets") && error.contains("-m MEGABYTES"), "{error}");
    });
}

#[test]
fn dpdk_without_huge_pages_says_what_to_do() {
    alone("dpdk_without_huge_pages_says_what_to_do", || {
        let eal = ["--huge-dir", "/nowhere", "--no-pci"].map(str::to_string).to_vec();
        for _ in 0..2 {
            let error = Dpdk::open(Settings { eal: eal.clone(), ..on("net_null0") }).unwrap_err();
            assert!(matches!(error, LiveError::Dpdk(DpdkError::Start { .. })), "{error}");
            assert!(error.to_string().contains("eal=--no-huge -m 512"), "{error}");
        }
    });
}

#[test]
fn an_argument_that_is_none_is_told() {
    alone("an_argument_that_is_none_is_told", || {
        let eal = vec!["--nonsense".to_string()];
        let error = Dpdk::open(Settings { eal, ..on("net_null0") }).unwrap_err().to_string();
        assert!(error.starts_with("DPDK does not start") && error.contains("(eal=...)"), "{error}");
    });
}
