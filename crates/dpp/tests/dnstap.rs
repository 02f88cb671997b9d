//! dnstap against frames that servers and tools wrote, and against an independent library for Protocol Buffers, on frames
//! drawn with a fixed seed, whole and damaged.

use dpp::dnstap::frames::{self, Frames, Step, WrongOpening};
use dpp::dnstap::names::SOCKET_PROTOCOLS;
use dpp::dnstap::{Damage, Dnstap, Message, MessageType, Policy, Time, time_of};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use prost::Message as _;
use std::cell::Cell;
use std::path::Path;

/// The schema, as prost reads and writes it. (It does not mind that a required field is missing.)
mod schema {
    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct Dnstap {
        #[prost(bytes = "vec", optional, tag = "1")]
        pub(crate) identity: Option<Vec<u8>>,
        #[prost(bytes = "vec", optional, tag = "2")]
        pub(crate) version: Option<Vec<u8>>,
        #[prost(bytes = "vec", optional, tag = "3")]
        pub(crate) extra: Option<Vec<u8>>,
        #[prost(message, optional, tag = "14")]
        pub(crate) message: Option<Message>,
        #[prost(uint32, optional, tag = "15")]
        pub(crate) kind: Option<u32>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct Message {
        #[prost(uint32, optional, tag = "1")]
        pub(crate) kind: Option<u32>,
        #[prost(uint32, optional, tag = "2")]
        pub(crate) socket_family: Option<u32>,
        #[prost(uint32, optional, tag = "3")]
        pub(crate) socket_protocol: Option<u32>,
        #[prost(bytes = "vec", optional, tag = "4")]
        pub(crate) query_address: Option<Vec<u8>>,
        #[prost(bytes = "vec", optional, tag = "5")]
        pub(crate) response_address: Option<Vec<u8>>,
        #[prost(uint32, optional, tag = "6")]
        pub(crate) query_port: Option<u32>,
        #[prost(uint32, optional, tag = "7")]
        pub(crate) response_port: Option<u32>,
        #[prost(uint64, optional, tag = "8")]
        pub(crate) query_time_sec: Option<u64>,
        #[prost(fixed32, optional, tag = "9")]
        pub(crate) query_time_nsec: Option<u32>,
        #[prost(bytes = "vec", optional, tag = "10")]
        pub(crate) query_message: Option<Vec<u8>>,
        #[prost(bytes = "vec", optional, tag = "11")]
        pub(crate) query_zone: Option<Vec<u8>>,
        #[prost(uint64, optional, tag = "12")]
        pub(crate) response_time_sec: Option<u64>,
        #[prost(fixed32, optional, tag = "13")]
        pub(crate) response_time_nsec: Option<u32>,
        #[prost(bytes = "vec", optional, tag = "14")]
        pub(crate) response_message: Option<Vec<u8>>,
        #[prost(message, optional, tag = "15")]
        pub(crate) policy: Option<Policy>,
        #[prost(uint32, optional, tag = "16")]
        pub(crate) http_protocol: Option<u32>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct Policy {
        #[prost(bytes = "vec", optional, tag = "1")]
        pub(crate) kind: Option<Vec<u8>>,
        #[prost(bytes = "vec", optional, tag = "2")]
        pub(crate) rule: Option<Vec<u8>>,
        #[prost(uint32, optional, tag = "3")]
        pub(crate) action: Option<u32>,
        #[prost(uint32, optional, tag = "4")]
        pub(crate) matched: Option<u32>,
        #[prost(bytes = "vec", optional, tag = "5")]
        pub(crate) value: Option<Vec<u8>>,
    }
}

/// What we should make of what prost has read.
fn expected(theirs: &schema::Dnstap) -> Result<Dnstap<'_>, Damage> {
    Ok(Dnstap {
        identity: theirs.identity.as_deref(),
        version: theirs.version.as_deref(),
        extra: theirs.extra.as_deref(),
        message: theirs.message.as_ref().map(expected_message).transpose()?,
        kind: theirs.kind.ok_or(Damage::NoType)?,
    })
}

fn expected_message(theirs: &schema::Message) -> Result<Message<'_>, Damage> {
    let fits = |address: &&[u8]| match theirs.socket_family {
        Some(1) => address.len() == 4,
        Some(2) => address.len() == 16,
        _ => address.len() == 4 || address.len() == 16,
    };
    let port = |port: Option<u32>| port.and_then(|port| port.try_into().ok());
    let time = |seconds: Option<u64>, nanoseconds: Option<u32>| {
        seconds.and_then(|seconds| Time::new(seconds, nanoseconds.unwrap_or(0)))
    };
    Ok(Message {
        kind: MessageType(theirs.kind.ok_or(Damage::NoType)?),
        socket_family: theirs.socket_family,
        socket_protocol: theirs.socket_protocol,
        query_address: theirs.query_address.as_deref().filter(fits),
        response_address: theirs.response_address.as_deref().filter(fits),
        query_port: port(theirs.query_port),
        response_port: port(theirs.response_port),
        query_time: time(theirs.query_time_sec, theirs.query_time_nsec),
        query_message: theirs.query_message.as_deref(),
        query_zone: theirs.query_zone.as_deref(),
        response_time: time(theirs.response_time_sec, theirs.response_time_nsec),
        response_message: theirs.response_message.as_deref(),
        policy: theirs.policy.as_ref().map(|policy| Policy {
            kind: policy.kind.as_deref(),
            rule: policy.rule.as_deref(),
            action: policy.action,
            matched: policy.matched,
            value: policy.value.as_deref(),
        }),
        http_protocol: theirs.http_protocol,
    })
}

