//! Generated captures of every link type, encapsulation, fragment and TCP habit, read by tshark and by the engine: both must
//! find the messages that `dpp generate --messages` lists, in the frames that complete them, and nothing malformed.
//!
//! Behind a hole in a stream the engine waits for the missing segment before it reads on, and it hands out the beginning of a
//! message that the hole cut; tshark does neither.
//!
//! `make peers` installs tshark.

use dpp::capture::single;
use dpp::pipeline::{self, Machine};
use dpp::plan::Plan;
use dpp::stats::Totals;
use dpp::transaction::Transport;
use dpp_source::Source;
use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::Command;

/// A message as both sides tell it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
struct Message {
    frame: u64,
    source: String,
    destination: String,
    source_port: String,
    destination_port: String,
    transport: String,
    id: u16,
    response: bool,
    rcode: String,
    /// Empty where there is no question.
    name: String,
    query_type: String,
}

/// How tshark reads TCP: it takes segments out of order together, or goes on behind holes; it cannot do both.
#[derive(Debug, Clone, Copy)]
enum Tcp {
    OutOfOrder,
    WithHoles,
}

/// Generates the capture of a profile and holds all readings of it against what it is made of. Gives how many
/// messages it has.
fn check(name: &str, tcp: Tcp, transactions: u32, profile: &str) -> usize {
    let folder = tempfile::tempdir().expect("a place for temporary files");
    let path = |name: &str| folder.path().join(name);
    let (capture, listing, profile_path) = (path("in.pcap"), path("messages.tsv"), path("profile.toml"));
    fs::write(&profile_path, profile).expect("a profile");
    let output = Command::new(env!("CARGO_BIN_EXE_dpp"))
        .arg("generate")
        .arg(&capture)
        .args(["--transactions", &transactions.to_string(), "--seed", "5"])
        .arg("--profile")
        .arg(&profile_path)
        .arg("--messages")
        .arg(&listing)
        .output()
        .expect("dpp starts");
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    let expected = listed(&fs::read_to_string(&listing).expect("a table"));
    assert!(!expected.is_empty(), "{name}: there is nothing to find");
    compare(name, "tshark", &expected, &found_by_tshark(name, tcp, &capture));
    let (found, totals) = found_by_dpp(&capture);
    match tcp {
        Tcp::OutOfOrder => compare(name, "dpp", &expected, &found),
        Tcp::WithHoles => compare_with_holes(name, &expected, &found, totals.messages_cut),
    }
    expected.len()
}

fn compare(name: &str, reader: &str, expected: &[Message], found: &[Message]) {
    let mut difference: BTreeMap<&Message, i32> = BTreeMap::new();
    expected.iter().for_each(|message| *difference.entry(message).or_default() += 1);
    found.iter().for_each(|message| *difference.entry(message).or_default() -= 1);
    difference.retain(|_, times| *times != 0);
    let first: Vec<_> = difference.iter().take(6).collect();
    assert!(
        difference.is_empty(),
        "{name}: {} messages, {reader} finds {}; {} differ (1: not found): {first:#?}",
        expected.len(),
        found.len(),
        difference.len()
    );
}

/// As `compare`, for a capture with holes: the engine may find a message in a later frame, and it finds the beginnings
/// of those that a hole cut, too.
fn compare_with_holes(name: &str, expected: &[Message], found: &[Message], cut: u64) {
    let mut frames: BTreeMap<Message, VecDeque<u64>> = BTreeMap::new();
    for message in found {
        frames.entry(without_frame(message)).or_default().push_back(message.frame);
    }
    for message in expected {
        let found = frames.get_mut(&without_frame(message)).and_then(VecDeque::pop_front);
        assert!(
            found.is_some_and(|found| message.frame <= found),
            "{name}: {message:?} is found in {found:?}"
        );
    }
    let besides: usize = frames.values().map(VecDeque::len).sum();
    assert_eq!(besides as u64, cut, "{name}: messages besides, messages cut");
}

fn without_frame(message: &Message) -> Message {
    Message { frame: 0, ..message.clone() }
}

