//! Senders of others: `fstrm_replay`, and unbound, which is asked while it sends.

use crate::place::{Place, Received, Running, Scene, bytes_of, fstrm_replay, some_frames, stream, until};
use dpp::capture::Record;
use dpp::dnstap::{Dnstap, frames};
use dpp_source::live::Count;
use dpp_source::live::dnstap::{Listen, Receiver, Settings};
use dpp_source::live::{LiveError, UnixSocket};
use std::fs::{self, File};
use std::io::Write;
use std::net::UdpSocket;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::time::Duration;

#[test]
fn a_file_comes_over_a_unix_socket_whole_and_in_order() {
    let (scene, sent) = (Scene::unix(), some_frames(5000));
    let file = scene.place.path("sent");
    fs::write(&file, stream(&sent)).unwrap();
    Running::start(fstrm_replay(&file).arg("-u").arg(scene.socket())).ends();
    scene.counts(Count::Taken, 5000);
    let broken = [Count::ConnectionsBroken, Count::ProtocolErrors].map(|count| scene.count(count));
    assert_eq!((scene.count(Count::Connections), broken), (1, [0, 0]));
    let received = scene.end();
    assert_eq!(bytes_of(&received), sent);
    let Received { linktype, time_ns, .. } = received[7];
    assert_eq!((linktype, time_ns), (Record::DNSTAP, 1_000_007_000_000_005));
}

#[test]
fn senders_over_tcp_come_together() {
    let (scene, sent) = (Scene::tcp(), some_frames(2000));
    let file = scene.place.path("sent");
    fs::write(&file, stream(&sent)).unwrap();
    let port = scene.address.unwrap().port().to_string();
    let mut senders: Vec<Running> =
        (0..3).map(|_| Running::start(fstrm_replay(&file).args(["-a", "127.0.0.1", "-p", &port]))).collect();
    senders.iter_mut().for_each(Running::ends);
    scene.counts(Count::Taken, 6000);
    let mut expected: Vec<_> = sent.iter().flat_map(|frame| [frame; 3]).cloned().collect();
    let mut received = bytes_of(&scene.end());
    expected.sort();
    received.sort();
    assert!(received == expected);
}

#[test]
fn a_sender_that_is_killed_is_counted_and_comes_again() {
    let (scene, sent) = (Scene::unix(), some_frames(1000));
    let pipe = scene.place.path("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for time in 1..3 {
        let mut sender = Running::start(fstrm_replay(&pipe).arg("-u").arg(scene.socket()));
        let mut pipe = File::options().write(true).open(&pipe).unwrap();
        let stream = stream(&sent);
        // It has no end to read, so it is in the middle.
        pipe.write_all(&stream[..stream.len() - 20]).unwrap();
        until("the first frames come", || scene.count(Count::Connections) == time);
        until("they are read", || scene.received_count() > 0);
        sender.0.kill().unwrap();
        scene.counts(Count::ConnectionsBroken, time);
    }
    fs::remove_file(&pipe).unwrap();
    let before = scene.received_count() as u64;
    fs::write(&pipe, stream(&sent)).unwrap();
    Running::start(fstrm_replay(&pipe).arg("-u").arg(scene.socket())).ends();
    scene.counts(Count::Taken, before + 1000);
    let received = bytes_of(&scene.end());
    assert!(received.ends_with(&sent));
}

#[test]
fn the_receiver_may_be_restarted() {
    let place = Place::new();
    let socket = UnixSocket { path: place.path("s"), ..UnixSocket::default() };
    let settings = Settings::new(Listen::Unix(socket));
    for _ in 0..3 {
        let receiver = Receiver::open(&settings).unwrap();
        assert!(matches!(Receiver::open(&settings), Err(LiveError::SocketInUse(_))));
        let scene =
            Scene::of(Place::new(), 1 << 20, |queue, counts| receiver.start(queue, 0, counts).unwrap());
        let mut sender = UnixStream::connect(place.path("s")).unwrap();
        sender.write_all(&stream(&some_frames(10))).unwrap();
        scene.counts(Count::Taken, 10);
        assert_eq!(scene.end().len(), 10);
        assert!(!place.path("s").exists());
    }
}

