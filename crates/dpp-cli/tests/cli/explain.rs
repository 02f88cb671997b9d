//! `dpp explain` and `--save-skipped`: where every packet went, one by one.

use crate::frames::{fragments, message, tcp, udp, vxlan};
use crate::room::{Room, pcap};

const CLIENT: &str = "192.0.2.1:40000";
const SERVER: &str = "192.0.2.53:53";
const WEB: &str = "192.0.2.80:443";

/// A room with `in.pcap`: a query, ARP, its response, QUIC, ARP, HTTPS, and a query on another port.
fn room() -> Room {
    let arp = [&[0; 12][..], &[8, 6], &[0; 28]].concat();
    let frames = [
        udp(CLIENT, SERVER, &message(7, 0, "e.example")),
        arp.clone(),
        udp(SERVER, CLIENT, &message(7, 0x8183, "e.example")),
        udp(CLIENT, WEB, b"quic"),
        arp,
        tcp(CLIENT, WEB, 1, b"https"),
        udp(CLIENT, "192.0.2.53:8053", &message(8, 0, "f.example")),
    ];
    let room = Room::new();
    room.write("in.pcap", pcap(&frames.each_ref().map(Vec::as_slice)));
    room
}

#[track_caller]
fn check(arguments: &[&str], expected: &str) {
    let told = room().dpp(&[&["explain", "in.pcap"], arguments].concat()).well().stdout;
    assert_eq!(told, expected, "{arguments:?}");
}

#[test]
fn a_frame_is_told_layer_by_layer_with_what_became_of_it() {
    check(
        &["--frame", "1,3"],
        "\
Frame 1: 2023-11-14T22:13:20.000000Z, 69 bytes captured, link type 1
     0   14  Ethernet: 00:00:00:00:00:00 > 00:00:00:00:00:00, type 0x0800
    14   20  IPv4: 192.0.2.1 > 192.0.2.53, protocol 17
    34    8  UDP: 40000 > 53, 27 bytes
  It carries a query: id 7, e.example A; client 192.0.2.1:40000, server 192.0.2.53:53, UDP
  Row 1 of the table, answered after 2.000 ms

Frame 3: 2023-11-14T22:13:20.002000Z, 69 bytes captured, link type 1
     0   14  Ethernet: 00:00:00:00:00:00 > 00:00:00:00:00:00, type 0x0800
    14   20  IPv4: 192.0.2.53 > 192.0.2.1, protocol 17
    34    8  UDP: 53 > 40000, 27 bytes
  It carries a response: id 7, e.example A, Non-Existent Domain; client 192.0.2.1:40000, server 192.0.2.53:53, UDP
  Row 1 of the table, answered after 2.000 ms
",
    );
}

#[test]
fn a_message_is_told_with_its_row() {
    let told = |frame| {
        let arguments = ["explain", "in.pcap", "--port", "53,8053", "--frame", frame];
        room().dpp(&arguments).well().stdout.lines().last().map(str::to_owned)
    };
    assert_eq!(told("3").as_deref(), Some("  Row 1 of the table, answered after 2.000 ms"));
    assert_eq!(told("7").as_deref(), Some("  Row 2 of the table, without response"));
}

#[test]
fn a_reason_is_told_with_its_first_frames() {
    check(
        &["--reason", "arp"],
        "\
arp: ARP
2 packets, 84 bytes

Frame 2: 2023-11-14T22:13:20.001000Z, 42 bytes captured, link type 1
     0   14  Ethernet: 00:00:00:00:00:00 > 00:00:00:00:00:00, type 0x0806
  Skipped (arp): ARP

Frame 5: 2023-11-14T22:13:20.004000Z, 42 bytes captured, link type 1
     0   14  Ethernet: 00:00:00:00:00:00 > 00:00:00:00:00:00, type 0x0806
  Skipped (arp): ARP
",
    );
    check(
        &["--reason", "tcp_cut"],
        "tcp_cut: captured bytes end inside the TCP header\n0 packets, 0 bytes\n",
    );
}

