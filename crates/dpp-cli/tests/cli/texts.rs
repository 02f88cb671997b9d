//! Tables of lines, of the demo capture: the same rows in CSV, TSV and JSON, on standard output and packed.

use crate::room::Room;
use std::io::Read;
use std::path::Path;

/// A room with the demo capture as `in.pcap`.
fn room() -> Room {
    let room = Room::new();
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo/dns.pcap");
    room.write("in.pcap", std::fs::read(demo).expect("the demo is there"));
    room
}

#[test]
fn lines_are_as_their_format_has_them() {
    let room = room();
    let fields = "query_time,src_ip,qname,qtype,aa,vlan,input,frame_query,request_timestamp";
    let cells = "2023-03-04T10:33:09.646602000Z,192.168.1.17,qa.sockets.stackexchange.com,1,false,,in.pcap,1,1677925989646602";
    for (output, lines) in [
        ("out.csv", &[fields, cells][..]),
        ("out.tsv", &[&fields.replace(',', "\t"), &cells.replace(',', "\t")]),
        (
            "out.jsonl",
            &[concat!(
                r#"{"query_time":"2023-03-04T10:33:09.646602000Z","src_ip":"192.168.1.17","#,
                r#""qname":"qa.sockets.stackexchange.com","qtype":1,"aa":false,"vlan":null,"#,
                r#""input":"in.pcap","frame_query":1,"request_timestamp":1677925989646602}"#
            )],
        ),
    ] {
        room.dpp(&["in.pcap", output, "--fields", fields]).well();
        assert_eq!(&room.lines(output)[..lines.len()], lines, "{output}");
    }
}

#[test]
fn csv_tsv_and_json_say_the_same() {
    let room = room();
    // Texts with commas in them would take a reader of CSV.
    let lists =
        "answers,authority,additional,edns_options,response_edns_options,as_org,dst_as_org,nsid,ede_text";
    for output in ["out.csv", "out.tsv", "out.jsonl"] {
        room.dpp(&["in.pcap", output, "--schema", "full", "--drop", lists]).well();
    }
    let (csv, tsv, json) = (room.lines("out.csv"), room.lines("out.tsv"), room.lines("out.jsonl"));
    assert_eq!((csv.len(), tsv.len(), json.len()), (18, 18, 17));
    let cells = |line: &String| line.split(',').map(str::to_owned).collect::<Vec<_>>();
    let header = cells(&csv[0]);
    for (csv, tsv) in csv.iter().zip(&tsv) {
        assert!(!csv.contains('"'), "no name of the demo needs quotes: {csv}");
        assert_eq!(&csv.replace(',', "\t"), tsv);
    }
    for (csv, json) in csv[1..].iter().zip(&json) {
        let row: serde_json::Value = serde_json::from_str(json).expect("a line is JSON");
        let row = row.as_object().expect("a row is an object");
        assert_eq!(row.keys().collect::<Vec<_>>(), header.iter().collect::<Vec<_>>());
        for (value, cell) in row.values().zip(cells(csv)) {
            let text = match value {
                serde_json::Value::Null => String::new(),
                serde_json::Value::String(text) => text.clone(),
                serde_json::Value::Array(items) => {
                    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(";")
                }
                other => other.to_string(),
            };
            assert_eq!(text, cell);
        }
    }
}

#[test]
fn packed_tables_unpack_to_the_plain_ones() {
    let room = room();
    for format in ["csv", "tsv", "jsonl"] {
        let name = |behind: &str| format!("out.{format}{behind}");
        for behind in ["", ".gz", ".zst"] {
            room.dpp(&["in.pcap", &name(behind), "--schema", "full"]).well();
        }
        let plain = room.read(&name(""));
        let mut unpacked = Vec::new();
        let packed = room.read(&name(".gz"));
        flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut unpacked).expect("gzip");
        assert!(unpacked == plain, "{format}");
        assert!(zstd::decode_all(&room.read(&name(".zst"))[..]).expect("zstd") == plain, "{format}");
    }
    room.dpp(&["in.pcap", "out.txt.gz"]).well();
    room.dpp(&["in.pcap", "eight.csv.gz"]).well();
    assert!(room.read("out.txt.gz") == room.read("eight.csv.gz"), "CSV is the default");
}

#[test]
fn standard_output_takes_every_format_of_lines() {
    let room = room();
    for format in ["csv", "tsv", "jsonl"] {
        let name = format!("out.{format}");
        room.dpp(&["in.pcap", &name, "--schema", "full"]).well();
        let run = room.dpp(&["in.pcap", "-", "-f", format, "--schema", "full"]).well();
        assert_eq!(run.stdout.as_bytes(), room.read(&name));
        assert_eq!(run.stderr, "");
    }
}

#[test]
fn a_packed_table_is_the_same_for_every_number_of_threads_and_complete_or_not_there() {
    let room = Room::with_capture();
    for output in ["out.csv.gz", "out.jsonl.zst"] {
        room.dpp(&["in.pcap", output, "--threads", "1", "--schema", "full"]).well();
        let expected = room.read(output);
        room.dpp(&["in.pcap", output, "--threads", "2", "--schema", "full"]).well();
        assert!(room.read(output) == expected);
        let before = room.inventory();
        let limited = "trap '' XFSZ; ulimit -f 16; exec \"$DPP\" --schema full in.pcap";
        let run = room.shell(&format!("{limited} {output}"));
        assert_eq!(run.code, Some(1));
        assert!(run.stderr.contains(&format!("{output}.part: the file is larger")), "{}", run.stderr);
        assert!(room.inventory() == before, "the old table is still there, and nothing else");
    }
}
