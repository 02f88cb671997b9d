//! The figures of a summary, held against the columns of the same rows: on all captures of the collection, every table and every
//! count is what comes out when each row's values are written down and counted in plain maps; of pseudonyms too.

#[path = "common/captures.rs"]
mod captures;

use captures::Capture;
use dpp::capture::single;
use dpp::dns::name::write_text;
use dpp::pipeline::{self, Machine, Nobody, Pool, Rows, Sink, Summed, Watch};
use dpp::plan::Plan;
use dpp::privacy::{AddressMap, Fields, KeyFile, NameMap, Privacy};
use dpp::summary::{Counted, Figures, Shown, Summary};
use dpp::table::{Column, Context, Scratch, Value};
use dpp::transaction::Needs;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroUsize;
use std::sync::Mutex;

/// Tables, and the columns they count.
const TABLES: [(&str, Column); 12] = [
    ("clients", Column::SrcIp),
    ("servers", Column::DstIp),
    ("names", Column::QnameLower),
    ("domains", Column::RegisteredDomain),
    ("tlds", Column::Tld),
    ("types", Column::QtypeName),
    ("classes", Column::QclassName),
    ("rcodes", Column::RcodeName),
    ("transports", Column::Transport),
    ("opcodes", Column::OpcodeName),
    ("edns_versions", Column::EdnsVersion),
    ("edns_sizes", Column::EdnsUdpSize),
];

/// Counts, and the column and value they are the number of.
const COUNTS: [(Counted, Column, &str); 15] = [
    (Counted::Answered, Column::Match, "matched"),
    (Counted::Unanswered, Column::Match, "no_response"),
    (Counted::Ipv4, Column::IpVersion, "4"),
    (Counted::Ipv6, Column::IpVersion, "6"),
    (Counted::Rd, Column::QueryRd, "true"),
    (Counted::Cd, Column::QueryCd, "true"),
    (Counted::Ad, Column::QueryAd, "true"),
    (Counted::Do, Column::EdnsDo, "true"),
    (Counted::Aa, Column::Aa, "true"),
    (Counted::Tc, Column::Tc, "true"),
    (Counted::Ra, Column::Ra, "true"),
    (Counted::AnsweredAd, Column::Ad, "true"),
    (Counted::Edns, Column::EdnsDo, "*"),
    (Counted::AnsweredEdns, Column::ResponseEdnsDo, "*"),
    (Counted::Queries, Column::Match, "*"),
];

/// Distributions, and the columns whose values they hold.
const DISTRIBUTIONS: [(&str, Column); 3] =
    [("query_size", Column::QuerySize), ("response_size", Column::ResponseSize), ("rtt", Column::Rtt)];

/// How often each column had each value.
type Values = BTreeMap<(Number, String), u64>;

/// The number of a column.
type Number = u16;

fn text(value: Value) -> Option<String> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(is) => is.to_string(),
        Value::U16(number) => number.to_string(),
        Value::U64(number) => number.to_string(),
        Value::I64(number) | Value::TimestampNanos(number) => number.to_string(),
        Value::Address(address) => address.to_string(),
        Value::Name(wire) => {
            let mut text = Vec::new();
            write_text(wire, &mut text);
            String::from_utf8(text).unwrap().to_ascii_lowercase()
        }
        Value::Word(word) => word.to_string(),
        Value::Text(text) => text.to_string(),
        other => panic!("{other:?}"),
    })
}

fn columns() -> Vec<Column> {
    let mut all = vec![Column::QueryTime, Column::QueryCount];
    all.extend(TABLES.iter().map(|row| row.1));
    all.extend(COUNTS.iter().map(|row| row.1));
    all.extend(DISTRIBUTIONS.iter().map(|row| row.1));
    all.sort_by_key(|column| *column as u16);
    all.dedup();
    all
}

/// A sink that writes down the values of all rows.
struct WriteDown<'a>(&'a Context, Mutex<Values>);

impl Sink for WriteDown<'_> {
    type Piece = ();
    type Error = Infallible;

    fn lanes(&self) -> usize {
        1
    }

    fn encode(&self, rows: Rows, pool: &Pool) {
        let (mut values, context, mut scratch) = (self.1.lock().unwrap(), self.0, Scratch::default());
        for row in rows.iter() {
            for column in columns() {
                if let Some(text) = text(column.value(&row, context, &mut scratch)) {
                    *values.entry((column as u16, text)).or_default() += 1;
                }
            }
        }
        pool.recycle(rows);
    }

    fn size(&self, (): &()) -> usize {
        0
    }

    fn accept(&self, _: usize, (): &()) -> Result<(), Infallible> {
        Ok(())
    }

    fn recycle(&self, (): (), _: &Pool) {}
}

/// The network of a client as it is told.
fn network(client: IpAddr) -> String {
    match client {
        IpAddr::V4(client) => format!("{}/24", Ipv4Addr::from_bits(client.to_bits() >> 8 << 8)),
        IpAddr::V6(client) => format!("{}/48", Ipv6Addr::from_bits(client.to_bits() >> 80 << 80)),
    }
}

