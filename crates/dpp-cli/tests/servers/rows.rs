//! Rows as `dpp` writes them, and what two sources say of one transaction.

use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// What makes a transaction this one, and how it was answered: what the sender, the server and the wire must agree about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Fact {
    pub(crate) client: SocketAddr,
    pub(crate) transport: String,
    pub(crate) id: u16,
    pub(crate) name: String,
    pub(crate) qtype: u16,
    pub(crate) rcode: u16,
}

/// A row, by columns.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row(Map<String, Value>);

/// The columns that are asked for.
pub(crate) const FIELDS: &str = "src_ip,src_port,dst_ip,dst_port,transport,id,qname,qtype,rcode,match,query_time,\
     request_timestamp,response_time,rtt_ns,query_size,response_size,query_wire,response_wire,query_count,dnstap_role,dnstap_identity,\
     dnstap_version,dnstap_zone,dnstap_type,dnstap_socket_protocol";

impl Row {
    /// The rows in this text: whole lines only, for the last may be half written.
    pub(crate) fn read(text: &str) -> Vec<Row> {
        let whole = &text[..text.rfind('\n').map_or(0, |end| end + 1)];
        whole.lines().map(|line| Row(serde_json::from_str(line).expect("a row is an object"))).collect()
    }

    pub(crate) fn get(&self, column: &str) -> &Value {
        self.0.get(column).unwrap_or(&Value::Null)
    }

    pub(crate) fn text(&self, column: &str) -> &str {
        self.get(column).as_str().unwrap_or_default()
    }

    pub(crate) fn number(&self, column: &str) -> Option<u64> {
        self.get(column).as_u64()
    }

    /// When the query was read, us since 1970.
    pub(crate) fn asked_us(&self) -> i64 {
        self.get("request_timestamp").as_i64().expect("each query has a time")
    }

    /// `None` if it has no answer.
    pub(crate) fn fact(&self) -> Option<Fact> {
        let number = |column: &str| self.number(column).and_then(|number| u16::try_from(number).ok());
        Some(Fact {
            client: SocketAddr::new(self.text("src_ip").parse().ok()?, number("src_port")?),
            transport: self.text("transport").to_owned(),
            id: number("id")?,
            name: self.text("qname").to_owned(),
            qtype: number("qtype")?,
            rcode: number("rcode")?,
        })
    }

    /// What these columns say.
    pub(crate) fn say<'a>(&self, columns: &'a [&'a str]) -> BTreeMap<&'a str, &Value> {
        columns.iter().map(|column| (*column, self.get(column))).collect()
    }
}

/// The facts of rows that are all answered, in order.
#[track_caller]
pub(crate) fn facts(rows: &[Row]) -> Vec<Fact> {
    let fact = |row: &Row| row.fact().unwrap_or_else(|| panic!("no answer in {row:?}"));
    let mut facts: Vec<Fact> = rows.iter().map(fact).collect();
    facts.sort();
    facts
}