/// The engine's reading.
fn found_by_dpp(capture: &Path) -> (Vec<Message>, Totals) {
    let (source, mut messages) = (Source::open(capture).expect("a capture"), Vec::new());
    let machine = Machine::new(NonZeroUsize::MIN, 0);
    let totals = pipeline::messages(single(source), &Plan::default(), &machine, |message| {
        messages.push(as_both_tell_it(&message));
    });
    (messages, totals.expect("a capture"))
}

fn as_both_tell_it(message: &pipeline::Message) -> Message {
    let key = message.key;
    let client = (key.client().to_string(), key.client_port().to_string());
    let server = (key.server().to_string(), key.server_port().to_string());
    let (source, destination) = if message.is_response { (server, client) } else { (client, server) };
    let has_question = !key.name().is_empty();
    Message {
        frame: message.position + 1,
        source: source.0,
        source_port: source.1,
        destination: destination.0,
        destination_port: destination.1,
        transport: if key.transport() == Transport::Tcp { "tcp" } else { "udp" }.to_string(),
        id: key.id(),
        response: message.is_response,
        rcode: if message.is_response { (message.rcode & 0x0F).to_string() } else { String::new() },
        name: name_text(key.name()),
        query_type: if has_question { key.qtype().to_string() } else { String::new() },
    }
}

/// A name in wire form as text. Generated names are plain.
fn name_text(wire: &[u8]) -> String {
    let (mut labels, mut rest) = (Vec::new(), wire);
    while let Some((&length @ 1.., after)) = rest.split_first() {
        let (label, next) = after.split_at(length.into());
        labels.push(String::from_utf8_lossy(label));
        rest = next;
    }
    if labels.is_empty() && !wire.is_empty() { "<Root>".to_string() } else { labels.join(".") }
}

/// The table of `dpp generate --messages`.
fn listed(table: &str) -> Vec<Message> {
    let message = |line: &str| {
        let cells: Vec<&str> = line.split('\t').collect();
        let text = |at: usize| cells[at].to_string();
        Message {
            frame: cells[0].parse().expect("a frame number"),
            source: text(2),
            destination: text(3),
            source_port: text(4),
            destination_port: text(5),
            transport: text(6),
            id: cells[7].parse().expect("an id"),
            response: cells[8] == "1",
            // Of queries tshark does not show it.
            rcode: if cells[8] == "1" { text(9) } else { String::new() },
            name: text(10),
            query_type: text(11),
        }
    };
    table.lines().skip(1).map(message).collect()
}

fn found_by_tshark(name: &str, tcp: Tcp, capture: &Path) -> Vec<Message> {
    let out_of_order = matches!(tcp, Tcp::OutOfOrder).to_string().to_uppercase();
    let output = Command::new("tshark")
        .args(["-n", "-T", "pdml", "-J", "frame ip ipv6 udp tcp dns _ws.malformed _ws.short"])
        .args(["-Y", "dns || _ws.malformed || _ws.short", "-o", "ip.defragment:TRUE"])
        .args(["-o", &format!("tcp.reassemble_out_of_order:{out_of_order}")])
        // What only the ends of a tunnel know: label 18 is that of `mpls_pw_plain`; L2TPv3 carries Ethernet.
        .args(["-d", "mpls.label==18,pwethheuristic"])
        .args(["-d", "l2tp.pw_type==0,eth", "-o", "dns.desegment_dns_messages:TRUE", "-r"])
        .arg(capture)
        .output()
        .expect("tshark starts: run `make peers`, which installs it");
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    from_pdml(name, &String::from_utf8_lossy(&output.stdout))
}

/// The messages of tshark's XML, which has one element a line. Around a message lie the addresses and ports that
/// were named last.
fn from_pdml(name: &str, pdml: &str) -> Vec<Message> {
    let mut messages: Vec<Message> = Vec::new();
    let mut around = Message::default();
    for line in pdml.lines().map(str::trim_start) {
        let Some(element) = attribute(line, " name=\"") else { continue };
        let shown = || attribute(line, " show=\"").unwrap_or_default().to_string();
        if line.starts_with("<proto ") {
            assert!(!element.starts_with("_ws."), "{name}: frame {} is malformed", around.frame);
            match element {
                "dns" => messages.push(around.clone()),
                "udp" | "tcp" => around.transport = element.to_string(),
                _ => {}
            }
            continue;
        }
        match element {
            "frame.number" => around = Message { frame: number(&shown()).into(), ..Message::default() },
            "ip.src" | "ipv6.src" => around.source = shown(),
            "ip.dst" | "ipv6.dst" => around.destination = shown(),
            "udp.srcport" | "tcp.srcport" => around.source_port = shown(),
            "udp.dstport" | "tcp.dstport" => around.destination_port = shown(),
            _ => {}
        }
        let Some(message) = messages.last_mut().filter(|message| message.frame == around.frame) else {
            continue;
        };
        match element {
            "dns.id" => message.id = number(&shown()) as u16,
            "dns.flags.response" => message.response = matches!(shown().as_str(), "1" | "True"),
            "dns.flags.rcode" => message.rcode = shown(),
            "dns.qry.name" => message.name = shown(),
            "dns.qry.type" => message.query_type = number(&shown()).to_string(),
            _ => {}
        }
    }
    messages
}

