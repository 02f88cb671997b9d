//! CSV as it is meant to be, made from the oracle's rows as plainly as can be: `format!`, `to_string`, a character at a
//! time. Knows nothing of the sink, and prints only the default schema. Called by the laws.

use crate::oracle::Row;

/// The whole file.
pub(crate) fn csv(rows: &[Row]) -> String {
    let header =
        "request_timestamp,response_timestamp,source_ip,source_port,id,name,query_type,response_code\n";
    header.to_string() + &rows.iter().map(line).collect::<String>()
}

fn line(row: &Row) -> String {
    let (address, port) = row.tuple.client();
    let fields = [
        micros(row.request_ns),
        row.answer.map_or(String::new(), |(ns, _)| micros(ns)),
        address.to_string(),
        port.to_string(),
        row.tuple.id.to_string(),
        quoted(&escaped(&row.question.name)),
        row.question.qtype.map_or("", query_type).to_string(),
        row.answer.map_or(String::new(), |(_, code)| code.to_string()),
    ];
    fields.join(",") + "\n"
}

/// Rounded down.
fn micros(ns: i64) -> String {
    ns.div_euclid(1000).to_string()
}

/// A name as master files have it, but for its numbers, which are octal.
fn escaped(name: &str) -> String {
    match name {
        "" => ".".to_string(),
        _ => name.split('.').map(escaped_label).collect::<Vec<_>>().join("."),
    }
}

fn escaped_label(label: &str) -> String {
    let mut text = String::new();
    for (place, octet) in label.bytes().enumerate() {
        let letter = char::from(octet);
        let stands_for_itself = letter.is_ascii_alphanumeric()
            || letter == '_'
            || letter == '-' && place > 0
            || letter == '*' && place == 0;
        text += &match stands_for_itself {
            true => format!("{letter}"),
            false if letter.is_ascii_graphic() => format!("\\{letter}"),
            false => format!("\\{octet:03o}"),
        };
    }
    text
}

/// A field as RFC 4180 wants it.
fn quoted(field: &str) -> String {
    match field.contains([',', '"']) {
        true => format!("\"{}\"", field.replace('"', "\"\"")),
        false => field.to_string(),
    }
}

/// The types of the scenes in words (IANA's DNS parameters).
fn query_type(code: u16) -> &'static str {
    match code {
        1 => "A",
        2 => "NS",
        12 => "PTR",
        16 => "TXT",
        28 => "AAAA",
        65 => "HTTPS",
        255 => "ANY",
        _ => "Unknown",
    }
}
