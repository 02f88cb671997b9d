//! Frames sent on: to `fstrm_capture`, whose file `dnstap-read` reads, to `openssl`, and to receivers that mean no good.

use dpp::dnstap::{Direction, Dnstap, Message, MessageType, Role, Time, frames};
use dpp_sink::relay::{Count, Relay, Settings, Target, WhenFull};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

/// A folder of a test's own.
struct Place(PathBuf);

impl Place {
    fn new() -> Place {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let ordinal = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("dpp-relay-{}-{ordinal}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Place(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

struct Running(Child);

impl Running {
    fn start(command: &mut Command) -> Running {
        Running(command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}; see tools/peers")))
    }

    /// Asks it to end, and waits.
    fn end(mut self) {
        let id = self.0.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        until("a program ends", || self.0.try_wait().unwrap().is_some());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn fstrm_capture(socket: &[&str], file: &Path) -> Running {
    let mut command = Command::new("fstrm_capture");
    command.args(["-t", "protobuf:dnstap.Dnstap"]).args(socket).arg("-w").arg(file);
    Running::start(command.stderr(Stdio::null()))
}

fn frame(seconds: u64) -> Vec<u8> {
    let mut message = Message::new(MessageType::of(Role::Client, Direction::Query));
    message.query_time = Time::new(seconds, 0);
    message.query_address = Some(&[192, 0, 2, 1]);
    message.socket_family = Some(1);
    message.socket_protocol = Some(1);
    message.query_message = Some(b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x03www\x07example\0\0\x01\0\x01");
    let mut out = Vec::new();
    Dnstap::new(message).write(&mut out);
    out
}

fn stream(numbers: std::ops::Range<u64>) -> Vec<u8> {
    let mut stream = Vec::new();
    frames::write_start(&mut stream);
    numbers.for_each(|number| frames::write_frame(&mut stream, &frame(1_700_000_000 + number)));
    frames::write_stop(&mut stream);
    stream
}

fn waiting(target: Target) -> Settings {
    Settings { patience: Duration::from_secs(20), ..Settings::new(target, WhenFull::Wait) }
}

fn count(relay: &Relay) -> [u64; 4] {
    let counts = relay.counts();
    let [sent, connections, broken] =
        [Count::Sent, Count::Connections, Count::Broken].map(|count| counts.get(count));
    [sent, counts.dropped(), connections, broken]
}

/// What `dnstap-read` reads: a line each.
fn read_lines(file: &Path) -> usize {
    let read = Command::new("dnstap-read").arg(file).output().unwrap();
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    let text = String::from_utf8(read.stdout).unwrap();
    assert!(text.lines().all(|line| line.contains(" CQ ") && line.ends_with("www.example/IN/A")), "{text}");
    text.lines().count()
}

#[test]
fn what_is_written_is_captured_by_others_whole() {
    let place = Place::new();
    let (socket, file) = (place.path("s"), place.path("captured"));
    let capture = fstrm_capture(&["-u", socket.to_str().unwrap()], &file);
    until("it listens", || UnixStream::connect(&socket).is_ok());
    let mut relay = Relay::open(waiting(Target::Unix(socket))).unwrap();
    let sent = stream(0..20_000);
    // However it is cut.
    sent.chunks(1001).for_each(|piece| relay.write_all(piece).unwrap());
    let counts = relay.counts().clone();
    relay.finish().unwrap();
    capture.end();
    assert_eq!((counts.get(Count::Sent), counts.get(Count::Broken)), (20_000, 0));
    assert!(fs::read(&file).unwrap() == sent, "the same stream");
    assert_eq!(read_lines(&file), 20_000);
}

#[test]
fn tcp_is_spoken_too() {
    let place = Place::new();
    let file = place.path("captured");
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let capture = fstrm_capture(&["-a", "127.0.0.1", "-p", &port], &file);
    let target = Target::Tcp(format!("localhost:{port}"));
    let mut relay = None;
    until("it listens", || {
        relay = Relay::open(waiting(target.clone())).ok();
        relay.is_some()
    });
    let mut relay = relay.unwrap();
    relay.write_all(&stream(0..300)).unwrap();
    relay.finish().unwrap();
    capture.end();
    assert_eq!(read_lines(&file), 300);
}

#[test]
fn a_receiver_that_is_started_later_and_again_gets_what_comes() {
    let place = Place::new();
    let (socket, files) = (place.path("s"), [place.path("first"), place.path("second")]);
    let patience = Duration::from_millis(1);
    let settings = Settings { patience, ..Settings::new(Target::Unix(socket.clone()), WhenFull::Drop) };
    let mut relay = Relay::open(settings).unwrap();
    relay.write_all(&stream(0..10)).unwrap();
    for (file, number) in files.iter().zip(1..) {
        let capture = fstrm_capture(&["-u", socket.to_str().unwrap()], file);
        until("it is connected", || count(&relay)[2] == number);
        assert!(relay.counts().is_connected());
        relay.write_all(&stream(0..10)).unwrap();
        until("it is sent", || count(&relay)[0] == 20 * number);
        capture.end();
        // Only with the next frame it is seen that the receiver has gone. That one waits for the next receiver.
        relay.write_all(&stream(0..10)).unwrap();
        until("it is noticed", || count(&relay)[3] == number && !relay.counts().is_connected());
    }
    assert_eq!(files.map(|file| read_lines(&file)), [20, 20]);
    let counts = relay.counts().clone();
    relay.finish().unwrap();
    assert_eq!((counts.get(Count::Sent), counts.get(Count::DroppedNoReceiver)), (40, 10));
    assert!(counts.get(Count::Refused) > 0 && counts.get(Count::DroppedFull) == 0);
}

#[test]
fn where_nobody_listens_a_file_fails_at_once_and_live_frames_are_dropped() {
    let place = Place::new();
    let target = Target::Unix(place.path("s"));
    let error = Relay::open(waiting(target.clone())).unwrap_err().to_string();
    assert!(
        error.starts_with("cannot send dnstap to '") && error.ends_with("is a receiver listening there?"),
        "{error}"
    );
    let patience = Duration::from_millis(1);
    let settings = Settings { buffer_bytes: 5000, patience, ..Settings::new(target, WhenFull::Drop) };
    let mut relay = Relay::open(settings).unwrap();
    for _ in 0..10 {
        relay.write_all(&stream(0..20)).unwrap();
    }
    let counts = relay.counts().clone();
    let dropped = counts.get(Count::DroppedFull);
    assert!((1..200).contains(&dropped), "{dropped}");
    assert!((1..=5000).contains(&counts.waiting_bytes()), "{}", counts.waiting_bytes());
    relay.finish().unwrap();
    assert_eq!((counts.get(Count::DroppedFull), counts.dropped()), (dropped, 200));
    assert_eq!(counts.waiting_bytes(), 0);
}

/// A receiver that plays its part up to START, and gives the connection.
fn accept(listener: &UnixListener) -> UnixStream {
    let (mut stream, _) = listener.accept().unwrap();
    let mut control = [0; 42];
    stream.read_exact(&mut control).unwrap();
    assert_eq!(control[11], 4);
    control[11] = 1;
    stream.write_all(&control).unwrap();
    stream.read_exact(&mut control).unwrap();
    assert_eq!(control[11], 2);
    stream
}

#[test]
fn after_a_break_the_frame_in_which_it_broke_is_sent_again_whole() {
    let place = Place::new();
    let listener = UnixListener::bind(place.path("s")).unwrap();
    let sent = stream(0..20_000);
    let frames_only = sent[42..sent.len() - 12].to_vec();
    let receiver = thread::spawn(move || {
        let mut first = accept(&listener);
        // More is written than the socket holds, so it breaks in the middle.
        let mut some = vec![0; 1001];
        first.read_exact(&mut some).unwrap();
        drop(first);
        let mut second = accept(&listener);
        let mut rest = vec![0; 1 << 22];
        let mut filled = 0;
        while !rest[..filled].ends_with(b"\0\0\0\0\0\0\0\x04\0\0\0\x03") {
            filled += second.read(&mut rest[filled..]).unwrap();
        }
        second.write_all(b"\0\0\0\0\0\0\0\x04\0\0\0\x05").unwrap();
        rest.truncate(filled - 12);
        rest
    });
    let mut relay = Relay::open(waiting(Target::Unix(place.path("s")))).unwrap();
    relay.write_all(&sent).unwrap();
    let counts = relay.counts().clone();
    relay.finish().unwrap();
    let rest = receiver.join().unwrap();
    assert!(frames_only.ends_with(&rest), "it goes on where a frame begins");
    let lost = frames_only.len() - rest.len();
    assert!((1001..1 << 20).contains(&lost), "only what was on its way is lost: {lost}");
    assert_eq!((counts.get(Count::Sent), counts.get(Count::Broken)), (20_000, 1));
}

#[test]
fn a_slow_receiver_makes_files_wait_and_live_sources_drop() {
    for when_full in [WhenFull::Wait, WhenFull::Drop] {
        let place = Place::new();
        let listener = UnixListener::bind(place.path("s")).unwrap();
        let target = Target::Unix(place.path("s"));
        let settings = Settings { buffer_bytes: 50_000, ..Settings::new(target, when_full) };
        let (go, wait) = std::sync::mpsc::channel();
        let receiver = thread::spawn(move || {
            let mut stream = accept(&listener);
            wait.recv().unwrap();
            let mut all = vec![0; 1 << 23];
            let mut filled = 0;
            while !all[..filled].ends_with(b"\0\0\0\0\0\0\0\x04\0\0\0\x03") {
                filled += stream.read(&mut all[filled..]).unwrap();
            }
            stream.write_all(b"\0\0\0\0\0\0\0\x04\0\0\0\x05").unwrap();
        });
        let mut relay = Relay::open(settings).unwrap();
        let counts = relay.counts().clone();
        until("it is connected", || counts.get(Count::Connections) == 1);
        let writer = thread::spawn(move || {
            (0..200).for_each(|_| relay.write_all(&stream(0..100)).unwrap());
            relay
        });
        if when_full == WhenFull::Drop {
            until("all is written", || writer.is_finished());
        } else {
            until("nothing more fits", || counts.get(Count::Sent) > 1000);
            assert!(!writer.is_finished());
        }
        go.send(()).unwrap();
        writer.join().unwrap().finish().unwrap();
        receiver.join().unwrap();
        let (sent, dropped) = (counts.get(Count::Sent), counts.dropped());
        assert_eq!((sent + dropped, dropped > 0), (20_000, when_full == WhenFull::Drop));
    }
}

#[test]
fn a_receiver_that_breaks_the_handshake_is_named() {
    // Nothing at all; an ACCEPT of something else; a FINISH; garbage.
    let other = b"\0\0\0\0\0\0\0\x0D\0\0\0\x01\0\0\0\x01\0\0\0\x01x".as_slice();
    let finish = b"\0\0\0\0\0\0\0\x04\0\0\0\x05".as_slice();
    let cases = [
        (b"".as_slice(), "does not answer"),
        (other, "something else than dnstap"),
        (finish, "another control frame"),
        (b"HTTP/1.1 400 Bad Request", "a data frame where"),
    ];
    for (answer, expected) in cases {
        let place = Place::new();
        let listener = UnixListener::bind(place.path("s")).unwrap();
        let receiver = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(answer).unwrap();
            let _ = stream.read_to_end(&mut Vec::new());
        });
        // Only who says nothing is waited for in vain.
        let handshake = Duration::from_millis(if answer.is_empty() { 100 } else { 20_000 });
        let error =
            Relay::open(Settings { handshake, ..waiting(Target::Unix(place.path("s"))) }).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        receiver.join().unwrap();
    }
}

#[test]
fn a_receiver_that_never_comes_back_ends_the_patience() {
    let place = Place::new();
    let listener = UnixListener::bind(place.path("s")).unwrap();
    let receiver = thread::spawn(move || drop(accept(&listener)));
    let patience = Duration::from_millis(50);
    let mut relay = Relay::open(Settings { patience, ..waiting(Target::Unix(place.path("s"))) }).unwrap();
    receiver.join().unwrap();
    let mut problem = None;
    until("writing fails", || {
        problem = relay.write_all(&stream(0..10)).err();
        problem.is_some()
    });
    let problem = problem.unwrap().to_string();
    assert!(problem.starts_with("dnstap can no longer be sent to '"), "{problem}");
    assert!(relay.finish().is_err());
}

/// Makes a key and a certificate: of `authority`, or an authority of its own.
#[cfg(feature = "tls")]
fn certificate(place: &Place, name: &str, authority: Option<&str>) {
    let mut command = Command::new("openssl");
    command.args("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2".split(' '));
    command.args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]);
    if let Some(authority) = authority {
        command.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
        command.arg("-CA").arg(place.path(&format!("{authority}.pem")));
        command.arg("-CAkey").arg(place.path(&format!("{authority}.key")));
    }
    command.arg("-keyout").arg(place.path(&format!("{name}.key")));
    command.arg("-out").arg(place.path(&format!("{name}.pem")));
    assert!(command.stderr(Stdio::null()).status().unwrap().success());
}

#[cfg(feature = "tls")]
#[test]
fn tls_is_spoken_and_only_with_the_right_receiver() {
    let place = Place::new();
    certificate(&place, "right", None);
    certificate(&place, "wrong", None);
    certificate(&place, "server", Some("right"));
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = Command::new("openssl");
    command.args(["s_server", "-quiet", "-accept"]).arg(port.to_string());
    command.arg("-cert").arg(place.path("server.pem")).arg("-key").arg(place.path("server.key"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut server = Running::start(&mut command);
    let (mut to, mut from) = (server.0.stdin.take().unwrap(), server.0.stdout.take().unwrap());
    let target = |name: &str| Target::Tls {
        address: format!("localhost:{port}"),
        authority: place.path(&format!("{name}.pem")),
        identity: None,
    };
    until("it refuses", || {
        let error = Relay::open(waiting(target("wrong"))).unwrap_err().to_string();
        error.contains("certificate")
    });
    let mut relay = Relay::open(Settings::new(target("right"), WhenFull::Drop)).unwrap();
    let mut control = [0; 42];
    from.read_exact(&mut control).unwrap();
    assert_eq!(control[11], 4);
    control[11] = 1;
    to.write_all(&control).unwrap();
    let sent = stream(0..1000);
    relay.write_all(&sent).unwrap();
    let receiver = thread::spawn(move || {
        let mut all = vec![0; sent.len()];
        from.read_exact(&mut all).unwrap();
        to.write_all(b"\0\0\0\0\0\0\0\x04\0\0\0\x05").unwrap();
        assert!(all == sent);
        to
    });
    let counts = relay.counts().clone();
    relay.finish().unwrap();
    receiver.join().unwrap();
    assert_eq!((counts.get(Count::Sent), counts.get(Count::Broken)), (1000, 0));
}
