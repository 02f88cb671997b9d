//! Parquet and Arrow, read by those who will read them: pyarrow, DuckDB and Polars. Each must see the rows of the CSV file.
//!
//! `make peers` installs the readers into `target/peers`; `DPP_PEERS_PYTHON` names another Python that has them.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Reads both files with all three and compares every value, and the types.
const SCRIPT: &str = r#"
import csv, sys
import duckdb, polars, pyarrow, pyarrow.parquet

def from_csv(path):
    def row(r):
        us = lambda text: int(text) if text else None
        return (us(r["request_timestamp"]), us(r["response_timestamp"]), r["source_ip"], int(r["source_port"]),
                int(r["id"]), r["name"], r["query_type"], r["response_code"] or None)
    with open(path, newline="") as file:
        return [row(r) for r in csv.DictReader(file)]

def from_pyarrow(path):
    table = pyarrow.parquet.read_table(path)
    us = pyarrow.timestamp("us", tz="UTC")
    types = [us, us, pyarrow.string(), pyarrow.int32(), pyarrow.int32()] + [pyarrow.string()] * 3
    assert table.schema.types == types, table.schema
    nullable = [field.nullable for field in table.schema]
    assert nullable == [False, True, False, False, False, False, False, True], nullable
    columns = [c.cast(pyarrow.int64()) if i < 2 else c for i, c in enumerate(table.columns)]
    return list(zip(*(c.to_pylist() for c in columns)))

def from_duckdb(path):
    return duckdb.sql(f"""select epoch_us(request_timestamp), epoch_us(response_timestamp), source_ip, source_port, id,
                          name, query_type, response_code from '{path}'""").fetchall()

def from_polars(path):
    frame = polars.read_parquet(path)
    times = [polars.col(c).dt.epoch("us") for c in frame.columns[:2]]
    return frame.with_columns(times).rows()

expected = from_csv(sys.argv[1])
assert len(expected) > 15_000, len(expected)
for path in sys.argv[2:]:
    for reader in (from_pyarrow, from_duckdb, from_polars):
        found = reader(path)
        assert len(found) == len(expected), (path, reader, len(found), len(expected))
        for number, (ours, theirs) in enumerate(zip(expected, found)):
            assert tuple(theirs) == ours, (path, reader, number, ours, theirs)
print("ok")
"#;

/// Reads Arrow files and streams of both schemas with all three: those of `dpp` must be what the CSV file says, and those of
/// `full` must say the same of what both have. The last stream comes through a pipe.
const ARROW_SCRIPT: &str = r#"
import csv, subprocess, sys
import duckdb, polars, pyarrow, pyarrow.ipc

program, capture, folder = sys.argv[1:]
path = lambda name: f"{folder}/{name}"
with open(path("rows.csv"), newline="") as file:
    us = lambda text: int(text) if text else None
    expected = [(us(r["request_timestamp"]), us(r["response_timestamp"]), r["source_ip"], int(r["source_port"]), int(r["id"]),
                 r["name"], r["query_type"], r["response_code"] or None) for r in csv.DictReader(file)]
assert len(expected) == 100_000, len(expected)

def opened(name):
    return pyarrow.ipc.open_file(path(name)) if name.endswith(".arrow") else pyarrow.ipc.open_stream(path(name))

def numbers(table):
    columns = [c.cast(pyarrow.int64()) if pyarrow.types.is_timestamp(c.type) else c for c in table.columns]
    return list(zip(*(c.to_pylist() for c in columns)))

def polars_table(name):
    return polars.read_ipc(path(name)) if name.endswith(".arrow") else polars.read_ipc_stream(path(name))

def polars_numbers(frame):
    times = [polars.col(c).to_physical() for c, t in frame.schema.items() if t == polars.Datetime]
    return frame.with_columns(times).rows()

word = pyarrow.dictionary(pyarrow.int32(), pyarrow.string())
for name in ("dpp.arrow", "dpp.arrows"):
    table = opened(name).read_all()
    table.validate(full=True)
    time = pyarrow.timestamp("us", tz="UTC")
    types = [time, time, pyarrow.string(), pyarrow.int32(), pyarrow.int32(), pyarrow.string(), word, word]
    assert table.schema.types == types, table.schema
    nullable = [field.nullable for field in table.schema]
    assert nullable == [False, True, False, False, False, False, False, True], nullable
    assert [len(c) for c in table.column("id").chunks if len(c)] == [65_536, 34_464]
    assert b"dpp.plan" in table.schema.metadata
    assert numbers(table) == expected, name
    assert polars_numbers(polars_table(name)) == expected, name
    rows = table
    found = duckdb.sql("""select epoch_us(request_timestamp), epoch_us(response_timestamp), source_ip, source_port, id,
                          name, query_type, response_code from rows""").fetchall()
    assert found == expected, name

