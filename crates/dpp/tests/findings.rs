//! Tables of figures, held against plain maps over the columns of the same rows, on all captures of the collection: every cell of
//! every table; and what comes of halves.

#[path = "common/captures.rs"]
mod captures;

use captures::Capture;
use dpp::capture::single;
use dpp::dns::name::write_text;
use dpp::findings::{AllFindings, By, Cell, DEFINITIONS, Definition, Findings, Table, Wish};
use dpp::pipeline::{self, Machine, Nobody, Pool, Rows, Sink, Summed, Watch};
use dpp::plan::Plan;
use dpp::privacy::{AddressMap, Fields, KeyFile, NameMap, Privacy};
use dpp::table::{Column, Context, Scratch, Value};
use dpp::tallies::Tally;
use dpp::transaction::Needs;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::Mutex;

/// What rows are written down as.
const COLUMNS: [Column; 19] = [
    Column::EdnsDo,
    Column::Qtype,
    Column::QueryTime,
    Column::SrcIp,
    Column::DstIp,
    Column::QnameLower,
    Column::RegisteredDomain,
    Column::Tld,
    Column::QtypeName,
    Column::RcodeName,
    Column::Rcode,
    Column::Transport,
    Column::Match,
    Column::QueryCount,
    Column::QuerySize,
    Column::ResponseBytes,
    Column::Rtt,
    Column::QnameLength,
    Column::Entropy,
];

/// A row's values by the names of columns.
type Row = BTreeMap<&'static str, String>;

fn text(value: Value) -> Option<String> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(is) => is.to_string(),
        Value::U16(number) => number.to_string(),
        Value::U64(number) => number.to_string(),
        Value::I64(number) | Value::TimestampNanos(number) => number.to_string(),
        Value::F64(number) => number.to_string(),
        Value::Address(address) => address.to_string(),
        Value::Name(wire) => name(wire),
        Value::Word(word) => word.to_string(),
        Value::Text(text) => text.to_string(),
        other => panic!("{other:?}"),
    })
}

fn name(wire: &[u8]) -> String {
    let mut text = Vec::new();
    write_text(wire, &mut text);
    String::from_utf8(text).unwrap().to_ascii_lowercase()
}

/// Tables, what they are by (as they say, if nothing), and whether all groups are told.
fn wishes() -> Vec<(&'static Definition, Vec<&'static str>, bool)> {
    let traffic = Definition::named("traffic").unwrap();
    let mut all: Vec<_> = [
        &["minute"][..],
        &["server"],
        &["client-prefix", "type"],
        &["hour", "rcode"],
        &["tld", "transport", "day"],
        &["domain", "second"],
        &["name"],
        &["edns_do", "qtype"],
    ]
    .iter()
    .map(|by| (traffic, by.to_vec(), true))
    .collect();
    for definition in DEFINITIONS.iter().filter(|definition| !definition.by.is_empty()) {
        all.extend([(definition, definition.by.to_vec(), true), (definition, definition.by.to_vec(), false)]);
    }
    all.push((Definition::named("retries").unwrap(), vec!["server"], false));
    all.push((Definition::named("nxdomain-storms").unwrap(), vec!["minute", "client-prefix"], true));
    all
}

fn least(definition: &Definition, is_all: bool) -> Vec<(&'static str, f64)> {
    let floor = |least: f64| if is_all { f64::MIN } else { least };
    definition.least.iter().map(|(name, least)| (*name, floor(*least))).collect()
}

fn wish((definition, by, is_all): &(&'static Definition, Vec<&'static str>, bool)) -> Wish {
    let by = by.iter().map(|name| By::named(name).unwrap()).collect();
    Wish::new(definition, by, &least(definition, *is_all))
}

/// A sink that writes rows down, and counts them: for each wish a whole and two halves.
struct WriteDown<'a>(&'a Context, Mutex<(Vec<Row>, Vec<[Findings; 3]>)>);

