//! A made-up day of a busy root server instance, as parts of a minute each, and what merging them takes.
//!
//! ```text
//! rssac_day make DIRECTORY [PARTS [SOURCES_V4 [SOURCES_V6]]]
//! rssac_day names DIRECTORY [PARTS [NAMES]]
//! rssac_day merge DIRECTORY RESULT
//! ```
//! *make*: each part has so many different sources, of a population forty times as large in which few are seen in nearly every
//! minute and most in few: a day comes to some eight million in IPv4, as the busiest root servers have. *names*: each part has
//! counts of so many names, of a population four times as large. *merge* does what `dpp rssac merge` does, with all parts of a
//! directory.

use dpp::tallies::entry::{Entries, Op};
use dpp::tallies::rssac::Rssac;
use dpp_sink::parts::ledger::Ledger;
use dpp_sink::parts::merge::Sum;
use dpp_sink::parts::read::Part;
use dpp_sink::parts::write::Writer;
use dpp_sink::parts::{Form, Header};
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

/// Steele and others' SplitMix64.
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mixed = (*state ^ *state >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ mixed >> 31
}

/// A member of a population, of which low numbers are frequent.
fn member(state: &mut u64, population: u64) -> u64 {
    let share = (random(state) >> 11) as f64 / (1_u64 << 53) as f64;
    (share.powi(3) * population as f64) as u64
}

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |place: usize, usual| words.get(place).map_or(Ok(usual), |word| word.parse());
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["make", directory, ..] => {
            fs::create_dir_all(directory)?;
            let (parts, v4, v6) = (number(2, 1440)?, number(3, 200_000)?, number(4, 40_000)?);
            Ok((0..parts).try_for_each(|minute| make(Path::new(directory), minute, v4, v6))?)
        }
        ["names", directory, ..] => {
            fs::create_dir_all(directory)?;
            let (parts, names) = (number(2, 1440)?, number(3, 65_536)?);
            Ok((0..parts).try_for_each(|minute| make_names(Path::new(directory), minute, names))?)
        }
        ["merge", directory, result] => merge(Path::new(directory), Path::new(result)),
        _ => Err("rssac_day make DIRECTORY, names DIRECTORY, or merge DIRECTORY RESULT".into()),
    }
}

fn merge(directory: &Path, result: &Path) -> Result<(), Box<dyn Error>> {
    let parts: io::Result<Vec<PathBuf>> = fs::read_dir(directory)?.map(|entry| Ok(entry?.path())).collect();
    let sum = Sum::of(parts?.iter().map(|path| Part::open(path)), None, false)?;
    let out = BufWriter::with_capacity(1 << 16, File::create(result)?);
    let mut writer = Writer::new(out, Form::Compact, sum.header())?;
    let mut entries = 0_u64;
    sum.entries(|op, key, number| {
        entries += 1;
        writer.put(op, key, number).map_err(Box::<dyn Error>::from)
    })?;
    writer.finish()?;
    println!("{entries} entries");
    Ok(())
}

/// Begins the part of a minute.
fn part(directory: &Path, minute: u64, kind: &str) -> io::Result<Writer<BufWriter<File>>> {
    let header = Header {
        kind: kind.to_owned(),
        parameters: [("servers".to_owned(), "192.0.2.53".to_owned())].into(),
        programs: ["rssac_day".to_owned()].into(),
    };
    let mut state = minute;
    let mut ledger = Ledger::default();
    ledger.sequence("ams", minute);
    ledger.content(&format!("{:032x}", random(&mut state)));
    ledger.day("20240601", 6_800_000);
    let file = File::create(directory.join(format!("{minute:04}.tally")))?;
    let mut writer = Writer::new(BufWriter::new(file), Form::Compact, &header)?;
    ledger.tell(|op, key, number| writer.put(op, key, number))?;
    Ok(writer)
}

/// A part of sums by name, as summaries have them.
fn make_names(directory: &Path, minute: u64, names: u64) -> io::Result<()> {
    let mut state = minute;
    let mut counts = BTreeMap::new();
    for _ in 0..names {
        let mut name = member(&mut state, names * 4);
        let digits: String = format!("www.host-{}.example", random(&mut name) % 1_000_000_000)
            .bytes()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        *counts.entry(format!("-/names/k{digits}")).or_insert(0) += 1 + random(&mut state) % 1_000;
    }
    let mut writer = part(directory, minute, "stats")?;
    counts.iter().try_for_each(|(key, count)| writer.put(Op::Sum, key.as_bytes(), *count))?;
    writer.finish().map(drop)
}

/// A part of a minute of a root server.
fn make(directory: &Path, minute: u64, v4: u64, v6: u64) -> io::Result<()> {
    let mut tally = Rssac::new(1);
    let mut take =
        |op, key: String, number| tally.take(op, key.as_bytes(), number).expect("a key of a tally");
    let mut state = minute;
    for way in ["q", "r"] {
        for (carrier, queries) in [("udp", 3_300_000), ("tcp", 100_000)] {
            for version in ["4", "6"] {
                let count = queries + random(&mut state) % 1_000;
                take(Op::Sum, format!("20240601/{way}/{carrier}/{version}"), count);
            }
            for bucket in 1..if way == "q" { 24 } else { 260 } {
                take(
                    Op::Sum,
                    format!("20240601/size/{way}/{carrier}/{}", bucket * 16),
                    random(&mut state) % 10_000,
                );
            }
        }
    }
    [0, 1, 2, 3, 4, 5, 9, 16].iter().for_each(|rcode| take(Op::Sum, format!("20240601/rcode/{rcode}"), 1000));
    let mut writer = part(directory, minute, "rssac")?;
    let mut result = Ok(());
    tally.tell("ams/", &mut |op, key, number| {
        if result.is_ok() {
            result = writer.put(op, key, number);
        }
    });
    result?;
    // Told here, as taking hundreds of millions of them first would take longer than all that is to be measured.
    // A population is scattered over all addresses.
    let v4_source = |number: u64| u128::from(random(&mut { number }) as u32);
    let v6_source = |number: u64| {
        let (net, host) = (random(&mut (number / 3)) & 0xFFFF_FFFF, random(&mut { number }));
        0x2001 << 112 | u128::from(net) << 72 | u128::from(host)
    };
    let mut sources = |population: u64, source: &dyn Fn(u64) -> u128| {
        let drawn = (0..population).map(|_| source(member(&mut state, population * 40)));
        drawn.collect::<BTreeSet<u128>>()
    };
    for (source, digits) in [(sources(v4, &v4_source), 8), (sources(v6, &v6_source), 32)] {
        let set = if digits == 8 { 4 } else { 6 };
        for source in source {
            writer.put(Op::Member, format!("ams/20240601/{set}/{source:0digits$x}").as_bytes(), 1)?;
        }
    }
    writer.finish().map(drop)
}
