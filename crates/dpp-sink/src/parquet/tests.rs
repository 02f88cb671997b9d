//! Tables of all kinds, also of those that no column has yet, read back by the parquet crate and by others.

use super::column::{Shape, leaves_of};
use super::lane::PAGE_ROWS;
use super::tools::Tools;
use super::{Compression, File, Out, Settings, Version, lanes_of, properties, schema_field};
use bytes::Bytes;
use dpp::table::{Basis, Kind, RecordText, Schema, Scratch, Value};
use parquet::file::properties::ReaderProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::serialized_reader::ReadOptionsBuilder;
use parquet::file::writer::SerializedFileWriter;
use parquet::record::Field;
use parquet::schema::types::Type;
use std::collections::VecDeque;
use std::fmt::Write;
use std::net::{IpAddr, Ipv6Addr};
use std::process::Command;
use std::sync::{Arc, Mutex};

/// A value of its own.
#[derive(Clone, Debug)]
enum Cell {
    Null,
    Bool(bool),
    U64(u64),
    I64(i64),
    F64(f64),
    Micros(i64),
    Nanos(i64),
    Seconds(i64),
    Address(IpAddr),
    /// A single label.
    Name(String),
    Word(&'static str),
    Text(String),
    Bytes(Vec<u8>),
    Numbers(Vec<u16>),
    Texts(Vec<String>),
    /// Name, type, class, ttl, data.
    Records(Vec<(String, &'static str, Option<u32>, String)>),
}

use Cell::Null;

impl Cell {
    fn value<'a>(&'a self, scratch: &'a mut Scratch) -> Value<'a> {
        scratch.clear();
        match self {
            Cell::Null => Value::Null,
            Cell::Bool(is) => Value::Bool(*is),
            Cell::U64(number) => Value::U64(*number),
            Cell::I64(number) => Value::I64(*number),
            Cell::F64(number) => Value::F64(*number),
            Cell::Micros(time) => Value::TimestampMicros(*time),
            Cell::Nanos(time) => Value::TimestampNanos(*time),
            Cell::Seconds(time) => Value::Seconds(*time),
            Cell::Address(address) => Value::Address(*address),
            Cell::Name(label) => {
                scratch.bytes.push(label.len() as u8);
                scratch.bytes.extend(label.bytes().chain([0]));
                Value::Name(&scratch.bytes)
            }
            Cell::Word(text) => Value::Word(text),
            Cell::Text(text) => Value::Text(text),
            Cell::Bytes(bytes) => Value::Bytes(bytes),
            Cell::Numbers(numbers) => Value::Numbers(numbers),
            Cell::Texts(texts) => {
                for text in texts {
                    scratch.bytes.extend(text.bytes());
                    scratch.end_text();
                }
                Value::Texts(scratch.texts())
            }
            Cell::Records(records) => {
                for (name, rtype, ttl, data) in records {
                    let bytes = &mut scratch.bytes;
                    let mut add = |text: &str| {
                        bytes.extend(text.bytes());
                        bytes.len() as u32
                    };
                    let (start, name_end) = (add(""), add(name));
                    let (rtype_end, class_end, end) = (add(rtype), add("IN"), add(data));
                    scratch.records.push(RecordText {
                        start,
                        name_end,
                        rtype_end,
                        class_end,
                        end,
                        ttl: *ttl,
                    });
                }
                Value::Records(scratch.records())
            }
        }
    }

    /// As JSON; fractions as their bits, bytes as hexadecimal digits.
    fn json(&self) -> String {
        let list = |items: Vec<String>| format!("[{}]", items.join(","));
        match self {
            Cell::Null => "null".into(),
            Cell::Bool(is) => is.to_string(),
            Cell::U64(number) => number.to_string(),
            Cell::I64(number) | Cell::Micros(number) | Cell::Nanos(number) => number.to_string(),
            Cell::F64(number) => number.to_bits().to_string(),
            Cell::Seconds(ns) => ((ns / 1000) as f64 / 1e6).to_bits().to_string(),
            Cell::Address(address) => format!("{:?}", address.to_string()),
            Cell::Name(text) | Cell::Text(text) => format!("{text:?}"),
            Cell::Word(text) => format!("{text:?}"),
            Cell::Bytes(bytes) => format!("{:?}", hex(bytes)),
            Cell::Numbers(numbers) => list(numbers.iter().map(u16::to_string).collect()),
            Cell::Texts(texts) => list(texts.iter().map(|text| format!("{text:?}")).collect()),
            Cell::Records(records) => list(
                records
                    .iter()
                    .map(|(name, rtype, ttl, data)| {
                        let ttl = ttl.map_or("null".into(), |ttl| ttl.to_string());
                        format!(r#"[{name:?},{rtype:?},"IN",{ttl},{data:?}]"#)
                    })
                    .collect(),
            ),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a text takes all");
        text
    })
}

/// What the reader of the parquet crate gives, as [`Cell::json`] has it.
fn json_of(field: &Field) -> String {
    let list = |items: Vec<String>| format!("[{}]", items.join(","));
    match field {
        Field::Null => "null".into(),
        Field::Bool(is) => is.to_string(),
        Field::UByte(number) => number.to_string(),
        Field::UShort(number) => number.to_string(),
        Field::UInt(number) => number.to_string(),
        Field::ULong(number) => number.to_string(),
        Field::Int(number) => number.to_string(),
        Field::Long(number) | Field::TimestampMicros(number) => number.to_string(),
        Field::Double(number) => number.to_bits().to_string(),
        Field::Str(text) => format!("{text:?}"),
        Field::Bytes(bytes) => format!("{:?}", hex(bytes.data())),
        Field::ListInternal(fields) => list(fields.elements().iter().map(json_of).collect()),
        Field::Group(row) => list(row.get_column_iter().map(|(_, field)| json_of(field)).collect()),
        other => panic!("no column has {other}"),
    }
}

/// Columns of a table: name, kind, whether it may be without a value.
type Columns<'a> = &'a [(&'a str, Kind, bool)];

/// Writes a table, with pages as long as the lanes make them.
fn write(columns: Columns, rows: &[Vec<Cell>], settings: &Settings) -> Vec<u8> {
    let field = |&(name, kind, nullable): &_| Arc::new(schema_field(name, kind, nullable).unwrap());
    let schema = Type::group_type_builder("schema").with_fields(columns.iter().map(field).collect());
    let schema = Arc::new(schema.build().unwrap());
    let out = Out(Some(Vec::new()));
    let writer = SerializedFileWriter::new(out, schema, Arc::new(properties(settings))).unwrap();
    let leaves = writer.schema_descr().columns().to_vec();
    let mut file = File { closed: leaves.iter().map(|_| VecDeque::new()).collect(), writer };
    let mut first = 0;
    for (number, &(name, kind, nullable)) in columns.iter().enumerate() {
        let has_bloom = settings.bloom.iter().any(|other| other == name);
        let tools = Arc::new(Mutex::new(Tools::new(settings.compression).unwrap()));
        let leaves = &leaves[first..];
        let mut shape = Shape::new(kind, nullable, has_bloom, leaves, settings, &tools).unwrap();
        let scratch = &mut Scratch::default();
        let mut closed = Vec::new();
        for group in rows.chunks(settings.group_rows.get()) {
            for page in group.chunks(PAGE_ROWS) {
                page.iter().for_each(|row| shape.take(row[number].value(scratch)).unwrap());
                shape.end_page().unwrap();
            }
            shape.close(first, |leaf, chunk| closed.push((leaf, chunk))).unwrap();
        }
        file.take(closed).unwrap();
        first += leaves_of(kind);
    }
    file.finish().unwrap()
}

fn read(file: Vec<u8>) -> Vec<String> {
    let reader = SerializedFileReader::new(Bytes::from(file)).unwrap();
    let json = |row: parquet::record::Row| {
        row.get_column_iter().map(|(_, field)| json_of(field)).collect::<Vec<_>>().join("|")
    };
    reader.get_row_iter(None).unwrap().map(|row| json(row.unwrap())).collect()
}

fn expected(rows: &[Vec<Cell>]) -> Vec<String> {
    rows.iter().map(|row| row.iter().map(Cell::json).collect::<Vec<_>>().join("|")).collect()
}

/// All ways to write a file, in small row groups.
fn all_settings(group_rows: usize) -> impl Iterator<Item = Settings> {
    let compressions = [Compression::Snappy, Compression::Zstd(1), Compression::Zstd(9)];
    let ways = compressions.into_iter().flat_map(|compression| {
        [Version::One, Version::Two].map(|version| (compression, version, compression == Compression::Snappy))
    });
    ways.map(move |(compression, version, page_index)| Settings {
        compression,
        version,
        page_index,
        group_rows: group_rows.try_into().unwrap(),
        ..Settings::default()
    })
}

/// Numbers that look random, the same on each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    /// Any bits, but often few, and often those at the ends of a type.
    fn bits(&mut self) -> u64 {
        let all = self.roll(1 << 31) << 40 ^ self.roll(1 << 31) << 20 ^ self.roll(1 << 31);
        match self.roll(6) {
            0 => all,
            1 => all >> self.roll(64),
            2 => u64::MAX >> self.roll(64),
            3 => 1 << self.roll(64),
            _ => self.roll(3),
        }
    }

    fn text(&mut self) -> String {
        let length = [0, 1, 3, 20, 70, 300][self.roll(6) as usize];
        (0..length).map(|_| ['a', 'b', '\u{e9}', '\u{1d11e}', '"'][self.roll(5) as usize]).collect()
    }

    fn list<T>(&mut self, mut element: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let length = [0, 0, 1, 2, 9, 40][self.roll(6) as usize];
        (0..length).map(|_| element(self)).collect()
    }

    fn cell(&mut self, kind: Kind) -> Cell {
        let bits = self.bits();
        match kind {
            Kind::Bool => Cell::Bool(bits % 2 == 1),
            Kind::U8 => Cell::U64(bits & 0xFF),
            Kind::U16 => Cell::U64(bits & 0xFFFF),
            Kind::U32 => Cell::U64(bits & 0xFFFF_FFFF),
            Kind::U64 => Cell::U64(bits),
            Kind::I32 => Cell::I64((bits as i32).into()),
            Kind::I64 => Cell::I64(bits as i64),
            Kind::F64 => Cell::F64(f64::from_bits(bits)),
            // The ends mean infinity to some.
            Kind::TimestampMicros => Cell::Micros(bits as i64 >> 3),
            Kind::TimestampNanos => Cell::Nanos(bits as i64 >> 3),
            Kind::Seconds => Cell::Seconds((bits >> 1) as i64),
            Kind::Address if bits.is_multiple_of(2) => Cell::Address([10, 0, bits as u8, 1].into()),
            Kind::Address => Cell::Address(Ipv6Addr::from(u128::from(bits) << 64).into()),
            Kind::Name => Cell::Name(format!("host{}", bits % 1000)),
            Kind::Word | Kind::Text if bits.is_multiple_of(3) => Cell::Text(self.text()),
            Kind::Word | Kind::Text => Cell::Word(["A", "AAAA", "", "NS"][bits as usize % 4]),
            Kind::Bytes => Cell::Bytes(self.text().into_bytes()),
            Kind::Numbers => Cell::Numbers(self.list(|dice| dice.bits() as u16)),
            Kind::Texts => Cell::Texts(self.list(Dice::text)),
            Kind::Records => Cell::Records(self.list(|dice| {
                let ttl = (dice.roll(4) > 0).then(|| dice.bits() as u32);
                (dice.text(), ["A", "CNAME"][dice.roll(2) as usize], ttl, dice.text())
            })),
        }
    }

    /// A column's cells: random ones, or the same again and again with a few others, or none.
    fn column(&mut self, kind: Kind, nullable: bool, rows: usize) -> Vec<Cell> {
        let manner = self.roll(4);
        let mut last = self.cell(kind);
        let cell = |_| match (nullable, manner, self.roll(8)) {
            (true, 3, _) | (true, _, 0) => Null,
            (_, 0, 1..) | (_, 1, 2..) => last.clone(),
            _ => {
                last = self.cell(kind);
                last.clone()
            }
        };
        (0..rows).map(cell).collect()
    }
}

const ALL: [(&str, Kind); 19] = [
    ("bool", Kind::Bool),
    ("u8", Kind::U8),
    ("u16", Kind::U16),
    ("u32", Kind::U32),
    ("u64", Kind::U64),
    ("i32", Kind::I32),
    ("i64", Kind::I64),
    ("f64", Kind::F64),
    ("micros", Kind::TimestampMicros),
    ("nanos", Kind::TimestampNanos),
    ("seconds", Kind::Seconds),
    ("address", Kind::Address),
    ("name", Kind::Name),
    ("word", Kind::Word),
    ("text", Kind::Text),
    ("bytes", Kind::Bytes),
    ("numbers", Kind::Numbers),
    ("texts", Kind::Texts),
    ("records", Kind::Records),
];

/// A column of each kind that may be without a value, and one that may not.
fn all_columns() -> Vec<(&'static str, Kind, bool)> {
    let required = |name: &str| -> &'static str { format!("{name}_required").leak() };
    ALL.into_iter().flat_map(|(name, kind)| [(name, kind, true), (required(name), kind, false)]).collect()
}

fn table_of(columns: Columns, rows: usize, dice: &mut Dice) -> Vec<Vec<Cell>> {
    let cells: Vec<_> =
        columns.iter().map(|&(_, kind, nullable)| dice.column(kind, nullable, rows)).collect();
    (0..rows).map(|row| cells.iter().map(|column| column[row].clone()).collect()).collect()
}

#[test]
fn what_goes_in_comes_out() {
    let columns = all_columns();
    for seed in 0..12 {
        let mut dice = Dice(seed);
        let rows = 1 + dice.roll(900) as usize;
        let rows = table_of(&columns, rows, &mut dice);
        let settings = all_settings(1 + dice.roll(700) as usize).nth(seed as usize % 6).unwrap();
        let found = read(write(&columns, &rows, &settings));
        let expected = expected(&rows);
        assert_eq!(found.len(), expected.len(), "{seed}");
        for (number, (found, expected)) in found.iter().zip(&expected).enumerate() {
            assert_eq!(found, expected, "row {number} of seed {seed}");
        }
    }
}

#[track_caller]
fn check_column(kind: Kind, cells: impl Iterator<Item = Cell>) -> Vec<u8> {
    let rows: Vec<_> = cells.map(|cell| vec![cell]).collect();
    let mut file = Vec::new();
    for settings in all_settings(1 << 19).take(2) {
        file = write(&[("column", kind, true)], &rows, &settings);
        assert!(read(file.clone()) == expected(&rows), "{settings:?}");
    }
    file
}

#[test]
fn pages_are_read_back_whichever_way_they_are_encoded() {
    let rows = 3 * PAGE_ROWS as u64;
    // One value; few; many; many after the first page.
    check_column(Kind::U32, (0..rows).map(|_| Cell::U64(u64::from(u32::MAX))));
    check_column(Kind::U16, (0..rows).map(|row| Cell::U64(row * row % 7)));
    check_column(Kind::U32, (0..rows).map(|row| Cell::U64(row * 2_654_435_761 % (1 << 32))));
    check_column(Kind::U64, (0..rows).map(|row| Cell::U64(row.saturating_sub(PAGE_ROWS as u64))));
    check_column(Kind::F64, (0..rows).map(|row| Cell::F64(1.0 / row as f64)));
    check_column(Kind::Seconds, (0..rows).map(|row| Cell::Seconds((row as i64 % 5) * 1_500_000_000)));
    check_column(
        Kind::Bool,
        (0..rows).map(|row| if row % 100 < 90 { Null } else { Cell::Bool(row % 3 == 0) }),
    );
}

#[test]
fn a_list_is_not_torn_apart_where_the_dictionary_gets_full() {
    let texts = |row: u64| (0..7).map(|number| format!("{row:0150}-{number}")).collect();
    check_column(Kind::Texts, (0..4000).map(|row| if row % 5 == 0 { Null } else { Cell::Texts(texts(row)) }));
}

#[test]
fn pages_end_by_bytes_too() {
    let file = check_column(Kind::Bytes, (0..300).map(|row| Cell::Bytes(vec![row as u8; 60_000])));
    let options = ReadOptionsBuilder::new().with_page_index().build();
    let reader = SerializedFileReader::new_with_options(Bytes::from(file), options).unwrap();
    let pages = reader.metadata().offset_index().unwrap()[0][0].page_locations();
    assert_eq!((pages.len(), pages[1].first_row_index), (17, 18));
}

#[test]
fn the_index_tells_the_bounds_of_each_page() {
    let columns = [("u64", Kind::U64, true), ("word", Kind::Word, true), ("f64", Kind::F64, false)];
    let row = |row: usize| match row < PAGE_ROWS {
        true => vec![Cell::U64(u64::MAX - 5), Cell::Word("NS"), Cell::F64(0.0)],
        false if row < 2 * PAGE_ROWS => vec![Null, Cell::Word("AAAA"), Cell::F64(f64::NAN)],
        false => vec![Cell::U64(row as u64), Cell::Word(["A", "MX"][row % 2]), Cell::F64(-1.0)],
    };
    let rows: Vec<_> = (0..2 * PAGE_ROWS + 10).map(row).collect();
    let settings = Settings { page_index: true, ..Settings::default() };
    let options = ReadOptionsBuilder::new().with_page_index().build();
    let file = Bytes::from(write(&columns, &rows, &settings));
    let reader = SerializedFileReader::new_with_options(file, options).unwrap();
    let (index, offsets) =
        (reader.metadata().column_index().unwrap(), reader.metadata().offset_index().unwrap());
    for leaf in &offsets[0] {
        let rows: Vec<_> = leaf.page_locations().iter().map(|page| page.first_row_index).collect();
        assert_eq!(rows, [0, PAGE_ROWS as i64, 2 * PAGE_ROWS as i64]);
    }
    let text = format!("{:?}", index[0]);
    assert!(text.contains("null_pages: [false, true, false]"), "{text}");
    let least = (2 * PAGE_ROWS) as i64;
    assert!(
        text.contains(&format!("min_values: [-6, 0, {least}], max_values: [-6, 0, {}]", least + 9)),
        "{text}"
    );
    // A page of what is no number has no bounds, so there are none at all.
    assert!(text.ends_with("NONE]"), "{text}");
}

#[test]
fn a_bloom_filter_knows_every_value_and_few_others() {
    let columns =
        [("name", Kind::Name, true), ("port", Kind::U16, true), ("nanos", Kind::TimestampNanos, true)];
    let row =
        |row: u64| vec![Cell::Name(format!("{row:060}")), Cell::U64(row % 1000), Cell::Nanos(row as i64)];
    let rows: Vec<_> = (0..20_000).map(row).collect();
    let bloom = columns.iter().map(|column| column.0.to_owned()).collect();
    let file = write(&columns, &rows, &Settings { bloom, ..Settings::default() });
    let properties = ReaderProperties::builder().set_read_bloom_filter(true).build();
    let options = ReadOptionsBuilder::new().with_reader_properties(properties).build();
    let reader = SerializedFileReader::new_with_options(Bytes::from(file), options).unwrap();
    let group = reader.get_row_group(0).unwrap();
    let filter = |leaf: usize| group.get_column_bloom_filter(leaf).unwrap();
    assert!((0..20_000).all(|row| filter(0).check(&format!("{row:060}")[..])));
    assert!((0..1000).all(|row: i32| filter(1).check(&row)));
    assert!((0..20_000).all(|row: i64| filter(2).check(&row)));
    let others = (20_000..30_000).filter(|row| filter(0).check(&format!("{row:060}")[..])).count();
    assert!(others < 300, "{others}");
    assert!(filter(1).num_blocks() < 100, "{}", filter(1).num_blocks());
}

#[test]
fn an_absent_value_where_none_may_be_is_zero_and_shifts_nothing() {
    let columns: Vec<_> = ALL.into_iter().map(|(name, kind)| (name, kind, false)).collect();
    let mut rows = table_of(&columns, 50, &mut Dice(5));
    rows[20].fill(Null);
    let found = read(write(&columns, &rows, &Settings::default()));
    let zero = "false|0|0|0|0|0|0|0|0|0|0|\"\"|\"\"|\"\"|\"\"|\"\"|[]|[]|[]";
    let mut expected = expected(&rows);
    expected[20] = zero.into();
    assert_eq!(found, expected);
}

#[test]
fn eight_columns_have_a_lane_each_and_in_more_what_is_looked_up_together_shares_one() {
    assert_eq!(lanes_of(Schema::dpp().fields()), [0, 1, 2, 3, 4, 5, 6, 7]);
    let schema = Schema::full();
    let lanes = lanes_of(schema.fields());
    assert_eq!(lanes.len(), schema.fields().len());
    assert_eq!(lanes.iter().max(), Some(&5));
    let fields = || lanes.iter().zip(schema.fields());
    for (lane, field) in fields() {
        let expected = match field.column.basis() {
            Some(Basis::Name) => 0..=0,
            Some(Basis::Query | Basis::Response) => 1..=1,
            None => 2..=5,
        };
        assert!(expected.contains(lane), "{}: {lane}", field.name);
    }
    let is_heavy =
        |field: &dpp::table::Field| matches!(field.kind(), Kind::Name | Kind::Address | Kind::Records);
    let heavy = fields().filter(|(lane, field)| **lane > 1 && is_heavy(field));
    let alone = heavy.take(2).map(|(lane, _)| lanes.iter().filter(|other| *other == lane).count());
    assert_eq!(alone.collect::<Vec<_>>(), [1; 2]);
}

/// Reads files with all three and compares every value with lines of JSON, and then the types.
const PEERS: &str = r#"
import json, struct, sys
import duckdb, polars, pyarrow, pyarrow.parquet

names = sys.argv[1].split(",")
base = [name.removesuffix("_required") for name in names]

def plain(kind, value):
    if value is None: return None
    if kind in ("f64", "seconds"):
        # What is no number is equal to no other.
        bits = value if isinstance(value, int) else struct.unpack("<Q", struct.pack("<d", value))[0]
        return "nan" if (bits >> 52) & 0x7FF == 0x7FF and bits & ((1 << 52) - 1) else bits
    if kind == "bytes": return value if isinstance(value, str) else bytes(value).hex()
    if kind in ("numbers", "texts"): return list(value)
    if kind == "records": return [list(r.values()) if isinstance(r, dict) else list(r) for r in value]
    return value

def from_pyarrow(path):
    table = pyarrow.parquet.read_table(path)
    columns = [c.cast(pyarrow.int64()) if b in ("micros", "nanos") else c for b, c in zip(base, table.columns)]
    return zip(*(c.to_pylist() for c in columns))

def from_duckdb(path):
    times = {"micros": "epoch_us({0})", "nanos": "epoch_ns({0})"}
    wanted = ", ".join(times.get(b, '"{0}"').format(n) for b, n in zip(base, names))
    return duckdb.sql(f"select {wanted} from '{path}'").fetchall()

def from_polars(path):
    frame = polars.read_parquet(path)
    times = [polars.col(n).to_physical() for b, n in zip(base, names) if b in ("micros", "nanos")]
    return frame.with_columns(times).rows()

with open(sys.argv[2]) as file:
    expected = [tuple(plain(b, v) for b, v in zip(base, json.loads(line))) for line in file]
for path in sys.argv[3:]:
    for reader in (from_pyarrow, from_duckdb, from_polars):
        found = [tuple(plain(b, v) for b, v in zip(base, row)) for row in reader(path)]
        assert len(found) == len(expected), (path, reader, len(found), len(expected))
        for number, (ours, theirs) in enumerate(zip(expected, found)):
            for name, one, other in zip(names, ours, theirs):
                assert one == other, (path, reader, number, name, one, other)
    types = {f.name: str(f.type) for f in pyarrow.parquet.read_schema(path)}
    assert types["u8"] == "uint8" and types["u16"] == "uint16" and types["u32"] == "uint32", types
    assert types["u64"] == "uint64" and types["i64"] == "int64" and types["bool"] == "bool", types
    assert types["nanos"] == "timestamp[ns, tz=UTC]" and types["bytes"] == "binary", types
    assert types["numbers"].startswith("list<") and "uint16" in types["numbers"], types
    assert "ttl: uint32" in types["records"] and "data: string not null" in types["records"], types
"#;

#[test]
fn pyarrow_duckdb_and_polars_read_all_kinds() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let installed = root.join("target/peers/bin/python");
    let python = std::env::var_os("DPP_PEERS_PYTHON").map_or(installed, Into::into);
    assert!(python.exists(), "{} is missing: run `make peers`, which installs the readers", python.display());
    let folder = std::env::temp_dir().join(format!("dpp-peers-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let columns = all_columns();
    let rows = table_of(&columns, 600, &mut Dice(77));
    let lines: String = expected(&rows).iter().map(|row| format!("[{}]\n", row.replace('|', ","))).collect();
    std::fs::write(folder.join("rows.json"), lines).unwrap();
    let mut files = Vec::new();
    for (number, settings) in all_settings(260).enumerate() {
        files.push(folder.join(format!("{number}.parquet")));
        std::fs::write(&files[number], write(&columns, &rows, &settings)).unwrap();
    }
    let names = columns.iter().map(|column| column.0).collect::<Vec<_>>().join(",");
    let mut command = Command::new(python);
    command.args(["-c", PEERS, &names]).arg(folder.join("rows.json")).args(files);
    let output = command.output().unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
