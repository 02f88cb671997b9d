//! A made-up day of a busy root server instance, as parts of a minute each: what merging is measured with.
//!
//! ```text
//! rssac_day DIRECTORY [PARTS [SOURCES_V4 [SOURCES_V6]]]
//! ```
//! Each part has so many different sources, of a population forty times as large in which few are seen in nearly every minute
//! and most in few: a day comes to some eight million in IPv4, as the busiest root servers have.

use dpp::tallies::entry::{Entries, Op};
use dpp::tallies::rssac::Rssac;
use dpp_sink::parts::ledger::Ledger;
use dpp_sink::parts::write::Writer;
use dpp_sink::parts::{Form, Header};
use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::Path;

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

fn main() -> io::Result<()> {
    let mut words = std::env::args().skip(1);
    let directory = words.next().unwrap_or_else(|| "day".to_owned());
    let mut number = |usual: u64| words.next().map_or(usual, |word| word.parse().unwrap_or(usual));
    let (parts, v4, v6) = (number(1440), number(200_000), number(40_000));
    fs::create_dir_all(&directory)?;
    for minute in 0..parts {
        let (mut tally, mut ledger) = (Rssac::new(1), Ledger::default());
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
        [0, 1, 2, 3, 4, 5, 9, 16]
            .iter()
            .for_each(|rcode| take(Op::Sum, format!("20240601/rcode/{rcode}"), 1000));
        for _ in 0..v4 {
            // A population is scattered over all addresses.
            let source = member(&mut state, v4 * 40).wrapping_mul(2_654_435_761) as u32;
            take(Op::Member, format!("20240601/4/{source:08x}"), 1);
        }
        for _ in 0..v6 {
            let source = member(&mut state, v6 * 40);
            let (mut net, mut host) = (source / 3, source);
            let (net, host) = (random(&mut net) & 0xFFFF_FFFF, random(&mut host));
            take(Op::Member, format!("20240601/6/2001{:012x}{host:016x}", net << 8), 1);
        }
        ledger.sequence("ams", minute);
        ledger.content(&format!("{:032x}", random(&mut state)));
        ledger.day("20240601", 6_800_000);
        let header = Header {
            kind: "rssac".to_owned(),
            parameters: [("servers".to_owned(), "192.0.2.53".to_owned())].into(),
            programs: ["rssac_day".to_owned()].into(),
        };
        let file = File::create(Path::new(&directory).join(format!("{minute:04}.part")))?;
        let mut writer = Writer::new(BufWriter::new(file), Form::Compact, &header)?;
        ledger.tell(|op, key, number| writer.put(op, key, number))?;
        let mut result = Ok(());
        tally.tell("ams/", &mut |op, key, number| {
            if result.is_ok() {
                result = writer.put(op, key, number);
            }
        });
        result?;
        writer.finish()?;
    }
    Ok(())
}
