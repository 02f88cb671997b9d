//! What is refused: each with its exit code and its reason, nothing created, nothing touched.

use crate::room::{Room, pcap};
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

/// Runs `dpp` and expects a refusal.
#[track_caller]
fn check(room: &Room, mut command: Command, code: i32, reason: &str) {
    let before = room.inventory();
    let output = command.output().expect("dpp starts");
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    assert!(stderr.contains(reason), "the reason should tell of '{reason}': {stderr}");
    assert!(output.stdout.is_empty(), "a refusal prints nothing on standard output");
    assert!(room.inventory() == before, "a refusal changes no file");
}

#[track_caller]
fn check_arguments(arguments: &[&str], code: i32, reason: &str) {
    let room = Room::with_capture();
    check(&room, room.command(arguments), code, reason);
}

#[track_caller]
fn check_variable(name: &str, value: &str, reason: &str) {
    let room = Room::with_capture();
    let mut command = room.command(&["in.pcap"]);
    command.env(name, value);
    check(&room, command, 1, reason);
}

#[test]
fn what_is_not_understood_is_a_usage_error() {
    check_arguments(&["--no-such-option", "in.pcap"], 2, "--no-such-option");
    check_arguments(&["in.pcap", "out.csv", "third"], 2, "third");
    check_arguments(&["in.pcap", "-f", "xml"], 2, "xml");
    check_arguments(&["in.pcap", "--report-format", "xml"], 2, "xml");
    check_arguments(&["in.pcap", "-b", "many"], 2, "many");
    check_arguments(&["in.pcap", "-t", "0"], 2, "1..=256");
    check_arguments(&["in.pcap", "-f", "parquet", "--zstd=23"], 2, "1..=22");
    check_arguments(&["generate", "out.pcap"], 2, "--transactions");
    check_arguments(&["generate", "out.pcap", "--duration-seconds", "1"], 2, "--qps");
}

#[test]
fn an_argument_too_many_is_called_that() {
    check_arguments(&["in.pcap", "out.csv", "third"], 2, "'third' is one argument too many");
    check_arguments(&["in.pcap", "out.csv", "third"], 2, "dpp extract INPUT... -o OUTPUT");
    check_arguments(&["in.pcap", "out.pq", "-z", "5"], 2, "a level of zstd is given as --zstd=5");
    check_arguments(&["in.pcap", "out.pq", "-sz", "5"], 2, "a level of zstd is given as --zstd=5");
    check_arguments(&["in.pcap", "out.pq", "--zstd", "5"], 2, "a level of zstd is given as --zstd=5");
    check_arguments(&["in.pcap", "out.pq", "5"], 2, "'5' is one argument too many: there is one INPUT");
    check_arguments(&["in.pcap", "out.pq", "generate"], 2, "'generate' is a command, which stands first");
}

#[test]
fn a_command_that_is_misspelt_is_told() {
    let meant = "there is no capture 'sats', and no command that is called so; did you mean 'stats'?";
    check_arguments(&["sats"], 1, meant);
    check_arguments(&["sats", "in.pcap"], 1, meant);
    check_arguments(&["sats", "in.pcap", "--json"], 2, meant);
    check_arguments(&["extarct", "in.pcap", "b.pcap", "-o", "x"], 2, "did you mean 'extract'?");
    check_arguments(&["help", "stats"], 1, "there is no capture 'help'; dpp --help tells what there is");
    check_arguments(&["stats", "help"], 1, "no capture 'help'; dpp stats --help tells what there is");
    check_arguments(&["check"], 1, "dpp check: say with --source where packets come from");
    check_arguments(&["live"], 1, "dpp live: say with --source where packets come from");
    let room = Room::new();
    room.write("sats", pcap(&[]));
    room.dpp(&["sats", "x.csv"]).well();
}

#[test]
fn an_input_must_be_named_and_readable() {
    check_arguments(&[], 1, "Input filename is required");
    check_arguments(&["missing.pcap"], 1, "'missing.pcap' does not exist");
    check_arguments(&["missing"], 1, "'missing' does not exist");
    check_arguments(&["."], 1, "is a directory");
}

#[test]
fn a_terminal_is_no_input() {
    let room = Room::new();
    let terminal = File::open("/dev/ptmx").expect("there are terminals");
    let mut command = room.command(&["-", "out.csv"]);
    command.stdin(terminal);
    check(&room, command, 1, "is a terminal");
}

#[test]
fn what_is_no_capture_leaves_nothing_behind() {
    let room = Room::new();
    room.write("text.pcap", "request_timestamp,response_timestamp\n");
    room.write("empty.pcap", "");
    room.write("cut.pcap", &pcap(&[])[..10]);
    for name in ["text.pcap", "empty.pcap", "cut.pcap"] {
        check(&room, room.command(&[name, "out.csv"]), 1, name);
        check(&room, room.command(&[name, "-"]), 1, name);
    }
    let reason = "name a capture: pcap, pcapng, dnstap or C-DNS";
    room.write("words.pcap", "no capture but words\n");
    check(&room, room.command(&["words.pcap", "out.csv"]), 1, reason);
}

