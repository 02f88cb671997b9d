//! What of the command line makes another dataset: each option, and sizes with units.

use super::*;
use crate::checks::check_many;
use crate::flags::{Command, CommandLine};
use crate::output::Target;
use clap::{CommandFactory, Parser};
use mmdb_writer::Value::Map;
use mmdb_writer::{Database, text};
use std::fs;

/// The writer of the engine's own tests.
#[path = "../../../dpp/src/enrich/mmdb_writer.rs"]
#[allow(dead_code)]
mod mmdb_writer;

/// Options that change what is in a dataset, by their names in the table of flags, and two ways to say each that must not be
/// taken for the same.
const IN_THE_PLAN: &[(&str, &str, &str)] = &[
    ("partition_by", "--partition-by day", "--partition-by hour"),
    ("rows_per_file", "", "--rows-per-file 7"),
    ("bytes_per_file", "", "--bytes-per-file 7"),
    ("sort_by", "", "--sort-by qname"),
    ("per_file", "", "--per-file"),
    ("merge", "", "--merge"),
    ("format", "", "-f csv"),
    ("zstd", "-z", "--zstd=4"),
    ("v2", "", "--v2"),
    ("page_index", "", "--page-index"),
    ("bloom", "--bloom id", "--bloom name"),
    ("fields", "--fields id,qname", "--fields qname,id"),
    ("schema", "", "--schema full"),
    ("drop", "", "--drop id"),
    ("filter", "--where id=1", "--where id=2"),
    ("filter", "--hide-addresses truncate --where id=1", "--hide-addresses truncate --where id=2"),
    ("filter", "--anonymize KEY --where qname=a.b", "--anonymize KEY --where qname=a.c"),
    ("sample", "--sample client:1/2", "--sample client:1/3"),
    ("unasked", "", "--unasked"),
    ("cdns_sections", "-f cdns", "-f cdns --cdns-sections none"),
    ("cdns_exclude", "-f cdns", "-f cdns --cdns-exclude client-port"),
    ("cdns_prefix", "-f cdns", "-f cdns --cdns-prefix 24,48,32,128"),
    ("cdns_ticks", "-f cdns", "-f cdns --cdns-ticks ns"),
    ("cdns_block_items", "-f cdns", "-f cdns --cdns-block-items 7"),
    ("cdns_rr_types", "-f cdns", "-f cdns --cdns-rr-types !SOA"),
    ("cdns_opcodes", "-f cdns", "-f cdns --cdns-opcodes !NOTIFY"),
    ("anonymize", "--anonymize KEY", "--anonymize OTHER"),
    ("hide_addresses", "--hide-addresses truncate", "--hide-addresses truncate:8,8"),
    ("hide_names", "", "--hide-names drop"),
    ("hide_fields", "--hide-addresses truncate", "--hide-addresses truncate --hide-fields client"),
    ("hide_key", "--hide-names hash --hide-key KEY", "--hide-names hash --hide-key OTHER"),
    ("geoip", "--geoip GEO", "--geoip GEO2"),
    ("psl", "--psl LIST", "--psl LIST2"),
    ("servers", "--servers TABLE", "--servers TABLE2"),
    ("server_template", "--server-template {server}.pcap", "--server-template {site}.pcap"),
    ("match_timeout_ms", "", "--match-timeout-ms 7"),
    ("port", "", "--port 53,54"),
    ("dedup_packets", "--dedup-packets 1ms", "--dedup-packets 1us"),
    ("monotonic_capture", "", "--monotonic-capture"),
];

/// All other options, and why a dataset is the same with or without.
const NOT_IN_THE_PLAN: &[(&str, &str)] = &[
    ("inputs", "each run is called after what its captures are"),
    ("output", "it is where the dataset lies"),
    ("order", "each run is called after its captures in their order"),
    ("recursive", "it finds captures, and these are those of the run"),
    ("keep_going", "what was left out is no capture of the run, or the run is not complete"),
    ("check_privacy", "it changes no row: what it finds ends the run"),
    ("strict", "it judges what was written; how captures ended stands with their run"),
    ("report_format", "it is about the report"),
    ("silent", "it is about the report"),
    ("save_skipped", "it is about another file"),
    ("examples", "it is about another file"),
    ("stats", "a dataset has none"),
    ("rssac", "a dataset has none"),
    ("rssac_server", "a dataset has no such figures"),
    ("rssac_labels", "a dataset has no such figures"),
    ("site", "it names parts of figures, which a dataset has not"),
    ("threads", "rows are the same for any number"),
    ("affinity", "rows are the same on any CPU"),
    ("dns_wire_fast_path", "it has no effect"),
    ("bonded", "it has no effect"),
];

