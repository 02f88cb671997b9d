//! The YAML of RSSAC002 files, which is a small part of YAML: keys with a value each, or with a list of keys with numbers.
//!
//! What operators publish is read and written again byte by byte: which values stand in quotes, and in which order keys stand,
//! is kept. Nothing else is YAML here.

use std::fmt;

/// What a key has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// As it stands there.
    Plain(String),
    /// In single quotes.
    Quoted(String),
    /// Keys with values, indented.
    Map(Vec<(String, String)>),
}

/// A document: its keys, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Document(pub(super) Vec<(String, Value)>);

impl Document {
    /// Reads a document.
    ///
    /// # Errors
    /// The first line that is not of this kind.
    #[cfg(test)]
    pub(super) fn parse(text: &str) -> Result<Document, String> {
        let mut document = Document::default();
        let mut lines = text.lines();
        if lines.next() != Some("---") {
            return Err("does not begin with ---".to_owned());
        }
        for line in lines {
            if let Some(inner) = line.strip_prefix("  ") {
                let (key, value) = inner.split_once(": ").ok_or_else(|| line.to_owned())?;
                match document.0.last_mut() {
                    Some((_, Value::Map(map))) => map.push((key.to_owned(), value.to_owned())),
                    _ => return Err(line.to_owned()),
                }
                continue;
            }
            let (key, value) = line.split_once(':').ok_or_else(|| line.to_owned())?;
            let value = match value.strip_prefix(' ') {
                None if value.is_empty() => Value::Map(Vec::new()),
                Some("{}") => Value::Map(Vec::new()),
                Some(value) => match value.strip_prefix('\'').and_then(|value| value.strip_suffix('\'')) {
                    Some(quoted) => Value::Quoted(quoted.to_owned()),
                    None => Value::Plain(value.to_owned()),
                },
                None => return Err(line.to_owned()),
            };
            document.0.push((key.to_owned(), value));
        }
        Ok(document)
    }

    /// Adds a value as it is.
    pub(super) fn plain(&mut self, key: &str, value: impl fmt::Display) {
        self.0.push((key.to_owned(), Value::Plain(value.to_string())));
    }

    /// Adds a value in quotes.
    pub(super) fn quoted(&mut self, key: &str, value: impl fmt::Display) {
        self.0.push((key.to_owned(), Value::Quoted(value.to_string())));
    }

    /// Adds a list of keys with numbers.
    pub(super) fn map<K: fmt::Display, V: fmt::Display>(
        &mut self,
        key: &str,
        values: impl IntoIterator<Item = (K, V)>,
    ) {
        let values = values.into_iter().map(|(key, value)| (key.to_string(), value.to_string()));
        self.0.push((key.to_owned(), Value::Map(values.collect())));
    }
}

impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("---\n")?;
        for (key, value) in &self.0 {
            match value {
                Value::Plain(value) => writeln!(f, "{key}: {value}")?,
                Value::Quoted(value) => writeln!(f, "{key}: '{value}'")?,
                Value::Map(map) if map.is_empty() => writeln!(f, "{key}: {{}}")?,
                Value::Map(map) => {
                    writeln!(f, "{key}:")?;
                    map.iter().try_for_each(|(key, value)| writeln!(f, "  {key}: {value}"))?;
                }
            }
        }
        Ok(())
    }
}
