//! Tables of figures ([`dpp::findings`]) as files: CSV, TSV, JSON lines, Parquet.
//!
//! They are small and whole, and nothing about them is in a hurry. Text is printed by what prints the rows of transactions, so
//! that a name or a time looks the same in both; Parquet is the parquet crate's alone.

use crate::csv::{Cells, Comma, Separator, Tab};
use crate::jsonl::{Values, key};
use dpp::findings::Table;
use std::io::{self, Write};

/// Writes CSV.
///
/// # Errors
/// The writer's.
pub fn write_csv(table: &Table, out: impl Write) -> io::Result<()> {
    write_delimited::<Comma>(table, out)
}

/// Writes TSV.
///
/// # Errors
/// The writer's.
pub fn write_tsv(table: &Table, out: impl Write) -> io::Result<()> {
    write_delimited::<Tab>(table, out)
}

fn write_delimited<S: Separator>(table: &Table, mut out: impl Write) -> io::Result<()> {
    let names: Vec<&[u8]> = table.columns.iter().map(|column| column.name.as_bytes()).collect();
    out.write_all(&[&names.join(&S::OCTET)[..], b"\n"].concat())?;
    let (mut cells, mut line, mut room) = (Cells::default(), Vec::new(), String::new());
    for row in &table.rows {
        line.clear();
        for cell in row {
            cells.push::<S>(cell.value(&mut room), &mut line);
            line.push(S::OCTET);
        }
        line.pop();
        line.push(b'\n');
        out.write_all(&line)?;
    }
    Ok(())
}

/// Writes JSON lines.
///
/// # Errors
/// The writer's.
pub fn write_jsonl(table: &Table, mut out: impl Write) -> io::Result<()> {
    let keys: Vec<Vec<u8>> = table.columns.iter().map(|column| key(column.name, "")).collect();
    let (mut values, mut line, mut room) = (Values::default(), Vec::new(), String::new());
    for row in &table.rows {
        line.clear();
        line.push(b'{');
        for (key, cell) in keys.iter().zip(row) {
            line.extend_from_slice(key);
            values.push(cell.value(&mut room), &mut line);
            line.push(b',');
        }
        line.pop();
        line.extend_from_slice(b"}\n");
        out.write_all(&line)?;
    }
    Ok(())
}

#[cfg(feature = "parquet")]
pub use in_parquet::write_parquet;

#[cfg(feature = "parquet")]
mod in_parquet {
    use super::Table;
    use crate::csv::{Cells, Tab};
    use crate::parquet::{Error, primitive};
    use dpp::findings::{Cell, Heading};
    use dpp::table::Kind;
    use parquet::basic::{Compression, Repetition};
    use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
    use parquet::errors::Result;
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
    use parquet::schema::types::Type;
    use std::io::Write;
    use std::sync::Arc;

    /// Writes Parquet: one row group. Every column may have rows without a value.
    ///
    /// # Errors
    /// The writer's.
    pub fn write_parquet(table: &Table, out: impl Write + Send) -> std::result::Result<(), Error> {
        Ok(write(table, out)?)
    }

    fn write(table: &Table, out: impl Write + Send) -> Result<()> {
        let field =
            |column: &Heading| primitive(column.name, column.kind, Repetition::OPTIONAL).map(Arc::new);
        let fields: Result<_> = table.columns.iter().map(field).collect();
        let schema = Type::group_type_builder("schema").with_fields(fields?).build()?;
        let created_by = format!("dpp {}", env!("CARGO_PKG_VERSION"));
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by(created_by)
            .build();
        let mut file = SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties))?;
        let mut group = file.next_row_group()?;
        for (place, column) in table.columns.iter().enumerate() {
            let cells = || table.rows.iter().map(|row| &row[place]);
            match column.kind {
                Kind::F64 => write_column::<DoubleType, _>(&mut group, cells().map(fraction))?,
                Kind::U64 | Kind::I64 | Kind::TimestampNanos => {
                    write_column::<Int64Type, _>(&mut group, cells().map(number))?;
                }
                _ => {
                    let mut printer = Cells::default();
                    let texts = cells().map(|cell| text(cell, &mut printer));
                    write_column::<ByteArrayType, _>(&mut group, texts)?;
                }
            }
        }
        group.close()?;
        file.close()?;
        Ok(())
    }

    fn write_column<T: DataType, W: Write + Send>(
        group: &mut SerializedRowGroupWriter<'_, W>,
        values: impl Iterator<Item = Option<T::T>>,
    ) -> Result<()> {
        let (mut present, mut levels) = (Vec::new(), Vec::new());
        for value in values {
            levels.push(value.is_some().into());
            present.extend(value);
        }
        let mut column = group.next_column()?.expect("there are as many as the schema has");
        column.typed::<T>().write_batch(&present, Some(&levels), None)?;
        column.close()
    }

    fn fraction(cell: &Cell) -> Option<f64> {
        match cell {
            Cell::Fraction(number) => Some(*number),
            _ => None,
        }
    }

    fn number(cell: &Cell) -> Option<i64> {
        match cell {
            // Unsigned numbers have their bits.
            Cell::Count(number) => Some(*number as i64),
            Cell::Signed(number) | Cell::Time(number) => Some(*number),
            _ => None,
        }
    }

    /// A text as it is; what must be printed as text is, and that has no tabs and line ends in it.
    fn text(cell: &Cell, printer: &mut Cells) -> Option<ByteArray> {
        let mut out = Vec::new();
        match cell {
            Cell::Null => return None,
            Cell::Text(text) => out.extend_from_slice(text.as_bytes()),
            cell => printer.push::<Tab>(cell.value(&mut String::new()), &mut out),
        }
        Some(out.into())
    }
}
