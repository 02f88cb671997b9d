//! What Arrow calls our kinds.

use arrow_schema::{DataType, Field, Fields, Schema, TimeUnit};
use dpp::plan::Plan;
use dpp::table::Kind;
use std::sync::Arc;

/// The schema of the plan's columns.
pub(super) fn schema(plan: &Plan, metadata: &[(String, String)]) -> Schema {
    let field = |field: &dpp::table::Field| {
        Field::new(field.name.clone(), data_type(field.kind()), plan.is_nullable(field))
    };
    let fields: Fields = plan.schema.fields().iter().map(field).collect();
    Schema::new_with_metadata(fields, metadata.iter().cloned().collect())
}

/// Of each column, the number of its dictionary, or of the next one's: arrow-ipc counts them as it comes to them.
pub(super) fn dictionaries(schema: &Schema) -> Vec<i64> {
    let mut next = 0;
    let number = |field: &Arc<Field>| {
        let number = next;
        next += i64::from(matches!(field.data_type(), DataType::Dictionary(..)));
        number
    };
    schema.fields().iter().map(number).collect()
}

/// Times are UTC; those in seconds with a fraction are numbers, as the tools have it whose columns they are. Only words have
/// dictionaries: of names and addresses there is no end.
pub(super) fn data_type(kind: Kind) -> DataType {
    let timestamp = |unit| DataType::Timestamp(unit, Some("UTC".into()));
    match kind {
        Kind::Bool => DataType::Boolean,
        Kind::U8 => DataType::UInt8,
        Kind::U16 => DataType::UInt16,
        Kind::U32 => DataType::UInt32,
        Kind::U64 => DataType::UInt64,
        Kind::I32 => DataType::Int32,
        Kind::I64 => DataType::Int64,
        Kind::F64 | Kind::Seconds => DataType::Float64,
        Kind::TimestampMicros => timestamp(TimeUnit::Microsecond),
        Kind::TimestampNanos => timestamp(TimeUnit::Nanosecond),
        Kind::Address | Kind::Name | Kind::Text => DataType::Utf8,
        Kind::Word => DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
        Kind::Bytes => DataType::Binary,
        Kind::Numbers => list(DataType::UInt16),
        Kind::Texts => list(DataType::Utf8),
        Kind::Records => list(DataType::Struct(Fields::from(vec![
            Field::new("name", DataType::Utf8, true),
            Field::new("type", DataType::Utf8, true),
            Field::new("class", DataType::Utf8, true),
            Field::new("ttl", DataType::UInt32, true),
            Field::new("data", DataType::Utf8, true),
        ]))),
    }
}

fn list(item: DataType) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(item, true)))
}