fn attribute<'a>(line: &'a str, start: &str) -> Option<&'a str> {
    let (_, rest) = line.split_once(start)?;
    rest.split('"').next()
}

fn number(text: &str) -> u32 {
    match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => text.parse(),
    }
    .unwrap_or_else(|_| panic!("'{text}' is no number"))
}

/// A profile for short captures: everything a message can be, both families.
const MESSAGES: &str = "ipv6_share = 0.5\nedns_share = 0.5\ncase_mix_share = 0.3\nloss_share = 0.05\n";

#[test]
fn every_link_type() {
    for (link_type, ipv6_share) in [
        ("ethernet", 0.5),
        ("raw", 0.5),
        ("null", 0.5),
        ("loop", 0.5),
        ("linux_sll", 0.5),
        ("linux_sll2", 0.5),
        ("ppp", 0.5),
        ("ieee802_11", 0.5),
        ("radiotap", 0.5),
        ("nflog", 0.5),
        ("ipv4", 0.0),
        ("ipv6", 1.0),
    ] {
        let profile = format!("link_type = \"{link_type}\"\nipv6_share = {ipv6_share}\ntcp_share = 0.3");
        check(link_type, Tcp::OutOfOrder, 40, &profile);
    }
}

/// A profile with the keys of another, which replace its own.
fn laid_over(profile: &str, keys: &str) -> String {
    let keys: toml::Table = keys.parse().expect("TOML");
    let mut profile: toml::Table = profile.parse().expect("TOML");
    profile.extend(keys);
    profile.to_string()
}

fn check_layers(layers: &[&str], more: &str) {
    let profile = laid_over(MESSAGES, &format!("tcp_share = 0.3\nencapsulation = {layers:?}\n{more}"));
    check(&layers.join(" > "), Tcp::OutOfOrder, 30, &profile);
}

#[test]
fn every_encapsulation() {
    for layer in [
        "vlan:100",
        "qinq:200",
        "mpls:16001",
        "mpls_pw",
        "mpls_pw_plain",
        "pppoe:5",
        "gre",
        "gre_key:77",
        "gretap",
        "erspan1",
        "erspan2",
        "erspan3",
        "vxlan:7",
        "vxlan_gpe:8",
        "geneve:9",
        "ipip",
        "gtpu:1",
        "l2tpv2:3",
        "l2tpv3:9",
    ] {
        check_layers(&[layer], "");
    }
}

#[test]
fn encapsulations_for_one_family() {
    let of_family = |layer: &str, ipv6_share: u8| {
        check(
            layer,
            Tcp::OutOfOrder,
            30,
            &format!("ipv6_share = {ipv6_share}\nencapsulation = [\"{layer}\"]"),
        );
    };
    of_family("6in4", 1);
    of_family("4in6", 0);
    of_family("6in6", 1);
    of_family("teredo", 1);
}

#[test]
fn encapsulations_in_each_other() {
    for layers in [
        &["qinq:200", "vlan:100"][..],
        &["vlan:100", "mpls:16001", "mpls:16002"],
        &["vlan:100", "pppoe:9"],
        &["vlan:100", "mpls:16001", "gre"],
        &["mpls:16001", "mpls_pw:5", "vlan:7"],
        &["gre", "mpls:4000"],
        &["gretap", "vlan:3"],
        &["vlan:5", "erspan2", "qinq:6", "vlan:7"],
        &["vxlan:7", "vlan:8", "gre"],
        &["geneve:9", "vxlan:7"],
        &["ipip", "gre_key:3", "ipip"],
        &["gtpu:1", "ipip"],
        &["l2tpv2:3", "ipip"],
        &["vxlan_gpe:8", "mpls:77"],
        &["erspan3", "pppoe:5"],
    ] {
        check_layers(layers, "");
    }
    check_layers(&["ipip", "4in6"], "ipv6_share = 0");
}