#[test]
fn a_key_file_must_hold_a_passphrase() {
    let room = Room::with_capture();
    room.write("empty.key", " \n");
    room.write("binary.key", b"\xff\xfe\x00");
    fs::create_dir(room.path("directory.key")).unwrap();
    for (key, reason) in [
        ("missing.key", "cannot open the key file 'missing.key'"),
        ("directory.key", "not a regular file"),
        ("empty.key", "is empty"),
        ("binary.key", "is not UTF-8"),
    ] {
        check(&room, room.command(&["in.pcap", "out.csv", "--anonymize", key]), 1, reason);
    }
}

#[test]
fn a_variable_that_is_not_understood_is_an_error() {
    check_variable("DPP_FORMAT", "xml", "DPP_FORMAT is 'xml'");
    check_variable("DPP_REPORT_FORMAT", "xml", "DPP_REPORT_FORMAT is 'xml'");
    check_variable("DPP_BONDED", "many", "DPP_BONDED is 'many'");
    check_variable("DPP_THREADS", "0", "DPP_THREADS is '0'");
    check_variable("DPP_MATCH_TIMEOUT_MS", "soon", "soon");
    check_variable("DPP_FIELDS", "nam", "there is no column 'nam'; did you mean 'name'?");
    check_variable("DPP_PORT", "dns", "--port 'dns': allowed are");
    check_variable("DPP_DEDUP_PACKETS", "soon", "--dedup-packets 'soon': allowed are");
}

#[test]
fn a_name_that_a_script_left_empty_is_an_error() {
    check_arguments(&["", "out.csv"], 1, "''");
    check_arguments(&["in.pcap", ""], 1, "empty name");
    check_arguments(&["in.pcap", "out.csv", "--anonymize", ""], 1, "key file ''");
    check_variable("DPP_ANONYMIZE", "", "key file ''");
    check_variable("DPP_OUTPUT_FILENAME", "", "empty name");
}

#[test]
fn a_match_timeout_is_1_to_5000_ms() {
    for timeout in ["0", "5001", "-1", "soon", "1.5", ""] {
        check_arguments(&["in.pcap", "--match-timeout-ms", timeout], 1, "1 to 5000");
    }
}

#[test]
fn columns_ports_and_windows_are_looked_at_first() {
    check_arguments(&["in.pcap", "--fields", "id,nmae"], 1, "no column 'nmae'; did you mean 'name'?");
    check_arguments(&["in.pcap", "--port", "5399-5300"], 1, "--port '5399-5300': allowed are ports");
    check_arguments(&["in.pcap", "--port", "53", "--port", "-1"], 1, "--port '-1'");
    check_arguments(&["in.pcap", "--dedup-packets", "11s"], 1, "times up to 10 s");
}

#[test]
fn an_output_that_is_the_input_under_any_name_is_refused() {
    let room = Room::with_capture();
    fs::hard_link(room.path("in.pcap"), room.path("hard.csv")).unwrap();
    symlink("in.pcap", room.path("soft.csv")).unwrap();
    fs::hard_link(room.path("in.pcap"), room.path("new.csv.part")).unwrap();
    for (output, reason) in [
        ("in.pcap", "the same file"),
        ("./in.pcap", "the same file"),
        ("hard.csv", "the same file"),
        ("soft.csv", "symbolic link"),
        ("new.csv", "the same file"),
    ] {
        check(&room, room.command(&["in.pcap", output]), 1, reason);
    }
    let mut from_stdin = room.command(&["-", "hard.csv"]);
    from_stdin.stdin(File::open(room.path("in.pcap")).unwrap());
    check(&room, from_stdin, 1, "the same file");
    let mut appending = room.command(&["in.pcap", "-"]);
    let input = File::options().append(true).open(room.path("in.pcap")).unwrap();
    appending.stdout(Stdio::from(input));
    let before = room.read("in.pcap");
    assert_eq!(appending.output().unwrap().status.code(), Some(1));
    assert!(room.read("in.pcap") == before);
}

#[test]
fn an_output_that_is_the_key_file_is_refused() {
    let room = Room::with_capture();
    room.write("secret", "secret");
    check(&room, room.command(&["in.pcap", "secret", "--anonymize", "secret"]), 1, "the key file");
}

#[test]
fn a_directory_or_a_link_to_a_file_is_no_output() {
    let room = Room::with_capture();
    fs::create_dir(room.path("directory")).unwrap();
    room.write("old.csv", "old");
    symlink("old.csv", room.path("link.csv")).unwrap();
    symlink("circle", room.path("circle")).unwrap();
    for (output, reason) in [
        ("directory", "is a directory"),
        ("link.csv", "symbolic link"),
        ("circle", "in circles"),
        ("missing/out.csv", "its directory does not exist"),
    ] {
        check(&room, room.command(&["in.pcap", output]), 1, reason);
    }
}

