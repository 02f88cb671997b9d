//! Senders that mean no good, or do not know what they do. None of them stops the others.

use crate::place::{Place, Scene, bytes_of, frame, some_frames, stream, until};
use dpp::dnstap::frames;
use dpp_source::live::Count;
use dpp_source::live::dnstap::{Listen, Receiver, Settings};
use dpp_source::live::{Feed, Pace, UnixSocket};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// What `enemy` sends on a connection of its own is counted under `count`, once; and who sends well is heard all the same.
fn check(count: Count, enemy: &[u8]) {
    let (scene, sent) = (Scene::unix(), some_frames(50));
    let mut well = UnixStream::connect(scene.socket()).unwrap();
    let (first, second) = sent.split_at(25);
    let (mut start, mut rest) = (stream(first), stream(second));
    start.truncate(start.len() - 12);
    rest.drain(..42);
    well.write_all(&start).unwrap();
    let mut bad = UnixStream::connect(scene.socket()).unwrap();
    // It may be parted from before all of it was sent.
    let _ = bad.write_all(enemy);
    drop(bad);
    scene.counts(count, 1);
    well.write_all(&rest).unwrap();
    drop(well);
    scene.counts(Count::Taken, 50);
    let errors = [Count::ProtocolErrors, Count::ConnectionsBroken].map(|count| scene.count(count));
    assert_eq!(errors.iter().sum::<u64>(), 1, "{errors:?}");
    assert_eq!(bytes_of(&scene.end()), sent);
}

#[test]
fn garbage_ends_its_own_connection() {
    check(Count::ProtocolErrors, b"GET / HTTP/1.1\r\nHost: example\r\n\r\n");
    check(Count::ProtocolErrors, &[0xFF; 100_000]);
    check(Count::ProtocolErrors, &[0; 100_000]);
    check(Count::ProtocolErrors, &[&stream(&[])[..42], b"\0\0\0\0\0\0\0\x04\0\0\0\x04"].concat());
}

#[test]
fn other_content_ends_its_own_connection() {
    let mut other = Vec::new();
    frames::write_control(&mut other, frames::ControlType::Ready, &[b"protobuf:other"]);
    check(Count::ProtocolErrors, &other);
}

#[test]
fn who_goes_in_the_middle_is_counted() {
    let whole = stream(&some_frames(1));
    check(Count::ConnectionsBroken, &whole[..50]);
    check(Count::ConnectionsBroken, &whole[..10]);
    check(Count::ConnectionsBroken, b"");
}

#[test]
fn a_length_that_is_only_stated_takes_no_memory() {
    check(Count::ConnectionsBroken, &[&stream(&[])[..42], b"\x00\x0F\xFF\xFF half"].concat());
    check(Count::ConnectionsBroken, &[&stream(&[])[..42], b"\xFF\xFF\xFF\xFF half"].concat());
}

#[test]
fn frames_of_any_size_are_read_or_passed_over() {
    let scene = Scene::unix();
    let mut sender = UnixStream::connect(scene.socket()).unwrap();
    let sizes = [1, 3, 255, 65_535, 1 << 20, (1 << 20) + 1, 3 << 20, 7];
    let frames: Vec<Vec<u8>> = sizes.iter().map(|&size| vec![0x55; size]).collect();
    sender.write_all(&stream(&frames)).unwrap();
    drop(sender);
    scene.counts(Count::TooLong, 2);
    scene.counts(Count::Taken, 6);
    assert_eq!(scene.count(Count::ConnectionsBroken), 0);
    let received: Vec<usize> = scene.end().iter().map(|frame| frame.bytes.len()).collect();
    assert_eq!(received, [1, 3, 255, 65_535, 1 << 20, 7]);
}

#[test]
fn a_handshake_that_never_ends_is_ended() {
    let scene = Scene::unix_with(|settings| settings.handshake = Duration::from_millis(50));
    let start = &stream(&[])[..42];
    let silent = UnixStream::connect(scene.socket()).unwrap();
    let mut ready = UnixStream::connect(scene.socket()).unwrap();
    frames_ready(&mut ready);
    let mut half = UnixStream::connect(scene.socket()).unwrap();
    half.write_all(&start[..30]).unwrap();
    let mut started = UnixStream::connect(scene.socket()).unwrap();
    started.write_all(start).unwrap();
    scene.counts(Count::ProtocolErrors, 3);
    // Who has started may be silent.
    started.write_all(&stream(&[frame(1, 1)])[42..]).unwrap();
    scene.counts(Count::Taken, 1);
    drop((silent, half));
    let mut rest = Vec::new();
    ready.read_to_end(&mut rest).unwrap();
    assert_eq!(rest.len(), 42, "an ACCEPT, and the end");
}

