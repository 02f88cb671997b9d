//! THE column table: what can be known of a transaction, each fact an entry with name, type and one sentence.
//!
//! A column is asked for its [`Value`] of a transaction and computes nothing else. Row-wise sinks ask all columns of a row,
//! columnar ones all rows of a column; both get the same value. Headers, the schema page and the help derive from here:
//! **to add a column, add it to the table in `columns/mod.rs`, with a function that says where its value comes from**. What
//! has to be kept of a message so that the function finds it, the entry says too ([`Needs`](crate::transaction::Needs)).
//!
//! A [`Schema`] chooses columns and names them; a [`Context`] is what columns look up that is in no packet; a [`Scratch`] is
//! room for values that do not lie ready.

mod basis;
mod columns;
mod context;
mod leak;
mod presets;
mod schema;
mod scratch;
mod turn;
mod value;

pub use basis::{BASIS_ROOM, Basis};
pub use columns::{ALIASES, CAPTURED, COLUMNS, Column, Entry, Presence, Take};
pub use context::{Context, RecordVeil};
pub use leak::LeakCheck;
pub use presets::{PRESETS, Preset};
pub use schema::{Absent, Field, Schema, Style};
pub use scratch::{Record, RecordText, Records, Scratch, Texts};
pub use turn::{Batch, TURN_ROWS, Told};
pub use value::{Kind, Value};
