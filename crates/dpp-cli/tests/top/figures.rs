//! The figures on the screen are those of `dpp stats`.

use crate::terminal::Terminal;
use crate::traffic::{hostile_names, pcap_of};
use serde_json::Value;
use std::fs;

/// Keys of tables, what they are called in JSON, and what on the screen.
const TABLES: [(&str, &str, &str); 6] = [
    ("c", "clients", "Clients"),
    ("p", "client_prefixes", "Client networks"),
    ("s", "servers", "Servers"),
    ("n", "names", "Names"),
    ("d", "domains", "Domains"),
    ("t", "tlds", "TLDs"),
];

/// A number as people read it.
fn grouped(number: &Value) -> String {
    let digits = number.as_u64().expect("a number").to_string();
    let first = digits.len() % 3;
    let groups =
        [&digits[..first]].into_iter().chain((first..digits.len()).step_by(3).map(|at| &digits[at..at + 3]));
    groups.filter(|group| !group.is_empty()).collect::<Vec<_>>().join(",")
}

fn stats(terminal: &Terminal, more: &[&str]) -> Value {
    serde_json::from_str(&terminal.dpp(&[&["stats", "--json", "in.pcap"], more].concat())).expect("JSON")
}

/// The rows below the head of the table: the first and the second word of each.
fn rows(screen: &str) -> Vec<(String, String)> {
    let below = screen.lines().skip_while(|line| !line.contains("q/s") || !line.contains("share")).skip(1);
    let rows = below.map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
    rows.filter(|words| words.len() >= 5).map(|words| (words[0].clone(), words[1].clone())).collect()
}

/// All tables of the screen are those of this object.
#[track_caller]
fn check_tables(terminal: &Terminal, stats: &Value) {
    for (key, name, words) in TABLES {
        terminal.write(key);
        let screen = terminal.wait_until(name, |screen| {
            screen.lines().any(|line| line.to_lowercase().starts_with(&format!("{} ", words.to_lowercase())))
        });
        let expected: Vec<(String, String)> = stats["tops"][name]["rows"]
            .as_array()
            .expect("rows")
            .iter()
            .map(|row| (row["key"].as_str().expect("a key").to_owned(), grouped(&row["count"])))
            .collect();
        let found = rows(&screen);
        let found: Vec<_> = found.into_iter().take(expected.len().min(15)).collect();
        assert!(!found.is_empty(), "{screen}");
        assert_eq!(found, expected[..found.len()], "{name}: {screen}");
        assert!(found.len() == expected.len().min(15), "{name}: {screen}");
    }
}

#[test]
fn figures_are_those_of_dpp_stats() {
    let terminal = Terminal::with_capture(&["--transactions", "5000", "--qps", "100"]);
    let stats = stats(&terminal, &[]);
    terminal.start(120, 45, &["in.pcap", "--speed", "max", "--window", "all"]);
    let screen = terminal.wait_for("END");
    let told = |words: &str| assert!(screen.contains(words), "{words}: {screen}");
    told("dpp top in.pcap");
    told(&format!("queries {} ", grouped(&stats["transactions"])));
    told(&format!("packets {} ", grouped(&stats["accounting"]["packets_read"])));
    let rate = stats["transactions"].as_f64().unwrap() / stats["seconds"].as_f64().unwrap();
    assert!((95.0..105.0).contains(&rate), "{rate}");
    let found: f64 = screen.lines().nth(1).unwrap().split(' ').next().unwrap().parse().expect("a rate");
    assert!((found - rate).abs() <= 0.5, "{found} {rate}");
    for (table, first) in [("types", "A"), ("rcodes", "NOERROR")] {
        let row = &stats[table]["rows"][0];
        assert_eq!(row["key"], first);
        let total: u64 =
            stats[table]["rows"].as_array().unwrap().iter().map(|row| row["count"].as_u64().unwrap()).sum();
        let share = 100.0 * row["count"].as_f64().unwrap() / total as f64;
        let words = format!("{share:.1} % █");
        assert!(
            screen.lines().any(|line| line.contains(first) && line.contains(&words)),
            "{words}: {screen}"
        );
    }
    check_tables(&terminal, &stats);
    terminal.write("q");
    terminal.wait_for_the_end();
}

#[test]
fn a_capture_at_its_own_pace_has_the_same_figures() {
    let terminal = Terminal::with_capture(&["--duration-seconds", "40", "--qps", "50"]);
    let stats = stats(&terminal, &["--where", "qtype = A"]);
    let words =
        ["in.pcap", "--speed", "20", "--window", "all", "--interval", "100ms", "--where", "qtype = A"];
    terminal.start(120, 45, &words);
    let early = terminal.wait_until("some", |screen| screen.contains("q/s") && !screen.contains("- q/s"));
    assert!(!early.contains("END") && early.contains("speed 20"), "{early}");
    let screen = terminal.wait_for("END");
    assert!(screen.contains(&format!("queries {} ", grouped(&stats["transactions"]))), "{screen}");
    check_tables(&terminal, &stats);
    // The last ten seconds are less, and as long as they are said to be.
    terminal.write("w");
    let screen = terminal.wait_for("last 10s");
    let number = |words: &str| -> u64 {
        let behind = screen[screen.find(words).expect(words) + words.len()..].split_whitespace().next();
        behind.expect("a number").replace(',', "").parse().expect("a number")
    };
    let queries = number("queries ");
    assert!(queries > 100 && queries < stats["transactions"].as_u64().unwrap() / 2, "{screen}");
    terminal.write("q");
    terminal.wait_for_the_end();
}

#[test]
fn names_of_strangers_cannot_write_to_the_terminal() {
    let terminal = Terminal::new();
    let names = hostile_names();
    fs::write(terminal.path("in.pcap"), pcap_of(&names)).expect("a test can write");
    let stats = stats(&terminal, &[]);
    assert_eq!(stats["transactions"], names.len());
    terminal.start(120, 45, &["in.pcap", "--speed", "max", "--window", "all"]);
    terminal.wait_for("END");
    terminal.write("n");
    let screen = terminal.wait_for("\\033\\[2j\\033\\[howned.test");
    assert!(screen.contains("dpp top in.pcap") && !screen.contains("OWNED"), "{screen}");
    assert!(
        screen.is_ascii()
            || screen.chars().all(|letter| letter.is_ascii() || "█▏▎▍▌▋▊▉▁▂▃▄▅▆▇…".contains(letter)),
        "{screen}"
    );
    terminal.write("q");
    terminal.wait_for_the_end();
}

#[test]
fn a_capture_comes_from_standard_input_and_keys_from_the_terminal() {
    let terminal = Terminal::with_capture(&["--transactions", "500"]);
    terminal.start_with(&[("FEED", "in.pcap")], 80, 24, &["-", "--speed", "max", "--window", "all"]);
    let screen = terminal.wait_for("END");
    assert!(screen.contains("dpp top stdin") && screen.contains("queries 500 "), "{screen}");
    terminal.write("q");
    terminal.wait_for_the_end();
}

#[test]
fn a_capture_that_is_cut_off_says_so() {
    let terminal = Terminal::with_capture(&["--transactions", "500"]);
    let capture = fs::read(terminal.path("in.pcap")).expect("there is one");
    fs::write(terminal.path("cut.pcap"), &capture[..capture.len() - 5]).expect("a test can write");
    terminal.start(80, 24, &["cut.pcap", "--speed", "max"]);
    terminal.wait_for("END (cut off)");
    terminal.write("q");
    terminal.wait_for_the_end();
}
