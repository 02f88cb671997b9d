//! Generated captures, read back by a plain reader of their own and held against the profile they came from.
//!
//! The surprising fact: the reader below shares nothing with the writer, not even a constant. A packet that
//! has a wrong length, checksum or compression pointer stops it.

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsString;
use std::{fs, io};

use super::*;

/// Everything that can happen, often.
const EVERYTHING: &str = "
    loss_share = 0.1
    retry_share = 0.1
    retry_delay_ms = 3
    duplicate_share = 0.05
    reorder_share = 0.1
    ipv6_share = 0.5
    edns_share = 0.5
    case_mix_share = 0.5
    tcp_share = 0.1
    fragment_share = 0.1
";

/// Everything that can happen to fragments and streams, often.
const EVERYTHING_ELSE: &str = "
    ipv6_share = 0.3
    tcp_share = 0.5
    mtu = 576
    response_bytes_min = 800
    fragment_loss_share = 0.2
    fragment_duplicate_share = 0.2
    fragment_reorder_share = 0.2
    tcp_queries_per_connection = 5
    mss = 300
    tcp_ack_delay_ms = 40
    tcp_pipeline_share = 0.5
    tcp_join_share = 0.5
    tcp_split_share = 0.2
    tcp_gap_share = 0.05
    tcp_loss_share = 0.05
    tcp_retransmit_share = 0.05
    tcp_reorder_share = 0.05
    tcp_reset_share = 0.2
    tcp_midstream_share = 0.2
    tcp_wrap_share = 0.2
    axfr_share = 0.1
    axfr_messages = 5
";

fn generate(profile: &str, amount: Amount, seed: u64) -> (Vec<u8>, Summary) {
    let mut capture = Vec::new();
    let profile = Profile::parse(profile).unwrap();
    let summary = write_capture(&profile, amount, seed, &mut capture, Listing::nowhere()).unwrap();
    (capture, summary)
}

fn packets(profile: &str, transactions: u64) -> Vec<Packet> {
    read(&generate(profile, Amount::Transactions(transactions), 1).0)
}