impl Sink for WriteDown<'_> {
    type Piece = ();
    type Error = Infallible;

    fn lanes(&self) -> usize {
        1
    }

    fn encode(&self, rows: Rows, pool: &Pool) {
        let (mut done, context, mut scratch) = (self.1.lock().unwrap(), self.0, Scratch::default());
        for row in rows.iter() {
            let mut written = Row::new();
            for column in COLUMNS {
                if let Some(text) = text(column.value(&row, context, &mut scratch)) {
                    written.insert(column.entry().name, text);
                }
            }
            let half = 1 + done.0.len() % 2;
            done.0.push(written);
            for all in &mut done.1 {
                all[0].add(&row, context);
                all[half].add(&row, context);
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

/// What a row is grouped by.
fn key(row: &Row, by: &str) -> Option<String> {
    let of = |name: &str| row.get(name).cloned();
    let start = |ns: i64| Some((of("query_time")?.parse::<i64>().unwrap().div_euclid(ns) * ns).to_string());
    match by {
        "second" => start(1_000_000_000),
        "minute" => start(60_000_000_000),
        "hour" => start(3_600_000_000_000),
        "day" => start(86_400_000_000_000),
        "server" => of("dst_ip"),
        "client" => of("src_ip"),
        "client-prefix" => Some(match of("src_ip")?.parse() {
            Ok(IpAddr::V4(address)) => {
                let [a, b, c, _] = address.octets();
                format!("{a}.{b}.{c}.0/24")
            }
            Ok(IpAddr::V6(address)) => {
                let [a, b, c, ..] = address.segments();
                format!("{}/48", std::net::Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0))
            }
            Err(_) => of("src_ip")?,
        }),
        "name" => of("qname_lower"),
        "domain" => of("registered_domain"),
        "tld" => of("tld"),
        "type" => of("qtype_name"),
        "rcode" => of("rcode_name"),
        "transport" | "edns_do" | "qtype" => of(by),
        other => panic!("{other}"),
    }
}

/// What a figure should be.
#[derive(Clone, Debug, PartialEq)]
enum Expected {
    Nothing,
    Number(f64),
    /// At most so much more.
    About(f64, f64),
}

use Expected::{About, Nothing, Number};

fn figure(rows: &[&Row], measure: &str) -> Expected {
    let numbers = |name: &str| -> Vec<f64> {
        let values = rows.iter().filter_map(|row| row.get(name));
        values.map(|text| text.parse().unwrap()).collect()
    };
    let whole = |name: &str| numbers(name).iter().map(|number| *number as i128).sum::<i128>() as f64;
    let count = |name: &str, value: &str| {
        rows.iter().filter(|row| row.get(name).is_some_and(|own| own == value)).count() as f64
    };
    let ratio = |part: f64, all: f64| if all == 0.0 { Nothing } else { Number(part / all) };
    let queries = rows.len() as f64;
    let (answered, unanswered) = (count("match", "matched"), count("match", "no_response"));
    let retries = whole("query_count") - numbers("query_count").len() as f64;
    let different = |name: &str| {
        let number = rows.iter().filter_map(|row| row.get(name)).collect::<BTreeSet<_>>().len();
        if number <= 128 { Number(number as f64) } else { About(number as f64, 0.2 * number as f64) }
    };
    let mut rtts: Vec<u64> =
        numbers("rtt_ns").into_iter().filter(|ns| *ns >= 0.0).map(|ns| ns as u64).collect();
    rtts.sort_unstable();
    let quantile = |per_cent: usize| match rtts.get((rtts.len() * per_cent).div_ceil(100).max(1) - 1) {
        Some(&exact) => About(exact as f64, exact as f64 / 128.0),
        None => Nothing,
    };
    let waited = rtts.iter().map(|ns| u128::from(*ns)).sum::<u128>() as f64;
    let shapes = numbers("qname_entropy");
    let code = |code: &str| count("rcode", code);
    match measure {
        "queries" => Number(queries),
        "answered" => Number(answered),
        "unanswered" => Number(unanswered),
        "retries" => Number(retries),
        "noerror" => Number(code("0")),
        "nxdomain" => Number(code("3")),
        "servfail" => Number(code("2")),
        "refused" => Number(code("5")),
        "other_rcodes" => {
            Number(numbers("rcode").len() as f64 - code("0") - code("2") - code("3") - code("5"))
        }
        "query_bytes" => Number(whole("query_size")),
        "response_bytes" => Number(whole("response_bytes")),
        "response_max_bytes" => Number(numbers("response_bytes").into_iter().fold(0.0, f64::max)),
        "waited_ns" => Number(waited),
        "rtt_mean_ns" => ratio(waited, rtts.len() as f64),
        "rtt_p50_ns" => quantile(50),
        "rtt_p90_ns" => quantile(90),
        "rtt_p95_ns" => quantile(95),
        "rtt_p99_ns" => quantile(99),
        "rtt_max_ns" => rtts.last().map_or(Nothing, |ns| Number(*ns as f64)),
        "clients" => different("src_ip"),
        "names" => different("qname_lower"),
        "names_per_query" => match different("qname_lower") {
            Number(number) => ratio(number, queries),
            About(number, error) => About(number / queries, error / queries),
            Nothing => Nothing,
        },
        "name_length_mean" => ratio(whole("qname_length"), numbers("qname_length").len() as f64),
        "name_entropy_mean" => match shapes.len() {
            0 => Nothing,
            count => {
                let mean = shapes.iter().sum::<f64>() / count as f64;
                About(mean - 1e-6, 2e-6)
            }
        },
        "unanswered_share" => ratio(unanswered, queries),
        "retry_share" => ratio(retries, queries),
        "nxdomain_share" => ratio(code("3"), answered),
        "amplification" => ratio(whole("response_bytes"), whole("query_size")),
        "any_share" => ratio(count("qtype_name", "ANY"), queries),
        "txt_share" => ratio(count("qtype_name", "TXT"), queries),
        "dnskey_share" => ratio(count("qtype_name", "DNSKEY"), queries),
        other => panic!("{other} is computed nowhere"),
    }
}

fn number(cell: &Cell) -> Option<f64> {
    match cell {
        Cell::Count(number) => Some(*number as f64),
        Cell::Fraction(number) => Some(*number),
        Cell::Null => None,
        other => panic!("{other:?}"),
    }
}

fn is(cell: &Cell, expected: &Expected) -> bool {
    match (number(cell), expected) {
        (None, Nothing) => true,
        (Some(found), Number(exact)) => found == *exact,
        // What is estimated may be wrong to both sides; quantiles are never too low.
        (Some(found), About(exact, error)) if *error > exact / 100.0 => (found - exact).abs() <= *error,
        (Some(found), About(exact, error)) => (*exact..=exact + error).contains(&found),
        _ => false,
    }
}

fn key_text(cell: &Cell) -> Option<String> {
    Some(match cell {
        Cell::Null => return None,
        Cell::Flag(is) => is.to_string(),
        Cell::Count(number) => number.to_string(),
        Cell::Signed(number) | Cell::Time(number) => number.to_string(),
        Cell::Address(address) => address.to_string(),
        Cell::Network(address, bits) => format!("{address}/{bits}"),
        Cell::Name(wire) => name(wire),
        Cell::Text(text) => text.clone(),
        other => panic!("{other:?}"),
    })
}

/// How two keys of the same column stand to each other.
fn compared(by: &str, one: &Option<String>, other: &Option<String>) -> Ordering {
    let (Some(one), Some(other)) = (one, other) else { return one.cmp(other) };
    let number = |text: &str| text.parse::<i64>().unwrap();
    let address = |text: &str| text.split('/').next().unwrap().parse::<IpAddr>().unwrap();
    match by {
        "second" | "minute" | "hour" | "day" | "qtype" => number(one).cmp(&number(other)),
        "server" | "client" | "client-prefix" => address(one).cmp(&address(other)),
        _ => one.cmp(other),
    }
}

fn check(capture: &str, rows: &[Row], wish: &(&'static Definition, Vec<&'static str>, bool), table: &Table) {
    let (definition, by, is_all) = wish;
    let what = format!("{capture}: {} by {by:?}", definition.name);
    let is_counted = |row: &&Row| match definition.name {
        "amplification" => row["match"] == "matched" && row.get("transport").is_some_and(|of| of == "udp"),
        _ => true,
    };
    let mut groups: BTreeMap<Vec<Option<String>>, Vec<&Row>> = BTreeMap::new();
    for row in rows.iter().filter(is_counted) {
        groups.entry(by.iter().map(|by| key(row, by)).collect()).or_default().push(row);
    }
    let mut names: Vec<String> = by.iter().map(|by| by.replace('-', "_")).collect();
    names.extend(definition.measures.iter().map(|name| (*name).to_string()));
    names.push("one_in".to_string());
    assert_eq!(table.columns.iter().map(|column| column.name).collect::<Vec<_>>(), names, "{what}");
    let mut told = BTreeSet::new();
    let place =
        |measure: &str| by.len() + definition.measures.iter().position(|own| *own == measure).unwrap();
    for row in &table.rows {
        let key: Vec<_> = row[..by.len()].iter().map(key_text).collect();
        let group = groups.get(&key).unwrap_or_else(|| panic!("{what}: nothing is {key:?}"));
        for (measure, cell) in definition.measures.iter().zip(&row[by.len()..]) {
            let expected = figure(group, measure);
            assert!(is(cell, &expected), "{what}, {key:?}: {measure} is {cell:?}, and not {expected:?}");
        }
        assert_eq!(row.last(), Some(&Cell::Count(1)), "{what}");
        assert!(told.insert(key), "{what}: a group twice");
    }
    // Those that are not told have too little of something.
    for (key, group) in groups.iter().filter(|(key, _)| !told.contains(*key)) {
        let is_least = |(measure, least): &(&str, f64)| match figure(group, measure) {
            Nothing => false,
            Number(number) => number >= *least,
            About(number, error) => number - error >= *least,
        };
        assert!(!least(definition, *is_all).iter().all(is_least), "{what}: {key:?} is missing");
    }
    for (measure, least) in least(definition, *is_all) {
        assert!(
            table.rows.iter().all(|row| number(&row[place(measure)]).unwrap() >= least),
            "{what}: {measure}"
        );
    }
    for pair in table.rows.windows(2) {
        let by_figure = definition.order.map_or(Ordering::Equal, |order| {
            let of = |row: &Vec<Cell>| number(&row[place(order)]).unwrap_or(0.0);
            of(&pair[1]).total_cmp(&of(&pair[0]))
        });
        let by_key = by.iter().zip(pair[0].iter().zip(&pair[1]));
        let by_key = by_key.map(|(by, (one, other))| compared(by, &key_text(one), &key_text(other)));
        let order = by_figure.then(by_key.fold(Ordering::Equal, Ordering::then));
        assert_eq!(order, Ordering::Less, "{what}: {pair:?}");
    }
}

/// Addresses and names that are written otherwise.
fn hidden() -> Privacy {
    let key = KeyFile::read(b"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f").unwrap();
    Privacy {
        addresses: Some(AddressMap::new("cryptopan".parse().unwrap(), Some(&key)).unwrap()),
        names: Some(NameMap::new("hash".parse().unwrap(), Some(&key)).unwrap()),
        fields: Fields::ALL,
    }
}

#[test]
fn tables_are_those_of_plain_counting_on_all_captures() {
    let machine = Machine::new(NonZeroUsize::new(2).unwrap(), 1);
    let (mut rows, mut told, mut count) = (0, BTreeMap::<&str, usize>::new(), 0);
    for Capture { name: capture, bytes, is_sparse } in captures::all() {
        // What is hidden takes longer.
        let is_hidden = bytes.len() < 200_000 && count % 4 == 0;
        let privacy = if is_hidden { hidden() } else { Privacy::default() };
        let context = Context { privacy, ..Context::default() };
        // Of long ones each table is looked at in turn.
        let is_turn = |number: usize| bytes.len() < 200_000 || (number + count).is_multiple_of(6);
        let wishes: Vec<_> = wishes()
            .into_iter()
            .enumerate()
            .filter(|(number, _)| is_turn(*number))
            .map(|own| own.1)
            .collect();
        let needs = wishes.iter().map(|own| wish(own).needs()).reduce(|one, other| one | other).unwrap();
        let plan = Plan { sparse: is_sparse, context, ..Plan::default() };
        let sides = Plan { sink_needs: needs | Needs::SIDES, ..plan.clone() };
        let blank = wishes.iter().map(|own| [0; 3].map(|_| Findings::new(wish(own), false))).collect();
        let sink = WriteDown(&sides.context, Mutex::new((Vec::new(), blank)));
        if pipeline::run(single(&bytes[..]), &sides, &machine, &sink, &Watch::default()).is_err() {
            continue;
        }
        // What tables need of transactions is less than what was written down here, of nearly all tables.
        let is_brief = |wish: &Wish| !wish.needs().has(Needs::SIDES);
        let brief: Vec<Wish> = wishes.iter().map(wish).filter(is_brief).collect();
        let plan = Plan { sink_needs: Needs::BRIEF, ..plan };
        let counted_briefly = Summed::new(Nobody, &plan, AllFindings::new(brief, false));
        pipeline::run(single(&bytes[..]), &plan, &machine, &counted_briefly, &Watch::default()).unwrap();
        let briefly = counted_briefly.finish().1;
        let (written, counted) = sink.1.into_inner().unwrap();
        for (wish, [whole, mut half, other]) in wishes.iter().zip(counted) {
            let table = whole.table(usize::MAX);
            check(&capture, &written, wish, &table);
            let mut briefly = briefly.all().iter().filter(|findings| findings.wish() == whole.wish());
            assert!(briefly.all(|findings| *findings == whole), "{capture}: {} with less", wish.0.name);
            *told.entry(wish.0.name).or_default() += table.rows.len();
            half.merge(&other);
            assert!(half == whole && half.table(usize::MAX) == table, "{capture}: halves");
            assert_eq!(
                whole.table(3).rows,
                table.rows[..table.rows.len().min(3)],
                "{capture}: at most three"
            );
        }
        rows += written.len();
        count += 1;
    }
    assert!(count > 100 && rows > 10_000, "{count} captures, {rows} rows");
    assert!(told.values().all(|rows| *rows > 50), "each table has rows somewhere: {told:?}");
}
