//! Schemas: which columns a table has, and what they are called there.
//!
//! A schema is a list of [`Field`]s. The project's own are made from the column table; those of other tools (presets) give
//! columns the names that tool gives them.

use super::{COLUMNS, Column, Context, Kind, Scratch, Value};
use crate::transaction::Transaction;
use std::borrow::Cow;

/// A column in a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Which.
    pub column: Column,
    /// What it is called.
    pub name: Cow<'static, str>,
    /// Of which kind its values are: the column's own, or another one that takes the same values, for tools that have, say, a
    /// wider number there.
    pub kind: Kind,
    /// What stands where there is no value.
    pub absent: Absent,
    /// Whether its texts are JSON already, which formats that are JSON take as it is.
    pub is_json: bool,
    /// What the tool that has this schema calls the type, if its files say so; else empty.
    pub type_name: &'static str,
}

/// What stands where there is no value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Absent {
    /// Nothing.
    #[default]
    Null,
    /// 0, false, or an empty text, as the tool does it that has this schema.
    Zero,
    /// A text.
    Word(&'static str),
    /// A number.
    Number(i64),
}

impl Absent {
    /// What stands there, in a field of this kind.
    pub fn value(self, kind: Kind) -> Value<'static> {
        match self {
            Absent::Null => Value::Null,
            Absent::Zero => Value::zero(kind),
            Absent::Word(text) => Value::Word(text),
            Absent::Number(number) => Value::I64(number),
        }
    }
}

impl From<Column> for Field {
    fn from(column: Column) -> Self {
        let entry = column.entry();
        Field {
            column,
            name: Cow::Borrowed(entry.name),
            kind: entry.kind,
            absent: Absent::Null,
            is_json: false,
            type_name: "",
        }
    }
}

impl Field {
    /// The kind of its values.
    #[inline]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The same under another name.
    pub fn called(self, name: &'static str) -> Field {
        Field { name: Cow::Borrowed(name), ..self }
    }

    /// Its value of a transaction.
    #[inline(always)]
    pub fn value<'a>(
        &self,
        row: &Transaction<'a>,
        context: &'a Context,
        scratch: &'a mut Scratch,
    ) -> Value<'a> {
        self.shown(self.column.value(row, context, scratch))
    }

    /// What stands there for this value of its column.
    #[inline(always)]
    pub fn shown<'a>(&self, value: Value<'a>) -> Value<'a> {
        match value {
            Value::Null if !matches!(self.absent, Absent::Null) => self.absent.value(self.kind),
            value => value,
        }
    }

    /// Whether its values are those of its column, as they are.
    #[inline]
    pub fn is_plain(&self) -> bool {
        self.absent == Absent::Null && self.kind == self.column.entry().kind
    }

    /// Hands its values of all rows to `take`.
    #[inline(always)]
    pub fn for_each_value<'a>(
        &self,
        rows: impl Iterator<Item = Transaction<'a>>,
        context: &Context,
        scratch: &mut Scratch,
        mut take: impl FnMut(Value<'_>),
    ) {
        if self.is_plain() {
            return self.column.for_each_value(rows, context, scratch, take);
        }
        let absent = self.absent.value(self.kind);
        self.column.for_each_value(rows, context, scratch, |value| match value {
            Value::Null => take(absent),
            value => take(value.in_kind(self.kind)),
        });
    }
}

/// The fields of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    /// What it is called: `dpp`, `full`, `fields` for a user's own choice, or the name of a tool.
    pub name: &'static str,
    /// How text formats write it.
    pub style: Style,
    /// Whether each message is a row: the query's, then the response's.
    pub by_message: bool,
    fields: Vec<Field>,
}

/// How text formats write a schema.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// JSON leaves out what is absent; else it is `null`.
    pub omits_absent: bool,
    /// JSON makes an object of names with a dot in them: `dns.id` is `id` in `dns`.
    pub nests: bool,
    /// TSV has Zeek's header and footer lines, and Zeek's marks for what is absent or empty.
    pub zeek_log: bool,
    /// JSON is one array with a head that names the columns, as PacketQ writes it.
    pub wraps: bool,
}

impl Schema {
    /// The default schema: the eight columns of DPP.
    pub fn dpp() -> Schema {
        let fields = COLUMNS[..8].iter().map(|entry| entry.column.into()).collect();
        Schema::new("dpp", fields)
    }

    /// All columns of the project's own schema.
    pub fn full() -> Schema {
        let own = COLUMNS.iter().filter(|entry| entry.in_full);
        let mut fields: Vec<Field> = own.map(|entry| entry.column.into()).collect();
        // The one that it shares with the default schema stands where people look for it.
        let at = fields.iter().position(|field| field.column == Column::Qname).unwrap_or(0);
        fields.insert(at, Column::Id.into());
        Schema::new("full", fields)
    }

    /// A schema of these fields.
    pub fn new(name: &'static str, fields: Vec<Field>) -> Schema {
        Schema { name, style: Style::default(), by_message: false, fields }
    }

    /// The same, written in this style by text formats.
    pub fn in_style(self, style: Style) -> Schema {
        Schema { style, ..self }
    }

    /// The same with a row for each message.
    pub fn of_messages(self) -> Schema {
        Schema { by_message: true, ..self }
    }

    /// A user's choice of columns.
    pub fn of(columns: impl IntoIterator<Item = Column>) -> Schema {
        Schema::new("fields", columns.into_iter().map(Field::from).collect())
    }

    /// Takes fields out of it: those that are not to be kept.
    pub fn retain(&mut self, keep: impl FnMut(&Field) -> bool) {
        self.fields.retain(keep);
    }

    /// Adds a column.
    pub fn push(&mut self, column: Column) {
        self.fields.push(column.into());
    }

    /// The fields, in order.
    #[inline]
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Whether a column is in it.
    pub fn contains(&self, column: Column) -> bool {
        self.fields.iter().any(|field| field.column == column)
    }
}