/// FNV-1a, 64 bits.
fn hash(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn check_share(what: &str, part: usize, all: usize, expected: f64) {
    let share = part as f64 / all as f64;
    // Five standard deviations of so many independent draws.
    let allowed = 5.0 * (expected * (1.0 - expected) / all as f64).sqrt();
    assert!((share - expected).abs() <= allowed, "{what}: {part} of {all} is {share}, not {expected}");
}

#[test]
fn captures_are_the_same_bytes_for_ever() {
    let amount = Amount::Transactions(1000);
    assert_eq!(format!("{:016x}", hash(&generate("", amount, 1).0)), "83e3c4b043bb2d4e");
    assert_eq!(format!("{:016x}", hash(&generate(EVERYTHING, amount, 1).0)), "6295de3f5b1716cc");
    assert_eq!(format!("{:016x}", hash(&generate(EVERYTHING_ELSE, amount, 1).0)), "985b2989ec835e7d");
}

#[test]
fn another_seed_gives_other_traffic() {
    let amount = Amount::Transactions(100);
    assert_ne!(generate("", amount, 1).0, generate("", amount, 2).0);
}

#[test]
fn a_longer_capture_begins_with_the_same_packets() {
    let shorter = packets("", 1000);
    let longer = packets("", 2000);
    assert_eq!(shorter[..1000], longer[..1000]);
}

#[test]
fn every_packet_and_every_message_is_well_formed() {
    let (capture, summary) = generate(EVERYTHING, Amount::Transactions(5000), 1);
    let packets = read(&capture);
    let messages = packets.iter().filter_map(Packet::message).count() as u64;
    assert_eq!(packets.len() as u64, summary.packets);
    assert!(messages > summary.queries);
}

#[test]
fn the_summary_adds_up() {
    let (capture, summary) = generate(EVERYTHING, Amount::Transactions(5000), 1);
    let Summary { queries, retries, responses, duplicates, extra_fragments, bare_segments, .. } = summary;
    assert_eq!(summary.bytes, capture.len() as u64);
    assert_eq!(summary.packets, queries + retries + responses + duplicates + extra_fragments + bare_segments);
    assert_eq!(summary.transactions, 5000);
    assert_eq!(queries, 5000);
    assert_eq!(responses, 5000 - summary.unanswered);
    for count in [retries, duplicates, extra_fragments, bare_segments, summary.reordered] {
        assert!(count > 0, "{summary:?}");
    }
}

#[test]
fn the_summary_adds_up_with_fragments_and_streams() {
    let (capture, summary) = generate(EVERYTHING_ELSE, Amount::Transactions(5000), 1);
    let Summary { queries, retries, responses, duplicates, extra_fragments, bare_segments, .. } = summary;
    let messages = queries + retries + responses - summary.joined_messages;
    assert_eq!(summary.bytes, capture.len() as u64);
    assert_eq!(summary.packets, messages + duplicates + extra_fragments + bare_segments);
    assert_eq!(read_frames(&capture).len() as u64, summary.packets);
    assert_eq!(summary.transactions, 5000);
    assert!(summary.joined_messages > 0 && summary.uncaptured > 0, "{summary:?}");
}

#[test]
fn the_shipped_profile_looks_like_a_busy_resolver() {
    let (capture, summary) = generate("", Amount::Transactions(200_000), 1);
    let packets = read(&capture);
    let bytes = capture.len() as f64 / packets.len() as f64;
    assert!((104.0..108.0).contains(&bytes), "{bytes} bytes of capture for a packet");
    assert!((399_500..400_500).contains(&packets.len()));
    check_share("unanswered", summary.unanswered as usize, 200_000, 0.001);
    check_share("retries", summary.retries as usize, 200_000, 0.0015);
    let seconds = (packets[packets.len() - 1].stamp_us - packets[0].stamp_us) as f64 / 1e6;
    assert!((7.5..9.5).contains(&seconds), "{seconds} seconds for 200,000 queries");
    let mut rtts = round_trips_us(&packets);
    rtts.sort_unstable();
    let median = rtts[rtts.len() / 2];
    assert!((900..1100).contains(&median), "median {median} microseconds");
    assert!(rtts[rtts.len() * 99 / 100] > 20_000, "no long tail");
    assert!(rtts.iter().filter(|&&rtt| rtt > 1_200_000).count() < 10, "too many beyond the matching window");
}

#[test]
fn packets_are_recorded_in_order_of_time() {
    assert!(packets("duplicate_share = 0.1", 5000).is_sorted_by_key(|packet| packet.stamp_us));
    let capture = generate(EVERYTHING_ELSE, Amount::Transactions(5000), 1).0;
    assert!(read_frames(&capture).is_sorted_by_key(|&(stamp_us, _)| stamp_us));
}

#[test]
fn a_reordered_packet_is_late_by_no_more_than_the_profile_says() {
    let packets = packets("reorder_share = 0.2\nreorder_max_ms = 2", 5000);
    let mut latest = 0;
    let mut late = 0;
    for packet in &packets {
        latest = latest.max(packet.stamp_us);
        late += usize::from(packet.stamp_us < latest);
        assert!(latest - packet.stamp_us <= 2001);
    }
    assert!((1000..=2100).contains(&late), "{late} of {}", packets.len());
}

#[test]
fn traffic_has_the_shares_of_its_profile() {
    let text = "ipv6_share = 0.3\nedns_share = 0.4\nloss_share = 0.25\nretry_share = 0
        query_types = { A = 3, MX = 1 }\nrcodes = { NOERROR = 1, SERVFAIL = 4 }";
    let packets = packets(text, 20_000);
    let messages: Vec<Message> = packets.iter().filter_map(Packet::message).collect();
    let (queries, responses): (Vec<&Message>, Vec<&Message>) =
        messages.iter().partition(|message| !message.response);
    let count = |matches: fn(&&&Message) -> bool| queries.iter().filter(matches).count();
    check_share("EDNS", count(|query| query.edns), queries.len(), 0.4);
    check_share("MX", count(|query| query.query_type == 15), queries.len(), 0.25);
    check_share("answered", responses.len(), queries.len(), 0.75);
    let failed = responses.iter().filter(|response| response.rcode == 2).count();
    check_share("SERVFAIL", failed, responses.len(), 0.8);
    let asking = packets.iter().filter(|packet| packet.destination_port == 53);
    check_share("IPv6", asking.filter(|packet| packet.ipv6()).count(), queries.len(), 0.3);
}

#[test]
fn without_responses_every_packet_is_a_query_of_its_own() {
    let packets = packets("loss_share = 1\nretry_share = 0", 2000);
    assert_eq!(packets.len(), 2000);
    assert!(packets.iter().all(|packet| packet.destination_port == 53));
}

#[test]
fn one_client_and_one_resolver_are_two_addresses() {
    let packets = packets("clients = 1\nresolvers = 1", 2000);
    let addresses: HashSet<&[u8]> =
        packets.iter().flat_map(|packet| [&packet.source[..], &packet.destination[..]]).collect();
    assert_eq!(addresses.len(), 2);
}

#[test]
fn duplicates_have_the_bytes_of_their_original() {
    let packets = packets("duplicate_share = 1\nretry_share = 0\nloss_share = 1", 500);
    let mut times: BTreeMap<&[u8], usize> = BTreeMap::new();
    packets.iter().for_each(|packet| *times.entry(&packet.frame).or_default() += 1);
    assert_eq!((packets.len(), times.len()), (1000, 500));
    assert!(times.values().all(|&times| times == 2));
}

#[test]
fn a_retry_asks_the_same_again_and_is_what_gets_answered() {
    let packets = packets("retry_share = 1\nretry_delay_ms = 400\nloss_share = 0\nclients = 1", 1);
    let messages: Vec<Message> = packets.iter().filter_map(Packet::message).collect();
    assert_eq!(messages.len(), 3);
    assert_eq!(packets[0].payload, packets[1].payload);
    assert_eq!(packets[1].stamp_us - packets[0].stamp_us, 400_000);
    assert!(!messages[1].response && messages[2].response);
}

#[test]
fn mixed_case_is_echoed_in_the_response() {
    let packets = packets("case_mix_share = 1\nloss_share = 0\nretry_share = 0", 500);
    let messages: Vec<Message> = packets.iter().filter_map(Packet::message).collect();
    let spelled: HashSet<(u16, &[u8])> =
        messages.iter().filter(|message| !message.response).map(|query| (query.id, query.name)).collect();
    assert!(messages.iter().all(|message| spelled.contains(&(message.id, message.name))));
    let mixed = spelled.iter().filter(|(_, name)| name.iter().any(u8::is_ascii_uppercase)).count();
    assert!(mixed > 490, "{mixed}");
}

#[test]
fn a_tcp_transaction_is_a_whole_connection() {
    let packets = packets("tcp_share = 1\nloss_share = 0", 1);
    let flags: Vec<u8> = packets.iter().map(|packet| packet.tcp_flags).collect();
    assert_eq!(flags, [0x02, 0x12, 0x10, 0x18, 0x18, 0x11, 0x11, 0x10]);
    let mut next: BTreeMap<u16, u32> = BTreeMap::new();
    for packet in &packets {
        let expected = *next.get(&packet.source_port).unwrap_or(&packet.sequence);
        assert_eq!(packet.sequence, expected);
        if packet.tcp_flags & 0x10 != 0 {
            assert_eq!(packet.acknowledged, next[&packet.destination_port]);
        }
        let sent = packet.payload.len() as u32 + u32::from(packet.tcp_flags & 0x03 != 0);
        next.insert(packet.source_port, expected.wrapping_add(sent));
    }
    assert!(!packets[3].message().unwrap().response);
    assert!(packets[4].message().unwrap().response);
}

#[test]
fn fragments_join_to_a_datagram_with_a_valid_checksum() {
    for ipv6_share in [0, 1] {
        let text = format!("fragment_share = 1\nloss_share = 0\nretry_share = 0\nipv6_share = {ipv6_share}");
        let packets = packets(&text, 50);
        assert!(packets.iter().all(|packet| packet.frame.len() <= 1514));
        let mut datagrams: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
        let mut fragments = 0;
        for packet in &packets {
            if let Some(Fragment { identification, offset, more }) = packet.fragment {
                let key = [&packet.destination[..], &identification.to_be_bytes()].concat();
                let datagram = datagrams.entry(key).or_default();
                assert_eq!(datagram.len(), offset, "fragments come in order");
                assert!(!more || packet.payload.len() % 8 == 0);
                datagram.extend_from_slice(&packet.payload);
                fragments += 1;
                if !more {
                    assert_eq!(transport_checksum(&packet.source, &packet.destination, 17, datagram), 0xffff);
                    assert_eq!(u16_at(datagram, 4) as usize, datagram.len());
                    assert!(read_message(&datagram[8..]).response);
                }
            }
        }
        assert_eq!(datagrams.len(), 50);
        assert!(fragments >= 100);
    }
}

#[test]
fn an_encapsulation_changes_nothing_inside() {
    let plain = generate(MIXED, Amount::Transactions(50), 1).0;
    let wrapped = format!("{MIXED}\nencapsulation = [\"vlan:7\", \"mpls\", \"gre\", \"vxlan:8\"]");
    let wrapped = generate(&wrapped, Amount::Transactions(50), 1).0;
    let (plain, wrapped) = (read_frames(&plain), read_frames(&wrapped));
    assert_eq!(plain.len(), wrapped.len());
    // The tag, the label, IP and GRE, Ethernet, IP, UDP and VXLAN.
    let added = 4 + 4 + (20 + 4) + 20 + 8 + 8 + 14;
    for ((stamp_us, plain), (wrapped_us, wrapped)) in plain.iter().zip(&wrapped) {
        assert_eq!((stamp_us, plain.len() + added), (wrapped_us, wrapped.len()));
        assert!(wrapped.ends_with(&plain[14..]));
        assert_eq!(wrapped[..12], plain[..12]);
    }
}

/// Both families and both transports.
const MIXED: &str = "ipv6_share = 0.5\ntcp_share = 0.3";

#[test]
fn a_tag_can_be_on_one_direction_only() {
    let text = "encapsulation = [\"vlan:7\"]\nvlan_on = \"responses\"";
    let capture = generate(text, Amount::Transactions(50), 1).0;
    for (_, frame) in read_frames(&capture) {
        let from_resolver = frame[11] == 0x53;
        assert_eq!(u16_at(frame, 12) == 0x8100, from_resolver);
    }
}

#[test]
fn large_responses_come_in_fragments_of_the_mtu() {
    let text =
        "mtu = 576\nresponse_bytes_min = 1500\nloss_share = 0\nretry_share = 0\nrcodes = { NOERROR = 1 }";
    let packets = packets(text, 50);
    assert!(packets.iter().all(|packet| packet.frame.len() <= 590));
    assert!(packets.len() >= 50 * 4, "{}", packets.len());
    assert_eq!(packets.iter().filter(|packet| packet.fragment.is_none()).count(), 50);
}

/// The table of messages of a capture, without its header.
fn messages_of(profile: &str, transactions: u64) -> Vec<Vec<String>> {
    let (mut capture, mut table) = (Vec::new(), Vec::new());
    let profile = Profile::parse(profile).unwrap();
    let listing = Listing::on(&mut table).unwrap();
    write_capture(&profile, Amount::Transactions(transactions), 1, &mut capture, listing).unwrap();
    let table = String::from_utf8(table).unwrap();
    table.lines().skip(1).map(|line| line.split('\t').map(str::to_string).collect()).collect()
}

#[test]
fn the_table_of_messages_has_every_packet_of_plain_traffic() {
    let packets = packets("", 500);
    let table = messages_of("", 500);
    assert_eq!(table.len(), packets.len());
    for (index, (line, packet)) in table.iter().zip(&packets).enumerate() {
        let message = packet.message().unwrap();
        assert_eq!(line[0], (index + 1).to_string());
        assert_eq!(line[1], (packet.stamp_us * 1000).to_string());
        assert_eq!(line[4], packet.source_port.to_string());
        assert_eq!(line[7], message.id.to_string());
        assert_eq!(line[8] == "1", message.response);
        assert_eq!(line[11], message.query_type.to_string());
    }
}

/// Checks how many queries and responses of so many transactions are in the table of messages.
fn check_messages(profile: &str, all: bool) {
    let text = format!("loss_share = 0\nretry_share = 0\n{profile}");
    let table = messages_of(&text, 1000);
    let complete = table.len();
    assert_eq!(complete == 2000, all, "{profile}: {complete} messages of 1000 transactions");
    assert!((1000..=2000).contains(&complete), "{profile}: {complete}");
}

#[test]
fn a_message_is_in_the_table_unless_some_of_it_was_never_captured() {
    let tcp = "tcp_share = 1\ntcp_queries_per_connection = 5\ntcp_pipeline_share = 0.5";
    check_messages("", true);
    check_messages("mtu = 576\nresponse_bytes_min = 700\nfragment_reorder_share = 1", true);
    check_messages("mtu = 576\nresponse_bytes_min = 700\nfragment_duplicate_share = 1", true);
    check_messages("mtu = 576\nresponse_bytes_min = 700\nfragment_loss_share = 0.3", false);
    check_messages(&format!("{tcp}\nmss = 50\ntcp_split_share = 0.3"), true);
    check_messages(&format!("{tcp}\ntcp_loss_share = 0.3\ntcp_reorder_share = 0.3"), true);
    check_messages(&format!("{tcp}\ntcp_retransmit_share = 0.3\nmss = 50"), true);
    check_messages(&format!("{tcp}\ntcp_midstream_share = 1\ntcp_reset_share = 1"), true);
    check_messages(&format!("{tcp}\ntcp_gap_share = 0.1"), false);
}

/// The bytes of each direction by their sequence numbers, which must agree where they overlap.
fn streams(packets: &[Packet]) -> Vec<Vec<u8>> {
    let mut streams: BTreeMap<_, (u32, Vec<Option<u8>>)> = BTreeMap::new();
    for packet in packets {
        let key = (&packet.source[..], packet.source_port, &packet.destination[..], packet.destination_port);
        let first = packet.sequence.wrapping_add(1);
        let (start, stream) = streams.entry(key).or_insert((first, Vec::new()));
        let offset = packet.sequence.wrapping_sub(*start) as usize;
        if packet.payload.is_empty() {
            continue;
        }
        stream.resize(stream.len().max(offset + packet.payload.len()), None);
        for (place, &byte) in stream[offset..].iter_mut().zip(&packet.payload) {
            assert!(place.is_none_or(|before| before == byte), "overlapping segments differ");
            *place = Some(byte);
        }
    }
    let whole = |(_, stream): (u32, Vec<Option<u8>>)| stream.into_iter().map(|byte| byte.unwrap()).collect();
    streams.into_values().map(whole).collect()
}

#[test]
fn segments_join_to_streams_of_messages() {
    let text = "tcp_share = 1\nloss_share = 0\ntcp_queries_per_connection = 5\ntcp_pipeline_share = 0.5
        tcp_join_share = 0.5\ntcp_split_share = 0.2\nmss = 70\ntcp_ack_delay_ms = 40\ntcp_loss_share = 0.05
        tcp_retransmit_share = 0.1\ntcp_reorder_share = 0.1\ntcp_wrap_share = 0.5";
    let packets = packets(text, 1000);
    assert!(packets.iter().all(|packet| packet.payload.len() <= 70));
    let mut messages = 0;
    for stream in streams(&packets) {
        let mut rest = &stream[..];
        while !rest.is_empty() {
            let (message, after) = rest[2..].split_at(u16_at(rest, 0).into());
            read_message(message);
            messages += 1;
            rest = after;
        }
    }
    assert_eq!(messages, 2000);
}

#[test]
fn a_share_of_transactions_is_over_tcp_however_many_share_a_connection() {
    let table = messages_of("tcp_share = 0.4\ntcp_queries_per_connection = 10\nloss_share = 0", 40_000);
    let share = table.iter().filter(|line| line[6] == "tcp").count() as f64 / table.len() as f64;
    assert!((0.37..0.43).contains(&share), "{share}");
}

#[test]
fn a_connection_without_beginning_has_no_handshake() {
    let packets = packets("tcp_share = 1\ntcp_midstream_share = 1", 100);
    assert!(packets.iter().all(|packet| packet.tcp_flags & 0x02 == 0));
}

#[test]
fn a_zone_transfer_is_one_query_and_many_messages() {
    let table = messages_of("tcp_share = 1\nloss_share = 0\naxfr_share = 1\naxfr_messages = 20", 50);
    let (queries, responses): (Vec<_>, Vec<_>) = table.iter().partition(|line| line[8] == "0");
    assert_eq!((queries.len(), responses.len()), (50, 1000));
    assert!(queries.iter().all(|query| query[11] == "252"));
    let without_question = responses.iter().filter(|response| response[10].is_empty()).count();
    assert!(without_question > 0 && without_question % 19 == 0, "{without_question}");
}

#[test]
fn the_profiles_on_the_page_are_profiles() {
    let page = include_str!("../../../../docs/generate.md");
    let mut profiles = 0;
    for block in page.split("```toml\n").skip(1) {
        let text = block.split("```").next().unwrap();
        Profile::parse(text).unwrap_or_else(|error| panic!("{text}: {error:#}"));
        profiles += 1;
    }
    assert!(profiles >= 5);
}

#[test]
fn a_duration_bounds_the_queries() {
    let amount = Amount::Duration { seconds: 2.0, qps: 5000.0 };
    let (capture, summary) = generate("retry_share = 0\nloss_share = 1", amount, 1);
    let packets = read(&capture);
    assert!((9_500..10_500).contains(&summary.queries), "{}", summary.queries);
    assert!(packets[packets.len() - 1].stamp_us < 1_767_225_602_000_000);
    assert!(packets[packets.len() - 1].stamp_us > 1_767_225_601_990_000);
}

#[test]
fn nothing_is_an_empty_capture() {
    let (capture, summary) = generate("", Amount::Transactions(0), 1);
    assert_eq!((capture.len(), summary.packets, summary.bytes), (24, 0, 24));
}

fn request(output: PathBuf) -> Request {
    let amount = Amount::Transactions(10);
    Request {
        output,
        messages: None,
        amount,
        clients: None,
        resolvers: None,
        seed: 1,
        profile: None,
        qps: None,
    }
}

fn names_in(directory: &Path) -> Vec<OsString> {
    fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name()).collect()
}

