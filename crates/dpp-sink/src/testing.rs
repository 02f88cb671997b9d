//! Values that columns make in a scratch, for tests of how they are printed.

use dpp::table::{RecordText, Scratch};

/// A list of texts.
pub(crate) fn list(texts: &[&str]) -> Scratch {
    let mut scratch = Scratch::default();
    for text in texts {
        scratch.bytes.extend_from_slice(text.as_bytes());
        scratch.end_text();
    }
    scratch
}

/// A list of records: name, type, class, TTL, data.
pub(crate) fn records(of: &[(&str, &str, &str, Option<u32>, &str)]) -> Scratch {
    let mut scratch = Scratch::default();
    for &(name, rtype, class, ttl, data) in of {
        let start = scratch.bytes.len() as u32;
        let [name_end, rtype_end, class_end, end] = [name, rtype, class, data].map(|text| {
            scratch.bytes.extend_from_slice(text.as_bytes());
            scratch.bytes.len() as u32
        });
        scratch.records.push(RecordText { start, name_end, rtype_end, class_end, end, ttl });
    }
    scratch
}