/// Reads bytes in both ways; whether they are a frame.
fn check_frame(bytes: &[u8]) -> bool {
    let ours = Dnstap::parse(bytes);
    match schema::Dnstap::decode(bytes) {
        Ok(theirs) => assert_eq!(ours, expected(&theirs)),
        // Known fields with the wire type of others: prost gives up, other libraries and we pass over them.
        Err(error) if error.to_string().contains("wire type") => {}
        Err(error) => assert!(matches!(ours, Err(damage) if damage != Damage::NoType), "{error}: {ours:?}"),
    }
    let time_ns = time_of(bytes);
    let Ok(dnstap) = ours else { return false };
    assert_eq!(time_ns, dnstap.time_ns());
    check_rewritten(&dnstap, bytes.len());
    true
}

/// What is written is read as the same, by both, and is hardly longer than what was read: only nanoseconds are added to
/// seconds that had none.
fn check_rewritten(dnstap: &Dnstap, read: usize) {
    let mut written = Vec::new();
    dnstap.write(&mut written);
    assert_eq!(written.len(), dnstap.written_len());
    assert!(written.len() <= read + 11, "{} bytes of {read}", written.len());
    assert_eq!(Dnstap::parse(&written), Ok(*dnstap));
    let theirs = schema::Dnstap::decode(&written[..]).expect("what we write is a frame");
    assert_eq!(expected(&theirs), Ok(*dnstap));
    // prost writes in the order of numbers too.
    assert_eq!(theirs.encode_to_vec(), written);
}

fn bytes() -> impl Strategy<Value = Option<Vec<u8>>> {
    option::of(prop_oneof![vec(any::<u8>(), 0..20), vec(any::<u8>(), 100..300)])
}

fn address() -> impl Strategy<Value = Option<Vec<u8>>> {
    option::of(prop_oneof![vec(any::<u8>(), 4), vec(any::<u8>(), 16), vec(any::<u8>(), 0..20)])
}

fn number() -> impl Strategy<Value = Option<u32>> {
    option::weighted(0.8, prop_oneof![0..16_u32, 0..70_000_u32, any::<u32>()])
}

fn seconds() -> impl Strategy<Value = Option<u64>> {
    option::of(prop_oneof![1_500_000_000..2_000_000_000_u64, any::<u64>()])
}

prop_compose! {
    fn policy()(kind in bytes(), rule in bytes(), action in number(), matched in number(), value in bytes())
        -> schema::Policy
    {
        schema::Policy { kind, rule, action, matched, value }
    }
}

prop_compose! {
    fn message()(
        [kind, socket_family, socket_protocol, query_port, response_port, http_protocol] in
            [number(), number(), number(), number(), number(), number()],
        [query_address, response_address] in [address(), address()],
        [query_message, query_zone, response_message] in [bytes(), bytes(), bytes()],
        [query_time_sec, response_time_sec] in [seconds(), seconds()],
        [query_time_nsec, response_time_nsec] in [option::of(any::<u32>()), option::of(any::<u32>())],
        policy in option::of(policy()),
    ) -> schema::Message {
        schema::Message {
            kind, socket_family, socket_protocol, query_address, response_address, query_port, response_port,
            query_time_sec, query_time_nsec, query_message, query_zone, response_time_sec, response_time_nsec,
            response_message, policy, http_protocol,
        }
    }
}

prop_compose! {
    fn dnstap()(
        [identity, version, extra] in [bytes(), bytes(), bytes()],
        message in option::weighted(0.9, message()),
        kind in number(),
    ) -> schema::Dnstap {
        schema::Dnstap { identity, version, extra, message, kind }
    }
}