#[test]
fn a_complete_capture_has_its_name_and_leaves_no_part() {
    let directory = tempfile::tempdir().unwrap();
    let output = directory.path().join("traffic.pcap");
    let summary = run(&request(output.clone())).unwrap();
    assert_eq!(fs::metadata(&output).unwrap().len(), summary.bytes);
    assert_eq!(names_in(directory.path()), ["traffic.pcap"]);
}

#[test]
fn the_table_of_messages_has_its_name_when_the_capture_has() {
    let directory = tempfile::tempdir().unwrap();
    let (output, messages) = (directory.path().join("traffic.pcap"), directory.path().join("messages.tsv"));
    run(&Request { messages: Some(messages.clone()), ..request(output) }).unwrap();
    assert!(fs::read_to_string(&messages).unwrap().starts_with("frame\ttime_ns\t"));
    assert_eq!(names_in(directory.path()).len(), 2);
    fs::remove_file(&messages).unwrap();
    let nowhere = directory.path().join("no/such/folder.pcap");
    run(&Request { messages: Some(messages.clone()), ..request(nowhere) }).unwrap_err();
    assert!(!messages.exists());
}

#[test]
fn a_failed_write_leaves_what_was_there() {
    let directory = tempfile::tempdir().unwrap();
    let output = directory.path().join("traffic.pcap");
    fs::write(&output, "precious").unwrap();
    let fail = |out: &mut dyn Write| {
        out.write_all(b"half")?;
        Err(io::Error::other("the disk is full"))
    };
    let error = format!("{:#}", write_output(&output, fail).unwrap_err());
    assert!(error.contains("traffic.pcap") && error.contains("the disk is full"), "{error}");
    assert_eq!(fs::read(&output).unwrap(), b"precious");
    assert_eq!(names_in(directory.path()), ["traffic.pcap"]);
}