#[test]
fn a_tag_on_one_direction_only() {
    for vlan_on in ["queries", "responses"] {
        let profile = format!("{MESSAGES}encapsulation = [\"vlan:4\", \"gre\"]\nvlan_on = \"{vlan_on}\"");
        check(vlan_on, Tcp::OutOfOrder, 30, &profile);
    }
}

#[test]
fn encapsulations_on_other_link_types() {
    for (link_type, layer) in [
        ("linux_sll", "vlan:3"),
        ("linux_sll2", "mpls:99"),
        ("raw", "gre"),
        ("ppp", "mpls:3000"),
        ("nflog", "vxlan:4"),
    ] {
        let profile = format!("{MESSAGES}link_type = \"{link_type}\"\nencapsulation = [\"{layer}\"]");
        check(&format!("{layer} on {link_type}"), Tcp::OutOfOrder, 30, &profile);
    }
}

#[test]
fn fragments() {
    let fragments = format!("{MESSAGES}mtu = 576\nresponse_bytes_min = 1500\n");
    check("in order", Tcp::OutOfOrder, 200, &fragments);
    for fates in [
        "fragment_reorder_share = 0.5",
        "fragment_loss_share = 0.3",
        "fragment_duplicate_share = 0.3",
        "fragment_reorder_share = 0.5\nfragment_loss_share = 0.2\nfragment_duplicate_share = 0.3",
        "fragment_reorder_share = 0.5\nencapsulation = [\"vlan:4\", \"gre\", \"vxlan:5\"]",
    ] {
        check(fates, Tcp::OutOfOrder, 200, &format!("{fragments}{fates}"));
    }
}

/// Connections of several queries, with everything in them that needs no loss.
const CONNECTIONS: &str = "tcp_share = 1\ntcp_queries_per_connection = 6\ntcp_pipeline_share = 0.5\n\
    tcp_join_share = 0.5\ntcp_ack_delay_ms = 40\ntcp_wrap_share = 0.3\n";

#[test]
fn tcp() {
    for (tcp, habits) in [
        (Tcp::OutOfOrder, ""),
        (Tcp::WithHoles, "tcp_split_share = 0.3"),
        (Tcp::OutOfOrder, "mss = 40"),
        (Tcp::OutOfOrder, "mss = 1\ntcp_queries_per_connection = 2"),
        (Tcp::OutOfOrder, "mss = 536\nresponse_bytes_min = 3000"),
        (Tcp::OutOfOrder, "tcp_retransmit_share = 0.3\nmss = 60"),
        (Tcp::OutOfOrder, "tcp_loss_share = 0.1\nmss = 100"),
        (Tcp::OutOfOrder, "tcp_reorder_share = 0.3\nmss = 100\ntcp_split_share = 0.2"),
        (Tcp::WithHoles, "tcp_gap_share = 0.1"),
        (Tcp::WithHoles, "tcp_gap_share = 0.1\nmss = 60"),
        (Tcp::OutOfOrder, "tcp_reset_share = 1"),
        (Tcp::OutOfOrder, "tcp_midstream_share = 1"),
        (Tcp::OutOfOrder, "axfr_share = 0.3\naxfr_messages = 20\nresponse_bytes_min = 700"),
        (Tcp::OutOfOrder, "encapsulation = [\"vlan:4\", \"gre\", \"vxlan:5\"]\ntcp_split_share = 0.2"),
        (
            Tcp::OutOfOrder,
            "tcp_retransmit_share = 0.2\ntcp_loss_share = 0.1\ntcp_reorder_share = 0.2\ntcp_split_share = 0.2\n\
             mss = 200\ntcp_reset_share = 0.3",
        ),
    ] {
        let connections = laid_over(MESSAGES, CONNECTIONS);
        check(habits, tcp, 120, &laid_over(&connections, habits));
    }
}
