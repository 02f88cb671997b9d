//! Sketches that others read: our HyperLogLog held against Apache DataSketches, in Rust and, by way of Python, in C++.

use datasketches::hash::value::raw_bytes;
use datasketches::hll::{HllSketch, HllType, HllUnion};
use dpp::limits::HLL_LG_REGISTERS;
use dpp::tallies::rssac::{Counted, Rssac, UDP, Way};
use dpp::tallies::{Distinct, Hash, Registers, Tally};
use std::io::Write;
use std::net::IpAddr;
use std::path::Path;
use std::process::{Command, Stdio};

/// Names of hosts: of every length that a hash treats otherwise.
fn name(number: u64) -> String {
    format!("{number}.{}", &"abcdefghijklmnopqrstuvwxyz0123456789."[..number as usize % 37])
}

fn ours(numbers: std::ops::Range<u64>) -> Registers {
    let mut registers = Registers::default();
    numbers.for_each(|number| registers.add(Hash::of(name(number).as_bytes())));
    registers
}

/// Their sketch of the same, put together in a way that does not depend on the order.
fn theirs(numbers: std::ops::Range<u64>) -> HllSketch {
    let power = HLL_LG_REGISTERS as u8;
    let mut union = HllUnion::new(power).unwrap();
    // Each half is so much that it has registers.
    for half in [0, 1] {
        let mut sketch = HllSketch::new(power, HllType::Hll8).unwrap();
        let numbers = numbers.clone().filter(|number| number % 2 == half);
        numbers.for_each(|number| sketch.update(raw_bytes::from_str(&name(number))));
        union.update(&sketch);
    }
    union.to_sketch(HllType::Hll8)
}

#[test]
fn of_many_keys_our_bytes_are_theirs() {
    for count in [10_000, 100_000, 300_000] {
        let (ours, theirs) = (ours(0..count), theirs(0..count));
        assert!(ours.to_datasketches() == theirs.serialize(), "{count}");
        let (mine, estimate) = (ours.number() as f64, theirs.estimate());
        assert!((mine / estimate - 1.0).abs() < 0.004, "{count}: {mine}, they {estimate}");
    }
}

#[test]
fn of_any_number_of_keys_they_read_what_we_write() {
    for count in [0, 1, 10, 1000, 20_000] {
        let mut distinct = Distinct::new(100);
        (0..count).for_each(|number| distinct.add(Hash::of(name(number).as_bytes())));
        let sketch = HllSketch::deserialize(&distinct.registers().to_datasketches()).unwrap();
        let within = count as f64 * 3.0 * Registers::error();
        assert!((sketch.estimate() - count as f64).abs() <= within, "{} of {count}", sketch.estimate());
        assert!((distinct.number().keys as f64 - sketch.estimate()).abs() <= within);
    }
}

/// Sketches of sources, as `dpp rssac --sketch` counts queries.
fn of_queries(sources: impl Iterator<Item = IpAddr>) -> [Registers; 3] {
    let mut tally = Rssac::new(1);
    for source in sources {
        tally.count(&Counted {
            time_ns: 0,
            way: Way::Query,
            carrier: UDP,
            peer: Ok(source),
            size: None,
            rcode: None,
            labels: None,
            sketch: true,
        });
    }
    let sketches = tally.days().next().map(|(_, day)| day.sketches());
    sketches.expect("a day")
}

/// Addresses in IPv4 and IPv6 whose octets are ASCII, as the library in Python takes no others than those of text.
fn source(number: u64) -> IpAddr {
    let octet = |place: u64| (number >> (7 * place)) as u8 & 0x7F;
    match number % 2 {
        0 => [octet(0), octet(1), octet(2), 9].into(),
        _ => [
            0x20,
            1,
            octet(0) & 0x7E,
            octet(2),
            octet(1),
            0,
            0,
            0,
            octet(0) / 2,
            0,
            0,
            0,
            0,
            0,
            0,
            octet(0) & 3,
        ]
        .into(),
    }
}

/// What of a source goes into each of the three sketches.
fn octets(source: IpAddr) -> [Option<Vec<u8>>; 3] {
    match source {
        IpAddr::V4(source) => [Some(source.octets().to_vec()), None, None],
        IpAddr::V6(source) => [None, Some(source.octets().to_vec()), Some(source.octets()[..8].to_vec())],
    }
}

#[test]
fn sources_are_what_their_octets_are_to_others() {
    let ours = of_queries((0..200_000).map(source));
    for (set, ours) in ours.iter().enumerate() {
        let mut theirs = HllSketch::new(HLL_LG_REGISTERS as u8, HllType::Hll8).unwrap();
        let all: Vec<Vec<u8>> =
            (0..200_000).filter_map(|number| octets(source(number))[set].clone()).collect();
        all.iter().for_each(|octets| theirs.update(raw_bytes::from_slice(octets)));
        let mut union = HllUnion::new(HLL_LG_REGISTERS as u8).unwrap();
        union.update(&theirs);
        union.update(&HllSketch::deserialize(&ours.to_datasketches()).unwrap());
        // Together with theirs it is theirs: both have the same sources.
        let estimate = union.to_sketch(HllType::Hll8).estimate();
        let count = all.iter().collect::<std::collections::BTreeSet<_>>().len() as f64;
        assert!((ours.number() as f64 / estimate - 1.0).abs() < 0.001, "{} of {estimate}", ours.number());
        assert!((estimate / count - 1.0).abs() < 3.0 * Registers::error(), "{estimate} of {count}");
    }
}