#[test]
fn without_a_question_all_reasons_are_told() {
    check(
        &[],
        "\
7 packets, 2 used
           2  arp: ARP; frames 2, 5
           1  port: UDP, but not on a DNS port; frame 7
           1  quic: UDP port 443: QUIC, perhaps DNS over HTTPS; frame 4
           1  https: TCP port 443: HTTPS, perhaps DNS over HTTPS; frame 6
",
    );
    let told = room().dpp(&["explain", "in.pcap", "--port", "53,8053"]).well().stdout;
    assert!(told.starts_with("7 packets, 3 used\n") && !told.contains("port:"), "{told}");
}

#[test]
fn frames_are_numbered_over_all_captures() {
    let room = room();
    std::fs::copy(room.path("in.pcap"), room.path("jn.pcap")).unwrap();
    let told = room.dpp(&["explain", "in.pcap", "jn.pcap", "--reason", "quic"]).well().stdout;
    assert!(told.contains("\nFrame 4: ") && told.contains("\nFrame 11: "), "{told}");
}

#[test]
fn fragments_are_completed_in_their_own_tunnel() {
    let query = |id| fragments(&udp(CLIENT, SERVER, &message(id, 0, "e.example")));
    let ([first, second], [other_first, other_second]) = (query(1), query(2));
    let frames = [vxlan(1, &first), vxlan(2, &other_first), vxlan(2, &other_second), vxlan(1, &second)];
    let room = Room::new();
    room.write("in.pcap", pcap(&frames.each_ref().map(Vec::as_slice)));
    for (frame, completed) in [("1", "which frame 4 completes"), ("2", "which frame 3 completes")] {
        let told = room.dpp(&["explain", "in.pcap", "--frame", frame]).well().stdout;
        assert!(told.contains(completed), "{told}");
    }
}

#[test]
fn what_was_logged_without_addresses_has_unknown_ends() {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../captures/cdns/ex-addresses.cdns");
    let room = Room::new();
    room.write("in.cdns", std::fs::read(file).expect("it is shipped"));
    let told = room.dpp(&["explain", "in.cdns", "--frame", "1"]).well().stdout;
    assert!(told.contains("; client unknown (port 46225), server unknown (port 53), UDP"), "{told}");
    assert!(!told.contains("0.0.0.0"), "{told}");
    let zero = udp("0.0.0.0:68", SERVER, &message(7, 0, "e.example"));
    room.write("in.pcap", pcap(&[&zero]));
    let told = room.dpp(&["explain", "in.pcap", "--frame", "1"]).well().stdout;
    assert!(told.contains("client 0.0.0.0:68, server 192.0.2.53:53"), "a packet has what it has: {told}");
}

