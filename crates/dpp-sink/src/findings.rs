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
    use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
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
                Kind::Bool => write_column::<BoolType, _>(&mut group, cells().map(flag))?,
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

    fn flag(cell: &Cell) -> Option<bool> {
        match cell {
            Cell::Flag(is) => Some(*is),
            _ => None,
        }
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

#[cfg(all(test, feature = "parquet"))]
mod tests {
    use super::*;

    use dpp::findings::{Cell, Heading};
    use dpp::table::Kind;
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::Field;

    /// A name with a line end, a comma, a quote, a dot, a tab and an octet that is no text.
    const HOSTILE: &[u8] = b"\x08\n,\".\t\xFF =\x04evil\0";
    const HOSTILE_TEXT: &str = "\\012\\,\\\"\\.\\011\\377\\040\\=.evil";

    fn written_to(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(&mut bytes);
        bytes
    }

    fn table() -> Table {
        let kinds = [
            ("minute", Kind::TimestampNanos),
            ("name", Kind::Name),
            ("client", Kind::Address),
            ("client_prefix", Kind::Text),
            ("text", Kind::Text),
            ("queries", Kind::U64),
            ("signed", Kind::I64),
            ("share", Kind::F64),
            ("flag", Kind::Bool),
        ];
        let columns = kinds.map(|(name, kind)| Heading { name, kind, is_key: false }).to_vec();
        let row = vec![
            Cell::Time(1_795_271_880_000_000_000),
            Cell::Name(HOSTILE.to_vec()),
            Cell::Address([192, 0, 2, 1].into()),
            Cell::Network("2001:db8::".parse().unwrap(), 48),
            Cell::Text("a,\"b\"\n\tc\\".to_string()),
            Cell::Count(u64::MAX),
            Cell::Signed(-1),
            Cell::Fraction(0.1),
            Cell::Flag(true),
        ];
        let rows = vec![row, vec![Cell::Null; columns.len()]];
        Table { columns, rows, one_in: 1 }
    }

    #[test]
    fn whatever_names_hold_csv_has_as_many_cells() {
        let mut bytes = Vec::new();
        write_csv(&table(), &mut bytes).unwrap();
        let mut reader = csv::ReaderBuilder::new().from_reader(&bytes[..]);
        let head = "minute,name,client,client_prefix,text,queries,signed,share,flag";
        assert_eq!(reader.headers().unwrap().iter().collect::<Vec<_>>().join(","), head);
        let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        let expected = [
            "2026-11-21T14:38:00.000000000Z",
            HOSTILE_TEXT,
            "192.0.2.1",
            "2001:db8::/48",
            "a,\"b\"\n\tc\\",
            "18446744073709551615",
            "-1",
            "0.1",
            "true",
        ];
        assert_eq!(rows[0].iter().collect::<Vec<_>>(), expected);
        assert!(rows[1].iter().all(str::is_empty) && rows[1].len() == expected.len());
    }

    #[test]
    fn tsv_has_no_quotes() {
        let mut bytes = Vec::new();
        write_tsv(&table(), &mut bytes).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let line = text.lines().nth(1).unwrap().split('\t').collect::<Vec<_>>();
        assert_eq!((line.len(), line[1], line[4]), (9, HOSTILE_TEXT, "a,\"b\"\\n\\tc\\\\"));
        assert_eq!(text.lines().count(), 3);
    }

    #[test]
    fn json_lines_have_numbers_and_nulls() {
        let mut bytes = Vec::new();
        write_jsonl(&table(), &mut bytes).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let rows: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(rows[0]["queries"], u64::MAX);
        assert_eq!(rows[0]["name"], HOSTILE_TEXT);
        assert_eq!(rows[0]["text"], "a,\"b\"\n\tc\\");
        assert!(rows[1].as_object().unwrap().values().all(serde_json::Value::is_null));
    }

    #[test]
    fn parquet_has_types_and_the_same_texts() {
        let bytes = written_to(|out: &mut Vec<u8>| write_parquet(&table(), out).unwrap());
        let reader = SerializedFileReader::new(bytes::Bytes::from(bytes)).unwrap();
        let rows: Vec<Vec<Field>> = reader
            .get_row_iter(None)
            .unwrap()
            .map(|row| row.unwrap().get_column_iter().map(|(_, field)| field.clone()).collect())
            .collect();
        let text = |text: &str| Field::Str(text.to_string());
        let rest = [
            text(HOSTILE_TEXT),
            text("192.0.2.1"),
            text("2001:db8::/48"),
            text("a,\"b\"\n\tc\\"),
            Field::ULong(u64::MAX),
            Field::Long(-1),
            Field::Double(0.1),
            Field::Bool(true),
        ];
        assert_eq!(rows[0][1..], rest);
        assert_eq!(rows[1], vec![Field::Null; 9]);
    }

    #[test]
    fn a_table_without_rows_has_its_columns() {
        let none = Table { rows: Vec::new(), ..table() };
        let bytes = written_to(|out: &mut Vec<u8>| write_parquet(&none, out).unwrap());
        let reader = SerializedFileReader::new(bytes::Bytes::from(bytes)).unwrap();
        assert_eq!(reader.metadata().file_metadata().num_rows(), 0);
        assert_eq!(reader.metadata().file_metadata().schema_descr().num_columns(), 9);
        let csv = written_to(|out: &mut Vec<u8>| write_csv(&none, out).unwrap());
        assert_eq!(csv.iter().filter(|octet| **octet == b'\n').count(), 1);
    }
}
