//! What keys, sizes and signals do.

use crate::terminal::Terminal;
use rustix::process::Signal;
use std::process::{Command, Stdio};

/// Ten minutes at fifty queries a second: nobody sees their end here.
const LONG: [&str; 4] = ["--duration-seconds", "600", "--qps", "50"];

/// What stands behind these words, up to the next blank.
fn behind<'a>(screen: &'a str, words: &str) -> &'a str {
    let place = screen.find(words).unwrap_or_else(|| panic!("{words} is not on the screen:\n{screen}"));
    screen[place + words.len()..].split_whitespace().next().unwrap_or_default()
}

fn queries(screen: &str) -> u64 {
    behind(screen, "queries ").replace(',', "").parse().expect("a number")
}

/// Started at this speed, and something is there.
fn started(speed: &str, size: (u16, u16)) -> Terminal {
    let terminal = Terminal::with_capture(&LONG);
    terminal.start(size.0, size.1, &["in.pcap", "--speed", speed, "--interval", "100ms", "--window", "all"]);
    terminal.wait_until("queries", |screen| screen.contains("NOERROR") && queries(screen) > 0);
    terminal
}

#[test]
fn a_pause_stops_the_reading_and_keys_go_on() {
    let terminal = started("5", (100, 40));
    terminal.write(" ");
    let paused = terminal.wait_for("PAUSED");
    terminal.write("n");
    let names = terminal.wait_until("names", |screen| screen.lines().any(|line| line.starts_with("names ")));
    assert_eq!(queries(&names), queries(&paused));
    terminal.write(" ");
    terminal.wait_until("more", |screen| !screen.contains("PAUSED") && queries(screen) > queries(&paused));
    terminal.write("+");
    terminal.wait_for("speed 10 ");
    terminal.write("--");
    terminal.wait_for("speed 2 ");
    terminal.write("q");
    terminal.wait_for_the_end();
}

#[test]
fn a_window_is_of_its_time() {
    let terminal = started("max", (100, 40));
    terminal.wait_for("END");
    let all = terminal.screen();
    terminal.write("w");
    let ten = terminal.wait_for("last 10s");
    terminal.write("w");
    let minute = terminal.wait_for("last 1m");
    let [all, ten, minute] = [&all, &ten, &minute].map(|screen| queries(screen));
    assert!(
        all > 29_000 && (300..700).contains(&ten) && (2400..3200).contains(&minute),
        "{all} {ten} {minute}"
    );
    terminal.write("q");
    terminal.wait_for_the_end();
}

#[test]
fn a_text_is_found_and_a_condition_filters_from_then_on() {
    let terminal = started("50", (120, 40));
    terminal.write("t/c");
    let screen = terminal.wait_for("find: c");
    let below = screen.lines().skip_while(|line| !line.starts_with("TLDs")).skip(1);
    let rows: Vec<&str> = below.take_while(|line| line.contains('%')).collect();
    assert!(!rows.is_empty() && rows.iter().all(|row| row[..18].contains('c')), "{screen}");
    terminal.press("Enter");
    terminal.wait_for("TLDs with 'c'");
    terminal.write("fqtype = AAAAA");
    terminal.press("Enter");
    terminal.wait_for("'AAAAA' is no type");
    terminal.write("fqtype = AAAA");
    terminal.press("Enter");
    let screen = terminal.wait_until("only AAAA", |screen| {
        screen.contains("where qtype = AAAA") && screen.contains("100.0 %") && queries(screen) > 0
    });
    let types = screen.lines().skip_while(|line| !line.starts_with("Types")).skip(1);
    let others = types
        .take_while(|line| !line.contains("clients"))
        .filter(|line| !line.is_empty() && !line.starts_with(' '));
    assert_eq!(
        others.map(|line| line.split_whitespace().next().unwrap()).collect::<Vec<_>>(),
        ["AAAA"],
        "{screen}"
    );
    terminal.write("r");
    terminal.write("q");
    terminal.wait_for_the_end();
}

#[test]
fn what_keys_do_is_told() {
    let terminal = started("1", (100, 40));
    terminal.write("?");
    let help = terminal.wait_for("what keys do");
    for words in
        ["clients with the most queries", "leave, as Ctrl-C does", "count only what meets a condition"]
    {
        assert!(help.contains(words), "{help}");
    }
    terminal.write("x");
    terminal.wait_until("the screen", |screen| !screen.contains("what keys do") && screen.contains("Rcodes"));
    terminal.press("C-c");
    terminal.wait_for_the_end();
}