#[cfg(unix)]
#[test]
fn a_link_is_followed_and_a_device_is_written_in_place() {
    let directory = tempfile::tempdir().unwrap();
    let (output, link) = (directory.path().join("traffic.pcap"), directory.path().join("link"));
    fs::write(&output, "old").unwrap();
    std::os::unix::fs::symlink(&output, &link).unwrap();
    let summary = run(&request(link.clone())).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::metadata(&output).unwrap().len(), summary.bytes);
    run(&request("/dev/null".into())).unwrap();
    assert!(!Path::new("/dev/null.part").exists() && !Path::new("/dev/null").is_file());
}

fn check_refusal(request: &Request, expected: &[&str]) {
    let error = format!("{:#}", run(request).unwrap_err());
    for part in expected {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn refusals_name_the_thing_before_anything_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let output = directory.path().join("traffic.pcap");
    let profile = directory.path().join("profile.toml");
    let plain = request(output.clone());
    check_refusal(&request(directory.path().into()), &["is a directory"]);
    check_refusal(
        &Request { messages: Some(output.clone()), ..plain.clone() },
        &["--messages", "capture itself"],
    );
    check_refusal(
        &Request { messages: Some(directory.path().into()), ..plain.clone() },
        &["--messages", "is a directory"],
    );
    check_refusal(&Request { clients: Some(0), ..plain.clone() }, &["clients = 0", "1 to 4000000"]);
    check_refusal(&Request { qps: Some(-1.0), ..plain.clone() }, &["qps = -1"]);
    check_refusal(
        &Request { qps: Some(0.001), amount: Amount::Transactions(1 << 40), ..plain.clone() },
        &["--transactions", "--qps"],
    );
    let amount = Amount::Duration { seconds: f64::NAN, qps: 1.0 };
    check_refusal(&Request { amount, ..plain.clone() }, &["--duration-seconds"]);
    let with_profile = Request { profile: Some(profile.clone()), ..plain };
    check_refusal(&with_profile, &["--profile", "profile.toml", "cannot read"]);
    fs::write(&profile, "tcp_share = 2").unwrap();
    check_refusal(&with_profile, &["--profile", "profile.toml", "tcp_share = 2: allowed is 0 to 1"]);
    assert!(!output.exists());
}

// The reader.

#[derive(Debug, Clone, PartialEq, Eq)]
struct Packet {
    stamp_us: u64,
    frame: Vec<u8>,
    source: Vec<u8>,
    destination: Vec<u8>,
    fragment: Option<Fragment>,
    source_port: u16,
    destination_port: u16,
    tcp_flags: u8,
    sequence: u32,
    acknowledged: u32,
    /// What the transport carries; of a fragment, what IP carries.
    payload: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Fragment {
    identification: u32,
    offset: usize,
    more: bool,
}

#[derive(Debug, PartialEq, Eq)]
struct Message<'a> {
    id: u16,
    response: bool,
    rcode: u8,
    name: &'a [u8],
    query_type: u16,
    edns: bool,
}

impl Packet {
    fn ipv6(&self) -> bool {
        self.source.len() == 16
    }

    /// The DNS message in this packet, if it is a whole one.
    fn message(&self) -> Option<Message<'_>> {
        let tcp = self.tcp_flags != 0;
        if self.fragment.is_some() || self.payload.is_empty() {
            return None;
        }
        if tcp {
            assert_eq!(u16_at(&self.payload, 0) as usize, self.payload.len() - 2);
        }
        Some(read_message(&self.payload[if tcp { 2 } else { 0 }..]))
    }
}