#[test]
fn what_was_sent_before_the_end_is_received() {
    let (scene, sent) = (Scene::unix(), some_frames(400));
    let mut sender = UnixStream::connect(scene.socket()).unwrap();
    sender.write_all(&stream(&sent)).unwrap();
    assert_eq!(bytes_of(&scene.end()), sent);
}

#[test]
fn a_frame_without_a_time_is_dated_when_it_comes() {
    let scene = Scene::unix();
    let mut sender = UnixStream::connect(scene.socket()).unwrap();
    let seconds = || std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos() as i64;
    let before = seconds();
    sender.write_all(&stream(&[b"\x78\x01".to_vec()])).unwrap();
    scene.counts(Count::Taken, 1);
    let received = scene.end();
    assert!((before..=seconds()).contains(&received[0].time_ns));
}

#[test]
fn unbound_sends_what_it_is_asked() {
    let scene = Scene::unix();
    let port = free_port();
    let config = scene.place.path("unbound.conf");
    let text = format!(
        "server:\n interface: 127.0.0.1@{port}\n do-daemonize: no\n username: \"\"\n chroot: \"\"\n pidfile: \"\"\n \
         directory: \"{place}\"\n use-syslog: no\n logfile: \"{place}/log\"\n do-not-query-localhost: no\n \
         local-zone: \"example.\" static\n local-data: \"www.example. A 192.0.2.1\"\n module-config: \"iterator\"\n\
         remote-control:\n control-enable: no\n\
         dnstap:\n dnstap-enable: yes\n dnstap-socket-path: \"{socket}\"\n dnstap-send-identity: yes\n \
         dnstap-identity: \"under-test\"\n dnstap-log-client-query-messages: yes\n \
         dnstap-log-client-response-messages: yes\n",
        place = scene.place.0.display(),
        socket = scene.socket().display()
    );
    fs::write(&config, text).unwrap();
    let _server = Running::start(Command::new("unbound").args(["-d", "-p", "-c"]).arg(&config));
    let asker = UdpSocket::bind("127.0.0.1:0").unwrap();
    asker.connect(("127.0.0.1", port)).unwrap();
    asker.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let query = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x03www\x07example\0\0\x01\0\x01";
    let mut response = [0; 512];
    until("unbound answers", || {
        let _ = asker.send(query);
        asker.recv(&mut response).is_ok()
    });
    until("it sends what it was asked and what it answered", || scene.received_count() >= 2);
    let received = scene.received();
    let told: Vec<Dnstap> = received.iter().map(|frame| Dnstap::parse(&frame.bytes).unwrap()).collect();
    assert!(told.iter().all(|frame| frame.identity == Some(b"under-test")));
    let kinds: Vec<u32> = told.iter().map(|frame| frame.message.unwrap().kind.0).collect();
    assert!(kinds.contains(&5) && kinds.contains(&6), "{kinds:?}");
    let asked = told[0].message.unwrap().query_message.unwrap();
    assert_eq!(asked, query);
}

/// A port of UDP and TCP that nobody has.
fn free_port() -> u16 {
    UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn streams_may_follow_each_other_on_one_connection() {
    let (scene, sent) = (Scene::unix(), some_frames(30));
    let mut sender = UnixStream::connect(scene.socket()).unwrap();
    sender.write_all(&stream(&sent[..10])).unwrap();
    sender.write_all(&stream(&sent[10..])).unwrap();
    drop(sender);
    scene.counts(Count::Taken, 30);
    assert_eq!(frames::CONTENT_TYPE.len(), 22);
    assert_eq!(bytes_of(&scene.end()), sent);
}
