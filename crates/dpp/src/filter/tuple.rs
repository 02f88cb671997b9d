//! The columns that a message's tuple tells by itself, before it is matched.

use super::tree::{Leaf, Source};
use crate::table::{Column, Value};
use crate::transaction::{Lacks, Tuple};
use std::net::IpAddr;

/// A column's value of a tuple.
type Compute = fn(&Tuple) -> Value<'static>;

/// How a column is had of a tuple, and what must not be lacking for it; `None` if the tuple does not tell. The values are those
/// of the column table.
fn of_tuple(column: Column) -> Option<(Lacks, Compute)> {
    Some(match column {
        Column::SourceIp | Column::SrcIp => (Lacks::CLIENT, |tuple| Value::Address(tuple.client())),
        Column::SourcePort | Column::SrcPort => (Lacks::CLIENT_PORT, |tuple| Value::U16(tuple.client_port())),
        Column::DstIp => (Lacks::SERVER, |tuple| Value::Address(tuple.server())),
        Column::DstPort => (Lacks::SERVER_PORT, |tuple| Value::U16(tuple.server_port())),
        Column::Id => (Lacks::ID, |tuple| Value::U16(tuple.id())),
        Column::Transport => {
            (Lacks::TRANSPORT, |tuple| tuple.transport().name().map_or(Value::Null, Value::Word))
        }
        Column::IpVersion => (Lacks::CLIENT.and(Lacks::SERVER), |tuple| match tuple.client() {
            IpAddr::V4(_) => Value::U64(4),
            IpAddr::V6(_) => Value::U64(6),
        }),
        _ => return None,
    })
}

/// Whether a tuple tells what this condition asks.
pub(super) fn is_known(leaf: &Leaf) -> bool {
    of_tuple(leaf.column).is_some()
}

/// A tuple that is asked for the columns it knows.
pub(super) struct OfTuple<'r, 'a> {
    pub(super) tuple: &'r Tuple<'a>,
    /// What is not known of it.
    pub(super) lacks: Lacks,
}

impl Source for OfTuple<'_, '_> {
    #[inline]
    fn value(&mut self, column: Column) -> Value<'_> {
        match of_tuple(column) {
            Some((needed, compute)) if !self.lacks.has(needed) => compute(self.tuple),
            _ => Value::Null,
        }
    }
}