/// The time from each query to its response, in capture order of the responses.
fn round_trips_us(packets: &[Packet]) -> Vec<u64> {
    let mut asked = BTreeMap::new();
    let mut round_trips = Vec::new();
    for packet in packets {
        let message = packet.message().unwrap();
        if message.response {
            let key = (packet.destination.clone(), packet.destination_port, message.id);
            round_trips.extend(asked.remove(&key).map(|asked_us| packet.stamp_us - asked_us));
        } else {
            asked.insert((packet.source.clone(), packet.source_port, message.id), packet.stamp_us);
        }
    }
    round_trips
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn read(capture: &[u8]) -> Vec<Packet> {
    read_frames(capture).into_iter().map(|(stamp_us, frame)| read_frame(stamp_us, frame)).collect()
}

/// Timestamps and frames.
fn read_frames(capture: &[u8]) -> Vec<(u64, &[u8])> {
    let little = |at: usize| u32::from_le_bytes(capture[at..at + 4].try_into().unwrap());
    assert_eq!([little(0), little(4), little(16), little(20)], [0xa1b2_c3d4, 0x0004_0002, 262_144, 1]);
    let mut packets = Vec::new();
    let mut at = 24;
    while at < capture.len() {
        assert!(little(at + 4) < 1_000_000);
        assert_eq!(little(at + 8), little(at + 12));
        let end = at + 16 + little(at + 8) as usize;
        let stamp_us = u64::from(little(at)) * 1_000_000 + u64::from(little(at + 4));
        packets.push((stamp_us, &capture[at + 16..end]));
        at = end;
    }
    packets
}

fn read_frame(stamp_us: u64, frame: &[u8]) -> Packet {
    let ip = &frame[14..];
    match u16_at(frame, 12) {
        0x0800 => {
            assert_eq!(ip[0], 0x45);
            assert_eq!(u16_at(ip, 2) as usize, ip.len());
            assert_eq!(ones_complement_sum(&ip[..20]), 0xffff);
            let place = u16_at(ip, 6);
            let fragment = (place & 0x3fff != 0).then(|| Fragment {
                identification: u16_at(ip, 4).into(),
                offset: usize::from(place & 0x1fff) * 8,
                more: place & 0x2000 != 0,
            });
            read_transport(stamp_us, frame, [&ip[12..16], &ip[16..20]], fragment, ip[9], &ip[20..])
        }
        0x86dd => {
            assert_eq!(ip[0], 0x60);
            assert_eq!(u16_at(ip, 4) as usize, ip.len() - 40);
            let addresses = [&ip[8..24], &ip[24..40]];
            if ip[6] != 44 {
                return read_transport(stamp_us, frame, addresses, None, ip[6], &ip[40..]);
            }
            let place = u16_at(ip, 42);
            let fragment = Fragment {
                identification: u32_at(ip, 44),
                offset: usize::from(place & !7),
                more: place & 1 != 0,
            };
            read_transport(stamp_us, frame, addresses, Some(fragment), ip[40], &ip[48..])
        }
        other => panic!("ethertype {other:04x}"),
    }
}

fn read_transport(
    stamp_us: u64,
    frame: &[u8],
    [source, destination]: [&[u8]; 2],
    fragment: Option<Fragment>,
    protocol: u8,
    carried: &[u8],
) -> Packet {
    let mut packet = Packet {
        stamp_us,
        frame: frame.to_vec(),
        source: source.to_vec(),
        destination: destination.to_vec(),
        fragment,
        source_port: 0,
        destination_port: 0,
        tcp_flags: 0,
        sequence: 0,
        acknowledged: 0,
        payload: carried.to_vec(),
    };
    if fragment.is_some() {
        assert_eq!(protocol, 17);
        return packet;
    }
    assert_eq!(transport_checksum(source, destination, protocol, carried), 0xffff);
    (packet.source_port, packet.destination_port) = (u16_at(carried, 0), u16_at(carried, 2));
    if protocol == 17 {
        assert_eq!(u16_at(carried, 4) as usize, carried.len());
        assert_ne!(u16_at(carried, 6), 0);
        packet.payload = carried[8..].to_vec();
    } else {
        assert_eq!((protocol, carried[12]), (6, 0x50));
        (packet.sequence, packet.acknowledged) = (u32_at(carried, 4), u32_at(carried, 8));
        packet.tcp_flags = carried[13];
        packet.payload = carried[20..].to_vec();
    }
    packet
}

/// All ones when the checksum in `carried` is right.
fn transport_checksum(source: &[u8], destination: &[u8], protocol: u8, carried: &[u8]) -> u16 {
    let length = (carried.len() as u32).to_be_bytes();
    ones_complement_sum(&[source, destination, &length, &[0, protocol], carried].concat())
}

/// RFC 1071, word by word.
fn ones_complement_sum(bytes: &[u8]) -> u16 {
    bytes.chunks(2).fold(0u16, |sum, pair| {
        let word = u16::from_be_bytes([pair[0], *pair.get(1).unwrap_or(&0)]);
        let (sum, carry) = sum.overflowing_add(word);
        sum + u16::from(carry)
    })
}

/// Reads a message to its last byte.
fn read_message(message: &[u8]) -> Message<'_> {
    assert_eq!((u16_at(message, 4), u16_at(message, 8)), (1, 0), "one question, no authority");
    let name_end = name_end(message, 12);
    let mut at = name_end + 4;
    for _ in 0..u16_at(message, 6) {
        let (next, _) = read_record(message, at);
        at = next;
    }
    let edns = u16_at(message, 10) == 1;
    if edns {
        let (next, record_type) = read_record(message, at);
        assert_eq!(record_type, 41);
        at = next;
    }
    assert_eq!(at, message.len());
    Message {
        id: u16_at(message, 0),
        response: message[2] & 0x80 != 0,
        rcode: message[3] & 0x0f,
        name: &message[12..name_end],
        query_type: u16_at(message, name_end),
        edns,
    }
}

