//! Parquet files, read by those who will read them: pyarrow, DuckDB and Polars. Each must see the rows of the CSV file.
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