full = wide = opened("full.arrow").read_all()
full.validate(full=True)
shared = {"query_time": 0, "response_time": 1, "src_ip": 2, "src_port": 3, "id": 4, "qname": 5}
for column, (theirs, ours) in enumerate(shared.items()):
    values = [row[ours] for row in expected]
    found = full.column(theirs)
    if ours < 2:
        found = [None if ns is None else ns // 1000 for ns in found.cast(pyarrow.int64()).to_pylist()]
    else:
        found = found.to_pylist()
    assert found == values, theirs
rows = numbers(full)
assert numbers(opened("full.arrows").read_all()) == rows
for name in ("full.arrow", "full.arrows"):
    found = polars_numbers(polars_table(name))
    found = [tuple(list(v) if isinstance(v, polars.Series) else v for v in row) for row in found]
    assert found == rows, name
selected = "epoch_ns(query_time), src_ip, dst_port, aa, qname_entropy, match, vlan, frame_query"
picked = duckdb.sql(f"select {selected} from wide").fetchall()
names = ["query_time", "src_ip", "dst_port", "aa", "qname_entropy", "match", "vlan", "frame_query"]
assert picked == numbers(full.select(names))
assert any(v is not None for v in full.column("rcode").to_pylist()) and full.column("tunnel").null_count == len(full)

assert b"dpp.totals" in opened("dpp.arrow").metadata
run = subprocess.Popen([program, "-s", "-f", "arrows", capture, "-"], stdout=subprocess.PIPE)
reader, found, last = pyarrow.ipc.open_stream(run.stdout), [], None
while True:
    try:
        batch, last = reader.read_next_batch_with_custom_metadata()
    except StopIteration:
        break
    found += numbers(pyarrow.table(batch))
assert run.wait() == 0 and found == expected and b"dpp.totals" in last

for name in ("none.arrow", "none.arrows"):
    table = opened(name).read_all()
    assert table.num_rows == 0 and len(table.schema) == 8 and len(polars_table(name)) == 0, name
print("ok")
"#;

fn python() -> PathBuf {
    if let Some(python) = std::env::var_os("DPP_PEERS_PYTHON") {
        return python.into();
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let python = root.join("target/peers/bin/python");
    assert!(python.exists(), "{} is missing: run `make peers`, which installs the readers", python.display());
    python
}

fn dpp(arguments: &[&str]) {
    let output = Command::new(env!("CARGO_BIN_EXE_dpp")).args(arguments).output().expect("dpp starts");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn pyarrow_duckdb_and_polars_read_what_the_csv_says() {
    let folder = tempfile::tempdir().expect("a place for temporary files");
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_string();
    let (capture, csv) = (path("capture.pcap"), path("rows.csv"));
    dpp(&["generate", &capture, "--transactions", "20000", "--seed", "3"]);
    dpp(&["-s", &capture, &csv]);
    let ways: [&[&str]; 4] = [&[], &["-z"], &["--v2"], &["--v2", "--zstd=9"]];
    let mut files = Vec::new();
    for (number, options) in ways.into_iter().enumerate() {
        let file = path(&format!("{number}.parquet"));
        dpp(&[&["-s", &capture, &file], options].concat());
        files.push(file);
    }
    let output =
        Command::new(python()).args(["-c", SCRIPT, &csv]).args(&files).output().expect("Python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Reads tables of other tools' schemas: types, and the queries that their users have.
const PRESETS: &str = r#"
import sys
import duckdb, pyarrow, pyarrow.parquet

probe, entrada = sys.argv[1:]
int32, int64, text, yes_no, real = pyarrow.int32(), pyarrow.int64(), pyarrow.string(), pyarrow.bool_(), pyarrow.float64()
table = pyarrow.parquet.read_table(probe)
names = """id unixtime time qname domainname len frag ttl ipv prot src srcp dst dstp udp_sum dns_len aa tc rd ra z ad cd
           ancount arcount nscount qdcount opcode rcode qtype qclass country asn edns_udp edns_version edns_do edns_ping
           edns_nsid edns_dnssec_dau edns_dnssec_dhu edns_dnssec_n3u edns_client_subnet edns_other
           edns_client_subnet_asn edns_client_subnet_country labels res_len time_micro resp_frag proc_time is_google
           is_opendns dns_res_len server_location tcp_hs_rtt""".split()
of = {int64: "unixtime time time_micro", real: "tcp_hs_rtt",
      yes_no: "aa tc rd ra z ad cd edns_do edns_ping is_google is_opendns",
      text: """qname domainname src dst country asn edns_nsid edns_dnssec_dau edns_dnssec_dhu edns_dnssec_n3u
               edns_client_subnet edns_other edns_client_subnet_asn edns_client_subnet_country server_location"""}
types = {name: kind for kind, those in of.items() for name in those.split()}
assert table.schema.names == names, table.schema
assert table.schema.types == [types.get(name, int32) for name in names], table.schema
assert [c for c in names if table[c].null_count] in ([], ["tcp_hs_rtt"]), "only one column may be NULL"

table = pyarrow.parquet.read_table(entrada)
assert len(table.schema) == 49 and table.schema.field("time").type == pyarrow.timestamp("us", tz="UTC"), table.schema
for name in "dns_id ip_ttl prot dns_rcode dns_qtype dns_proc_time dns_req_len tcp_rtt".split():
    assert table.schema.field(name).type == int32, name
dns = duckdb.read_parquet(entrada)
top = duckdb.sql("select dns_domainname, count(1) from dns group by 1 order by 2 desc limit 25").fetchall()
assert len(top) == 25, top
address = duckdb.sql("select dns_rdata[1].data from dns where dns_rdata[1].type = 'A' limit 1").fetchall()[0][0]
found = duckdb.sql(f"""select dns_qname, dns_domainname, dns_rdata from dns
    where len(list_filter(dns_rdata, lambda r: r.data = '{address}')) > 0 limit 100""").fetchall()
assert found, address
"#;

#[test]
fn tables_of_other_tools_have_their_types_and_answer_their_queries() {
    let folder = tempfile::tempdir().expect("a place for temporary files");
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_string();
    let (capture, probe, entrada) = (path("capture.pcap"), path("probe.parquet"), path("entrada.parquet"));
    dpp(&["generate", &capture, "--transactions", "2000", "--seed", "3"]);
    dpp(&["-s", &capture, &probe, "--schema", "dns-probe"]);
    dpp(&["-s", &capture, &entrada, "--schema", "entrada2"]);
    let output =
        Command::new(python()).args(["-c", PRESETS, &probe, &entrada]).output().expect("Python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Reads a file of the schema `full` with all three: each must see what the others do, and the types.
const FULL: &str = r#"
import sys
import duckdb, polars, pyarrow, pyarrow.parquet

for path in sys.argv[1:]:
    table = pyarrow.parquet.read_table(path)
    times = [field.name for field in table.schema if pyarrow.types.is_timestamp(field.type)]
    types = {field.name: str(field.type) for field in table.schema}
    assert types["query_time"] == "timestamp[ns, tz=UTC]" and types["rtt_ns"] == "int64", types
    assert types["src_port"] == "uint16" and types["labels"] == "uint8" and types["query_size"] == "uint32", types
    assert types["aa"] == "bool" and types["qname_entropy"] == "double" and types["frame_query"] == "uint64", types
    columns = [c.cast(pyarrow.int64()) if n in times else c for n, c in zip(table.column_names, table.columns)]
    ours = list(zip(*(c.to_pylist() for c in columns)))
    wanted = ", ".join(f'epoch_ns("{n}")' if n in times else f'"{n}"' for n in table.column_names)
    others = [duckdb.sql(f"select {wanted} from '{path}'").fetchall()]
    frame = polars.read_parquet(path)
    others.append(frame.with_columns([polars.col(n).to_physical() for n in times]).rows())
    assert len(ours) > 15_000, len(ours)
    for other in others:
        assert len(ours) == len(other)
        for number, (one, theirs) in enumerate(zip(ours, other)):
            assert one == tuple(theirs), (path, number, one, theirs)
    # What is known of the traffic that was made up.
    at = table.column_names.index
    assert all(row[at("dst_port")] == 53 and row[at("q_qdcount")] == 1 for row in ours)
    assert {row[at("match")] for row in ours} == {"matched", "no_response"}
    for row in ours:
        matched = row[at("match")] == "matched"
        assert (row[at("rcode")] is not None) == matched and (row[at("ra")] is not None) == matched, row
        assert not matched or row[at("response_time")] - row[at("query_time")] == row[at("rtt_ns")], row
"#;

#[test]
fn pyarrow_duckdb_and_polars_agree_on_all_columns() {
    let folder = tempfile::tempdir().expect("a place for temporary files");
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_string();
    let capture = path("capture.pcap");
    dpp(&["generate", &capture, "--transactions", "20000", "--seed", "3"]);
    let files = [path("one.parquet"), path("two.parquet")];
    dpp(&["-s", "--schema", "full", &capture, &files[0]]);
    dpp(&["-s", "--schema", "full", "--v2", "-z", &capture, &files[1]]);
    let output = Command::new(python()).args(["-c", FULL]).args(&files).output().expect("Python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn pyarrow_duckdb_and_polars_read_arrow_files_and_streams() {
    let folder = tempfile::tempdir().expect("a place for temporary files");
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_string();
    let (capture, none) = (path("capture.pcap"), path("none.pcap"));
    dpp(&["generate", &capture, "--transactions", "100000", "--seed", "3"]);
    std::fs::write(&none, EMPTY_PCAP).expect("the capture is written");
    dpp(&["-s", &capture, &path("rows.csv")]);
    for (input, schema, name) in
        [(&capture, "dpp", "dpp"), (&capture, "full", "full"), (&none, "dpp", "none")]
    {
        for extension in ["arrow", "arrows"] {
            dpp(&["-s", "--schema", schema, input, &path(&format!("{name}.{extension}"))]);
        }
    }
    let arguments = [env!("CARGO_BIN_EXE_dpp"), &capture, folder.path().to_str().expect("UTF-8")];
    let output =
        Command::new(python()).args(["-c", ARROW_SCRIPT]).args(arguments).output().expect("Python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A capture of Ethernet without packets.
const EMPTY_PCAP: &[u8] =
    &[0xD4, 0xC3, 0xB2, 0xA1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0];

/// Reads tables of figures with all three: they must be what the CSV files say, in types that can be computed with.
const FIGURES: &str = r#"
import csv, sys
import duckdb, polars, pyarrow, pyarrow.parquet

for path in sys.argv[1:]:
    table = pyarrow.parquet.read_table(path)
    types = {field.name: str(field.type) for field in table.schema}
    assert types["queries"] == "uint64" and types["one_in"] == "uint64", types
    assert types.get("minute", "timestamp[ns, tz=UTC]") == "timestamp[ns, tz=UTC]", types
    assert types.get("rtt_mean_ns", "double") == "double" and types.get("client", "string") == "string", types
    names = table.column_names
    ours = list(zip(*(c.cast(pyarrow.int64()).to_pylist() if types[n].startswith("timestamp") else c.to_pylist()
                      for n, c in zip(names, table.columns))))
    wanted = ", ".join(f'epoch_ns("{n}")' if types[n].startswith("timestamp") else f'"{n}"' for n in names)
    assert duckdb.sql(f"select {wanted} from '{path}'").fetchall() == ours, path
    frame = polars.read_parquet(path)
    times = [polars.col(n).to_physical() for n in names if types[n].startswith("timestamp")]
    assert frame.with_columns(times).rows() == ours, path
    with open(path.replace(".parquet", ".csv"), newline="") as file:
        reader = csv.reader(file)
        assert next(reader) == names, path
        lines = list(reader)
    def same(name, text, value):
        if types[name] == "string" or value is None:
            return text == ("" if value is None else value)
        if types[name].startswith("timestamp"):
            return pyarrow.scalar(text.rstrip("Z")).cast(pyarrow.timestamp("ns")).cast(pyarrow.int64()).as_py() == value
        return (float if types[name] == "double" else int)(text) == value
    assert len(lines) == len(ours) > 3, (path, len(lines))
    for line, row in zip(lines, ours):
        assert all(map(same, names, line, row)), (path, line, row)
"#;

#[test]
fn pyarrow_duckdb_and_polars_read_tables_of_figures() {
    let folder = tempfile::tempdir().expect("a place for temporary files");
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_string();
    let capture = path("capture.pcap");
    dpp(&["generate", &capture, "--transactions", "5000", "--seed", "3"]);
    let tables: [(&str, &[&str]); 3] = [
        ("one", &["--by", "minute,server,rcode"]),
        ("two", &["--table", "slow-names", "--least", "answered=1"]),
        ("three", &["--table", "retries", "--by", "client"]),
    ];
    let mut files = Vec::new();
    for (name, table) in tables {
        for extension in ["parquet", "csv"] {
            dpp(&[&["stats", &capture, "-o", &path(&format!("{name}.{extension}"))], table].concat());
        }
        files.push(path(&format!("{name}.parquet")));
    }
    let output = Command::new(python()).args(["-c", FIGURES]).args(&files).output().expect("Python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