#[test]
fn what_cannot_be_explained_is_an_error() {
    let room = room();
    for (arguments, code, reason) in [
        (&["explain", "in.pcap", "--reason", "arq"][..], 1, "there is no reason 'arq'; did you mean 'arp'?"),
        (&["explain", "in.pcap", "--frame", "8"], 1, "--frame 8: the capture ends before that"),
        (&["explain", "in.pcap", "--frame", "0"], 2, "0"),
        (&["explain", "in.pcap", "--frame", "1", "--reason", "arp"], 2, "--reason"),
        (&["explain"], 1, "name a capture"),
        (&["explain", "missing.pcap"], 1, "missing.pcap"),
        (&["explain", "in.pcap", "--port", "dns"], 1, "--port 'dns'"),
        (&["explain", "in.pcap", "--per-file"], 2, "--per-file"),
    ] {
        let ended = room.dpp(arguments);
        assert_eq!(ended.code, Some(code), "{arguments:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(reason), "{arguments:?}: {}", ended.stderr);
        assert_eq!(ended.stdout, "");
    }
    let piped = room.shell("cat in.pcap | $DPP explain - --reason arp");
    assert!(piped.code == Some(1) && piped.stderr.contains("save it to a file first"), "{}", piped.stderr);
    assert_eq!(room.shell("cat in.pcap | $DPP explain - --frame 2").well().stdout.lines().count(), 3);
}

#[test]
fn skipped_packets_are_saved_with_their_reasons_and_are_a_capture_again() {
    let room = room();
    let options = ["out.csv", "--save-skipped", "skipped.pcap"];
    room.dpp(&[&["in.pcap"], &options[..]].concat()).well();
    assert!(!room.path("skipped.pcap.part").exists());
    let saved = room.read("skipped.pcap");
    for comment in ["frame 2, arp: ARP", "frame 6, https: TCP port 443", "frame 7, port: UDP"] {
        assert!(saved.windows(comment.len()).any(|window| window == comment.as_bytes()), "{comment}");
    }
    let again = room.dpp(&["explain", "skipped.pcap"]).well().stdout;
    assert!(again.starts_with("5 packets, 0 used\n           2  arp: ARP; frames 1, 3\n"), "{again}");
    let time = room.dpp(&["explain", "skipped.pcap", "--frame", "5"]).well().stdout;
    assert!(time.starts_with("Frame 5: 2023-11-14T22:13:20.006000Z, 69 bytes"), "{time}");
    let few = [&["in.pcap"], &options[..], &["--examples", "1"]].concat();
    room.dpp(&few).well();
    assert!(room.dpp(&["explain", "skipped.pcap"]).well().stdout.starts_with("4 packets, 0 used\n"));
}

#[test]
fn skipped_packets_of_many_captures_are_saved() {
    let room = room();
    std::fs::copy(room.path("in.pcap"), room.path("jn.pcap")).unwrap();
    std::fs::create_dir(room.path("tables")).unwrap();
    let extract = ["extract", "in.pcap", "jn.pcap", "--save-skipped", "skipped.pcap", "-o"];
    room.dpp(&[&extract[..], &["out.csv"]].concat()).well();
    let saved = room.read("skipped.pcap");
    assert!(saved.windows(17).any(|window| window == b"frame 9, arp: ARP"), "frames are numbered over both");
    let all = "10 packets, 0 used\n";
    assert!(room.dpp(&["explain", "skipped.pcap"]).well().stdout.starts_with(all));
    room.dpp(&[&extract[..], &["tables", "--per-file"]].concat()).well();
    let saved = room.read("skipped.pcap");
    for comment in ["frame 2 of 'in.pcap', arp", "frame 2 of 'jn.pcap', arp"] {
        assert!(saved.windows(comment.len()).any(|window| window == comment.as_bytes()), "{comment}");
    }
    assert!(room.dpp(&["explain", "skipped.pcap"]).well().stdout.starts_with(all));
}

#[test]
fn packets_are_not_saved_where_that_would_do_harm() {
    let room = room();
    room.write("key", "secret");
    let before = room.inventory();
    let run = ["in.pcap", "out.csv", "--save-skipped"];
    for (options, reason) in [
        (&["in.pcap"][..], "'in.pcap' and the input are the same file"),
        (&["out.csv"], "the packets and the table would have the same file"),
        (&["./out.csv"], "the packets and the table would have the same file"),
        (&["out.csv.part"], "the packets and the table would have the same file"),
        (&["-"], "--save-skipped: name the file"),
        (&["s.pcap", "--anonymize", "key"], "with the addresses that --anonymize hides"),
    ] {
        let ended = room.dpp(&[&run[..], options].concat());
        assert!(ended.code == Some(1) && ended.stderr.contains(reason), "{options:?}: {}", ended.stderr);
    }
    let part = room.dpp(&["in.pcap", "out.part", "--save-skipped", "out"]);
    assert!(part.code == Some(1) && part.stderr.contains("would have the same file"), "{}", part.stderr);
    let redirected = room.shell("$DPP in.pcap - --save-skipped rows.csv > rows.csv");
    assert!(redirected.stderr.contains("would have the same file"), "{}", redirected.stderr);
    std::fs::remove_file(room.path("rows.csv")).unwrap();
    let piped = room.shell("cat in.pcap | $DPP - out.csv --save-skipped s.pcap");
    assert!(
        piped.code == Some(1) && piped.stderr.contains("which standard input does not allow"),
        "{}",
        piped.stderr
    );
    assert!(room.inventory() == before);
}
