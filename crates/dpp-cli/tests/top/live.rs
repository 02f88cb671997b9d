//! A live source: dnstap that comes to a socket, from now.

use crate::terminal::Terminal;
use dpp::dnstap::{Direction, Dnstap, Message, MessageType, Role, Time, frames};
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::time::SystemTime;

/// A query of this id and client, or the answer to it, as a server tells of it now.
fn frame(id: u16, client: u8, is_response: bool) -> Vec<u8> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is later than 1970");
    let flags = if is_response { 0x81 } else { 1 };
    let dns =
        [&id.to_be_bytes()[..], &[flags], b"\0\0\x01\0\0\0\0\0\0\x04live\x07example\0\0\x01\0\x01"].concat();
    let direction = if is_response { Direction::Response } else { Direction::Query };
    let mut message = Message::new(MessageType::of(Role::Client, direction));
    let time = Time::new(since.as_secs(), since.subsec_nanos());
    let address = [192, 0, 2, client];
    (message.socket_family, message.socket_protocol) = (Some(1), Some(1));
    message.query_address = Some(&address);
    message.response_address = Some(&[192, 0, 2, 53]);
    (message.query_port, message.response_port) = (Some(5000), Some(53));
    match is_response {
        true => (message.response_time, message.response_message) = (time, Some(&dns[..])),
        false => (message.query_time, message.query_message) = (time, Some(&dns[..])),
    }
    let mut frame = Vec::new();
    frames::write_frame_with(&mut frame, |out| Dnstap::new(message).write(out));
    frame
}

#[test]
fn what_a_server_tells_is_seen_while_it_comes() {
    let terminal = Terminal::new();
    terminal.start(100, 30, &["dnstap+unix:s.sock", "--interval", "100ms", "--window", "1m"]);
    terminal.wait_for("live");
    let mut server = UnixStream::connect(terminal.path("s.sock")).expect("dpp listens");
    let mut start = Vec::new();
    frames::write_start(&mut start);
    server.write_all(&start).expect("dpp reads");
    let mut tell = |ids: std::ops::Range<u16>| {
        for id in ids {
            let client = if id % 4 == 0 { 2 } else { 1 };
            server.write_all(&frame(id, client, false)).expect("dpp reads");
            if id % 10 != 0 {
                server.write_all(&frame(id, client, true)).expect("dpp reads");
            }
        }
    };
    tell(0..400);
    let screen = terminal.wait_for("queries 400 ");
    for words in ["answered 90.0 %", "dpp top dnstap+unix:s.sock", "dropped 0", "packets 760"] {
        assert!(screen.contains(words), "{words}: {screen}");
    }
    let row = |client: &str, count: &str| {
        let is_it = |line: &&str| line.starts_with(client) && line.split_whitespace().nth(1) == Some(count);
        assert!(screen.lines().any(|line| is_it(&line)), "{client} {count}: {screen}");
    };
    row("192.0.2.1 ", "300");
    row("192.0.2.2 ", "100");
    // A view that stands still is counted on.
    terminal.write(" ");
    terminal.wait_for("PAUSED");
    tell(400..500);
    terminal.write("n");
    let held = terminal.wait_until("names", |screen| screen.lines().any(|line| line.starts_with("names ")));
    assert!(held.contains("queries 400 "), "{held}");
    terminal.write(" +");
    let screen = terminal.wait_for("queries 500 ");
    assert!(screen.lines().any(|line| line.starts_with("live.example ")), "{screen}");
    terminal.write("q");
    terminal.wait_for_the_end();
    assert!(!terminal.path("s.sock").exists(), "the socket goes with it");
}