/// Where the record at `at` ends, and its type; names in its data are walked as well.
fn read_record(message: &[u8], at: usize) -> (usize, u16) {
    let at = name_end(message, at);
    let record_type = u16_at(message, at);
    let (data, end) = (at + 10, at + 10 + usize::from(u16_at(message, at + 8)));
    match record_type {
        1 => assert_eq!(end - data, 4),
        28 => assert_eq!(end - data, 16),
        2 | 5 | 12 => assert_eq!(name_end(message, data), end),
        15 => assert_eq!(name_end(message, data + 2), end),
        33 => assert_eq!(name_end(message, data + 6), end),
        6 => assert_eq!(name_end(message, name_end(message, data)) + 20, end),
        16 => assert_eq!(data + 1 + usize::from(message[data]), end),
        43 => assert_eq!(end - data, 36),
        41 | 65 => {}
        other => panic!("type {other}"),
    }
    (end, record_type)
}

/// Where the name at `at` ends; what it points to is walked too, and lies before it.
fn name_end(message: &[u8], mut at: usize) -> usize {
    loop {
        match message[at] {
            0 => return at + 1,
            length if length >= 0xc0 => {
                let target = usize::from(u16_at(message, at) & 0x3fff);
                assert!(target < at);
                name_end(message, target);
                return at + 2;
            }
            length => {
                assert!(length < 64);
                at += 1 + usize::from(length);
            }
        }
    }
}