const PEER_OF_SOURCES: &str = r#"
import sys, datasketches as ds
power = int(sys.argv[1])
for line in sys.stdin:
    hexadecimal, *sources = line.split()
    read = ds.hll_sketch.deserialize(bytes.fromhex(hexadecimal))
    union = ds.hll_union(power)
    for half in (0, 1):
        sketch = ds.hll_sketch(power, ds.tgt_hll_type.HLL_8)
        for source in sources[half::2]:
            sketch.update(bytes.fromhex(source).decode("ascii"))
        union.update(sketch)
    own = union.get_result(ds.tgt_hll_type.HLL_8)
    assert own.serialize_updatable() == bytes.fromhex(hexadecimal), (read, own)
    print(read.get_estimate())
"#;

#[test]
fn the_library_in_c_plus_plus_has_the_same_sketches_of_sources() {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let mut written = String::new();
    for (set, ours) in of_queries((0..60_000).map(source)).iter().enumerate() {
        written += &hex(&ours.to_datasketches());
        for octets in (0..60_000).filter_map(|number| octets(source(number))[set].clone()) {
            written += &format!(" {}", hex(&octets));
        }
        written.push('\n');
    }
    let estimates = told_by_python(PEER_OF_SOURCES, &written);
    assert_eq!(estimates.len(), 3);
    for (estimate, count) in estimates.into_iter().zip([30_000.0, 30_000.0, 30_000.0]) {
        assert!((estimate / count - 1.0).abs() < 3.0 * Registers::error(), "{estimate} of {count}");
    }
}

const PEER: &str = r#"
import sys, datasketches as ds
power = int(sys.argv[1])
alphabet = "abcdefghijklmnopqrstuvwxyz0123456789."
for line in sys.stdin:
    start, end, hexadecimal = line.split()
    read = ds.hll_sketch.deserialize(bytes.fromhex(hexadecimal))
    assert read.lg_config_k == power and read.tgt_type == ds.tgt_hll_type.HLL_8, read
    union = ds.hll_union(power)
    for half in (0, 1):
        sketch = ds.hll_sketch(power, ds.tgt_hll_type.HLL_8)
        for number in range(int(start), int(end)):
            if number % 2 == half:
                sketch.update(f"{number}.{alphabet[:number % 37]}")
        union.update(sketch)
    own = union.get_result(ds.tgt_hll_type.HLL_8)
    # Of few keys their own sketch is a list of them, which says more.
    if int(end) - int(start) > 5000:
        assert read.get_estimate() == own.get_estimate(), (start, end, read, own)
        again = own.serialize_updatable()
        assert again == bytes.fromhex(hexadecimal), (start, end, again[:40].hex(), hexadecimal[:80])
    print(read.get_estimate())
"#;

/// The estimates that a program in Python prints for these lines.
fn told_by_python(program: &str, lines: &str) -> Vec<f64> {
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/peers/bin/python");
    let python = std::env::var_os("DPP_PEERS_PYTHON").map_or(installed, Into::into);
    assert!(python.exists(), "{} is missing: run `make peers`, which installs the readers", python.display());
    let mut command = Command::new(python);
    command.args(["-c", program, &HLL_LG_REGISTERS.to_string()]).stdin(Stdio::piped());
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().lines().map(|line| line.parse().unwrap()).collect()
}

#[test]
fn the_library_in_c_plus_plus_reads_the_same() {
    let ranges = [0..0, 0..1, 0..300, 5..30_000, 0..200_000];
    let mut written = String::new();
    for range in &ranges {
        // In two parts, as they would come from two machines.
        let middle = range.start + (range.end - range.start) / 3;
        let mut registers = ours(range.start..middle);
        registers.merge(&ours(middle..range.end));
        let bytes: String = registers.to_datasketches().iter().map(|byte| format!("{byte:02x}")).collect();
        written += &format!("{} {} {bytes}\n", range.start, range.end);
    }
    let estimates = told_by_python(PEER, &written);
    for (range, estimate) in ranges.iter().zip(&estimates) {
        let count = (range.end - range.start) as f64;
        assert!((estimate - count).abs() <= count * 3.0 * Registers::error(), "{estimate} of {count}");
        let mine = ours(range.clone()).number() as f64;
        assert!((mine - estimate).abs() <= count * 0.005 + 0.5, "{mine}, they {estimate}");
    }
    assert_eq!(estimates.len(), ranges.len());
}

#[test]
fn exact_sets_and_registers_merge() {
    let mut few = Distinct::new(1000);
    (0..900).for_each(|number| few.add(Hash::of(name(number).as_bytes())));
    assert_eq!(few.number().keys, 900);
    let mut more = Distinct::new(1000);
    (500..1400).for_each(|number| more.add(Hash::of(name(number).as_bytes())));
    few.merge(&more);
    assert_eq!(few.registers(), ours(0..1400));
    assert!(few.number().error > 0.0);
}