/// A folder with a capture and all files that the options name.
fn room() -> tempfile::TempDir {
    let room = tempfile::tempdir().expect("a place for temporary files");
    let database = |code: &str| {
        let country = Map(vec![("country", Map(vec![("iso_code", text(code))]))]);
        let prefixes = vec![("192.0.2.0".parse().expect("an address"), 24, country)];
        Database { record_bits: 24, ip_version: 6, database_type: "Test".to_owned(), prefixes }.write()
    };
    let files: [(&str, &[u8]); 9] = [
        ("in.pcap", b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\x04\0\x01\0\0\0"),
        ("KEY", b"00112233445566778899aabbccddeeff"),
        ("OTHER", b"ffeeddccbbaa99887766554433221100"),
        ("GEO", &database("NL")),
        ("GEO2", &database("DE")),
        ("LIST", b"example.co.uk\n"),
        ("LIST2", b"co.uk\n"),
        ("TABLE", b"198.51.100.1 one\n"),
        ("TABLE2", b"198.51.100.1 two\n"),
    ];
    for (name, content) in files {
        fs::write(room.path().join(name), content).expect("a test can write");
    }
    room
}

/// The plan of a dataset that is asked for with these options, in that folder.
fn plan_of(room: &Path, options: &str) -> Value {
    let (input, output) = (room.join("in.pcap"), room.join("set"));
    let is_file = |word: &str| word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
    let mut words: Vec<_> = ["dpp", "extract", "-o"].map(Into::into).into();
    words.extend([output.into_os_string(), input.into_os_string()]);
    if !options.contains("--partition-by") {
        words.extend(["--partition-by", "day"].map(Into::into));
    }
    for word in options.split_whitespace() {
        words.push(if is_file(word) && room.join(word).is_file() {
            room.join(word).into()
        } else {
            word.into()
        });
    }
    let Ok(CommandLine { command: Some(Command::Extract(extract)), .. }) = CommandLine::try_parse_from(words)
    else {
        panic!("{options} is understood")
    };
    let job = check_many(*extract).unwrap_or_else(|error| panic!("{options}: {error:#}"));
    let Target::Dataset(wish) = &job.target else { panic!("a dataset") };
    wish.plan(&job.plan, &job.table)
}

#[test]
fn each_option_is_in_the_plan_or_changes_no_row() {
    let command = CommandLine::command();
    let extract = command.find_subcommand("extract").expect("it is a command");
    let all: Vec<&str> = extract.get_arguments().map(|option| option.get_id().as_str()).collect();
    let known = || IN_THE_PLAN.iter().map(|row| row.0).chain(NOT_IN_THE_PLAN.iter().map(|row| row.0));
    for option in &all {
        let tables = [
            IN_THE_PLAN.iter().any(|row| row.0 == *option),
            NOT_IN_THE_PLAN.iter().any(|row| row.0 == *option),
        ];
        assert!(tables[0] != tables[1], "'{option}' belongs in one of the two tables");
    }
    assert!(
        known().all(|option| all.contains(&option)),
        "{:?}",
        known().find(|option| !all.contains(option))
    );
    let room = room();
    for (option, one, other) in IN_THE_PLAN {
        let (plan, others) = (plan_of(room.path(), one), plan_of(room.path(), other));
        assert!(
            plan != others,
            "'{option}': what is made with '{one}' and '{other}' must not be mixed: {plan:#}"
        );
        assert!(plan == plan_of(room.path(), one));
    }
}

#[test]
fn a_plan_is_plain_and_knows_files_by_what_they_hold() {
    let room = room();
    let plan =
        plan_of(room.path(), "--servers TABLE --geoip GEO --psl LIST --hide-names hash --hide-key KEY");
    let text = plan.to_string();
    let folder = room.path().to_str().expect("UTF-8");
    for no in [folder, "Some(", "{ ", env!("CARGO_PKG_VERSION")] {
        assert!(!text.contains(no), "'{no}' in {text}");
    }
    fs::copy(room.path().join("TABLE"), room.path().join("COPY")).expect("a test can write");
    fs::write(room.path().join("KEY"), "00112233445566778899AABBCCDDEEFF\n").expect("a test can write");
    let same = plan_of(room.path(), "--servers COPY --geoip GEO --psl LIST --hide-names hash --hide-key KEY");
    assert_eq!(plan, same);
}

#[test]
fn numbers_have_units() {
    for (text, expected) in [
        ("1000", Some(1000)),
        ("500k", Some(500_000)),
        ("128 MiB", Some(128 << 20)),
        ("0", None),
        ("1.5G", None),
        ("", None),
        ("-1", None),
        ("99999999999999999999", None),
    ] {
        assert_eq!(number("--rows-per-file", Some(text.as_ref())).ok().flatten(), expected, "{text}");
    }
}
