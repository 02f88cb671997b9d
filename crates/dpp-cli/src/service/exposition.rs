//! The text that Prometheus reads (text exposition format 0.0.4): families of samples, each with a sentence.
//!
//! ```text
//! # HELP dpp_rows_total Rows
//! # TYPE dpp_rows_total counter
//! dpp_rows_total 12
//! ```

use std::fmt::{Display, Write};

/// The type that the format wants of this content.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A label: name and value.
pub(crate) type Label<'a> = (&'static str, &'a str);

/// How the values of a family change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// They only grow.
    Counter,
    /// They go up and down.
    Gauge,
    /// Counts of what was up to a bound.
    Histogram,
}

/// The text as it grows.
#[derive(Debug, Default)]
pub(crate) struct Exposition(String);

impl Exposition {
    /// A family of samples, which `fill` adds.
    pub(crate) fn family(&mut self, name: &str, kind: Kind, help: &str, fill: impl FnOnce(&mut Samples)) {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let help = help.replace('\\', "\\\\").replace('\n', "\\n");
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
        fill(&mut Samples { text: &mut self.0, name });
    }

    /// A family of one sample without labels.
    pub(crate) fn single(&mut self, name: &str, kind: Kind, help: &str, value: impl Display) {
        self.family(name, kind, help, |samples| samples.add(&[], value));
    }

    /// All of it.
    pub(crate) fn into_text(self) -> String {
        self.0
    }
}

/// The samples of a family.
pub(crate) struct Samples<'a> {
    text: &'a mut String,
    name: &'a str,
}

impl Samples<'_> {
    /// Adds a sample.
    pub(crate) fn add(&mut self, labels: &[Label], value: impl Display) {
        self.add_part("", labels, value);
    }

    /// Adds one whose name is the family's and more behind it, as histograms have them.
    pub(crate) fn add_part(&mut self, part: &str, labels: &[Label], value: impl Display) {
        let _ = write!(self.text, "{}{part}", self.name);
        for (at, (label, of)) in labels.iter().enumerate() {
            let before = if at == 0 { '{' } else { ',' };
            let _ = write!(self.text, "{before}{label}=\"{}\"", escaped(of));
        }
        let end = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.text, "{end} {value}");
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_value_holds_does_not_end_it() {
        let mut text = Exposition::default();
        text.family("a_total", Kind::Counter, "one\ntwo \\", |samples| {
            samples.add(&[("of", "x\"y\\z\n"), ("kind", "k")], 1);
            samples.add(&[], 0.5);
        });
        let expected = "# HELP a_total one\\ntwo \\\\\n# TYPE a_total counter\n\
                        a_total{of=\"x\\\"y\\\\z\\n\",kind=\"k\"} 1\na_total 0.5\n";
        assert_eq!(text.into_text(), expected);
    }
}