fn frames_ready(sender: &mut UnixStream) {
    let mut ready = Vec::new();
    frames::write_control(&mut ready, frames::ControlType::Ready, &[frames::CONTENT_TYPE]);
    sender.write_all(&ready).unwrap();
}

#[test]
fn a_sender_of_single_bytes_is_heard() {
    let (scene, sent) = (Scene::unix(), some_frames(20));
    let mut sender = UnixStream::connect(scene.socket()).unwrap();
    for byte in stream(&sent) {
        sender.write_all(&[byte]).unwrap();
    }
    scene.counts(Count::Taken, 20);
    assert_eq!(bytes_of(&scene.end()), sent);
}

#[test]
fn of_two_thousand_connections_those_beyond_the_bound_are_turned_away() {
    const MOST: usize = 200;
    let scene = Scene::unix_with(|settings| settings.senders_max = MOST);
    let mut held = Vec::new();
    for number in 0..2000 {
        let sender = UnixStream::connect(scene.socket()).unwrap();
        if number < MOST {
            held.push(sender);
        }
        if number + 1 == MOST {
            scene.counts(Count::Connections, MOST as u64);
        }
    }
    scene.counts(Count::ConnectionsRefused, 1800);
    for sender in &mut held {
        sender.write_all(&stream(&[frame(1, 1)])).unwrap();
    }
    scene.counts(Count::Taken, MOST as u64);
    drop(held);
    until("there is room again", || {
        let before = scene.received_count();
        let mut sender = UnixStream::connect(scene.socket()).unwrap();
        sender.write_all(&stream(&[frame(2, 1)])).is_ok() && {
            thread::sleep(Duration::from_millis(20));
            scene.received_count() > before
        }
    });
}

#[test]
fn half_frames_of_many_are_bounded_together() {
    let scene = Scene::unix();
    let half = [&stream(&[])[..42], b"\x00\x10\x00\x00", &[0; (1 << 20) - 1][..]].concat();
    let mut senders: Vec<UnixStream> = Vec::new();
    for _ in 0..100 {
        let mut sender = UnixStream::connect(scene.socket()).unwrap();
        let _ = sender.write_all(&half);
        senders.push(sender);
    }
    until("some are turned away", || scene.count(Count::ConnectionsRefused) > 0);
    let mut well = UnixStream::connect(scene.socket()).unwrap();
    well.write_all(&stream(&[frame(1, 1)])).unwrap();
    scene.counts(Count::Taken, 1);
}

#[test]
fn while_the_engine_is_behind_senders_are_read_on() {
    let place = Place::new();
    let socket = UnixSocket { path: place.path("s"), ..UnixSocket::default() };
    let receiver = Receiver::open(&Settings::new(Listen::Unix(socket))).unwrap();
    let (stop, counts) = (Arc::default(), Arc::default());
    let queue = dpp_source::live::Queue::new(1 << 20, Arc::clone(&stop));
    let threads = receiver.start(&queue, 0, Arc::clone(&counts)).unwrap();
    // Nobody takes anything from the queue.
    let sent = stream(&vec![frame(1, 200); 50_000]);
    let mut sender = UnixStream::connect(place.path("s")).unwrap();
    sender.set_write_timeout(Some(Duration::from_secs(30))).unwrap();
    sender.write_all(&sent).unwrap();
    drop(sender);
    stop.store(true, std::sync::atomic::Ordering::Release);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let (taken, dropped) = (counts.get(Count::Taken), counts.get(Count::DroppedQueueFull));
    assert_eq!(taken + dropped, 50_000);
    assert!(queue.bytes() <= 1 << 20 && taken > 1000 && dropped > 40_000, "{taken} {dropped}");
    let pace = Pace { bytes: 1 << 20, interval: Duration::ZERO, jump_ns: 1 };
    drop(Feed::new(queue, pace));
}