fn law<S: Strategy>(cases: u32, strategy: S, property: impl Fn(S::Value)) {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let held = TestRunner::new_with_rng(config, rng).run(&strategy, |value| {
        property(value);
        Ok(())
    });
    held.unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn frames_that_another_library_writes_are_read_as_it_reads_them() {
    let read = Cell::new(0);
    law(1000, dnstap(), |dnstap| {
        read.set(read.get() + u32::from(check_frame(&dnstap.encode_to_vec())));
    });
    assert!(read.get() > 400, "only {} frames could be read", read.get());
}

#[test]
fn frames_behind_each_other_are_merged_as_it_merges_them() {
    law(500, (dnstap(), dnstap()), |(one, other)| {
        check_frame(&[one.encode_to_vec(), other.encode_to_vec()].concat());
    });
}

#[test]
fn damaged_frames_are_what_another_library_takes_them_for() {
    let damages = vec((any::<Index>(), any::<u8>()), 0..4);
    let read = Cell::new(0);
    law(4000, (dnstap(), damages, option::of(any::<Index>())), |(dnstap, damages, cut)| {
        let mut bytes = dnstap.encode_to_vec();
        if bytes.is_empty() {
            return;
        }
        damages.iter().for_each(|(at, byte)| bytes[at.index(dnstap.encoded_len())] = *byte);
        bytes.truncate(cut.map_or(bytes.len(), |cut| cut.index(bytes.len())));
        read.set(read.get() + u32::from(check_frame(&bytes)));
    });
    assert!((400..3600).contains(&read.get()), "{} frames could be read", read.get());
}

#[test]
fn any_bytes_are_read_or_refused() {
    // Bytes below 32 are tags of the first fields and short lengths.
    law(4000, vec(prop_oneof![0..32_u8, any::<u8>()], 0..40), |bytes| {
        check_frame(&bytes);
    });
}

/// Walks over a stream, and checks that steps lie within it and that more bytes change none of them. Gives the payloads.
fn walk(stream: &[u8]) -> Vec<&[u8]> {
    let (mut frames, mut rest, mut payloads) = (Frames::new(), stream, Vec::new());
    loop {
        let before = frames;
        let step = frames.step(rest);
        let total = match step {
            Step::Data { start, length, total } => {
                assert!(length > 0 && start + length == total);
                payloads.push(&rest[start..total]);
                total
            }
            Step::Control { total, .. } => total,
            Step::TooLong { total } => {
                assert!(total > 1 << 20);
                usize::try_from(total).expect("64 bits").min(rest.len())
            }
            Step::More | Step::Damaged(_) => return payloads,
        };
        assert!(total > 0);
        if let Step::Data { .. } | Step::Control { .. } = step {
            assert_eq!(self::step(before, &rest[..total]), (step, frames));
            assert_eq!(self::step(before, &rest[..total - 1]), (Step::More, before));
        }
        rest = &rest[total..];
    }
}

/// The step of a copy, and what became of it.
fn step(mut frames: Frames, bytes: &[u8]) -> (Step, Frames) {
    (frames.step(bytes), frames)
}

#[test]
fn streams_are_read_as_they_were_written_and_damaged_ones_as_far_as_they_go() {
    let payloads = vec(vec(any::<u8>(), 1..40), 0..6);
    let damages = vec((any::<Index>(), prop_oneof![0..6_u8, any::<u8>()]), 0..3);
    law(2000, (payloads, damages), |(payloads, damages)| {
        let mut stream = Vec::new();
        frames::write_start(&mut stream);
        payloads.iter().for_each(|payload| frames::write_frame(&mut stream, payload));
        frames::write_stop(&mut stream);
        assert_eq!(walk(&stream), payloads);
        let length = stream.len();
        damages.iter().for_each(|(at, byte)| stream[at.index(length)] = *byte);
        walk(&stream);
    });
}

fn capture(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../captures/files").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The frame in words: type, transport, initiator, responder, time, size of its DNS message, zone, who tells it.
fn words(frame: &[u8]) -> String {
    let dnstap = Dnstap::parse(frame).expect("a frame");
    let message = dnstap.message.expect("a message");
    let end = |address: Option<&[u8]>, port: Option<u16>| {
        let port = port.map_or("-".to_string(), |port| port.to_string());
        match address {
            Some(octets) if octets.len() == 4 => {
                let numbers: Vec<_> = octets.iter().map(u8::to_string).collect();
                format!("{}:{port}", numbers.join("."))
            }
            Some(octets) => format!("{}:{port}", u128::from_be_bytes(octets.try_into().expect("sixteen"))),
            None => format!("?:{port}"),
        }
    };
    let text = |bytes: Option<&[u8]>| bytes.unwrap_or(b"-").escape_ascii().to_string();
    format!(
        "{} {} {} {} {} {} {} {}, {}",
        message.kind.short_name().expect("a known type"),
        SOCKET_PROTOCOLS.name(message.socket_protocol.expect("a transport")).expect("a known transport"),
        end(message.query_address, message.query_port),
        end(message.response_address, message.response_port),
        dnstap.time_ns().expect("a time"),
        message.dns().map_or(0, <[u8]>::len),
        text(message.query_zone),
        text(dnstap.identity),
        text(dnstap.version),
    )
}

/// The frame says this.
fn check_words(frame: &[u8], expected: &str) {
    assert!(check_frame(frame));
    assert_eq!(words(frame), expected);
}

/// The frame, read and written again.
fn rewritten(frame: &[u8]) -> Vec<u8> {
    let mut written = Vec::new();
    Dnstap::parse(frame).expect("a frame").write(&mut written);
    written
}

/// The frames of a file are these.
fn check_file(name: &str, expected: &[&str]) {
    let stream = capture(name);
    assert!(frames::begins(&stream));
    assert_eq!(frames::check_opening(&stream), Ok(()));
    let payloads = walk(&stream);
    assert_eq!(payloads.len(), expected.len());
    for (frame, expected) in payloads.iter().zip(expected) {
        check_words(frame, expected);
        assert_eq!(rewritten(frame), *frame, "servers write as we do");
    }
}

#[test]
fn files_of_knot_and_bind_are_read() {
    let knot = |line: &str| format!("{line} - resolver, Knot DNS 2.9.8");
    let lines = [
        "AQ UDP 10.0.2.40:48120 ?:- 1614702102000000000 50",
        "AQ UDP 10.0.2.40:59215 ?:- 1614702102000000000 50",
        "AR UDP 10.0.2.40:48120 ?:- 1614702102000000000 95",
        "AR UDP 10.0.2.40:59215 ?:- 1614702102000000000 95",
        "AQ UDP 127.0.0.1:53629 ?:- 1614702175000000000 51",
        "AR UDP 127.0.0.1:53629 ?:- 1614702175000000000 96",
        "AQ UDP 127.0.0.1:56882 ?:- 1614702189000000000 59",
        "AR UDP 127.0.0.1:56882 ?:- 1614702189000000000 75",
        "AQ UDP 127.0.0.1:42483 ?:- 1614702197000000000 53",
        "AR UDP 127.0.0.1:42483 ?:- 1614702197000000000 98",
    ]
    .map(knot);
    check_file("compactor__test.dnstap", &lines.each_ref().map(|line| &line[..]));
    check_file(
        "bind9__large-answer.fstrm",
        &["AR UDP 1:46075 1:0 1561717412748943000 832 \\x07example\\x00 -, BIND 9.15.1"],
    );
}

#[test]
fn bare_frames_of_bind_are_read_but_are_no_stream() {
    let check = |name: &str, expected: &str| {
        let frame = capture(name);
        assert!(!frames::begins(&frame));
        check_words(&frame, expected);
    };
    let by = "sheep, BIND 9.21.24-dev";
    check(
        "bind9__correct_query_nanosec.dnstap",
        &format!("CQ UDP 10.53.0.1:43853 10.53.0.10:53 1781766253076932117 48 - {by}"),
    );
    let response =
        |time: &str| format!("RR UDP 0.0.0.0:55448 199.249.112.1:53 {time} 506 \\x03org\\x00 {by}");
    check("bind9__correct_response_nanosec.dnstap", &response("1781103075712404181"));
    // A whole second of nanoseconds, at which BIND's own reader dies. It must not when we have written it.
    check("bind9__response_time_nanosec_big.dnstap", &response("1781103076000000000"));
    let mut expected = capture("bind9__response_time_nanosec_big.dnstap");
    for (from, to) in
        [(&b"\x60\xE3\xF3"[..], &b"\x60\xE4\xF3"[..]), (b"\x6D\x00\xCA\x9A\x3B", b"\x6D\0\0\0\0")]
    {
        let at = expected.windows(from.len()).position(|bytes| bytes == from).expect("it is there");
        expected[at..at + to.len()].copy_from_slice(to);
    }
    assert_eq!(rewritten(&capture("bind9__response_time_nanosec_big.dnstap")), expected);
}

#[test]
fn a_stream_of_something_else_is_refused_by_name() {
    let stream = capture("fstrm__test.fstrm");
    assert!(frames::begins(&stream));
    assert_eq!(frames::check_opening(&stream), Err(WrongOpening::OtherContent(b"test:hello")));
    assert_eq!(Frames::new().step(&stream), Step::Damaged("a stream of another content type than dnstap"));
}
