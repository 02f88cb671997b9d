//! The text that Prometheus reads (text exposition format 0.0.4).
//!
//! ```text
//! # HELP dpp_rows_total Rows
//! # TYPE dpp_rows_total counter
//! dpp_rows_total 12
//! ```

use super::families::{Families, Family, Kind, Sample, Spread, Value};
use std::fmt::{Display, Write};

/// The type that the format wants of this content.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The page.
pub(crate) fn text(families: &Families) -> String {
    let mut text = String::new();
    families.iter().for_each(|family| add_family(&mut text, family));
    text
}

fn add_family(text: &mut String, Family { name, kind, help, samples }: &Family) {
    let kind = match kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram => "histogram",
    };
    let help = help.replace('\\', "\\\\").replace('\n', "\\n");
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    for Sample { labels, value } in samples {
        match value {
            Value::Count(count) => add_line(text, name, labels, count),
            Value::Real(number) => add_line(text, name, labels, number),
            Value::Spread(spread) => add_spread(text, name, labels, spread),
        }
    }
}

/// A histogram is a line for each bound, and two more.
fn add_spread(text: &mut String, name: &str, labels: &[(&'static str, String)], spread: &Spread) {
    let Spread { bounds, up_to, count, sum } = spread;
    let bounds = bounds.iter().map(|bound| bound.to_string()).chain(["+Inf".to_owned()]);
    for (bound, up_to) in bounds.zip(up_to.iter().chain([count])) {
        add_line(text, &format!("{name}_bucket"), &[labels, &[("le", bound)]].concat(), up_to);
    }
    add_line(text, &format!("{name}_sum"), labels, sum);
    add_line(text, &format!("{name}_count"), labels, count);
}

fn add_line(text: &mut String, name: &str, labels: &[(&'static str, String)], value: impl Display) {
    let _ = write!(text, "{name}");
    for (at, (label, of)) in labels.iter().enumerate() {
        let before = if at == 0 { '{' } else { ',' };
        let _ = write!(text, "{before}{label}=\"{}\"", escaped(of));
    }
    let end = if labels.is_empty() { "" } else { "}" };
    let _ = writeln!(text, "{end} {value}");
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_value_holds_does_not_end_it() {
        let mut families = Families::default();
        families.family("a_total", Kind::Counter, "one\ntwo \\", |samples| {
            samples.add(&[("of", "x\"y\\z\n"), ("kind", "k")], 1_u64);
            samples.add(&[], 0.5);
        });
        let expected = "# HELP a_total one\\ntwo \\\\\n# TYPE a_total counter\n\
                        a_total{of=\"x\\\"y\\\\z\\n\",kind=\"k\"} 1\na_total 0.5\n";
        assert_eq!(text(&families), expected);
    }
}