#[test]
fn standard_output_carries_one_thing_only() {
    check_arguments(&["in.pcap", "-", "-f", "parquet"], 1, "Parquet");
    check_arguments(&["in.pcap", "-", "--report-format", "json"], 1, "JSON");
    for name in ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"] {
        check_arguments(&["in.pcap", name, "--report-format", "json"], 1, "JSON");
    }
    let room = Room::with_capture();
    room.write("rows.csv", "");
    let mut redirected = room.command(&["in.pcap", "rows.csv", "--report-format", "json"]);
    redirected.stdout(File::options().append(true).open(room.path("rows.csv")).unwrap());
    check(&room, redirected, 1, "JSON");
}

#[test]
fn what_swallows_everything_may_be_the_output_and_take_the_report() {
    let room = Room::with_capture();
    room.shell("$DPP in.pcap /dev/null --report-format json > /dev/null").well();
}

#[test]
fn what_cdns_cannot_be_is_refused() {
    let check = |arguments: &[&str], reason| {
        check_arguments(&[&["in.pcap", "out.cdns"], arguments].concat(), 1, reason);
    };
    check(&["--cdns-sections", "some"], "allowed are all, answers, none");
    check(&["--cdns-exclude", "client-adress"], "did you mean 'client-address'?");
    check(&["--cdns-prefix", "24,48"], "name four numbers of bits");
    check(&["--cdns-prefix", "24,48,33,128"], "name four numbers of bits");
    check(&["--cdns-ticks", "ms"], "allowed are us and ns");
    check(&["--cdns-block-items", "0"], "allowed are 1 to 100000");
    check(&["--cdns-rr-types", "A,!SOA"], "put ! before each of them");
    check(&["--cdns-rr-types", "NOTYPE"], "'NOTYPE' is not known");
    check(&["--cdns-opcodes", "16"], "'16' is not known");
    check_arguments(&["in.pcap", "out.csv", "--cdns-ticks", "us"], 1, "--cdns-ticks is for C-DNS");
    check_variable("DPP_CDNS_SECTIONS", "none", "--cdns-sections is for C-DNS");
}

#[test]
fn columns_are_not_chosen_where_there_are_none() {
    let options = [
        ["--fields", "id"],
        ["--schema", "full"],
        ["--schema", "zeek"],
        ["--drop", "id"],
        ["--drop", "src_ip"],
    ];
    for options in options {
        let check = |arguments: &[&str], reason: &str| {
            let reason = format!("{} is for tables of columns{reason}", options[0]);
            check_arguments(&[arguments, &options].concat(), 1, &reason);
        };
        check(&["in.pcap", "out.pcap"], ", and -f pcap writes whole messages; leave it out, or choose");
        check(&["in.pcap", "-f", "dnstap"], ", and -f dnstap writes whole messages; leave it out, or choose");
        check(
            &["in.pcap", "out.cdns"],
            "; leave it out: what -f cdns stores, --cdns-exclude and --cdns-sections say",
        );
        let dataset = ["extract", "in.pcap", "-o", "set", "--partition-by", "hour", "-f"];
        check(&[&dataset[..], &["pcap"]].concat(), ", and -f pcap");
        check(&[&dataset[..], &["cdns"]].concat(), "; leave it out: what -f cdns stores");
    }
    let room = Room::with_capture();
    let mut command = room.command(&["in.pcap", "out.pcap"]);
    command.env("DPP_FIELDS", "id");
    check(&room, command, 1, "--fields is for tables of columns");
}

#[test]
fn a_name_that_promises_what_is_not_written_is_refused() {
    for name in ["x.pcap.xz", "x.csv.bz2", "x.parquet.xz", "x.lz4", "x.CSV.XZ", "x.csv.gz.gz", "x.csv.zip"] {
        let word = name.rsplit('.').next().unwrap().to_lowercase();
        let reason = format!("the output '{name}' would not be what .{word} says; tables are packed once");
        check_arguments(&["in.pcap", name], 1, &reason);
        check_arguments(&["in.pcap", name, "-f", "csv"], 1, &reason);
    }
    for word in ["gz", "zst", "xz"] {
        let (pcap, saved) = (format!("x.pcap.{word}"), format!("x.pcapng.{word}"));
        let reason = format!("would not be what .{word} says");
        check_arguments(&["generate", &pcap, "--transactions", "1"], 1, &reason);
        check_arguments(&["in.pcap", "out.csv", "--save-skipped", &saved], 1, &reason);
    }
    for name in ["x.pcapng", "x.cap", "x.pcapng.gz"] {
        let reason = "says; of captures only pcap is written: end its name with .pcap, or say with -f";
        check_arguments(&["in.pcap", name], 1, reason);
    }
}

#[test]
fn what_belongs_to_saved_packets_is_refused_without_them() {
    check_arguments(&["in.pcap", "--examples", "3"], 1, "--examples is for --save-skipped");
    check_variable("DPP_EXAMPLES", "3", "--examples is for --save-skipped");
    check_variable("DPP_EXAMPLES", "0", "DPP_EXAMPLES is '0'; allowed is a number from 1 to 64");
}

#[test]
fn what_belongs_to_parquet_is_refused_for_csv() {
    check_arguments(&["in.pcap", "-z"], 1, "--zstd");
    check_arguments(&["in.pcap", "out.csv", "--zstd=5"], 1, "--zstd");
    check_arguments(&["in.pcap", "--v2"], 1, "--v2");
}