fn check(name: &str, values: &Values, summary: &Summary) {
    let of = |column: Column| {
        let range = (column as u16, String::new())..(column as u16 + 1, String::new());
        values.range(range).map(|((_, text), count)| (text.clone(), *count)).collect::<BTreeMap<_, _>>()
    };
    let figures: Figures = summary.figures(usize::MAX);
    for (key, column) in TABLES {
        let table = figures.table(key).unwrap();
        let row = |row: &Vec<Shown>| match &row[..2] {
            [Shown::Text(text), Shown::Count(count)] => (text.to_string(), *count),
            other => panic!("{other:?}"),
        };
        assert_eq!(table.rows.iter().map(row).collect::<BTreeMap<_, _>>(), of(column), "{name}: {key}");
        assert!(table.is_exact, "{name}: {key}");
    }
    let mut networks = BTreeMap::new();
    for (client, count) in of(Column::SrcIp) {
        if let Ok(client) = client.parse() {
            *networks.entry(network(client)).or_default() += count;
        }
    }
    let told = figures.table("client_prefixes").unwrap().rows.iter().map(|row| match &row[..2] {
        [Shown::Text(text), Shown::Count(count)] => (text.to_string(), *count),
        other => panic!("{other:?}"),
    });
    assert_eq!(told.collect::<BTreeMap<_, _>>(), networks, "{name}: networks of clients");
    for (what, column, value) in COUNTS {
        let all = of(column);
        let expected = match value {
            "*" => all.values().sum(),
            value => all.get(value).copied().unwrap_or(0),
        };
        assert_eq!(summary.counted(what), expected, "{name}: {what:?}");
    }
    for (key, column) in DISTRIBUTIONS {
        let all = of(column);
        let numbers = || all.iter().map(|(text, count)| (text.parse::<i64>().unwrap(), *count));
        let number = |key| match figures.of(key, "count") {
            Some(Shown::Count(count)) => *count,
            other => panic!("{other:?}"),
        };
        let not_negative = || numbers().filter(|(number, _)| *number >= 0);
        assert_eq!(number(key), not_negative().map(|(_, count)| count).sum::<u64>(), "{name}: {key}");
        let end = |key, end: &str| match figures.of(key, end) {
            Some(Shown::Ns(number) | Shown::Bytes(number)) => Some(*number as i64),
            _ => None,
        };
        let least = not_negative().map(|(number, _)| number).min();
        let largest = not_negative().map(|(number, _)| number).max();
        assert_eq!((end(key, "min"), end(key, "max")), (least, largest), "{name}: {key}");
    }
    let sum = |column| {
        of(column)
            .iter()
            .map(|(text, count)| text.parse::<i128>().unwrap() * i128::from(*count))
            .sum::<i128>()
    };
    assert_eq!(summary.query_sizes.sum() as i128, sum(Column::QuerySize), "{name}");
    assert_eq!(summary.response_sizes.sum() as i128, sum(Column::ResponseSize), "{name}");
    let counts = of(Column::QueryCount);
    let retried = counts.iter().filter(|(text, _)| *text != "1").map(|(_, count)| count).sum::<u64>();
    assert_eq!(summary.counted(Counted::Retried), retried, "{name}");
    let queries = counts.values().sum::<u64>();
    assert_eq!(i128::from(summary.counted(Counted::Retries) + queries), sum(Column::QueryCount), "{name}");
    let times = || of(Column::QueryTime).into_keys().map(|text| text.parse::<i64>().unwrap());
    assert_eq!(summary.first_and_last_ns(), times().min().zip(times().max()), "{name}");
}

/// Ways to hide addresses and names, in turn.
fn hidden(turn: usize) -> impl Iterator<Item = Privacy> {
    let ways = [("cryptopan", "hash"), ("ipcrypt-nd", "registered-domain"), ("truncate:16,32", "drop")];
    let key = KeyFile::read(b"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f").unwrap();
    let (addresses, names) = ways[turn % ways.len()];
    std::iter::once(Privacy {
        addresses: Some(AddressMap::new(addresses.parse().unwrap(), Some(&key)).unwrap()),
        names: Some(NameMap::new(names.parse().unwrap(), Some(&key)).unwrap()),
        fields: Fields::ALL,
    })
}

#[test]
fn figures_are_those_of_the_columns_on_all_captures() {
    let machine = Machine::new(NonZeroUsize::new(2).unwrap(), 1);
    let (mut queries, mut count) = (0, 0);
    for Capture { name, bytes, is_sparse } in captures::all() {
        // What is hidden takes longer; each way on some captures.
        let mut ways = vec![Privacy::default()];
        ways.extend(hidden(count).filter(|_| bytes.len() < 200_000));
        for privacy in ways {
            let context = Context { privacy, ..Context::default() };
            let sink_needs = Summary::NEEDS | Needs::SIDES;
            let plan = Plan { sink_needs, sparse: is_sparse, context, ..Plan::default() };
            let sink = Summed::new(WriteDown(&plan.context, Mutex::default()), &plan, Summary::new(u64::MAX));
            if pipeline::run(single(&bytes[..]), &plan, &machine, &sink, &Watch::default()).is_err() {
                break;
            }
            let (written, summary) = sink.finish();
            let brief = Plan { sink_needs: Summary::NEEDS, ..plan.clone() };
            let sink = Summed::new(Nobody, &brief, Summary::new(u64::MAX));
            pipeline::run(single(&bytes[..]), &brief, &machine, &sink, &Watch::default())
                .expect("read before");
            assert!(sink.finish().1 == summary, "{name}: without what only columns need");
            check(&name, &written.1.into_inner().unwrap(), &summary);
            queries += summary.counted(Counted::Queries);
            count += 1;
        }
    }
    assert!(count > 100 && queries > 10_000, "{count} captures, {queries} queries");
}