#[test]
fn help_that_does_not_fit_can_be_scrolled() {
    let terminal = started("1", (80, 24));
    terminal.resize(80, 12);
    terminal.write("?");
    let help = terminal.wait_for("up, down: more");
    assert!(help.contains("clients with the most") && !help.contains("a page up"), "{help}");
    terminal.press("PageDown");
    let help = terminal.wait_for("a page up");
    assert!(help.contains("further up") && !help.contains("clients with the most"), "{help}");
    terminal.press("Up");
    terminal
        .wait_until("a line less", |screen| screen.contains("a page down") && !screen.contains("a page up"));
    // What there is room for all at once is not scrolled any more.
    terminal.resize(80, 24);
    let help = terminal.wait_for("any key goes back");
    assert!(help.contains("clients with the most") && help.contains("a page up"), "{help}");
    terminal.press("Down");
    terminal.wait_until("the screen", |screen| !screen.contains("what keys do") && screen.contains("q quit"));
    terminal.write("q");
    terminal.wait_for_the_end();
}

#[test]
fn windows_of_any_size_have_what_fits() {
    let terminal = started("10", (120, 40));
    for (width, height) in [(20, 5), (1, 1), (80, 24), (3, 50), (250, 3)] {
        terminal.resize(width, height);
        // It has drawn when it knows the new size: then a key changes what is there.
        terminal.write("?");
        terminal.write("x");
    }
    terminal.resize(80, 24);
    let screen =
        terminal.wait_until("the screen", |screen| screen.contains("Rcodes") && screen.contains("q quit"));
    assert_eq!(screen.lines().count(), 24, "{screen}");
    terminal.resize(20, 5);
    terminal.wait_until("a small one", |screen| screen.contains("dpp top") && !screen.contains("Rcodes"));
    terminal.write("q");
    terminal.resize(80, 24);
    terminal.wait_for_the_end();
}

#[test]
fn a_signal_ends_it_and_the_terminal_is_what_it_was() {
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let terminal = started("1", (80, 24));
        terminal.signal(signal);
        terminal.wait_for_the_end();
    }
}

#[test]
fn a_terminal_that_goes_away_ends_it() {
    started("1", (80, 24)).vanish();
}

#[test]
fn where_no_colours_are_wanted_there_are_none() {
    for (environment, is_colored) in [(&[("NO_COLOR", "1")][..], false), (&[("NO_COLOR", "")], true)] {
        let terminal = Terminal::with_capture(&["--transactions", "500"]);
        terminal.start_with(environment, 80, 24, &["in.pcap", "--speed", "max", "--window", "all"]);
        terminal.wait_for("END");
        let painted = terminal.painted();
        // 39 is the colour that the terminal has.
        let has_color = painted.replace("[39m", "").contains("\x1b[3");
        assert_eq!(has_color, is_colored, "{painted:?}");
    }
}

#[test]
fn without_a_terminal_it_says_what_does_without() {
    let terminal = Terminal::with_capture(&["--transactions", "10"]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_dpp"));
    command.args(["top", "in.pcap"]).current_dir(terminal.folder()).env_clear().stdin(Stdio::null());
    let told = command.output().expect("dpp starts");
    let errors = String::from_utf8_lossy(&told.stderr);
    assert_eq!(told.status.code(), Some(1));
    assert!(errors.contains("dpp stats tells the same figures once") && told.stdout.is_empty(), "{errors}");
}

#[test]
fn what_is_misspelt_is_told_before_the_terminal_is_taken() {
    let terminal = Terminal::with_capture(&["--transactions", "10"]);
    for (arguments, expected) in [
        (&["in.pcap", "--speed", "0"][..], "--speed '0'"),
        (&["in.pcap", "--window", "10m"], "--window '10m': allowed are 10s, 1m, all"),
        (&["in.pcap", "--interval", "1ms"], "--interval"),
        (&["in.pcap", "--where", "qtyp = A"], "did you mean 'qtype'?"),
        (&["in.pcap", "dnstap+unix:s.sock"], "look at one kind at a time"),
        (&["afpaket:eth0"], "did you mean 'afpacket'?"),
        (&["none.pcap"], "none.pcap"),
        (&[], "name a live source, or captures"),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dpp"));
        let told = command.arg("top").args(arguments).current_dir(terminal.folder()).env_clear().output();
        let told = told.expect("dpp starts");
        let errors = String::from_utf8_lossy(&told.stderr);
        assert!(told.status.code() == Some(1) && errors.contains(expected), "{arguments:?}: {errors}");
    }
}
